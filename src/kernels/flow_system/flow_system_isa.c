#include "kernels/flow_plane.h"
#include "kernels/flow_system/flow_system.h"

#include <math.h>
#include <string.h>

void LT_ISA_FN(lt_flow_system)(const lt_flow_system_args *a, int y0, int y1);

enum { CHUNK = 64, SLOTS = CHUNK + LT_FLOW_PAD };   /* pixels at a time; even, so that chunks split alike */

/* Weights from a row to its right neighbours. p, q: the rows above and below, clamped. */
static void across(const float *restrict u, const float *restrict up, const float *restrict uq, const float *restrict v,
                   const float *restrict vp, const float *restrict vq, const float *restrict edge, int n, float lambda, float eps2,
                   float *restrict w)
{
    for (int x = 0; x < n; x++) {
        const float ux = u[x + 1] - u[x], vx = v[x + 1] - v[x];
        const float uy = 0.25f * ((uq[x + 1] - up[x + 1]) + (uq[x] - up[x]));
        const float vy = 0.25f * ((vq[x + 1] - vp[x + 1]) + (vq[x] - vp[x]));
        w[x] = lambda * edge[x] / sqrtf(((ux * ux + uy * uy) + (vx * vx + vy * vy)) + eps2);
    }
}

/* Weights from a row to the row q below it. */
static void below(const float *restrict u, const float *restrict uq, const float *restrict v, const float *restrict vq,
                  const float *restrict edge, int n, float lambda, float eps2, float *restrict w)
{
    for (int x = 0; x < n; x++) {
        const float uy = uq[x] - u[x], vy = vq[x] - v[x];
        const float ux = 0.25f * ((uq[x + 1] - uq[x - 1]) + (u[x + 1] - u[x - 1]));
        const float vx = 0.25f * ((vq[x + 1] - vq[x - 1]) + (v[x + 1] - v[x - 1]));
        w[x] = lambda * edge[x] / sqrtf(((ux * ux + uy * uy) + (vx * vx + vy * vy)) + eps2);
    }
}

typedef struct {
    float a12[CHUNK], r1[CHUNK], r2[CHUNK], i1[CHUNK], i2[CHUNK];
} unknowns;

static void data(const lt_flow_system_args *a, size_t at, int n, const float *restrict wl, const float *restrict wr,
                 const float *restrict wu, const float *restrict wd, unknowns *restrict o)
{
    const float *restrict xx = a->j[0] + at, *restrict xy = a->j[1] + at, *restrict yy = a->j[2] + at;
    const float *restrict xt = a->j[3] + at, *restrict yt = a->j[4] + at, *restrict tt = a->j[5] + at;
    const float *restrict u = a->u + at, *restrict v = a->v + at, *restrict u0 = a->u0 + at, *restrict v0 = a->v0 + at;
    const float eps2 = a->eps_data * a->eps_data;
    for (int x = 0; x < n; x++) {
        const float du = u[x] - u0[x], dv = v[x] - v0[x];
        const float q = (((xx[x] * du + 2.f * (xy[x] * dv + xt[x])) * du + (yy[x] * dv + 2.f * yt[x]) * dv)) + tt[x];
        const float p = 1.f / sqrtf((q > 0.f ? q : 0.f) + eps2);
        const float sum = (wl[x] + wr[x]) + (wu[x] + wd[x]);
        o->a12[x] = p * xy[x];
        o->r1[x] = p * ((xx[x] * u0[x] + xy[x] * v0[x]) - xt[x]);
        o->r2[x] = p * ((xy[x] * u0[x] + yy[x] * v0[x]) - yt[x]);
        o->i1[x] = 1.f / ((p * xx[x] + sum) + 1e-12f);
        o->i2[x] = 1.f / ((p * yy[x] + sum) + 1e-12f);
    }
}

/* n pixels from even x on, of a row whose first pixel has colour `odd`, to the two halves. */
static void split(const float *restrict in, int n, float *restrict even, float *restrict odd)
{
    int i = 0;
    for (; 2 * i + 1 < n; i++) {
        even[i] = in[2 * i];
        odd[i] = in[2 * i + 1];
    }
    if (2 * i < n) {
        even[i] = in[2 * i];
        odd[i] = 0;
    }
}

static void zero_row(float *half, ptrdiff_t stride, ptrdiff_t row)
{
    memset(half + 2 * row * stride - LT_FLOW_PAD, 0, 2 * (size_t)stride * sizeof *half);
}

static void zero_pads(float *row, ptrdiff_t stride, ptrdiff_t n)
{
    memset(row - LT_FLOW_PAD, 0, LT_FLOW_PAD * sizeof *row);
    memset(row + n, 0, (size_t)(stride - LT_FLOW_PAD - n) * sizeof *row);
}

static void row(const lt_flow_system_args *a, int y)
{
    const int w = a->width, h = a->height;
    const size_t stride = lt_flow_stride(w), half = lt_flow_half_stride(w);
    const size_t r = (size_t)y * stride;
    const size_t up = (size_t)lt_flow_clamp(y - 1, h) * stride, dn = (size_t)lt_flow_clamp(y + 1, h) * stride;
    const float eps2 = a->eps_smooth * a->eps_smooth;
    float *const outs[] = { a->a12, a->r1, a->r2, a->i1, a->i2, a->wx, a->wy, a->su, a->sv };
    float last = 0;
    for (int x = 0; x < w; x += CHUNK) {
        const int n = w - x < CHUNK ? w - x : CHUNK;
        const size_t at = r + (size_t)x;
        float right[1 + CHUNK], above[CHUNK], under[CHUNK];
        unknowns o;
        right[0] = last;
        across(a->u + at, a->u + up + x, a->u + dn + x, a->v + at, a->v + up + x, a->v + dn + x, a->right + at, n, a->lambda, eps2,
               right + 1);
        last = right[n];
        if (y > 0) below(a->u + up + x, a->u + at, a->v + up + x, a->v + at, a->down + up + x, n, a->lambda, eps2, above);
        else memset(above, 0, sizeof above);
        if (y + 1 < h) below(a->u + at, a->u + dn + x, a->v + at, a->v + dn + x, a->down + at, n, a->lambda, eps2, under);
        else memset(under, 0, sizeof under);
        data(a, at, n, right, right + 1, above, under, &o);
        const float *ins[] = { o.a12, o.r1, o.r2, o.i1, o.i2, right + 1, under, a->u + at, a->v + at };
        for (int k = 0; k < 9; k++) {
            float *c = outs[k] + 2 * (size_t)y * half + x / 2;
            split(ins[k], n, c + (y & 1) * half, c + (~y & 1) * half);
        }
    }
}

void LT_ISA_FN(lt_flow_system)(const lt_flow_system_args *a, int y0, int y1)
{
    const ptrdiff_t half = (ptrdiff_t)lt_flow_half_stride(a->width);
    float *const outs[] = { a->a12, a->r1, a->r2, a->i1, a->i2, a->wx, a->wy, a->su, a->sv };
    for (int k = 0; k < 9; k++) {
        if (y0 == 0) zero_row(outs[k], half, -1);
        if (y1 == a->height) zero_row(outs[k], half, y1);
        for (int y = 2 * y0; y < 2 * y1; y++) zero_pads(outs[k] + y * half, half, (a->width + 1) / 2);
    }
    for (int y = y0; y < y1; y++) row(a, y);
}
