/* kernels/gemm_rows.h -- the tables of linear, conv2d and convtranspose2d, for whoever runs them.
 *
 * in    a candidate
 * out   rig cases
 * owns  nothing */
#ifndef LT_TESTS_KERNELS_GEMM_ROWS_H
#define LT_TESTS_KERNELS_GEMM_ROWS_H

#include "kernels/conv2d/conv2d.h"
#include "kernels/convtranspose2d/convtranspose2d.h"
#include "kernels/linear/linear.h"
#include "kernels/rig.h"

#include <math.h>

enum { F32 = LT_F32, B16 = LT_BF16, F16 = LT_F16 };

/* The tolerance of linear.h; `scale` is what the definition gives for magnitudes. The half units of a bf16 or f16 out are the rig's. */
static double chain(int64_t K, double scale)
{
    return 4 * ldexp(1, -24) * sqrt((double)K) * scale;
}

static double linear_allowed(const rig_case *c, double value, double scale)
{
    const lt_linear_attr *t = c->attr;
    (void)value;
    /* GELU's slope is 1.13 at most, and GELU of a magnitude, which `scale` has, is half of it at least. A gated product has the errors
     * of both its factors. */
    const double act = t->act == LT_ACT_GELU ? 2.26 : t->act == LT_ACT_GEGLU ? 4.26 : 1;
    return act * chain(t->n_in, scale);
}

static double conv2d_allowed(const rig_case *c, double value, double scale)
{
    const lt_conv2d_attr *t = c->attr;
    (void)value;
    return (t->act == LT_ACT_GELU ? 2.26 : 1) * chain((int64_t)t->kernel_h * t->kernel_w * t->c_in / t->groups, scale);
}

static double convtranspose2d_allowed(const rig_case *c, double value, double scale)
{
    const lt_convtranspose2d_attr *t = c->attr;
    (void)value;
    return chain(t->c_in, scale);
}

typedef struct {
    const char *catches;
    int         n_in, n_out, act, compute, parts;   /* parts: BIAS and others */
    int64_t     b, t;                               /* rows [b,t] */
    int         in, out;
} linear_row;

enum { BIAS = 1, GAMMA = 2, RESIDUAL = 4, IN_PLACE = 8, REPEATED = 16, VIEW = 32, INDEXED = 64, RESIDUAL_BF16 = 128, ODD = 256, RESIDUAL_F16 = 512, LARGE = 1024 };

