/* frames/prepare_cuda.h -- decoded frames made ready for a network, on a GPU. Built with LT_CUDA. Private to src/frames.
 *
 * in    RGB u8 in device memory, a stream (cudaStream_t)
 * out   [H,W,3] f32 in device memory, once the stream has come so far
 * owns  nothing
 *
 * The same arithmetic in the same order as prepare.c: the same bits (the formula: prepare_item.h). */
#ifndef LONGTAKE_FRAMES_CUDA_H
#define LONGTAKE_FRAMES_CUDA_H

#include "frames/prepare_item.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One frame. Sizes as in lt_prepare_tables; all pointers are the device's: column and row copies of the host's tables (row NULL where the sizes agree),
 * rgb with rows `stride` bytes apart, across scratch memory (not read where the sizes agree), out. `tile` is not read. */
LT_NODISCARD lt_status lt_prepare_cuda(void *stream, const lt_prepare_job *job);

#ifdef __cplusplus
}
#endif
#endif
