#include "kernels/flow_plane.h"
#include "kernels/flow_join/flow_join.h"

void lt_flow_join_ref(const lt_flow_join_args *a, int y0, int y1)
{
    const ptrdiff_t stride = (ptrdiff_t)lt_flow_stride(a->width);
    for (int y = y0; y < y1; y++)
        for (int x = -LT_FLOW_EDGE; x < a->width + LT_FLOW_EDGE; x++) {
            const size_t from = lt_flow_half_at(a->width, lt_flow_clamp(x, a->width), y);
            a->u[y * stride + x] = a->su[from];
            a->v[y * stride + x] = a->sv[from];
        }
}