static const linear_row linear_rows[] = {
    { "one product",                               1, 1, 0, F32, 0, 1, 1, F32, F32 },
    { "K = 1: no sum to hide an offset",           1, 33, 0, F32, BIAS, 2, 5, F32, F32 },
    { "N = 1: one column of a panel",              40, 1, 0, F32, BIAS, 2, 7, F32, F32 },
    { "prime sizes",                               131, 53, 0, F32, BIAS | GAMMA, 1, 37, F32, F32 },
    { "K beyond blocks of k, not a multiple",      1013, 35, 0, F32, BIAS, 1, 19, F32, F32 },
    { "K of two whole blocks of AVX2",              768, 48, 0, F32, 0, 1, 13, F32, F32 },
    { "several items of rows, the last partial",   64, 40, 0, F32, BIAS, 3, 131, F32, F32 },
    { "N one less than panels",                    24, 63, LT_ACT_RELU, F32, BIAS, 1, 25, F32, F32 },
    { "GELU of both signs",                        96, 64, LT_ACT_GELU, F32, BIAS, 1, 50, F32, F32 },
    { "GEGLU, halves of a panel",                  96, 64, LT_ACT_GEGLU, F32, BIAS, 1, 50, F32, F32 },
    { "GEGLU without bias, ragged halves",         67, 29, LT_ACT_GEGLU, F32, 0, 1, 50, F32, F32 },
    { "GEGLU with gamma and residual",             67, 29, LT_ACT_GEGLU, F32, BIAS | GAMMA | RESIDUAL, 2, 9, F32, F32 },
    { "gamma before the residual, after GELU",     70, 45, LT_ACT_GELU, F32, BIAS | GAMMA | RESIDUAL, 2, 11, F32, F32 },
    { "residual in place",                         70, 45, 0, F32, BIAS | GAMMA | RESIDUAL | IN_PLACE, 2, 51, F32, F32 },
    { "residual of stride 0: one for all frames",  70, 45, 0, F32, BIAS | RESIDUAL | REPEATED, 3, 51, F32, F32 },
    { "views: first token dropped, padded rows",   70, 45, 0, F32, BIAS | RESIDUAL | VIEW, 3, 51, F32, F32 },
    { "dimension 0 indexed, of all three",         70, 45, 0, F32, BIAS | RESIDUAL | INDEXED, 3, 51, F32, F32 },
    { "arrays off the vectors' alignment",         33, 45, 0, F32, BIAS | RESIDUAL | ODD, 3, 20, F32, F32 },
    { "bf16 in",                                   77, 45, 0, F32, BIAS | RESIDUAL | VIEW, 2, 60, B16, F32 },
    { "bf16 out and bf16 residual, ragged",        77, 45, 0, F32, BIAS | GAMMA | RESIDUAL | RESIDUAL_BF16, 2, 60, F32, B16 },
    { "compute bf16 rounds x and W, nothing else", 301, 45, 0, B16, BIAS | GAMMA | RESIDUAL, 2, 60, F32, F32 },
    { "bf16 throughout",                           301, 45, LT_ACT_GELU, B16, BIAS, 2, 60, B16, B16 },
    { "compute bf16, GEGLU, in place",             64, 45, LT_ACT_GEGLU, B16, BIAS | RESIDUAL | IN_PLACE, 2, 60, B16, F32 },
};

/* f16, which vector code of the CPU refuses. */
static const linear_row linear_f16_rows[] = {
    { "f16 in, nothing rounded",                   77, 45, 0, F32, BIAS | RESIDUAL | VIEW, 2, 30, F16, F32 },
    { "compute f16 rounds x and W, nothing else",  301, 45, 0, F16, BIAS | GAMMA | RESIDUAL, 2, 30, F32, F32 },
    { "f16 throughout, f16 residual",              131, 45, LT_ACT_GELU, F16, BIAS | RESIDUAL | RESIDUAL_F16, 2, 30, F16, F16 },
    { "operands beyond f16 are infinite",          3, 45, 0, F16, BIAS | LARGE, 2, 30, F32, F32 },
    { "results beyond f16 are infinite",           20, 45, 0, F32, BIAS | LARGE, 2, 30, F32, F16 },
    { "compute f16, GEGLU",                        64, 29, LT_ACT_GEGLU, F16, BIAS, 2, 30, F16, F16 },
};

static rig_case linear_case(const linear_row *r, const lt_kernel *candidate, lt_linear_attr *attr)
{
    const bool view = r->parts & VIEW, indexed = r->parts & INDEXED;
    const int64_t sums = r->act == LT_ACT_GEGLU ? 2 * r->n_out : r->n_out;
    *attr = (lt_linear_attr){ r->n_in, r->n_out, (lt_dtype)r->compute, (lt_act)r->act, r->parts & BIAS, (r->parts & GAMMA) != 0 };
    rig_case c = {
        .catches = r->catches, .definition = &lt_linear_ref, .candidate = candidate, .attr = attr, .allowed = linear_allowed,
        .magnitude = true, .seed = (uint32_t)(r->n_in * 7 + r->n_out),
        .in[0] = { .n_dims = 3, .dim = { r->b, r->t, r->n_in }, .dtype = (lt_dtype)r->in, .indexed = indexed },
        .out = { .n_dims = 3, .dim = { r->b, r->t, r->n_out }, .dtype = (lt_dtype)r->out, .indexed = indexed },
        .weights = { { 2, { sums, r->n_in }, 0, 0 } },
    };
    if (view) c.in[0].gap[0] = r->n_in + 3, c.in[0].gap[1] = 3, c.out.gap[1] = 5;
    if (r->parts & LARGE) c.in[0].dev = 40000;
    if (r->parts & ODD) c.in[0].shift = 1, c.out.shift = 3;
    if (r->parts & BIAS) c.weights[1] = (rig_weight){ 1, { sums }, 0.5f, 0 };
    if (r->parts & GAMMA) c.weights[2] = (rig_weight){ 1, { r->n_out }, 1, 0.3f };
    if (r->parts & RESIDUAL) {
        c.in[1] = c.out;
        c.in[1].dtype = r->parts & RESIDUAL_BF16 ? LT_BF16 : r->parts & RESIDUAL_F16 ? LT_F16 : LT_F32;
        c.in[1].dev = 3;
        if (r->parts & REPEATED) c.in[1].repeat = 1;
        if (r->parts & IN_PLACE) c.in_place = 2;
    }
    return c;
}

