/* kernels/linear/linear.h -- matrix of weights times rows, and what follows it.
 *
 *     y[r,n] = residual[r,n] + gamma[n] * act(sum_k x[r,k] W[n,k] + b[n])           absent parts left out
 *
 * in[0] x          [.., K] f32, bf16 or f16, rows as lt_tensor_rows; dimension 0 may be indexed
 * in[1] residual   as out, f32, bf16 or f16, may be out itself (in place), strides 0 allowed in dimension 0; absent: none
 * out              [.., N] f32, bf16 or f16, rows as lt_tensor_rows; dimension 0 may be indexed
 * weights 0 W      [N,K] (GEGLU: [2N,K], values first, then gates), as PyTorch's Linear
 *         1 b      [N] ([2N]) or absent
 *         2 gamma  [N] or absent
 *
 * Types: `compute` f32: operands f32. bf16, f16: x and W rounded to it (nearest even; what is too large for f16 becomes infinity, as IEEE has it),
 * products and sums f32; b, gamma and residual f32. What a row gives is rounded once, to the type of out. f16 is for GPUs: versions for the CPU
 * may refuse it.
 * Tolerance against the definition (double sums): 4 * 2^-24 * sqrt(K) * (sum_k |x W| + |b|) * |gamma|, since a chain of K
 * roundings grows like its root; for an out of bf16 or f16 half a unit of
 * it more, its own rounding. After GELU 1.13 times that, its steepest slope; of a gated
 * product the errors of both factors.
 * linear.cublaslt, whose operands or outputs have u = 2^-9 (bf16) or 2^-12 (f16) of relative error when they are rounded, differs in three places, and
 * its tolerance is wider there by multiples of u times the same sum: gamma without an activation is folded into bf16 and f16 weights and into b, rounded
 * once (2 u); b is rounded to a 16-bit out's type (1 u); a sum of 16 bits is rounded before GELU (1.13 u). With TF32 operands have u = 2^-11 (2 u).
 * Any K, N >= 1. */
#ifndef LONGTAKE_KERNELS_LINEAR_H
#define LONGTAKE_KERNELS_LINEAR_H

#include <longtake/kernel.h>

#include "kernels/act.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_LINEAR_X, LT_LINEAR_RESIDUAL };
enum { LT_LINEAR_W, LT_LINEAR_B, LT_LINEAR_GAMMA };

typedef struct {
    int      n_in, n_out;        /* K, N */
    lt_dtype compute;            /* LT_F32, LT_BF16, LT_F16 */
    lt_act   act;
    bool     bias, gamma;
} lt_linear_attr;

extern const lt_kernel lt_linear_ref;      /* the definition */
extern const lt_kernel lt_linear_dnnl;     /* oneDNN, bf16 where the processor has units for it */
extern const lt_kernel lt_linear_own;      /* our vector code, any processor */
extern const lt_kernel lt_linear_cublaslt;  /* built with LT_CUDA; cuBLASLt, our own kernel for GELU, GEGLU and what it cannot do */
extern const lt_kernel lt_linear_mma;        /* built with LT_CUDA; our tensor-core kernel, f16 and bf16 */
extern const lt_kernel lt_linear_cuda;      /* built with LT_CUDA; any GPU, f32 sums without tensor cores */

#ifdef __cplusplus
}
#endif
#endif
