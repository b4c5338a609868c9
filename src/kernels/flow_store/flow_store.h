/* kernels/flow_store/flow_store.h -- flow as it is delivered.
 *
 * in    padded planes u, v
 * out   flow f32 [H][W][2]: x, y
 * owns  nothing
 *
 * Layouts: kernels/flow_plane.h. IEEE arithmetic in the order of the definition: every version gives the same bits. */
#ifndef LONGTAKE_KERNELS_FLOW_STORE_H
#define LONGTAKE_KERNELS_FLOW_STORE_H

#include <longtake/cpu.h>
#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const float *u, *v;
    int          width, height;
    float       *flow;
} lt_flow_store_args;

/* Rows y0 <= y < y1 of the output, by the version of a level that this processor has. */
void lt_flow_store(lt_isa isa, const lt_flow_store_args *a, int y0, int y1);

/* The definition. */
void lt_flow_store_ref(const lt_flow_store_args *a, int y0, int y1);

/* All rows, put on a stream (cudaStream_t): addresses are the device's. Built with LT_CUDA. */
LT_NODISCARD lt_status lt_flow_store_cuda(void *stream, const lt_flow_store_args *a);

#ifdef __cplusplus
}
#endif
#endif
