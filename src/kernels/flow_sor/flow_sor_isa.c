#include "kernels/flow_plane.h"
#include "kernels/flow_sor/flow_sor.h"

void LT_ISA_FN(lt_flow_sor)(const lt_flow_sor_args *a, int b0, int b1);

typedef struct {
    const float *r1, *r2, *a12, *i1, *i2, *wl, *wr, *wu, *wd;
    const float *ul, *ur, *uu, *ud, *vl, *vr, *vu, *vd;
} inputs;

static void relax(const inputs *p, int n, float omega, float *restrict u, float *restrict v)
{
    const float *restrict r1 = p->r1, *restrict r2 = p->r2, *restrict a12 = p->a12, *restrict i1 = p->i1, *restrict i2 = p->i2;
    const float *restrict wl = p->wl, *restrict wr = p->wr, *restrict wu = p->wu, *restrict wd = p->wd;
    const float *restrict ul = p->ul, *restrict ur = p->ur, *restrict uu = p->uu, *restrict ud = p->ud;
    const float *restrict vl = p->vl, *restrict vr = p->vr, *restrict vu = p->vu, *restrict vd = p->vd;
    for (int i = 0; i < n; i++) {
        const float su = (wl[i] * ul[i] + wr[i] * ur[i]) + (wu[i] * uu[i] + wd[i] * ud[i]);
        const float sv = (wl[i] * vl[i] + wr[i] * vr[i]) + (wu[i] * vu[i] + wd[i] * vd[i]);
        const float nu = u[i] + omega * (((r1[i] + su) - a12[i] * v[i]) * i1[i] - u[i]);
        u[i] = nu;
        v[i] = v[i] + omega * (((r2[i] + sv) - a12[i] * nu) * i2[i] - v[i]);
    }
}

static void row(const lt_flow_sor_args *a, int y, int colour)
{
    const ptrdiff_t half = (ptrdiff_t)lt_flow_half_stride(a->width);
    const int n = (a->width + 1) / 2, o = (y + colour) & 1;
    const ptrdiff_t own = (2 * (ptrdiff_t)y + colour) * half, other = (2 * (ptrdiff_t)y + !colour) * half;
    const ptrdiff_t left = other - 1 + o, right = other + o, up = other - 2 * half, down = other + 2 * half;
    const inputs p = { a->r1 + own, a->r2 + own, a->a12 + own, a->i1 + own, a->i2 + own,
                       a->wx + left, a->wx + own, a->wy + up, a->wy + own,
                       a->su + left, a->su + right, a->su + up, a->su + down,
                       a->sv + left, a->sv + right, a->sv + up, a->sv + down };
    relax(&p, n, a->relax, a->su + own, a->sv + own);
}

static void rows(const lt_flow_sor_args *a, int from, int to, int t)
{
    for (int y = from < 0 ? 0 : from; y < (to < a->height ? to : a->height); y++) row(a, y, t & 1);
}

void LT_ISA_FN(lt_flow_sor)(const lt_flow_sor_args *a, int b0, int b1)
{
    const int band = lt_flow_sor_band(a->sweeps), n = lt_flow_sor_bands(a->height, a->sweeps);
    for (int b = b0; b < b1; b++) {
        const int top = b * band, end = top + band;
        for (int t = 0; t < 2 * a->sweeps; t++) {
            if (a->phase == 0) rows(a, b > 0 ? top + t : 0, b + 1 < n ? end - t : a->height, t);
            else if (b + 1 < n) rows(a, end - t, end + t, t);
        }
    }
}
