#include "kernels/flow_halve/flow_halve.h"
#include "kernels/flow_plane.h"

void LT_ISA_FN(lt_flow_halve)(const lt_flow_halve_args *a, int y0, int y1);

enum { CHUNK = 64 };   /* outputs at a time: the filtered rows stay in the first cache */

static void rows(const lt_flow_halve_args *a, int y, int x0, int n, float *restrict out)
{
    const size_t stride = 4 * lt_flow_image_stride(a->width);
    const float *restrict r[5];
    float t[4 * (2 * CHUNK + 3)];
    for (int k = 0; k < 5; k++) r[k] = a->in + (size_t)lt_flow_clamp(2 * y + k - 2, a->height) * stride;
    /* Pixels 2 x0 - 2 .. 2 (x0 + n - 1) + 2; a row has two more than its width behind its end. */
    const int from = 4 * (2 * x0 - 2), m = 4 * (2 * n + 3);
    const int have = 4 * (a->width + LT_FLOW_EDGE) - from;
    for (int i = 0; i < (m < have ? m : have); i++)
        t[i] = ((r[0][from + i] + r[4][from + i]) + 4.f * (r[1][from + i] + r[3][from + i]) + 6.f * r[2][from + i]) * 0.0625f;
    for (int x = 0; x < n; x++)
        for (int c = 0; c < 4; c++) {
            const float *p = t + 8 * x + c;
            out[4 * (x0 + x) + c] = ((p[0] + p[16]) + 4.f * (p[4] + p[12]) + 6.f * p[8]) * 0.0625f;
        }
}

void LT_ISA_FN(lt_flow_halve)(const lt_flow_halve_args *a, int y0, int y1)
{
    const int w = (a->width + 1) / 2;
    const size_t stride = 4 * lt_flow_image_stride(w);
    for (int y = y0; y < y1; y++) {
        float *out = a->out + (size_t)y * stride;
        for (int x = 0; x < w; x += CHUNK) rows(a, y, x, w - x < CHUNK ? w - x : CHUNK, out);
        lt_flow_pad_pixels(out, w);
    }
}
