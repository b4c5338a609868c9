#include "media_private.h"

#include <libavutil/display.h>
#include <libavutil/pixdesc.h>

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <errno.h>

static char *av_words(int code, char *text, size_t size)
{
    if (av_strerror(code, text, size) < 0) snprintf(text, size, "error %d", code);
    return text;
}

/* libav prints by itself; its last complaint reaches the user through our messages. The callback has no context of ours,
 * and each stream is used by one thread at a time, so the line is the thread's. */
static _Thread_local char complaint[128];

static void keep_complaint(void *ctx, int level, const char *format, va_list args)
{
    (void)ctx;
    /* What follows on the reason why a GPU does not take a stream. */
    if (level > AV_LOG_ERROR || !strncmp(format, "Failed setup for format", 23)) return;
    vsnprintf(complaint, sizeof complaint, format, args);
    complaint[strcspn(complaint, "\n")] = 0;
}

void lt_libav_quiet(void)
{
    av_log_set_callback(keep_complaint);
    complaint[0] = 0;
}

const char *lt_libav_complaint(void)
{
    return complaint;
}

char *lt_libav_url(const char *path)
{
    char *url;
    return asprintf(&url, "file:%s", path) < 0 ? NULL : url;
}

/* A decoder that is told to explode refuses a packet where it would otherwise conceal, often without a word; that is what
 * makes damage known, and the same by seek and from the start. The MPEG family flags concealed frames instead, is always
 * decoded from the start, and comes from encoders whose slips are many and harmless. */
static int error_checks(enum AVCodecID id)
{
    const bool flags_frames = id == AV_CODEC_ID_MPEG4 || id == AV_CODEC_ID_MPEG2VIDEO || id == AV_CODEC_ID_MPEG1VIDEO;
    return flags_frames ? AV_EF_CRCCHECK : AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
}

/* Asked again after a device that was chosen did not take the stream, and then says why. */
static enum AVPixelFormat insist(AVCodecContext *codec, const enum AVPixelFormat *offered)
{
    lt_source *s = codec->opaque;
    const char *why;
    const enum AVPixelFormat chosen = lt_hw_choose(offered, s->hw->table->wanted, &why);
    if (why) snprintf(s->refused, sizeof s->refused, "%s%s%s%s", why, complaint[0] ? " (" : "", complaint, complaint[0] ? ")" : "");
    return chosen;
}

static lt_status open_decoder(lt_source *s, const char *path)
{
    lt_status st = LT_OK;
    char text[128];
    AVDictionary *opts = NULL;
    const enum AVCodecID id = s->stream->codecpar->codec_id;
    const AVCodec *codec = s->hw ? s->hw->table->find(id) : avcodec_find_decoder(id);
    if (!codec && s->hw) LT_FAIL(LT_E_DATA, "%s: this libavcodec does not decode %s on the GPU: use --decoder cpu", path, avcodec_get_name(id));
    if (!codec) LT_FAIL(LT_E_DATA, "%s: no decoder for %s in this libavcodec", path, avcodec_get_name(id));
    if (!(s->codec = avcodec_alloc_context3(codec))) LT_FAIL(LT_E_MEMORY, "no memory for a decoder");
    int r = avcodec_parameters_to_context(s->codec, s->stream->codecpar);
    s->codec->pkt_timebase = s->stream->time_base;
    s->codec->flags |= AV_CODEC_FLAG_BITEXACT;
    s->codec->idct_algo = FF_IDCT_SIMPLE;
    s->codec->err_recognition = error_checks(codec->id);
    /* Where an h264 stream does not say how far it reorders, the decoder learns it as it goes and loses the frames that
     * teach it: which ones depends on where it began. A strict one takes the most that the level allows, and loses none. */
    if (codec->id == AV_CODEC_ID_H264) s->codec->strict_std_compliance = FF_COMPLIANCE_STRICT;
    /* Frame threads report an error on another frame than the one it hit; slices and one thread do not. */
    s->codec->thread_count = 1;
    if (s->hw) {
        s->codec->opaque = s;
        if (s->hw->table->wanted != AV_PIX_FMT_NONE) s->codec->get_format = insist;
        LT_TRY(s->hw->table->ready(s->hw->own, s->codec));
    }
    if (r >= 0) r = avcodec_open2(s->codec, codec, &opts);
    if (r < 0) LT_FAIL(LT_E_DATA, "%s: the %s decoder does not take it: %s", path, codec->name, av_words(r, text, sizeof text));
done:
    av_dict_free(&opts);
    return st;
}

