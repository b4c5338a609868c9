/* kernels/flow_check/flow_check.h -- what is occluded, by flow there and back.
 *
 * in    there f32 [H][W][2] on this grid, back f32 [H][W][2] on the other
 * out   occluded u8 [H][W]: 1 where (x, y) + there leaves the frame, or there plus back at that place (bilinear) is longer than
 *       sqrt(slack + share * (|there|^2 + |back|^2)) pixels (Sundaram, Brox, Keutzer, ECCV 2010); else 0
 * owns  nothing
 *
 * Layouts: kernels/flow_plane.h. IEEE arithmetic in the order of the definition: every version gives the same bits. */
#ifndef LONGTAKE_KERNELS_FLOW_CHECK_H
#define LONGTAKE_KERNELS_FLOW_CHECK_H

#include <longtake/cpu.h>
#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const float *there, *back;
    int          width, height;
    float        slack, share;
    uint8_t     *occluded;
} lt_flow_check_args;

/* Rows y0 <= y < y1 of the output, by the version of a level that this processor has. */
void lt_flow_check(lt_isa isa, const lt_flow_check_args *a, int y0, int y1);

/* The definition. */
void lt_flow_check_ref(const lt_flow_check_args *a, int y0, int y1);

/* All rows, put on a stream (cudaStream_t): addresses are the device's. Built with LT_CUDA. */
LT_NODISCARD lt_status lt_flow_check_cuda(void *stream, const lt_flow_check_args *a);

#ifdef __cplusplus
}
#endif
#endif
