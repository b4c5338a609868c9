/* kernels/pointwise_rows.h -- the tables of operators that go value by value or row by row, for whoever runs them: define PAIR(op), which names the
 * definition and the candidate, before. Tolerances are those of the operators' headers.
 *
 * in    PAIR
 * out   static tables of rows
 * owns  nothing */
#ifndef LT_TESTS_KERNELS_POINTWISE_ROWS_H
#define LT_TESTS_KERNELS_POINTWISE_ROWS_H

#include "kernels/rig.h"

#include "kernels/binary/binary.h"
#include "kernels/copy/copy.h"
#include "kernels/groupnorm/groupnorm.h"
#include "kernels/groupnorm_stats/groupnorm_stats.h"
#include "kernels/layernorm/layernorm.h"
#include "kernels/resize/resize.h"
#include "kernels/unary/unary.h"

#include <math.h>

/* ---- layernorm */

static double layernorm_allowed(const rig_case *c, double value, double scale)
{
    const rig_view *x = &c->in[0];
    const double dev = x->dev > 0 ? (double)x->dev : 1, w = 4 * (c->weights[0].dev > 0 ? (double)c->weights[0].dev : 1);
    (void)value;
    (void)scale;
    return 4 * 0x1p-24 * sqrt((double)x->dim[x->n_dims - 1]) * (1 + fabs((double)x->mean) / dev) * w;
}

#define LAYERNORM(C) PAIR(layernorm), .attr = &(const lt_layernorm_attr){ C, 1e-6f }, .allowed = layernorm_allowed, \
    .weights = { { 1, { C }, 1.f, .3f }, { 1, { C }, 0.f, 1.f } }

static const rig_case layernorm_rows[] = {
    { "variance is exactly zero", LAYERNORM(1), .in = { { 2, { 3, 1 }, LT_F32 } }, .out = { 2, { 3, 1 }, LT_F32 } },
    { "the friendly shape", LAYERNORM(384), .independent = true, .in = { { 3, { 2, 37, 384 }, LT_F32 } },
      .out = { 3, { 2, 37, 384 }, LT_F32 } },
    { "prime sizes: a partial vector", LAYERNORM(31), .in = { { 2, { 7, 31 }, LT_F32 } }, .out = { 2, { 7, 31 }, LT_F32 } },
    { "one row", LAYERNORM(97), .in = { { 2, { 1, 97 }, LT_F32 } }, .out = { 2, { 1, 97 }, LT_F32 } },
    { "large mean: E[x^2] - E[x]^2 cancels", LAYERNORM(1024), .in = { { 2, { 4, 1024 }, LT_F32, .mean = 300, .dev = 1 } },
      .out = { 2, { 4, 1024 }, LT_F32 } },
    { "tiny variance: eps inside the root", LAYERNORM(389), .in = { { 2, { 4, 389 }, LT_F32, .dev = 1e-4f } },
      .out = { 2, { 4, 389 }, LT_F32 } },
    { "gaps between rows, frames out of order, off the alignment", LAYERNORM(67), .independent = true,
      .in = { { 3, { 3, 5, 67 }, LT_F32, .gap = { 11, 3 }, .indexed = true, .shift = 1 } },
      .out = { 3, { 3, 5, 67 }, LT_F32, .gap = { 5, 7 }, .shift = 3 } },
    { "the table of positions repeats over pixels", LAYERNORM(64), .independent = true,
      .in = { { 3, { 4, 19, 64 }, LT_F32 }, { 3, { 4, 19, 64 }, LT_F32, .repeat = 2 } }, .out = { 3, { 4, 19, 64 }, LT_BF16 } },
    { "the table of positions repeats over a map", LAYERNORM(70),
      .in = { { 4, { 4, 3, 5, 70 }, LT_F32 }, { 4, { 4, 3, 5, 70 }, LT_F32, .repeat = 6 } }, .out = { 4, { 4, 3, 5, 70 }, LT_F32 } },
    { "in place: a row is read before it is written", LAYERNORM(203), .independent = true, .in = { { 2, { 9, 203 }, LT_F32 } },
      .in_place = 1 },
    { "bf16 in and out", LAYERNORM(193), .in = { { 2, { 6, 193 }, LT_BF16 } }, .out = { 2, { 6, 193 }, LT_BF16 } },
    { "bf16 in, f32 out", LAYERNORM(193), .in = { { 2, { 6, 193 }, LT_BF16 } }, .out = { 2, { 6, 193 }, LT_F32 } },
    { "many items", LAYERNORM(768), .in = { { 2, { 101, 768 }, LT_F32 } }, .out = { 2, { 101, 768 }, LT_F32 } },
};

