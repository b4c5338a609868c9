#include "kernels/flow_plane.h"
#include "kernels/flow_warp/flow_warp.h"

#include <string.h>

void LT_ISA_FN(lt_flow_warp)(const lt_flow_warp_args *a, int y0, int y1);

enum { CHUNK = 64 };   /* pixels at a time: places and weights first, then samples */

typedef float pixel __attribute__((vector_size(16)));

typedef struct {
    float wx[4][CHUNK], wy[4][CHUNK];
    int   x[CHUNK], y[CHUNK];
    float inside[CHUNK];
} places;

/* Weights of the samples at -1, 0, 1, 2 for a place f in 0..1 (Keys, a = -1/2). */
static inline void cubic(float f, float *w0, float *w1, float *w2, float *w3)
{
    const float f2 = f * f, f3 = f2 * f;
    *w0 = f2 - 0.5f * (f3 + f);
    *w1 = (1.5f * f3 - 2.5f * f2) + 1.f;
    *w2 = (2.f * f2 - 1.5f * f3) + 0.5f * f;
    *w3 = 0.5f * (f3 - f2);
}

static void locate(const lt_flow_warp_args *a, int y, int x0, int n, const float *restrict u, const float *restrict v,
                   places *restrict p)
{
    const float right = (float)(a->width - 1), bottom = (float)(a->height - 1);
    for (int i = 0; i < n; i++) {
        float tx = (float)(x0 + i) + u[i], ty = (float)y + v[i];
        float cx = tx > 0.f ? tx : 0.f, cy = ty > 0.f ? ty : 0.f;
        cx = cx < right ? cx : right;
        cy = cy < bottom ? cy : bottom;
        p->inside[i] = cx == tx && cy == ty ? 1.f : 0.f;
        p->x[i] = (int)cx;
        p->y[i] = (int)cy;
        cubic(cx - (float)p->x[i], &p->wx[0][i], &p->wx[1][i], &p->wx[2][i], &p->wx[3][i]);
        cubic(cy - (float)p->y[i], &p->wy[0][i], &p->wy[1][i], &p->wy[2][i], &p->wy[3][i]);
    }
}

static inline pixel load(const float *p)
{
    pixel v;
    memcpy(&v, p, sizeof v);
    return v;
}

static void sample(const lt_flow_warp_args *a, const places *restrict p, int n, float *restrict out)
{
    const size_t stride = 4 * lt_flow_image_stride(a->width);
    for (int i = 0; i < n; i++) {
        pixel sum = { 0, 0, 0, 0 };
        for (int k = 0; k < 4; k++) {
            const float *r = a->second + (size_t)lt_flow_clamp(p->y[i] + k - 1, a->height) * stride + 4 * (ptrdiff_t)(p->x[i] - 1);
            const pixel row = (load(r) * p->wx[0][i] + load(r + 4) * p->wx[1][i]) +
                              (load(r + 8) * p->wx[2][i] + load(r + 12) * p->wx[3][i]);
            sum = sum + row * p->wy[k][i];
        }
        memcpy(out + 4 * i, &sum, sizeof sum);
    }
}

static void finish(const float *restrict first, const float *restrict warped, int n, float *restrict mean, float *restrict diff)
{
    for (int i = 0; i < n; i++) {
        mean[i] = 0.5f * (first[4 * i] + warped[4 * i]);
        diff[i] = warped[4 * i] - first[4 * i];
    }
}

void LT_ISA_FN(lt_flow_warp)(const lt_flow_warp_args *a, int y0, int y1)
{
    const size_t stride = lt_flow_stride(a->width), pixels = 4 * lt_flow_image_stride(a->width);
    places p;
    float warped[4 * CHUNK];
    for (int y = y0; y < y1; y++) {
        const size_t row = (size_t)y * stride;
        for (int x = 0; x < a->width; x += CHUNK) {
            const int n = a->width - x < CHUNK ? a->width - x : CHUNK;
            locate(a, y, x, n, a->u + row + x, a->v + row + x, &p);
            sample(a, &p, n, warped);
            for (int c = 0; c < 3; c++)
                finish(a->first + (size_t)y * pixels + 4 * (size_t)x + c, warped + c, n, a->mean[c] + row + x, a->diff[c] + row + x);
            memcpy(a->inside + row + x, p.inside, (size_t)n * sizeof *p.inside);
        }
        for (int c = 0; c < 3; c++) {
            lt_flow_pad_row(a->mean[c] + row, a->width);
            lt_flow_pad_row(a->diff[c] + row, a->width);
        }
    }
}
