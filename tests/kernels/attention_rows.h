/* kernels/attention_rows.h -- the tables of attention, for whoever runs them.
 *
 * in    a candidate
 * out   rig cases
 * owns  nothing */
#ifndef LT_TESTS_KERNELS_ATTENTION_ROWS_H
#define LT_TESTS_KERNELS_ATTENTION_ROWS_H

#include "kernels/attention/attention.h"
#include "kernels/rig.h"

#include <math.h>
#include <string.h>

enum { SIGMAS = 4 };        /* the rig's noise stays below 3.5 */

/* The header's tolerance, |q| and |k| from the deviation of their values (half as much again for the largest row). In bf16 each
 * side rounds its weights to its own maximum: two halves of a unit, 2^-9 of max|v| each; in f16 2^-12, and half of the least subnormal
 * number for each key on either side, of a sum of 1/2 at least. */
static double allowed(const rig_case *c, double value, double scale)
{
    const lt_attention_attr *attr = c->attr;
    const rig_view *q = &c->in[LT_ATTENTION_Q], *k = &c->in[LT_ATTENTION_K], *v = &c->in[LT_ATTENTION_V];
    const double d = (double)q->dim[3], qd = q->dev > 0 ? q->dev : 1, kd = k->dev > 0 ? k->dev : 1;
    const double most = fabs((double)v->mean) + SIGMAS * (v->dev > 0 ? (double)v->dev : 1);
    (void)value;
    (void)scale;
    return (0x1p-22 * (sqrt(d) * (double)attr->scale * 1.5 * d * qd * kd + sqrt((double)k->dim[1])) +
            (attr->compute == LT_BF16  ? 0x1p-8
             : attr->compute == LT_F16 ? 0x1p-11 + 0x1p-23 * (double)k->dim[1]
                                       : 0)) * most;
}

typedef enum { DENSE, QKV, PIXELS, HEADS } form;

typedef struct {
    const char *catches;
    int64_t     b, tq, tk, h, d, dv;
    form        form;               /* QKV: parts of [B,T,3,H,D]; PIXELS: of [T,B,3,H,D], out [T,B,H,D]; HEADS: [B,H,T,D] */
    float       dev, scale;         /* of q and k; 0: 1 and 1/sqrt(d) */
    lt_dtype    compute, dtype, out;
    int         n_keys;             /* 0: all */
} row;

static rig_view view(const row *r, int64_t t, int64_t d, int parts, lt_dtype dtype, float dev)
{
    rig_view v = { .n_dims = 4, .dim = { r->b, t, r->h, d }, .dtype = dtype, .dev = dev };
    const int64_t line = parts * r->h * d;
    v.strided = r->form != DENSE;
    v.stride[0] = r->form == PIXELS ? line : t * line;
    v.stride[1] = r->form == PIXELS ? r->b * line : line;
    v.stride[2] = d;
    v.stride[3] = 1;
    if (r->form == HEADS) memcpy(v.stride, (int64_t[]){ r->h * t * d, d, t * d, 1 }, 4 * sizeof *v.stride);
    return v;
}

static rig_case case_of(const row *r, const lt_kernel *candidate, lt_attention_attr *attr, int32_t *n_keys)
{
    *n_keys = r->n_keys;
    *attr = (lt_attention_attr){ .scale = r->scale > 0 ? r->scale : 1 / sqrtf((float)r->d), .compute = r->compute,
                                 .n_keys = r->n_keys ? n_keys : NULL };
    return (rig_case){ .catches = r->catches, .definition = &lt_attention_ref, .candidate = candidate, .attr = attr, .allowed = allowed,
                       .in = { view(r, r->tq, r->d, 3, r->dtype, r->dev), view(r, r->tk, r->d, 3, r->dtype, r->dev),
                               view(r, r->tk, r->dv, 3, r->dtype, 0) },
                       .out = view(r, r->tq, r->dv, 1, r->out, 0), .seed = (uint32_t)(r->tq * 31 + r->d) };
}

