/* infer/depth_ring.h -- decoded frames on their way to a network on a GPU. Private to src/infer.
 *
 * in    frames in host memory, or planes in the device's
 * out   prepared frames in the device's, in the order of the compute stream
 * owns  pinned buffers, a stream, events; borrows its part of the arena
 *
 * A ring of places. A frame is copied to its pinned place, from there uploaded beside what computes, and prepared on the compute stream once it is
 * there. A place is written again when it was read. */
#ifndef LONGTAKE_INFER_DEPTH_RING_H
#define LONGTAKE_INFER_DEPTH_RING_H

#include <longtake/depth.h>

typedef struct lt_depth_ring lt_depth_ring;

/* Bytes of device memory, and of pinned host memory, for batches of `batch` frames. */
size_t lt_depth_ring_bytes(const lt_depth_config *c, int batch);
size_t lt_depth_ring_pinned(const lt_depth_config *c, int batch);

LT_NODISCARD lt_status lt_depth_ring_create(const lt_depth_config *c, int batch, lt_device *device, void *memory, lt_stream *compute, lt_depth_ring **out);

/* One frame, RGB in host memory or (rgb NULL) planes in the device's, prepared into out; read when it returns. */
LT_NODISCARD lt_status lt_depth_ring_put(lt_depth_ring *r, const uint8_t *rgb, size_t stride, const lt_nv12 *planes, float *out);

/* After the compute stream has ended. *r is NULL afterwards; NULL is accepted. */
void lt_depth_ring_destroy(lt_depth_ring **r);

#endif
