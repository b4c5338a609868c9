#include "kernels/gemm/ref.h"

#include <math.h>
#include <string.h>

double lt_ref_get(const void *p, lt_dtype dtype, int64_t i)
{
    return dtype == LT_BF16 ? lt_bf16_to_float(((const uint16_t *)p)[i]) : ((const float *)p)[i];
}

void lt_ref_set(void *p, lt_dtype dtype, int64_t i, double x)
{
    if (dtype == LT_BF16) ((uint16_t *)p)[i] = lt_bf16_from_float((float)x);
    else ((float *)p)[i] = (float)x;
}

double lt_ref_operand(double x, lt_dtype compute)
{
    return compute == LT_BF16 ? lt_bf16_to_float(lt_bf16_from_float((float)x)) : x;
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
