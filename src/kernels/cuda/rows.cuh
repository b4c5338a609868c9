/* kernels/cuda/rows.cuh -- a view as rows of dense columns, on the device.
 *
 * in    views that lt_tensor_rows takes
 * out   where a row lies
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_CUDA_ROWS_CUH
#define LONGTAKE_KERNELS_CUDA_ROWS_CUH

#include "kernels/cuda/value.cuh"

typedef struct {
    char          *data;                /* NULL: there is no such view */
    const int32_t *index;
    int64_t        outer_stride, inner_stride;
    int            dtype;
    bool           quad;                /* every row begins at a multiple of four values */
} lt_cuda_rows;

/* `rows` is filled too. A view that lt_tensor_rows does not take is refused before. */
static inline lt_cuda_rows lt_cuda_rows_of(const lt_tensor *t, lt_rows *rows)
{
    lt_cuda_rows r = {};
    if (!lt_tensor_rows(t, rows)) return r;
    const int64_t strides[] = { rows->n_outer > 1 || t->index ? t->stride[0] : 0, rows->n_inner > 1 ? rows->inner_stride : 0 };
    r.data = static_cast<char *>(t->data);
    r.index = t->index;
    r.outer_stride = t->stride[0];
    r.inner_stride = rows->inner_stride;
    r.dtype = t->dtype;
    r.quad = lt_cuda_quads(t->data, t->dtype, 1, strides, 2);
    return r;
}

/* Elements from data to the first column. */
LT_CUDA_INLINE int64_t lt_dev_row_at(const lt_cuda_rows &r, int64_t outer, int64_t inner)
{
    return (r.index ? r.index[outer] : outer) * r.outer_stride + inner * r.inner_stride;
}

#endif
