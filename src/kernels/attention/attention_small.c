#include "kernels/attention/attention_job.h"

#include <string.h>

/* Problems of one block of keys and one of queries, thousands of them. Their rows lie far apart (over time: one image each), so that
 * reading them head by head waits for memory at every row. A thread therefore copies q, k and v of a batch entry's heads, whose values lie
 * side by side, into its slot first, then packs and computes head after head from there. */
enum { LENGTH_MAX = 64, D_MAX = 256, COPY_VALUES = 256, PIECES_MAX = 64, ITEMS_PER_THREAD = 8 };

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    (void)m;
    const char *why = lt_attention_refuse(a);
    if (!why && (a->in[LT_ATTENTION_Q].dim[1] > LENGTH_MAX || a->in[LT_ATTENTION_K].dim[1] > LENGTH_MAX))
        why = "made for 64 queries and keys at most";
    if (!why && (a->in[LT_ATTENTION_Q].dim[3] > D_MAX || a->out.dim[3] > D_MAX)) why = "made for 256 values of a head at most";
    return why;
}

/* Heads of a piece, which is copied at once: about COPY_VALUES values side by side. */
static int64_t heads_of(const lt_args *a)
{
    const int64_t d = a->in[LT_ATTENTION_Q].dim[3], n = COPY_VALUES / d, all = a->in[LT_ATTENTION_Q].dim[2];
    return n < all ? n : all;
}

/* Room for the copy of one input, as floats whatever its type. */
static size_t copy_floats(const lt_tensor *t, int64_t heads)
{
    return (size_t)((t->dim[1] * heads * t->dim[3] + 15) / 16 * 16);
}

static size_t slot_floats(const lt_attention_job *job)
{
    size_t n = job->slot_floats + job->key_floats + job->value_floats;
    for (int i = LT_ATTENTION_Q; i <= LT_ATTENTION_V; i++) n += copy_floats(&job->a->in[i], heads_of(job->a));
    return n;
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
    int64_t                 heads;       /* of a piece */
    int64_t                 n_parts;     /* pieces of a batch entry */
    int64_t                 n_pieces, chunk;
    atomic_int              next;        /* the first chunk of pieces that nobody has taken */
} small_run;

static bool stopped(const lt_launch *l)
{
    return l->stop && atomic_load_explicit(l->stop, memory_order_relaxed);
}

/* Heads h0 .. h0 + n - 1 of entry b as a view of one entry. */
static lt_tensor piece_of(const lt_tensor *t, int64_t b, int64_t h0, int64_t n)
{
    lt_tensor p = *t;
    p.data = (char *)t->data + (b * t->stride[0] + h0 * t->stride[2]) * (int64_t)lt_dtype_bytes(t->dtype);
    p.dim[0] = 1;
    p.dim[2] = n;
    return p;
}

/* The first `rows` rows of t, one entry, copied to `to`; t becomes a view of the copy. */
static void copy(lt_tensor *t, int64_t rows, void *to)
{
    const size_t bytes = lt_dtype_bytes(t->dtype), row = (size_t)(t->dim[2] * t->dim[3]) * bytes, head = (size_t)t->dim[3] * bytes;
    for (int64_t i = 0; i < rows; i++) {
        const char *from = (const char *)t->data + i * t->stride[1] * (int64_t)bytes;
        char *y = (char *)to + (size_t)i * row;
        if (t->stride[2] == t->dim[3]) memcpy(y, from, row);
        else
            for (int64_t h = 0; h < t->dim[2]; h++) memcpy(y + (size_t)h * head, from + h * t->stride[2] * (int64_t)bytes, head);
    }
    *t = lt_tensor_dense(to, t->dtype, 4, t->dim);
}

static void piece(const small_run *r, int slot, int64_t i)
{
    lt_attention_job job = *r->job;
    lt_args a = *job.a;
    const int64_t h0 = i % r->n_parts * r->heads, n = job.n_heads - h0 < r->heads ? job.n_heads - h0 : r->heads;
    job.slots = (float *)r->l->workspace + (size_t)slot * slot_floats(r->job);
    job.keys = job.slots + job.slot_floats;
    job.values = job.keys + job.key_floats;
    float *to = job.values + job.value_floats;
    for (int k = LT_ATTENTION_Q; k <= LT_ATTENTION_V; k++) {
        a.in[k] = piece_of(&job.a->in[k], i / r->n_parts, h0, n);
        copy(&a.in[k], k == LT_ATTENTION_Q ? job.n_queries : job.n_keys, to);
        to += copy_floats(&job.a->in[k], r->heads);
    }
    a.out = piece_of(&job.a->out, i / r->n_parts, h0, n);
    job.a = &a;
    job.n_heads = n;
    for (job.pair0 = 0; job.pair0 < n; job.pair0++) {
        lt_attention_pack(r->l->isa, &job, 0, job.key_blocks);
        lt_attention_rows(r->l->isa, &job, 0, 0);
    }
}

static void chunks(void *ctx, int slot)
{
    small_run *r = ctx;
    for (;;) {
        const int64_t from = atomic_fetch_add_explicit(&r->next, 1, memory_order_relaxed) * r->chunk;
        const int64_t to = from + r->chunk < r->n_pieces ? from + r->chunk : r->n_pieces;
        if (from >= to || stopped(r->l)) return;
        for (int64_t i = from; i < to; i++) piece(r, slot, i);
    }
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    lt_attention_job job;
    const int n_threads = lt_pool_threads(l->pool);
    lt_attention_job_init(a, lt_attention_n_keys(a), &job);
    small_run r = { .l = l, .job = &job, .heads = heads_of(a) };
    r.n_parts = (job.n_heads + r.heads - 1) / r.heads;
    r.n_pieces = a->out.dim[0] * r.n_parts;
    const int64_t even = r.n_pieces / ((int64_t)n_threads * ITEMS_PER_THREAD);
    r.chunk = even < 1 ? 1 : even > PIECES_MAX ? PIECES_MAX : even;
    lt_pool_run(l->pool, n_threads, chunks, &r);
    if (stopped(l)) LT_FAIL(LT_E_STOPPED, "stopped early");
done:
    return st;
}

const lt_kernel lt_attention_small = { .name = "attention.small", .refuse = refuse, .workspace_bytes = workspace_bytes, .launch = launch };
