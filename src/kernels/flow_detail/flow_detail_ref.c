#include "kernels/flow_detail/flow_detail.h"
#include "kernels/flow_plane.h"

static float sum4(const float t[4], const float w[4])
{
    return (t[0] * w[0] + t[1] * w[1]) + (t[2] * w[2] + t[3] * w[3]);
}

static float surroundings(const lt_flow_detail_args *a, int x, int y, size_t c)
{
    const int w = ((a->width + 1) / 2 + 1) / 2, h = ((a->height + 1) / 2 + 1) / 2;
    float column[4];
    for (int i = 0; i < 4; i++) {
        float t[4];
        for (int k = 0; k < 4; k++)
            t[k] = a->coarse[4 * ((size_t)lt_flow_clamp(y / 4 + k - 1, h) * lt_flow_image_stride(w) +
                                  (size_t)lt_flow_clamp(x / 4 + i - 1, w)) + c];
        column[i] = sum4(t, lt_flow_detail_spline[y % 4]);
    }
    return sum4(column, lt_flow_detail_spline[x % 4]);
}

void lt_flow_detail_ref(const lt_flow_detail_args *a, int y0, int y1)
{
    const float scale = a->share * (1.f / (384.f * 384.f));
    for (int y = y0; y < y1; y++) {
        float *row = a->image + 4 * (size_t)y * lt_flow_image_stride(a->width);
        for (int x = 0; x < a->width; x++)
            for (size_t c = 0; c < 4; c++) row[4 * (size_t)x + c] -= scale * surroundings(a, x, y, c);
        lt_flow_pad_pixels(row, a->width);
    }
}
