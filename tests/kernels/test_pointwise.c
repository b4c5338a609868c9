/* Operators that go value by value or row by row, against their definitions. Tolerances are those of their headers. */
#include "check.h"
#include "kernels/rig.h"

#include "kernels/binary/binary.h"
#include "kernels/copy/copy.h"
#include "kernels/groupnorm/groupnorm.h"
#include "kernels/groupnorm_stats/groupnorm_stats.h"
#include "kernels/layernorm/layernorm.h"
#include "kernels/resize/resize.h"
#include "kernels/unary/unary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS(table) (int)(sizeof(table) / sizeof *(table))
#define PAIR(op) .definition = &lt_##op##_ref, .candidate = &lt_##op##_own

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
    { "a band of both", RESIZE, .independent = true, .in = { { 4, { 2, 4, 5, 11 }, LT_F32, .row0 = 3, .rows = 9 } },
      .out = { 4, { 2, 4, 8, 11 }, LT_F32, .row0 = 7, .rows = 17 } },
};

static void tables(void **state)
{
    int failed = 0;
    (void)state;
    failed += rig_table(layernorm_rows, ROWS(layernorm_rows));
    failed += rig_table(stats_rows, ROWS(stats_rows));
    failed += rig_table(groupnorm_rows, ROWS(groupnorm_rows));
    failed += rig_table(binary_rows, ROWS(binary_rows));
    failed += rig_table(unary_rows, ROWS(unary_rows));
    failed += rig_table(copy_rows, ROWS(copy_rows));
    failed += rig_table(resize_rows, ROWS(resize_rows));
    assert_int_equal(failed, 0);
}

/* Sizes of a network of 32 frames of 518 x 518, for rig_time. */
static const rig_case timed_rows[] = {
    { "vits", LAYERNORM(384), .in = { { 3, { 4, 1370, 384 }, LT_F32 } }, .out = { 3, { 4, 1370, 384 }, LT_F32 } },
    { "motion module, with positions", LAYERNORM(64),
      .in = { { 3, { 32, 1369, 64 }, LT_F32 }, { 3, { 32, 1369, 64 }, LT_F32, .repeat = 2 } },
      .out = { 3, { 32, 1369, 64 }, LT_F32 } },
    { "192 channels", STATS(192, 32), .in = { { 3, { 8, 1369, 192 }, LT_F32 } }, .out = { 3, { 8, 32, 2 }, LT_F32 } },
    { "64 channels", STATS(64, 32), .in = { { 3, { 4, 21904, 64 }, LT_F32 } }, .out = { 3, { 4, 32, 2 }, LT_F32 } },
    { "64 channels", GROUPNORM(64, 32), .in = { { 3, { 4, 21904, 64 }, LT_F32 }, { 3, { 4, 32, 2 }, LT_F32 } },
      .out = { 3, { 4, 21904, 64 }, LT_F32 } },
    { "in place", ADD, .in = { { 3, { 4, 21904, 64 }, LT_F32 }, { 3, { 4, 21904, 64 }, LT_F32 } }, .in_place = 1 },
    { "by channel", MUL, .in = { { 3, { 4, 1370, 384 }, LT_F32 } }, .out = { 3, { 4, 1370, 384 }, LT_F32 }, .weights = { { 1, { 384 } } } },
    { "in place", UNARY(RELU, NULL), .in = { { 3, { 4, 21904, 64 }, LT_F32 } }, .in_place = 1 },
    { "gelu", UNARY(GELU, unary_allowed), .in = { { 3, { 4, 1370, 1536 }, LT_F32 } }, .out = { 3, { 4, 1370, 1536 }, LT_F32 } },
    { "geglu, f32 to bf16", UNARY(GEGLU, unary_allowed), .in = { { 3, { 32, 342, 512 }, LT_F32 } },
      .out = { 3, { 32, 342, 256 }, LT_BF16 } },
    { "x2", RESIZE, .in = { { 4, { 1, 148, 148, 64 }, LT_F32 } }, .out = { 4, { 1, 296, 296, 64 }, LT_F32 } },
    { "to the frame", RESIZE, .in = { { 4, { 1, 296, 296, 32 }, LT_F32 } }, .out = { 4, { 1, 518, 518, 32 }, LT_F32 } },
    { "depth maps", RESIZE, .in = { { 4, { 4, 518, 518, 1 }, LT_F32 } }, .out = { 4, { 4, 720, 1280, 1 }, LT_F32 } },
    { "dense, to bf16", COPY, .in = { { 3, { 4, 21904, 64 }, LT_F32 } }, .out = { 3, { 4, 21904, 64 }, LT_BF16 } },
    { "heads and tokens", COPY, .in = { { 4, { 4, 6, 1370, 64 }, LT_F32, .strided = true, .stride = { 1370 * 384, 64, 384, 1 } } },
      .out = { 4, { 4, 6, 1370, 64 }, LT_F32 } },
    { "channels first to last", COPY,
      .in = { { 4, { 4, 518, 518, 3 }, LT_F32, .strided = true, .stride = { 3 * 518 * 518, 518, 1, 518 * 518 } } },
      .out = { 4, { 4, 518, 518, 3 }, LT_F32 } },
};

