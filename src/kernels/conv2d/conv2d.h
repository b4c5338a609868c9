/* kernels/conv2d/conv2d.h -- convolution over a map, channels last.
 *
 *     y[n,i,j,f] = residual + act(b[f] + sum_{p,q,c} x[n, i s - top + p d, j s - left + q d, c] W[f,c,p,q])      zero outside
 *
 * in[0] x          [N,H,W,C] f32, bf16 or f16, last dimension dense, any other strides; dimension 0 may be indexed; may be a band
 * in[1] residual   as out, f32, bf16 or f16, may be out itself; absent: none. Strides 0 allowed in dimension 0
 * out              [N,Ho,Wo,F] f32, bf16 or f16; may be a band: row r of out is row out.row0 + r of out.rows, and the rows of x that it
 *                  reads lie within the band of x or outside its map (x.rows), where they are zero
 * weights 0 W      [F, C / groups, kh, kw], as PyTorch's Conv2d
 *         1 b      [F] or absent
 *
 * H of the formula is x.rows. Types and tolerance: as linear, K = kh kw C / groups. groups > 1 may be refused by the fast
 * versions. conv2d.cudnn rounds a sum to `compute` before bias, activation and residual: 1.13 u of the same sum more (linear.h). */
#ifndef LONGTAKE_KERNELS_CONV2D_H
#define LONGTAKE_KERNELS_CONV2D_H

#include <longtake/kernel.h>

#include "kernels/act.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_CONV2D_X, LT_CONV2D_RESIDUAL };
enum { LT_CONV2D_W, LT_CONV2D_B };

typedef struct {
    int      c_in, c_out;
    int      kernel_h, kernel_w, stride, dilation, groups;
    int      pad_top, pad_left, pad_bottom, pad_right;
    lt_dtype compute;
    lt_act   act;                /* NONE, RELU, GELU */
    bool     bias;
} lt_conv2d_attr;

extern const lt_kernel lt_conv2d_ref;
extern const lt_kernel lt_conv2d_dnnl;
extern const lt_kernel lt_conv2d_own;
extern const lt_kernel lt_conv2d_cudnn;     /* built with LT_CUDA; cuDNN, and our own kernel for what follows the sums */
extern const lt_kernel lt_conv2d_mma;       /* built with LT_CUDA; our tensor-core kernel, f16 and bf16 */
extern const lt_kernel lt_conv2d_cuda;      /* built with LT_CUDA; any GPU, f32 sums without tensor cores */

#ifdef __cplusplus
}
#endif
#endif