static const row any_length[] = {
    { "one key: its weight is 1", 2, 3, 1, 2, 64, 64, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "one query: rows of a strip that are not there", 3, 1, 40, 2, 64, 64, DENSE, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "two of each", 1, 2, 2, 1, 64, 64, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "primes: nothing is a multiple of anything", 2, 37, 101, 3, 64, 64, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "a block of queries and one more, a block of keys and one more", 1, 97, 257, 1, 64, 64, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "blocks that just fit", 1, 96, 256, 1, 64, 64, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "the encoder's tokens, groups of heads", 1, 7, 1370, 6, 64, 64, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "several blocks of queries", 1, 200, 130, 1, 32, 32, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "scores of +-200 overflow an exponential without maximum", 1, 25, 600, 1, 64, 64, QKV, 3, 1, LT_F32, LT_F32, LT_F32, 0 },
    { "one value of a head", 2, 20, 30, 2, 1, 1, DENSE, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "D 8", 2, 20, 70, 3, 8, 8, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "D 24: half a panel of values", 2, 33, 70, 3, 24, 24, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "D 56", 1, 13, 300, 2, 56, 56, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "D 72, of more than one part while packing", 1, 13, 300, 2, 72, 72, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "D 96", 1, 13, 300, 2, 96, 96, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "D 128: smaller blocks of keys", 1, 13, 300, 2, 128, 128, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "D 256: yet smaller ones", 1, 20, 200, 1, 256, 256, DENSE, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "D 13, Dv 5: columns that are not a vector", 2, 20, 70, 2, 13, 5, DENSE, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "Dv larger than D", 1, 20, 270, 2, 16, 200, DENSE, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "batch and tokens exchanged", 3, 65, 65, 2, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "heads apart", 2, 13, 70, 3, 24, 24, HEADS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "fewer keys than Tk", 2, 11, 300, 2, 64, 64, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 77 },
    { "a block of keys fewer", 2, 7, 600, 2, 64, 64, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 300 },
    { "computed in bf16", 2, 20, 300, 1, 64, 64, QKV, 0, 0, LT_BF16, LT_F32, LT_F32, 0 },
    { "bf16 in memory too, odd D", 2, 20, 300, 2, 37, 37, QKV, 0, 0, LT_BF16, LT_BF16, LT_BF16, 0 },
    { "bf16 in, f32 sums and out", 1, 40, 90, 2, 64, 64, QKV, 0, 0, LT_F32, LT_BF16, LT_F32, 0 },
};

static const row few[] = {
    { "one key: its weight is 1", 5, 1, 1, 2, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "two times", 5, 2, 2, 3, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "five times", 20, 5, 5, 8, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "one query of many keys", 5, 1, 32, 8, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "a window, D 8", 40, 32, 32, 8, 8, 8, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "a window, D 16", 6, 32, 32, 8, 16, 16, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "a window, D 24", 9, 32, 32, 8, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "a window, D 32", 4, 32, 32, 8, 32, 32, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "a window, D 48", 4, 32, 32, 8, 48, 48, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "a window, D 96", 3, 32, 32, 4, 96, 96, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "a window, D 128", 3, 32, 32, 4, 128, 128, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "the largest it takes", 1, 64, 64, 1, 256, 256, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "heads apart", 3, 13, 29, 3, 24, 24, HEADS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "heads apart, bf16", 3, 13, 29, 3, 20, 24, HEADS, 0, 0, LT_BF16, LT_BF16, LT_F32, 0 },
    { "primes", 3, 13, 29, 5, 17, 11, DENSE, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "scores of +-200 overflow an exponential without maximum", 5, 32, 32, 4, 24, 24, PIXELS, 4, 1, LT_F32, LT_F32, LT_F32, 0 },
    { "fewer keys than Tk", 5, 32, 32, 4, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 7 },
    { "computed in bf16", 5, 32, 32, 4, 24, 24, PIXELS, 0, 0, LT_BF16, LT_F32, LT_F32, 0 },
    { "bf16 in memory too", 5, 31, 30, 4, 21, 21, PIXELS, 0, 0, LT_BF16, LT_BF16, LT_BF16, 0 },
};

#endif