/* The error that unary.h promises, relative to |x|, all over where gelu is neither 0 nor x. */
static void gelu_error(void **state)
{
    enum { N = 200003 };
    static float x[N], y[N];
    const int64_t dim[] = { N };
    const lt_unary_attr attr = { LT_ACT_GELU };
    const lt_args a = { .attr = &attr, .in = { lt_tensor_dense(x, LT_F32, 1, dim) }, .out = lt_tensor_dense(y, LT_F32, 1, dim) };
    (void)state;
    for (int i = 0; i < N; i++) x[i] = -9.f + 18.f * (float)i / (float)(N - 1);
    for (int isa = LT_ISA_BASE; isa <= (int)lt_cpu_isa(); isa++) {
        assert_ok(lt_unary_own.launch(&(lt_launch){ .isa = (lt_isa)isa }, &a));
        assert_true(y[0] == 0.f && y[1] == 0.f && y[N - 1] == x[N - 1]);
        for (int i = 0; i < N; i++) {
            const double t = (double)x[i], should = t / 2 * (1 + erf(t / sqrt(2)));
            if (!(fabs((double)y[i] - should) <= 0x1p-22 * fabs(t)))
                fail_msg("%s: gelu(%.9g) = %.9g, should be %.9g", lt_isa_name((lt_isa)isa), t, (double)y[i], should);
        }
    }
}

/* A definition's output for f32 inputs and raw weights, all dense and of the same sizes [1,dim0,dim1]; stats [1,G,2] as they are. */
static void define(const lt_kernel *k, const void *attr, const float *x, int rows, int columns, const float *second, const int64_t *second_dim,
                   const float *const weights[2], float *out)
{
    const int64_t dim[] = { 1, rows, columns };
    float packed[64];
    lt_args a = { .attr = attr, .in = { lt_tensor_dense((void *)(uintptr_t)x, LT_F32, 3, dim) }, .out = lt_tensor_dense(out, LT_F32, 3, dim),
                  .packed = packed };
    if (second) a.in[1] = lt_tensor_dense((void *)(uintptr_t)second, LT_F32, 3, second_dim);
    const lt_weight_data w[LT_MAX_WEIGHTS] = { { weights[0], 1, { columns } }, { weights[1], 1, { columns } } };
    if (k->pack) k->pack(&a, NULL, w, packed);
    assert_ok(k->launch(&(lt_launch){ .isa = LT_ISA_BASE }, &a));
}

/* Definitions, which share packing and attributes with the fast versions, against numbers worked out by hand. */
static void by_hand(void **state)
{
    static const float x[] = { 1, 5, -2, 2 }, w[] = { 2, 3 }, b[] = { 10, 20 }, stats[] = { 1, .5f, -1, 2 }, more[] = { 100, 200, 300, 400 };
    const float *const affine[2] = { w, b };
    const int64_t stats_dim[] = { 1, 2, 2 };
    float y[4];
    (void)state;
    define(&lt_layernorm_ref, &(const lt_layernorm_attr){ 2, 0.f }, x, 2, 2, more, stats_dim, affine, y);
    assert_true(y[0] == 108 && y[1] == 223 && y[2] == 308 && y[3] == 423);                  /* (x - mean) / dev is -1, 1 */
    define(&lt_layernorm_ref, &(const lt_layernorm_attr){ 2, 12.f }, x, 2, 2, NULL, NULL, affine, y);
    assert_true(y[0] == 9 && y[1] == 21.5f && y[2] == 9 && y[3] == 21.5f);                  /* variance 4 and eps 12: -1/2, 1/2 */
    define(&lt_groupnorm_ref, &(const lt_groupnorm_attr){ 2, 2 }, x, 2, 2, stats, stats_dim, affine, y);
    assert_true(y[0] == 10 && y[1] == 56 && y[2] == 7 && y[3] == 38);
    define(&lt_binary_ref, &(const lt_binary_attr){ LT_BINARY_MUL }, x, 2, 2, NULL, NULL, affine, y);
    assert_true(y[0] == 2 && y[1] == 15 && y[2] == -4 && y[3] == 6);
    define(&lt_binary_ref, &(const lt_binary_attr){ LT_BINARY_ADD }, x, 2, 2, more, stats_dim, affine, y);
    assert_true(y[0] == 101 && y[1] == 205 && y[2] == 298 && y[3] == 402);
    define(&lt_unary_ref, &(const lt_unary_attr){ LT_ACT_RELU }, x, 2, 2, NULL, NULL, affine, y);
    assert_true(y[0] == 1 && y[1] == 5 && y[2] == 0 && y[3] == 2);
    define(&lt_unary_ref, &(const lt_unary_attr){ LT_ACT_GELU }, x, 2, 2, NULL, NULL, affine, y);
    assert_true(fabs((double)y[0] - .841344746068543) < 1e-7 && fabs((double)y[2] + .0455002638963584) < 1e-8);  /* x times the normal distribution at x */
}

