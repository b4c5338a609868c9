#include "frames/prepare_item.h"

#include "kernels/isa_pick.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

LT_ISA_DISPATCH(lt_prepare_across, lt_prepare_job)
LT_ISA_DISPATCH(lt_prepare_down, lt_prepare_job)

enum { LONGEST = 1 << 20 };                  /* side of an input: far beyond what any device holds */

struct lt_prepare {
    lt_prepare_job   job;
    bool             same;                   /* the sizes agree: no resampling */
    lt_prepare_taps *taps;                   /* of columns, then of rows */
};

/* Upstream: Video-Depth-Anything@4f5ae23, utils/util.py and video_depth_anything/util/transform.py:Resize (lower bound, keep aspect, multiple of
 * 14); video_depth.py:infer_video_depth makes the size of long frames smaller. Python rounds halves to even, as rint does. */
static double side(double scaled, int input_size)
{
    const double n = 14 * rint(scaled / 14);
    return n < input_size ? 14 * ceil(scaled / 14) : n;
}

lt_status lt_depth_input_size(int width, int height, int input_size, int *net_width, int *net_height)
{
    lt_status st = LT_OK;
    *net_width = *net_height = 0;
    if (width < 1 || height < 1 || input_size < 1) LT_FAIL(LT_E_USAGE, "frames of %dx%d for a model input of %d: sizes must be at least 1", width, height, input_size);
    const double longer = width > height ? width : height, shorter = width > height ? height : width;
    if (longer / shorter > 1.78) {
        input_size = (int)(input_size * 1.777 / (longer / shorter));
        input_size = (int)rint(input_size / 14.0) * 14;
        if (input_size < 14) input_size = 14;
    }
    const double by_h = (double)input_size / height, by_w = (double)input_size / width, scale = by_h > by_w ? by_h : by_w;
    const double net_h = side(scale * height, input_size), net_w = side(scale * width, input_size);
    if (net_h > LONGEST || net_w > LONGEST) LT_FAIL(LT_E_USAGE, "frames of %dx%d and a model input of %d: too large or too long for a network", width, height, input_size);
    *net_height = (int)net_h;
    *net_width = (int)net_w;
done:
    return st;
}

/* OpenCV's cubic, a = -0.75, in f32: the source coordinate is rounded to f32, the fourth weight is what is left to 1. */
static void fill_taps(int n_in, int n_out, lt_prepare_taps *out)
{
    const float a = -0.75f;
    for (int i = 0; i < n_out; i++) {
        const float c = (float)((i + 0.5) * ((double)n_in / n_out) - 0.5), whole = floorf(c), t = c - whole;
        float *w = out[i].weight;
        w[0] = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a;
        w[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
        w[2] = ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1;
        w[3] = 1.0f - w[0] - w[1] - w[2];
        for (int k = 0; k < 4; k++) {
            const int p = (int)whole - 1 + k;
            out[i].at[k] = p < 0 ? 0 : p > n_in - 1 ? n_in - 1 : p;
        }
    }
}

static bool tile_fits(const lt_prepare_taps *column, int n, int tile)
{
    for (int x = 0; x < n; x += tile) {
        const int last = n - x < tile ? n - 1 : x + tile - 1;
        if (column[last].at[3] - column[x].at[0] + 1 > LT_PREPARE_SPAN) return false;
    }
    return true;
}

static size_t across_bytes(int height, int net_width)
{
    return (size_t)height * (size_t)net_width * 3 * sizeof(float);
}

size_t lt_prepare_bytes(int width, int height, int net_width, int net_height)
{
    if (width == net_width && height == net_height) return sizeof(lt_prepare);
    return sizeof(lt_prepare) + ((size_t)net_width + (size_t)net_height) * sizeof(lt_prepare_taps) + across_bytes(height, net_width);
}

lt_status lt_prepare_create(int width, int height, int net_width, int net_height, lt_prepare **out)
{
    lt_status st = LT_OK;
    *out = NULL;
    lt_prepare *p = calloc(1, sizeof *p);
    if (!p) LT_FAIL(LT_E_MEMORY, "no memory to prepare frames");
    p->job = (lt_prepare_job){ .width = width, .height = height, .net_width = net_width, .net_height = net_height };
    p->same = width == net_width && height == net_height;
    if (!p->same) {
        p->taps = malloc(((size_t)net_width + (size_t)net_height) * sizeof *p->taps);
        p->job.across = malloc(across_bytes(height, net_width));
        if (!p->taps || !p->job.across) LT_FAIL(LT_E_MEMORY, "no memory to prepare frames of %dx%d", width, height);
        fill_taps(width, net_width, p->taps);
        fill_taps(height, net_height, p->taps + net_width);
        p->job.column = p->taps;
        p->job.row = p->taps + net_width;
        p->job.tile = net_width;
        while (!tile_fits(p->job.column, net_width, p->job.tile)) p->job.tile = (p->job.tile + 1) / 2;
    }
    *out = p;
    p = NULL;
done:
    lt_prepare_destroy(&p);
    return st;
}

const lt_prepare_job *lt_prepare_tables(const lt_prepare *p)
{
    return &p->job;
}

typedef struct {
    lt_isa                isa;
    const lt_prepare_job *job;
} item_job;

static void across_item(void *ctx, int i)
{
    const item_job *j = ctx;
    lt_prepare_across(j->isa, j->job, i, i + 1);
}

static void down_item(void *ctx, int i)
{
    const item_job *j = ctx;
    lt_prepare_down(j->isa, j->job, i, i + 1);
}

void lt_prepare_run(lt_prepare *p, lt_pool *pool, lt_isa isa, const uint8_t *rgb, size_t stride, float *out)
{
    item_job item = { isa, &p->job };
    p->job.rgb = rgb;
    p->job.stride = stride;
    p->job.out = out;
    if (!p->same) lt_pool_run(pool, (p->job.height + LT_PREPARE_ROWS - 1) / LT_PREPARE_ROWS, across_item, &item);
    lt_pool_run(pool, (p->job.net_height + LT_PREPARE_ROWS - 1) / LT_PREPARE_ROWS, down_item, &item);
}

void lt_prepare_destroy(lt_prepare **prepare)
{
    lt_prepare *p = *prepare;
    if (!p) return;
    free(p->taps);
    free(p->job.across);
    free(p);
    *prepare = NULL;
}
