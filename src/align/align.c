#include "align/align_item.h"

#include "kernels/isa_pick.h"

#include <math.h>
#include <string.h>

LT_ISA_DISPATCH(lt_align_resize, lt_resize_job)
LT_ISA_DISPATCH(lt_align_sum, lt_fit_job)
LT_ISA_DISPATCH(lt_align_apply, lt_map_job)
LT_ISA_DISPATCH(lt_align_blend, lt_map_job)

typedef struct {
    lt_isa      isa;
    const void *job;
} item_job;

static void resize_item(void *ctx, int i)
{
    const item_job *j = ctx;
    lt_align_resize(j->isa, j->job, i, i + 1);
}

static void sum_item(void *ctx, int i)
{
    const item_job *j = ctx;
    lt_align_sum(j->isa, j->job, i, i + 1);
}

static void apply_item(void *ctx, int i)
{
    const item_job *j = ctx;
    lt_align_apply(j->isa, j->job, i, i + 1);
}

static void blend_item(void *ctx, int i)
{
    const item_job *j = ctx;
    lt_align_blend(j->isa, j->job, i, i + 1);
}

static int runs(int64_t n)
{
    return (int)((n + LT_ALIGN_RUN - 1) / LT_ALIGN_RUN);
}

void lt_depth_resize(lt_isa isa, lt_pool *pool, const float *src, int net_w, int net_h, float *dst, int w, int h)
{
    const lt_resize_job job = { src, dst, net_w, net_h, w, h };
    item_job item = { isa, &job };
    lt_pool_run(pool, (h + LT_ALIGN_ROWS - 1) / LT_ALIGN_ROWS, resize_item, &item);
}

static lt_fit_sums plus(lt_fit_sums a, lt_fit_sums b)
{
    return (lt_fit_sums){ a.cc + b.cc, a.c + b.c, a.cr + b.cr, a.r + b.r, a.rr + b.rr, a.n + b.n };
}

lt_fit_sums lt_fit_sum(lt_isa isa, lt_pool *pool, const float *c, const float *r, int64_t n)
{
    lt_fit_sums sum[LT_FIT_BLOCKS];
    const int64_t share = (n + LT_FIT_BLOCKS - 1) / LT_FIT_BLOCKS;
    const lt_fit_job job = { c, r, n, (share + LT_FIT_LANES - 1) / LT_FIT_LANES * LT_FIT_LANES, sum };
    item_job item = { isa, &job };
    lt_pool_run(pool, LT_FIT_BLOCKS, sum_item, &item);
    for (int step = 1; step < LT_FIT_BLOCKS; step *= 2)
        for (int i = 0; i + step < LT_FIT_BLOCKS; i += 2 * step) sum[i] = plus(sum[i], sum[i + step]);
    return sum[0];
}

/* Below it a map's deviation is less than 1e-5 of its root mean square: what a network in f32 gives for one value everywhere, as its own error is of
 * that size. The sums still carry the slope there (docs/depth-method.md), so a fit above is never touched. */
static const double SINGULAR = 1e-10;

lt_fit lt_fit_solve(const lt_fit_sums *sums, int n_sums)
{
    lt_fit_sums s = sums[0];
    for (int i = 1; i < n_sums; i++) s = plus(s, sums[i]);
    lt_fit f = { .scale = 1, .shift = 0, .det = s.cc * s.n - s.c * s.c };
    if (!(f.det > SINGULAR * s.cc * s.n)) {
        f.near_singular = true;
    } else {
        f.scale = (s.n * s.cr - s.c * s.r) / f.det;
        /* Not from det, as upstream: the same number, but this one brings the means together whatever the slope lost. */
        f.shift = (s.r - f.scale * s.c) / s.n;
    }
    /* About the means, where the large parts of the squares are gone before scale and shift come in. */
    const double c = s.c / s.n, r = s.r / s.n, off = f.scale * c + f.shift - r;
    const double var = (f.scale * f.scale * (s.cc - s.c * c) - 2 * f.scale * (s.cr - s.c * r) + (s.rr - s.r * r)) / s.n + off * off;
    f.residual = var > 0 ? sqrt(var) : 0;
    return f;
}

void lt_depth_apply(lt_isa isa, lt_pool *pool, const float *src, float scale, float shift, bool raw, float *dst, int64_t n)
{
    const lt_map_job job = { src, NULL, dst, scale, shift, n };
    item_job item = { isa, &job };
    if (!raw) lt_pool_run(pool, runs(n), apply_item, &item);
    else if (dst != src) memcpy(dst, src, (size_t)n * sizeof *dst);
}

void lt_depth_blend(lt_isa isa, lt_pool *pool, const float *a, float wa, const float *b, float wb, float *dst, int64_t n)
{
    const lt_map_job job = { a, b, dst, wa, wb, n };
    item_job item = { isa, &job };
    lt_pool_run(pool, runs(n), blend_item, &item);
}
