#include "frames/colour.cuh"
#include "frames/prepare_cuda.h"

enum { THREADS = 128, CHANNELS = 3, TAPS = 4 };

template <bool PLANES> static __device__ __forceinline__ void pixel(const lt_prepare_job &j, const lt_colour_job &c, int x, int y, float unit[CHANNELS])
{
    uint8_t rgb[CHANNELS];
    if (PLANES) {
        lt_dev_colour(c, x, y, rgb);
    } else {
        const uint8_t *from = j.rgb + static_cast<size_t>(y) * j.stride + static_cast<size_t>(x) * CHANNELS;
        for (int k = 0; k < CHANNELS; k++) rgb[k] = from[k];
    }
    for (int k = 0; k < CHANNELS; k++) unit[k] = __fdiv_rn(static_cast<float>(rgb[k]), 255.0f);
}

/* One source row, resampled across. */
template <bool PLANES>
static __device__ __forceinline__ void across(const lt_prepare_job &j, const lt_colour_job &c, const lt_prepare_taps &column, int y, float sum[CHANNELS])
{
    float unit[CHANNELS];
    pixel<PLANES>(j, c, column.at[0], y, unit);
    for (int k = 0; k < CHANNELS; k++) sum[k] = __fmul_rn(unit[k], column.weight[0]);
    for (int i = 1; i < TAPS; i++) {
        pixel<PLANES>(j, c, column.at[i], y, unit);
        for (int k = 0; k < CHANNELS; k++) sum[k] = __fadd_rn(sum[k], __fmul_rn(unit[k], column.weight[i]));
    }
}

/* One thread has one pixel of the output; blockIdx.x is the row: of blocks there may be 2^31 along x, but 65,535 along y. */
template <bool PLANES> static __global__ void __launch_bounds__(THREADS) prepare_kernel(lt_prepare_job j, lt_colour_job c)
{
    const double mean[] = { 0.485, 0.456, 0.406 }, deviation[] = { 0.229, 0.224, 0.225 };
    const int x = static_cast<int>(blockIdx.y * THREADS + threadIdx.x), y = static_cast<int>(blockIdx.x);
    if (x >= j.net_width) return;
    float v[CHANNELS], row[CHANNELS];
    if (j.row) {
        const lt_prepare_taps column = j.column[x], down = j.row[y];
        across<PLANES>(j, c, column, down.at[0], row);
        for (int k = 0; k < CHANNELS; k++) v[k] = __fmul_rn(row[k], down.weight[0]);
        for (int i = 1; i < TAPS; i++) {
            across<PLANES>(j, c, column, down.at[i], row);
            for (int k = 0; k < CHANNELS; k++) v[k] = __fadd_rn(v[k], __fmul_rn(row[k], down.weight[i]));
        }
    } else {
        pixel<PLANES>(j, c, x, y, v);
    }
    float *to = j.out + (static_cast<size_t>(y) * static_cast<size_t>(j.net_width) + static_cast<size_t>(x)) * CHANNELS;
    for (int k = 0; k < CHANNELS; k++) to[k] = static_cast<float>(__ddiv_rn(__dsub_rn(static_cast<double>(v[k]), mean[k]), deviation[k]));
}

lt_status lt_prepare_cuda(void *stream, const lt_prepare_job *job, const lt_colour_job *colour)
{
    const dim3 grid(static_cast<unsigned>(job->net_height), static_cast<unsigned>((job->net_width + THREADS - 1) / THREADS));
    const auto prepare_rgb = prepare_kernel<false>, prepare_planes = prepare_kernel<true>;
    if (colour) return LT_CUDA_LAUNCH(prepare_planes, grid, THREADS, stream, *job, *colour);
    return LT_CUDA_LAUNCH(prepare_rgb, grid, THREADS, stream, *job, lt_colour_job{});
}
