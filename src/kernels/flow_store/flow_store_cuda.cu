#include "kernels/flow_plane.cuh"
#include "kernels/flow_store/flow_store.h"

/* A thread has one component of a pixel, so that a warp writes 32 values side by side. */
static __global__ void store_kernel(lt_flow_store_args a)
{
    const int i = lt_flow_x(), y = lt_flow_y();
    if (i >= 2 * a.width || y >= a.height) return;
    a.flow[2 * static_cast<size_t>(y) * static_cast<size_t>(a.width) + static_cast<size_t>(i)] = (i & 1 ? a.v : a.u)[lt_flow_at(a.width, i / 2, y)];
}

lt_status lt_flow_store_cuda(void *stream, const lt_flow_store_args *a)
{
    return LT_CUDA_LAUNCH(store_kernel, lt_flow_grid(2 * static_cast<size_t>(a->width), a->height), lt_flow_block(), stream, *a);
}
