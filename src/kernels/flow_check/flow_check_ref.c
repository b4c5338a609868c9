#include "kernels/flow_plane.h"
#include "kernels/flow_check/flow_check.h"

static float back(const lt_flow_check_args *a, float x, float y, int c)
{
    const int ix = (int)x, iy = (int)y, jx = lt_flow_clamp(ix + 1, a->width), jy = lt_flow_clamp(iy + 1, a->height);
    const float *b = a->back + c;
    const float p = b[2 * ((size_t)iy * (size_t)a->width + (size_t)ix)], q = b[2 * ((size_t)iy * (size_t)a->width + (size_t)jx)];
    const float r = b[2 * ((size_t)jy * (size_t)a->width + (size_t)ix)], s = b[2 * ((size_t)jy * (size_t)a->width + (size_t)jx)];
    const float top = p + (x - (float)ix) * (q - p), low = r + (x - (float)ix) * (s - r);
    return top + (y - (float)iy) * (low - top);
}

void lt_flow_check_ref(const lt_flow_check_args *a, int y0, int y1)
{
    for (int y = y0; y < y1; y++)
        for (int x = 0; x < a->width; x++) {
            const size_t at = (size_t)y * (size_t)a->width + (size_t)x;
            const float u = a->there[2 * at], v = a->there[2 * at + 1], tx = (float)x + u, ty = (float)y + v;
            a->occluded[at] = 1;
            if (!(tx >= 0.f && ty >= 0.f && tx <= (float)(a->width - 1) && ty <= (float)(a->height - 1))) continue;
            const float bu = back(a, tx, ty, 0), bv = back(a, tx, ty, 1);
            const float miss = (u + bu) * (u + bu) + (v + bv) * (v + bv);
            a->occluded[at] = miss > a->slack + a->share * ((u * u + v * v) + (bu * bu + bv * bv));
        }
}
