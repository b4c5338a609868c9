#include "kernels/affine.h"
#include "kernels/layernorm/layernorm.h"
#include "kernels/value.h"

#include <math.h>

static void row(const lt_args *a, int64_t first)
{
    const lt_layernorm_attr *attr = a->attr;
    const int64_t n = attr->channels;
    const float *w = a->packed, *b = w + n;
    const lt_tensor *x = &a->in[LT_LAYERNORM_X], *add = &a->in[LT_LAYERNORM_ADD];
    double mean = 0, var = 0;
    for (int64_t c = 0; c < n; c++) mean += (double)lt_value_get(x, first + c) / (double)n;
    for (int64_t c = 0; c < n; c++) {
        const double d = (double)lt_value_get(x, first + c) - mean;
        var += d * d / (double)n;
    }
    const double scale = 1 / sqrt(var + (double)attr->eps);
    for (int64_t c = 0; c < n; c++) {
        double y = ((double)lt_value_get(x, first + c) - mean) * scale * (double)w[c] + (double)b[c];
        if (add->n_dims) y += (double)lt_value_get(add, first + c);
        lt_value_put(&a->out, first + c, (float)y);
    }
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    const int64_t n = lt_tensor_count(&a->out);
    (void)l;
    for (int64_t i = 0; i < n; i += ((const lt_layernorm_attr *)a->attr)->channels) row(a, i);
    return LT_OK;
}

const lt_kernel lt_layernorm_ref = {
    .name = "layernorm.ref", .packed_bytes = lt_affine_bytes, .pack = lt_affine_pack, .launch = launch
};