/* f16, which the vector code of the CPU refuses in these operators. */
static const rig_case layernorm_f16_rows[] = {
    { "f16 in and out", LAYERNORM(97), .in = { { 2, { 5, 97 }, LT_F16 } }, .out = { 2, { 5, 97 }, LT_F16 } },
    { "f32 in, f16 out, four at a time", LAYERNORM(192), .in = { { 2, { 5, 192 }, LT_F32 } }, .out = { 2, { 5, 192 }, LT_F16 } },
};

/* ---- groupnorm */

static double stats_allowed(const rig_case *c, double value, double scale)
{
    const double dev = c->in[0].dev > 0 ? (double)c->in[0].dev : 1;
    const bool is_mean = fabs(value - (double)c->in[0].mean) < fabs(value - 1 / dev);
    (void)scale;
    return 0x1p-22 * (1 + fabs((double)c->in[0].mean) / dev) * (is_mean ? dev : fabs(value));
}

#define STATS(C, G) PAIR(groupnorm_stats), .attr = &(const lt_groupnorm_stats_attr){ C, G, 1e-6f }, .allowed = stats_allowed

static const rig_case stats_rows[] = {
    { "one pixel, groups of one channel: no variance but eps", STATS(4, 4), .in = { { 3, { 2, 1, 4 }, LT_F32 } },
      .out = { 3, { 2, 4, 2 }, LT_F32 } },
    { "the friendly shape", STATS(192, 32), .independent = true, .in = { { 3, { 2, 300, 192 }, LT_F32 } },
      .out = { 3, { 2, 32, 2 }, LT_F32 } },
    { "prime sizes: partial vectors and blocks", STATS(93, 31), .in = { { 3, { 3, 547, 93 }, LT_F32 } },
      .out = { 3, { 3, 31, 2 }, LT_F32 } },
    { "large mean: E[x^2] - E[x]^2 cancels", STATS(64, 32), .in = { { 4, { 2, 23, 29, 64 }, LT_F32, .mean = 300, .dev = 1 } },
      .out = { 3, { 2, 32, 2 }, LT_F32 } },
    { "tiny variance", STATS(64, 2), .in = { { 3, { 1, 1031, 64 }, LT_F32, .dev = 1e-4f } }, .out = { 3, { 1, 2, 2 }, LT_F32 } },
    { "gaps, frames out of order, bf16", STATS(37, 1), .independent = true,
      .in = { { 3, { 4, 70, 37 }, LT_BF16, .gap = { 9, 4 }, .indexed = true, .shift = 1 } },
      .out = { 3, { 4, 1, 2 }, LT_F32 } },
    { "every block of a long frame, each once", STATS(1024, 32), .in = { { 3, { 1, 1300, 1024 }, LT_F32, .mean = 3 } },
      .out = { 3, { 1, 32, 2 }, LT_F32 } },
};

static const rig_case stats_f16_rows[] = {
    { "f16, frames out of order", STATS(37, 1), .in = { { 3, { 4, 70, 37 }, LT_F16, .gap = { 9, 4 }, .indexed = true, .shift = 1 } },
      .out = { 3, { 4, 1, 2 }, LT_F32 } },
};

