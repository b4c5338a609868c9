#include "kernels/flow_median/flow_median.h"
#include "kernels/flow_plane.h"

void LT_ISA_FN(lt_flow_median)(const lt_flow_median_args *a, int y0, int y1);

static inline float min2(float a, float b) { return a < b ? a : b; }
static inline float max2(float a, float b) { return a > b ? a : b; }
static inline float mid3(float a, float b, float c) { return max2(min2(a, b), min2(max2(a, b), c)); }

/* With each column sorted, the median of nine is that of: the greatest low, the middle one of the middles, the least high. */
static void median(const float *restrict p, const float *restrict q, const float *restrict r, int n, float *restrict out)
{
    for (int x = 0; x < n; x++) {
        float lo[3], mi[3], hi[3];
        for (int k = 0; k < 3; k++) {
            const float a = p[x + k - 1], b = q[x + k - 1], c = r[x + k - 1];
            const float s = min2(a, b), t = max2(a, b);
            lo[k] = min2(s, c);
            hi[k] = max2(t, c);
            mi[k] = max2(s, min2(t, c));
        }
        out[x] = mid3(max2(max2(lo[0], lo[1]), lo[2]), mid3(mi[0], mi[1], mi[2]), min2(min2(hi[0], hi[1]), hi[2]));
    }
    lt_flow_pad_row(out, n);
}

void LT_ISA_FN(lt_flow_median)(const lt_flow_median_args *a, int y0, int y1)
{
    const size_t stride = lt_flow_stride(a->width);
    for (int y = y0; y < y1; y++) {
        const size_t p = (size_t)lt_flow_clamp(y - 1, a->height) * stride, q = (size_t)y * stride;
        const size_t r = (size_t)lt_flow_clamp(y + 1, a->height) * stride;
        median(a->u + p, a->u + q, a->u + r, a->width, a->out_u + q);
        median(a->v + p, a->v + q, a->v + r, a->width, a->out_v + q);
    }
}
