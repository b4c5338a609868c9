#include "kernels/copy/copy.h"
#include "kernels/gemm/epilogue_cuda.h"
#include "kernels/gemm/gemm_blocks.h"
#include "kernels/gemm/gemm_cublaslt.h"
#include "kernels/linear/linear.h"

#ifdef LT_HAVE_CUDA
#include <longtake/arena.h>

#include <stdlib.h>

enum { X, OUT, RESIDUAL };

/* f16 has no numbers as small as gamma W may be: folded weights are so much larger, and the sum is made smaller again. */
enum { FOLD_F16 = 256 };

/* How arguments are computed. It follows from types, attributes and strides alone, so it is the same for every size. */
typedef struct {
    lt_gemm_cublaslt_kind kind;
    bool gather;                  /* x is indexed or of another type: first copied to the workspace */
    bool after;                   /* our own kernel does what follows the sum */
    bool scratch;                 /* the product goes to the workspace, f32; else to out */
} way;

static bool is_float(lt_dtype t)
{
    return t == LT_F32 || t == LT_BF16 || t == LT_F16;
}

/* Whether every row of a view begins at a multiple of 16 bytes, if its first does. */
static bool aligned(const lt_tensor *t)
{
    lt_rows r;
    const int64_t bytes = (int64_t)lt_dtype_bytes(t->dtype);
    return lt_tensor_rows(t, &r) && (r.n_inner == 1 || r.inner_stride * bytes % LT_CUBLASLT_ALIGN == 0) &&
           (t->n_dims == 1 || t->stride[0] * bytes % LT_CUBLASLT_ALIGN == 0);
}

static way way_of(const lt_args *a, bool tf32)
{
    const lt_linear_attr *t = a->attr;
    const lt_tensor *x = &a->in[LT_LINEAR_X], *r = &a->in[LT_LINEAR_RESIDUAL], *y = &a->out;
    const bool residual = r->n_dims > 0, half = t->compute != LT_F32;
    const bool added = residual && !r->index && r->dtype == y->dtype && aligned(r) && (r->n_dims == 1 || r->stride[0] != 0);
    const bool reaches = !y->index && aligned(y) && (y->dtype == LT_F32 || (half && y->dtype == t->compute));
    way w = { .gather = x->dtype != t->compute || x->index || !aligned(x) };
    w.after = t->act == LT_ACT_GELU || t->act == LT_ACT_GEGLU || (t->act == LT_ACT_RELU && (t->gamma || residual)) || !reaches || (residual && !added);
    w.scratch = w.after && (t->act == LT_ACT_GEGLU || !reaches || residual);
    w.kind = (lt_gemm_cublaslt_kind){
        .K = t->n_in, .N = t->act == LT_ACT_GEGLU ? 2 * (int64_t)t->n_out : t->n_out, .operand = t->compute, .result = w.scratch ? LT_F32 : y->dtype,
        .bias = t->bias && !w.after, .relu = t->act == LT_ACT_RELU && !w.after, .tf32 = tf32,
        .alpha = t->gamma && !w.after && t->compute == LT_F16 ? 1.0f / FOLD_F16 : 1,
    };
    return w;
}

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    const lt_tensor *x = &a->in[LT_LINEAR_X], *r = &a->in[LT_LINEAR_RESIDUAL];
    lt_rows rows;
    if (!is_float(x->dtype) || !is_float(a->out.dtype) || (r->n_dims && !is_float(r->dtype))) return "types other than f32, bf16 and f16";
    if (!lt_tensor_rows(x, &rows) || !lt_tensor_rows(&a->out, &rows) || (r->n_dims && !lt_tensor_rows(r, &rows))) return "rows that are not evenly spaced";
    if (((const lt_linear_attr *)a->attr)->compute == LT_BF16 && m->sm < 80) return "a GPU without bf16 units";
    if (lt_tensor_count(&a->out) >= INT32_MAX || lt_tensor_count(x) >= INT32_MAX) return "2^31 values or more";
    const way w = way_of(a, m->tf32);
    return lt_gemm_cublaslt_refuse(&w.kind);
}

/* Packed: W [columns, K] in the operands' type; b in the result's type, for the library; b and gamma in f32, for what follows it. */
typedef struct {
    size_t b, b_after, gamma, n_bytes;
} places;

