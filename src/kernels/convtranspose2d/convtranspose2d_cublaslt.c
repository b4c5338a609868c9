#include "kernels/convtranspose2d/convtranspose2d_map.h"
#include "kernels/copy/copy.h"
#include "kernels/gemm/gemm_cublaslt.h"

#ifdef LT_HAVE_CUDA
#include <longtake/arena.h>

#include <stdlib.h>

/* The pixels of x times all places (p, q) of a block of s x s outputs at once, f32 with the bias, into the workspace; from there to their places in
 * their type by the copy kernel, one launch for each p. */

static lt_gemm_cublaslt_kind kind_of(const lt_args *a, const lt_machine *m)
{
    const lt_convtranspose2d_attr *t = a->attr;
    return (lt_gemm_cublaslt_kind){ .K = t->c_in, .N = (int64_t)t->stride * t->stride * t->c_out, .operand = t->compute, .result = LT_F32, .bias = t->bias,
                                    .tf32 = m->tf32 };
}

static bool dense_channels(const lt_tensor *t)
{
    return t->n_dims == 4 && (t->dtype == LT_F32 || t->dtype == LT_BF16 || t->dtype == LT_F16) && (t->dim[3] == 1 || t->stride[3] == 1);
}

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    const lt_convtranspose2d_attr *t = a->attr;
    if (!dense_channels(&a->in[LT_CONVTRANSPOSE2D_X]) || !dense_channels(&a->out)) return "a map whose channels are not dense f32, bf16 or f16";
    if (t->compute == LT_BF16 && m->sm < 80) return "a GPU without bf16 units";
    if (lt_tensor_count(&a->out) >= INT32_MAX) return "2^31 values or more";
    const lt_gemm_cublaslt_kind k = kind_of(a, m);
    return lt_gemm_cublaslt_refuse(&k);
}

static size_t packed_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_gemm_cublaslt_kind k = kind_of(a, m);
    return lt_arena_padded((size_t)(k.K * k.N) * lt_dtype_bytes(k.operand)) + lt_arena_padded((size_t)k.N * sizeof(float));
}

static void pack(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed)
{
    const lt_convtranspose2d_attr *t = a->attr;
    const lt_gemm_cublaslt_kind k = kind_of(a, m);
    const int64_t places = (int64_t)t->stride * t->stride;
    float *b = (float *)(void *)((char *)packed + lt_arena_padded((size_t)(k.K * k.N) * lt_dtype_bytes(k.operand)));
    for (int64_t n = 0; n < k.N; n++) {
        const int64_t place = n / t->c_out, f = n % t->c_out;
        for (int64_t c = 0; c < k.K; c++) {
            const float x = w[LT_CONVTRANSPOSE2D_W].data[(c * t->c_out + f) * places + place];
            if (k.operand == LT_F32) ((float *)packed)[n * k.K + c] = x;
            else ((uint16_t *)packed)[n * k.K + c] = k.operand == LT_BF16 ? lt_bf16_from_float(x) : lt_half_from_float(x);
        }
        b[n] = t->bias ? w[LT_CONVTRANSPOSE2D_B].data[f] : 0;
    }
}

/* The rows of x that the band of the output comes from, and how they are worked on: frames at a time where a frame fits the scratch, else rows. */
typedef struct {
    int64_t first, n_h, n_w, frames, rows;
    bool    gather;
    size_t  gathered_bytes, scratch_bytes;     /* of the largest block */
} cut;

