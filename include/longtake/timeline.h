/* longtake/timeline.h -- who did what when, for chrome://tracing and Perfetto.
 *
 * in    spans, from any thread, on the clock of longtake/clock.h
 * out   a file in Chrome's trace event format (JSON array form, which may lack its end: a killed run's file can be read too)
 * owns  the file
 *
 * Without a file it only sums up. A NULL timeline takes every call and does nothing. */
#ifndef LONGTAKE_TIMELINE_H
#define LONGTAKE_TIMELINE_H

#include <longtake/status.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lt_timeline lt_timeline;

/* `rank` is the process of the trace; of several ranks each has a file of its own. path NULL: no file. LT_E_STORE where it cannot be written. */
LT_NODISCARD lt_status lt_timeline_open(const char *path, int rank, lt_timeline **out);

/* `track` is the line it is drawn in, up to 32 of them, told apart by their text; `detail` may be NULL. begin: lt_seconds(). A failure to write is
 * kept for lt_timeline_close. */
void lt_timeline_span(lt_timeline *t, const char *track, const char *name, const char *detail, double begin, double seconds);

/* Whether there is a file: what costs time to find out is worth it then only. */
bool lt_timeline_writes(const lt_timeline *t);

/* Sums up the seconds of all spans of this track and name from now on; both are borrowed. Returns a number for lt_timeline_seconds, -1 where there is
 * no room for one more. */
enum { LT_TIMELINE_SUMS = 16 };
int    lt_timeline_watch(lt_timeline *t, const char *track, const char *name);
double lt_timeline_seconds(lt_timeline *t, int watch);          /* 0 for -1 */

/* A number that is drawn as a curve. */
void lt_timeline_value(lt_timeline *t, const char *name, double at, double value);

/* *t is NULL afterwards; NULL is accepted. LT_E_STORE where the file is not whole. */
LT_NODISCARD lt_status lt_timeline_close(lt_timeline **t);

#ifdef __cplusplus
}
#endif
#endif
