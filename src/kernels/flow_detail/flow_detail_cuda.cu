#include "kernels/flow_detail/flow_detail.h"
#include "kernels/flow_plane.cuh"

#include <string.h>

/* Among a kernel's arguments a table lies in constant memory. */
typedef struct {
    float w[4][4];
} spline;

static __global__ void detail_kernel(lt_flow_detail_args a, spline s, float scale)
{
    const int w = ((a.width + 1) / 2 + 1) / 2, h = ((a.height + 1) / 2 + 1) / 2, x = lt_flow_x(), y = lt_flow_y();
    if (x >= a.width || y >= a.height) return;
    const float4 *row[4];
    float4 t[4];
#pragma unroll
    for (int k = 0; k < 4; k++) row[k] = lt_flow_pixels(a.coarse, w, lt_flow_clamp(y / 4 + k - 1, h));
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const int at = lt_flow_clamp(x / 4 + i - 1, w);
        t[i] = lt_flow_pixel4(row[0][at], row[1][at], row[2][at], row[3][at], s.w[y % 4]);
    }
    const float4 p = lt_flow_pixels(a.image, a.width, y)[x], around = lt_flow_pixel4(t[0], t[1], t[2], t[3], s.w[x % 4]);
    lt_flow_put_pixel(a.image, x, y, a.width,
                      make_float4(p.x - scale * around.x, p.y - scale * around.y, p.z - scale * around.z, p.w - scale * around.w));
}

lt_status lt_flow_detail_cuda(void *stream, const lt_flow_detail_args *a)
{
    spline s;
    memcpy(s.w, lt_flow_detail_spline, sizeof s.w);
    return LT_CUDA_LAUNCH(detail_kernel, lt_flow_grid(static_cast<size_t>(a->width), a->height), lt_flow_block(), stream, *a, s,
                          a->share * (1.f / (384.f * 384.f)));
}
