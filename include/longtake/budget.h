/* longtake/budget.h -- what this rank may use.
 *
 * in    the machine, its cgroup, and the limits the user gave
 * out   bytes: for the device's arena, and for the host side of the rank
 * owns  nothing
 *
 * A CPU rank's device is its share of the host's memory, so both limits are taken from one pool there. A GPU has memory of its own, of which its driver
 * and CUDA's libraries take a part that nobody can ask for beforehand. */
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

/* What lt_budget_gpu asks of a GPU. */
typedef struct {
    int64_t total, free;         /* bytes of the GPU: lt_device_memory_read, when every rank on it has opened it and none has allocated (a barrier) */
    int     ranks;               /* that share it: those with the same facts.uuid, this one included */
    int64_t overhead;            /* *theirs*: what driver and libraries take of it for this rank in all, a bound */
    int64_t taken;               /* the part of it that was taken when `free` was read: the driver's figure for this process; 0: not known */
} lt_budget_device;

/* The limits of a rank on a GPU: device = min(limit, fraction x total / ranks) - overhead, and no more than (free - reserve) / ranks - (overhead - taken).
 * So --memory-limit bounds all that the rank takes on the GPU, and out->device is what is ours: the one allocation. host: as a CPU rank's. pool: both
 * together, since the two memories are apart. LT_E_MEMORY where driver and libraries leave nothing, naming the limit that binds. */
LT_NODISCARD lt_status lt_budget_gpu(const lt_budget_opts *opts, const lt_budget_device *gpu, lt_budget *out);

/* *theirs* where nobody has measured it: context, loaded modules, cuBLASLt, cuDNN and recordings, as a bound by experience for an architecture (75 for
 * sm_75). A plan that uses it says *estimated*. Measured it is, on an idle GPU, the driver's figure for the process after a warm-up that launched every
 * kernel, uploaded every recording and connected every peer, less what is ours. NCCL's peers are not in the estimate: LT_OVERHEAD_PEER for each. */
int64_t lt_device_overhead(int sm);
enum { LT_OVERHEAD_PEER = 32 << 20 };

/* "5.6 GiB": bytes in words, written to `buffer` [size], which is returned. */
char *lt_bytes_text(int64_t n_bytes, char *buffer, int size);

#ifdef __cplusplus
}
#endif
#endif
