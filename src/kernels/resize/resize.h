/* kernels/resize/resize.h -- a map brought to another size, and what is added to it.
 *
 * Bilinear, align_corners: the source of row i is i * ((in - 1) / (out - 1)), each rounded to f32 (out 1: 0), as PyTorch has it, y0 its whole part, t the rest,
 * y1 = min(y0 + 1, in - 1); the same for columns; across first, then down:
 *     top = x[y0,x0] (1 - tx) + x[y0,x1] tx,  bottom the same on y1,  y = top (1 - ty) + bottom ty
 * and, where there is one, y + residual; each operation rounded to f32, in this order (no fused multiply-add): exact to the bit.
 *
 * in[0] x   [N,H,W,C] f32, bf16 or f16, last dimension dense, any other strides; dimension 0 may be indexed; may be a band that
 *           holds the rows that are read
 * in[1] residual   as out, f32, bf16 or f16, strides 0 allowed in dimension 0; dimension 0 may be indexed; may be out itself; absent: none
 * out       [N,Ho,Wo,C] f32, bf16 or f16; may be a band: row r of out is row out.row0 + r of out.rows
 *
 * Sizes of the formula are x.rows and out.rows, x.dim[2] and out.dim[2]. */
#ifndef LONGTAKE_KERNELS_RESIZE_H
#define LONGTAKE_KERNELS_RESIZE_H

#include <longtake/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_RESIZE_X, LT_RESIZE_RESIDUAL };

typedef enum { LT_RESIZE_BILINEAR_CORNERS } lt_resize_kind;

typedef struct {
    lt_resize_kind kind;
} lt_resize_attr;

/* The two source places of output row (or column) i and the weight of the second. */
void lt_resize_taps(int64_t n_in, int64_t n_out, int64_t i, int64_t *first, int64_t *second, float *t);

extern const lt_kernel lt_resize_ref;
extern const lt_kernel lt_resize_own;
extern const lt_kernel lt_resize_cuda;      /* built with LT_CUDA */

#ifdef __cplusplus
}
#endif
#endif
