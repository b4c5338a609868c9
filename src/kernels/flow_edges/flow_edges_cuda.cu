#include "kernels/flow_edges/flow_edges.h"
#include "kernels/flow_plane.cuh"

LT_FLOW_DEVICE float weight(float4 p, float4 q, float edge)
{
    const float r = q.x - p.x, g = q.y - p.y, b = q.z - p.z;
    return __fdiv_rn(1.f, 1.f + edge * ((r * r + g * g) + b * b));
}

static __global__ void edges_kernel(lt_flow_edges_args a)
{
    const int x = lt_flow_x(), y = lt_flow_y();
    if (x >= a.width || y >= a.height) return;
    const float4 *row = lt_flow_pixels(a.image, a.width, y);
    const size_t at = lt_flow_at(a.width, x, y);
    a.right[at] = x + 1 < a.width ? weight(row[x], row[x + 1], a.edge) : 0.f;
    a.down[at] = y + 1 < a.height ? weight(row[x], lt_flow_pixels(a.image, a.width, y + 1)[x], a.edge) : 0.f;
}

lt_status lt_flow_edges_cuda(void *stream, const lt_flow_edges_args *a)
{
    return LT_CUDA_LAUNCH(edges_kernel, lt_flow_grid(static_cast<size_t>(a->width), a->height), lt_flow_block(), stream, *a);
}
