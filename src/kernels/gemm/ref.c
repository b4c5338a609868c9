#include "kernels/gemm/ref.h"

#include <math.h>
#include <string.h>

double lt_ref_get(const void *p, lt_dtype dtype, int64_t i)
{
    if (dtype == LT_F32) return ((const float *)p)[i];
    const uint16_t v = ((const uint16_t *)p)[i];
    return dtype == LT_BF16 ? lt_bf16_to_float(v) : lt_half_to_float(v);
}

void lt_ref_set(void *p, lt_dtype dtype, int64_t i, double x)
{
    if (dtype == LT_F32) ((float *)p)[i] = (float)x;
    else ((uint16_t *)p)[i] = dtype == LT_BF16 ? lt_bf16_from_float((float)x) : lt_half_from_float((float)x);
}

double lt_ref_operand(double x, lt_dtype compute)
{
    if (compute == LT_F32) return x;
    return compute == LT_BF16 ? lt_bf16_to_float(lt_bf16_from_float((float)x)) : lt_half_to_float(lt_half_from_float((float)x));
}

double lt_ref_act(double x, lt_act act)
{
    if (act == LT_ACT_NONE) return x;
    if (act == LT_ACT_RELU) return x < 0 ? 0 : x;
    return x / 2 * erfc(-x / sqrt(2));
}

float *lt_ref_pack(float *to, const lt_weight_data *w)
{
    size_t n = w->data ? 1 : 0;
    for (int i = 0; i < w->n_dims; i++) n *= (size_t)w->dim[i];
    if (n) memcpy(to, w->data, n * sizeof *to);
    return to + n;
}
