#include "kernels/flow_plane.cuh"
#include "kernels/flow_system/flow_system.h"

/* lambda edge / sqrt(squared gradient + eps^2): s to the neighbour, t along the border between the two. */
LT_FLOW_DEVICE float smooth(const lt_flow_system_args &a, float edge, float su, float tu, float sv, float tv)
{
    return __fdiv_rn(a.lambda * edge, __fsqrt_rn(((su * su + tu * tu) + (sv * sv + tv * tv)) + a.eps_smooth * a.eps_smooth));
}

/* Weight from (x, y) to its neighbour at the right; 0 where there is none. */
LT_FLOW_DEVICE float right(const lt_flow_system_args &a, int x, int y)
{
    if (x < 0 || x + 1 >= a.width) return 0.f;
    const size_t i = lt_flow_at(a.width, x, y), p = lt_flow_at(a.width, x, lt_flow_clamp(y - 1, a.height));
    const size_t q = lt_flow_at(a.width, x, lt_flow_clamp(y + 1, a.height));
    const float ux = a.u[i + 1] - a.u[i], uy = 0.25f * ((a.u[q + 1] - a.u[p + 1]) + (a.u[q] - a.u[p]));
    const float vx = a.v[i + 1] - a.v[i], vy = 0.25f * ((a.v[q + 1] - a.v[p + 1]) + (a.v[q] - a.v[p]));
    return smooth(a, a.right[i], ux, uy, vx, vy);
}

/* And below. Planes are padded, so x - 1 and x + 1 are there. */
LT_FLOW_DEVICE float below(const lt_flow_system_args &a, int x, int y)
{
    if (y < 0 || y + 1 >= a.height) return 0.f;
    const size_t i = lt_flow_at(a.width, x, y), q = i + lt_flow_stride(a.width);
    const float uy = a.u[q] - a.u[i], ux = 0.25f * ((a.u[q + 1] - a.u[q - 1]) + (a.u[i + 1] - a.u[i - 1]));
    const float vy = a.v[q] - a.v[i], vx = 0.25f * ((a.v[q + 1] - a.v[q - 1]) + (a.v[i + 1] - a.v[i - 1]));
    return smooth(a, a.down[i], ux, uy, vx, vy);
}

/* The nine values of a pixel at entry o of the halves. */
LT_FLOW_DEVICE void pixel(const lt_flow_system_args &a, int x, int y, ptrdiff_t o)
{
    const size_t i = lt_flow_at(a.width, x, y);
    const float xx = a.j[0][i], xy = a.j[1][i], yy = a.j[2][i], xt = a.j[3][i], yt = a.j[4][i], tt = a.j[5][i];
    const float u = a.u[i], v = a.v[i], u0 = a.u0[i], v0 = a.v0[i], du = u - u0, dv = v - v0;
    const float q = ((xx * du + 2.f * (xy * dv + xt)) * du + (yy * dv + 2.f * yt) * dv) + tt;
    const float p = __fdiv_rn(1.f, __fsqrt_rn((q > 0.f ? q : 0.f) + a.eps_data * a.eps_data));
    const float wx = right(a, x, y), wy = below(a, x, y), sum = (right(a, x - 1, y) + wx) + (below(a, x, y - 1) + wy);
    a.a12[o] = p * xy;
    a.r1[o] = p * ((xx * u0 + xy * v0) - xt);
    a.r2[o] = p * ((xy * u0 + yy * v0) - yt);
    a.i1[o] = __fdiv_rn(1.f, (p * xx + sum) + 1e-12f);
    a.i2[o] = __fdiv_rn(1.f, (p * yy + sum) + 1e-12f);
    a.wx[o] = wx;
    a.wy[o] = wy;
    a.su[o] = u;
    a.sv[o] = v;
}

/* A thread has two neighbours, or what lies around them, of a row: one entry of either colour. */
static __global__ void system_kernel(lt_flow_system_args a)
{
    const int half = static_cast<int>(lt_flow_half_stride(a.width)), i = lt_flow_x() - LT_FLOW_PAD, y = lt_flow_y() - 1;
    if (i >= half - LT_FLOW_PAD || y > a.height) return;
    for (int colour = 0; colour < 2; colour++) {
        const ptrdiff_t o = (2 * static_cast<ptrdiff_t>(y) + colour) * half + i;
        const int x = 2 * i + ((y + colour) & 1);
        if (x >= 0 && x < a.width && y >= 0 && y < a.height) {
            pixel(a, x, y, o);
        } else {
            a.a12[o] = a.r1[o] = a.r2[o] = a.i1[o] = a.i2[o] = 0.f;
            a.wx[o] = a.wy[o] = a.su[o] = a.sv[o] = 0.f;
        }
    }
}

lt_status lt_flow_system_cuda(void *stream, const lt_flow_system_args *a)
{
    return LT_CUDA_LAUNCH(system_kernel, lt_flow_grid(lt_flow_half_stride(a->width), a->height + 2), lt_flow_block(), stream, *a);
}
