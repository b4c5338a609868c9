/* kernels/groupnorm/groupnorm.h -- a map normalised with statistics that were taken before.
 *
 *     y[n,p,c] = (x[n,p,c] - mean[n,g(c)]) * rstd[n,g(c)] * w[c] + b[c]
 *
 * in[0] x       [N,P,C] (or [N,H,W,C]) f32, bf16 or f16, rows as lt_tensor_rows; dimension 0 may be indexed
 * in[1] stats   [N,G,2] f32 of groupnorm_stats, dense
 * out           as x; f32, bf16 or f16; may be x itself where x is not indexed
 * weights 0 w [C], 1 b [C]
 *
 * Tolerance: 8 * 2^-24 * (1 + |mean| / dev) * max|w|; an out of bf16 or f16 half a unit of it more. */
#ifndef LONGTAKE_KERNELS_GROUPNORM_H
#define LONGTAKE_KERNELS_GROUPNORM_H

#include <longtake/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_GROUPNORM_X, LT_GROUPNORM_STATS };
enum { LT_GROUPNORM_W, LT_GROUPNORM_B };

typedef struct {
    int channels, groups;
} lt_groupnorm_attr;

extern const lt_kernel lt_groupnorm_ref;
extern const lt_kernel lt_groupnorm_own;
extern const lt_kernel lt_groupnorm_cuda;      /* built with LT_CUDA */

#ifdef __cplusplus
}
#endif
#endif
