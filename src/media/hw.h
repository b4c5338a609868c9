/* media/hw.h -- a decoder whose frames stay on a device. Private to src/media.
 *
 * in    a device's stream, the decoder of libavcodec that is told to use it
 * out   each decoded frame, copied into memory of the device that is the caller's
 * owns  what open makes, until close
 *
 * Everything else (packets, seeking, damage, which frame is which) is src/media's, the same as for decoding by the CPU. */
#ifndef LT_HW_H
#define LT_HW_H

#include <longtake/device.h>
#include <longtake/media.h>

#include <libavcodec/avcodec.h>

/* A place for a frame: chroma lies below luma, rows equally far apart. */
typedef struct {
    uint8_t *luma, *chroma;
    size_t   stride;
} lt_hw_place;

typedef struct {
    /* Once a media, the thread being bound to the device. LT_E_DEVICE, one sentence each. *own is what the others get. */
    lt_status (*open)(lt_stream *stream, void **own);
    void      (*close)(void **own);
    /* The decoder for a codec; NULL: none. */
    const AVCodec *(*find)(enum AVCodecID id);
    /* Before the decoder is opened. */
    lt_status (*ready)(void *own, AVCodecContext *codec);
    /* The format it insists on, of those that the decoder offers. */
    enum AVPixelFormat wanted;
    /* Puts a frame into `to` and waits until it is there. LT_E_DATA for one that it cannot take. */
    lt_status (*copy)(void *own, lt_stream *stream, const AVFrame *frame, const char *path, const lt_hw_place *to);
} lt_hw_table;

typedef struct {
    const lt_hw_table *table;            /* NULL: the CPU decodes into host memory */
    void              *own;
    lt_device         *device;
    lt_stream         *stream;
    uint8_t           *ring;             /* device memory: frames of a reader */
    size_t             ring_bytes;
} lt_hw;

/* libavcodec's hwaccel for NVIDIA's decoder. */
extern const lt_hw_table lt_hw_nvdec;

/* The wanted one of the formats that a decoder offers (ended by AV_PIX_FMT_NONE, the last being what it would decode to by itself), or AV_PIX_FMT_NONE
 * with why: it is not among them, or the pictures are not 8-bit 4:2:0. */
enum AVPixelFormat lt_hw_choose(const enum AVPixelFormat *offered, enum AVPixelFormat wanted, const char **why);

/* Why frames of such a stream cannot be served to the bit, in words that follow "it has " or the like; NULL: they can. */
const char *lt_hw_refusal(const lt_media_info *info);

/* Bytes of one frame in the ring, a multiple of 256, and where its parts are. */
size_t lt_hw_frame_bytes(const lt_media_info *info);
lt_hw_place lt_hw_place_of(const lt_media_info *info, uint8_t *frame);

/* Upper bound of the surfaces that NVDEC takes for such a stream, in bytes. */
size_t lt_hw_surface_bytes(const lt_media_info *info);

#endif
