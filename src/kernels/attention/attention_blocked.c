#include "kernels/attention/attention_job.h"

/* Pairs (b,h) are taken in groups: all keys and values of a group are packed, then its query blocks are spread over the pool.
 * A group is just large enough for that, so the workspace does not grow with B. */
enum { ITEMS_PER_THREAD = 12 };

static int64_t group_of(const lt_attention_job *job, int n_threads)
{
    const int64_t pairs = job->a->out.dim[0] * job->n_heads;
    const int64_t n = ((int64_t)ITEMS_PER_THREAD * n_threads + job->query_blocks - 1) / job->query_blocks;
    return n < pairs ? n : pairs;
}

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    (void)m;
    return lt_attention_refuse(a);
}

static size_t workspace_bytes(const lt_args *a, const lt_machine *m)
{
    lt_attention_job job;
    lt_attention_job_init(a, a->in[LT_ATTENTION_K].dim[1], &job);
    const size_t group = (size_t)group_of(&job, m->n_threads), slots = (size_t)m->n_threads;
    return (group * (job.key_floats + job.value_floats) + slots * job.slot_floats) * sizeof(float);
}

typedef struct {
    const lt_launch        *l;
    const lt_attention_job *job;
    int                     n_rows;      /* query blocks of the group */
    atomic_int              next;        /* the first that nobody has taken */
} group_run;

static bool stopped(const lt_launch *l)
{
    return l->stop && atomic_load_explicit(l->stop, memory_order_relaxed);
}

static void pack(void *ctx, int item)
{
    const group_run *g = ctx;
    if (!stopped(g->l)) lt_attention_pack(g->l->isa, g->job, item, item + 1);
}

/* One item of the pool is one slot: which thread has which memory needs no knowledge of the pool. */
static void rows(void *ctx, int slot)
{
    group_run *g = ctx;
    for (;;) {
        const int item = atomic_fetch_add_explicit(&g->next, 1, memory_order_relaxed);
        if (item >= g->n_rows || stopped(g->l)) return;
        lt_attention_rows(g->l->isa, g->job, slot, item);
    }
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    lt_attention_job job;
    const int n_threads = lt_pool_threads(l->pool);
    lt_attention_job_init(a, lt_attention_n_keys(a), &job);
    const int64_t group = group_of(&job, n_threads), pairs = a->out.dim[0] * job.n_heads;
    job.slots = l->workspace;
    job.keys = job.slots + (size_t)n_threads * job.slot_floats;
    job.values = job.keys + (size_t)group * job.key_floats;
    for (; job.pair0 < pairs && !stopped(l); job.pair0 += group) {
        const int n = (int)(pairs - job.pair0 < group ? pairs - job.pair0 : group);
        group_run g = { .l = l, .job = &job, .n_rows = n * job.query_blocks };
        lt_pool_run(l->pool, n * job.key_blocks, pack, &g);
        lt_pool_run(l->pool, n_threads < g.n_rows ? n_threads : g.n_rows, rows, &g);
    }
    if (stopped(l)) LT_FAIL(LT_E_STOPPED, "stopped early");
done:
    return st;
}

const lt_kernel lt_attention_blocked = { .name = "attention.blocked", .refuse = refuse, .workspace_bytes = workspace_bytes, .launch = launch };
