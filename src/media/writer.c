#include <longtake/video_writer.h>

#include "media_private.h"

#include <libavutil/opt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Frames repeat this often as key frames in files for the eye, so that players can seek. */
enum { KEY_INTERVAL = 48 };

struct lt_video_writer {
    char              *path;
    AVFormatContext   *format;
    AVCodecContext    *codec;
    AVStream          *stream;
    AVFrame           *frame;
    AVPacket          *packet;
    struct SwsContext *sws;
    int64_t            n;
    bool               failed;           /* the rest of the file is not written */
};

static lt_status av_failed(lt_video_writer *w, const char *what, int code)
{
    char text[96];
    if (av_strerror(code, text, sizeof text) < 0) snprintf(text, sizeof text, "error %d", code);
    w->failed = true;
    return lt_raise(code == AVERROR(ENOMEM) ? LT_E_MEMORY : LT_E_STORE, __FILE__, __LINE__, __func__, "%s: %s: %s", w->path, what, text);
}

static lt_status set_up_encoder(lt_video_writer *w, int width, int height, AVRational fps, lt_video_codec kind)
{
    static const struct {
        const char        *encoder;
        enum AVPixelFormat format;
        enum AVColorSpace  matrix;
        int                flags;
    } kinds[] = {
        [LT_VIDEO_LOSSLESS] = { "ffv1", AV_PIX_FMT_BGR0, AVCOL_SPC_RGB, 0 },
        [LT_VIDEO_H264] = { "libx264", AV_PIX_FMT_YUV420P, AVCOL_SPC_BT709, 0 },
        [LT_VIDEO_MPEG4] = { "mpeg4", AV_PIX_FMT_YUV420P, AVCOL_SPC_SMPTE170M, AV_CODEC_FLAG_QSCALE },
    };
    lt_status st = LT_OK;
    const AVCodec *encoder = avcodec_find_encoder_by_name(kinds[kind].encoder);
    if (!encoder) LT_FAIL(LT_E_USAGE, "%s: this libavcodec has no encoder %s", w->path, kinds[kind].encoder);
    if (kind != LT_VIDEO_LOSSLESS && (width % 2 || height % 2))
        LT_FAIL(LT_E_USAGE, "%s: a video of %dx%d in 4:2:0 needs even sides", w->path, width, height);
    if (!(w->codec = avcodec_alloc_context3(encoder))) LT_FAIL(LT_E_MEMORY, "%s: no memory for an encoder", w->path);
    w->codec->width = width;
    w->codec->height = height;
    w->codec->pix_fmt = kinds[kind].format;
    w->codec->colorspace = kinds[kind].matrix;
    w->codec->color_range = kind == LT_VIDEO_LOSSLESS ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    w->codec->time_base = av_inv_q(fps);
    w->codec->framerate = fps;
    w->codec->gop_size = kind == LT_VIDEO_LOSSLESS ? 1 : KEY_INTERVAL;
    w->codec->thread_count = 1;
    w->codec->flags |= AV_CODEC_FLAG_BITEXACT | kinds[kind].flags;
    w->codec->global_quality = kinds[kind].flags & AV_CODEC_FLAG_QSCALE ? 2 * FF_QP2LAMBDA : 0;
    if (w->format->oformat->flags & AVFMT_GLOBALHEADER) w->codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (kind == LT_VIDEO_H264) (void)av_opt_set_double(w->codec->priv_data, "crf", 18, 0);
    if (kind == LT_VIDEO_LOSSLESS) (void)av_opt_set_int(w->codec->priv_data, "slicecrc", 1, 0), w->codec->level = 3;
    int r = avcodec_open2(w->codec, encoder, NULL);
    if (r < 0) LT_TRY(av_failed(w, "the encoder does not start", r));
done:
    return st;
}

static lt_status set_up_frame(lt_video_writer *w)
{
    lt_status st = LT_OK;
    const AVCodecContext *c = w->codec;
    w->packet = av_packet_alloc();
    w->frame = av_frame_alloc();
    if (!w->packet || !w->frame) LT_FAIL(LT_E_MEMORY, "%s: no memory for an encoder", w->path);
    w->frame->format = c->pix_fmt;
    w->frame->width = c->width;
    w->frame->height = c->height;
    if (av_frame_get_buffer(w->frame, 0) < 0) LT_FAIL(LT_E_MEMORY, "%s: no memory for a frame of %dx%d", w->path, c->width, c->height);
    w->sws = sws_getContext(c->width, c->height, AV_PIX_FMT_RGB24, c->width, c->height, c->pix_fmt, LT_SCALE_FLAGS, NULL, NULL, NULL);
    if (!w->sws) LT_FAIL(LT_E_MEMORY, "%s: no memory to convert frames", w->path);
    if (c->colorspace != AVCOL_SPC_RGB) {
        const int *table = sws_getCoefficients(c->colorspace);
        (void)sws_setColorspaceDetails(w->sws, table, 1, table, 0, 0, 1 << 16, 1 << 16);
    }
done:
    return st;
}

