/* longtake/media.h -- video in: facts, an exact frame index, frames as RGB.
 *
 * in    a video file, a folder of images, or a numbered pattern such as shot/%05d.png
 * out   frame i: the i-th frame in presentation order of a decode from the start, as RGB8, the same bytes however it
 *       is reached (docs/media.md)
 * owns  lt_media its decoder; lt_reader its thread and buffers; an index is borrowed by the media that uses it
 *
 * The only module that knows libav. A lt_media is used by one thread at a time; while a lt_reader is open on it, that is
 * the reader's thread. Failures that are the input's are LT_E_DATA and name the path. */
#ifndef LONGTAKE_MEDIA_H
#define LONGTAKE_MEDIA_H

#include <longtake/device.h>
#include <longtake/status.h>
#include <longtake/yuv.h>

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lt_media lt_media;

typedef struct {
    int    width, height;                /* of the frames delivered: after rotation and max_res */
    int    coded_width, coded_height;
    int    rotation;                     /* degrees clockwise applied: 0, 90, 180, 270 */
    int    sar_num, sar_den;             /* pixel aspect, stored and not applied; 0: unknown */
    int    bit_depth;
    char   codec[32], format[64], pixel_format[32];
    char   color_matrix[24], color_range[16], primaries[24], transfer[24];
    bool   interlaced, alpha;            /* alpha is dropped */
    double duration, avg_fps;            /* seconds, frames/s; 0: unknown */
} lt_media_info;

typedef enum { LT_DECODER_CPU, LT_DECODER_NVDEC } lt_decoder;

/* "cpu" or "nvdec". */
const char *lt_decoder_name(lt_decoder decoder);

typedef struct {
    int        max_res;                  /* longest side of the delivered frames; 0: as they are */
    lt_decoder decoder;                  /* what frames are read with; the index is always the CPU's */
} lt_media_opts;

/* The size of delivered frames: scaled down until the longer side is max_res at most (0: as they are), to even numbers. */
void lt_media_scale(int max_res, int *width, int *height);

/* Names and run-time versions of the libraries that decide the bytes of a frame. */
const char *lt_media_library(void);

/* Opens and reads the headers; nothing of a frame's size is allocated. LT_E_USAGE for a folder that is not one
 * sequence of images. */
LT_NODISCARD lt_status lt_media_open(const char *path, const lt_media_opts *opts, lt_media **out);

/* Borrowed; lives as long as the media. */
const lt_media_info *lt_media_get_info(const lt_media *m);

/* Upper bound of the host memory that decoding frames of this size takes, in bytes; the same before there is a file: coded size, bit depth, size and
 * rotation are read. */
size_t lt_media_host_bytes(const lt_media *m);
size_t lt_media_info_host_bytes(const lt_media_info *info);

/* Upper bound of the device memory that the decoder takes by itself (surfaces), in bytes; 0 for the CPU's. Of an info codec and coded size are read. */
size_t lt_media_device_bytes(const lt_media *m);
size_t lt_media_info_device_bytes(const lt_media_info *info, lt_decoder decoder);

/* LT_E_DATA, naming `name` and --decoder cpu, where this decoder cannot serve such a video to the bit; what a GPU's decoder does not know it says later. */
LT_NODISCARD lt_status lt_media_info_check(const lt_media_info *info, lt_decoder decoder, const char *name);

/* Of a media opened with LT_DECODER_NVDEC, once, after lt_media_set_index and before a reader is opened on it: the GPU, and
 * lt_reader_device_bytes() of its memory, aligned to 256; both borrowed until the media is closed. Decodes the first picture, so that the GPU says
 * whether it takes the stream. After a failure the media can only be closed: LT_E_DEVICE, one sentence each, where this libavcodec has no NVDEC, there is no driver or the device
 * refuses; LT_E_DATA, naming --decoder cpu, for a video that NVDEC cannot serve to the bit: another codec than h264, hevc, vp8, vp9 or av1, other
 * pixels than 8-bit 4:2:0, frames to be turned or scaled, or what this GPU's decoder does not know. */
LT_NODISCARD lt_status lt_media_use_device(lt_media *m, lt_device *device, void *memory, size_t n_bytes);

/* A new reference; NULL without memory. */
json_t *lt_media_info_to_json(const lt_media_info *info);

/* *m is NULL afterwards; NULL is accepted. */
void lt_media_close(lt_media **m);

/* ---- the index ---- */

