#include "kernels/flow_plane.h"
#include "kernels/flow_frame/flow_frame.h"

void lt_flow_frame_ref(const lt_flow_frame_args *a, int y0, int y1)
{
    const ptrdiff_t stride = (ptrdiff_t)lt_flow_image_stride(a->width);
    for (int y = y0; y < y1; y++)
        for (int x = -LT_FLOW_EDGE; x < a->width + LT_FLOW_EDGE; x++)
            for (int c = 0; c < 4; c++)
                a->out[4 * (y * stride + x) + c] =
                    c == 3 ? 0 : (float)a->rgb[(size_t)y * a->rgb_stride + 3 * (size_t)lt_flow_clamp(x, a->width) + (size_t)c];
}
