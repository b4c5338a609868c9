#include "kernels/gemm/gemm.h"
#include "kernels/gemm/rows.h"
#include "kernels/linear/linear.h"

typedef struct {
    const lt_args *args;
    lt_rows        x, residual, out;
} linear;

static bool has_residual(const lt_args *a)
{
    return a->in[LT_LINEAR_RESIDUAL].n_dims > 0;
}

static lt_gemm_shape shape_of(const lt_args *a)
{
    const lt_linear_attr *t = a->attr;
    return (lt_gemm_shape){
        .taps = 1, .chan = t->n_in, .groups = 1, .cols = t->n_out, .in = a->in[LT_LINEAR_X].dtype, .compute = t->compute,
        .act = t->act, .bias = t->bias, .gamma = t->gamma,
    };
}

static bool is_float(lt_dtype t)
{
    return t == LT_F32 || t == LT_BF16;
}

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    const lt_tensor *x = &a->in[LT_LINEAR_X], *r = &a->in[LT_LINEAR_RESIDUAL];
    lt_rows rows;
    (void)m;
    if (!is_float(x->dtype) || !is_float(a->out.dtype) || (has_residual(a) && !is_float(r->dtype)))
        return "types other than f32 and bf16";
    if (!lt_tensor_rows(x, &rows) || !lt_tensor_rows(&a->out, &rows) || (has_residual(a) && !lt_tensor_rows(r, &rows)))
        return "rows that are not evenly spaced";
    return NULL;
}

static size_t packed_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_gemm_shape s = shape_of(a);
    return lt_gemm_packed_bytes(&s, m->isa);
}

static void pack(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed)
{
    const lt_gemm_shape s = shape_of(a);
    const lt_gemm_weights raw = {
        .data = w[LT_LINEAR_W].data, .bias = w[LT_LINEAR_B].data, .gamma = w[LT_LINEAR_GAMMA].data, .col = s.chan, .chan = 1,
        .gate = (int64_t)s.cols * s.chan,
    };
    lt_gemm_pack(&s, m->isa, &raw, packed);
}

static size_t workspace_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_gemm_shape s = shape_of(a);
    return lt_gemm_workspace_bytes(&s, 1, m);
}

static void rows_in(const void *ctx, int64_t row, int n, const void *zero, const void **table)
{
    const linear *c = ctx;
    (void)zero;
    lt_gemm_rows(&c->args->in[LT_LINEAR_X], &c->x, row, n, table);
}

static void rows_out(const void *ctx, int group, int64_t row, int n, void **out, const void **residual)
{
    const linear *c = ctx;
    (void)group;
    lt_gemm_rows(&c->args->out, &c->out, row, n, (const void **)out);
    if (has_residual(c->args)) lt_gemm_rows(&c->args->in[LT_LINEAR_RESIDUAL], &c->residual, row, n, residual);
    else for (int i = 0; i < n; i++) residual[i] = NULL;
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    linear c = { .args = a };
    lt_tensor_rows(&a->in[LT_LINEAR_X], &c.x);
    lt_tensor_rows(&a->out, &c.out);
    if (has_residual(a)) lt_tensor_rows(&a->in[LT_LINEAR_RESIDUAL], &c.residual);
    const lt_gemm g = {
        .shape = shape_of(a), .packed = a->packed, .n_rows = c.out.n_outer * c.out.n_inner, .segs = 1, .out = a->out.dtype,
        .residual = a->in[LT_LINEAR_RESIDUAL].dtype, .ctx = &c, .rows_in = rows_in, .rows_out = rows_out,
    };
    return lt_gemm_run(l, &g);
}

const lt_kernel lt_linear_own = {
    .name = "linear.own", .refuse = refuse, .packed_bytes = packed_bytes, .pack = pack, .workspace_bytes = workspace_bytes,
    .launch = launch,
};
