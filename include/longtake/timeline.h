/* longtake/timeline.h -- who did what when, for chrome://tracing and Perfetto.
 *
 * in    spans, from any thread, on the clock of longtake/clock.h
 * out   a file in Chrome's trace event format (JSON array form, which may lack its end: a killed run's file can be read too)
 * owns  the file
 *
 * A NULL timeline takes every call and does nothing. */
#ifndef LONGTAKE_TIMELINE_H
#define LONGTAKE_TIMELINE_H

#include <longtake/status.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lt_timeline lt_timeline;

/* `rank` is the process of the trace; of several ranks each has a file of its own. LT_E_STORE where it cannot be written. */
LT_NODISCARD lt_status lt_timeline_open(const char *path, int rank, lt_timeline **out);

/* `track` is the line it is drawn in, up to 32 of them, told apart by their text; `detail` may be NULL. begin: lt_seconds(). A failure to write is
 * kept for lt_timeline_close. */
void lt_timeline_span(lt_timeline *t, const char *track, const char *name, const char *detail, double begin, double seconds);

/* A number that is drawn as a curve. */
void lt_timeline_value(lt_timeline *t, const char *name, double at, double value);

/* *t is NULL afterwards; NULL is accepted. LT_E_STORE where the file is not whole. */
LT_NODISCARD lt_status lt_timeline_close(lt_timeline **t);

#ifdef __cplusplus
}
#endif
#endif
