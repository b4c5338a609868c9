/* kernels/flow_system/flow_system.h -- the linear system of one step of the lagged, robust energy.
 *
 * in    planes j of flow_tensor; padded u, v: flow now, u0, v0: flow of the warp; right, down of flow_edges
 * out   halves of the system: a12, r1, r2, i1, i2, wx, wy, and u, v as halves su, sv to start from:
 *       i1 = 1 / (a11 + sum of the four weights + 1e-12), likewise i2; wx, wy are weights to the neighbours at the right and below
 *       data: a = p * j, p = 1 / sqrt(q + eps_data^2), q = max(0, quadratic form at (u - u0, v - v0)); r = p * (j (u0, v0) - (xt, yt))
 *       smoothness between neighbours: w = lambda * edge / sqrt(squared gradient of u and v halfway + eps_smooth^2)
 *       (Brox, Bruhn, Papenberg, Weickert, ECCV 2004)
 * owns  nothing
 *
 * Layouts: kernels/flow_plane.h. IEEE arithmetic in the order of the definition: every version gives the same bits. */
#ifndef LONGTAKE_KERNELS_FLOW_SYSTEM_H
#define LONGTAKE_KERNELS_FLOW_SYSTEM_H

#include <longtake/cpu.h>
#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const float *j[6], *u, *v, *u0, *v0, *right, *down;
    int          width, height;
    float        lambda, eps_data, eps_smooth;
    float       *a12, *r1, *r2, *i1, *i2, *wx, *wy, *su, *sv;
} lt_flow_system_args;

/* Rows y0 <= y < y1 of the output, by the version of a level that this processor has. */
void lt_flow_system(lt_isa isa, const lt_flow_system_args *a, int y0, int y1);

/* The definition. */
void lt_flow_system_ref(const lt_flow_system_args *a, int y0, int y1);

/* All rows, put on a stream (cudaStream_t): addresses are the device's. Built with LT_CUDA. */
LT_NODISCARD lt_status lt_flow_system_cuda(void *stream, const lt_flow_system_args *a);

#ifdef __cplusplus
}
#endif
#endif
