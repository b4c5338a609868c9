#include "kernels/flow_plane.h"
#include "kernels/flow_store/flow_store.h"

void LT_ISA_FN(lt_flow_store)(const lt_flow_store_args *a, int y0, int y1);

void LT_ISA_FN(lt_flow_store)(const lt_flow_store_args *a, int y0, int y1)
{
    const size_t stride = lt_flow_stride(a->width);
    for (int y = y0; y < y1; y++) {
        const float *restrict u = a->u + (size_t)y * stride, *restrict v = a->v + (size_t)y * stride;
        float *restrict out = a->flow + 2 * (size_t)y * (size_t)a->width;
        for (int x = 0; x < a->width; x++) {
            out[2 * x] = u[x];
            out[2 * x + 1] = v[x];
        }
    }
}
