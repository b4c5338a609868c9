/* longtake/frames.h -- decoded frames made ready for a network.
 *
 * in    RGB u8, or on a GPU the planes of a decoder there
 * out   [H,W,3] f32
 * owns  a lt_prepare its tables
 *
 * IEEE arithmetic in a fixed order, no fused multiply-add: the same bits at any ISA level, with any number of threads. */
#ifndef LONGTAKE_FRAMES_H
#define LONGTAKE_FRAMES_H

#include <longtake/cpu.h>
#include <longtake/device.h>
#include <longtake/pool.h>
#include <longtake/status.h>
#include <longtake/yuv.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Size of the input of Video Depth Anything for frames of width x height and --input-size: multiples of 14, the shorter side at least
 * input_size, which a frame longer than 1.78 makes smaller. LT_E_USAGE for sizes below 1 and for frames so long that a side would pass 2^20. */
LT_NODISCARD lt_status lt_depth_input_size(int width, int height, int input_size, int *net_width, int *net_height);

typedef struct lt_prepare lt_prepare;

/* Tables to bring frames of width x height to net_width x net_height, all at least 1: cubic (a = -0.75, not antialiased, not clipped; frames of
 * that size are not resampled), then (x - mean) / deviation of ImageNet in double. On failure (LT_E_MEMORY) *out is NULL.
 * Upstream: Video-Depth-Anything@4f5ae23, video_depth_anything/util/transform.py (Resize, NormalizeImage) with OpenCV's INTER_CUBIC. */
LT_NODISCARD lt_status lt_prepare_create(int width, int height, int net_width, int net_height, lt_prepare **out);

/* Bytes of host memory that it holds. */
size_t lt_prepare_bytes(int width, int height, int net_width, int net_height);

/* One frame [height, width, 3], rows `stride` bytes apart, into out [net_height, net_width, 3]. One thread at a time. */
void lt_prepare_run(lt_prepare *p, lt_pool *pool, lt_isa isa, const uint8_t *rgb, size_t stride, float *out);

/* *p is NULL afterwards; NULL is accepted. */
void lt_prepare_destroy(lt_prepare **p);

/* ---- on a GPU: the same bits ---- */

typedef struct lt_prepare_device lt_prepare_device;

/* One frame in device memory: RGB, or where rgb is NULL the planes. */
typedef struct {
    const uint8_t *rgb;                  /* [height, width, 3] */
    size_t         stride;               /* bytes from row to row */
    lt_nv12        planes;
} lt_prepare_source;

/* Bytes of device memory for tables. `planes`: sources may be planes. A pure function of its arguments. */
size_t lt_prepare_device_bytes(int width, int height, int net_width, int net_height, bool planes);

/* Puts the tables of p, and of yuv (of the frames' size; NULL: sources are RGB), into lt_prepare_device_bytes() of device memory, aligned to 256 and
 * borrowed until destroyed; waits for the copies, so p and yuv may go. On failure *out is NULL: LT_E_DEVICE also in builds without CUDA. */
LT_NODISCARD lt_status lt_prepare_device_create(const lt_prepare *p, const lt_yuv *yuv, void *memory, lt_stream *stream, lt_prepare_device **out);

/* One frame into out [net_height, net_width, 3] of device memory, once the stream has come so far. May be recorded, with the addresses of the
 * recording. One thread at a time. */
LT_NODISCARD lt_status lt_prepare_device_run(lt_prepare_device *p, lt_stream *stream, const lt_prepare_source *source, float *out);

/* *p is NULL afterwards; NULL is accepted. The device memory is the caller's. */
void lt_prepare_device_destroy(lt_prepare_device **p);

#ifdef __cplusplus
}
#endif
#endif
