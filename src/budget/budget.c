#include <longtake/budget.h>

#include <stdio.h>

/* Left to the rest of the machine when nobody says how much to take. */
static const double default_fraction = 0.9;
static const int64_t reserve = (int64_t)256 << 20;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

lt_status lt_budget_cpu(const lt_budget_opts *o, lt_budget *out)
{
    lt_status st = LT_OK;
    lt_host_memory m;
    int ranks = o->ranks_here < 1 ? 1 : o->ranks_here;
    *out = (lt_budget){ 0, 0, 0 };
    LT_TRY(lt_host_memory_read(&m));
    double fraction = o->memory_fraction > 0 ? o->memory_fraction : default_fraction;
    int64_t share = m.available / ranks > reserve ? m.available / ranks - reserve : m.available / ranks / 2;
    out->pool = share;
    out->device = least((int64_t)(fraction * (double)m.total / ranks), share);
    if (o->memory_limit > 0) out->device = least(out->device, o->memory_limit);
    out->host = o->host_memory_limit > 0 ? least(o->host_memory_limit, share) : share;
done:
    return st;
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
    const char *binds = "--memory-fraction", *mend = "raise it, or use fewer ranks on the GPU";
    const int ranks = n_ranks < 1 ? 1 : n_ranks;
    const double fraction = o->memory_fraction > 0 ? o->memory_fraction : default_fraction;
    *out = (lt_budget){ 0, 0, 0 };
    LT_TRY(lt_budget_cpu(o, &host));
    int64_t all = (int64_t)(fraction * (double)total / ranks), room = free_now > gpu_reserve ? (free_now - gpu_reserve) / ranks : 0;
    if (o->memory_limit > 0 && o->memory_limit <= all) all = o->memory_limit, binds = "--memory-limit";
    if (room < all) all = room, binds = "what is free there", mend = "end what else runs on it, or use fewer ranks on it";
    if (all <= overhead)
        LT_FAIL(LT_E_MEMORY, "this rank may take %s of the GPU's memory (%s), of which driver and CUDA's libraries alone need up to %s: %s",
                lt_bytes_text(all, whole, sizeof whole), binds, lt_bytes_text(overhead, theirs, sizeof theirs), mend);
    out->device = all - overhead;
    out->host = host.host;
    out->pool = out->device + out->host;
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