typedef struct {
    const char *catches;
    int         c, f, kh, kw, stride, dilation, top, left, bottom, right;
    int64_t     n, h, w;
    int         act, compute, parts, in, out;
    int64_t     row0, rows;             /* the band of the output; rows 0: all */
} conv2d_row;

static const conv2d_row conv2d_rows[] = {
    { "1x1, a plain product",                 37, 21, 1, 1, 1, 1, 0, 0, 0, 0,  2, 9, 11, 0, F32, BIAS, F32, F32, 0, 0 },
    { "1x1 stride 2",                         16, 21, 1, 1, 2, 1, 0, 0, 0, 0,  2, 9, 11, 0, F32, 0, F32, F32, 0, 0 },
    { "3x3 pad 1: all four edges",            16, 32, 3, 3, 1, 1, 1, 1, 1, 1,  2, 9, 11, LT_ACT_RELU, F32, BIAS, F32, F32, 0, 0 },
    { "3x3 pad 1, K beyond a block",          99, 19, 3, 3, 1, 1, 1, 1, 1, 1,  1, 7, 6, 0, F32, BIAS | RESIDUAL, F32, F32, 0, 0 },
    { "3x3 stride 2 pad 1",                   20, 35, 3, 3, 2, 1, 1, 1, 1, 1,  2, 11, 12, 0, F32, BIAS, F32, F32, 0, 0 },
    { "3x3 dilation 2 pad 2",                 17, 24, 3, 3, 1, 2, 2, 2, 2, 2,  1, 9, 8, LT_ACT_GELU, F32, BIAS, F32, F32, 0, 0 },
    { "dilation 3, stride 2",                 17, 24, 3, 2, 2, 3, 1, 2, 3, 0,  1, 13, 14, 0, F32, BIAS, F32, F32, 0, 0 },
    { "3x3 without padding: rows merged",     16, 32, 3, 3, 1, 1, 0, 0, 0, 0,  2, 9, 11, 0, F32, BIAS, F32, F32, 0, 0 },
    { "no padding, pixels not contiguous",    16, 32, 3, 3, 1, 1, 0, 0, 0, 0,  2, 9, 11, 0, F32, BIAS | VIEW, F32, F32, 0, 0 },
    { "patches 14x14 of 3",                   3, 48, 14, 14, 14, 1, 0, 0, 0, 0,  2, 28, 42, 0, F32, BIAS, F32, F32, 0, 0 },
    { "pieces of 3: gathered",                3, 24, 3, 3, 2, 1, 1, 1, 1, 1,  2, 13, 12, 0, F32, BIAS, F32, F32, 0, 0 },
    { "edges that differ",                    18, 20, 2, 4, 1, 1, 1, 0, 0, 2,  1, 8, 9, 0, F32, 0, F32, F32, 0, 0 },
    { "views, rows and pixels padded",        16, 21, 3, 3, 1, 1, 1, 1, 1, 1,  2, 9, 11, 0, F32, BIAS | RESIDUAL | VIEW, F32, F32, 0, 0 },
    { "dimension 0 indexed",                  16, 21, 3, 3, 1, 1, 1, 1, 1, 1,  3, 9, 11, 0, F32, BIAS | RESIDUAL | INDEXED, F32, F32, 0, 0 },
    { "residual in place",                    16, 21, 3, 3, 1, 1, 1, 1, 1, 1,  2, 9, 11, 0, F32, BIAS | RESIDUAL | IN_PLACE, F32, F32, 0, 0 },
    { "residual of stride 0",                 16, 21, 3, 3, 1, 1, 1, 1, 1, 1,  3, 9, 11, 0, F32, RESIDUAL | REPEATED, F32, F32, 0, 0 },
    { "band at the top",                      16, 21, 3, 3, 1, 1, 1, 1, 1, 1,  2, 12, 11, 0, F32, BIAS, F32, F32, 0, 4 },
    { "band in the middle",                   16, 21, 3, 3, 1, 1, 1, 1, 1, 1,  2, 12, 11, 0, F32, BIAS | RESIDUAL, F32, F32, 4, 3 },
    { "band at the bottom",                   16, 21, 3, 3, 1, 1, 1, 1, 1, 1,  2, 12, 11, 0, F32, BIAS, F32, F32, 9, 3 },
    { "band, stride 2",                       16, 21, 3, 3, 2, 1, 1, 1, 1, 1,  2, 13, 11, 0, F32, BIAS, F32, F32, 3, 2 },
    { "band of one row, dilation 2",          16, 21, 3, 3, 1, 2, 2, 2, 2, 2,  2, 12, 11, 0, F32, BIAS, F32, F32, 5, 1 },
    { "many items of rows",                   16, 16, 3, 3, 1, 1, 1, 1, 1, 1,  2, 37, 41, 0, F32, BIAS, F32, F32, 0, 0 },
    { "bf16 in, taps outside",                19, 21, 3, 3, 1, 1, 1, 1, 1, 1,  2, 9, 11, 0, F32, BIAS, B16, F32, 0, 0 },
    { "bf16 throughout, a band",              19, 21, 3, 3, 1, 1, 1, 1, 1, 1,  2, 12, 11, 0, B16, BIAS | RESIDUAL, B16, B16, 4, 4 },
    { "compute bf16 of f32 patches",          3, 40, 14, 14, 14, 1, 0, 0, 0, 0,  2, 28, 28, 0, B16, BIAS, F32, F32, 0, 0 },
};

