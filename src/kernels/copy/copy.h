/* kernels/copy/copy.h -- values moved to other strides or another type.
 *
 * in[0] x   up to 6 dimensions, f32, bf16 or f16, any strides (0 repeats); dimension 0 may be indexed
 * out       the same sizes, f32, bf16 or f16, any strides; dimension 0 may be indexed
 *
 * Rounded to nearest even where the type is narrower; exact otherwise. */
#ifndef LONGTAKE_KERNELS_COPY_H
#define LONGTAKE_KERNELS_COPY_H

#include <longtake/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_COPY_X };

extern const lt_kernel lt_copy_ref;
extern const lt_kernel lt_copy_own;
extern const lt_kernel lt_copy_cuda;      /* built with LT_CUDA */

#ifdef __cplusplus
}
#endif
#endif
