#include "kernels/flow_plane.h"
#include "kernels/flow_system/flow_system.h"

#include <math.h>
#include <string.h>

static float at(const lt_flow_system_args *a, const float *p, int x, int y)
{
    return p[(size_t)lt_flow_clamp(y, a->height) * lt_flow_stride(a->width) + (size_t)lt_flow_clamp(x, a->width)];
}

/* Weight from (x, y) to its neighbour at the right, and below; 0 where there is none. */
static float right(const lt_flow_system_args *a, int x, int y)
{
    const float *f[2] = { a->u, a->v };
    float s[2];
    if (x < 0 || x + 1 >= a->width) return 0;
    for (int k = 0; k < 2; k++) {
        const float dx = at(a, f[k], x + 1, y) - at(a, f[k], x, y);
        const float dy = 0.25f * ((at(a, f[k], x + 1, y + 1) - at(a, f[k], x + 1, y - 1)) + (at(a, f[k], x, y + 1) - at(a, f[k], x, y - 1)));
        s[k] = dx * dx + dy * dy;
    }
    return a->lambda * at(a, a->right, x, y) / sqrtf((s[0] + s[1]) + a->eps_smooth * a->eps_smooth);
}

static float below(const lt_flow_system_args *a, int x, int y)
{
    const float *f[2] = { a->u, a->v };
    float s[2];
    if (y < 0 || y + 1 >= a->height) return 0;
    for (int k = 0; k < 2; k++) {
        const float dy = at(a, f[k], x, y + 1) - at(a, f[k], x, y);
        const float dx = 0.25f * ((at(a, f[k], x + 1, y + 1) - at(a, f[k], x - 1, y + 1)) + (at(a, f[k], x + 1, y) - at(a, f[k], x - 1, y)));
        s[k] = dx * dx + dy * dy;
    }
    return a->lambda * at(a, a->down, x, y) / sqrtf((s[0] + s[1]) + a->eps_smooth * a->eps_smooth);
}

void lt_flow_system_ref(const lt_flow_system_args *a, int y0, int y1)
{
    const size_t half = lt_flow_half_stride(a->width);
    float *const outs[] = { a->a12, a->r1, a->r2, a->i1, a->i2, a->wx, a->wy, a->su, a->sv };
    for (int y = y0 == 0 ? -1 : y0; y < (y1 == a->height ? y1 + 1 : y1); y++)
        for (int k = 0; k < 9; k++) memset(outs[k] + 2 * y * (ptrdiff_t)half - LT_FLOW_PAD, 0, 2 * half * sizeof(float));
    for (int y = y0; y < y1; y++)
        for (int x = 0; x < a->width; x++) {
            const size_t i = (size_t)y * lt_flow_stride(a->width) + (size_t)x, o = lt_flow_half_at(a->width, x, y);
            const float du = a->u[i] - a->u0[i], dv = a->v[i] - a->v0[i];
            const float *const *j = a->j;
            const float q = ((j[0][i] * du + 2.f * (j[1][i] * dv + j[3][i])) * du + (j[2][i] * dv + 2.f * j[4][i]) * dv) + j[5][i];
            const float p = 1.f / sqrtf((q > 0.f ? q : 0.f) + a->eps_data * a->eps_data);
            const float sum = (right(a, x - 1, y) + right(a, x, y)) + (below(a, x, y - 1) + below(a, x, y));
            a->a12[o] = p * j[1][i];
            a->r1[o] = p * ((j[0][i] * a->u0[i] + j[1][i] * a->v0[i]) - j[3][i]);
            a->r2[o] = p * ((j[1][i] * a->u0[i] + j[2][i] * a->v0[i]) - j[4][i]);
            a->i1[o] = 1.f / ((p * j[0][i] + sum) + 1e-12f);
            a->i2[o] = 1.f / ((p * j[2][i] + sum) + 1e-12f);
            a->wx[o] = right(a, x, y);
            a->wy[o] = below(a, x, y);
            a->su[o] = a->u[i];
            a->sv[o] = a->v[i];
        }
}