static double groupnorm_allowed(const rig_case *c, double value, double scale)
{
    /* The statistics are given, of mean 0 and deviation 1 at most 4: (x - mean) rstd is as large as their products. */
    const double dev = c->in[0].dev > 0 ? (double)c->in[0].dev : 1;
    (void)value;
    (void)scale;
    return 8 * 0x1p-24 * (1 + fabs((double)c->in[0].mean) / dev) * 4 * dev * 4;
}

#define GROUPNORM(C, G) PAIR(groupnorm), .attr = &(const lt_groupnorm_attr){ C, G }, .allowed = groupnorm_allowed, \
    .weights = { { 1, { C }, 1.f, .3f }, { 1, { C }, 0.f, 1.f } }

static const rig_case groupnorm_rows[] = {
    { "one pixel of one channel", GROUPNORM(1, 1), .in = { { 3, { 1, 1, 1 }, LT_F32 }, { 3, { 1, 1, 2 }, LT_F32 } },
      .out = { 3, { 1, 1, 1 }, LT_F32 } },
    { "the friendly shape", GROUPNORM(192, 32), .independent = true, .in = { { 3, { 2, 301, 192 }, LT_F32 }, { 3, { 2, 32, 2 }, LT_F32 } },
      .out = { 3, { 2, 301, 192 }, LT_F32 } },
    { "groups of one and partial vectors", GROUPNORM(31, 31), .in = { { 4, { 3, 5, 7, 31 }, LT_F32 }, { 3, { 3, 31, 2 }, LT_F32 } },
      .out = { 4, { 3, 5, 7, 31 }, LT_F32 } },
    { "gaps, frames out of order but statistics in order", GROUPNORM(66, 6), .independent = true,
      .in = { { 3, { 4, 9, 66 }, LT_BF16, .gap = { 3, 5 }, .indexed = true }, { 3, { 4, 6, 2 }, LT_F32 } },
      .out = { 3, { 4, 9, 66 }, LT_BF16, .gap = { 8, 1 }, .shift = 1 } },
    { "in place", GROUPNORM(48, 3), .independent = true, .in = { { 3, { 2, 43, 48 }, LT_F32, .mean = 300 }, { 3, { 2, 3, 2 }, LT_F32 } },
      .in_place = 1 },
    { "bf16 to f32", GROUPNORM(80, 4), .in = { { 3, { 2, 11, 80 }, LT_BF16 }, { 3, { 2, 4, 2 }, LT_F32 } },
      .out = { 3, { 2, 11, 80 }, LT_F32 } },
};

static const rig_case groupnorm_f16_rows[] = {
    { "f16 in and out", GROUPNORM(66, 6), .in = { { 3, { 2, 9, 66 }, LT_F16 }, { 3, { 2, 6, 2 }, LT_F32 } },
      .out = { 3, { 2, 9, 66 }, LT_F16, .shift = 1 } },
    { "f16 to f32, four at a time", GROUPNORM(80, 4), .in = { { 3, { 2, 11, 80 }, LT_F16 }, { 3, { 2, 4, 2 }, LT_F32 } },
      .out = { 3, { 2, 11, 80 }, LT_F32 } },
};

/* ---- binary */

#define ADD PAIR(binary), .attr = &(const lt_binary_attr){ LT_BINARY_ADD }
#define MUL PAIR(binary), .attr = &(const lt_binary_attr){ LT_BINARY_MUL }

