#include "kernels/flow_plane.h"
#include "kernels/flow_median/flow_median.h"

static float median(const float *p, int width, int height, int x, int y)
{
    float s[9];
    int n = 0;
    for (int j = -1; j <= 1; j++)
        for (int i = -1; i <= 1; i++) {
            const float v = p[(size_t)lt_flow_clamp(y + j, height) * lt_flow_stride(width) + (size_t)lt_flow_clamp(x + i, width)];
            int k = n++;
            for (; k > 0 && s[k - 1] > v; k--) s[k] = s[k - 1];
            s[k] = v;
        }
    return s[4];
}

void lt_flow_median_ref(const lt_flow_median_args *a, int y0, int y1)
{
    const ptrdiff_t stride = (ptrdiff_t)lt_flow_stride(a->width);
    for (int y = y0; y < y1; y++)
        for (int x = -LT_FLOW_EDGE; x < a->width + LT_FLOW_EDGE; x++) {
            a->out_u[y * stride + x] = median(a->u, a->width, a->height, lt_flow_clamp(x, a->width), y);
            a->out_v[y * stride + x] = median(a->v, a->width, a->height, lt_flow_clamp(x, a->width), y);
        }
}
