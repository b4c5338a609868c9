/* longtake/merge.h -- a job brought to its end from what is on disk.
 *
 * in    a job directory
 * out   results
 * owns  nothing afterwards
 *
 * Needs no weights and no inputs: what of a task of two steps (depth) is there as raw segments is finished first. */
#ifndef LONGTAKE_MERGE_H
#define LONGTAKE_MERGE_H

#include <longtake/log.h>
#include <longtake/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Finishes what can be finished of video `id`, then lt_merge. `compression` is the level of deflate. */
LT_NODISCARD lt_status lt_job_merge(const lt_job *job, const char *id, const lt_merge_opts *opts, int compression, lt_log *log);

#ifdef __cplusplus
}
#endif
#endif
