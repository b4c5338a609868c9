#include "kernels/flow_detail/flow_detail.h"
#include "kernels/flow_plane.h"

#include <string.h>

void LT_ISA_FN(lt_flow_detail)(const lt_flow_detail_args *a, int y0, int y1);

typedef float pixel __attribute__((vector_size(16)));

static inline pixel load(const float *p)
{
    pixel v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Column i of the coarse rows r, at the height that the weights w are for. */
static inline pixel column(const float *const r[4], const float w[4], int i)
{
    return (load(r[0] + i) * w[0] + load(r[1] + i) * w[1]) + (load(r[2] + i) * w[2] + load(r[3] + i) * w[3]);
}

static void subtract(const float *const r[4], const float w[4], float scale, int width, float *restrict row)
{
    pixel t[4] = { { 0 }, column(r, w, -4), column(r, w, 0), column(r, w, 4) };
    for (int x = 0; x < width; x += 4) {
        t[0] = t[1];
        t[1] = t[2];
        t[2] = t[3];
        t[3] = column(r, w, x + 8);
        for (int i = 0; i < (width - x < 4 ? width - x : 4); i++) {
            const float *s = lt_flow_detail_spline[i];
            const pixel around = (t[0] * s[0] + t[1] * s[1]) + (t[2] * s[2] + t[3] * s[3]);
            const pixel v = load(row + 4 * (x + i)) - scale * around;
            memcpy(row + 4 * (x + i), &v, sizeof v);
        }
    }
}

void LT_ISA_FN(lt_flow_detail)(const lt_flow_detail_args *a, int y0, int y1)
{
    const int w = ((a->width + 1) / 2 + 1) / 2, h = ((a->height + 1) / 2 + 1) / 2;
    const size_t stride = 4 * lt_flow_image_stride(w);
    for (int y = y0; y < y1; y++) {
        float *row = a->image + 4 * (size_t)y * lt_flow_image_stride(a->width);
        const float *r[4];
        for (int k = 0; k < 4; k++) r[k] = a->coarse + (size_t)lt_flow_clamp(y / 4 + k - 1, h) * stride;
        subtract(r, lt_flow_detail_spline[y % 4], a->share * (1.f / (384.f * 384.f)), a->width, row);
        lt_flow_pad_pixels(row, a->width);
    }
}
