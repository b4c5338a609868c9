/* kernels/gemm/rows.h -- addresses of the rows of a matrix view.
 *
 * in    a view whose rows are as lt_tensor_rows says
 * out   addresses of rows in the order [outer][inner]
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_GEMM_ROWS_H
#define LONGTAKE_KERNELS_GEMM_ROWS_H

#include <longtake/tensor.h>

/* Addresses of rows row .. row+n-1 of t, whose rows are r. */
void lt_gemm_rows(const lt_tensor *t, const lt_rows *r, int64_t row, int n, const void **out);

#endif
