#include "kernels/flow_frame/flow_frame.h"
#include "kernels/flow_plane.cuh"

static __global__ void frame_kernel(lt_flow_frame_args a)
{
    const int x = lt_flow_x(), y = lt_flow_y();
    if (x >= a.width || y >= a.height) return;
    const uint8_t *p = a.rgb + static_cast<size_t>(y) * a.rgb_stride + 3 * static_cast<size_t>(x);
    lt_flow_put_pixel(a.out, x, y, a.width, make_float4(static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2]), 0.f));
}

lt_status lt_flow_frame_cuda(void *stream, const lt_flow_frame_args *a)
{
    return LT_CUDA_LAUNCH(frame_kernel, lt_flow_grid(static_cast<size_t>(a->width), a->height), lt_flow_block(), stream, *a);
}
