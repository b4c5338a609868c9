#include "media_private.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* What one pass over the packets finds. */
typedef struct {
    int64_t *pts, *key;
    int64_t  n, n_keys, room, bytes;
    const char *doubt;                   /* why packets do not tell all; NULL where they do */
    char     damage[160];
    XXH3_state_t *hash;
    AVCodecParserContext *parser;        /* of h264, which may code a picture as two fields in two packets; else NULL */
    AVCodecContext *facts;               /* the parser's */
} scan;

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static lt_status grow(scan *s, const char *path)
{
    lt_status st = LT_OK;
    if (s->n < s->room) return LT_OK;
    int64_t room = s->room ? 2 * s->room : 1024;
    int64_t *pts = realloc(s->pts, (size_t)room * sizeof *pts);
    if (pts) s->pts = pts;
    int64_t *key = realloc(s->key, (size_t)room * sizeof *key);
    if (key) s->key = key;
    if (!pts || !key) LT_FAIL(LT_E_MEMORY, "no memory for the index of %s", path);
    s->room = room;
done:
    return st;
}

static const char interlaced[] = "it is interlaced, and a packet may hold one field";

static const char *container_doubt(const lt_media *m)
{
    const char *format = m->s.format->iformat->name;
    if (!strstr(format, "mp4") && !strstr(format, "matroska")) return "its container's time stamps are not relied on";
    return m->info.interlaced ? interlaced : NULL;
}

/* Containers do not always say that a stream is interlaced; its slice headers do. */
static lt_status open_parser(const lt_media *m, scan *s)
{
    lt_status st = LT_OK;
    const AVCodecParameters *p = m->s.stream->codecpar;
    if (p->codec_id != AV_CODEC_ID_H264) return LT_OK;
    s->parser = av_parser_init(p->codec_id);
    s->facts = avcodec_alloc_context3(NULL);
    if (!s->parser || !s->facts || avcodec_parameters_to_context(s->facts, p) < 0) LT_FAIL(LT_E_MEMORY, "no memory for the index of %s", m->path);
    s->parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
done:
    return st;
}

static bool is_field(scan *s, const AVPacket *p)
{
    uint8_t *data;
    int n;
    if (!s->parser) return false;
    (void)av_parser_parse2(s->parser, s->facts, &data, &n, p->data, p->size, p->pts, p->dts, p->pos);
    return s->parser->picture_structure == AV_PICTURE_STRUCTURE_TOP_FIELD
        || s->parser->picture_structure == AV_PICTURE_STRUCTURE_BOTTOM_FIELD;
}

static lt_status note_packet(lt_media *m, scan *s, const AVPacket *p)
{
    lt_status st = LT_OK;
    LT_TRY(grow(s, m->path));
    XXH3_128bits_update(s->hash, p->data, (size_t)p->size);
    s->bytes += p->size;
    if (is_field(s, p)) m->info.interlaced = true;
    if (!s->doubt && m->info.interlaced) s->doubt = interlaced;
    if (!s->doubt) s->doubt = lt_packet_doubt(m->s.stream->codecpar, p);
    if (!s->doubt && p->pts == AV_NOPTS_VALUE) s->doubt = "a packet has no time stamp";
    if (!s->doubt && p->flags & AV_PKT_FLAG_DISCARD) s->doubt = "an edit list hides frames";
    if (!s->doubt && p->flags & AV_PKT_FLAG_CORRUPT) s->doubt = "a packet is corrupt";
    if (!s->doubt && s->n == 0 && !(p->flags & AV_PKT_FLAG_KEY)) s->doubt = "it begins without a key frame";
    if (!s->doubt && s->n > 0 && p->pts < s->key[0]) s->doubt = "frames are shown before its first key frame";
    if (s->doubt) goto done;
    if (p->flags & AV_PKT_FLAG_KEY) s->key[s->n_keys++] = p->pts;
    s->pts[s->n++] = p->pts;
done:
    return st;
}

