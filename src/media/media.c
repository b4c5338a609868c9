#include "media_private.h"

#include <pthread.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reading on is cheaper than a seek for this many frames. */
enum { READ_ON = 48 };

/* Written once: the text is a constant of the process that only the loaded libraries know. */
static char library[96];

static void write_library(void)
{
    const unsigned f = avformat_version(), c = avcodec_version(), w = swscale_version();
    snprintf(library, sizeof library, "libavformat %u.%u.%u libavcodec %u.%u.%u libswscale %u.%u.%u", AV_VERSION_MAJOR(f),
             AV_VERSION_MINOR(f), AV_VERSION_MICRO(f), AV_VERSION_MAJOR(c), AV_VERSION_MINOR(c), AV_VERSION_MICRO(c),
             AV_VERSION_MAJOR(w), AV_VERSION_MINOR(w), AV_VERSION_MICRO(w));
}

const char *lt_decoder_name(lt_decoder decoder)
{
    return decoder == LT_DECODER_NVDEC ? "nvdec" : "cpu";
}

const char *lt_media_library(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, write_library);
    return library;
}

lt_status lt_media_open(const char *path, const lt_media_opts *opts, lt_media **out)
{
    lt_status st = LT_OK;
    lt_media *m = calloc(1, sizeof *m);
    *out = NULL;
    if (!m || !(m->path = strdup(path))) LT_FAIL(LT_E_MEMORY, "no memory to open %s", path);
    LT_TRY(lt_image_list(path, &m->files, &m->n_files));
    m->decoder = opts->decoder;
    LT_TRY(lt_source_open(&m->s, m->files ? m->files[0] : path, NULL));
    lt_source_info(&m->s, opts, &m->info);
    *out = m;
    m = NULL;
done:
    lt_media_close(&m);
    return st;
}

const lt_media_info *lt_media_get_info(const lt_media *m)
{
    return &m->info;
}

void lt_media_scale(int max_res, int *width, int *height)
{
    const int longer = *width > *height ? *width : *height;
    if (max_res <= 0 || longer <= max_res) return;
    const double scale = (double)max_res / longer;
    const int w = (int)lrint(*width * scale), h = (int)lrint(*height * scale);
    *width = w + w % 2;
    *height = h + h % 2;
}

size_t lt_media_info_host_bytes(const lt_media_info *info)
{
    /* A decoder keeps up to 16 reference surfaces and a few in flight, padded, at up to 4:4:4; swscale keeps lines. */
    size_t pixels = ((size_t)info->coded_width + 64) * ((size_t)info->coded_height + 64);
    size_t surface = pixels * 3 * (info->bit_depth > 8 ? 2 : 1);
    size_t turned = info->rotation ? (size_t)info->width * (size_t)info->height * 3 : 0;
    return 20 * surface + turned + (16 << 20);
}

size_t lt_media_host_bytes(const lt_media *m)
{
    return lt_media_info_host_bytes(&m->info);
}

size_t lt_media_device_bytes(const lt_media *m)
{
    return lt_media_info_device_bytes(&m->info, m->decoder);
}

size_t lt_media_info_device_bytes(const lt_media_info *info, lt_decoder decoder)
{
    return decoder == LT_DECODER_NVDEC ? lt_hw_surface_bytes(info) : 0;
}

lt_status lt_media_info_check(const lt_media_info *info, lt_decoder decoder, const char *name)
{
    lt_status st = LT_OK;
    const char *why = decoder == LT_DECODER_NVDEC ? lt_hw_refusal(info) : NULL;
    if (why) LT_FAIL(LT_E_DATA, "%s: not for --decoder nvdec: %s; use --decoder cpu", name, why);
done:
    return st;
}

json_t *lt_media_info_to_json(const lt_media_info *i)
{
    return json_pack("{s:i s:i s:i s:i s:i s:[i i] s:i s:s s:s s:s s:s s:s s:s s:s s:b s:b s:f s:f}", "width", i->width, "height",
                     i->height, "coded_width", i->coded_width, "coded_height", i->coded_height, "rotation", i->rotation,
                     "pixel_aspect", i->sar_num, i->sar_den, "bit_depth", i->bit_depth, "codec", i->codec, "format", i->format,
                     "pixel_format", i->pixel_format, "color_matrix", i->color_matrix, "color_range", i->color_range,
                     "primaries", i->primaries, "transfer", i->transfer, "interlaced", i->interlaced, "alpha", i->alpha,
                     "duration", i->duration, "avg_fps", i->avg_fps);
}

lt_status lt_media_set_index(lt_media *m, const lt_index *index)
{
    lt_status st = LT_OK;
    if (index && !m->files && index->seek_safe && !index->pts)
        LT_FAIL(LT_E_DATA, "%s: its index is damaged: remove its video.json to make it anew", m->path);
    if (index && m->files && index->n_frames != m->n_files)
        LT_FAIL(LT_E_DATA, "%s: there are %lld images where its index has %lld: it has changed since", m->path,
                (long long)m->n_files, (long long)index->n_frames);
    m->index = index;
done:
    return st;
}

