/* kernels/value.h -- single values of strided views, for definitions.
 *
 * in    a view, where in it
 * out   its value in f32, or the view with it
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_VALUE_H
#define LONGTAKE_KERNELS_VALUE_H

#include <longtake/tensor.h>

/* Value number `flat`, the last dimension fastest; f32, bf16 or f16. */
float lt_value_get(const lt_tensor *t, int64_t flat);

/* Rounds to nearest even. */
void lt_value_put(const lt_tensor *t, int64_t flat, float value);

#endif
