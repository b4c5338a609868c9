/* longtake/budget.h -- what this rank may use.
 *
 * in    the machine, its cgroup, and the limits the user gave
 * out   bytes: for the device's arena, and for the host side of the rank
 * owns  nothing
 *
 * A CPU rank's device is its share of the host's memory, so both limits are taken from one pool there. */
#ifndef LONGTAKE_BUDGET_H
#define LONGTAKE_BUDGET_H

#include <longtake/status.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Memory of this machine as this process may use it: the smallest of /proc/meminfo and its cgroup (v1 or v2). */
typedef struct {
    int64_t total, available;    /* bytes */
    int64_t cgroup_limit;        /* -1: none */
} lt_host_memory;

LT_NODISCARD lt_status lt_host_memory_read(lt_host_memory *out);

typedef struct {
    int64_t memory_limit;        /* --memory-limit, 0: none given */
    double  memory_fraction;     /* --memory-fraction, 0: none given */
    int64_t host_memory_limit;   /* --host-memory-limit, 0: none given */
    int     ranks_here;          /* ranks that share this machine */
} lt_budget_opts;

typedef struct {
    int64_t device, host;        /* bytes this rank may plan for each */
    int64_t pool;                /* and for both together, where they are one memory */
} lt_budget;

/* The limits of a CPU rank: device = min(limit, fraction x total / ranks, available / ranks - reserve). */
LT_NODISCARD lt_status lt_budget_cpu(const lt_budget_opts *opts, lt_budget *out);

/* "5.6 GiB": bytes in words, written to `buffer` [size], which is returned. */
char *lt_bytes_text(int64_t n_bytes, char *buffer, int size);

#ifdef __cplusplus
}
#endif
#endif
