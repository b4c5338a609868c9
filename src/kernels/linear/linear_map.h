/* kernels/linear/linear_map.h -- linear as kernels/gemm sees it, for its fast versions.
 *
 * in    arguments of linear
 * out   shape, weights, addresses of rows
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_LINEAR_MAP_H
#define LONGTAKE_KERNELS_LINEAR_MAP_H

#include "kernels/gemm/gemm.h"
#include "kernels/linear/linear.h"

#ifdef __cplusplus
extern "C" {
#endif

/* NULL, or why these arguments are not such a product. */
const char *lt_linear_map_refuse(const lt_args *a);

lt_gemm_shape   lt_linear_map_shape(const lt_args *a);
lt_gemm_weights lt_linear_map_weights(const lt_args *a, const lt_weight_data *w);

/* Row views of a call; borrows its arguments. */
typedef struct {
    const lt_args *args;
    lt_rows        x, residual, out;
} lt_linear_map_rows;

/* The product; it borrows both. */
lt_gemm lt_linear_map(const lt_args *a, lt_linear_map_rows *rows);

#ifdef __cplusplus
}
#endif
#endif
