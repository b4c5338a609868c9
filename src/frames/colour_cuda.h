/* frames/colour_cuda.h -- decoded planes to RGB on a GPU. Built with LT_CUDA. Private to src/frames.
 *
 * in    planes of 4:2:0, 8 bits, in device memory, a stream (cudaStream_t)
 * out   RGB u8 in device memory, once the stream has come so far
 * owns  nothing
 *
 * The integers of longtake/yuv.h: the bytes of libswscale. */
#ifndef LONGTAKE_FRAMES_COLOUR_CUDA_H
#define LONGTAKE_FRAMES_COLOUR_CUDA_H

#include <longtake/yuv.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    int                width, height;
    const lt_yuv_taps *column, *row;         /* [width], [height]: copies in device memory of lt_yuv_columns and lt_yuv_rows */
    lt_nv12            planes;
    uint8_t           *rgb;                  /* [height, width, 3] */
    size_t             stride;               /* bytes from row to row */
} lt_colour_job;

/* One picture. */
LT_NODISCARD lt_status lt_colour_cuda(void *stream, const lt_colour_job *job);

#ifdef __cplusplus
}
#endif
#endif
