#include "frames/prepare_item.h"

#include "kernels/isa_pick.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

LT_ISA_DISPATCH(lt_prepare_across, lt_prepare_job)
LT_ISA_DISPATCH(lt_prepare_down, lt_prepare_job)

struct lt_prepare {
    lt_prepare_job job;
    bool           same;                     /* the sizes agree: no resampling */
    float          unit[256];
    int32_t       *index;                    /* all index tables */
    float         *weight;                   /* all weight tables */
};

/* Upstream: Video-Depth-Anything@4f5ae23, utils/util.py and video_depth_anything/util/transform.py:Resize (lower bound, keep aspect, multiple of
 * 14); video_depth.py:infer_video_depth makes the size of long frames smaller. Python rounds halves to even, as rint does. */
static int side(double scaled, int input_size)
{
    int n = 14 * (int)rint(scaled / 14);
    if (n < input_size) n = 14 * (int)ceil(scaled / 14);
    return n;
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
    *net_height = side(scale * height, input_size);
    *net_width = side(scale * width, input_size);
done:
    return st;
}

/* Four places and weights of OpenCV's cubic, a = -0.75, in f32: the source coordinate is rounded to f32, the fourth weight is what is left to 1. */
static void taps(int n_in, int n_out, int i, int32_t at[4], float w[4])
{
    const float a = -0.75f, c = (float)((i + 0.5) * ((double)n_in / n_out) - 0.5), whole = floorf(c), t = c - whole;
    w[0] = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a;
    w[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
    w[2] = ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1;
    w[3] = 1.0f - w[0] - w[1] - w[2];
    for (int k = 0; k < 4; k++) {
        const int p = (int)whole - 1 + k;
        at[k] = p < 0 ? 0 : p > n_in - 1 ? n_in - 1 : p;
    }
}

static size_t table_values(int net_width, int net_height)
{
    return 4 * ((size_t)net_width * 3 + (size_t)net_height);
}

size_t lt_prepare_bytes(int width, int height, int net_width, int net_height)
{
    if (width == net_width && height == net_height) return sizeof(lt_prepare);
    return sizeof(lt_prepare) + table_values(net_width, net_height) * (sizeof(int32_t) + sizeof(float)) +
           (size_t)height * (size_t)net_width * 3 * sizeof(float);
}

static void fill_tables(lt_prepare *p)
{
    lt_prepare_job *j = &p->job;
    const int n = j->net_width * 3;
    int32_t at[4], *index = p->index;
    float w[4], *weight = p->weight;
    for (int k = 0; k < 4; k++) {
        int32_t *column = index + k * n, *row = index + 4 * n + k * j->net_height;
        float *cw = weight + k * n, *rw = weight + 4 * n + k * j->net_height;
        for (int i = 0; i < n; i++) {
            taps(j->width, j->net_width, i / 3, at, w);
            column[i] = at[k] * 3 + i % 3;
            cw[i] = w[k];
        }
        for (int i = 0; i < j->net_height; i++) {
            taps(j->height, j->net_height, i, at, w);
            row[i] = at[k];
            rw[i] = w[k];
        }
        j->column[k] = column;
        j->column_weight[k] = cw;
        j->row[k] = row;
        j->row_weight[k] = rw;
    }
}

lt_status lt_prepare_create(int width, int height, int net_width, int net_height, lt_prepare **out)
{
    lt_status st = LT_OK;
    *out = NULL;
    lt_prepare *p = calloc(1, sizeof *p);
    if (!p) LT_FAIL(LT_E_MEMORY, "no memory to prepare frames");
    p->job = (lt_prepare_job){ .width = width, .height = height, .net_width = net_width, .net_height = net_height, .unit = p->unit };
    p->same = width == net_width && height == net_height;
    for (int i = 0; i < 256; i++) p->unit[i] = (float)i / 255.0f;
    if (!p->same) {
        p->index = malloc(table_values(net_width, net_height) * sizeof *p->index);
        p->weight = malloc(table_values(net_width, net_height) * sizeof *p->weight);
        p->job.across = malloc((size_t)height * (size_t)net_width * 3 * sizeof *p->job.across);
        if (!p->index || !p->weight || !p->job.across) LT_FAIL(LT_E_MEMORY, "no memory to prepare frames of %dx%d", width, height);
        fill_tables(p);
    }
    *out = p;
    p = NULL;
done:
    lt_prepare_destroy(&p);
    return st;
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
    free(p->index);
    free(p->weight);
    free(p->job.across);
    free(p);
    *prepare = NULL;
}
