#include "kernels/flow_edges/flow_edges.h"
#include "kernels/flow_plane.h"

void LT_ISA_FN(lt_flow_edges)(const lt_flow_edges_args *a, int y0, int y1);

static void weights(const float *restrict p, const float *restrict q, float edge, int n, float *restrict out)
{
    for (int x = 0; x < n; x++) {
        const float r = q[4 * x] - p[4 * x], g = q[4 * x + 1] - p[4 * x + 1], b = q[4 * x + 2] - p[4 * x + 2];
        out[x] = 1.f / (1.f + edge * ((r * r + g * g) + b * b));
    }
}

void LT_ISA_FN(lt_flow_edges)(const lt_flow_edges_args *a, int y0, int y1)
{
    const size_t stride = lt_flow_stride(a->width), pixels = 4 * lt_flow_image_stride(a->width);
    for (int y = y0; y < y1; y++) {
        const float *row = a->image + (size_t)y * pixels;
        float *right = a->right + (size_t)y * stride, *down = a->down + (size_t)y * stride;
        weights(row, row + 4, a->edge, a->width, right);
        right[a->width - 1] = 0;
        if (y + 1 < a->height) {
            weights(row, row + pixels, a->edge, a->width, down);
        } else {
            for (int x = 0; x < a->width; x++) down[x] = 0;
        }
    }
}
