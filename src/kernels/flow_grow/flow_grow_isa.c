#include "kernels/flow_grow/flow_grow.h"
#include "kernels/flow_plane.h"

void LT_ISA_FN(lt_flow_grow)(const lt_flow_grow_args *a, int y0, int y1);

/* p, q: the two rows of the coarse level around this one, the same row at even y. */
static void grow(const float *restrict p, const float *restrict q, int n, float *restrict out)
{
    for (int i = 0; i < n / 2; i++) {
        const float l = p[i] + q[i], r = p[i + 1] + q[i + 1];
        out[2 * i] = l;
        out[2 * i + 1] = 0.5f * (l + r);
    }
    if (n & 1) out[n - 1] = p[n / 2] + q[n / 2];
    lt_flow_pad_row(out, n);
}

void LT_ISA_FN(lt_flow_grow)(const lt_flow_grow_args *a, int y0, int y1)
{
    const int h = (a->height + 1) / 2;
    const size_t stride = lt_flow_stride(a->width), coarse = lt_flow_stride((a->width + 1) / 2);
    for (int y = y0; y < y1; y++) {
        const size_t p = (size_t)(y / 2) * coarse, q = (size_t)lt_flow_clamp((y + 1) / 2, h) * coarse;
        grow(a->u + p, a->u + q, a->width, a->out_u + (size_t)y * stride);
        grow(a->v + p, a->v + q, a->width, a->out_v + (size_t)y * stride);
    }
}
