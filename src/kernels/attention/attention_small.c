#include "kernels/attention/attention_job.h"

/* Problems of one block of keys and one of queries: a thread packs one, computes it, and goes on to the next, all in its
 * nearest caches. Neighbouring pairs (heads of a pixel, then the next pixel) lie in the same lines and pages. */
enum { LENGTH_MAX = 64, D_MAX = 256, PAIRS_MAX = 128, ITEMS_PER_THREAD = 8 };

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    (void)m;
    const char *why = lt_attention_refuse(a);
    if (!why && (a->in[LT_ATTENTION_Q].dim[1] > LENGTH_MAX || a->in[LT_ATTENTION_K].dim[1] > LENGTH_MAX))
        why = "made for 64 queries and keys at most";
    if (!why && (a->in[LT_ATTENTION_Q].dim[3] > D_MAX || a->out.dim[3] > D_MAX)) why = "made for 256 values of a head at most";
    return why;
}

static size_t slot_floats(const lt_attention_job *job)
{
    return job->slot_floats + job->key_floats + job->value_floats;
}

static size_t workspace_bytes(const lt_args *a, const lt_machine *m)
{
    lt_attention_job job;
    lt_attention_job_init(a, a->in[LT_ATTENTION_K].dim[1], &job);
    return (size_t)m->n_threads * slot_floats(&job) * sizeof(float);
}

typedef struct {
    const lt_launch        *l;
    const lt_attention_job *job;
    int64_t                 n_pairs, chunk;
    atomic_int              next;        /* the first chunk of pairs that nobody has taken */
} small_run;

static bool stopped(const lt_launch *l)
{
    return l->stop && atomic_load_explicit(l->stop, memory_order_relaxed);
}

static void chunks(void *ctx, int slot)
{
    small_run *r = ctx;
    lt_attention_job job = *r->job;
    job.slots = (float *)r->l->workspace + (size_t)slot * slot_floats(&job);
    job.keys = job.slots + job.slot_floats;
    job.values = job.keys + job.key_floats;
    for (;;) {
        const int64_t from = atomic_fetch_add_explicit(&r->next, 1, memory_order_relaxed) * r->chunk;
        const int64_t to = from + r->chunk < r->n_pairs ? from + r->chunk : r->n_pairs;
        if (from >= to || stopped(r->l)) return;
        for (job.pair0 = from; job.pair0 < to; job.pair0++) {
            lt_attention_pack(r->l->isa, &job, 0, 1);
            lt_attention_rows(r->l->isa, &job, 0, 0);
        }
    }
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    lt_attention_job job;
    const int n_threads = lt_pool_threads(l->pool);
    lt_attention_job_init(a, lt_attention_n_keys(a), &job);
    small_run r = { .l = l, .job = &job, .n_pairs = a->out.dim[0] * job.n_heads };
    const int64_t even = r.n_pairs / ((int64_t)n_threads * ITEMS_PER_THREAD);
    r.chunk = even < 1 ? 1 : even > PAIRS_MAX ? PAIRS_MAX : even;
    lt_pool_run(l->pool, n_threads, chunks, &r);
    if (stopped(l)) LT_FAIL(LT_E_STOPPED, "stopped early");
done:
    return st;
}

const lt_kernel lt_attention_small = { .name = "attention.small", .refuse = refuse, .workspace_bytes = workspace_bytes, .launch = launch };
