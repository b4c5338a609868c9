#include "kernels/flow_plane.cuh"
#include "kernels/flow_warp/flow_warp.h"

/* Weights of the samples at -1, 0, 1, 2 for a place f in 0..1 (Keys, a = -1/2). */
LT_FLOW_DEVICE void cubic(float f, float w[4])
{
    const float f2 = f * f, f3 = f2 * f;
    w[0] = f2 - 0.5f * (f3 + f);
    w[1] = (1.5f * f3 - 2.5f * f2) + 1.f;
    w[2] = (2.f * f2 - 1.5f * f3) + 0.5f * f;
    w[3] = 0.5f * (f3 - f2);
}

/* Into 0 .. n - 1; a NaN is 0. */
LT_FLOW_DEVICE float into(float v, int n)
{
    const float last = static_cast<float>(n - 1), low = v > 0.f ? v : 0.f;
    return low < last ? low : last;
}

static __global__ void warp_kernel(lt_flow_warp_args a)
{
    const int x = lt_flow_x(), y = lt_flow_y();
    if (x >= a.width || y >= a.height) return;
    const size_t at = lt_flow_at(a.width, x, y), row = lt_flow_at(a.width, 0, y);
    const float tx = static_cast<float>(x) + a.u[at], ty = static_cast<float>(y) + a.v[at];
    const float cx = into(tx, a.width), cy = into(ty, a.height);
    const int ix = static_cast<int>(cx), iy = static_cast<int>(cy);
    float wx[4], wy[4];
    cubic(cx - static_cast<float>(ix), wx);
    cubic(cy - static_cast<float>(iy), wy);
    float4 sum = make_float4(0.f, 0.f, 0.f, 0.f);
#pragma unroll
    for (int k = 0; k < 4; k++) {
        /* Two pixels beyond the ends of a row are there. */
        const float4 *p = lt_flow_pixels(a.second, a.width, lt_flow_clamp(iy + k - 1, a.height)) + (ix - 1);
        const float4 t = lt_flow_pixel4(p[0], p[1], p[2], p[3], wx);
        sum = make_float4(sum.x + t.x * wy[k], sum.y + t.y * wy[k], sum.z + t.z * wy[k], 0.f);
    }
    const float4 first = lt_flow_pixels(a.first, a.width, y)[x];
    const float f[3] = { first.x, first.y, first.z }, warped[3] = { sum.x, sum.y, sum.z };
#pragma unroll
    for (int c = 0; c < 3; c++) {
        lt_flow_put(a.mean[c] + row, x, a.width, 0.5f * (f[c] + warped[c]));
        lt_flow_put(a.diff[c] + row, x, a.width, warped[c] - f[c]);
    }
    a.inside[at] = cx == tx && cy == ty ? 1.f : 0.f;
}

lt_status lt_flow_warp_cuda(void *stream, const lt_flow_warp_args *a)
{
    return LT_CUDA_LAUNCH(warp_kernel, lt_flow_grid(static_cast<size_t>(a->width), a->height), lt_flow_block(), stream, *a);
}
