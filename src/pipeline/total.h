/* pipeline/total.h -- what a rank holds that does all videos of a job, one after the other. Private to src/pipeline.
 *
 * in    the needs of the videos, each in its own setting
 * out   one arena for all of them: its size, and where its parts lie
 * owns  nothing
 *
 * The arena is made once, so each part is as large as the video that needs most of it asks for: these may be different videos. */
#ifndef LT_PIPELINE_TOTAL_H
#define LT_PIPELINE_TOTAL_H

#include <longtake/budget.h>
#include <longtake/ladder.h>

typedef struct {
    int64_t plan, staging, reader;   /* the most of each; they lie in this order */
    int64_t decoder;                 /* beside the arena */
    int64_t host;
    int64_t staging_at, reader_at;   /* in the arena */
    int64_t arena;
} lt_total;

/* Begins with all zero; one call a video. */
void lt_total_add(lt_total *t, const lt_need *need);

/* LT_E_MEMORY, one sentence, where videos that fit one by one do not together. */
LT_NODISCARD lt_status lt_total_check(const lt_total *t, const lt_budget *budget);

#endif
