/* pipeline/monitor.h -- the memory of all ranks over time. Lives on rank 0. Private to src/pipeline.
 *
 * in    what each rank tells of its memory
 * out   lines and warnings in the log; samples and peaks for the report
 * owns  its tables, all of a size that is known at the beginning
 *
 * One thread makes all calls. */
#ifndef LT_PIPELINE_MONITOR_H
#define LT_PIPELINE_MONITOR_H

#include "samples.h"
#include "state.h"

#include <longtake/log.h>

typedef struct lt_monitor lt_monitor;

typedef struct {
    int         n_ranks;
    double      started;             /* of the run, lt_seconds() */
    double      period;              /* seconds between lines about memory; 0: none */
    const char *device;              /* the kind of the ranks' devices; borrowed */
    bool        one_memory;          /* the arena lies in host memory */
    lt_log     *log;
} lt_monitor_opts;

LT_NODISCARD lt_status lt_monitor_create(const lt_monitor_opts *opts, lt_monitor **out);

/* What a rank has at time `now`. Warns, once for each host, where a rank comes to 90 % of the host limit that is nearest to it, and where it holds 5 % more
 * than was planned (on a GPU a line, no warning: what its driver and libraries take of the host is not in the plan). */
void lt_monitor_take(lt_monitor *m, int rank, const lt_rank_state *state, double now);

/* A line for each rank's device and one for each host, when they are due and every rank was heard. */
void lt_monitor_speak(lt_monitor *m, double now);

/* One line at the end: planned against observed. */
void lt_monitor_sum_up(lt_monitor *m);

/* Of one rank. The list is borrowed until the next lt_monitor_take. */
const lt_report_sample *lt_monitor_samples(lt_monitor *m, int rank, int *n);
int64_t lt_monitor_host_most(const lt_monitor *m, int rank);

/* *m is NULL afterwards; NULL is accepted. */
void lt_monitor_destroy(lt_monitor **m);

#endif