static places places_of(const lt_gemm_cublaslt_kind *k, int n_out)
{
    places p;
    p.b = lt_arena_padded((size_t)(k->N * k->K) * lt_dtype_bytes(k->operand));
    p.b_after = p.b + lt_arena_padded((size_t)k->N * lt_dtype_bytes(k->result));
    p.gamma = p.b_after + lt_arena_padded((size_t)k->N * sizeof(float));
    p.n_bytes = p.gamma + lt_arena_padded((size_t)n_out * sizeof(float));
    return p;
}

static size_t packed_bytes(const lt_args *a, const lt_machine *m)
{
    const way w = way_of(a, m->tf32);
    return places_of(&w.kind, ((const lt_linear_attr *)a->attr)->n_out).n_bytes;
}

static void put(void *p, lt_dtype dtype, int64_t i, float x)
{
    if (dtype == LT_F32) ((float *)p)[i] = x;
    else ((uint16_t *)p)[i] = dtype == LT_BF16 ? lt_bf16_from_float(x) : lt_half_from_float(x);
}

static void pack(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed)
{
    const lt_linear_attr *t = a->attr;
    const way how = way_of(a, m->tf32);
    const places p = places_of(&how.kind, t->n_out);
    const float *b = w[LT_LINEAR_B].data, *gamma = w[LT_LINEAR_GAMMA].data;
    const bool folded = t->gamma && !how.after;
    char *to = packed;
    for (int64_t n = 0; n < how.kind.N; n++) {
        const float by = folded ? gamma[n] : 1;
        for (int64_t k = 0; k < how.kind.K; k++) put(to, how.kind.operand, n * how.kind.K + k, by / how.kind.alpha * w[LT_LINEAR_W].data[n * how.kind.K + k]);
        put(to + p.b, how.kind.result, n, t->bias ? by * b[n] : 0);
        ((float *)(void *)(to + p.b_after))[n] = t->bias ? b[n] : 0;
    }
    for (int64_t n = 0; n < t->n_out; n++) ((float *)(void *)(to + p.gamma))[n] = t->gamma ? gamma[n] : 1;
}

/* Bytes of the workspace that a row takes beside the library's, and how many rows are worked on at a time; 0: all. */
static size_t row_bytes(const way *w)
{
    return (w->gather ? (size_t)w->kind.K * lt_dtype_bytes(w->kind.operand) : 0) + (w->scratch ? (size_t)w->kind.N * sizeof(float) : 0);
}

static int64_t block_rows(const way *w)
{
    const size_t n = row_bytes(w);
    const int64_t rows = n ? (int64_t)(LT_CUDA_WORKSPACE / n) : 0;
    return n == 0 ? 0 : rows >= 128 ? rows / 128 * 128 : rows > 0 ? rows : 1;
}

static lt_blocks blocks_of(const lt_args *a)
{
    const lt_tensor *views[] = { &a->in[LT_LINEAR_X], &a->out, &a->in[LT_LINEAR_RESIDUAL] };
    return lt_blocks_make(3, views);
}

static size_t workspace_bytes(const lt_args *a, const lt_machine *m)
{
    const way w = way_of(a, m->tf32);
    const lt_blocks b = blocks_of(a);
    const size_t rows = (size_t)lt_blocks_rows(&b, block_rows(&w));
    return LT_CUDA_WORKSPACE + (w.gather ? lt_arena_padded(rows * (size_t)w.kind.K * lt_dtype_bytes(w.kind.operand)) : 0) +
           (w.scratch ? lt_arena_padded(rows * (size_t)w.kind.N * sizeof(float)) : 0);
}

typedef struct {
    way               how;
    lt_gemm_cublaslt *gemm;
} linear_state;

static void close_state(void **state)
{
    linear_state *s = *state;
    if (s) lt_gemm_cublaslt_close(&s->gemm);
    free(s);
    *state = NULL;
}

static lt_status open_state(const lt_launch *l, const lt_args *a, const lt_machine *m, void **state)
{
    lt_status st = LT_OK;
    linear_state *s = calloc(1, sizeof *s);
    void *made = s;
    *state = NULL;
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for a product's description");
    s->how = way_of(a, m->tf32);
    LT_TRY(lt_gemm_cublaslt_open(l->libs, &s->how.kind, &s->gemm));
    *state = made;
    made = NULL;
done:
    close_state(&made);
    return st;
}

