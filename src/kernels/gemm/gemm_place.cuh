/* kernels/gemm/gemm_place.cuh -- where a row of a product of kernels/gemm/gemm_cuda.h lies, and what follows its sums.
 *
 * in    the description of a product, a row, columns
 * out   places in elements; memory written
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_GEMM_PLACE_CUH
#define LONGTAKE_KERNELS_GEMM_PLACE_CUH

#include "kernels/cuda/value.cuh"
#include "kernels/gemm/gemm_cuda.h"

typedef struct {
    int frame, i, j;
} lt_gemm_row;

LT_CUDA_INLINE lt_gemm_row lt_dev_gemm_row(const lt_gemm_cuda &g, int row)
{
    lt_gemm_row r;
    const int in_frame = g.n_h * g.n_w;
    r.frame = row / in_frame;
    r.i = (row - r.frame * in_frame) / g.n_w;
    r.j = row - r.frame * in_frame - r.i * g.n_w;
    return r;
}

LT_CUDA_INLINE int64_t lt_dev_gemm_at(const lt_gemm_cuda_map &m, int frame, int row, int column)
{
    return (m.index ? m.index[frame] : frame) * m.stride[0] + (row - m.row0) * m.stride[1] + column * m.stride[2];
}

#endif
