#include "kernels/flow_median/flow_median.h"
#include "kernels/flow_plane.cuh"

LT_FLOW_DEVICE float min2(float a, float b) { return a < b ? a : b; }
LT_FLOW_DEVICE float max2(float a, float b) { return a > b ? a : b; }
LT_FLOW_DEVICE float mid3(float a, float b, float c) { return max2(min2(a, b), min2(max2(a, b), c)); }

/* With each column sorted, the median of nine is that of: the greatest low, the middle one of the middles, the least high. */
LT_FLOW_DEVICE float median(const float *p, const float *q, const float *r, int x)
{
    float lo[3], mi[3], hi[3];
#pragma unroll
    for (int k = 0; k < 3; k++) {
        const float a = p[x + k - 1], b = q[x + k - 1], c = r[x + k - 1];
        const float s = min2(a, b), t = max2(a, b);
        lo[k] = min2(s, c);
        hi[k] = max2(t, c);
        mi[k] = max2(s, min2(t, c));
    }
    return mid3(max2(max2(lo[0], lo[1]), lo[2]), mid3(mi[0], mi[1], mi[2]), min2(min2(hi[0], hi[1]), hi[2]));
}

static __global__ void median_kernel(lt_flow_median_args a)
{
    const int x = lt_flow_x(), y = lt_flow_y();
    if (x >= a.width || y >= a.height) return;
    const size_t p = lt_flow_at(a.width, 0, lt_flow_clamp(y - 1, a.height)), q = lt_flow_at(a.width, 0, y);
    const size_t r = lt_flow_at(a.width, 0, lt_flow_clamp(y + 1, a.height));
    lt_flow_put(a.out_u + q, x, a.width, median(a.u + p, a.u + q, a.u + r, x));
    lt_flow_put(a.out_v + q, x, a.width, median(a.v + p, a.v + q, a.v + r, x));
}

lt_status lt_flow_median_cuda(void *stream, const lt_flow_median_args *a)
{
    return LT_CUDA_LAUNCH(median_kernel, lt_flow_grid(static_cast<size_t>(a->width), a->height), lt_flow_block(), stream, *a);
}
