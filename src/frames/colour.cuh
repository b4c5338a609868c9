/* frames/colour.cuh -- a pixel of decoded planes as RGB, on the device. Private to src/frames.
 *
 * in    planes of 4:2:0, 8 bits, in device memory
 * out   three bytes
 * owns  nothing
 *
 * The integers of longtake/yuv.h: the bytes of libswscale. */
#ifndef LONGTAKE_FRAMES_COLOUR_CUH
#define LONGTAKE_FRAMES_COLOUR_CUH

#include "frames/prepare_cuda.h"
#include "kernels/cuda/value.cuh"

/* Of U or V at a pixel: across the rows that it needs, then down. */
LT_CUDA_INLINE int32_t lt_dev_chroma(const lt_yuv_taps &column, const lt_yuv_taps &row, const uint8_t *plane, size_t stride)
{
    int32_t sum = 512 - (128 << 19);
#pragma unroll
    for (int k = 0; k < 4; k++) {
        const uint8_t *line = plane + static_cast<size_t>(row.at[k]) * stride;
        int32_t across = 0;
#pragma unroll
        for (int i = 0; i < 4; i++) across += line[2 * column.at[i]] * column.weight[i];
        across >>= 7;
        sum += (across < 32767 ? across : 32767) * row.weight[k];
    }
    return sum >> 10;
}

LT_CUDA_INLINE uint8_t lt_dev_top8(uint32_t wrapped)
{
    const int32_t x = static_cast<int32_t>(wrapped), white = (1 << 30) - 1;
    return static_cast<uint8_t>((x < 0 ? 0 : x > white ? white : x) >> 22);
}

LT_CUDA_INLINE void lt_dev_colour(const lt_colour_job &j, int x, int y, uint8_t rgb[3])
{
    const lt_yuv_taps column = j.column[x], row = j.row[y];
    const lt_yuv_matrix m = j.planes.matrix;
    const uint32_t u = static_cast<uint32_t>(lt_dev_chroma(column, row, j.planes.chroma, j.planes.chroma_stride));
    const uint32_t v = static_cast<uint32_t>(lt_dev_chroma(column, row, j.planes.chroma + 1, j.planes.chroma_stride));
    const int32_t luma = j.planes.luma[static_cast<size_t>(y) * j.planes.luma_stride + static_cast<size_t>(x)];
    const uint32_t l = static_cast<uint32_t>(luma * 512 - m.y_offset) * static_cast<uint32_t>(m.y) + (1u << 21);
    rgb[0] = lt_dev_top8(l + v * static_cast<uint32_t>(m.rv));
    rgb[1] = lt_dev_top8(l + v * static_cast<uint32_t>(m.gv) + u * static_cast<uint32_t>(m.gu));
    rgb[2] = lt_dev_top8(l + u * static_cast<uint32_t>(m.bu));
}

#endif
