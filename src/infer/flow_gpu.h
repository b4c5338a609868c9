/* infer/flow_gpu.h -- the way of frames to a GPU and of flow back, beside the work there. Private to src/infer.
 *
 * in    frames in host memory; work put on the compute stream
 * out   flow there, back, and occlusion in pinned host memory
 * owns  two streams, their events, pinned memory and recordings; borrows the device
 *
 * Downloads run on a stream of their own: flow there goes down while flow back is computed. Made once; afterwards nothing is allocated. */
#ifndef LONGTAKE_INFER_FLOW_GPU_H
#define LONGTAKE_INFER_FLOW_GPU_H

#include <longtake/device.h>
#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

typedef struct lt_flow_gpu lt_flow_gpu;

/* Halves of a pair, each recorded once for either order of the slots. */
typedef enum { LT_FLOW_GO, LT_FLOW_RETURN } lt_flow_half;

/* Pinned bytes that frames and results of a size take. */
size_t lt_flow_gpu_pinned(int width, int height);

/* LT_E_DEVICE, LT_E_MEMORY. */
LT_NODISCARD lt_status lt_flow_gpu_create(lt_device *d, int width, int height, lt_flow_gpu **out);

/* Waits for what runs. *g is NULL afterwards; NULL is accepted. */
void lt_flow_gpu_destroy(lt_flow_gpu **g);

/* What computes goes here. Borrowed. */
lt_stream *lt_flow_gpu_stream(const lt_flow_gpu *g);

/* Makes the recording of a half out of what put(ctx) puts on the stream; from slot `from`. */
LT_NODISCARD lt_status lt_flow_gpu_record(lt_flow_gpu *g, lt_flow_half half, int from, lt_status (*put)(void *ctx), void *ctx);

/* Puts a frame, rows `stride` bytes apart, on its way to `rgb` on the device, where rows are 3 * width bytes apart. The frame is copied before this
 * returns; it waits only while the two frames before are still on their way. */
LT_NODISCARD lt_status lt_flow_gpu_upload(lt_flow_gpu *g, const uint8_t *frame, size_t stride, uint8_t *rgb);

/* Results, on the device or pinned; `backward` and `occluded` NULL where only flow there is asked for. */
typedef struct {
    float   *forward, *backward;
    uint8_t *occluded;
} lt_flow_results;

/* Runs what was recorded for slot `from`, brings the results at `at` down and waits. LT_E_STOPPED soon after *stop is not zero. */
LT_NODISCARD lt_status lt_flow_gpu_pair(lt_flow_gpu *g, int from, const lt_flow_results *at, const lt_atomic_int *stop);

/* The pinned ones. Borrowed. */
const lt_flow_results *lt_flow_gpu_results(const lt_flow_gpu *g);

#endif
