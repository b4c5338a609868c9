/* pipeline/summary_private.h -- a summary from inside, for summary.c and summary_files.c. */
#ifndef LT_PIPELINE_SUMMARY_PRIVATE_H
#define LT_PIPELINE_SUMMARY_PRIVATE_H

#include "monitor.h"
#include "state.h"
#include "summary.h"

#include <longtake/progress.h>

enum { LT_MOST_FAILURES = 64 };

typedef struct {
    lt_rank_state state;             /* as it told it last */
    int64_t       pieces;            /* committed by this rank in this run */
} lt_summary_rank;

typedef struct {
    int64_t pieces_left;             /* of this shard */
    int64_t failed;                  /* pieces of this shard with unreadable frames */
    int64_t bad_frames;              /* without a value, of this run */
    bool    failed_before;           /* some more of an earlier one */
    bool    merged, lost;
    char    why[LT_WHY];
} lt_summary_video;

typedef struct {
    int64_t  video;
    lt_range frames;                 /* -1: the whole video */
    char     why[LT_WHY];
} lt_summary_failure;

struct lt_summary {
    const lt_setup     *s;
    lt_summary_rank    *ranks;
    lt_summary_video   *videos;
    lt_summary_failure *failures;    /* [n_failures], room [LT_MOST_FAILURES] */
    int                 n_failures;
    int64_t             n_failures_more;
    int                 n_ranks;
    int64_t             frames_total, frames_before;     /* of this shard; done by earlier runs */
    int64_t             pieces_total, pieces_before, pieces_now;
    bool                failed_before;       /* frames of earlier runs have no value */
    int64_t             raw;                 /* pieces whose raw maps are there and that are not finished */
    double              started, waited;     /* waited: sum over pieces of the time from raw to their turn */
    double              refreshed;           /* when metrics.prom was written; 0: not yet */
    char                carrier[320];
    lt_monitor         *monitor;
    lt_progress        *progress;
    lt_progress_rank   *shown;               /* [n_ranks] */
};

/* Frames made in this run. */
int64_t lt_summary_frames(const lt_summary *s);

/* Halo records by the way they came, and seconds waited for them. */
void lt_summary_halos(const lt_summary *s, int64_t *own, int64_t *rank, int64_t *file, double *seconds);

/* Writes metrics.prom where it is time to. That it cannot be written is told at the end of the job, not here. */
void lt_summary_refresh(lt_summary *s, double now);

#endif