typedef struct {
    int64_t  n_frames;
    double  *time;                       /* [n_frames] seconds, the container's; missing ones continue at the mean rate */
    int64_t *pts;                        /* [n_frames] in the stream's time base, rising; NULL unless seek-safe, and for images */
    int64_t *key;                        /* [n_keys] pts of key frames, rising */
    int64_t  n_keys;
    bool     seek_safe;
    char     why[128];                   /* why it is not */
    char     damage[160];                /* not empty: the container is damaged, and frames may be missing from it */
    uint64_t hash[2];                    /* XXH3-128 of the packets of the stream, or of the images' bytes */
    int64_t  bytes;                      /* hashed */
} lt_index;

/* One pass over the file; decodes only where packets alone do not tell. `stop` may be NULL; not 0: LT_E_STOPPED. */
LT_NODISCARD lt_status lt_media_index(lt_media *m, const atomic_int *stop, lt_index **out);

/* A new reference; NULL without memory. Exact round trip. */
json_t *lt_index_to_json(const lt_index *index);
LT_NODISCARD lt_status lt_index_from_json(const json_t *json, lt_index **out);

/* *index is NULL afterwards; NULL is accepted. */
void lt_index_destroy(lt_index **index);

/* `index` must outlive `m` or its next index; NULL: none. LT_E_DATA for one that cannot be of this input. */
LT_NODISCARD lt_status lt_media_set_index(lt_media *m, const lt_index *index);

/* The frames that --start, --end (seconds from the first frame's time; end 0: to the end), --fps (0: all; else every
 * max(1, round_half_even(mean rate / fps))-th) and --frames (0: all) choose; *frames is the caller's to free. */
LT_NODISCARD lt_status lt_media_select(const lt_index *index, double start_s, double end_s, double fps, int64_t max_frames,
                                       int64_t **frames, int64_t *n);

/* ---- frames ---- */

/* `stop` must outlive `m`, NULL: none. While it is not 0 a read ends within a frame's time with LT_E_STOPPED, as does a
 * reader's: a frame that is far into a stream that cannot be seeked may else take minutes. */
void lt_media_set_stop(lt_media *m, const atomic_int *stop);

/* Frame `frame` into rgb [height,width,3]. LT_E_DATA where it cannot be read; others still can. */
LT_NODISCARD lt_status lt_media_read(lt_media *m, int64_t frame, uint8_t *rgb, size_t stride);

/* The same for a media on a device (lt_media_use_device): planes in the first place of its memory, complete, good until the next frame is read. The
 * calling thread is bound to the device. */
LT_NODISCARD lt_status lt_media_read_planes(lt_media *m, int64_t frame, lt_nv12 *planes);

typedef struct lt_reader lt_reader;

typedef struct {
    int64_t        frame;
    lt_status      status;               /* LT_OK, or LT_E_DATA with error_text */
    const uint8_t *rgb;                  /* [height,width,3], borrowed until release; NULL: on a device */
    size_t         stride;
    lt_nv12        planes;               /* of a device: in its memory, complete, borrowed until release */
    const char    *error_text;
    int            slot;                 /* the reader's own */
} lt_frame;

/* Host memory of a reader's frames, where the CPU decodes. */
size_t lt_reader_bytes(const lt_media_info *info, int n_buffers);

/* Device memory of a reader's frames, where NVDEC decodes: exact, part of the plan as ours. */
size_t lt_reader_device_bytes(const lt_media_info *info, int n_buffers);

/* Decodes frames[0..n-1] (rising, borrowed) ahead on its own thread, into n_buffers frames. n <= 0: none. */
LT_NODISCARD lt_status lt_reader_open(lt_media *m, const int64_t *frames, int64_t n, int n_buffers, lt_reader **out);

/* Frames that are decoded and wait to be taken, kept up in *ready from now on; NULL: nobody looks. Borrowed until the reader is closed. */
void lt_reader_gauge(lt_reader *r, atomic_int *ready);

/* The next frame, waiting for it; LT_END after the last. Fails only with what is no fault of one frame, LT_E_STOPPED among
 * it. */
LT_NODISCARD lt_status lt_reader_next(lt_reader *r, lt_frame *out);

/* Gives a frame's buffer back. What reads it on a device must be past. */
void lt_reader_release(lt_reader *r, lt_frame *frame);

/* Ends the thread, also in mid-list and within a frame's time; *r is NULL afterwards; NULL is accepted. */
void lt_reader_close(lt_reader **r);

#endif
