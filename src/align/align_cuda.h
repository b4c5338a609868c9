/* align/align_cuda.h -- the alignment's work on maps, on a GPU. Built with LT_CUDA. Private to src/align.
 *
 * in    maps in device memory, a stream (cudaStream_t)
 * out   maps and sums in device memory, once the stream has come so far
 * owns  nothing: no call allocates or waits
 *
 * The same arithmetic in the same order as align.c: the same bits (include/longtake/align.h has the formulas). */
#ifndef LONGTAKE_ALIGN_CUDA_H
#define LONGTAKE_ALIGN_CUDA_H

#include <longtake/align.h>

#ifdef __cplusplus
extern "C" {
#endif

/* As lt_depth_resize. */
LT_NODISCARD lt_status lt_depth_resize_cuda(void *stream, const float *src, int net_w, int net_h, float *dst, int w, int h);

/* As lt_fit_sum; blocks [256] is scratch memory, out [1], both on the device. */
LT_NODISCARD lt_status lt_fit_sum_cuda(void *stream, const float *c, const float *r, int64_t n, lt_fit_sums *blocks, lt_fit_sums *out);

/* As lt_depth_apply with raw false (raw is a copy). dst may be src. */
LT_NODISCARD lt_status lt_depth_apply_cuda(void *stream, const float *src, float scale, float shift, float *dst, int64_t n);

/* As lt_depth_blend. dst may be a or b. */
LT_NODISCARD lt_status lt_depth_blend_cuda(void *stream, const float *a, float wa, const float *b, float wb, float *dst, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
