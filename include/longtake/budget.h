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

#include <longtake/device.h>
#include <longtake/status.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What bounds a budget. */
typedef enum {
    LT_LIMIT_FREE,               /* what is free of the memory, host's or GPU's */
    LT_LIMIT_OPTION,             /* --memory-limit */
    LT_LIMIT_HOST_OPTION,        /* --host-memory-limit */
    LT_LIMIT_FRACTION,           /* --memory-fraction, or its default */
    LT_LIMIT_CGROUP,
    LT_LIMIT_SLURM_NODE, LT_LIMIT_SLURM_CPU, LT_LIMIT_SLURM_GPU,
    LT_LIMIT_ADDRESSES,          /* RLIMIT_AS */
    LT_LIMIT_DATA                /* RLIMIT_DATA */
} lt_limit;

/* "SLURM_MEM_PER_NODE", "RLIMIT_AS, ulimit -v", ...: as a sentence names it. */
const char *lt_limit_text(lt_limit limit);

/* Memory of this machine as this process may use it: the smallest of /proc/meminfo, the control groups that hold it (v1 or v2, and those above), and
 * what Slurm gives the job on this node. All ranks here share it. */
typedef struct {
    int64_t  total, available;   /* bytes */
    int64_t  cgroup_limit;       /* the least of them; -1: none */
    int64_t  slurm_limit;        /* SLURM_MEM_PER_NODE, or _CPU x SLURM_CPUS_ON_NODE, or _GPU x SLURM_GPUS_ON_NODE; -1: none is set */
    int64_t  process;            /* what RLIMIT_AS and RLIMIT_DATA leave to this process alone; -1: neither is set */
    lt_limit binds, process_binds;       /* what `available` and `process` come from */
} lt_host_memory;

LT_NODISCARD lt_status lt_host_memory_read(lt_host_memory *out);

/* Whether a rank can work under the limits of this process. LT_E_DEVICE on a GPU where RLIMIT_AS is set: CUDA reserves addresses for all memory of all
 * GPUs and of the host, far beyond what it uses. */
LT_NODISCARD lt_status lt_host_limits_check(bool gpu);

/* Anonymous and shared memory of this process that is in RAM, in bytes; pages of files are not in it, for the kernel takes them back at will. -1: not known. */
int64_t lt_host_used(void);

typedef struct {
    int64_t memory_limit;        /* --memory-limit, 0: none given */
    double  memory_fraction;     /* --memory-fraction, 0: none given */
    int64_t host_memory_limit;   /* --host-memory-limit, 0: none given */
    int     ranks_here;          /* ranks that share this machine */
} lt_budget_opts;

typedef struct {
    int64_t device, host;        /* bytes this rank may plan for each */
    int64_t pool;                /* and for both together, where they are one memory */
    lt_limit device_binds, host_binds, pool_binds;
} lt_budget;

/* The limits of a CPU rank: pool = min(available / ranks, what rlimits leave to the process) - reserve, device = min(limit, fraction x total / ranks, pool),
 * host = min(limit, pool). Stacks of threads are mapped, and so count against rlimits, before they are used: the reserve there has room for them. */
LT_NODISCARD lt_status lt_budget_cpu(const lt_budget_opts *opts, lt_budget *out);

/* The limits of a rank on a GPU with `total` bytes of which `free_now` are free, one of n_ranks on it (those with the same facts.uuid): device =
 * min(limit, fraction x total / n_ranks, (free_now - reserve) / n_ranks) - overhead. So --memory-limit bounds all that the rank takes on the GPU, and
 * out->device is what is ours: the one allocation. free_now is read before any rank on the GPU allocates; where that is after their contexts were made,
 * the context is counted twice, to the safe side, when free memory is what binds. host: as a CPU rank's. pool: both together, for the two memories are
 * apart. LT_E_MEMORY where driver and libraries leave nothing, naming the limit that binds. */
LT_NODISCARD lt_status lt_budget_gpu(const lt_budget_opts *opts, int64_t total, int64_t free_now, int n_ranks, int64_t overhead, lt_budget *out);

/* Each limit becomes the lower of the two, with what binds there. */
void lt_budget_least(lt_budget *least, const lt_budget *other);

/* *theirs* where nobody has measured it: context, loaded modules, cuBLASLt, cuDNN and recordings, as a bound by experience for a kind of GPU; 0 for the
 * CPU. A plan that uses it says *estimated*. Measured it is, on an idle GPU, the driver's figure for the process after a warm-up that launched every
 * kernel, uploaded every recording and connected every peer, less what is ours. NCCL's peers are not in the estimate: LT_OVERHEAD_PEER for each. */
int64_t lt_device_overhead(const lt_device_facts *facts);
enum { LT_OVERHEAD_PEER = 32 << 20 };

/* "5.6 GiB": bytes in words, written to `buffer` [size], which is returned. */
char *lt_bytes_text(int64_t n_bytes, char *buffer, int size);

#ifdef __cplusplus
}
#endif
#endif
