#include "kernels/flow_plane.h"
#include "kernels/flow_grow/flow_grow.h"

static float grown(const float *p, int width, int height, int x, int y)
{
    const int w = (width + 1) / 2, h = (height + 1) / 2;
    const float *top = p + (size_t)(y / 2) * lt_flow_stride(w), *low = p + (size_t)lt_flow_clamp((y + 1) / 2, h) * lt_flow_stride(w);
    const int l = x / 2, r = lt_flow_clamp(l + 1, w);
    /* The mean of the rows, doubled, is their sum. */
    return x & 1 ? 0.5f * ((top[l] + low[l]) + (top[r] + low[r])) : top[l] + low[l];
}

void lt_flow_grow_ref(const lt_flow_grow_args *a, int y0, int y1)
{
    const ptrdiff_t stride = (ptrdiff_t)lt_flow_stride(a->width);
    for (int y = y0; y < y1; y++)
        for (int x = -LT_FLOW_EDGE; x < a->width + LT_FLOW_EDGE; x++) {
            a->out_u[y * stride + x] = grown(a->u, a->width, a->height, lt_flow_clamp(x, a->width), y);
            a->out_v[y * stride + x] = grown(a->v, a->width, a->height, lt_flow_clamp(x, a->width), y);
        }
}
