#include "kernels/flow_plane.cuh"
#include "kernels/flow_tensor/flow_tensor.h"

LT_FLOW_DEVICE float slope(float m2, float m1, float p1, float p2)
{
    return (8.f * (p1 - m1) - (p2 - m2)) * (1.f / 12.f);
}

static __global__ void tensor_kernel(lt_flow_tensor_args a)
{
    const int x = lt_flow_x(), y = lt_flow_y();
    if (x >= a.width || y >= a.height) return;
    const size_t at = lt_flow_at(a.width, x, y);
    const size_t up2 = lt_flow_at(a.width, x, lt_flow_clamp(y - 2, a.height)), up = lt_flow_at(a.width, x, lt_flow_clamp(y - 1, a.height));
    const size_t down = lt_flow_at(a.width, x, lt_flow_clamp(y + 1, a.height)), down2 = lt_flow_at(a.width, x, lt_flow_clamp(y + 2, a.height));
    const float floor2 = a.floor * a.floor, inside = a.inside[at];
    float j[6] = { 0 };
#pragma unroll
    for (int c = 0; c < 3; c++) {
        const float *m = a.mean[c];
        const float ix = slope(m[at - 2], m[at - 1], m[at + 1], m[at + 2]), iy = slope(m[up2], m[up], m[down], m[down2]);
        const float it = a.diff[c][at], s = __fdiv_rn(1.f, (ix * ix + iy * iy) + floor2), sx = s * ix, sy = s * iy;
        j[0] = j[0] + sx * ix;
        j[1] = j[1] + sx * iy;
        j[2] = j[2] + sy * iy;
        j[3] = j[3] + sx * it;
        j[4] = j[4] + sy * it;
        j[5] = j[5] + s * it * it;
    }
#pragma unroll
    for (int k = 0; k < 6; k++) a.j[k][at] = j[k] * inside;
}

lt_status lt_flow_tensor_cuda(void *stream, const lt_flow_tensor_args *a)
{
    return LT_CUDA_LAUNCH(tensor_kernel, lt_flow_grid(static_cast<size_t>(a->width), a->height), lt_flow_block(), stream, *a);
}
