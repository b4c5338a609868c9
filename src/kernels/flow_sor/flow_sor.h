/* kernels/flow_sor/flow_sor.h -- sweeps of red-black successive over-relaxation over the system of the flow.
 *
 * in    halves of flow_system; su, sv to start from
 * out   su, sv after `sweeps` sweeps, each colour 0 then colour 1: with s the weighted sum over the four neighbours,
 *         u += relax * ((r1 + s(u) - a12 v) i1 - u), then v += relax * ((r2 + s(v) - a12 u) i2 - v) with the new u
 * owns  nothing
 *
 * Half-sweeps are taken in tiles that stay in the cache. A row's half-sweep t needs its two neighbours after t - 1 only, so the rows fall
 * into bands that shrink with t (phase 0), independent of each other, and the wedges left open between them (phase 1):
 * the values are those of whole sweeps one after the other.
 *
 * Layouts: kernels/flow_plane.h. IEEE arithmetic in the order of the definition: every version gives the same bits. */
#ifndef LONGTAKE_KERNELS_FLOW_SOR_H
#define LONGTAKE_KERNELS_FLOW_SOR_H

#include <longtake/cpu.h>
#include <longtake/status.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const float *a12, *r1, *r2, *i1, *i2, *wx, *wy;
    int          width, height, sweeps;
    float        relax;
    float       *su, *sv;
    int          phase;             /* of lt_flow_sor: 0 for every band, then 1 for every band */
} lt_flow_sor_args;

/* Rows of a band for a number of sweeps, and bands of a height. */
int lt_flow_sor_band(int sweeps);
int lt_flow_sor_bands(int height, int sweeps);

/* Bands b0 <= b < b1 of the phase. */
void lt_flow_sor(lt_isa isa, const lt_flow_sor_args *a, int b0, int b1);

/* The definition, whole sweeps over all rows; ignores phase. */
void lt_flow_sor_ref(const lt_flow_sor_args *a);

/* The same, put on a stream (cudaStream_t): addresses are the device's, spare_u and spare_v are two more halves, undefined before and after.
 * Ignores phase. Built with LT_CUDA. */
LT_NODISCARD lt_status lt_flow_sor_cuda(void *stream, const lt_flow_sor_args *a, float *spare_u, float *spare_v);

#ifdef __cplusplus
}
#endif
#endif
