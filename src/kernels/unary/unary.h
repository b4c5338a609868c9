/* kernels/unary/unary.h -- a function of each value.
 *
 *     y = act(x)        RELU, GELU; GEGLU: x [.., 2C] -> y [.., C], first half times gelu(second half)
 *
 * in[0] x   rows as lt_tensor_rows, f32, bf16 or f16; dimension 0 may be indexed
 * out       the same sizes (GEGLU: half the columns), f32, bf16 or f16; may be x itself (not for GEGLU)
 *
 * RELU is exact. GELU: 2^-22 relative to |x|, in f32 (the error function to a few units). bf16 or f16 out: half a unit of it more. */
#ifndef LONGTAKE_KERNELS_UNARY_H
#define LONGTAKE_KERNELS_UNARY_H

#include <longtake/kernel.h>

#include "kernels/act.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_UNARY_X };

typedef struct {
    lt_act act;
} lt_unary_attr;

extern const lt_kernel lt_unary_ref;
extern const lt_kernel lt_unary_own;
extern const lt_kernel lt_unary_cuda;      /* built with LT_CUDA */

#ifdef __cplusplus
}
#endif
#endif
