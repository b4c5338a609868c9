/* kernels/flow_edges/flow_edges.h -- how freely flow may break between neighbours of an image.
 *
 * in    image f32
 * out   planes right, down: 1 / (1 + edge * d), d = sum over channels of the squared difference to the neighbour at the right (below);
 *       0 where there is no neighbour; not padded
 * owns  nothing
 *
 * Layouts: kernels/flow_plane.h. IEEE arithmetic in the order of the definition: every version gives the same bits. */
#ifndef LONGTAKE_KERNELS_FLOW_EDGES_H
#define LONGTAKE_KERNELS_FLOW_EDGES_H

#include <longtake/cpu.h>
#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const float *image;
    int          width, height;
    float        edge;              /* per squared grey level */
    float       *right, *down;
} lt_flow_edges_args;

/* Rows y0 <= y < y1 of the output, by the version of a level that this processor has. */
void lt_flow_edges(lt_isa isa, const lt_flow_edges_args *a, int y0, int y1);

/* The definition. */
void lt_flow_edges_ref(const lt_flow_edges_args *a, int y0, int y1);

/* All rows, put on a stream (cudaStream_t): addresses are the device's. Built with LT_CUDA. */
LT_NODISCARD lt_status lt_flow_edges_cuda(void *stream, const lt_flow_edges_args *a);

#ifdef __cplusplus
}
#endif
#endif
