/* kernels/flow_grow/flow_grow.h -- flow of a level brought to the next finer one.
 *
 * in    padded planes u, v of (width+1)/2 x (height+1)/2
 * out   padded planes out_u, out_v of width x height: twice the bilinear value at (x/2, y/2); edges repeat
 * owns  nothing
 *
 * Layouts: kernels/flow_plane.h. IEEE arithmetic in the order of the definition: every version gives the same bits. */
#ifndef LONGTAKE_KERNELS_FLOW_GROW_H
#define LONGTAKE_KERNELS_FLOW_GROW_H

#include <longtake/cpu.h>
#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const float *u, *v;
    int          width, height;     /* of out */
    float       *out_u, *out_v;
} lt_flow_grow_args;

/* Rows y0 <= y < y1 of the output, by the version of a level that this processor has. */
void lt_flow_grow(lt_isa isa, const lt_flow_grow_args *a, int y0, int y1);

/* The definition. */
void lt_flow_grow_ref(const lt_flow_grow_args *a, int y0, int y1);

/* All rows, put on a stream (cudaStream_t): addresses are the device's. Built with LT_CUDA. */
LT_NODISCARD lt_status lt_flow_grow_cuda(void *stream, const lt_flow_grow_args *a);

#ifdef __cplusplus
}
#endif
#endif