static const rig_case binary_rows[] = {
    { "one value", ADD, .in = { { 1, { 1 }, LT_F32 }, { 1, { 1 }, LT_F32 } }, .out = { 1, { 1 }, LT_F32 } },
    { "one long row in pieces", ADD, .in = { { 3, { 3, 61, 89 }, LT_F32 }, { 3, { 3, 61, 89 }, LT_F32 } },
      .out = { 3, { 3, 61, 89 }, LT_F32 } },
    { "a factor by channel from the weights", MUL, .independent = true, .in = { { 3, { 2, 13, 37 }, LT_F32 } },
      .out = { 3, { 2, 13, 37 }, LT_F32 },
      .weights = { { 1, { 37 }, .dev = 1e-2f } } },
    { "repeats over the middle", ADD, .in = { { 4, { 3, 4, 5, 17 }, LT_F32 }, { 4, { 3, 4, 5, 17 }, LT_F32, .repeat = 6 } },
      .out = { 4, { 3, 4, 5, 17 }, LT_F32 } },
    { "repeats along the last dimension, both sides", MUL,
      .in = { { 3, { 4, 5, 19 }, LT_BF16, .repeat = 4 }, { 3, { 4, 5, 19 }, LT_F32, .repeat = 4 } }, .out = { 3, { 4, 5, 19 }, LT_F32 } },
    { "one scalar for all", MUL, .in = { { 2, { 11, 600 }, LT_F32 }, { 2, { 11, 600 }, LT_BF16, .repeat = 3 } },
      .out = { 2, { 11, 600 }, LT_BF16 } },
    { "frames out of order on one side only, gaps", ADD, .independent = true,
      .in = { { 3, { 4, 5, 23 }, LT_F32, .indexed = true }, { 3, { 4, 5, 23 }, LT_BF16, .gap = { 2, 9 } } },
      .out = { 3, { 4, 5, 23 }, LT_F32, .gap = { 0, 1 } } },
    { "in place on a", ADD, .independent = true, .in = { { 3, { 2, 50, 31 }, LT_F32, .gap = { 5 } }, { 3, { 2, 50, 31 }, LT_F32 } },
      .in_place = 1 },
    { "in place on b, bf16", MUL, .in = { { 2, { 50, 31 }, LT_F32 }, { 2, { 50, 31 }, LT_BF16 } }, .in_place = 2 },
    { "NaN, infinities and zeros are those of IEEE", MUL,
      .in = { { 2, { 7, 131 }, LT_F32, .special = true }, { 2, { 7, 131 }, LT_F32, .special = true } },
      .out = { 2, { 7, 131 }, LT_F32 } },
    { "a product of -0 is no 0", MUL, .in = { { 2, { 7, 131 }, LT_F32, .special = true }, { 2, { 7, 131 }, LT_F32 } },
      .out = { 2, { 7, 131 }, LT_F32 } },
    { "the same, rounded to bf16", ADD, .in = { { 2, { 7, 131 }, LT_F32, .special = true }, { 2, { 7, 131 }, LT_BF16 } },
      .out = { 2, { 7, 131 }, LT_BF16 } },
    { "f16 on all sides: subnormals and overflow", MUL,
      .in = { { 2, { 7, 131 }, LT_F16, .dev = 300, .special = true }, { 2, { 7, 131 }, LT_F16, .dev = 300 } }, .out = { 2, { 7, 131 }, LT_F16 } },
    { "f16 added to f32 in place", ADD, .in = { { 2, { 9, 64 }, LT_F32 }, { 2, { 9, 64 }, LT_F16 } }, .in_place = 1 },
    { "six dimensions exchanged", ADD,
      .in = { { 6, { 2, 3, 2, 3, 2, 5 }, LT_F32, .strided = true, .stride = { 180, 10, 90, 30, 5, 1 } }, { 6, { 2, 3, 2, 3, 2, 5 }, LT_F32 } },
      .out = { 6, { 2, 3, 2, 3, 2, 5 }, LT_F32 } },
};

/* ---- unary */

static double unary_allowed(const rig_case *c, double value, double scale)
{
    /* For x >= 0 |x| is at most twice the value; below 0 little is left of x, and the output's largest stands for it (what the header says of
     * each value is proved by test gelu_error). GEGLU: times the value, within 5. */
    const double geglu = ((const lt_unary_attr *)c->attr)->act == LT_ACT_GEGLU ? 5 : 1;
    return 0x1p-22 * fmax(fabs(value), geglu * fmin(scale, 6));
}

