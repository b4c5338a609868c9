#include "kernels/flow_join/flow_join.h"
#include "kernels/flow_plane.cuh"

static __global__ void join_kernel(lt_flow_join_args a)
{
    const int x = lt_flow_x(), y = lt_flow_y();
    if (x >= a.width || y >= a.height) return;
    const size_t from = lt_flow_half_at(a.width, x, y), row = lt_flow_at(a.width, 0, y);
    lt_flow_put(a.u + row, x, a.width, a.su[from]);
    lt_flow_put(a.v + row, x, a.width, a.sv[from]);
}

lt_status lt_flow_join_cuda(void *stream, const lt_flow_join_args *a)
{
    return LT_CUDA_LAUNCH(join_kernel, lt_flow_grid(static_cast<size_t>(a->width), a->height), lt_flow_block(), stream, *a);
}