/* avformat_find_stream_info() decodes a few frames, to learn of formats and reordering. Where the container claims
 * pictures so large that this takes hundreds of megabytes, it may not: a claim costs nothing until memory is planned. */
static bool headers_suffice(const AVStream *stream)
{
    enum { LARGE = 64 << 20 };
    const AVCodecParameters *p = stream->codecpar;
    return (int64_t)p->width * p->height > LARGE;
}

static int probe(AVFormatContext *f)
{
    const unsigned n = f->nb_streams;
    int r = 0;
    AVDictionary **opts = calloc(n + 1, sizeof *opts);
    if (!opts) return AVERROR(ENOMEM);
    for (unsigned i = 0; i < n && r >= 0; i++)
        if (headers_suffice(f->streams[i])) r = av_dict_set(&opts[i], "skip_frame", "all", 0);
    /* Streams that only turn up on the way get no options; that is libavformat's rule. */
    if (r >= 0) r = avformat_find_stream_info(f, opts);
    for (unsigned i = 0; i < n; i++) av_dict_free(&opts[i]);
    free(opts);
    return r;
}

lt_status lt_source_open(lt_source *s, const char *path, const lt_hw *hw)
{
    lt_status st = LT_OK;
    char text[128], *url = NULL;
    struct stat sb;
    lt_source_close(s);
    s->hw = hw;
    lt_libav_quiet();
    if (stat(path, &sb)) LT_FAIL(LT_E_DATA, "%s: %s", path, strerror(errno));
    if (sb.st_size == 0 && S_ISREG(sb.st_mode)) LT_FAIL(LT_E_DATA, "%s: the file is empty", path);
    if (!(url = lt_libav_url(path))) LT_FAIL(LT_E_MEMORY, "no memory to open %s", path);
    int r = avformat_open_input(&s->format, url, NULL, NULL);
    if (r < 0) LT_FAIL(LT_E_DATA, "%s: not a video that can be opened (%s); is it cut off, or of another kind?", path, av_words(r, text, sizeof text));
    r = probe(s->format);
    if (r < 0) LT_FAIL(LT_E_DATA, "%s: no stream can be made out (%s)", path, av_words(r, text, sizeof text));
    r = av_find_best_stream(s->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (r < 0) LT_FAIL(LT_E_DATA, "%s: there is no video in it", path);
    s->stream = s->format->streams[r];
    for (unsigned i = 0; i < s->format->nb_streams; i++)
        if (s->format->streams[i] != s->stream) s->format->streams[i]->discard = AVDISCARD_ALL;
    if (s->stream->codecpar->width <= 0 || s->stream->codecpar->height <= 0)
        LT_FAIL(LT_E_DATA, "%s: its pictures have no size, or one beyond what libavcodec takes (about 16000x16000)", path);
    LT_TRY(open_decoder(s, path));
    s->packet = av_packet_alloc();
    s->frame = av_frame_alloc();
    if (!s->packet || !s->frame) LT_FAIL(LT_E_MEMORY, "no memory for a decoder");
done:
    free(url);
    if (st < 0) lt_source_close(s);
    return st;
}

void lt_source_close(lt_source *s)
{
    av_packet_free(&s->packet);
    av_frame_free(&s->frame);
    avcodec_free_context(&s->codec);
    avformat_close_input(&s->format);
    *s = (lt_source){ 0 };
}

static void complain(lt_source *s, const char *what, int code)
{
    char text[96];
    const char *reason = complaint[0] ? complaint : code ? av_words(code, text, sizeof text) : "";
    snprintf(s->trouble, sizeof s->trouble, "%s%s%s", what, *reason ? ": " : "", reason);
}

/* An error in the packet that was fed last. */
static void packet_failed(lt_source *s, const char *what, int code)
{
    complain(s, what, code);
    s->now.bad = true;
    s->flight[s->now.number % LT_IN_FLIGHT].bad = true;
}

/* An error that shows in a frame: all that is decoded after it and before the next key frame stands on it. */
static void frame_failed(lt_source *s, const lt_soundness *of, const char *what)
{
    const int64_t number = of->number, gop = of->gop;
    complain(s, what, 0);
    for (int i = 0; i <= LT_IN_FLIGHT; i++) {
        lt_soundness *f = i < LT_IN_FLIGHT ? &s->flight[i] : &s->now;
        if (f->gop == gop && f->number >= number) f->bad = true;
        if (f->gop == gop + 1) f->before_bad = true;
    }
}

/* The next packet of our stream in s->packet; false at the end of what can be read. */
static bool read_packet(lt_source *s)
{
    if (s->held) {
        s->held = false;
        return true;
    }
    for (;;) {
        int r = av_read_frame(s->format, s->packet);
        if (r < 0) {
            if (r != AVERROR_EOF) packet_failed(s, "the file cannot be read on", r);
            return false;
        }
        if (s->packet->stream_index == s->stream->index) return true;
        av_packet_unref(s->packet);
    }
}

/* Gives the decoder one packet, or the end. */
static void feed(lt_source *s)
{
    complaint[0] = 0;
    if (!read_packet(s)) {
        s->draining = true;
        (void)avcodec_send_packet(s->codec, NULL);
        return;
    }
    lt_soundness *now = &s->now;
    now->number++;
    if (s->packet->flags & AV_PKT_FLAG_KEY) {
        now->gop++;
        now->before_bad = now->bad;
        now->bad = false;
        now->key_pts = s->packet->pts;
    }
    s->flight[now->number % LT_IN_FLIGHT] = *now;
    s->codec->reordered_opaque = now->number;
    if (s->packet->flags & AV_PKT_FLAG_CORRUPT) packet_failed(s, "a packet is corrupt", 0);
    int r = avcodec_send_packet(s->codec, s->packet);
    if (r < 0) packet_failed(s, "a packet cannot be decoded", r);
    /* A slice of ffv1 with a wrong checksum, or a reference of hevc that is missing, is concealed and only logged. */
    else if (complaint[0] && (s->codec->codec_id == AV_CODEC_ID_FFV1 || s->codec->codec_id == AV_CODEC_ID_HEVC)) packet_failed(s, "a packet is damaged", 0);
    av_packet_unref(s->packet);
}

static void judge(lt_source *s)
{
    const AVFrame *f = s->frame;
    const lt_soundness *of = &s->flight[(uint64_t)f->reordered_opaque % LT_IN_FLIGHT];
    if (of->number != f->reordered_opaque) of = &s->now;
    if (f->decode_error_flags || f->flags & AV_FRAME_FLAG_CORRUPT) frame_failed(s, of, "parts of a frame are missing");
    bool leading = f->pts != AV_NOPTS_VALUE && of->key_pts != AV_NOPTS_VALUE && f->pts < of->key_pts;
    s->damaged = of->bad || (leading && of->before_bad);
}

lt_status lt_source_next(lt_source *s, const char *path)
{
    lt_status st = LT_OK;
    for (;;) {
        int r = avcodec_receive_frame(s->codec, s->frame);
        if (r == AVERROR_EOF) return LT_END;
        if (s->refused[0]) LT_FAIL(LT_E_DATA, "%s: NVDEC does not take it: %s; use --decoder cpu", path, s->refused);
        if (r == AVERROR(ENOMEM)) LT_FAIL(LT_E_MEMORY, "%s: no memory to decode it", path);
        if (r == AVERROR(EAGAIN)) {
            if (s->draining) return LT_END;
            feed(s);
            continue;
        }
        if (r < 0) {
            packet_failed(s, "a frame cannot be decoded", r);
            if (s->draining) return LT_END;
            continue;
        }
        judge(s);
        return LT_OK;
    }
done:
    return st;
}

lt_status lt_source_seek(lt_source *s, int64_t pts)
{
    if (s->held) av_packet_unref(s->packet);
    s->held = false;
    avcodec_flush_buffers(s->codec);
    s->draining = false;
    s->trouble[0] = 0;
    /* Numbers and groups run on, so that nothing in flight is taken for what comes. */
    s->now.gop += 2;
    s->now.bad = s->now.before_bad = false;
    if (avformat_seek_file(s->format, s->stream->index, INT64_MIN, pts, pts, AVSEEK_FLAG_BACKWARD) < 0) return LT_END;
    if (!read_packet(s)) return LT_END;
    /* Demuxers seek by decoding time or by a coarse table; where it really landed is what counts. */
    s->held = true;
    return s->packet->flags & AV_PKT_FLAG_KEY && s->packet->pts != AV_NOPTS_VALUE && s->packet->pts <= pts ? LT_OK : LT_END;
}

/* Degrees clockwise by which the container says a frame is to be turned, in quarters. */
static int rotation_of(const AVStream *stream)
{
    const int32_t *matrix = (const int32_t *)av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
    double angle = matrix ? av_display_rotation_get(matrix) : 0;
    if (isnan(angle)) return 0;
    int quarter = (int)lrint(-angle / 90);
    return ((quarter % 4 + 4) % 4) * 90;
}

static void copy_name(char *out, size_t size, const char *name)
{
    snprintf(out, size, "%s", name ? name : "unknown");
}

void lt_source_info(const lt_source *s, const lt_media_opts *opts, lt_media_info *o)
{
    const AVCodecParameters *p = s->stream->codecpar;
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)p->format);
    *o = (lt_media_info){ .coded_width = p->width, .coded_height = p->height, .rotation = rotation_of(s->stream) };
    bool turned = o->rotation % 180 != 0;
    o->width = turned ? p->height : p->width;
    o->height = turned ? p->width : p->height;
    lt_media_scale(opts->max_res, &o->width, &o->height);
    AVRational sar = s->stream->sample_aspect_ratio.num ? s->stream->sample_aspect_ratio : p->sample_aspect_ratio;
    o->sar_num = sar.num;
    o->sar_den = sar.den;
    o->bit_depth = d ? d->comp[0].depth : 0;
    o->alpha = d && (d->flags & AV_PIX_FMT_FLAG_ALPHA);
    o->interlaced = p->field_order != AV_FIELD_PROGRESSIVE && p->field_order != AV_FIELD_UNKNOWN;
    copy_name(o->codec, sizeof o->codec, avcodec_get_name(p->codec_id));
    copy_name(o->format, sizeof o->format, s->format->iformat->name);
    copy_name(o->pixel_format, sizeof o->pixel_format, av_get_pix_fmt_name((enum AVPixelFormat)p->format));
    copy_name(o->color_matrix, sizeof o->color_matrix, av_color_space_name(p->color_space));
    copy_name(o->color_range, sizeof o->color_range, av_color_range_name(p->color_range));
    copy_name(o->primaries, sizeof o->primaries, av_color_primaries_name(p->color_primaries));
    copy_name(o->transfer, sizeof o->transfer, av_color_transfer_name(p->color_trc));
    if (s->stream->duration > 0) o->duration = (double)s->stream->duration * av_q2d(s->stream->time_base);
    else if (s->format->duration > 0) o->duration = (double)s->format->duration / AV_TIME_BASE;
    AVRational rate = s->stream->avg_frame_rate.num ? s->stream->avg_frame_rate : s->stream->r_frame_rate;
    if (rate.num > 0 && rate.den > 0) o->avg_fps = av_q2d(rate);
}