#define UNARY(kind, tolerance) PAIR(unary), .attr = &(const lt_unary_attr){ LT_ACT_##kind }, .allowed = tolerance

static const rig_case unary_rows[] = {
    { "a NaN stays, -0 and less become 0", UNARY(RELU, NULL), .in = { { 2, { 5, 211 }, LT_F32, .special = true } },
      .out = { 2, { 5, 211 }, LT_F32 } },
    { "one column", UNARY(RELU, NULL), .in = { { 4, { 2, 7, 11, 1 }, LT_F32 } }, .out = { 4, { 2, 7, 11, 1 }, LT_F32 } },
    { "in place, gaps stay", UNARY(RELU, NULL), .in = { { 3, { 3, 5, 29 }, LT_F32, .gap = { 7, 3 } } }, .in_place = 1 },
    { "frames out of order, to bf16", UNARY(RELU, NULL), .independent = true, .in = { { 3, { 5, 3, 70 }, LT_F32, .indexed = true } },
      .out = { 3, { 5, 3, 70 }, LT_BF16, .indexed = true, .shift = 3 } },
    { "bf16 both ways", UNARY(RELU, NULL), .in = { { 2, { 3, 1031 }, LT_BF16, .special = true } }, .out = { 2, { 3, 1031 }, LT_BF16 } },
    { "the error function where it bends", UNARY(GELU, unary_allowed), .independent = true, .in = { { 2, { 40, 997 }, LT_F32, .dev = 2 } },
      .out = { 2, { 40, 997 }, LT_F32 } },
    { "the tails: nothing below, x above", UNARY(GELU, unary_allowed), .in = { { 2, { 9, 997 }, LT_F32, .dev = 20 } },
      .out = { 2, { 9, 997 }, LT_F32 } },
    { "near 0: half of x, not 0", UNARY(GELU, unary_allowed), .in = { { 2, { 9, 97 }, LT_F32, .dev = 1e-5f } },
      .out = { 2, { 9, 97 }, LT_F32 } },
    { "NaN and infinities as the formula has them", UNARY(GELU, unary_allowed), .in = { { 2, { 3, 331 }, LT_F32, .special = true } },
      .out = { 2, { 3, 331 }, LT_F32 } },
    { "gelu in place in bf16", UNARY(GELU, unary_allowed), .in = { { 2, { 3, 331 }, LT_BF16 } }, .in_place = 1 },
    { "gelu of f16", UNARY(GELU, unary_allowed), .in = { { 2, { 3, 331 }, LT_F16 } }, .in_place = 1 },
    { "relu of f16", UNARY(RELU, NULL), .in = { { 2, { 3, 332 }, LT_F16, .special = true } }, .out = { 2, { 3, 332 }, LT_F16 } },
    { "value times gelu of its gate, not the other way round", UNARY(GEGLU, unary_allowed), .independent = true,
      .in = { { 3, { 2, 9, 94 }, LT_F32, .gap = { 0, 5 } } },
      .out = { 3, { 2, 9, 47 }, LT_F32, .gap = { 3, 2 } } },
    { "the same, wider than a chunk, bf16", UNARY(GEGLU, unary_allowed), .in = { { 2, { 5, 2062 }, LT_BF16 } },
      .out = { 2, { 5, 1031 }, LT_BF16 } },
};

/* ---- copy */

#define COPY PAIR(copy)