static const conv2d_row conv2d_f16_rows[] = {
    { "f16 in, taps outside",                 19, 21, 3, 3, 1, 1, 1, 1, 1, 1,  2, 7, 8, 0, F32, BIAS, F16, F32, 0, 0 },
    { "f16 throughout, a band",               19, 21, 3, 3, 1, 1, 1, 1, 1, 1,  2, 12, 8, LT_ACT_RELU, F16, BIAS | RESIDUAL, F16, F16, 4, 4 },
    { "compute f16 of f32 patches",           3, 40, 14, 14, 14, 1, 0, 0, 0, 0,  1, 28, 28, 0, F16, BIAS, F32, F32, 0, 0 },
};

static rig_case conv2d_case(const conv2d_row *r, const lt_kernel *candidate, lt_conv2d_attr *t)
{
    const int64_t ho = (r->h + r->top + r->bottom - r->dilation * (r->kh - 1) - 1) / r->stride + 1;
    const int64_t wo = (r->w + r->left + r->right - r->dilation * (r->kw - 1) - 1) / r->stride + 1;
    *t = (lt_conv2d_attr){
        .c_in = r->c, .c_out = r->f, .kernel_h = r->kh, .kernel_w = r->kw, .stride = r->stride, .dilation = r->dilation, .groups = 1,
        .pad_top = r->top, .pad_left = r->left, .pad_bottom = r->bottom, .pad_right = r->right, .compute = (lt_dtype)r->compute,
        .act = (lt_act)r->act, .bias = r->parts & BIAS,
    };
    /* The rows of x that the band reads, and no more. */
    const int64_t rows = r->rows ? r->rows : ho;
    int64_t first = r->row0 * r->stride - r->top, last = (r->row0 + rows - 1) * r->stride - r->top + r->dilation * (r->kh - 1);
    if (first < 0 || !r->rows) first = 0;
    if (last >= r->h || !r->rows) last = r->h - 1;
    rig_case c = {
        .catches = r->catches, .definition = &lt_conv2d_ref, .candidate = candidate, .attr = t, .allowed = conv2d_allowed,
        .magnitude = true, .seed = (uint32_t)(r->c * 7 + r->f),
        .in[0] = { .n_dims = 4, .dim = { r->n, last - first + 1, r->w, r->c }, .dtype = (lt_dtype)r->in, .row0 = first, .rows = r->h,
                   .indexed = (r->parts & INDEXED) != 0 },
        .out = { .n_dims = 4, .dim = { r->n, rows, wo, r->f }, .dtype = (lt_dtype)r->out, .row0 = r->row0, .rows = ho,
                 .indexed = (r->parts & INDEXED) != 0 },
        .weights = { { 4, { r->f, r->c, r->kh, r->kw }, 0, 0 } },
    };
    if (r->parts & VIEW) c.in[0].gap[2] = 5, c.in[0].gap[1] = 7, c.out.gap[2] = 3, c.out.gap[0] = 4;
    if (r->parts & BIAS) c.weights[1] = (rig_weight){ 1, { r->f }, 0.5f, 0 };
    if (r->parts & RESIDUAL) {
        c.in[1] = c.out;
        c.in[1].dtype = LT_F32;
        if (r->parts & REPEATED) c.in[1].repeat = 1;
        if (r->parts & IN_PLACE) c.in_place = 2;
    }
    return c;
}