void lt_media_set_stop(lt_media *m, const atomic_int *stop)
{
    m->stop = stop;
}

/* The decoder goes before what it decodes on. */
static void leave_device(lt_media *m)
{
    if (m->hw.device) lt_source_close(&m->s);
    if (m->hw.own) m->hw.table->close(&m->hw.own);
    lt_stream_destroy(&m->hw.stream);
    m->hw = (lt_hw){ 0 };
}

static lt_status restart(lt_media *m)
{
    lt_status st = LT_OK;
    LT_TRY(lt_source_open(&m->s, m->path, m->hw.table ? &m->hw : NULL));
    m->next = 0;
    m->pending = false;
done:
    return st;
}

/* The last key frame but one at or before pts, or INT64_MIN. */
static int64_t two_keys_back(const lt_index *x, int64_t pts)
{
    int64_t lo = 0, hi = x->n_keys;
    while (lo < hi) {
        int64_t mid = (lo + hi) / 2;
        if (x->key[mid] <= pts) lo = mid + 1;
        else hi = mid;
    }
    return lo >= 2 ? x->key[lo - 2] : INT64_MIN;
}

/* Where the next decoded frame lies, by its time stamp; -1 where the index does not have it. */
static int64_t place_of(const lt_index *x, int64_t pts)
{
    int64_t lo = 0, hi = x->n_frames;
    while (lo < hi) {
        int64_t mid = (lo + hi) / 2;
        if (x->pts[mid] < pts) lo = mid + 1;
        else hi = mid;
    }
    return lo < x->n_frames && x->pts[lo] == pts ? lo : -1;
}

static lt_status go_to(lt_media *m, int64_t frame)
{
    lt_status st = LT_OK;
    const lt_index *x = m->index;
    bool ahead = m->next >= 0 && m->next <= frame;
    int64_t key = x && x->seek_safe ? two_keys_back(x, x->pts[frame]) : INT64_MIN;
    if (ahead && (frame - m->next < READ_ON || key == INT64_MIN || x->pts[m->next] >= key)) return LT_OK;
    m->next = -1;
    m->pending = false;
    st = key == INT64_MIN ? LT_END : lt_source_seek(&m->s, key);
    if (st == LT_END) st = restart(m);
    LT_TRY(st);
done:
    return st;
}

/* Decodes until frame `frame` is in s.frame. What is decoded when it stops is kept in its place. */
static lt_status decode_to(lt_media *m, const atomic_int *quit, int64_t frame)
{
    lt_status st = LT_OK;
    const lt_index *x = m->index;
    bool by_time = x && x->seek_safe;
    for (;;) {
        if ((m->stop && atomic_load(m->stop)) || (quit && atomic_load(quit))) LT_FAIL(LT_E_STOPPED, "stopped while %s was decoded", m->path);
        if (!m->pending) {
            st = lt_source_next(&m->s, m->path);
            if (st == LT_END) break;
            LT_TRY(st);
        }
        m->pending = false;
        int64_t at = by_time ? place_of(x, m->s.frame->pts) : m->next;
        if (at < 0) continue;
        if (at > frame) {
            /* The decoder went past it: it was lost. What came instead is kept for the next call. */
            m->pending = true;
            m->next = at;
            break;
        }
        m->next = at + 1;
        if (at == frame) return LT_OK;
    }
    if (st == LT_END) m->next = x ? x->n_frames : m->next;
    LT_FAIL(LT_E_DATA, "%s: frame %lld cannot be decoded%s%s", m->path, (long long)frame, m->s.trouble[0] ? ": " : "", m->s.trouble);
done:
    return st;
}

static lt_status read_image(lt_media *m, int64_t frame, uint8_t *rgb, size_t stride)
{
    lt_status st = LT_OK;
    const char *path = m->files[frame];
    LT_TRY(lt_source_open(&m->s, path, NULL));
    st = lt_source_next(&m->s, path);
    if (st == LT_END) LT_FAIL(LT_E_DATA, "%s: the image cannot be decoded%s%s", path, m->s.trouble[0] ? ": " : "", m->s.trouble);
    LT_TRY(st);
    if (m->s.damaged) LT_FAIL(LT_E_DATA, "%s: the image is damaged: %s", path, m->s.trouble);
    LT_TRY(lt_convert(&m->convert, m->s.frame, &m->info, path, rgb, stride));
done:
    return st;
}

