/* kernels/gemm/gemm_mma_cuda.h -- the products of kernels/gemm/gemm_cuda.h by tensor cores, in f16 and bf16.
 *
 * in    the description of a product; weights as lt_gemm_mma_pack wrote them
 * out   pixels of a map
 * owns  nothing
 *
 * Sums in f32 of 16 products at a time, over k = 0 .. 15, 16 .. 31, ... in this order whatever the tile: no size of a call but K can change a row's bits.
 * No split-K. What follows the sum is done in f32 and rounded once. x has the type that is computed in and channels in multiples of 8, so that 16 bytes
 * are one copy; where its data begin is free, but 16 bytes are fast.
 *
 * Tiles. 128 rows by 128 columns where that gives 128 blocks or more, about one for each multiprocessor of the largest GPUs, and more than 64 columns are
 * wanted; else 64 by 64. Built with LT_CUDA. */
#ifndef LONGTAKE_KERNELS_GEMM_MMA_CUDA_H
#define LONGTAKE_KERNELS_GEMM_MMA_CUDA_H

#include "kernels/gemm/gemm_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* NULL, or why not; x: the map that is read. */
const char *lt_gemm_mma_refuse(const lt_gemm_shape *s, const lt_gemm_cuda_map *x, const lt_machine *m);

/* [group][panel of 8 columns][8 k's at a time, up to a multiple of 32 in all][column][k], then b and gamma of the columns in f32. With GEGLU a panel of
 * values is followed by that of the gates of the same outputs. What pads is zero. */
size_t lt_gemm_mma_packed_bytes(const lt_gemm_shape *s);
void   lt_gemm_mma_pack(const lt_gemm_shape *s, const lt_gemm_weights *w, void *packed);

/* On the launch's stream. */
LT_NODISCARD lt_status lt_gemm_mma_run(const lt_launch *l, const lt_gemm_cuda *g);

#ifdef __cplusplus
}
#endif
#endif
