#include "kernels/flow_grow/flow_grow.h"
#include "kernels/flow_plane.cuh"

/* The mean of the rows, doubled, is their sum. */
LT_FLOW_DEVICE float grown(const float *top, const float *low, int x, int r)
{
    const float here = top[x / 2] + low[x / 2];
    return x & 1 ? 0.5f * (here + (top[r] + low[r])) : here;
}

static __global__ void grow_kernel(lt_flow_grow_args a)
{
    const int w = (a.width + 1) / 2, h = (a.height + 1) / 2, x = lt_flow_x(), y = lt_flow_y();
    if (x >= a.width || y >= a.height) return;
    const size_t top = lt_flow_at(w, 0, y / 2), low = lt_flow_at(w, 0, lt_flow_clamp((y + 1) / 2, h));
    const int r = lt_flow_clamp(x / 2 + 1, w);
    lt_flow_put(a.out_u + lt_flow_at(a.width, 0, y), x, a.width, grown(a.u + top, a.u + low, x, r));
    lt_flow_put(a.out_v + lt_flow_at(a.width, 0, y), x, a.width, grown(a.v + top, a.v + low, x, r));
}

lt_status lt_flow_grow_cuda(void *stream, const lt_flow_grow_args *a)
{
    return LT_CUDA_LAUNCH(grow_kernel, lt_flow_grid(static_cast<size_t>(a->width), a->height), lt_flow_block(), stream, *a);
}