static lt_status scan_packets(lt_media *m, const atomic_int *stop, scan *s)
{
    lt_status st = LT_OK;
    AVPacket *p = m->s.packet;
    int r;
    s->doubt = container_doubt(m);
    LT_TRY(open_parser(m, s));
    lt_libav_quiet();
    while ((r = av_read_frame(m->s.format, p)) >= 0) {
        if (p->stream_index == m->s.stream->index) st = note_packet(m, s, p);
        av_packet_unref(p);
        LT_TRY(st);
        if (stop && atomic_load(stop)) LT_FAIL(LT_E_STOPPED, "stopped while %s was indexed", m->path);
    }
    /* What the demuxer cannot make out ends the video there; a disk that fails does not. */
    if (r == AVERROR(EIO)) LT_FAIL(LT_E_DATA, "%s: reading it failed: input/output error", m->path);
    if (r == AVERROR(ENOMEM)) LT_FAIL(LT_E_MEMORY, "no memory to read %s", m->path);
    if (r != AVERROR_EOF) snprintf(s->damage, sizeof s->damage, "it cannot be read to its end");
    /* Transport streams and bare streams may begin and end anywhere, and their parsers complain of it. */
    else if (*lt_libav_complaint() && !strstr(m->s.format->iformat->name, "mpegts") && !(m->s.format->iformat->flags & AVFMT_NOTIMESTAMPS))
        snprintf(s->damage, sizeof s->damage, "its container is damaged: %s", lt_libav_complaint());
    if (!s->doubt && r != AVERROR_EOF) s->doubt = "it cannot be read to its end";
    /* A demuxer that skips what it cannot make out may find other packets when it enters behind the damage. */
    if (!s->doubt && *lt_libav_complaint()) s->doubt = "its container or its headers are damaged";
    if (s->doubt) goto done;
    qsort(s->pts, (size_t)s->n, sizeof *s->pts, by_value);
    qsort(s->key, (size_t)s->n_keys, sizeof *s->key, by_value);
    for (int64_t i = 1; i < s->n; i++)
        if (s->pts[i] == s->pts[i - 1]) s->doubt = "two packets have one time stamp";
done:
    return st;
}

/* All frames of a decode from the start. */
static lt_status scan_frames(lt_media *m, const atomic_int *stop, scan *s)
{
    lt_status st = LT_OK;
    s->n = s->n_keys = 0;
    LT_TRY(lt_source_open(&m->s, m->path, NULL));
    while ((st = lt_source_next(&m->s, m->path)) == LT_OK) {
        if (stop && atomic_load(stop)) LT_FAIL(LT_E_STOPPED, "stopped while %s was indexed", m->path);
        LT_TRY(grow(s, m->path));
        s->pts[s->n++] = m->s.frame->best_effort_timestamp;
    }
    LT_TRY(st);
    st = LT_OK;
done:
    return st;
}

/* Seconds of each frame. A stamp that is missing, or not later than the one before, is replaced by one frame's time after
 * that; pts NULL: all are missing. */
static lt_status fill_times(lt_index *x, const lt_media *m, const int64_t *pts, double tick)
{
    lt_status st = LT_OK;
    double step = m->info.avg_fps > 0 ? 1 / m->info.avg_fps : 1.0 / 25;
    x->time = calloc((size_t)x->n_frames + 1, sizeof *x->time);
    if (!x->time) LT_FAIL(LT_E_MEMORY, "no memory for the index of %s", m->path);
    for (int64_t i = 0; i < x->n_frames; i++) {
        bool stamped = pts && pts[i] != AV_NOPTS_VALUE;
        double t = stamped ? (double)pts[i] * tick : 0;
        x->time[i] = i > 0 && (!stamped || t <= x->time[i - 1]) ? x->time[i - 1] + step : t;
    }
done:
    return st;
}

