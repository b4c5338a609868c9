/* pipeline/plan_of.h -- the plan of a job that is set up, in the words of `longtake plan`. Private to src/pipeline.
 *
 * in    a setup, a video of it and what its header says
 * out   a text
 * owns  nothing */
#ifndef LT_PIPELINE_PLAN_OF_H
#define LT_PIPELINE_PLAN_OF_H

#include "job.h"

/* Limits, the ladder that was walked, the arena by its uses, host bytes: what one video is done under. It names the size of frames and not the video,
 * so that videos of one size share it. Every rank says the same. The caller frees *text. */
LT_NODISCARD lt_status lt_plan_of_video(const lt_setup *s, int64_t video, const lt_media_info *info, char **text);

/* The same of all sizes of frame in this shard's videos, of 8 at most; opens a video of each. NULL where none can be done. */
LT_NODISCARD lt_status lt_plan_of_job(const lt_setup *s, char **text);

#endif