typedef struct {
    const char *catches;
    int         c, f, stride;
    int64_t     n, h, w;
    int         compute, parts, in, out;
    int64_t     row0, rows;
} convtranspose2d_row;

static const convtranspose2d_row convtranspose2d_rows[] = {
    { "stride 1 is a plain product",          37, 21, 1, 2, 5, 7, F32, BIAS, F32, F32, 0, 0 },
    { "stride 2: places shuffled",            37, 21, 2, 2, 5, 7, F32, BIAS, F32, F32, 0, 0 },
    { "stride 4, columns fill panels",        48, 64, 4, 2, 5, 7, F32, BIAS, F32, F32, 0, 0 },
    { "stride 3, no bias, a view",            48, 10, 3, 2, 5, 7, F32, VIEW, F32, F32, 0, 0 },
    { "dimension 0 indexed",                  20, 10, 2, 3, 5, 7, F32, BIAS | INDEXED, F32, F32, 0, 0 },
    { "band that begins within a block",      20, 10, 4, 2, 5, 7, F32, BIAS, F32, F32, 6, 7 },
    { "band within one block",                20, 10, 4, 2, 5, 7, F32, BIAS, F32, F32, 9, 2 },
    { "band at the bottom",                   20, 10, 4, 2, 5, 7, F32, BIAS, F32, F32, 15, 5 },
    { "bf16 throughout",                      67, 24, 2, 2, 5, 7, B16, BIAS, B16, B16, 0, 0 },
    { "compute bf16, a band",                 67, 24, 2, 2, 5, 7, B16, BIAS, F32, F32, 3, 4 },
};

static const convtranspose2d_row convtranspose2d_f16_rows[] = {
    { "f16 throughout",                       67, 24, 2, 2, 5, 7, F16, BIAS, F16, F16, 0, 0 },
    { "compute f16, a band",                  67, 24, 2, 2, 5, 7, F16, BIAS, F32, F32, 3, 4 },
};

