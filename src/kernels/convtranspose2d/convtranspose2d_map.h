/* kernels/convtranspose2d/convtranspose2d_map.h -- a transposed convolution as rows times a matrix, for its fast versions.
 *
 * in    arguments of convtranspose2d
 * out   what kernels/gemm asks for: a row is a pixel of x, a group of columns is a place (p, q) of its block of s x s outputs
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_CONVTRANSPOSE2D_MAP_H
#define LONGTAKE_KERNELS_CONVTRANSPOSE2D_MAP_H

#include "kernels/convtranspose2d/convtranspose2d.h"
#include "kernels/gemm/gemm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* NULL, or why these arguments are not such a product. */
const char *lt_convtranspose2d_map_refuse(const lt_args *a);

lt_gemm_shape   lt_convtranspose2d_map_shape(const lt_args *a);
lt_gemm_weights lt_convtranspose2d_map_weights(const lt_args *a, const lt_weight_data *w);

/* The product over the pixels of x that the band of the output wants; it borrows a. */
lt_gemm lt_convtranspose2d_map(const lt_args *a);

#ifdef __cplusplus
}
#endif
#endif