static lt_status index_images(lt_media *m, const atomic_int *stop, lt_index *x, XXH3_state_t *hash)
{
    lt_status st = LT_OK;
    char buffer[65536];
    FILE *f = NULL;
    for (int64_t i = 0; i < m->n_files; i++) {
        if (stop && atomic_load(stop)) LT_FAIL(LT_E_STOPPED, "stopped while %s was indexed", m->path);
        if (!(f = fopen(m->files[i], "rb"))) continue;
        for (size_t n; (n = fread(buffer, 1, sizeof buffer, f)) > 0; x->bytes += (int64_t)n) XXH3_128bits_update(hash, buffer, n);
        fclose(f);
        f = NULL;
    }
    x->n_frames = m->n_files;
    x->seek_safe = true;
done:
    return st;
}

static lt_status index_stream(lt_media *m, const atomic_int *stop, lt_index *x, XXH3_state_t *hash)
{
    lt_status st = LT_OK;
    scan s = { .hash = hash };
    LT_TRY(lt_source_open(&m->s, m->path, NULL));
    LT_TRY(scan_packets(m, stop, &s));
    if (s.doubt) LT_TRY(scan_frames(m, stop, &s));
    x->n_frames = s.n;
    x->bytes = s.bytes;
    x->seek_safe = !s.doubt;
    snprintf(x->why, sizeof x->why, "%s", s.doubt ? s.doubt : "");
    memcpy(x->damage, s.damage, sizeof x->damage);
    if (s.n == 0) LT_FAIL(LT_E_DATA, "%s: no frame of it can be decoded%s%s", m->path, *m->s.trouble ? ": " : "", m->s.trouble);
    LT_TRY(fill_times(x, m, s.pts, av_q2d(m->s.stream->time_base)));
    if (x->seek_safe) {
        x->pts = s.pts;
        x->key = s.key;
        x->n_keys = s.n_keys;
        s.pts = s.key = NULL;
    }
    /* The next read begins at the start. */
    m->next = -1;
    m->pending = false;
done:
    av_parser_close(s.parser);
    avcodec_free_context(&s.facts);
    free(s.pts);
    free(s.key);
    return st;
}

lt_status lt_media_index(lt_media *m, const atomic_int *stop, lt_index **out)
{
    lt_status st = LT_OK;
    lt_index *x = calloc(1, sizeof *x);
    XXH3_state_t *hash = XXH3_createState();
    *out = NULL;
    if (!x || !hash) LT_FAIL(LT_E_MEMORY, "no memory for the index of %s", m->path);
    XXH3_128bits_reset(hash);
    if (m->files) {
        LT_TRY(index_images(m, stop, x, hash));
        LT_TRY(fill_times(x, m, NULL, 0));
    } else {
        LT_TRY(index_stream(m, stop, x, hash));
    }
    const XXH128_hash_t h = XXH3_128bits_digest(hash);
    x->hash[0] = h.low64;
    x->hash[1] = h.high64;
    *out = x;
    x = NULL;
done:
    XXH3_freeState(hash);
    lt_index_destroy(&x);
    return st;
}

/* Rising numbers as differences: they are short, and long runs of one difference compress well. Unsigned, since the stamps
 * of a hostile file may be further apart than an int64_t says. */
static json_t *deltas(const int64_t *v, int64_t n)
{
    json_t *a = json_array();
    for (int64_t i = 0; a && i < n; i++) json_array_append_new(a, json_integer((json_int_t)((uint64_t)v[i] - (i ? (uint64_t)v[i - 1] : 0))));
    return a;
}

json_t *lt_index_to_json(const lt_index *x)
{
    char hash[40];
    json_t *time = NULL;
    snprintf(hash, sizeof hash, "%016llx%016llx", (unsigned long long)x->hash[1], (unsigned long long)x->hash[0]);
    time = json_array();
    for (int64_t i = 0; time && i < x->n_frames; i++) json_array_append_new(time, json_real(x->time[i]));
    return json_pack("{s:I s:b s:s s:s s:s s:I s:o s:o s:o}", "n_frames", (json_int_t)x->n_frames, "seek_safe", x->seek_safe, "why", x->why,
                     "damage", x->damage,
                     "hash", hash, "bytes", (json_int_t)x->bytes, "time", time, "pts", x->pts ? deltas(x->pts, x->n_frames) : json_null(),
                     "key", deltas(x->key, x->n_keys));
}