static rig_case convtranspose2d_case(const convtranspose2d_row *r, const lt_kernel *candidate, lt_convtranspose2d_attr *t)
{
    *t = (lt_convtranspose2d_attr){ r->c, r->f, r->stride, (lt_dtype)r->compute, r->parts & BIAS };
    const int64_t s = r->stride, rows = r->rows ? r->rows : s * r->h, first = r->row0 / s, last = (r->row0 + rows - 1) / s;
    rig_case c = {
        .catches = r->catches, .definition = &lt_convtranspose2d_ref, .candidate = candidate, .attr = t,
        .allowed = convtranspose2d_allowed, .magnitude = true, .seed = (uint32_t)(r->c * 7 + r->f),
        .in[0] = { .n_dims = 4, .dim = { r->n, last - first + 1, r->w, r->c }, .dtype = (lt_dtype)r->in, .row0 = first, .rows = r->h,
                   .indexed = (r->parts & INDEXED) != 0 },
        .out = { .n_dims = 4, .dim = { r->n, rows, s * r->w, r->f }, .dtype = (lt_dtype)r->out, .row0 = r->row0, .rows = s * r->h,
                 .indexed = (r->parts & INDEXED) != 0 },
        .weights = { { 4, { r->c, r->f, s, s }, 0, 0 } },
    };
    if (r->parts & VIEW) c.in[0].gap[2] = 5, c.in[0].gap[1] = 7, c.out.gap[2] = 3, c.out.gap[0] = 4;
    if (r->parts & BIAS) c.weights[1] = (rig_weight){ 1, { r->f }, 0.5f, 0 };
    return c;
}

/* For tensor cores: x in the type that is computed in, channels in eights. */
static const linear_row linear_mma_rows[] = {
    { "one row of eight",                            8, 1, 0, F16, 0, 1, 1, F16, F32 },
    { "K of one stage and a part: zeros beyond",     40, 33, 0, F16, BIAS, 2, 5, F16, F32 },
    { "K of as many stages as are there",            96, 64, 0, B16, BIAS, 1, 64, B16, B16 },
    { "stages used again, tiles that end early",     344, 70, 0, F16, BIAS | GAMMA | RESIDUAL, 1, 67, F16, F32 },
    { "the same in bf16",                            344, 70, 0, B16, BIAS | GAMMA | RESIDUAL, 1, 67, B16, F32 },
    { "GELU, f16 out and f16 residual",              64, 45, LT_ACT_GELU, F16, BIAS | RESIDUAL | RESIDUAL_F16, 1, 50, F16, F16 },
    { "RELU, outputs off the quads",                 64, 63, LT_ACT_RELU, B16, BIAS, 1, 25, B16, B16 },
    { "GEGLU: panels of values and gates",           96, 64, LT_ACT_GEGLU, F16, BIAS, 1, 50, F16, F16 },
    { "GEGLU without bias, ragged",                  72, 29, LT_ACT_GEGLU, B16, 0, 1, 40, B16, F32 },
    { "GEGLU with gamma and residual in place",      64, 29, LT_ACT_GEGLU, F16, BIAS | GAMMA | RESIDUAL | IN_PLACE, 2, 9, F16, F16 },
    { "residual of stride 0",                        72, 45, 0, F16, BIAS | RESIDUAL | REPEATED, 3, 21, F16, F32 },
    { "dimension 0 indexed, of all three",           72, 45, 0, F16, BIAS | RESIDUAL | INDEXED, 3, 21, F16, F32 },
    { "x off the 16 bytes",                          40, 45, 0, F16, BIAS | ODD, 3, 20, F16, F32 },
};

/* What the tensor-core kernel leaves to others. */
static const linear_row linear_not_mma_rows[] = {
    { "f32",                          64, 45, 0, F32, BIAS, 1, 5, F32, F32 },
    { "x in another type",            64, 45, 0, F16, BIAS, 1, 5, F32, F32 },
    { "K no multiple of 8",           68, 45, 0, F16, BIAS, 1, 5, F16, F32 },
    { "the same where rows lie well", 69, 45, 0, F16, BIAS | VIEW, 2, 5, F16, F32 },
    { "rows apart by no multiple",    64, 45, 0, F16, BIAS | VIEW, 2, 5, F16, F32 },
};

