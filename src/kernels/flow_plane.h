/* kernels/flow_plane.h -- how the images of optical flow lie in memory.
 *
 * in    width and height
 * out   strides and sizes
 * owns  nothing
 *
 * plane   f32 [H][stride]: samples x = 0 .. W-1 of a row, LT_FLOW_PAD floats before them and at least as many behind.
 *         Of those the nearest two on each side repeat the sample at the edge ("padded" below). A pointer to a plane
 *         is one to sample (0, 0). Rows above and below are not stored: operators clamp y.
 * image   f32 [H][stride][4]: red, green, blue and a zero, with two pixels before and behind each row that repeat the edge.
 * half    f32 [H+2][2][half stride]: a plane split like a chess board for the solver. Row y, colour c holds the pixels
 *         x = 2i + ((y + c) & 1), i = 0 .. (W+1)/2 - 1, with LT_FLOW_PAD zeros around; rows -1 and H exist and are zero.
 *         Where x is W the entry is zero. A pointer to it is one to row 0, colour 0, i = 0.
 *
 * On CUDA images begin at a multiple of 16 bytes. */
#ifndef LONGTAKE_KERNELS_FLOW_PLANE_H
#define LONGTAKE_KERNELS_FLOW_PLANE_H

#include <stddef.h>

#ifdef __CUDACC__
#define LT_FLOW_INLINE static __host__ __device__ inline
#else
#define LT_FLOW_INLINE static inline
#endif

enum { LT_FLOW_PAD = 16, LT_FLOW_EDGE = 2 };

LT_FLOW_INLINE size_t lt_flow_stride(int width)
{
    return ((size_t)width + 15) / 16 * 16 + 2 * LT_FLOW_PAD;
}

LT_FLOW_INLINE size_t lt_flow_half_stride(int width)
{
    return ((size_t)(width + 1) / 2 + 15) / 16 * 16 + 2 * LT_FLOW_PAD;
}

/* Pixels from one row of an image to the next. */
LT_FLOW_INLINE size_t lt_flow_image_stride(int width)
{
    return (size_t)width + 2 * LT_FLOW_EDGE;
}

LT_FLOW_INLINE int lt_flow_clamp(int v, int n)
{
    return v < 0 ? 0 : v < n ? v : n - 1;
}

/* Index of a pixel in a half; that of the entry with x = W, too. */
LT_FLOW_INLINE size_t lt_flow_half_at(int width, int x, int y)
{
    return (2 * (size_t)y + (size_t)((x + y) & 1)) * lt_flow_half_stride(width) + (size_t)(x / 2);
}

/* Makes the two samples on each side of a row repeat its ends. */
LT_FLOW_INLINE void lt_flow_pad_row(float *row, int width)
{
    row[-2] = row[-1] = row[0];
    row[width] = row[width + 1] = row[width - 1];
}

/* The same for a row of an image. */
LT_FLOW_INLINE void lt_flow_pad_pixels(float *row, int width)
{
    for (int c = 0; c < 4; c++) {
        row[c - 8] = row[c - 4] = row[c];
        row[4 * width + c] = row[4 * width + 4 + c] = row[4 * width - 4 + c];
    }
}

#endif
