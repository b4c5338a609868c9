#include "kernels/conv2d/conv2d_map.h"

static bool is_float(lt_dtype t)
{
    return t == LT_F32 || t == LT_BF16 || t == LT_F16;
}

static bool dense_channels(const lt_tensor *t)
{
    return t->n_dims == 4 && is_float(t->dtype) && (t->dim[3] == 1 || t->stride[3] == 1);
}

const char *lt_conv2d_map_refuse(const lt_args *a)
{
    const lt_conv2d_attr *t = a->attr;
    const lt_tensor *r = &a->in[LT_CONV2D_RESIDUAL];
    if (t->groups != 1) return "groups";
    if (t->act == LT_ACT_GEGLU) return "GEGLU";
    if (!dense_channels(&a->in[LT_CONV2D_X]) || !dense_channels(&a->out) || (r->n_dims && !dense_channels(r)))
        return "a map whose channels are not dense f32, bf16 or f16";
    return NULL;
}

lt_gemm_shape lt_conv2d_map_shape(const lt_args *a)
{
    const lt_conv2d_attr *t = a->attr;
    return (lt_gemm_shape){
        .taps = t->kernel_h * t->kernel_w, .chan = t->c_in, .groups = 1, .cols = t->c_out, .in = a->in[LT_CONV2D_X].dtype,
        .compute = t->compute, .act = t->act, .bias = t->bias,
    };
}

lt_gemm_weights lt_conv2d_map_weights(const lt_args *a, const lt_weight_data *w)
{
    const lt_conv2d_attr *t = a->attr;
    const int64_t taps = (int64_t)t->kernel_h * t->kernel_w;
    return (lt_gemm_weights){ .data = w[LT_CONV2D_W].data, .bias = w[LT_CONV2D_B].data, .col = taps * t->c_in, .tap = 1, .chan = taps };
}

static bool by_rows(const lt_args *a)
{
    const lt_conv2d_attr *t = a->attr;
    const bool padded = t->pad_top || t->pad_left || t->pad_bottom || t->pad_right;
    return !padded && t->dilation == 1 && a->in[LT_CONV2D_X].stride[2] == t->c_in;
}

int lt_conv2d_map_segs(const lt_args *a)
{
    const lt_conv2d_attr *t = a->attr;
    return by_rows(a) ? t->kernel_h : t->kernel_h * t->kernel_w;
}

/* One tap (or row of the kernel, q = 0) for the pixels j .. j+n-1 of a row of the output; `line` is the row of x that the
 * tap reads, NULL outside the map. */
static void tap_addresses(const lt_conv2d_attr *t, const lt_tensor *x, const char *line, int q, int64_t j, int n,
                          const void *zero, const void **table)
{
    const int64_t step = x->stride[2] * (int64_t)lt_dtype_bytes(x->dtype), w = x->dim[2];
    int64_t at = j * t->stride - t->pad_left + q * t->dilation;
    for (int i = 0; i < n; i++, at += t->stride)
        table[i] = line && at >= 0 && at < w ? (const void *)(line + at * step) : zero;
}

static void rows_in(const void *ctx, int64_t row, int n, const void *zero, const void **table)
{
    const lt_args *a = ctx;
    const lt_conv2d_attr *t = a->attr;
    const lt_tensor *x = &a->in[LT_CONV2D_X], *y = &a->out;
    const int columns = by_rows(a) ? 1 : t->kernel_w;
    int64_t j = row % y->dim[2], i = row / y->dim[2] % y->dim[1], frame = row / y->dim[2] / y->dim[1];
    for (int done = 0, part; done < n; done += part, j = 0, i++) {
        if (i == y->dim[1]) i = 0, frame++;
        part = y->dim[2] - j < n - done ? (int)(y->dim[2] - j) : n - done;
        const char *map = lt_tensor_at(x, frame);
        for (int p = 0; p < t->kernel_h; p++) {
            const int64_t h = (y->row0 + i) * t->stride - t->pad_top + p * t->dilation;
            const bool outside = h < 0 || h >= x->rows;
            const char *line = outside ? NULL : map + (h - x->row0) * x->stride[1] * (int64_t)lt_dtype_bytes(x->dtype);
            for (int q = 0; q < columns; q++)
                tap_addresses(t, x, line, q, j, part, zero, table + (p * columns + q) * LT_GEMM_ROWS + done);
        }
    }
}

/* Pixels row .. row+n-1 of a map of the output's size. */
static void pixel_addresses(const lt_tensor *m, int64_t row, int n, const void **out)
{
    const int64_t bytes = (int64_t)lt_dtype_bytes(m->dtype), step = m->stride[2] * bytes;
    int64_t j = row % m->dim[2], i = row / m->dim[2] % m->dim[1], frame = row / m->dim[2] / m->dim[1];
    for (int k = 0; k < n; j = 0, i++) {
        if (i == m->dim[1]) i = 0, frame++;
        const char *p = (const char *)lt_tensor_at(m, frame) + i * m->stride[1] * bytes + j * step;
        for (; k < n && j < m->dim[2]; k++, j++, p += step) out[k] = p;
    }
}

static void rows_out(const void *ctx, int group, int64_t row, int n, void **out, const void **residual)
{
    const lt_args *a = ctx;
    const lt_tensor *r = &a->in[LT_CONV2D_RESIDUAL];
    (void)group;
    pixel_addresses(&a->out, row, n, (const void **)out);
    if (r->n_dims) pixel_addresses(r, row, n, residual);
    else for (int i = 0; i < n; i++) residual[i] = NULL;
}

lt_gemm lt_conv2d_map(const lt_args *a)
{
    return (lt_gemm){
        .shape = lt_conv2d_map_shape(a), .packed = a->packed, .n_rows = a->out.dim[0] * a->out.dim[1] * a->out.dim[2],
        .segs = lt_conv2d_map_segs(a), .out = a->out.dtype, .residual = a->in[LT_CONV2D_RESIDUAL].dtype, .ctx = a,
        .rows_in = rows_in, .rows_out = rows_out,
    };
}
