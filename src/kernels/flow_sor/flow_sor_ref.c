#include "kernels/flow_plane.h"
#include "kernels/flow_sor/flow_sor.h"

static void pixel(const lt_flow_sor_args *a, int x, int y)
{
    const int w = a->width;
    const size_t at = lt_flow_half_at(w, x, y);
    /* Left, right, up, down; the pixel itself, with weight 0, where there is none. */
    size_t n[4] = { at, at, at, at };
    float k[4] = { 0, 0, 0, 0 };
    if (x > 0) k[0] = a->wx[n[0] = lt_flow_half_at(w, x - 1, y)];
    if (x + 1 < w) n[1] = lt_flow_half_at(w, x + 1, y), k[1] = a->wx[at];
    if (y > 0) k[2] = a->wy[n[2] = lt_flow_half_at(w, x, y - 1)];
    if (y + 1 < a->height) n[3] = lt_flow_half_at(w, x, y + 1), k[3] = a->wy[at];
    const float su = (k[0] * a->su[n[0]] + k[1] * a->su[n[1]]) + (k[2] * a->su[n[2]] + k[3] * a->su[n[3]]);
    const float sv = (k[0] * a->sv[n[0]] + k[1] * a->sv[n[1]]) + (k[2] * a->sv[n[2]] + k[3] * a->sv[n[3]]);
    a->su[at] += a->relax * (((a->r1[at] + su) - a->a12[at] * a->sv[at]) * a->i1[at] - a->su[at]);
    a->sv[at] += a->relax * (((a->r2[at] + sv) - a->a12[at] * a->su[at]) * a->i2[at] - a->sv[at]);
}

void lt_flow_sor_ref(const lt_flow_sor_args *a)
{
    for (int t = 0; t < 2 * a->sweeps; t++)
        for (int y = 0; y < a->height; y++)
            for (int x = (y + t) & 1; x < a->width; x += 2) pixel(a, x, y);
}
