/* kernels/flow_halve/flow_halve.h -- an image at half the size, free of aliases.
 *
 * in    image f32 of width x height
 * out   image f32 of (width+1)/2 x (height+1)/2: binomial filter (1 4 6 4 1)/16 along y, then x, at even positions; edges repeat
 * owns  nothing
 *
 * Layouts: kernels/flow_plane.h. IEEE arithmetic in the order of the definition: every version gives the same bits. */
#ifndef LONGTAKE_KERNELS_FLOW_HALVE_H
#define LONGTAKE_KERNELS_FLOW_HALVE_H

#include <longtake/cpu.h>
#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const float *in;
    int          width, height;     /* of in */
    float       *out;
} lt_flow_halve_args;

/* Rows y0 <= y < y1 of the output, by the version of a level that this processor has. */
void lt_flow_halve(lt_isa isa, const lt_flow_halve_args *a, int y0, int y1);

/* The definition. */
void lt_flow_halve_ref(const lt_flow_halve_args *a, int y0, int y1);

/* All rows, put on a stream (cudaStream_t): addresses are the device's. Built with LT_CUDA. */
LT_NODISCARD lt_status lt_flow_halve_cuda(void *stream, const lt_flow_halve_args *a);

#ifdef __cplusplus
}
#endif
#endif