static cut cut_of(const lt_args *a, const lt_gemm_cublaslt_kind *k)
{
    const lt_convtranspose2d_attr *t = a->attr;
    const lt_tensor *x = &a->in[LT_CONVTRANSPOSE2D_X];
    const int64_t align = LT_CUBLASLT_ALIGN / (int64_t)lt_dtype_bytes(t->compute), last = (a->out.row0 + a->out.dim[1] - 1) / t->stride;
    cut c = { .first = a->out.row0 / t->stride, .n_w = x->dim[2] };
    c.n_h = last - c.first + 1;
    c.gather = x->dtype != t->compute || x->index || x->stride[0] % align || x->stride[1] % align || x->stride[2] % align || x->stride[2] < t->c_in;
    const size_t pixel = (size_t)k->N * sizeof(float) + (c.gather ? (size_t)k->K * lt_dtype_bytes(k->operand) : 0);
    const int64_t pixels = (int64_t)(LT_CUDA_WORKSPACE / pixel), fit = pixels / c.n_w > 0 ? pixels / c.n_w : 1;
    c.rows = fit < c.n_h ? fit : c.n_h;
    c.frames = fit / c.n_h > 1 ? fit / c.n_h : 1;
    if (c.frames > a->out.dim[0]) c.frames = a->out.dim[0];
    const size_t most = (size_t)(c.frames * c.rows * c.n_w);
    c.scratch_bytes = lt_arena_padded(most * (size_t)k->N * sizeof(float));
    c.gathered_bytes = c.gather ? lt_arena_padded(most * (size_t)k->K * lt_dtype_bytes(k->operand)) : 0;
    return c;
}

static size_t workspace_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_gemm_cublaslt_kind k = kind_of(a, m);
    const cut c = cut_of(a, &k);
    return LT_CUDA_WORKSPACE + c.gathered_bytes + c.scratch_bytes;
}

typedef struct {
    lt_gemm_cublaslt_kind kind;
    lt_gemm_cublaslt     *gemm;
} transposed_state;

static void close_state(void **state)
{
    transposed_state *s = *state;
    if (s) lt_gemm_cublaslt_close(&s->gemm);
    free(s);
    *state = NULL;
}

static lt_status open_state(const lt_launch *l, const lt_args *a, const lt_machine *m, void **state)
{
    lt_status st = LT_OK;
    transposed_state *s = calloc(1, sizeof *s);
    void *made = s;
    *state = NULL;
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for a product's description");
    s->kind = kind_of(a, m);
    LT_TRY(lt_gemm_cublaslt_open(l->libs, &s->kind, &s->gemm));
    *state = made;
    made = NULL;
done:
    close_state(&made);
    return st;
}

/* A view of n_f frames and n_i rows of a map from frame f and row i on. */
static lt_tensor part(lt_tensor t, int64_t f, int64_t n_f, int64_t i, int64_t n_i)
{
    const int64_t skip = (t.index ? 0 : f * t.stride[0]) + i * t.stride[1];
    if (t.data) t.data = (char *)t.data + skip * (int64_t)lt_dtype_bytes(t.dtype);
    if (t.index) t.index += f;
    t.dim[0] = n_f;
    t.dim[1] = n_i;
    return t;
}

/* The product of frames f .. and rows i .. (of the rows wanted) in `scratch`, places p of it to the rows of the output that are in the band. */
static lt_status spread(const lt_launch *l, const lt_args *a, const cut *c, char *scratch, int64_t f, int64_t n_f, int64_t i, int64_t n_i)
{
    lt_status st = LT_OK;
    const lt_convtranspose2d_attr *t = a->attr;
    const int64_t s = t->stride, F = t->c_out, pixel = s * s * F;
    for (int64_t p = 0; p < s; p++) {
        /* Row (first + i + k) s + p of the map is row y0 + k s of the band; those with 0 <= y0 + k s < dim[1] are wanted. */
        const int64_t y0 = (c->first + i) * s + p - a->out.row0, k0 = y0 < 0 ? 1 : 0;
        int64_t k1 = n_i;
        while (k1 > k0 && y0 + (k1 - 1) * s >= a->out.dim[1]) k1--;
        if (k1 <= k0) continue;
        const lt_tensor to = part(a->out, f, n_f, y0 + k0 * s, k1 - k0);
        const lt_args copy = {
            .attr = "",
            .in[LT_COPY_X] = { .data = scratch + (k0 * c->n_w * pixel + p * s * F) * (int64_t)sizeof(float), .dtype = LT_F32, .n_dims = 5,
                               .dim = { n_f, k1 - k0, c->n_w, s, F }, .stride = { n_i * c->n_w * pixel, c->n_w * pixel, pixel, F, 1 } },
            .out = { .data = to.data, .dtype = to.dtype, .n_dims = 5, .dim = { n_f, k1 - k0, c->n_w, s, F }, .index = to.index,
                     .stride = { to.stride[0], s * to.stride[1], s * to.stride[2], to.stride[2], 1 } },
        };
        LT_TRY(lt_copy_cuda.launch(l, &copy));
    }
done:
    return st;
}

