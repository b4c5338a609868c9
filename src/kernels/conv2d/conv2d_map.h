/* kernels/conv2d/conv2d_map.h -- a convolution as rows times a matrix, for its fast versions.
 *
 * in    arguments of conv2d
 * out   what kernels/gemm asks for: shape, weights, addresses of rows
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_CONV2D_MAP_H
#define LONGTAKE_KERNELS_CONV2D_MAP_H

#include "kernels/conv2d/conv2d.h"
#include "kernels/gemm/gemm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* NULL, or why these arguments are not such a product. */
const char *lt_conv2d_map_refuse(const lt_args *a);

lt_gemm_shape   lt_conv2d_map_shape(const lt_args *a);
lt_gemm_weights lt_conv2d_map_weights(const lt_args *a, const lt_weight_data *w);

/* Pieces of a row: kernel rows where these are contiguous and always within the map, else taps. */
int lt_conv2d_map_segs(const lt_args *a);

/* The product; it borrows a. */
lt_gemm lt_conv2d_map(const lt_args *a);

#ifdef __cplusplus
}
#endif
#endif
