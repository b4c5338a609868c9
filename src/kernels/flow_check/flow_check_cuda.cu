#include "kernels/flow_check/flow_check.h"
#include "kernels/flow_plane.cuh"

/* Whether flow there and back from (x, y) miss each other. */
LT_FLOW_DEVICE bool hidden(const lt_flow_check_args &a, int x, int y, float u, float v)
{
    const float tx = static_cast<float>(x) + u, ty = static_cast<float>(y) + v;
    if (!(tx >= 0.f && ty >= 0.f && tx <= static_cast<float>(a.width - 1) && ty <= static_cast<float>(a.height - 1))) return true;
    const int ix = static_cast<int>(tx), iy = static_cast<int>(ty), jx = lt_flow_clamp(ix + 1, a.width), jy = lt_flow_clamp(iy + 1, a.height);
    const float fx = tx - static_cast<float>(ix), fy = ty - static_cast<float>(iy);
    const float *p = a.back + 2 * static_cast<size_t>(iy) * static_cast<size_t>(a.width), *q = a.back + 2 * static_cast<size_t>(jy) * static_cast<size_t>(a.width);
    float b[2];
#pragma unroll
    for (int c = 0; c < 2; c++) {
        const float top = p[2 * ix + c] + fx * (p[2 * jx + c] - p[2 * ix + c]), low = q[2 * ix + c] + fx * (q[2 * jx + c] - q[2 * ix + c]);
        b[c] = top + fy * (low - top);
    }
    const float mx = u + b[0], my = v + b[1], length = (u * u + v * v) + (b[0] * b[0] + b[1] * b[1]);
    return mx * mx + my * my > a.slack + a.share * length;
}

static __global__ void check_kernel(lt_flow_check_args a)
{
    const int x = lt_flow_x(), y = lt_flow_y();
    if (x >= a.width || y >= a.height) return;
    const size_t at = static_cast<size_t>(y) * static_cast<size_t>(a.width) + static_cast<size_t>(x);
    a.occluded[at] = hidden(a, x, y, a.there[2 * at], a.there[2 * at + 1]) ? 1 : 0;
}

lt_status lt_flow_check_cuda(void *stream, const lt_flow_check_args *a)
{
    return LT_CUDA_LAUNCH(check_kernel, lt_flow_grid(static_cast<size_t>(a->width), a->height), lt_flow_block(), stream, *a);
}
