#include "kernels/resize/resize.h"
#include "kernels/value.h"

void lt_resize_taps(int64_t n_in, int64_t n_out, int64_t i, int64_t *first, int64_t *second, float *t)
{
    const float scale = n_out > 1 ? (float)(n_in - 1) / (float)(n_out - 1) : 0.f;
    const float at = scale * (float)i;
    *first = (int64_t)at;
    *second = *first + 1 < n_in ? *first + 1 : n_in - 1;
    *t = at - (float)*first;
}

static float pixel(const lt_tensor *x, int64_t n, int64_t row, int64_t column, int64_t c)
{
    return lt_value_get(x, ((n * x->dim[1] + row - x->row0) * x->dim[2] + column) * x->dim[3] + c);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    const lt_tensor *x = &a->in[LT_RESIZE_X], *r = &a->in[LT_RESIZE_RESIDUAL], *out = &a->out;
    (void)l;
    for (int64_t i = 0; i < lt_tensor_count(out); i++) {
        const int64_t c = i % out->dim[3], column = i / out->dim[3] % out->dim[2], row = i / out->dim[3] / out->dim[2] % out->dim[1];
        const int64_t n = i / out->dim[3] / out->dim[2] / out->dim[1];
        int64_t x0, x1, y0, y1;
        float tx, ty;
        lt_resize_taps(x->rows, out->rows, out->row0 + row, &y0, &y1, &ty);
        lt_resize_taps(x->dim[2], out->dim[2], column, &x0, &x1, &tx);
        const float top = pixel(x, n, y0, x0, c) * (1.f - tx) + pixel(x, n, y0, x1, c) * tx;
        const float bottom = pixel(x, n, y1, x0, c) * (1.f - tx) + pixel(x, n, y1, x1, c) * tx;
        const float y = top * (1.f - ty) + bottom * ty;
        lt_value_put(out, i, r->n_dims ? y + lt_value_get(r, i) : y);
    }
    return LT_OK;
}

const lt_kernel lt_resize_ref = { .name = "resize.ref", .launch = launch };
