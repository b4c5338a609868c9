/* kernels/layernorm/layernorm.h -- each row to mean 0 and variance 1, then scaled, shifted and, where wanted, added to.
 *
 *     y[r,c] = (x[r,c] - mean_r) / sqrt(var_r + eps) * w[c] + b[c] + add[r,c]       var is biased, two passes
 *
 * in[0] x     [.., C] f32, bf16 or f16, rows as lt_tensor_rows; dimension 0 may be indexed
 * in[1] add   as x's shape with strides 0 where it repeats, f32; absent: none
 * out         [.., C] f32, bf16 or f16; may be x itself
 * weights 0 w [C], 1 b [C]
 *
 * Sums in f32, at least 8 partial sums by column, in an order fixed by C.
 * Tolerance: 4 * 2^-24 * sqrt(C) * (1 + |mean| / dev) * max|w|; an out of bf16 or f16 half a unit of it more. */
#ifndef LONGTAKE_KERNELS_LAYERNORM_H
#define LONGTAKE_KERNELS_LAYERNORM_H

#include <longtake/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_LAYERNORM_X, LT_LAYERNORM_ADD };
enum { LT_LAYERNORM_W, LT_LAYERNORM_B };

typedef struct {
    int   channels;
    float eps;
} lt_layernorm_attr;

extern const lt_kernel lt_layernorm_ref;
extern const lt_kernel lt_layernorm_own;
extern const lt_kernel lt_layernorm_cuda;      /* built with LT_CUDA */

#ifdef __cplusplus
}
#endif
#endif
