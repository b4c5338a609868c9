/* kernels/flow_plane.cuh -- what the CUDA kernels of optical flow share: where a thread is, padded rows, pixels.
 *
 * in    sizes of an output
 * out   grids with one thread for each sample; the sample of a thread
 * owns  nothing
 *
 * A warp has 32 samples side by side of one row, so that rows are read and written whole. */
#ifndef LONGTAKE_KERNELS_FLOW_PLANE_CUH
#define LONGTAKE_KERNELS_FLOW_PLANE_CUH

#include "kernels/cuda/portable.cuh"
#include "kernels/flow_plane.h"

#define LT_FLOW_DEVICE static __device__ __forceinline__

enum { LT_FLOW_COLUMNS = 32, LT_FLOW_ROWS = 8 };

static inline dim3 lt_flow_grid(size_t columns, int rows)
{
    return dim3(static_cast<unsigned>((columns + LT_FLOW_COLUMNS - 1) / LT_FLOW_COLUMNS), static_cast<unsigned>((rows + LT_FLOW_ROWS - 1) / LT_FLOW_ROWS));
}

static inline dim3 lt_flow_block()
{
    return dim3(LT_FLOW_COLUMNS, LT_FLOW_ROWS);
}

LT_FLOW_DEVICE int lt_flow_x()
{
    return static_cast<int>(blockIdx.x * LT_FLOW_COLUMNS + threadIdx.x);
}

LT_FLOW_DEVICE int lt_flow_y()
{
    return static_cast<int>(blockIdx.y * LT_FLOW_ROWS + threadIdx.y);
}

/* Index of a sample of a plane. */
LT_FLOW_DEVICE size_t lt_flow_at(int width, int x, int y)
{
    return static_cast<size_t>(y) * lt_flow_stride(width) + static_cast<size_t>(x);
}

/* Sample x of a row of a padded plane; the threads at the ends write the padding. */
LT_FLOW_DEVICE void lt_flow_put(float *row, int x, int width, float v)
{
    row[x] = v;
    if (x == 0) row[-2] = row[-1] = v;
    if (x == width - 1) row[width] = row[width + 1] = v;
}

/* Row y of an image. */
LT_FLOW_DEVICE const float4 *lt_flow_pixels(const float *image, int width, int y)
{
    return reinterpret_cast<const float4 *>(image) + static_cast<ptrdiff_t>(y) * static_cast<ptrdiff_t>(lt_flow_image_stride(width));
}

/* Pixel (x, y) of an image; the threads at the ends of a row write the padding. */
LT_FLOW_DEVICE void lt_flow_put_pixel(float *image, int x, int y, int width, float4 v)
{
    float4 *row = reinterpret_cast<float4 *>(image) + static_cast<ptrdiff_t>(y) * static_cast<ptrdiff_t>(lt_flow_image_stride(width));
    row[x] = v;
    if (x == 0) row[-2] = row[-1] = v;
    if (x == width - 1) row[width] = row[width + 1] = v;
}

/* (a w0 + b w1) + (c w2 + d w3). */
LT_FLOW_DEVICE float lt_flow_sum4(float a, float b, float c, float d, const float w[4])
{
    return (a * w[0] + b * w[1]) + (c * w[2] + d * w[3]);
}

LT_FLOW_DEVICE float4 lt_flow_pixel4(float4 a, float4 b, float4 c, float4 d, const float w[4])
{
    return make_float4(lt_flow_sum4(a.x, b.x, c.x, d.x, w), lt_flow_sum4(a.y, b.y, c.y, d.y, w), lt_flow_sum4(a.z, b.z, c.z, d.z, w),
                       lt_flow_sum4(a.w, b.w, c.w, d.w, w));
}

#endif
