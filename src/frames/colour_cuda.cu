#include "frames/colour_cuda.h"
#include "kernels/cuda/portable.cuh"

enum { THREADS = 128 };

/* Of U or V at a pixel: across the rows that it needs, then down. */
static __device__ __forceinline__ int32_t chroma(const lt_yuv_taps &column, const lt_yuv_taps &row, const uint8_t *plane, size_t stride)
{
    int32_t sum = 512 - (128 << 19);
    for (int k = 0; k < 4; k++) {
        const uint8_t *line = plane + static_cast<size_t>(row.at[k]) * stride;
        int32_t across = 0;
        for (int i = 0; i < 4; i++) across += line[2 * column.at[i]] * column.weight[i];
        across >>= 7;
        sum += (across < 32767 ? across : 32767) * row.weight[k];
    }
    return sum >> 10;
}

static __device__ __forceinline__ uint8_t top8(uint32_t wrapped)
{
    const int32_t x = static_cast<int32_t>(wrapped), white = (1 << 30) - 1;
    return static_cast<uint8_t>((x < 0 ? 0 : x > white ? white : x) >> 22);
}

/* One thread has one pixel; blockIdx.x is the row: of blocks there may be 2^31 along x, but 65,535 along y. */
static __global__ void colour_kernel(lt_colour_job j)
{
    const int x = static_cast<int>(blockIdx.y * THREADS + threadIdx.x), y = static_cast<int>(blockIdx.x);
    if (x >= j.width) return;
    const lt_yuv_taps column = j.column[x], row = j.row[y];
    const lt_yuv_matrix m = j.planes.matrix;
    const uint32_t u = static_cast<uint32_t>(chroma(column, row, j.planes.chroma, j.planes.chroma_stride));
    const uint32_t v = static_cast<uint32_t>(chroma(column, row, j.planes.chroma + 1, j.planes.chroma_stride));
    const int32_t luma = j.planes.luma[static_cast<size_t>(y) * j.planes.luma_stride + static_cast<size_t>(x)];
    const uint32_t l = static_cast<uint32_t>(luma * 512 - m.y_offset) * static_cast<uint32_t>(m.y) + (1u << 21);
    uint8_t *to = j.rgb + static_cast<size_t>(y) * j.stride + static_cast<size_t>(x) * 3;
    to[0] = top8(l + v * static_cast<uint32_t>(m.rv));
    to[1] = top8(l + v * static_cast<uint32_t>(m.gv) + u * static_cast<uint32_t>(m.gu));
    to[2] = top8(l + u * static_cast<uint32_t>(m.bu));
}

lt_status lt_colour_cuda(void *stream, const lt_colour_job *job)
{
    lt_status st = LT_OK;
    const unsigned blocks = static_cast<unsigned>((job->width + THREADS - 1) / THREADS);
    LT_TRY(LT_CUDA_LAUNCH(colour_kernel, dim3(static_cast<unsigned>(job->height), blocks), THREADS, stream, *job));
done:
    return st;
}