/* Without a launch it is only asked whether the library takes it. */
static lt_status block(const lt_launch *l, const lt_args *a, const transposed_state *s, const cut *c, int64_t f, int64_t n_f, int64_t i, int64_t n_i)
{
    lt_status st = LT_OK;
    const lt_tensor *whole = &a->in[LT_CONVTRANSPOSE2D_X];
    lt_tensor x = part(*whole, f, n_f, c->first - whole->row0 + i, n_i);
    char *gathered = l ? (char *)l->workspace + LT_CUDA_WORKSPACE : NULL, *scratch = l ? gathered + c->gathered_bytes : NULL;
    if (c->gather) {
        const lt_args copy = { .attr = "", .in[LT_COPY_X] = x,
                               .out = lt_tensor_dense(gathered, s->kind.operand, 4, (const int64_t[]){ n_f, n_i, c->n_w, s->kind.K }) };
        if (l) LT_TRY(lt_copy_cuda.launch(l, &copy));
        x = copy.out;
    }
    /* Rows of pixels are matrices of n_w rows; where they follow one another they are one matrix. */
    const bool rows_join = x.stride[1] == x.stride[2] * c->n_w || n_i == 1, frames_join = rows_join && (n_f == 1 || x.stride[0] == x.stride[2] * c->n_w * n_i);
    const int64_t per_call = frames_join ? n_f : 1, N = s->kind.N;
    for (int64_t k = 0; k < n_f; k += per_call) {
        const char *from = x.data;
        lt_gemm_cublaslt_call g = {
            .n_rows = rows_join ? per_call * n_i * c->n_w : c->n_w, .n_batches = rows_join ? 1 : n_i, .x_row = x.stride[2], .x_batch = x.stride[1],
            .y_row = N, .y_batch = c->n_w * N,
        };
        if (!l) {
            LT_TRY(lt_gemm_cublaslt_check(s->gemm, &g));
            continue;
        }
        g.x = from + k * x.stride[0] * (int64_t)lt_dtype_bytes(x.dtype);
        g.y = scratch + k * n_i * c->n_w * N * (int64_t)sizeof(float);
        g.w = a->packed;
        g.bias = (const char *)a->packed + lt_arena_padded((size_t)(s->kind.K * N) * lt_dtype_bytes(s->kind.operand));
        g.workspace = l->workspace;
        LT_TRY(lt_gemm_cublaslt_run(l, s->gemm, &g));
    }
    if (l) LT_TRY(spread(l, a, c, scratch, f, n_f, i, n_i));
done:
    return st;
}

static lt_status each_block(const lt_launch *l, const lt_args *a, const transposed_state *s)
{
    lt_status st = LT_OK;
    const cut c = cut_of(a, &s->kind);
    for (int64_t f = 0; f < a->out.dim[0]; f += c.frames)
        for (int64_t i = 0; i < c.n_h; i += c.rows) {
            const int64_t n_f = a->out.dim[0] - f < c.frames ? a->out.dim[0] - f : c.frames, n_i = c.n_h - i < c.rows ? c.n_h - i : c.rows;
            LT_TRY(block(l, a, s, &c, f, n_f, i, n_i));
        }
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

const lt_kernel lt_convtranspose2d_cublaslt = {
    .name = "convtranspose2d.cublaslt", .refuse = refuse, .packed_bytes = packed_bytes, .pack = pack, .workspace_bytes = workspace_bytes,
    .open = open_state, .close = close_state, .launch = launch, .prepare = prepare,
};
#endif