static const rig_case copy_rows[] = {
    { "one value of one indexed dimension", COPY, .in = { { 1, { 1 }, LT_F32, .indexed = true } }, .out = { 1, { 1 }, LT_F32 } },
    { "entries of one indexed dimension", COPY, .in = { { 1, { 13 }, LT_F32, .indexed = true } },
      .out = { 1, { 13 }, LT_BF16, .indexed = true } },
    { "f32 to bf16, NaN kept", COPY, .in = { { 2, { 9, 1013 }, LT_F32, .special = true } }, .out = { 2, { 9, 1013 }, LT_BF16 } },
    { "f32 to f16: subnormals, infinity", COPY, .in = { { 2, { 9, 1013 }, LT_F32, .dev = 1e-5f, .special = true } },
      .out = { 2, { 9, 1013 }, LT_F16 } },
    { "f32 to f16: overflow", COPY, .in = { { 2, { 9, 1013 }, LT_F32, .dev = 60000 } }, .out = { 2, { 9, 1013 }, LT_F16 } },
    { "f16 to f32", COPY, .in = { { 2, { 3, 101 }, LT_F16, .special = true } }, .out = { 2, { 3, 101 }, LT_F32 } },
    { "f16 to bf16", COPY, .in = { { 2, { 3, 101 }, LT_F16 } }, .out = { 2, { 3, 101 }, LT_BF16 } },
    { "bf16 to bf16, gaps", COPY, .independent = true, .in = { { 3, { 3, 4, 33 }, LT_BF16, .gap = { 1, 2 } } },
      .out = { 3, { 3, 4, 33 }, LT_BF16, .gap = { 3, 4 }, .shift = 1 } },
    { "channels first to channels last", COPY, .independent = true,
      .in = { { 4, { 2, 7, 11, 3 }, LT_F32, .strided = true, .stride = { 231, 11, 1, 77 } } },
      .out = { 4, { 2, 7, 11, 3 }, LT_F32 } },
    { "channels last to channels first", COPY, .in = { { 3, { 2, 77, 5 }, LT_BF16 } },
      .out = { 3, { 2, 77, 5 }, LT_F32, .strided = true, .stride = { 385, 1, 77 } } },
    { "heads exchanged with tokens", COPY, .in = { { 4, { 2, 3, 13, 64 }, LT_F32, .strided = true, .stride = { 2496, 64, 192, 1 } } },
      .out = { 4, { 2, 3, 13, 64 }, LT_F32 } },
    { "one row repeated", COPY, .in = { { 3, { 5, 1, 130 }, LT_F32, .repeat = 1 } },
      .out = { 3, { 5, 1, 130 }, LT_F32, .gap = { 384 * 9 } } },
    { "one value repeated along the last dimension", COPY, .in = { { 3, { 5, 3, 30 }, LT_BF16, .repeat = 4 } },
      .out = { 3, { 5, 3, 30 }, LT_F32 } },
    { "a row longer than an item", COPY, .in = { { 1, { 20011 }, LT_F32 } }, .out = { 1, { 20011 }, LT_F32 } },
    { "frames out of order both sides", COPY, .independent = true, .in = { { 3, { 6, 5, 9 }, LT_F32, .indexed = true } },
      .out = { 3, { 6, 5, 9 }, LT_F32, .indexed = true } },
};

/* ---- resize */

#define RESIZE PAIR(resize), .attr = &(const lt_resize_attr){ LT_RESIZE_BILINEAR_CORNERS }

