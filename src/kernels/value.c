#include "kernels/value.h"

static void *place(const lt_tensor *t, int64_t flat)
{
    int64_t at = 0;
    for (int d = t->n_dims - 1; d >= 0; d--) {
        const int64_t i = flat % t->dim[d];
        flat /= t->dim[d];
        at += (d == 0 && t->index ? t->index[i] : i) * t->stride[d];
    }
    return (char *)t->data + at * (int64_t)lt_dtype_bytes(t->dtype);
}

float lt_value_get(const lt_tensor *t, int64_t flat)
{
    const void *p = place(t, flat);
    if (t->dtype == LT_F32) return *(const float *)p;
    return t->dtype == LT_BF16 ? lt_bf16_to_float(*(const uint16_t *)p) : lt_half_to_float(*(const uint16_t *)p);
}

void lt_value_put(const lt_tensor *t, int64_t flat, float value)
{
    void *p = place(t, flat);
    if (t->dtype == LT_F32) *(float *)p = value;
    else *(uint16_t *)p = t->dtype == LT_BF16 ? lt_bf16_from_float(value) : lt_half_from_float(value);
}
