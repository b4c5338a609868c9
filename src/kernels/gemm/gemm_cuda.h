/* kernels/gemm/gemm_cuda.h -- rows of maps times a matrix on any GPU, the core of the portable linear, conv2d and convtranspose2d.
 *
 *     y[row, g, n] = residual + gamma[n] * act(sum_k x[row,k] W[g,n,k] + b[n])                 k = tap * chan + c, tap = p * kernel_w + q
 *
 * in    a map [frames, rows, columns, channels] and which of its pixels make a row of the product; weights as lt_gemm_cuda_pack wrote them
 * out   pixels of a map
 * owns  nothing
 *
 * Products and sums in f32 with fmaf, one chain over k = 0, 1, ...: no size of a call but K can change a row's bits; no TF32, no tensor cores. bf16
 * and f16 round x and W before. Built with LT_CUDA. */
#ifndef LONGTAKE_KERNELS_GEMM_CUDA_H
#define LONGTAKE_KERNELS_GEMM_CUDA_H

#include "kernels/gemm/gemm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A map in device memory; strides in elements: of frames, rows, columns. Row r of the band that is here is row row0 + r of the map. data NULL: absent. */
typedef struct {
    void          *data;
    const int32_t *index;
    int64_t        stride[3];
    int            dtype, row0, n_rows;
} lt_gemm_cuda_map;

/* Row (frame, i, j) of the product, i < n_h and j < n_w, has from x the taps (h, v) = ((base + i) stride - top + p dilation,
 * j stride - left + q dilation), which are zero outside x_rows x x_columns; it gives, for group g, pixel ((base + i) step + g / step,
 * j step + g % step) of out, if that row is in the band. */
typedef struct {
    lt_gemm_shape    shape;
    const void      *packed;
    lt_gemm_cuda_map x, residual, out;
    int64_t          n_frames;
    int              n_h, n_w, base;
    int              x_rows, x_columns;      /* of the whole map */
    int              kernel_w, stride, dilation, top, left, step;
} lt_gemm_cuda;

/* A view [N,H,W,C] as a map; n_dims 0: absent. */
lt_gemm_cuda_map lt_gemm_cuda_map_of(const lt_tensor *t);

size_t lt_gemm_cuda_packed_bytes(const lt_gemm_shape *s);
void   lt_gemm_cuda_pack(const lt_gemm_shape *s, const lt_gemm_weights *w, void *packed);

/* On the launch's stream. */
LT_NODISCARD lt_status lt_gemm_cuda_run(const lt_launch *l, const lt_gemm_cuda *g);

#ifdef __cplusplus
}
#endif
#endif
