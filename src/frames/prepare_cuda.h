/* frames/prepare_cuda.h -- decoded frames made ready for a network, on a GPU. Built with LT_CUDA. Private to src/frames.
 *
 * in    RGB u8, or planes of 4:2:0, in device memory; a stream (cudaStream_t)
 * out   [H,W,3] f32 in device memory, once the stream has come so far
 * owns  nothing
 *
 * In one pass: a value of the output is made from its 16 pixels, whose colours are made where they are read. The same arithmetic in the same order as
 * prepare.c: the same bits (the formulas: prepare_item.h, longtake/yuv.h). */
#ifndef LONGTAKE_FRAMES_CUDA_H
#define LONGTAKE_FRAMES_CUDA_H

#include "frames/prepare_item.h"

#include <longtake/yuv.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Planes in place of RGB. */
typedef struct {
    const lt_yuv_taps *column, *row;         /* [width], [height]: copies in device memory of lt_yuv_columns and lt_yuv_rows */
    lt_nv12            planes;
} lt_colour_job;

/* One frame. Sizes as in lt_prepare_tables; all pointers are the device's: column and row copies of the host's tables (row NULL where the sizes agree),
 * rgb with rows `stride` bytes apart, out; `tile` and `across` are not read. colour not NULL: of it, and rgb is not read. */
LT_NODISCARD lt_status lt_prepare_cuda(void *stream, const lt_prepare_job *job, const lt_colour_job *colour);

#ifdef __cplusplus
}
#endif
#endif
