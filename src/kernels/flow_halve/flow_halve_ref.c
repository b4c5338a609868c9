#include "kernels/flow_plane.h"
#include "kernels/flow_halve/flow_halve.h"

static float down(const lt_flow_halve_args *a, int x, int y, int c)
{
    float t[5];
    for (int k = 0; k < 5; k++)
        t[k] = a->in[4 * ((size_t)lt_flow_clamp(y + k - 2, a->height) * lt_flow_image_stride(a->width) +
                          (size_t)lt_flow_clamp(x, a->width)) + (size_t)c];
    return ((t[0] + t[4]) + 4.f * (t[1] + t[3]) + 6.f * t[2]) * 0.0625f;
}

void lt_flow_halve_ref(const lt_flow_halve_args *a, int y0, int y1)
{
    const int w = (a->width + 1) / 2;
    const ptrdiff_t stride = (ptrdiff_t)lt_flow_image_stride(w);
    for (int y = y0; y < y1; y++)
        for (int x = -LT_FLOW_EDGE; x < w + LT_FLOW_EDGE; x++)
            for (int c = 0; c < 4; c++) {
                float t[5];
                for (int k = 0; k < 5; k++) t[k] = down(a, 2 * lt_flow_clamp(x, w) + k - 2, 2 * y, c);
                a->out[4 * (y * stride + x) + c] = ((t[0] + t[4]) + 4.f * (t[1] + t[3]) + 6.f * t[2]) * 0.0625f;
            }
}
