#include "kernels/flow_plane.h"
#include "kernels/flow_store/flow_store.h"

void lt_flow_store_ref(const lt_flow_store_args *a, int y0, int y1)
{
    for (int y = y0; y < y1; y++)
        for (int x = 0; x < a->width; x++) {
            const size_t at = (size_t)y * lt_flow_stride(a->width) + (size_t)x;
            float *out = a->flow + 2 * ((size_t)y * (size_t)a->width + (size_t)x);
            out[0] = a->u[at];
            out[1] = a->v[at];
        }
}
