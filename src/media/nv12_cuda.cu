#include "media/nv12_cuda.h"
#include "kernels/cuda/portable.cuh"

enum { THREADS = 256 };

/* One thread has one byte; blockIdx.x is the row, luma's first. */
static __global__ void copy_kernel(lt_nv12_copy c)
{
    const int x = static_cast<int>(blockIdx.y * THREADS + threadIdx.x), row = static_cast<int>(blockIdx.x);
    if (row < c.height) {
        if (x < c.width)
            c.to_luma[static_cast<size_t>(row) * c.to_stride + static_cast<size_t>(x)] = c.luma[static_cast<size_t>(row) * c.luma_stride + static_cast<size_t>(x)];
    } else if (x < (c.width + 1) / 2 * 2) {
        const size_t y = static_cast<size_t>(row - c.height);
        c.to_chroma[y * c.to_stride + static_cast<size_t>(x)] = c.chroma[y * c.chroma_stride + static_cast<size_t>(x)];
    }
}

lt_status lt_nv12_copy_cuda(void *stream, const lt_nv12_copy *copy)
{
    lt_status st = LT_OK;
    const unsigned rows = static_cast<unsigned>(copy->height + (copy->height + 1) / 2);
    const unsigned blocks = static_cast<unsigned>(((copy->width + 1) / 2 * 2 + THREADS - 1) / THREADS);
    LT_TRY(LT_CUDA_LAUNCH(copy_kernel, dim3(rows, blocks), THREADS, stream, *copy));
done:
    return st;
}
