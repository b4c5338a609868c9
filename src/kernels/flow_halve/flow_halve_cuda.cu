#include "kernels/flow_halve/flow_halve.h"
#include "kernels/flow_plane.cuh"

LT_FLOW_DEVICE float binomial(float a, float b, float c, float d, float e)
{
    return ((a + e) + 4.f * (b + d) + 6.f * c) * 0.0625f;
}

LT_FLOW_DEVICE float4 binomial4(const float4 t[5])
{
    return make_float4(binomial(t[0].x, t[1].x, t[2].x, t[3].x, t[4].x), binomial(t[0].y, t[1].y, t[2].y, t[3].y, t[4].y),
                       binomial(t[0].z, t[1].z, t[2].z, t[3].z, t[4].z), binomial(t[0].w, t[1].w, t[2].w, t[3].w, t[4].w));
}

/* A thread has one pixel of the output and filters the five columns that it needs; neighbours find them in the first cache. */
static __global__ void halve_kernel(lt_flow_halve_args a)
{
    const int w = (a.width + 1) / 2, h = (a.height + 1) / 2, x = lt_flow_x(), y = lt_flow_y();
    if (x >= w || y >= h) return;
    const float4 *row[5];
    float4 column[5];
#pragma unroll
    for (int k = 0; k < 5; k++) row[k] = lt_flow_pixels(a.in, a.width, lt_flow_clamp(2 * y + k - 2, a.height));
#pragma unroll
    for (int i = 0; i < 5; i++) {
        const int at = lt_flow_clamp(2 * x + i - 2, a.width);
        const float4 t[5] = { row[0][at], row[1][at], row[2][at], row[3][at], row[4][at] };
        column[i] = binomial4(t);
    }
    lt_flow_put_pixel(a.out, x, y, w, binomial4(column));
}

lt_status lt_flow_halve_cuda(void *stream, const lt_flow_halve_args *a)
{
    return LT_CUDA_LAUNCH(halve_kernel, lt_flow_grid(static_cast<size_t>((a->width + 1) / 2), (a->height + 1) / 2), lt_flow_block(), stream, *a);
}
