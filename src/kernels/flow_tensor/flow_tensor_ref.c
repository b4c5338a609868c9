#include "kernels/flow_plane.h"
#include "kernels/flow_tensor/flow_tensor.h"

static float at(const lt_flow_tensor_args *a, int c, int x, int y)
{
    return a->mean[c][(size_t)lt_flow_clamp(y, a->height) * lt_flow_stride(a->width) + (size_t)lt_flow_clamp(x, a->width)];
}

static float slope(float m2, float m1, float p1, float p2)
{
    return (8.f * (p1 - m1) - (p2 - m2)) * (1.f / 12.f);
}

void lt_flow_tensor_ref(const lt_flow_tensor_args *a, int y0, int y1)
{
    for (int y = y0; y < y1; y++)
        for (int x = 0; x < a->width; x++) {
            const size_t i = (size_t)y * lt_flow_stride(a->width) + (size_t)x;
            float j[6] = { 0 };
            for (int c = 0; c < 3; c++) {
                const float ix = slope(at(a, c, x - 2, y), at(a, c, x - 1, y), at(a, c, x + 1, y), at(a, c, x + 2, y));
                const float iy = slope(at(a, c, x, y - 2), at(a, c, x, y - 1), at(a, c, x, y + 1), at(a, c, x, y + 2));
                const float it = a->diff[c][i], s = 1.f / ((ix * ix + iy * iy) + a->floor * a->floor);
                j[0] += s * ix * ix;
                j[1] += s * ix * iy;
                j[2] += s * iy * iy;
                j[3] += s * ix * it;
                j[4] += s * iy * it;
                j[5] += s * it * it;
            }
            for (int k = 0; k < 6; k++) a->j[k][i] = j[k] * a->inside[i];
        }
}
