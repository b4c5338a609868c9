/* kernels/flow_warp/flow_warp.h -- the second image brought to the first along the flow.
 *
 * in    images first, second; padded planes u, v: pixels of flow from first to second
 * out   padded planes mean[c] = (first + warped) / 2, diff[c] = warped - first for the three channels, where warped is second at
 *       (x + u, y + v), clamped into it, by Catmull-Rom cubic convolution (Keys 1981, a = -1/2); inside (not padded): 1 where the place
 *       was within second, else 0
 * owns  nothing
 *
 * Layouts: kernels/flow_plane.h. IEEE arithmetic in the order of the definition: every version gives the same bits. */
#ifndef LONGTAKE_KERNELS_FLOW_WARP_H
#define LONGTAKE_KERNELS_FLOW_WARP_H

#include <longtake/cpu.h>
#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const float *first, *second;
    const float *u, *v;
    int          width, height;
    float       *mean[3], *diff[3], *inside;
} lt_flow_warp_args;

/* Rows y0 <= y < y1 of the output, by the version of a level that this processor has. */
void lt_flow_warp(lt_isa isa, const lt_flow_warp_args *a, int y0, int y1);

/* The definition. */
void lt_flow_warp_ref(const lt_flow_warp_args *a, int y0, int y1);

/* All rows, put on a stream (cudaStream_t): addresses are the device's. Built with LT_CUDA. */
LT_NODISCARD lt_status lt_flow_warp_cuda(void *stream, const lt_flow_warp_args *a);

#ifdef __cplusplus
}
#endif
#endif
