#include "frames/prepare_item.h"

#include <string.h>

void LT_ISA_FN(lt_prepare_across)(const lt_prepare_job *a, int y0, int y1);
void LT_ISA_FN(lt_prepare_down)(const lt_prepare_job *a, int y0, int y1);

/* A pixel and the value beside it: four lanes are loaded and stored for three. */
typedef float pixel __attribute__((vector_size(16)));

enum { CHUNK = 48 };                         /* values normalised together: whole pixels, whole vectors */

static int end_of(int item, int n)
{
    return (item + 1) * LT_PREPARE_ROWS < n ? (item + 1) * LT_PREPARE_ROWS : n;
}

static pixel load(const float *x)
{
    pixel v;
    memcpy(&v, x, sizeof v);
    return v;
}

static void unit(const uint8_t *restrict x, float *restrict to, int n)
{
    for (int i = 0; i < n; i++) to[i] = (float)x[i] / 255.0f;
}

/* The fourth lane of a pixel is the next one's first, which is stored after it; the last pixel of a tile, whose next may be another thread's, stores
 * three. */
static void across_tile(const lt_prepare_job *a, const uint8_t *row, float *to, int x0, int x1)
{
    float span[LT_PREPARE_SPAN * 3 + 1];
    const int first = a->column[x0].at[0], n = (a->column[x1 - 1].at[3] - first + 1) * 3;
    unit(row + (size_t)first * 3, span, n);
    span[n] = 0;
    for (int x = x0; x < x1; x++) {
        const lt_prepare_taps *t = &a->column[x];
        const float *w = t->weight;
        pixel v = load(span + (t->at[0] - first) * 3) * w[0];
        v = v + load(span + (t->at[1] - first) * 3) * w[1];
        v = v + load(span + (t->at[2] - first) * 3) * w[2];
        v = v + load(span + (t->at[3] - first) * 3) * w[3];
        if (x + 1 < x1) memcpy(to + (size_t)x * 3, &v, sizeof v);
        else memcpy(to + (size_t)x * 3, &v, 3 * sizeof *to);
    }
}

void LT_ISA_FN(lt_prepare_across)(const lt_prepare_job *a, int y0, int y1)
{
    for (int y = y0 * LT_PREPARE_ROWS; y < end_of(y1 - 1, a->height); y++)
        for (int x = 0; x < a->net_width; x += a->tile)
            across_tile(a, a->rgb + (size_t)y * a->stride, a->across + (size_t)y * (size_t)a->net_width * 3, x,
                        a->net_width - x < a->tile ? a->net_width : x + a->tile);
}

static void down(const float *const r[4], const float w[4], float *restrict to, int first, int n)
{
    const float *r0 = r[0] + first, *r1 = r[1] + first, *r2 = r[2] + first, *r3 = r[3] + first;
    const float w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
    for (int i = 0; i < n; i++) to[i] = r0[i] * w0 + r1[i] * w1 + r2[i] * w2 + r3[i] * w3;
}

static void normalise(const float *restrict x, const double *restrict mean, const double *restrict deviation, float *restrict to, int n)
{
    for (int i = 0; i < n; i++) to[i] = (float)(((double)x[i] - mean[i]) / deviation[i]);
}

void LT_ISA_FN(lt_prepare_down)(const lt_prepare_job *a, int y0, int y1)
{
    static const double of_mean[3] = { 0.485, 0.456, 0.406 }, of_deviation[3] = { 0.229, 0.224, 0.225 };
    const int n = a->net_width * 3;
    double mean[CHUNK], deviation[CHUNK];
    float part[CHUNK];
    for (int i = 0; i < CHUNK; i++) {
        mean[i] = of_mean[i % 3];
        deviation[i] = of_deviation[i % 3];
    }
    for (int y = y0 * LT_PREPARE_ROWS; y < end_of(y1 - 1, a->net_height); y++) {
        const float *r[4] = { 0 };
        for (int k = 0; k < 4 && a->row; k++) r[k] = a->across + (size_t)a->row[y].at[k] * (size_t)n;
        for (int i = 0; i < n; i += CHUNK) {
            const int m = n - i < CHUNK ? n - i : CHUNK;
            if (a->row) down(r, a->row[y].weight, part, i, m);
            else unit(a->rgb + (size_t)y * a->stride + i, part, m);
            normalise(part, mean, deviation, a->out + (size_t)y * (size_t)n + i, m);
        }
    }
}
