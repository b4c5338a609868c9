#include "host.h"

#include <longtake/pool.h>

#include <stdio.h>

/* Left to the rest of the machine when nobody says how much to take. */
static const double default_fraction = 0.9;
static const int64_t reserve = (int64_t)256 << 20;

/* What mappings take beside the plan: code and tables of libraries that are opened late, and the stacks of threads that compute, decode and compress.
 * An arena of malloc that finds no addresses is done without. */
static int64_t mapped_reserve(void)
{
    const int64_t stack = (int64_t)8 << 20;
    return reserve + stack * (3 * lt_cpus_allowed() + 8);
}

static int64_t beside(int64_t all, int64_t kept)
{
    return all > kept ? all - kept : all / 2;
}

void lt_budget_from(const lt_budget_opts *o, const lt_host_memory *m, lt_budget *out)
{
    const int ranks = o->ranks_here < 1 ? 1 : o->ranks_here;
    const double fraction = o->memory_fraction > 0 ? o->memory_fraction : default_fraction;
    const int64_t part = (int64_t)(fraction * (double)m->total / ranks);
    int64_t share = beside(m->available / ranks, reserve);
    lt_limit binds = m->binds;
    if (m->process >= 0) {
        const int64_t own = m->process > mapped_reserve() ? m->process - mapped_reserve() : 0;
        if (own < share) share = own, binds = m->process_binds;
    }
    *out = (lt_budget){ share, share, share, binds, binds, binds };
    if (part < out->device) out->device = part, out->device_binds = LT_LIMIT_FRACTION;
    if (o->memory_limit > 0 && o->memory_limit < out->device) out->device = o->memory_limit, out->device_binds = LT_LIMIT_OPTION;
    if (o->host_memory_limit > 0 && o->host_memory_limit < out->host) out->host = o->host_memory_limit, out->host_binds = LT_LIMIT_HOST_OPTION;
}

lt_status lt_budget_cpu(const lt_budget_opts *o, lt_budget *out)
{
    lt_status st = LT_OK;
    lt_host_memory m;
    *out = (lt_budget){ .device = 0 };
    LT_TRY(lt_host_memory_read(&m));
    lt_budget_from(o, &m, out);
done:
    return st;
}

const char *lt_limit_text(lt_limit limit)
{
    static const char *const names[] = {
        [LT_LIMIT_FREE] = "what is free there", [LT_LIMIT_OPTION] = "--memory-limit", [LT_LIMIT_HOST_OPTION] = "--host-memory-limit",
        [LT_LIMIT_FRACTION] = "--memory-fraction", [LT_LIMIT_CGROUP] = "the limit of the control group, that is of the container or job",
        [LT_LIMIT_SLURM_NODE] = "SLURM_MEM_PER_NODE", [LT_LIMIT_SLURM_CPU] = "SLURM_MEM_PER_CPU", [LT_LIMIT_SLURM_GPU] = "SLURM_MEM_PER_GPU",
        [LT_LIMIT_ADDRESSES] = "RLIMIT_AS, ulimit -v", [LT_LIMIT_DATA] = "RLIMIT_DATA, ulimit -d",
    };
    return names[limit];
}

/* Of a GPU, for what the driver needs in passing and for others' small changes. */
static const int64_t gpu_reserve = (int64_t)128 << 20;

int64_t lt_device_overhead(const lt_device_facts *f)
{
    if (f->backend == LT_BACKEND_CPU) return 0;
    /* A context has room for the stacks and queues of every multiprocessor, so it grows with the chip. */
    return (int64_t)(f->major >= 9 ? 960 : 640) << 20;
}

lt_status lt_budget_gpu(const lt_budget_opts *o, int64_t total, int64_t free_now, int n_ranks, int64_t overhead, lt_budget *out)
{
    lt_status st = LT_OK;
    lt_budget host;
    char whole[32], theirs[32];
    lt_limit binds = LT_LIMIT_FRACTION;
    const char *mend = "raise it, or use fewer ranks on the GPU";
    const int ranks = n_ranks < 1 ? 1 : n_ranks;
    const double fraction = o->memory_fraction > 0 ? o->memory_fraction : default_fraction;
    *out = (lt_budget){ .device = 0 };
    LT_TRY(lt_budget_cpu(o, &host));
    int64_t all = (int64_t)(fraction * (double)total / ranks), room = free_now > gpu_reserve ? (free_now - gpu_reserve) / ranks : 0;
    if (o->memory_limit > 0 && o->memory_limit <= all) all = o->memory_limit, binds = LT_LIMIT_OPTION;
    if (room < all) all = room, binds = LT_LIMIT_FREE, mend = "end what else runs on it, or use fewer ranks on it";
    if (all <= overhead)
        LT_FAIL(LT_E_MEMORY, "this rank may take %s of the GPU's memory (%s), of which driver and CUDA's libraries alone need up to %s: %s",
                lt_bytes_text(all, whole, sizeof whole), lt_limit_text(binds), lt_bytes_text(overhead, theirs, sizeof theirs), mend);
    out->device = all - overhead;
    out->host = host.host;
    out->pool = out->device + out->host;
    out->device_binds = binds;
    out->host_binds = out->pool_binds = host.host_binds;
done:
    return st;
}

char *lt_bytes_text(int64_t n_bytes, char *buffer, int size)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    double v = (double)n_bytes;
    int u = 0;
    while ((v >= 1024 || v <= -1024) && u < 4) v /= 1024, u++;
    snprintf(buffer, (size_t)size, u == 0 ? "%.0f %s" : v < 10 ? "%.2f %s" : "%.1f %s", v, units[u]);
    return buffer;
}

void lt_budget_least(lt_budget *least, const lt_budget *b)
{
    if (b->device < least->device) least->device = b->device, least->device_binds = b->device_binds;
    if (b->host < least->host) least->host = b->host, least->host_binds = b->host_binds;
    if (b->pool < least->pool) least->pool = b->pool, least->pool_binds = b->pool_binds;
}