/* The product of one block: x and y are [n_o, n_i, columns]. */
static lt_gemm_cublaslt_call call_of(const lt_args *a, const way *w, const lt_tensor *x, const lt_tensor *y, const lt_tensor *add)
{
    const places p = places_of(&w->kind, ((const lt_linear_attr *)a->attr)->n_out);
    const char *packed = a->packed;
    lt_gemm_cublaslt_call c = {
        .n_rows = x->dim[1], .n_batches = x->dim[0], .x = x->data, .y = y->data, .x_row = x->stride[1], .x_batch = x->stride[0],
        .y_row = y->stride[1], .y_batch = y->stride[0],
    };
    if (packed) c.w = packed, c.bias = packed + p.b;
    if (add) c.add = add->data, c.add_row = add->stride[1], c.add_batch = add->stride[0];
    const bool joined = c.x_batch == c.x_row * c.n_rows && c.y_batch == c.y_row * c.n_rows && (!add || c.add_batch == c.add_row * c.n_rows);
    if (joined) c.n_rows *= c.n_batches, c.n_batches = 1;
    return c;
}

static lt_tensor dense(void *data, lt_dtype dtype, const lt_block *at, int64_t columns)
{
    return lt_tensor_dense(data, dtype, 3, (const int64_t[]){ at->n_o, at->n_i, columns });
}

/* One block; without a launch it is only asked whether the library takes it. */
static lt_status block(const lt_launch *l, const lt_args *a, const linear_state *s, const lt_blocks *b, const lt_block *at)
{
    lt_status st = LT_OK;
    const lt_linear_attr *t = a->attr;
    const way *w = &s->how;
    const lt_tensor *r = &a->in[LT_LINEAR_RESIDUAL];
    lt_tensor x = lt_blocks_part(b, X, at), add = { 0 };
    const lt_tensor out = lt_blocks_part(b, OUT, at);
    char *space = l ? (char *)l->workspace + LT_CUDA_WORKSPACE : NULL;
    if (r->n_dims) add = lt_blocks_part(b, RESIDUAL, at);
    if (w->gather) {
        const lt_args copy = { .attr = "", .in[LT_COPY_X] = x, .out = dense(space, w->kind.operand, at, w->kind.K) };
        if (l) LT_TRY(lt_copy_cuda.launch(l, &copy));
        x = copy.out;
        if (l) space += lt_arena_padded((size_t)lt_blocks_rows(b, block_rows(w)) * (size_t)w->kind.K * lt_dtype_bytes(w->kind.operand));
    }
    lt_tensor y = w->scratch ? dense(space, LT_F32, at, w->kind.N) : out;
    lt_gemm_cublaslt_call c = call_of(a, w, &x, &y, r->n_dims && !w->after ? &add : NULL);
    if (!l) return lt_gemm_cublaslt_check(s->gemm, &c);
    c.workspace = l->workspace;
    LT_TRY(lt_gemm_cublaslt_run(l, s->gemm, &c));
    if (!w->after) return LT_OK;
    const places p = places_of(&w->kind, t->n_out);
    const char *packed = a->packed;
    y.dim[2] = t->n_out;
    const lt_epilogue_cuda e = {
        .product = y, .residual = add, .out = out, .act = t->act, .bias = t->bias ? (const float *)(const void *)(packed + p.b_after) : NULL,
        .gamma = t->gamma ? (const float *)(const void *)(packed + p.gamma) : NULL,
    };
    LT_TRY(lt_epilogue_cuda_run(l, &e));
done:
    return st;
}

static lt_status each_block(const lt_launch *l, const lt_args *a, const linear_state *s)
{
    lt_status st = LT_OK;
    const lt_blocks b = blocks_of(a);
    const int64_t limit = block_rows(&s->how);
    lt_block at;
    for (bool more = lt_blocks_first(&b, limit, &at); more; more = lt_blocks_next(&b, limit, &at)) LT_TRY(block(l, a, s, &b, &at));
done:
    return st;
}

static lt_status prepare(const lt_launch *l, const lt_args *a, void *state)
{
    (void)l;
    return each_block(NULL, a, state);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    if (l->stop && atomic_load(l->stop)) LT_FAIL(LT_E_STOPPED, "stopped in the middle of a window; run again");
    LT_TRY(each_block(l, a, a->state));
done:
    return st;
}

const lt_kernel lt_linear_cublaslt = {
    .name = "linear.cublaslt", .refuse = refuse, .packed_bytes = packed_bytes, .pack = pack, .workspace_bytes = workspace_bytes, .open = open_state,
    .close = close_state, .launch = launch, .prepare = prepare,
};
#endif
