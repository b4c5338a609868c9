#include "kernels/flow_plane.h"
#include "kernels/flow_warp/flow_warp.h"

static void cubic(float f, float w[4])
{
    const float f2 = f * f, f3 = f2 * f;
    w[0] = f2 - 0.5f * (f3 + f);
    w[1] = (1.5f * f3 - 2.5f * f2) + 1.f;
    w[2] = (2.f * f2 - 1.5f * f3) + 0.5f * f;
    w[3] = 0.5f * (f3 - f2);
}

static float clamped(float v, int n)
{
    return !(v > 0.f) ? 0.f : v < (float)(n - 1) ? v : (float)(n - 1);
}

static float sample(const lt_flow_warp_args *a, float x, float y, int c)
{
    const int ix = (int)x, iy = (int)y;
    float wx[4], wy[4], sum = 0;
    cubic(x - (float)ix, wx);
    cubic(y - (float)iy, wy);
    for (int k = 0; k < 4; k++) {
        float t[4];
        for (int i = 0; i < 4; i++)
            t[i] = a->second[4 * ((size_t)lt_flow_clamp(iy + k - 1, a->height) * lt_flow_image_stride(a->width) +
                                  (size_t)lt_flow_clamp(ix + i - 1, a->width)) + (size_t)c];
        sum = sum + ((t[0] * wx[0] + t[1] * wx[1]) + (t[2] * wx[2] + t[3] * wx[3])) * wy[k];
    }
    return sum;
}

void lt_flow_warp_ref(const lt_flow_warp_args *a, int y0, int y1)
{
    for (int y = y0; y < y1; y++) {
        const size_t row = (size_t)y * lt_flow_stride(a->width);
        for (int x = 0; x < a->width; x++) {
            const size_t at = row + (size_t)x;
            const float tx = (float)x + a->u[at], ty = (float)y + a->v[at];
            const float cx = clamped(tx, a->width), cy = clamped(ty, a->height);
            a->inside[at] = cx == tx && cy == ty ? 1.f : 0.f;
            for (int c = 0; c < 3; c++) {
                const float first = a->first[4 * ((size_t)y * lt_flow_image_stride(a->width) + (size_t)x) + (size_t)c];
                const float warped = sample(a, cx, cy, c);
                a->mean[c][at] = 0.5f * (first + warped);
                a->diff[c][at] = warped - first;
            }
        }
        for (int c = 0; c < 3; c++) {
            lt_flow_pad_row(a->mean[c] + row, a->width);
            lt_flow_pad_row(a->diff[c] + row, a->width);
        }
    }
}