static lt_status read_deltas(const json_t *a, int64_t want, int64_t **out)
{
    lt_status st = LT_OK;
    size_t n = json_array_size(a);
    if ((int64_t)n != want) LT_FAIL(LT_E_DATA, "the index in video.json is damaged: %zu numbers where %lld belong", n, (long long)want);
    *out = calloc(n + 1, sizeof **out);
    if (!*out) LT_FAIL(LT_E_MEMORY, "no memory for an index");
    for (size_t i = 0; i < n; i++) (*out)[i] = (int64_t)((uint64_t)json_integer_value(json_array_get(a, i)) + (i ? (uint64_t)(*out)[i - 1] : 0));
done:
    return st;
}

lt_status lt_index_from_json(const json_t *json, lt_index **out)
{
    lt_status st = LT_OK;
    lt_index *x = calloc(1, sizeof *x);
    const char *hash = json_string_value(json_object_get(json, "hash")), *why = json_string_value(json_object_get(json, "why"));
    const char *damage = json_string_value(json_object_get(json, "damage"));
    const json_t *time = json_object_get(json, "time"), *pts = json_object_get(json, "pts"), *key = json_object_get(json, "key");
    unsigned long long high, low;
    *out = NULL;
    if (!x) LT_FAIL(LT_E_MEMORY, "no memory for an index");
    x->n_frames = json_integer_value(json_object_get(json, "n_frames"));
    x->bytes = json_integer_value(json_object_get(json, "bytes"));
    x->seek_safe = json_is_true(json_object_get(json, "seek_safe"));
    if (!hash || !why || sscanf(hash, "%16llx%16llx", &high, &low) != 2 || (int64_t)json_array_size(time) != x->n_frames)
        LT_FAIL(LT_E_DATA, "the index in video.json is damaged: remove the file to make it anew");
    snprintf(x->why, sizeof x->why, "%s", why);
    snprintf(x->damage, sizeof x->damage, "%s", damage ? damage : "");
    x->hash[0] = low;
    x->hash[1] = high;
    if (x->n_frames <= 0) LT_FAIL(LT_E_DATA, "the index in video.json is damaged: it has no frames");
    if (json_is_array(pts)) LT_TRY(read_deltas(pts, x->n_frames, &x->pts));
    x->n_keys = (int64_t)json_array_size(key);
    LT_TRY(read_deltas(key, x->n_keys, &x->key));
    if (!(x->time = calloc((size_t)x->n_frames + 1, sizeof *x->time))) LT_FAIL(LT_E_MEMORY, "no memory for an index");
    for (int64_t i = 0; i < x->n_frames; i++) x->time[i] = json_number_value(json_array_get(time, (size_t)i));
    *out = x;
    x = NULL;
done:
    lt_index_destroy(&x);
    return st;
}

void lt_index_destroy(lt_index **index)
{
    lt_index *x = *index;
    if (!x) return;
    free(x->time);
    free(x->pts);
    free(x->key);
    free(x);
    *index = NULL;
}

lt_status lt_media_select(const lt_index *x, double start_s, double end_s, double fps, int64_t max_frames, int64_t **frames, int64_t *n)
{
    lt_status st = LT_OK;
    double zero = x->n_frames ? x->time[0] : 0, span = x->n_frames > 1 ? x->time[x->n_frames - 1] - zero : 0;
    double rate = span > 0 ? (double)(x->n_frames - 1) / span : 0;
    int64_t stride = fps > 0 && rate > 0 ? (int64_t)nearbyint(rate / fps) : 1, seen = 0;
    *n = 0;
    *frames = calloc((size_t)x->n_frames + 1, sizeof **frames);
    if (!*frames) LT_FAIL(LT_E_MEMORY, "no memory to choose frames");
    if (stride < 1) stride = 1;
    for (int64_t i = 0; i < x->n_frames && (max_frames <= 0 || *n < max_frames); i++) {
        double t = x->time[i] - zero;
        if (t < start_s || (end_s > 0 && t >= end_s)) continue;
        if (seen++ % stride == 0) (*frames)[(*n)++] = i;
    }
done:
    return st;
}