static void destroy(lt_video_writer *w)
{
    if (!w) return;
    if (w->format) avio_closep(&w->format->pb);
    avformat_free_context(w->format);
    avcodec_free_context(&w->codec);
    av_frame_free(&w->frame);
    av_packet_free(&w->packet);
    sws_freeContext(w->sws);
    free(w->path);
    free(w);
}

lt_status lt_video_writer_open(const char *path, int width, int height, int fps_num, int fps_den, lt_video_codec codec,
                               lt_video_writer **out)
{
    lt_status st = LT_OK;
    lt_video_writer *w = calloc(1, sizeof *w);
    char *url = NULL;
    *out = NULL;
    lt_libav_quiet();
    if (!w || !(w->path = strdup(path))) LT_FAIL(LT_E_MEMORY, "%s: no memory for a video", path);
    if (width <= 0 || height <= 0 || fps_num <= 0 || fps_den <= 0)
        LT_FAIL(LT_E_USAGE, "%s: a video of %dx%d at %d/%d frames a second cannot be", path, width, height, fps_num, fps_den);
    int r = avformat_alloc_output_context2(&w->format, NULL, codec == LT_VIDEO_LOSSLESS ? "matroska" : "mp4", path);
    if (r < 0) LT_TRY(av_failed(w, "no such container", r));
    w->format->flags |= AVFMT_FLAG_BITEXACT;
    LT_TRY(set_up_encoder(w, width, height, (AVRational){ fps_num, fps_den }, codec));
    LT_TRY(set_up_frame(w));
    if (!(w->stream = avformat_new_stream(w->format, NULL))) LT_FAIL(LT_E_MEMORY, "%s: no memory for a video", path);
    w->stream->time_base = w->codec->time_base;
    w->stream->avg_frame_rate = w->codec->framerate;
    if ((r = avcodec_parameters_from_context(w->stream->codecpar, w->codec)) < 0) LT_TRY(av_failed(w, "the encoder's facts", r));
    if (!(url = lt_libav_url(path))) LT_FAIL(LT_E_MEMORY, "%s: no memory for a video", path);
    if ((r = avio_open(&w->format->pb, url, AVIO_FLAG_WRITE)) < 0) LT_TRY(av_failed(w, "cannot be written", r));
    if ((r = avformat_write_header(w->format, NULL)) < 0) LT_TRY(av_failed(w, "its header cannot be written", r));
    *out = w;
    w = NULL;
done:
    free(url);
    destroy(w);
    return st;
}

/* Moves what the encoder has to the file. */
static lt_status drain(lt_video_writer *w)
{
    lt_status st = LT_OK;
    int r;
    while ((r = avcodec_receive_packet(w->codec, w->packet)) >= 0) {
        w->packet->stream_index = w->stream->index;
        if (w->packet->duration == 0) w->packet->duration = 1;
        av_packet_rescale_ts(w->packet, w->codec->time_base, w->stream->time_base);
        if ((r = av_interleaved_write_frame(w->format, w->packet)) < 0) LT_TRY(av_failed(w, "cannot be written on", r));
    }
    if (r != AVERROR(EAGAIN) && r != AVERROR_EOF) LT_TRY(av_failed(w, "a frame cannot be encoded", r));
done:
    return st;
}

lt_status lt_video_writer_put(lt_video_writer *w, const uint8_t *rgb, size_t stride)
{
    lt_status st = LT_OK;
    const uint8_t *data[4] = { rgb };
    const int lines[4] = { (int)stride };
    int r = av_frame_make_writable(w->frame);
    if (r < 0) LT_TRY(av_failed(w, "no memory for a frame", r));
    sws_scale(w->sws, data, lines, 0, w->codec->height, w->frame->data, w->frame->linesize);
    w->frame->pts = w->n++;
    w->frame->quality = w->codec->global_quality;
    if ((r = avcodec_send_frame(w->codec, w->frame)) < 0) LT_TRY(av_failed(w, "a frame cannot be encoded", r));
    LT_TRY(drain(w));
done:
    return st;
}

lt_status lt_video_writer_close(lt_video_writer **writer)
{
    lt_status st = LT_OK;
    lt_video_writer *w = *writer;
    int r;
    if (!w) return LT_OK;
    if (w->failed) goto done;
    if ((r = avcodec_send_frame(w->codec, NULL)) < 0) LT_TRY(av_failed(w, "the last frames cannot be encoded", r));
    LT_TRY(drain(w));
    if ((r = av_write_trailer(w->format)) < 0) LT_TRY(av_failed(w, "its end cannot be written", r));
    if ((r = avio_closep(&w->format->pb)) < 0) LT_TRY(av_failed(w, "its end cannot be written", r));
done:
    destroy(w);
    *writer = NULL;
    return st;
}
