/* pipeline/summary.h -- what rank 0 knows of the whole job, shown and written.
 *
 * in    events of all ranks
 * out   progress while it runs, report.html and metrics.prom, the last lines on the screen
 * owns  its counters; borrows the set-up */
#ifndef LT_PIPELINE_SUMMARY_H
#define LT_PIPELINE_SUMMARY_H

#include "job.h"

typedef struct lt_summary lt_summary;

LT_NODISCARD lt_status lt_summary_create(const lt_setup *setup, lt_summary **out);

/* Piece `piece` was committed by `rank` in this lt_segment_state. */
void lt_summary_committed(lt_summary *s, int rank, int64_t piece, int state);

/* The raw maps of one more piece are there. */
void lt_summary_raw(lt_summary *s);

/* It cannot be made. */
void lt_summary_lost(lt_summary *s, int64_t piece, const char *why);

/* These frames of it have no value: one sentence. `more` further ones of the piece are not told one by one. */
void lt_summary_bad(lt_summary *s, int64_t piece, lt_range frames, int64_t more, const char *why);

/* The merge of a video ended; LT_E_ABSENT: other shards are at it. */
void lt_summary_merged(lt_summary *s, int64_t video, lt_status st, const char *why);

/* A finished piece waited so long for the one before, from when its raw maps were there. */
void lt_summary_waited(lt_summary *s, double seconds);

/* How halo records travel between ranks, in words (lt_carrier_reason); copied. */
void lt_summary_carrier(lt_summary *s, const char *reason);

/* A rank's state (state.h). */
void lt_summary_state(lt_summary *s, const lt_message *m);

/* Draws the progress at time t, seconds of a steady clock; says what is due about memory, and writes metrics.prom anew now and then. */
void lt_summary_draw(lt_summary *s, double t);

/* report.html and metrics.prom in the job directory. */
LT_NODISCARD lt_status lt_summary_write(lt_summary *s, int code);

/* The last lines: results, and one line of what was done. */
void lt_summary_say(lt_summary *s, int code, const char *stop_reason);

/* *s is NULL afterwards; NULL is accepted. */
void lt_summary_destroy(lt_summary **s);

#endif
