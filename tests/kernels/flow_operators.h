/* kernels/flow_operators.h -- every operator of optical flow on made-up data, as its definition or as a candidate.
 *
 * in    flow_<op>_candidate(const bench *, const lt_flow_<op>_args *, int n) of the including file, for all n rows of the output
 * out   operators[]: each fills a block of outputs
 * owns  nothing; blocks are the caller's
 *
 * Inputs are a function of (seed, index). Each output lies between finite guards longer than a row and starts as NaN; whole
 * blocks are compared, so a value not written, or written where it does not belong, is found as well. */
#ifndef LT_TESTS_FLOW_OPERATORS_H
#define LT_TESTS_FLOW_OPERATORS_H

#include "kernels/flow_check/flow_check.h"
#include "kernels/flow_detail/flow_detail.h"
#include "kernels/flow_edges/flow_edges.h"
#include "kernels/flow_frame/flow_frame.h"
#include "kernels/flow_grow/flow_grow.h"
#include "kernels/flow_halve/flow_halve.h"
#include "kernels/flow_join/flow_join.h"
#include "kernels/flow_median/flow_median.h"
#include "kernels/flow_plane.h"
#include "kernels/flow_sor/flow_sor.h"
#include "kernels/flow_store/flow_store.h"
#include "kernels/flow_system/flow_system.h"
#include "kernels/flow_tensor/flow_tensor.h"
#include "kernels/flow_warp/flow_warp.h"

#include <longtake/pool.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 1024, DEFINITION = -1 };   /* a guard is longer than a row */

/* Memory handed out in multiples of 16 bytes and in the same order on each run of an operator, so that two runs can be compared as a whole. */
typedef struct {
    float *mem;
    size_t used, size;
} block;

typedef struct {
    int      w, h;
    block    in, out;
    int      isa;          /* or DEFINITION */
    lt_pool *pool;
    int      band;         /* rows of an item */
} bench;

static float noise(uint32_t seed, uint32_t i)
{
    uint32_t h = (seed * 0x9E3779B9u) ^ (i * 0x85EBCA6Bu);
    h = (h ^ (h >> 15)) * 0x2C1B3C6Du;
    h = (h ^ (h >> 12)) * 0x297A2D39u;
    return (float)((h ^ (h >> 15)) >> 8) * (1.f / 16777216.f);
}

static float *take(block *b, size_t n)
{
    const size_t all = (n + 3) / 4 * 4 + 2 * GUARD;
    assert_true(b->used + all <= b->size);
    float *p = b->mem + b->used;
    for (size_t i = 0; i < all; i++) p[i] = i < GUARD || i >= GUARD + n ? (float)(i + 7) : NAN;
    b->used += all;
    return p + GUARD;
}

static size_t plane_size(const bench *t)
{
    return lt_flow_stride(t->w) * (size_t)t->h;
}

static size_t half_size(const bench *t)
{
    return 2 * lt_flow_half_stride(t->w) * (size_t)(t->h + 2);
}

static float *out_plane(bench *t) { return take(&t->out, plane_size(t)) + LT_FLOW_PAD; }
static float *out_half(bench *t) { return take(&t->out, half_size(t)) + 2 * lt_flow_half_stride(t->w) + LT_FLOW_PAD; }

/* A padded plane of w x h with values from low to high; what is not padding stays NaN. */
static float *sized_plane(bench *t, int w, int h, uint32_t seed, float low, float high)
{
    const size_t stride = lt_flow_stride(w);
    float *p = take(&t->in, stride * (size_t)h) + LT_FLOW_PAD;
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) p[(size_t)y * stride + (size_t)x] = low + (high - low) * noise(seed, (uint32_t)(y * w + x));
        lt_flow_pad_row(p + (size_t)y * stride, w);
    }
    return p;
}

static float *plane(bench *t, uint32_t seed, float low, float high)
{
    return sized_plane(t, t->w, t->h, seed, low, high);
}

static float *image_in(block *b, int w, int h, uint32_t seed)
{
    const size_t stride = lt_flow_image_stride(w);
    float *p = take(b, 4 * stride * (size_t)h) + 4 * LT_FLOW_EDGE;
    for (int y = 0; y < h; y++) {
        float *row = p + 4 * (size_t)y * stride;
        for (int i = 0; i < 4 * w; i++) row[i] = i % 4 == 3 ? 0 : floorf(256.f * noise(seed, (uint32_t)(4 * y * w + i)));
        lt_flow_pad_pixels(row, w);
    }
    return p;
}

static float *image(bench *t, uint32_t seed)
{
    return image_in(&t->in, t->w, t->h, seed);
}

/* A half with values at the pixels and zeros elsewhere. */
static float *half(bench *t, float *where, uint32_t seed, float low, float high)
{
    const size_t lead = 2 * lt_flow_half_stride(t->w) + LT_FLOW_PAD;
    float *p = where ? where : take(&t->in, half_size(t)) + lead;
    memset(p - lead, 0, half_size(t) * sizeof *p);
    for (int y = 0; y < t->h; y++)
        for (int x = 0; x < t->w; x++) p[lt_flow_half_at(t->w, x, y)] = low + (high - low) * noise(seed, (uint32_t)(y * t->w + x));
    return p;
}

