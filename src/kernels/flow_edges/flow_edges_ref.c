#include "kernels/flow_plane.h"
#include "kernels/flow_edges/flow_edges.h"

static float weight(const lt_flow_edges_args *a, int x, int y, int dx, int dy)
{
    const size_t stride = lt_flow_image_stride(a->width);
    const float *p = a->image + 4 * ((size_t)y * stride + (size_t)x);
    const float *q = a->image + 4 * ((size_t)(y + dy) * stride + (size_t)(x + dx));
    if (x + dx >= a->width || y + dy >= a->height) return 0;
    return 1.f / (1.f + a->edge * (((q[0] - p[0]) * (q[0] - p[0]) + (q[1] - p[1]) * (q[1] - p[1])) + (q[2] - p[2]) * (q[2] - p[2])));
}

void lt_flow_edges_ref(const lt_flow_edges_args *a, int y0, int y1)
{
    for (int y = y0; y < y1; y++)
        for (int x = 0; x < a->width; x++) {
            const size_t at = (size_t)y * lt_flow_stride(a->width) + (size_t)x;
            a->right[at] = weight(a, x, y, 1, 0);
            a->down[at] = weight(a, x, y, 0, 1);
        }
}
