#include "kernels/flow_join/flow_join.h"
#include "kernels/flow_plane.h"

void LT_ISA_FN(lt_flow_join)(const lt_flow_join_args *a, int y0, int y1);

static void join(const float *restrict even, const float *restrict odd, int n, float *restrict out)
{
    for (int i = 0; i < n / 2; i++) {
        out[2 * i] = even[i];
        out[2 * i + 1] = odd[i];
    }
    if (n & 1) out[n - 1] = even[n / 2];
    lt_flow_pad_row(out, n);
}

void LT_ISA_FN(lt_flow_join)(const lt_flow_join_args *a, int y0, int y1)
{
    const size_t stride = lt_flow_stride(a->width), half = lt_flow_half_stride(a->width);
    for (int y = y0; y < y1; y++) {
        const size_t even = (2 * (size_t)y + (y & 1)) * half, odd = (2 * (size_t)y + (~y & 1)) * half;
        join(a->su + even, a->su + odd, a->width, a->u + (size_t)y * stride);
        join(a->sv + even, a->sv + odd, a->width, a->v + (size_t)y * stride);
    }
}
