/* longtake/run.h -- a whole job.
 *
 * in    settings
 * out   a job directory with one result per video, and how it ended
 * owns  everything it makes, until it returns
 *
 * Called once by each rank's main thread, which makes all MPI calls. Signals must have been blocked by
 * lt_stop_block() before any other library was touched. */
#ifndef LONGTAKE_RUN_H
#define LONGTAKE_RUN_H

#include <longtake/log.h>
#include <longtake/settings.h>
#include <longtake/status.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* [collective] Runs or resumes a job. Returns the exit code that all ranks agreed on (docs/failures.md); what went
 * wrong has been logged. *at_once: this rank lost the others while its threads still work; the process must end by
 * _exit, since what is committed is the recovery and a tidy end would wait for the dead. */
int lt_run(const lt_settings *settings, lt_log *log, bool *at_once);

#ifdef __cplusplus
}
#endif
#endif
