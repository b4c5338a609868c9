/* kernels/conv2d/conv_cudnn.h -- a convolution of maps by cuDNN's graph interface, and nothing after it.
 *
 *     y[n,i,j,f] = sum_{p,q,c} x[n, i s - pad_h + p d, j s - pad_w + q d, c] W[f,p,q,c]         zero outside
 *
 * in    maps in device memory, channels last, pixels at multiples of 16 bytes; W as [F, kh, kw, C] dense; all of one type, sums f32
 * out   a map in device memory
 * owns  what lt_conv_cudnn_open makes, until lt_conv_cudnn_close
 *
 * One engine with one set of knobs, chosen by rule, serves all sizes. The heuristic is asked once, for LT_CUDNN_FRAMES maps of LT_CUDNN_SIDE^2; of
 * its answers (then of those of its fallback) the first is taken that is deterministic, no Winograd and no FFT, neither rounds its operands nor its sums
 * to less than their type, splits no sum, keeps within LT_CUDA_WORKSPACE, and also takes a narrow map without padding above; engines that compile at run
 * time come after all others. Padding is always the same on both sides, which every engine takes.
 * Maps have no gaps between pixels, lines and frames (a single frame may lie anywhere): engines move others whole into their workspace first.
 * cuDNN 9.19, given the properties of GPUs of compute capability 7.5 to 12.0 (none was run), names such an engine for every convolution of the depth
 * networks in f16, bf16 (from 8.0 on) and f32, and makes its plans for bands and whole maps of other sizes.
 * Built with LT_CUDA. */
#ifndef LONGTAKE_KERNELS_CONV_CUDNN_H
#define LONGTAKE_KERNELS_CONV_CUDNN_H

#include <longtake/kernel.h>

#include "kernels/cuda/libs.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_CUDNN_FRAMES = 8, LT_CUDNN_SIDE = 128, LT_CUDNN_ALIGN = 16 };

typedef struct lt_conv_cudnn lt_conv_cudnn;

typedef struct {
    lt_dtype type;
    bool     tf32;                           /* f32 operands may be rounded to TF32 */
    int64_t  c_in, c_out, kernel_h, kernel_w, stride, dilation;
    int64_t  pad_h, pad_w;                   /* of a whole map: what the heuristic is asked for */
} lt_conv_cudnn_kind;

/* Sizes of a call; strides in elements, of frames, rows and pixels. Two calls are the same where all of it is. */
typedef struct {
    int64_t n, x_h, x_w, x_stride[3], y_h, y_w, y_stride[3], pad_h, pad_w;
} lt_conv_cudnn_shape;

/* LT_E_DEVICE where no engine follows the rule; the text names the way out. */
LT_NODISCARD lt_status lt_conv_cudnn_open(lt_cuda_libs *libs, const lt_conv_cudnn_kind *kind, lt_conv_cudnn **out);

/* *c is NULL afterwards; NULL is accepted. */
void lt_conv_cudnn_close(lt_conv_cudnn **c);

/* Makes the execution plan of a shape, if there is none yet. LT_E_DEVICE where the engine does not take it. */
LT_NODISCARD lt_status lt_conv_cudnn_prepare(lt_conv_cudnn *c, const lt_conv_cudnn_shape *shape);

/* On the launch's stream; `workspace` has LT_CUDA_WORKSPACE bytes. cuDNN's descriptor of the addresses lives for the length of the call. LT_E_INTERNAL
 * where the shape was not prepared or an address is not a multiple of LT_CUDNN_ALIGN. */
LT_NODISCARD lt_status lt_conv_cudnn_run(const lt_launch *l, const lt_conv_cudnn *c, const lt_conv_cudnn_shape *shape, const void *x, const void *w, void *y,
                                         void *workspace);

#ifdef __cplusplus
}
#endif
#endif
