#include "kernels/flow_plane.h"
#include "kernels/flow_tensor/flow_tensor.h"

void LT_ISA_FN(lt_flow_tensor)(const lt_flow_tensor_args *a, int y0, int y1);

typedef struct {
    const float *row, *up2, *up, *down, *down2, *diff;
} taps;

static inline float slope(float m2, float m1, float p1, float p2)
{
    return (8.f * (p1 - m1) - (p2 - m2)) * (1.f / 12.f);
}

static void channel(taps t, float floor2, int n, float *restrict xx, float *restrict xy, float *restrict yy,
                    float *restrict xt, float *restrict yt, float *restrict tt, int add)
{
    for (int x = 0; x < n; x++) {
        const float ix = slope(t.row[x - 2], t.row[x - 1], t.row[x + 1], t.row[x + 2]);
        const float iy = slope(t.up2[x], t.up[x], t.down[x], t.down2[x]);
        const float it = t.diff[x], s = 1.f / ((ix * ix + iy * iy) + floor2);
        const float sx = s * ix, sy = s * iy;
        xx[x] = (add ? xx[x] : 0.f) + sx * ix;
        xy[x] = (add ? xy[x] : 0.f) + sx * iy;
        yy[x] = (add ? yy[x] : 0.f) + sy * iy;
        xt[x] = (add ? xt[x] : 0.f) + sx * it;
        yt[x] = (add ? yt[x] : 0.f) + sy * it;
        tt[x] = (add ? tt[x] : 0.f) + s * it * it;
    }
}

static void mask(float *restrict j, const float *restrict inside, int n)
{
    for (int x = 0; x < n; x++) j[x] = j[x] * inside[x];
}

void LT_ISA_FN(lt_flow_tensor)(const lt_flow_tensor_args *a, int y0, int y1)
{
    const size_t stride = lt_flow_stride(a->width);
    for (int y = y0; y < y1; y++) {
        const size_t row = (size_t)y * stride;
        for (int c = 0; c < 3; c++) {
            const float *m = a->mean[c];
            const taps t = { m + row, m + (size_t)lt_flow_clamp(y - 2, a->height) * stride,
                             m + (size_t)lt_flow_clamp(y - 1, a->height) * stride,
                             m + (size_t)lt_flow_clamp(y + 1, a->height) * stride,
                             m + (size_t)lt_flow_clamp(y + 2, a->height) * stride, a->diff[c] + row };
            channel(t, a->floor * a->floor, a->width, a->j[0] + row, a->j[1] + row, a->j[2] + row, a->j[3] + row,
                    a->j[4] + row, a->j[5] + row, c > 0);
        }
        for (int k = 0; k < 6; k++) mask(a->j[k] + row, a->inside + row, a->width);
    }
}
