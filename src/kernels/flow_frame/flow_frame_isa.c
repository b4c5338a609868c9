#include "kernels/flow_frame/flow_frame.h"
#include "kernels/flow_plane.h"

void LT_ISA_FN(lt_flow_frame)(const lt_flow_frame_args *a, int y0, int y1);

void LT_ISA_FN(lt_flow_frame)(const lt_flow_frame_args *a, int y0, int y1)
{
    const size_t stride = 4 * lt_flow_image_stride(a->width);
    for (int y = y0; y < y1; y++) {
        const uint8_t *restrict rgb = a->rgb + (size_t)y * a->rgb_stride;
        float *restrict out = a->out + (size_t)y * stride;
        for (int x = 0; x < a->width; x++) {
            out[4 * x] = rgb[3 * x];
            out[4 * x + 1] = rgb[3 * x + 1];
            out[4 * x + 2] = rgb[3 * x + 2];
            out[4 * x + 3] = 0;
        }
        lt_flow_pad_pixels(out, a->width);
    }
}
