/* kernels/flow_frame/flow_frame.h -- bytes of a frame to an image.
 *
 * in    rgb u8 [H][rgb_stride]
 * out   image f32: the same values, the fourth channel 0
 * owns  nothing
 *
 * Layouts: kernels/flow_plane.h. IEEE arithmetic in the order of the definition: every version gives the same bits. */
#ifndef LONGTAKE_KERNELS_FLOW_FRAME_H
#define LONGTAKE_KERNELS_FLOW_FRAME_H

#include <longtake/cpu.h>
#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const uint8_t *rgb;
    size_t         rgb_stride;      /* bytes */
    int            width, height;
    float         *out;
} lt_flow_frame_args;

/* Rows y0 <= y < y1 of the output, by the version of a level that this processor has. */
void lt_flow_frame(lt_isa isa, const lt_flow_frame_args *a, int y0, int y1);

/* The definition. */
void lt_flow_frame_ref(const lt_flow_frame_args *a, int y0, int y1);

/* All rows, put on a stream (cudaStream_t): addresses are the device's. Built with LT_CUDA. */
LT_NODISCARD lt_status lt_flow_frame_cuda(void *stream, const lt_flow_frame_args *a);

#ifdef __cplusplus
}
#endif
#endif
