/* media/nv12_cuda.h -- a decoder's surface copied within the GPU. Built with LT_CUDA. Private to src/media.
 *
 * in    two planes in device memory, a stream (cudaStream_t)
 * out   the same elsewhere in device memory, once the stream has come so far
 * owns  nothing
 *
 * A kernel, not a copy of the runtime: a surface is mapped by another library, and a kernel reads it whatever the runtime knows of it. */
#ifndef LONGTAKE_MEDIA_NV12_CUDA_H
#define LONGTAKE_MEDIA_NV12_CUDA_H

#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const uint8_t *luma, *chroma;
    size_t         luma_stride, chroma_stride;   /* bytes from row to row */
    int            width, height;                /* of luma; chroma has (width + 1) / 2 pairs of (height + 1) / 2 rows */
    uint8_t       *to_luma, *to_chroma;
    size_t         to_stride;                    /* of both */
} lt_nv12_copy;

LT_NODISCARD lt_status lt_nv12_copy_cuda(void *stream, const lt_nv12_copy *copy);

#ifdef __cplusplus
}
#endif
#endif