#define CANDIDATE(op)                                                              \
    static void op##_candidate(const bench *t, const lt_##op##_args *a, int n);    \
    static void op##_either(const bench *t, const lt_##op##_args *a, int n)        \
    {                                                                              \
        if (t->isa == DEFINITION) lt_##op##_ref(a, 0, n);                          \
        else op##_candidate(t, a, n);                                              \
    }
CANDIDATE(flow_check)
CANDIDATE(flow_detail)
CANDIDATE(flow_edges)
CANDIDATE(flow_frame)
CANDIDATE(flow_grow)
CANDIDATE(flow_halve)
CANDIDATE(flow_join)
CANDIDATE(flow_median)
CANDIDATE(flow_store)
CANDIDATE(flow_system)
CANDIDATE(flow_tensor)
CANDIDATE(flow_warp)
static void flow_sor_candidate(bench *t, const lt_flow_sor_args *a);

static void frame(bench *t)
{
    const size_t stride = 3 * (size_t)t->w + 5;
    uint8_t *rgb = (uint8_t *)take(&t->in, stride * (size_t)t->h / 4 + 1);
    for (size_t i = 0; i < stride * (size_t)t->h; i++) rgb[i] = (uint8_t)(256.f * noise(1, (uint32_t)i));
    const lt_flow_frame_args a = { rgb, stride, t->w, t->h,
                                   take(&t->out, 4 * lt_flow_image_stride(t->w) * (size_t)t->h) + 4 * LT_FLOW_EDGE };
    flow_frame_either(t, &a, t->h);
}

static void halve(bench *t)
{
    const int w = (t->w + 1) / 2, h = (t->h + 1) / 2;
    const float *in = image(t, 2);
    const lt_flow_halve_args a = { in, t->w, t->h, take(&t->out, 4 * lt_flow_image_stride(w) * (size_t)h) + 4 * LT_FLOW_EDGE };
    flow_halve_either(t, &a, h);
}

static void detail(bench *t)
{
    const float *coarse = image_in(&t->in, ((t->w + 1) / 2 + 1) / 2, ((t->h + 1) / 2 + 1) / 2, 8);
    const lt_flow_detail_args a = { image_in(&t->out, t->w, t->h, 9), coarse, t->w, t->h, .8f };
    flow_detail_either(t, &a, t->h);
}

static void edges(bench *t)
{
    const float *in = image(t, 3);
    float *right = out_plane(t), *down = out_plane(t);
    const lt_flow_edges_args a = { in, t->w, t->h, 0.001f, right, down };
    flow_edges_either(t, &a, t->h);
}

/* Flow reaches several frames beyond the edges; one value is beyond any integer. */
static void warp(bench *t)
{
    const float *first = image(t, 4), *second = image(t, 5);
    float *u = plane(t, 6, -60.f, 60.f), *v = plane(t, 7, -9.f, 9.f), *o[7];
    v[(size_t)(t->h / 2) * lt_flow_stride(t->w)] = -1e30f;
    for (int k = 0; k < 7; k++) o[k] = out_plane(t);
    const lt_flow_warp_args a = { first, second, u, v, t->w, t->h, { o[0], o[1], o[2] }, { o[3], o[4], o[5] }, o[6] };
    flow_warp_either(t, &a, t->h);
}

static void tensor(bench *t)
{
    float *i[7], *o[6];
    for (int k = 0; k < 7; k++) i[k] = plane(t, 10 + (uint32_t)k, k < 3 ? 0.f : -40.f, k < 3 ? 255.f : 40.f);
    for (size_t k = 0; k < plane_size(t); k++) i[6][(ptrdiff_t)k - LT_FLOW_PAD] = k % 5 ? 1.f : 0.f;
    for (int k = 0; k < 6; k++) o[k] = out_plane(t);
    const lt_flow_tensor_args a = { { i[0], i[1], i[2] }, { i[3], i[4], i[5] }, i[6], t->w, t->h, 5.f,
                                    { o[0], o[1], o[2], o[3], o[4], o[5] } };
    flow_tensor_either(t, &a, t->h);
}

static void system_(bench *t)
{
    float *j[6], *f[6], *o[9];
    for (int k = 0; k < 6; k++) j[k] = plane(t, 20 + (uint32_t)k, k == 0 || k == 2 || k == 5 ? 0.f : -.5f, 1.f);
    for (int k = 0; k < 6; k++) f[k] = plane(t, 30 + (uint32_t)k, k < 4 ? -3.f : 0.f, k < 4 ? 3.f : 1.f);
    for (int y = 0; y < t->h; y++) f[4][(size_t)y * lt_flow_stride(t->w) + (size_t)t->w - 1] = 0;
    for (int k = 0; k < 9; k++) o[k] = out_half(t);
    const lt_flow_system_args a = { { j[0], j[1], j[2], j[3], j[4], j[5] }, f[0], f[1], f[2], f[3], f[4], f[5], t->w, t->h,
                                    .7f, .1f, .02f, o[0], o[1], o[2], o[3], o[4], o[5], o[6], o[7], o[8] };
    flow_system_either(t, &a, t->h);
}

