/* longtake/tensor.h -- an array that an operator reads or writes.
 *
 * in    nothing
 * out   lt_tensor: a view, and what is asked of one
 * owns  nothing: a view borrows its memory
 *
 * Channels are last everywhere. A feature map [N,H,W,C] is the token matrix [N,H*W,C]: the same bytes. */
#ifndef LONGTAKE_TENSOR_H
#define LONGTAKE_TENSOR_H

#include <longtake/dtype.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_MAX_DIMS = 6 };

typedef struct {
    void          *data;                  /* element [0, ..., 0]; of an indexed tensor, of the row that index 0 names */
    lt_dtype       dtype;
    int            n_dims;                /* 1 .. LT_MAX_DIMS */
    int64_t        dim[LT_MAX_DIMS];
    int64_t        stride[LT_MAX_DIMS];   /* elements; 0 repeats the same values along that dimension */
    const int32_t *index;                 /* not NULL: entry i of dimension 0 lies at data + index[i] * stride[0] */
    /* A band of a map [N,H,W,C]: dimension 1 holds rows row0 .. row0 + dim[1] - 1 of `rows`. Whole maps: 0 and dim[1]. Read by
     * operators that look at neighbouring rows; the others pass it on. */
    int64_t        row0, rows;
} lt_tensor;

/* A dense view (last dimension fastest) of n_dims sizes. */
lt_tensor lt_tensor_dense(void *data, lt_dtype dtype, int n_dims, const int64_t *dim);

/* Values: the product of the sizes. */
int64_t lt_tensor_count(const lt_tensor *t);

/* Whether it is dense: values in order, no gaps, no repetition, no index. */
bool lt_tensor_is_dense(const lt_tensor *t);

/* Address of entry i of dimension 0. */
void *lt_tensor_at(const lt_tensor *t, int64_t i);

/* Rows of a matrix view: all dimensions but the last taken as [n_outer][n_inner] rows of n_columns dense values. Outer is
 * dimension 0, which may be indexed; inner is all between, whose strides must collapse into one. */
typedef struct {
    int64_t n_outer, n_inner, n_columns;
    int64_t inner_stride;                 /* elements; rows of one outer entry (lt_tensor_at) lie so far apart */
} lt_rows;

/* false where the strides do not allow it: the last dimension is not dense, or the inner ones do not collapse. A tensor of one
 * dimension is one row; of two, n_outer rows with n_inner 1. */
bool lt_tensor_rows(const lt_tensor *t, lt_rows *out);

/* "[2,1370,384]" into buffer [size], which is returned. */
char *lt_tensor_text(const lt_tensor *t, char *buffer, int size);

#ifdef __cplusplus
}
#endif
#endif
