#include "frames/prepare_cuda.h"
#include "kernels/cuda/portable.cuh"

enum { THREADS = 256 };

static __device__ __forceinline__ float unit(uint8_t x)
{
    return __fdiv_rn(static_cast<float>(x), 255.0f);
}

/* One thread has one value of a source row, resampled across; blockIdx.x is the row: of blocks there may be
 * 2^31 along x, but 65,535 along y. */
static __global__ void across_kernel(lt_prepare_job j)
{
    const int i = static_cast<int>(blockIdx.y * THREADS + threadIdx.x), x = i / 3, y = static_cast<int>(blockIdx.x);
    if (x >= j.net_width) return;
    const uint8_t *row = j.rgb + static_cast<size_t>(y) * j.stride + i % 3;
    const lt_prepare_taps *t = &j.column[x];
    float v = __fmul_rn(unit(row[t->at[0] * 3]), t->weight[0]);
    for (int k = 1; k < 4; k++) v = __fadd_rn(v, __fmul_rn(unit(row[t->at[k] * 3]), t->weight[k]));
    j.across[(static_cast<size_t>(y) * static_cast<size_t>(j.net_width)) * 3 + static_cast<size_t>(i)] = v;
}

/* One thread has one value of the output: resampled down, where sizes differ, and normalised in double. */
static __global__ void down_kernel(lt_prepare_job j)
{
    const double mean[] = { 0.485, 0.456, 0.406 }, deviation[] = { 0.229, 0.224, 0.225 };
    const int i = static_cast<int>(blockIdx.y * THREADS + threadIdx.x), y = static_cast<int>(blockIdx.x), n = j.net_width * 3;
    if (i >= n) return;
    float v;
    if (j.row) {
        const lt_prepare_taps *t = &j.row[y];
        v = __fmul_rn(j.across[static_cast<size_t>(t->at[0]) * static_cast<size_t>(n) + static_cast<size_t>(i)], t->weight[0]);
        for (int k = 1; k < 4; k++)
            v = __fadd_rn(v, __fmul_rn(j.across[static_cast<size_t>(t->at[k]) * static_cast<size_t>(n) + static_cast<size_t>(i)], t->weight[k]));
    } else {
        v = unit(j.rgb[static_cast<size_t>(y) * j.stride + static_cast<size_t>(i)]);
    }
    j.out[static_cast<size_t>(y) * static_cast<size_t>(n) + static_cast<size_t>(i)] =
        static_cast<float>(__ddiv_rn(__dsub_rn(static_cast<double>(v), mean[i % 3]), deviation[i % 3]));
}

lt_status lt_prepare_cuda(void *stream, const lt_prepare_job *job)
{
    lt_status st = LT_OK;
    const unsigned blocks = static_cast<unsigned>((job->net_width * 3 + THREADS - 1) / THREADS);
    if (job->row) LT_TRY(LT_CUDA_LAUNCH(across_kernel, dim3(static_cast<unsigned>(job->height), blocks), THREADS, stream, *job));
    LT_TRY(LT_CUDA_LAUNCH(down_kernel, dim3(static_cast<unsigned>(job->net_height), blocks), THREADS, stream, *job));
done:
    return st;
}
