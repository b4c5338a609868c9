/* longtake/job_status.h -- how far a job is, from its directory alone.
 *
 * in    a job directory
 * out   per video: segments done; the shards that still have work
 * owns  what it returns, until lt_job_status_free of longtake/result.h
 *
 * Works while the job runs, on any machine that sees the directory. */
#ifndef LONGTAKE_JOB_STATUS_H
#define LONGTAKE_JOB_STATUS_H

#include <longtake/result.h>
#include <longtake/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* *n_shards: into how many shards the job is cut. */
LT_NODISCARD lt_status lt_job_status_read(const lt_job *job, lt_job_status *out, int *n_shards);

/* The list of shards as sbatch --array takes it: "0,3-5". `text` [size] is returned; "" for none. */
char *lt_shard_list_text(const int *shards, int n, char *text, int size);

#ifdef __cplusplus
}
#endif
#endif
