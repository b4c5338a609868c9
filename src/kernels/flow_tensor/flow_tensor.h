/* kernels/flow_tensor/flow_tensor.h -- the linearised constancy of colours, as a quadratic form of the flow's increment.
 *
 * in    planes of flow_warp
 * out   planes j[0..5], not padded, sums over channels: xx, xy, yy, xt, yt, tt of the derivatives (5-tap, (1 -8 0 8 -1)/12, of the mean; the
 *       difference for t), each channel divided by |gradient|^2 + floor^2 (normalised constraints: Zimmer, Bruhn, Weickert, IJCV 2011),
 *       all times inside
 * owns  nothing
 *
 * Layouts: kernels/flow_plane.h. IEEE arithmetic in the order of the definition: every version gives the same bits. */
#ifndef LONGTAKE_KERNELS_FLOW_TENSOR_H
#define LONGTAKE_KERNELS_FLOW_TENSOR_H

#include <longtake/cpu.h>
#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const float *mean[3], *diff[3], *inside;
    int          width, height;
    float        floor;             /* grey levels a pixel */
    float       *j[6];
} lt_flow_tensor_args;

/* Rows y0 <= y < y1 of the output, by the version of a level that this processor has. */
void lt_flow_tensor(lt_isa isa, const lt_flow_tensor_args *a, int y0, int y1);

/* The definition. */
void lt_flow_tensor_ref(const lt_flow_tensor_args *a, int y0, int y1);

/* All rows, put on a stream (cudaStream_t): addresses are the device's. Built with LT_CUDA. */
LT_NODISCARD lt_status lt_flow_tensor_cuda(void *stream, const lt_flow_tensor_args *a);

#ifdef __cplusplus
}
#endif
#endif
