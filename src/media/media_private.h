/* media/media_private.h -- what the files of this module share. */
#ifndef LT_MEDIA_PRIVATE_H
#define LT_MEDIA_PRIVATE_H

#include "hw.h"

#include <longtake/media.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>

/* What was known of the stream's soundness when a packet had been decoded. */
typedef struct {
    int64_t number, gop, key_pts;        /* of the packet; groups run from key packet to key packet */
    bool    bad;                         /* an error in this group, at this packet or before */
    bool    before_bad;                  /* an error in the group before, which pictures ahead of the key frame use */
} lt_soundness;

enum { LT_IN_FLIGHT = 64 };              /* packets a decoder may hold back; codecs reorder by 16 frames, or 32 fields */

/* One decoder over one file, its packets in demuxing order, its frames in presentation order. */
typedef struct {
    AVFormatContext *format;
    AVCodecContext  *codec;
    const lt_hw     *hw;                 /* where its frames stay; NULL: in host memory */
    char             refused[160];       /* why the device's decoder does not take it, once it has said so */
    AVStream        *stream;
    AVPacket        *packet;
    AVFrame         *frame;
    bool             held;               /* `packet` is read and not yet fed */
    bool             draining;
    lt_soundness     now, flight[LT_IN_FLIGHT];
    bool             damaged;            /* the frame in `frame` is not what the encoder meant */
    char             trouble[256];       /* the last error */
} lt_source;

/* Frame to RGB: one swscale context and, where the frame is rotated, one frame of scratch. */
typedef struct {
    struct SwsContext *sws;
    int                src_width, src_height, src_format, colorspace, range;
    uint8_t           *scratch;
} lt_converter;

struct lt_media {
    char            *path;
    char           **files;              /* of an image sequence; NULL for a stream */
    int64_t          n_files;
    lt_source        s;
    lt_converter     convert;
    lt_media_info    info;
    lt_decoder       decoder;
    lt_hw            hw;
    const lt_index  *index;
    const atomic_int *stop;              /* the caller's; NULL: none */
    int64_t          next;               /* frame that the decoder delivers next; -1: unknown, time stamps tell */
    bool             pending;            /* s.frame is decoded and not consumed */
};

/* One set of flags for every conversion: the same bytes on any processor and any number of threads. */
enum { LT_SCALE_FLAGS = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT | SWS_FULL_CHR_H_INT };

/* libav prints nothing from here on, and what it complained of on this thread is forgotten. */
void lt_libav_quiet(void);

/* A path as libav takes it: bare, what stands before a colon, as in take12:30.mp4, would be a protocol. The caller's to
 * free; NULL without memory. */
char *lt_libav_url(const char *path);

/* The last line that libav logged as an error on this thread since then, or "". */
const char *lt_libav_complaint(void);

/* Opens a file; the decoder is open, nothing is decoded. path is for messages too. `hw`, borrowed until closed: its decoder, and frames in its
 * format, or LT_E_DATA from lt_source_next where the device does not take the stream; NULL: the CPU's. */
LT_NODISCARD lt_status lt_source_open(lt_source *s, const char *path, const lt_hw *hw);
void lt_source_close(lt_source *s);

/* The next frame in s->frame, or LT_END. After an error every frame from that packet to the end of its group of pictures is
 * `damaged`, and so are the next group's frames that are shown before its key frame. */
LT_NODISCARD lt_status lt_source_next(lt_source *s, const char *path);

/* Goes to a key frame at or before pts; the next frame may be any before it. LT_END where the file cannot do it. */
LT_NODISCARD lt_status lt_source_seek(lt_source *s, int64_t pts);

/* Why this packet forbids to count frames by packets and to enter the stream at key frames, or NULL. Static text. */
const char *lt_packet_doubt(const AVCodecParameters *p, const AVPacket *packet);

/* Facts of the stream and of how its frames are delivered. */
void lt_source_info(const lt_source *s, const lt_media_opts *opts, lt_media_info *out);

/* lt_media_read that also ends with LT_E_STOPPED when `quit` is not 0. */
LT_NODISCARD lt_status lt_media_read_unless(lt_media *m, const atomic_int *quit, int64_t frame, uint8_t *rgb, size_t stride);

/* The same for a media on a device: into a frame of its ring, with the planes to hand out. */
LT_NODISCARD lt_status lt_media_fetch_unless(lt_media *m, const atomic_int *quit, int64_t frame, uint8_t *place, lt_nv12 *planes);

/* LT_E_DATA for a frame of another size than the stream's. */
LT_NODISCARD lt_status lt_frame_size_is(const lt_media_info *info, const AVFrame *frame, const char *path);

/* Coefficients of the matrix and range by which lt_convert makes this frame RGB. */
lt_yuv_matrix lt_frame_matrix(const AVFrame *frame);

/* s.frame as RGB at info's size, rotated. LT_E_DATA where its size is not the stream's. */
LT_NODISCARD lt_status lt_convert(lt_converter *c, const AVFrame *frame, const lt_media_info *info, const char *path,
                                  uint8_t *rgb, size_t stride);
void lt_converter_close(lt_converter *c);

/* The images of a folder or a pattern, sorted; *n is 0 where path is neither. */
LT_NODISCARD lt_status lt_image_list(const char *path, char ***files, int64_t *n);

#endif