static void sor(bench *t, int sweeps)
{
    float *i[7];
    for (uint32_t k = 0; k < 7; k++) i[k] = half(t, NULL, 40 + k, k < 3 ? -.4f : .01f, k < 3 ? .4f : .2f);
    for (int y = 0; y < t->h; y++) i[5][lt_flow_half_at(t->w, t->w - 1, y)] = 0;
    for (int x = 0; x < t->w; x++) i[6][lt_flow_half_at(t->w, x, t->h - 1)] = 0;
    const lt_flow_sor_args a = { i[0], i[1], i[2], i[3], i[4], i[5], i[6], t->w, t->h, sweeps, 1.9f, half(t, out_half(t), 50, -2.f, 2.f),
                           half(t, out_half(t), 51, -2.f, 2.f), 0 };
    if (t->isa == DEFINITION) lt_flow_sor_ref(&a);
    else flow_sor_candidate(t, &a);
}

static void sor_once(bench *t) { sor(t, 1); }
static void sor_often(bench *t) { sor(t, 9); }

static void join(bench *t)
{
    const float *su = half(t, NULL, 60, -2.f, 2.f), *sv = half(t, NULL, 61, -2.f, 2.f);
    float *u = out_plane(t), *v = out_plane(t);
    const lt_flow_join_args a = { su, sv, t->w, t->h, u, v };
    flow_join_either(t, &a, t->h);
}

static void median(bench *t)
{
    const float *u = plane(t, 62, -2.f, 2.f), *v = plane(t, 63, -2.f, 2.f);
    float *ou = out_plane(t), *ov = out_plane(t);
    const lt_flow_median_args a = { u, v, t->w, t->h, ou, ov };
    flow_median_either(t, &a, t->h);
}

static void grow(bench *t)
{
    const int w = (t->w + 1) / 2, h = (t->h + 1) / 2;
    const float *u = sized_plane(t, w, h, 64, -2.f, 2.f), *v = sized_plane(t, w, h, 65, -2.f, 2.f);
    float *ou = out_plane(t), *ov = out_plane(t);
    const lt_flow_grow_args a = { u, v, t->w, t->h, ou, ov };
    flow_grow_either(t, &a, t->h);
}

static void store(bench *t)
{
    const float *u = plane(t, 66, -2.f, 2.f), *v = plane(t, 67, -2.f, 2.f);
    const lt_flow_store_args a = { u, v, t->w, t->h, take(&t->out, 2 * (size_t)t->w * (size_t)t->h) };
    flow_store_either(t, &a, t->h);
}

/* Of flows as small as these some agree and some do not. */
static void check(bench *t)
{
    const size_t n = 2 * (size_t)t->w * (size_t)t->h;
    float *there = take(&t->in, n), *back = take(&t->in, n);
    for (uint32_t i = 0; i < n; i++) {
        there[i] = 2.f * noise(68, i) - 1.f;
        back[i] = 2.f * noise(69, i) - 1.f;
    }
    const lt_flow_check_args a = { there, back, t->w, t->h, .5f, .01f, (uint8_t *)take(&t->out, n) };
    flow_check_either(t, &a, t->h);
}

static const struct { const char *name; void (*run)(bench *); const char *catches; } operators[] = {
    { "frame",  frame,     "a stride that is not 3 W; the fourth channel; padding"               },
    { "halve",  halve,     "edges of odd sizes; samples shifted by half a pixel"                 },
    { "detail", detail,    "weights of another phase; coarse edges"                              },
    { "edges",  edges,     "a neighbour beyond the last column or row"                           },
    { "warp",   warp,      "places beyond the frame, or beyond what an int holds"                },
    { "tensor", tensor,    "clamped rows at the top and bottom; pixels outside"                  },
    { "system", system_,   "weights across chunks of columns; the entry beyond an odd row"       },
    { "sor",    sor_once,  "a colour that starts at the wrong pixel"                             },
    { "sor",    sor_often, "bands and wedges that read a neighbour of the wrong half-sweep"      },
    { "join",   join,      "the last pixel of odd rows"                                          },
    { "median", median,    "a wrong comparison in the network; edges"                            },
    { "grow",   grow,      "the neighbour beyond the coarse level's last column or row"          },
    { "store",  store,     "components swapped"                                                  },
    { "check",  check,     "places at the frame's edge; there and back swapped"                  },
};

static void run(bench *t, void (*op)(bench *), int isa)
{
    t->in.used = t->out.used = 0;
    t->isa = isa;
    op(t);
}

#endif
