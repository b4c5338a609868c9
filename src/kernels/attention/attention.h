/* kernels/attention/attention.h -- softmax(scale q k^T) v, without the matrix of scores.
 *
 *     y[b,i,h,:] = sum_j p_j v[b,j,h,:],    p = softmax over j of scale * sum_d q[b,i,h,d] k[b,j,h,d]
 *
 * in[0] q   [B,Tq,H,D] f32, bf16 or f16, last dimension dense, any other strides; no index
 * in[1] k   [B,Tk,H,D]
 * in[2] v   [B,Tk,H,Dv]
 * out       [B,Tq,H,Dv] f32, bf16 or f16, last dimension dense, any other strides
 *
 * Views do the rest: a token matrix [B,T,3,H,D] is q, k and v by its third dimension; attention over time at each pixel of
 * [T,P,H,D] is B = P with the strides exchanged. `n_keys`, where not NULL: only the first *n_keys of Tk take part (read at launch).
 *
 * Types: compute f32: all in f32. bf16 and f16: q, k, v and the weights p (before the division by their sum, the largest of them in
 * 1/2 .. 1) rounded to it, sums and softmax in f32. The CPU's candidates refuse f16.
 * Tolerance: 4 * 2^-24 * (sqrt(D) * scale * max|q||k| + sqrt(Tk)) * max|v|: an error of the exponent is a relative error of its
 * weight; bf16 as measured against PyTorch's autocast. For f16, where two candidates round weights to maxima of their own, two halves of
 * a unit more, 2^-11 max|v|, and for weights below its normal numbers Tk 2^-24 max|v|.
 * Memory does not grow with Tq * Tk: keys are taken in blocks, with a running maximum and sum. The size of a block and the order depend on
 * D and Tk alone. */
#ifndef LONGTAKE_KERNELS_ATTENTION_H
#define LONGTAKE_KERNELS_ATTENTION_H

#include <longtake/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_ATTENTION_Q, LT_ATTENTION_K, LT_ATTENTION_V };

typedef struct {
    float          scale;
    lt_dtype       compute;
    const int32_t *n_keys;
} lt_attention_attr;

extern const lt_kernel lt_attention_ref;
extern const lt_kernel lt_attention_small;      /* Tq, Tk <= 64: many tiny problems, over time at each pixel */
extern const lt_kernel lt_attention_blocked;    /* any length, online softmax */
/* Built with LT_CUDA; n_keys is read on the device. */
extern const lt_kernel lt_attention_time_cuda;  /* Tq, Tk <= 32: many tiny problems */
extern const lt_kernel lt_attention_mma_cuda;   /* f16 and bf16 by tensor cores, D = Dv a multiple of 8 up to 128; any length */
extern const lt_kernel lt_attention_cuda;       /* whatever is left */

#ifdef __cplusplus
}
#endif
#endif