static const conv2d_row conv2d_mma_rows[] = {
    { "3x3 pad 1: all four edges",            16, 32, 3, 3, 1, 1, 1, 1, 1, 1,  2, 6, 7, LT_ACT_RELU, F16, BIAS, F16, F16, 0, 0 },
    { "taps of 8 channels: four in a stage",  8, 19, 3, 3, 1, 1, 1, 1, 1, 1,  1, 7, 6, 0, B16, BIAS | RESIDUAL, B16, F32, 0, 0 },
    { "taps that begin within a stage",       40, 21, 3, 3, 1, 1, 1, 1, 1, 1,  1, 7, 6, 0, F16, BIAS | RESIDUAL, F16, F16, 0, 0 },
    { "dilation 3, stride 2, 3 x 2",          24, 24, 3, 2, 2, 3, 1, 2, 3, 0,  1, 13, 14, LT_ACT_GELU, F16, BIAS, F16, F32, 0, 0 },
    { "edges that differ",                    16, 20, 2, 4, 1, 1, 1, 0, 0, 2,  1, 8, 9, 0, B16, 0, B16, F32, 0, 0 },
    { "band in the middle, stride 2",         16, 21, 3, 3, 2, 1, 1, 1, 1, 1,  2, 13, 11, 0, F16, BIAS | RESIDUAL, F16, F16, 3, 2 },
    { "dimension 0 indexed, in place",        16, 21, 3, 3, 1, 1, 1, 1, 1, 1,  3, 5, 6, 0, F16, BIAS | RESIDUAL | INDEXED | IN_PLACE, F16, F16, 0, 0 },
    { "patches of 8 channels",                8, 40, 14, 14, 14, 1, 0, 0, 0, 0,  1, 28, 28, 0, F16, BIAS, F16, F32, 0, 0 },
};

static const convtranspose2d_row convtranspose2d_mma_rows[] = {
    { "stride 2: places shuffled",            40, 21, 2, 2, 5, 7, F16, BIAS, F16, F16, 0, 0 },
    { "stride 4, bf16",                       32, 16, 4, 1, 3, 5, B16, BIAS, B16, B16, 0, 0 },
    { "band that begins within a block",      24, 10, 4, 2, 5, 7, F16, BIAS, F16, F32, 6, 7 },
    { "dimension 0 indexed",                  24, 10, 2, 3, 5, 7, F16, BIAS | INDEXED, F16, F32, 0, 0 },
};

static const linear_row linear_batches[] = {
    { "tiles that span frames",    131, 53, LT_ACT_GELU, F32, BIAS | GAMMA | RESIDUAL, 2, 17, F32, F32 },
    { "the same in bf16",          131, 53, LT_ACT_GEGLU, B16, BIAS, 2, 17, B16, B16 },
    { "one row a frame",           600, 53, 0, F32, 0, 2, 1, F32, F32 },
};
static const conv2d_row conv2d_batches[] = {
    { "tiles that span frames",    16, 21, 3, 3, 1, 1, 1, 1, 1, 1,  2, 5, 7, LT_ACT_RELU, F32, BIAS | RESIDUAL, F32, F32, 0, 0 },
    { "the same in bf16",          16, 21, 3, 3, 2, 1, 1, 1, 1, 1,  2, 5, 7, 0, B16, BIAS, B16, B16, 0, 0 },
};
static const convtranspose2d_row convtranspose2d_batches[] = {
    { "tiles that span frames",    20, 10, 2, 2, 3, 7, F32, BIAS, F32, F32, 0, 0 },
};

static const linear_row linear_mma_batches[] = {
    { "tiles that span frames",    136, 53, LT_ACT_GELU, F16, BIAS | GAMMA | RESIDUAL, 2, 5, F16, F32 },
};
static const conv2d_row conv2d_mma_batches[] = {
    { "tiles that span frames",    16, 21, 3, 3, 2, 1, 1, 1, 1, 1,  2, 5, 4, 0, B16, BIAS, B16, B16, 0, 0 },
};
static const convtranspose2d_row convtranspose2d_mma_batches[] = {
    { "tiles that span frames",    24, 10, 2, 2, 2, 3, F16, BIAS, F16, F32, 0, 0 },
};

#endif
