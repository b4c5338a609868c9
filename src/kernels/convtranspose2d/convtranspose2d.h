/* kernels/convtranspose2d/convtranspose2d.h -- transposed convolution whose kernel is its stride.
 *
 *     y[n, i s + p, j s + q, f] = b[f] + sum_c x[n,i,j,c] W[c,f,p,q]            0 <= p, q < s
 *
 * in[0] x          [N,H,W,C] f32, bf16 or f16, last dimension dense, any other strides; dimension 0 may be indexed; may be a band
 * out              [N, s H, s W, F] f32, bf16 or f16; may be a band, also one that begins within a block of s rows
 * weights 0 W      [C,F,s,s], as PyTorch's ConvTranspose2d
 *         1 b      [F] or absent
 *
 * Types and tolerance: as linear, K = C. */
#ifndef LONGTAKE_KERNELS_CONVTRANSPOSE2D_H
#define LONGTAKE_KERNELS_CONVTRANSPOSE2D_H

#include <longtake/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_CONVTRANSPOSE2D_X };
enum { LT_CONVTRANSPOSE2D_W, LT_CONVTRANSPOSE2D_B };

typedef struct {
    int      c_in, c_out, stride;
    lt_dtype compute;
    bool     bias;
} lt_convtranspose2d_attr;

extern const lt_kernel lt_convtranspose2d_ref;
extern const lt_kernel lt_convtranspose2d_dnnl;
extern const lt_kernel lt_convtranspose2d_own;
extern const lt_kernel lt_convtranspose2d_cublaslt;  /* built with LT_CUDA; cuBLASLt and the copy kernel */
extern const lt_kernel lt_convtranspose2d_mma;        /* built with LT_CUDA; our tensor-core kernel, f16 and bf16 */
extern const lt_kernel lt_convtranspose2d_cuda;      /* built with LT_CUDA; any GPU, f32 sums without tensor cores */

#ifdef __cplusplus
}
#endif
#endif
