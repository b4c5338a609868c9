/* kernels/flow_detail/flow_detail.h -- an image less a share of its surroundings, so that changes of light matter less.
 *
 * in    image f32 of width x height; coarse: the same image after two flow_halve
 * out   image, in place: image - share * (uniform cubic B-spline at (x/4, y/4) whose coefficients are coarse; edges repeat).
 *       The spline, and not an interpolant, because it hardly depends on where the coarse samples lie
 * owns  nothing
 *
 * Layouts: kernels/flow_plane.h. IEEE arithmetic in the order of the definition: every version gives the same bits. */
#ifndef LONGTAKE_KERNELS_FLOW_DETAIL_H
#define LONGTAKE_KERNELS_FLOW_DETAIL_H

#include <longtake/cpu.h>
#include <longtake/status.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Weights of the coefficients at -1, 0, 1, 2 for a place i/4, i = 0 .. 3, times 384: all integers, so exact. */
static const float lt_flow_detail_spline[4][4] = {
    { 64, 256, 64, 0 }, { 27, 235, 121, 1 }, { 8, 184, 184, 8 }, { 1, 121, 235, 27 },
};

typedef struct {
    float       *image;
    const float *coarse;
    int          width, height;     /* of image */
    float        share;
} lt_flow_detail_args;

/* Rows y0 <= y < y1 of the image, by the version of a level that this processor has. */
void lt_flow_detail(lt_isa isa, const lt_flow_detail_args *a, int y0, int y1);

/* The definition. */
void lt_flow_detail_ref(const lt_flow_detail_args *a, int y0, int y1);

/* All rows, put on a stream (cudaStream_t): addresses are the device's. Built with LT_CUDA. */
LT_NODISCARD lt_status lt_flow_detail_cuda(void *stream, const lt_flow_detail_args *a);

#ifdef __cplusplus
}
#endif
#endif
