/* kernels/extent.h -- how far a view reaches in memory.
 *
 * in    a view with data
 * out   its bytes, gaps included, and where they begin
 * owns  nothing */
#ifndef LT_TESTS_KERNELS_EXTENT_H
#define LT_TESTS_KERNELS_EXTENT_H

#include <longtake/tensor.h>

/* Bytes from the first value of a view on to the last, gaps included; where the lowest lies. */
static inline size_t extent(const lt_tensor *t, char **first)
{
    int64_t low = 0, high = t->dim[0] - 1, n = 1;
    if (t->index) {
        low = high = t->index[0];
        for (int64_t i = 1; i < t->dim[0]; i++) {
            low = t->index[i] < low ? t->index[i] : low;
            high = t->index[i] > high ? t->index[i] : high;
        }
    }
    n += (high - low) * t->stride[0];
    for (int d = 1; d < t->n_dims; d++) n += (t->dim[d] - 1) * t->stride[d];
    *first = (char *)t->data + low * t->stride[0] * (int64_t)lt_dtype_bytes(t->dtype);
    return (size_t)n * lt_dtype_bytes(t->dtype);
}

#endif