/* A map 2 x 2 to 3 x 3, statistics of two groups, and a pair of halves: sizes differ, so by themselves. */
static void by_hand_other_sizes(void **state)
{
    static float x[] = { 0, 4, 8, 20 }, y[9];
    lt_args a = { .attr = &(const lt_resize_attr){ LT_RESIZE_BILINEAR_CORNERS }, .in = { lt_tensor_dense(x, LT_F32, 4, (int64_t[]){ 1, 2, 2, 1 }) },
                  .out = lt_tensor_dense(y, LT_F32, 4, (int64_t[]){ 1, 3, 3, 1 }) };
    static const float middle[] = { 0, 2, 4, 4, 8, 12, 8, 14, 20 };
    (void)state;
    assert_ok(lt_resize_ref.launch(&(lt_launch){ .isa = LT_ISA_BASE }, &a));
    assert_memory_equal(y, middle, sizeof middle);
    a = (lt_args){ .attr = &(const lt_groupnorm_stats_attr){ 2, 2, 0.f }, .in = { lt_tensor_dense(x, LT_F32, 3, (int64_t[]){ 1, 2, 2 }) },
                   .out = lt_tensor_dense(y, LT_F32, 3, (int64_t[]){ 1, 2, 2 }) };
    assert_ok(lt_groupnorm_stats_ref.launch(&(lt_launch){ .isa = LT_ISA_BASE }, &a));
    assert_true(y[0] == 4 && y[1] == .25f && y[2] == 12 && y[3] == .125f);
    a = (lt_args){ .attr = &(const lt_unary_attr){ LT_ACT_GEGLU }, .in = { lt_tensor_dense(x, LT_F32, 3, (int64_t[]){ 1, 1, 4 }) },
                   .out = lt_tensor_dense(y, LT_F32, 3, (int64_t[]){ 1, 1, 2 }) };
    assert_ok(lt_unary_ref.launch(&(lt_launch){ .isa = LT_ISA_BASE }, &a));
    assert_true(y[0] == 0 && y[1] == 80);
}

/* Places within the map, in order, and a weight that never reaches the third. */
static void resize_taps(void **state)
{
    static const int64_t sizes[] = { 1, 2, 3, 7, 37, 518, 1000, 1999 };
    (void)state;
    for (int n_in = 0; n_in < ROWS(sizes); n_in++)
        for (int n_out = 0; n_out < ROWS(sizes); n_out++)
            for (int64_t i = 0; i < sizes[n_out]; i++) {
                int64_t first, second;
                float t;
                lt_resize_taps(sizes[n_in], sizes[n_out], i, &first, &second, &t);
                const double place = sizes[n_out] > 1 ? (double)i * (double)(sizes[n_in] - 1) / (double)(sizes[n_out] - 1) : 0;
                assert_true(first >= 0 && second < sizes[n_in] && (second == first + 1 || (second == first && second == sizes[n_in] - 1)));
                assert_true(t >= 0.f && t < 1.f && fabs((double)first + (double)t - place) <= 0x1p-22 * place);
            }
}

/* Bands of a map, from bands of the input that hold no row more than is read, put together: the map. */
static void resize_bands(void **state)
{
    enum { N = 2, H = 13, W = 7, C = 11, HO = 31, WO = 10, BAND = 8 };
    static float x[N * H * W * C], whole[N * HO * WO * C], cut[N * HO * WO * C], workspace[1024];
    const lt_resize_attr attr = { LT_RESIZE_BILINEAR_CORNERS };
    const lt_launch l = { .isa = lt_cpu_isa(), .workspace = workspace };
    lt_args a = { .attr = &attr, .in = { lt_tensor_dense(x, LT_F32, 4, (int64_t[]){ N, H, W, C }) },
                  .out = lt_tensor_dense(whole, LT_F32, 4, (int64_t[]){ N, HO, WO, C }) };
    (void)state;
    for (int i = 0; i < N * H * W * C; i++) x[i] = (float)(i * 7919 % 1009) * 0.37f;
    assert_true(lt_resize_own.workspace_bytes(&a, NULL) <= sizeof workspace);
    assert_ok(lt_resize_own.launch(&l, &a));
    a.out.data = cut;
    for (int r = 0; r < HO; r += BAND) {
        const int n = r + BAND < HO ? BAND : HO - r;
        int64_t first, last, other;
        float t;
        lt_resize_taps(H, HO, r, &first, &other, &t);
        lt_resize_taps(H, HO, r + n - 1, &other, &last, &t);
        a.in[0].data = x + first * W * C;
        a.in[0].row0 = first;
        a.in[0].dim[1] = last - first + 1;
        a.out.data = cut + (int64_t)r * WO * C;
        a.out.row0 = r;
        a.out.dim[1] = n;
        assert_ok(lt_resize_own.launch(&l, &a));
    }
    assert_memory_equal(whole, cut, sizeof whole);
}

int main(void)
{
    rig_time(timed_rows, ROWS(timed_rows));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),    cmocka_unit_test(by_hand_other_sizes), cmocka_unit_test(tables),
        cmocka_unit_test(gelu_error), cmocka_unit_test(resize_taps),         cmocka_unit_test(resize_bands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
