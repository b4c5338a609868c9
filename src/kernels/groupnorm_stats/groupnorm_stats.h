/* kernels/groupnorm_stats/groupnorm_stats.h -- mean and 1 / deviation of each group of channels of each frame.
 *
 *     out[n,g,0] = mean over the C/G channels of group g and all pixels;  out[n,g,1] = 1 / sqrt(var + eps)     var is biased
 *
 * in[0] x   [N,P,C] (or [N,H,W,C]) f32, bf16 or f16, rows as lt_tensor_rows; dimension 0 may be indexed
 * out       [N,G,2] f32, dense
 *
 * Sums over pixels in blocks of a fixed number of pixels, blocks combined in order, in double: what a frame gives does not depend on
 * the other frames or the threads. Two passes, or one with a shift that cannot cancel.
 * Tolerance: 2^-22 * (1 + |mean| / dev) relative to the deviation. */
#ifndef LONGTAKE_KERNELS_GROUPNORM_STATS_H
#define LONGTAKE_KERNELS_GROUPNORM_STATS_H

#include <longtake/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_GROUPNORM_STATS_X };

typedef struct {
    int   channels, groups;
    float eps;
} lt_groupnorm_stats_attr;

extern const lt_kernel lt_groupnorm_stats_ref;
extern const lt_kernel lt_groupnorm_stats_own;
extern const lt_kernel lt_groupnorm_stats_cuda;      /* built with LT_CUDA */

#ifdef __cplusplus
}
#endif
#endif
