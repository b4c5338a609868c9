/* kernels/binary/binary.h -- two arrays, value by value.
 *
 *     y = a + b     or     y = a * b                                 b repeats where its stride is 0
 *
 * in[0] a   up to 6 dimensions, f32, bf16 or f16, any strides, last dimension dense or of stride 0; dimension 0 may be indexed
 * in[1] b   the same sizes, its own strides (0 repeats), f32, bf16 or f16
 * out       f32, bf16 or f16; may be a or b where their places are the same
 * weights 0 b   [C] along the last dimension instead of in[1], where in[1] is absent (LayerScale: a * gamma)
 *
 * One IEEE operation in f32, rounded to the type of out: exact to the bit. */
#ifndef LONGTAKE_KERNELS_BINARY_H
#define LONGTAKE_KERNELS_BINARY_H

#include <longtake/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_BINARY_A, LT_BINARY_B };

typedef enum { LT_BINARY_ADD, LT_BINARY_MUL } lt_binary_kind;

typedef struct {
    lt_binary_kind kind;
} lt_binary_attr;

extern const lt_kernel lt_binary_ref;
extern const lt_kernel lt_binary_own;
extern const lt_kernel lt_binary_cuda;      /* built with LT_CUDA */

#ifdef __cplusplus
}
#endif
#endif
