#include "kernels/convtranspose2d/convtranspose2d_map.h"

static bool is_float(lt_dtype t)
{
    return t == LT_F32 || t == LT_BF16 || t == LT_F16;
}

static bool dense_channels(const lt_tensor *t)
{
    return t->n_dims == 4 && is_float(t->dtype) && (t->dim[3] == 1 || t->stride[3] == 1);
}

const char *lt_convtranspose2d_map_refuse(const lt_args *a)
{
    if (!dense_channels(&a->in[LT_CONVTRANSPOSE2D_X]) || !dense_channels(&a->out))
        return "a map whose channels are not dense f32, bf16 or f16";
    return NULL;
}

lt_gemm_shape lt_convtranspose2d_map_shape(const lt_args *a)
{
    const lt_convtranspose2d_attr *t = a->attr;
    return (lt_gemm_shape){
        .taps = 1, .chan = t->c_in, .groups = t->stride * t->stride, .cols = t->c_out, .in = a->in[LT_CONVTRANSPOSE2D_X].dtype,
        .compute = t->compute, .act = LT_ACT_NONE, .bias = t->bias,
    };
}

lt_gemm_weights lt_convtranspose2d_map_weights(const lt_args *a, const lt_weight_data *w)
{
    const lt_convtranspose2d_attr *t = a->attr;
    const int64_t places = (int64_t)t->stride * t->stride;
    return (lt_gemm_weights){
        .data = w[LT_CONVTRANSPOSE2D_W].data, .bias = w[LT_CONVTRANSPOSE2D_B].data, .group = 1, .col = places,
        .chan = t->c_out * places,
    };
}

/* Rows of x that rows [row0, row0 + dim[1]) of the output come from. */
static int64_t first_row(const lt_args *a)
{
    const lt_convtranspose2d_attr *t = a->attr;
    return a->out.row0 / t->stride;
}

static int64_t n_rows(const lt_args *a)
{
    const lt_convtranspose2d_attr *t = a->attr;
    return (a->out.row0 + a->out.dim[1] + t->stride - 1) / t->stride - first_row(a);
}

static void rows_in(const void *ctx, int64_t row, int n, const void *zero, const void **table)
{
    const lt_args *a = ctx;
    const lt_tensor *x = &a->in[LT_CONVTRANSPOSE2D_X];
    const int64_t bytes = (int64_t)lt_dtype_bytes(x->dtype), w = x->dim[2], h = n_rows(a), skip = first_row(a) - x->row0;
    int64_t j = row % w, i = row / w % h, frame = row / w / h;
    (void)zero;
    for (int k = 0; k < n; j = 0, i++) {
        if (i == h) i = 0, frame++;
        const char *p = (const char *)lt_tensor_at(x, frame) + ((i + skip) * x->stride[1] + j * x->stride[2]) * bytes;
        for (; k < n && j < w; k++, j++, p += x->stride[2] * bytes) table[k] = p;
    }
}

static void rows_out(const void *ctx, int group, int64_t row, int n, void **out, const void **residual)
{
    const lt_args *a = ctx;
    const lt_convtranspose2d_attr *t = a->attr;
    const lt_tensor *y = &a->out;
    const int64_t bytes = (int64_t)lt_dtype_bytes(y->dtype), w = a->in[LT_CONVTRANSPOSE2D_X].dim[2], h = n_rows(a);
    const int p = group / t->stride, q = group % t->stride;
    int64_t j = row % w, i = row / w % h, frame = row / w / h;
    for (int k = 0; k < n; j = 0, i++) {
        if (i == h) i = 0, frame++;
        const int64_t line = (first_row(a) + i) * t->stride + p - y->row0;
        const bool wanted = line >= 0 && line < y->dim[1];
        char *to = (char *)lt_tensor_at(y, frame) + ((wanted ? line : 0) * y->stride[1] + (j * t->stride + q) * y->stride[2]) * bytes;
        for (; k < n && j < w; k++, j++, to += t->stride * y->stride[2] * bytes) {
            out[k] = wanted ? to : NULL;
            residual[k] = NULL;
        }
    }
}

lt_gemm lt_convtranspose2d_map(const lt_args *a)
{
    return (lt_gemm){
        .shape = lt_convtranspose2d_map_shape(a), .packed = a->packed, .segs = 1, .out = a->out.dtype, .residual = LT_F32,
        .n_rows = a->out.dim[0] * n_rows(a) * a->in[LT_CONVTRANSPOSE2D_X].dim[2], .ctx = a, .rows_in = rows_in, .rows_out = rows_out,
    };
}
