#include "kernels/linear/linear_map.h"

#include "kernels/gemm/rows.h"

static bool has_residual(const lt_args *a)
{
    return a->in[LT_LINEAR_RESIDUAL].n_dims > 0;
}

lt_gemm_shape lt_linear_map_shape(const lt_args *a)
{
    const lt_linear_attr *t = a->attr;
    return (lt_gemm_shape){
        .taps = 1, .chan = t->n_in, .groups = 1, .cols = t->n_out, .in = a->in[LT_LINEAR_X].dtype, .compute = t->compute,
        .act = t->act, .bias = t->bias, .gamma = t->gamma,
    };
}

static bool is_float(lt_dtype t)
{
    return t == LT_F32 || t == LT_BF16 || t == LT_F16;
}

const char *lt_linear_map_refuse(const lt_args *a)
{
    const lt_tensor *x = &a->in[LT_LINEAR_X], *r = &a->in[LT_LINEAR_RESIDUAL];
    lt_rows rows;
    if (!is_float(x->dtype) || !is_float(a->out.dtype) || (has_residual(a) && !is_float(r->dtype)))
        return "types other than f32, bf16 and f16";
    if (!lt_tensor_rows(x, &rows) || !lt_tensor_rows(&a->out, &rows) || (has_residual(a) && !lt_tensor_rows(r, &rows)))
        return "rows that are not evenly spaced";
    return NULL;
}

lt_gemm_weights lt_linear_map_weights(const lt_args *a, const lt_weight_data *w)
{
    const lt_linear_attr *t = a->attr;
    return (lt_gemm_weights){
        .data = w[LT_LINEAR_W].data, .bias = w[LT_LINEAR_B].data, .gamma = w[LT_LINEAR_GAMMA].data, .col = t->n_in, .chan = 1,
        .gate = (int64_t)t->n_out * t->n_in,
    };
}

static void rows_in(const void *ctx, int64_t row, int n, const void *zero, const void **table)
{
    const lt_linear_map_rows *c = ctx;
    (void)zero;
    lt_gemm_rows(&c->args->in[LT_LINEAR_X], &c->x, row, n, table);
}

static void rows_out(const void *ctx, int group, int64_t row, int n, void **out, const void **residual)
{
    const lt_linear_map_rows *c = ctx;
    (void)group;
    lt_gemm_rows(&c->args->out, &c->out, row, n, (const void **)out);
    if (has_residual(c->args)) lt_gemm_rows(&c->args->in[LT_LINEAR_RESIDUAL], &c->residual, row, n, residual);
    else for (int i = 0; i < n; i++) residual[i] = NULL;
}

lt_gemm lt_linear_map(const lt_args *a, lt_linear_map_rows *rows)
{
    *rows = (lt_linear_map_rows){ .args = a };
    lt_tensor_rows(&a->in[LT_LINEAR_X], &rows->x);
    lt_tensor_rows(&a->out, &rows->out);
    if (has_residual(a)) lt_tensor_rows(&a->in[LT_LINEAR_RESIDUAL], &rows->residual);
    return (lt_gemm){
        .shape = lt_linear_map_shape(a), .packed = a->packed, .n_rows = rows->out.n_outer * rows->out.n_inner, .segs = 1,
        .out = a->out.dtype, .residual = a->in[LT_LINEAR_RESIDUAL].dtype, .ctx = rows, .rows_in = rows_in, .rows_out = rows_out,
    };
}