static const rig_case resize_rows[] = {
    { "up", RESIZE, .independent = true, .in = { { 4, { 2, 5, 7, 17 }, LT_F32 } }, .out = { 4, { 2, 11, 13, 17 }, LT_F32 } },
    { "down", RESIZE, .in = { { 4, { 1, 23, 19, 32 }, LT_F32 } }, .out = { 4, { 1, 7, 5, 32 }, LT_F32 } },
    { "to one", RESIZE, .in = { { 4, { 2, 5, 7, 9 }, LT_F32 } }, .out = { 4, { 2, 1, 1, 9 }, LT_F32 } },
    { "from one", RESIZE, .in = { { 4, { 2, 1, 1, 9 }, LT_F32 } }, .out = { 4, { 2, 3, 5, 9 }, LT_F32 } },
    { "the same size is a copy", RESIZE, .in = { { 4, { 1, 6, 37, 8 }, LT_F32 } }, .out = { 4, { 1, 6, 37, 8 }, LT_F32 } },
    { "one channel, fused products would differ", RESIZE, .in = { { 4, { 2, 13, 37, 1 }, LT_F32, .mean = 3 } },
      .out = { 4, { 2, 29, 83, 1 }, LT_F32 } },
    { "one channel within many, bf16", RESIZE, .in = { { 4, { 2, 5, 9, 1 }, LT_BF16, .gap = { 0, 0, 3 } } },
      .out = { 4, { 2, 7, 21, 1 }, LT_BF16, .gap = { 0, 3, 2 } } },
    { "gaps, frames out of order, bf16", RESIZE, .independent = true,
      .in = { { 4, { 3, 4, 5, 21 }, LT_BF16, .gap = { 7, 5, 3 }, .indexed = true } },
      .out = { 4, { 3, 9, 6, 21 }, LT_F32, .gap = { 1, 2, 3 }, .indexed = true } },
    { "to bf16", RESIZE, .in = { { 4, { 1, 4, 5, 40 }, LT_F32 } }, .out = { 4, { 1, 9, 6, 40 }, LT_BF16 } },
    { "a band of the output, the whole input", RESIZE, .in = { { 4, { 2, 9, 5, 11 }, LT_F32 } },
      .out = { 4, { 2, 4, 8, 11 }, LT_F32, .row0 = 6, .rows = 17 } },
    { "what is added comes last", RESIZE, .independent = true,
      .in = { { 4, { 2, 5, 7, 17 }, LT_F32 }, { 4, { 2, 9, 6, 17 }, LT_F32, .dev = 3, .gap = { 0, 5, 3 } } },
      .out = { 4, { 2, 9, 6, 17 }, LT_F32 } },
    { "one map added to all frames, bf16, a partial vector", RESIZE,
      .in = { { 4, { 3, 5, 7, 21 }, LT_BF16 }, { 4, { 3, 4, 6, 21 }, LT_BF16, .repeat = 1 } },
      .out = { 4, { 3, 4, 6, 21 }, LT_F32 } },
    { "added to one channel", RESIZE, .in = { { 4, { 2, 5, 7, 1 }, LT_F32 }, { 4, { 2, 9, 141, 1 }, LT_BF16, .gap = { 0, 4, 2 } } },
      .out = { 4, { 2, 9, 141, 1 }, LT_F32 } },
    { "added in place, frames out of order, a band", RESIZE,
      .in = { { 4, { 3, 9, 5, 12 }, LT_F32 }, { 4, { 3, 4, 8, 12 }, LT_F32, .indexed = true, .row0 = 6, .rows = 17 } },
      .in_place = 2 },
    { "added to a band: row 0 of what is added is the band's first", RESIZE,
      .in = { { 4, { 2, 4, 5, 12 }, LT_F32, .row0 = 3, .rows = 9 }, { 4, { 2, 4, 8, 12 }, LT_F32 } },
      .out = { 4, { 2, 4, 8, 12 }, LT_F32, .row0 = 7, .rows = 17 } },
    { "a band of both", RESIZE, .independent = true, .in = { { 4, { 2, 4, 5, 11 }, LT_F32, .row0 = 3, .rows = 9 } },
      .out = { 4, { 2, 4, 8, 11 }, LT_F32, .row0 = 7, .rows = 17 } },
};

static const rig_case resize_f16_rows[] = {
    { "f16, four channels at a time", RESIZE, .in = { { 4, { 1, 5, 7, 12 }, LT_F16 } }, .out = { 4, { 1, 9, 6, 12 }, LT_F16 } },
    { "f16 added to f16", RESIZE,
      .in = { { 4, { 1, 5, 7, 12 }, LT_F16 }, { 4, { 1, 9, 6, 12 }, LT_F16 } }, .out = { 4, { 1, 9, 6, 12 }, LT_F16 } },
    { "f16 to f32, one channel", RESIZE, .in = { { 4, { 2, 5, 9, 1 }, LT_F16 } }, .out = { 4, { 2, 7, 21, 1 }, LT_F32 } },
};

#endif
