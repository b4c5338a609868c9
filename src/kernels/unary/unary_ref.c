#include "kernels/unary/unary.h"
#include "kernels/value.h"

#include <math.h>

static double gelu(double x)
{
    return x / 2 * (1 + erf(x * 0.70710678118654752440));
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    const lt_unary_attr *attr = a->attr;
    const lt_tensor *x = &a->in[LT_UNARY_X];
    const int64_t n = lt_tensor_count(&a->out), columns = a->out.dim[a->out.n_dims - 1];
    (void)l;
    for (int64_t i = 0; i < n; i++) {
        double y;
        if (attr->act == LT_ACT_GEGLU) {
            const int64_t at = i / columns * 2 * columns + i % columns;
            y = (double)lt_value_get(x, at) * gelu((double)lt_value_get(x, at + columns));
        } else {
            y = (double)lt_value_get(x, i);
            y = attr->act == LT_ACT_GELU ? gelu(y) : attr->act == LT_ACT_RELU && y <= 0 ? 0 : y;
        }
        lt_value_put(&a->out, i, (float)y);
    }
    return LT_OK;
}

const lt_kernel lt_unary_ref = { .name = "unary.ref", .launch = launch };
