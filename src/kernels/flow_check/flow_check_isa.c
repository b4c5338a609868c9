#include "kernels/flow_check/flow_check.h"
#include "kernels/flow_plane.h"

void LT_ISA_FN(lt_flow_check)(const lt_flow_check_args *a, int y0, int y1);

static uint8_t hidden(const lt_flow_check_args *a, int x, int y)
{
    const int w = a->width, h = a->height;
    const float u = a->there[2 * ((size_t)y * (size_t)w + (size_t)x)], v = a->there[2 * ((size_t)y * (size_t)w + (size_t)x) + 1];
    const float tx = (float)x + u, ty = (float)y + v;
    if (!(tx >= 0.f && ty >= 0.f && tx <= (float)(w - 1) && ty <= (float)(h - 1))) return 1;
    const int ix = (int)tx, iy = (int)ty;
    const float fx = tx - (float)ix, fy = ty - (float)iy;
    const float *p = a->back + 2 * (size_t)iy * (size_t)w, *q = a->back + 2 * (size_t)lt_flow_clamp(iy + 1, h) * (size_t)w;
    const size_t l = 2 * (size_t)ix, r = 2 * (size_t)lt_flow_clamp(ix + 1, w);
    float b[2];
    for (size_t c = 0; c < 2; c++) {
        const float top = p[l + c] + fx * (p[r + c] - p[l + c]), low = q[l + c] + fx * (q[r + c] - q[l + c]);
        b[c] = top + fy * (low - top);
    }
    const float mx = u + b[0], my = v + b[1];
    const float length = (u * u + v * v) + (b[0] * b[0] + b[1] * b[1]);
    return mx * mx + my * my > a->slack + a->share * length;
}

void LT_ISA_FN(lt_flow_check)(const lt_flow_check_args *a, int y0, int y1)
{
    for (int y = y0; y < y1; y++)
        for (int x = 0; x < a->width; x++) a->occluded[(size_t)y * (size_t)a->width + (size_t)x] = hidden(a, x, y);
}