/* Frame `frame` in s.frame, undamaged. */
static lt_status reach(lt_media *m, const atomic_int *quit, int64_t frame)
{
    lt_status st = LT_OK;
    LT_TRY(go_to(m, frame));
    LT_TRY(decode_to(m, quit, frame));
    if (m->s.damaged) LT_FAIL(LT_E_DATA, "%s: frame %lld is damaged, as all from an error to the end of its group of pictures: %s", m->path, (long long)frame, m->s.trouble);
done:
    return st;
}

static lt_status in_range(const lt_media *m, int64_t frame)
{
    lt_status st = LT_OK;
    int64_t n = m->files ? m->n_files : m->index ? m->index->n_frames : INT64_MAX;
    if (frame < 0 || frame >= n) LT_FAIL(LT_E_DATA, "%s: there is no frame %lld", m->path, (long long)frame);
done:
    return st;
}

lt_status lt_media_read_unless(lt_media *m, const atomic_int *quit, int64_t frame, uint8_t *rgb, size_t stride)
{
    lt_status st = LT_OK;
    if (m->decoder == LT_DECODER_NVDEC) LT_FAIL(LT_E_INTERNAL, "%s: its frames are on a device", m->path);
    LT_TRY(in_range(m, frame));
    if (m->files) return read_image(m, frame, rgb, stride);
    LT_TRY(reach(m, quit, frame));
    LT_TRY(lt_convert(&m->convert, m->s.frame, &m->info, m->path, rgb, stride));
done:
    return st;
}

/* A fault of the device shows as a damaged stream first; what it is, its stream says. */
static lt_status blame(lt_media *m, lt_status st)
{
    lt_status device = st == LT_E_DATA || st == LT_E_MEMORY ? lt_stream_finish(m->hw.stream) : LT_OK;
    return device < 0 ? device : st;
}

lt_status lt_media_fetch_unless(lt_media *m, const atomic_int *quit, int64_t frame, uint8_t *memory, lt_nv12 *planes)
{
    lt_status st = LT_OK;
    const lt_hw_place place = lt_hw_place_of(&m->info, memory);
    LT_TRY(in_range(m, frame));
    LT_TRY(reach(m, quit, frame));
    LT_TRY(lt_frame_size_is(&m->info, m->s.frame, m->path));
    LT_TRY(m->hw.table->copy(m->hw.own, m->hw.stream, m->s.frame, m->path, &place));
    *planes = (lt_nv12){ place.luma, place.chroma, place.stride, place.stride, lt_frame_matrix(m->s.frame) };
    /* A surface that is held is one that the decoder lacks. */
    av_frame_unref(m->s.frame);
done:
    return blame(m, st);
}

lt_status lt_media_use_device(lt_media *m, lt_device *device, void *memory, size_t n_bytes)
{
    lt_status st = LT_OK;
    if (m->decoder != LT_DECODER_NVDEC) LT_FAIL(LT_E_INTERNAL, "%s: a device for a video that the CPU decodes", m->path);
    LT_TRY(lt_media_info_check(&m->info, m->decoder, m->path));
    if (m->files) LT_FAIL(LT_E_DATA, "%s: not for --decoder nvdec: it takes no images; use --decoder cpu", m->path);
    if (!m->hw.table) m->hw.table = &lt_hw_nvdec;
    m->hw.device = device;
    m->hw.ring = memory;
    m->hw.ring_bytes = n_bytes;
    LT_TRY(lt_device_use(device));
    LT_TRY(lt_stream_create(device, "decode", &m->hw.stream));
    LT_TRY(m->hw.table->open(m->hw.stream, &m->hw.own));
    LT_TRY(restart(m));
    /* Only with a picture in hand does the device say whether it takes the stream: better here than at every frame. */
    st = lt_source_next(&m->s, m->path);
    if (st == LT_END) LT_FAIL(LT_E_DATA, "%s: no frame of it can be decoded%s%s", m->path, *m->s.trouble ? ": " : "", m->s.trouble);
    LT_TRY(st);
    m->pending = true;
done:
    if (st < 0) leave_device(m);
    return st;
}

lt_status lt_media_read(lt_media *m, int64_t frame, uint8_t *rgb, size_t stride)
{
    return lt_media_read_unless(m, NULL, frame, rgb, stride);
}

lt_status lt_media_read_planes(lt_media *m, int64_t frame, lt_nv12 *planes)
{
    lt_status st = LT_OK;
    if (m->hw.ring_bytes < lt_hw_frame_bytes(&m->info)) LT_FAIL(LT_E_INTERNAL, "%s: there is no place on a device for a frame of it", m->path);
    LT_TRY(lt_media_fetch_unless(m, NULL, frame, m->hw.ring, planes));
done:
    return st;
}

void lt_media_close(lt_media **media)
{
    lt_media *m = *media;
    if (!m) return;
    lt_source_close(&m->s);
    leave_device(m);
    lt_converter_close(&m->convert);
    for (int64_t i = 0; i < m->n_files; i++) free(m->files[i]);
    free(m->files);
    free(m->path);
    free(m);
    *media = NULL;
}
