#include "kernels/attention/attention.h"

#include <math.h>

static float rounded(float x, lt_dtype to)
{
    return to == LT_BF16 ? lt_bf16_to_float(lt_bf16_from_float(x)) : to == LT_F16 ? lt_half_to_float(lt_half_from_float(x)) : x;
}

/* Element `e` of row `row`, which starts at that many elements into the tensor. */
static double value(const lt_tensor *t, int64_t row, int64_t e, lt_dtype compute)
{
    const uint16_t *narrow = t->data;
    const float x = t->dtype == LT_BF16  ? lt_bf16_to_float(narrow[row + e])
                    : t->dtype == LT_F16 ? lt_half_to_float(narrow[row + e])
                                         : ((const float *)t->data)[row + e];
    return (double)rounded(x, compute);
}

static int64_t row_of(const lt_tensor *t, int64_t b, int64_t i, int64_t h)
{
    return b * t->stride[0] + i * t->stride[1] + h * t->stride[2];
}

static size_t workspace_bytes(const lt_args *a, const lt_machine *m)
{
    (void)m;
    return (size_t)(a->in[LT_ATTENTION_K].dim[1] + a->in[LT_ATTENTION_V].dim[3]) * sizeof(double);
}

/* p[j] = exp(score j - the largest score); their sum is returned. */
static double weights(const lt_args *a, int64_t b, int64_t i, int64_t h, int64_t n, double *p)
{
    const lt_attention_attr *attr = a->attr;
    const lt_tensor *q = &a->in[LT_ATTENTION_Q], *k = &a->in[LT_ATTENTION_K];
    double top = -INFINITY, sum = 0;
    for (int64_t j = 0; j < n; j++) {
        p[j] = 0;
        for (int64_t d = 0; d < q->dim[3]; d++)
            p[j] += value(q, row_of(q, b, i, h), d, attr->compute) * value(k, row_of(k, b, j, h), d, attr->compute);
        p[j] *= (double)attr->scale;
        if (p[j] > top) top = p[j];
    }
    for (int64_t j = 0; j < n; j++) {
        p[j] = exp(p[j] - top);
        sum += p[j];
        if (attr->compute != LT_F32) p[j] = (double)rounded((float)p[j], attr->compute);
    }
    return sum;
}

static void row(const lt_args *a, int64_t b, int64_t i, int64_t h, int64_t n, double *p, double *y)
{
    const lt_tensor *v = &a->in[LT_ATTENTION_V], *out = &a->out;
    const lt_dtype compute = ((const lt_attention_attr *)a->attr)->compute;
    const double sum = weights(a, b, i, h, n, p);
    for (int64_t e = 0; e < v->dim[3]; e++) y[e] = 0;
    for (int64_t j = 0; j < n; j++)
        for (int64_t e = 0; e < v->dim[3]; e++) y[e] += p[j] * value(v, row_of(v, b, j, h), e, compute);
    const int64_t at = row_of(out, b, i, h);
    for (int64_t e = 0; e < v->dim[3]; e++) {
        if (out->dtype == LT_BF16) ((uint16_t *)out->data)[at + e] = lt_bf16_from_float((float)(y[e] / sum));
        else if (out->dtype == LT_F16) ((uint16_t *)out->data)[at + e] = lt_half_from_float((float)(y[e] / sum));
        else ((float *)out->data)[at + e] = (float)(y[e] / sum);
    }
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    const lt_attention_attr *attr = a->attr;
    const int64_t n_keys = a->in[LT_ATTENTION_K].dim[1], n = attr->n_keys && *attr->n_keys < n_keys ? *attr->n_keys : n_keys;
    double *p = l->workspace, *y = p + n_keys;
    for (int64_t b = 0; b < a->out.dim[0]; b++)
        for (int64_t i = 0; i < a->out.dim[1]; i++)
            for (int64_t h = 0; h < a->out.dim[2]; h++) row(a, b, i, h, n, p, y);
    return LT_OK;
}

const lt_kernel lt_attention_ref = { .name = "attention.ref", .workspace_bytes = workspace_bytes, .launch = launch };
