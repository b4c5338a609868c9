/* Every clip of make_clips.sh: frame i by seek and from the start are the same bytes, and those of the ffmpeg command
 * line; the count is that of a decode. The clips are made by the ffmpeg command line beside the test program. */
#include "check.h"

#include "media/media_private.h"

#include <longtake/media.h>
#include <longtake/video_writer.h>

#include <libavutil/cpu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CLIPS = 128, PATH = 4096 };

typedef struct {
    char name[64], file[64], reach[16];
} clip;

static char dir[PATH - 128];

static const char *in_dir(const char *file)
{
    static char path[PATH];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return path;
}

static int make_clips(void **state)
{
    (void)state;
    char program[PATH - 256], command[3 * PATH];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0) return 1;
    program[n] = 0;
    *strrchr(program, '/') = 0;
    snprintf(dir, sizeof dir, "%s/media_clips", program);
    snprintf(command, sizeof command, "sh media/make_clips.sh '%s'", dir);
    return system(command);
}

static int read_list(clip *clips)
{
    FILE *f = fopen(in_dir("list"), "r");
    int n = 0;
    assert_non_null(f);
    while (n < CLIPS && fscanf(f, "%63s %63s %15s", clips[n].name, clips[n].file, clips[n].reach) == 3) n++;
    fclose(f);
    assert_true(n > 50);
    return n;
}

/* A whole file. */
static uint8_t *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(*n + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}

typedef struct {
    lt_media *media;
    lt_index *index;
    int       width, height;
    size_t    frame_bytes;
} opened;

static opened open_clip(const char *file, int max_res)
{
    opened o = { 0 };
    const lt_media_opts opts = { .max_res = max_res };
    assert_ok(lt_media_open(in_dir(file), &opts, &o.media));
    assert_ok(lt_media_index(o.media, NULL, &o.index));
    assert_ok(lt_media_set_index(o.media, o.index));
    o.width = lt_media_get_info(o.media)->width;
    o.height = lt_media_get_info(o.media)->height;
    o.frame_bytes = (size_t)o.width * (size_t)o.height * 3;
    return o;
}

static void close_clip(opened *o)
{
    lt_media_close(&o->media);
    lt_index_destroy(&o->index);
}

/* Clockwise by `degrees`, as the container asks and the reference does not. */
static void turn(const uint8_t *src, int w, int h, int degrees, uint8_t *dst)
{
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            int W = degrees % 180 ? h : w;
            int X = degrees == 0 ? x : degrees == 90 ? h - 1 - y : degrees == 180 ? w - 1 - x : y;
            int Y = degrees == 0 ? y : degrees == 90 ? x : degrees == 180 ? h - 1 - y : w - 1 - x;
            memcpy(dst + 3 * (Y * W + X), src + 3 * (y * w + x), 3);
        }
}

static unsigned random_state = 12345;

static int64_t random_below(int64_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (int64_t)((random_state >> 8) % (uint64_t)n);
}

/* Returns the number of things that are wrong, each told on stderr, so that one run tells all. */
static int check_clip(const clip *c)
{
    int wrong = 0;
    char reference[80];
    size_t n_bytes;
    opened o = open_clip(c->file, 0), fresh;
    const lt_media_info *info = lt_media_get_info(o.media);
    snprintf(reference, sizeof reference, "%s.rgb", c->name);
    uint8_t *want = slurp(in_dir(reference), &n_bytes), *got = malloc(o.frame_bytes), *turned = malloc(o.frame_bytes);
    int64_t n = o.index->n_frames, n_want = (int64_t)(n_bytes / o.frame_bytes);
#define WRONG(...) (wrong++, fprintf(stderr, "%s: ", c->name), fprintf(stderr, __VA_ARGS__), fputc('\n', stderr))
    if (n != n_want) WRONG("%lld frames in the index, %lld decoded by ffmpeg", (long long)n, (long long)n_want);
    if (!strcmp(c->reach, "seek") && !o.index->seek_safe) WRONG("not seek-safe: %s", o.index->why);
    if (!strcmp(c->reach, "start") && o.index->seek_safe) WRONG("seek-safe");
    for (int64_t i = 1; i < n; i++)
        if (!(o.index->time[i] > o.index->time[i - 1])) {
            WRONG("time of frame %lld does not rise: %g after %g", (long long)i, o.index->time[i], o.index->time[i - 1]);
            break;
        }
    for (int64_t i = 0; i < n && i < n_want; i++) {
        if (lt_media_read(o.media, i, got, (size_t)o.width * 3) < 0) {
            WRONG("frame %lld in order: %s", (long long)i, lt_error_last()->text);
            continue;
        }
        turn(want + (size_t)i * o.frame_bytes, info->coded_width, info->coded_height, info->rotation, turned);
        if (memcmp(got, turned, o.frame_bytes)) {
            WRONG("frame %lld in order differs from ffmpeg's", (long long)i);
            break;
        }
        memcpy(want + (size_t)i * o.frame_bytes, turned, o.frame_bytes);
    }
    /* Every frame from a fresh object, then in random order on one object. */
    for (int64_t k = 0; !wrong && k < 2 * n; k++) {
        int64_t i = k < n ? k : random_below(n);
        if (k < n && (fresh = open_clip(c->file, 0)).media == NULL) break;
        if (lt_media_read(k < n ? fresh.media : o.media, i, got, (size_t)o.width * 3) < 0)
            WRONG("frame %lld %s: %s", (long long)i, k < n ? "first" : "at random", lt_error_last()->text);
        else if (memcmp(got, want + (size_t)i * o.frame_bytes, o.frame_bytes))
            WRONG("frame %lld %s differs", (long long)i, k < n ? "first" : "at random");
        if (k < n) close_clip(&fresh);
    }
#undef WRONG
    free(want);
    free(got);
    free(turned);
    close_clip(&o);
    return wrong;
}

static void every_frame_of_every_clip(void **state)
{
    (void)state;
    clip clips[CLIPS];
    int n = read_list(clips), bad = 0;
    const char *only = getenv("LT_TEST_CLIP");
    for (int i = 0; i < n; i++)
        if (!only || !strcmp(only, clips[i].name)) bad += check_clip(&clips[i]) > 0;
    assert_int_equal(bad, 0);
}

/* Which frames of a damaged clip are unreadable, and the bytes of the others, do not depend on how they are reached;
 * some are not, and some are, where the decoder can tell. */
static int check_damaged(const char *file, bool must_lose)
{
    int wrong = 0;
    int64_t lost = 0;
    opened o = open_clip(file, 0);
    const int64_t n = o.index->n_frames;
    uint8_t *all = malloc((size_t)n * o.frame_bytes), *got = malloc(o.frame_bytes);
    lt_status *was = malloc((size_t)n * sizeof *was);
    for (int64_t i = 0; i < n; i++) {
        was[i] = lt_media_read(o.media, i, all + (size_t)i * o.frame_bytes, (size_t)o.width * 3);
        if (was[i] < 0) {
            lost++;
            if (was[i] != LT_E_DATA || !strstr(lt_error_last()->text, file)) wrong++, fprintf(stderr, "%s\n", lt_error_last()->text);
        }
    }
    if (lost == n || (lost == 0 && must_lose)) wrong++, fprintf(stderr, "%s: %lld of %lld frames lost\n", file, (long long)lost, (long long)n);
    for (int64_t k = 0; k < 3 * n && !wrong; k++) {
        opened fresh = { 0 };
        const int64_t i = k < n ? n - 1 - k : k < 2 * n ? k - n : random_below(n);
        if (k >= n && k < 2 * n) {
            assert_ok(lt_media_open(in_dir(file), &(lt_media_opts){ 0 }, &fresh.media));
            assert_ok(lt_media_set_index(fresh.media, o.index));
        }
        lt_status is = lt_media_read(fresh.media ? fresh.media : o.media, i, got, (size_t)o.width * 3);
        if (is != was[i] || (is >= 0 && memcmp(got, all + (size_t)i * o.frame_bytes, o.frame_bytes)))
            wrong++, fprintf(stderr, "%s: frame %lld: status %d in order, %d by seek (pass %d)\n", file, (long long)i, was[i], is, (int)(k / n));
        lt_media_close(&fresh.media);
    }
    free(all);
    free(got);
    free(was);
    close_clip(&o);
    return wrong;
}

static void damage_is_the_same_however_reached(void **state)
{
    (void)state;
    char file[128], what[8];
    int wrong = 0, n = 0;
    FILE *f = fopen(in_dir("damaged"), "r");
    assert_non_null(f);
    for (; fscanf(f, "%127s %7s", file, what) == 2; n++) wrong += check_damaged(file, !strcmp(what, "must")) > 0;
    fclose(f);
    assert_int_equal(wrong, 0);
    assert_true(n > 5);
}

static void bad_inputs_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *file, *word;
        lt_status   status;
    } rows[] = {
        { "none.mp4", "No such file", LT_E_DATA },     { "empty.mp4", "empty", LT_E_DATA },
        { "text.mp4", "not a video", LT_E_DATA },      { "audio.mp4", "no video", LT_E_DATA },
        { "truncated.mp4", "cut off", LT_E_DATA },     { "mixed", "notes.txt", LT_E_USAGE },
        { "no_images", "no image", LT_E_USAGE },       { "shot/%05d.png", "no such image", LT_E_DATA },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        lt_media *m = NULL;
        assert_int_equal(lt_media_open(in_dir(rows[i].file), &(lt_media_opts){ 0 }, &m), rows[i].status);
        assert_null(m);
        assert_non_null(strstr(lt_error_last()->text, rows[i].word));
        assert_non_null(strstr(lt_error_last()->text, rows[i].file));
    }
}

/* In a relative path, what stands before a colon is part of the name and no protocol. */
static void a_name_may_hold_a_colon(void **state)
{
    (void)state;
    static const uint8_t rgb[8 * 8 * 3] = { 1, 2, 3 };
    char *here = getcwd(NULL, 0);
    lt_video_writer *w = NULL;
    lt_media *m = NULL;
    assert_int_equal(chdir(dir), 0);
    lt_status written = lt_video_writer_open("take12:30.mkv", 8, 8, 25, 1, LT_VIDEO_LOSSLESS, &w);
    if (written >= 0) written = lt_video_writer_put(w, rgb, 24);
    if (written >= 0) written = lt_video_writer_close(&w);
    lt_status opened_it = lt_media_open("take12:30.mkv", &(lt_media_opts){ 0 }, &m);
    assert_int_equal(chdir(here), 0);
    assert_ok(written);
    assert_ok(opened_it);
    lt_media_close(&m);
    free(here);
}

static void a_change_of_size_makes_frames_unreadable(void **state)
{
    (void)state;
    opened o = open_clip("resize.h264", 0);
    uint8_t *rgb = malloc(o.frame_bytes);
    int64_t good = 0, other = 0;
    assert_int_equal(o.index->n_frames, 60);
    for (int64_t i = 0; i < 60; i++) {
        if (lt_media_read(o.media, i, rgb, (size_t)o.width * 3) >= 0) {
            good++;
        } else {
            if (!strstr(lt_error_last()->text, "64x48")) fail_msg("frame %lld: %s", (long long)i, lt_error_last()->text);
            assert_non_null(strstr(lt_error_last()->text, "96x64"));
            other++;
        }
    }
    assert_int_equal(good, 40);
    assert_int_equal(other, 20);
    free(rgb);
    close_clip(&o);
}

/* A claim of 16384x8704 costs less than one such frame (214 MB) before memory is planned, and says what it would take. */
static void a_large_claim_costs_nothing(void **state)
{
    (void)state;
    struct rusage before, after;
    lt_media *m = NULL;
    getrusage(RUSAGE_SELF, &before);
    assert_ok(lt_media_open(in_dir("claim.mp4"), &(lt_media_opts){ 0 }, &m));
    getrusage(RUSAGE_SELF, &after);
    assert_int_equal(lt_media_get_info(m)->width, 16384);
    assert_true(lt_media_host_bytes(m) > 16384ull * 8704 * 3);
    assert_true(after.ru_maxrss - before.ru_maxrss < 64 * 1024);
    lt_media_close(&m);
}

static void facts_are_told(void **state)
{
    (void)state;
    opened o = open_clip("h264_2020.mkv", 0);
    const lt_media_info *i = lt_media_get_info(o.media);
    assert_string_equal(i->codec, "h264");
    assert_string_equal(i->color_matrix, "bt2020nc");
    assert_string_equal(i->transfer, "smpte2084");
    assert_int_equal(i->bit_depth, 10);
    assert_false(i->interlaced);
    close_clip(&o);
    o = open_clip("h264_mbaff.mp4", 0);
    assert_true(lt_media_get_info(o.media)->interlaced);
    close_clip(&o);
    o = open_clip("paff.mp4", 0);                      /* the container says nothing of it */
    assert_true(lt_media_get_info(o.media)->interlaced);
    close_clip(&o);
    o = open_clip("prores_4444.mov", 0);
    assert_true(lt_media_get_info(o.media)->alpha);
    close_clip(&o);
    o = open_clip("turned_90.mp4", 0);
    i = lt_media_get_info(o.media);
    assert_int_equal(i->width, 64);
    assert_int_equal(i->height, 96);
    assert_int_equal(i->coded_width, 96);
    close_clip(&o);
    o = open_clip("h264_vfr.mp4", 0);
    double first = o.index->time[1] - o.index->time[0], last = o.index->time[39] - o.index->time[38];
    assert_true(last > 2 * first);
    close_clip(&o);
    assert_non_null(strstr(lt_media_library(), "libavcodec 59."));
}

/* Longer side at most max_res, both sides even, the same by seek. */
static void frames_are_made_smaller(void **state)
{
    (void)state;
    opened o = open_clip("h264_odd_444.mp4", 50), full = open_clip("h264_odd_444.mp4", 95);
    uint8_t a[50 * 34 * 3], b[50 * 34 * 3];
    assert_int_equal(o.width, 50);
    assert_int_equal(o.height, 34);                    /* round(63 * 50 / 95) = 33, made even */
    assert_int_equal(full.width, 95);
    assert_int_equal(full.height, 63);
    for (int64_t i = 0; i < 20; i++) assert_ok(lt_media_read(o.media, i, a, 150));
    assert_ok(lt_media_read(o.media, 3, a, 150));
    assert_ok(lt_media_read(o.media, 19, b, 150));
    assert_memory_not_equal(a, b, sizeof a);
    assert_ok(lt_media_read(o.media, 3, b, 150));
    assert_memory_equal(a, b, sizeof a);
    close_clip(&o);
    close_clip(&full);
}

/* The same bytes as ffmpeg's scale filter. */
static void smaller_frames_are_those_of_ffmpeg(void **state)
{
    (void)state;
    char file[64], reference[80];
    int n = 0, wrong = 0;
    FILE *f = fopen(in_dir("smaller"), "r");
    assert_non_null(f);
    for (; fscanf(f, "%63s", file) == 1; n++) {
        size_t n_bytes;
        opened o = open_clip(file, 50);
        uint8_t *got = malloc(o.frame_bytes);
        snprintf(reference, sizeof reference, "%s.rgb50", file);
        uint8_t *want = slurp(in_dir(reference), &n_bytes);
        assert_int_equal(n_bytes, (size_t)o.index->n_frames * o.frame_bytes);
        for (int64_t i = 0; i < o.index->n_frames; i++) {
            assert_ok(lt_media_read(o.media, i, got, (size_t)o.width * 3));
            if (!memcmp(got, want + (size_t)i * o.frame_bytes, o.frame_bytes)) continue;
            wrong++, fprintf(stderr, "%s: frame %lld at 50x34 differs from ffmpeg's\n", file, (long long)i);
            break;
        }
        free(want);
        free(got);
        close_clip(&o);
    }
    fclose(f);
    assert_int_equal(wrong, 0);
    assert_true(n > 3);
}

static uint8_t *all_frames(const char *file, int max_res, size_t *n_bytes)
{
    opened o = open_clip(file, max_res);
    *n_bytes = (size_t)o.index->n_frames * o.frame_bytes;
    uint8_t *all = malloc(*n_bytes);
    for (int64_t i = 0; i < o.index->n_frames; i++) assert_ok(lt_media_read(o.media, i, all + (size_t)i * o.frame_bytes, (size_t)o.width * 3));
    close_clip(&o);
    return all;
}

/* No decoder and no conversion gives other bytes where the processor has no vector instructions. */
static void frames_are_the_same_on_any_processor(void **state)
{
    (void)state;
    clip clips[CLIPS];
    int n = read_list(clips), wrong = 0;
    for (int i = 0; i < 2 * n; i++) {
        const int max_res = i % 2 ? 50 : 0;
        size_t n_with, n_without;
        uint8_t *with = all_frames(clips[i / 2].file, max_res, &n_with);
        av_force_cpu_flags(0);
        uint8_t *without = all_frames(clips[i / 2].file, max_res, &n_without);
        av_force_cpu_flags(-1);
        if (n_with != n_without || memcmp(with, without, n_with))
            wrong++, fprintf(stderr, "%s, --max-res %d: other bytes without vector instructions\n", clips[i / 2].name, max_res);
        free(with);
        free(without);
    }
    assert_int_equal(wrong, 0);
}

static void an_index_survives_json(void **state)
{
    (void)state;
    static const char *const files[] = { "h264_vfr.mp4", "h264_ts.ts", "mpeg4_packed.avi", "images", "negative.mkv" };
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        opened o = open_clip(files[f], 0);
        lt_index *back = NULL;
        json_t *json = lt_index_to_json(o.index), *again;
        char *text = json_dumps(json, JSON_COMPACT);
        assert_non_null(text);
        again = json_loads(text, 0, NULL);
        assert_ok(lt_index_from_json(again, &back));
        assert_int_equal(back->n_frames, o.index->n_frames);
        assert_int_equal(back->n_keys, o.index->n_keys);
        assert_int_equal(back->seek_safe, o.index->seek_safe);
        assert_string_equal(back->why, o.index->why);
        assert_int_equal(back->bytes, o.index->bytes);
        assert_memory_equal(back->hash, o.index->hash, sizeof back->hash);
        assert_memory_equal(back->time, o.index->time, (size_t)back->n_frames * sizeof *back->time);
        assert_int_equal(back->pts != NULL, o.index->pts != NULL);
        if (back->pts) assert_memory_equal(back->pts, o.index->pts, (size_t)back->n_frames * sizeof *back->pts);
        if (back->n_keys) assert_memory_equal(back->key, o.index->key, (size_t)back->n_keys * sizeof *back->key);
        json_object_set_new(again, "time", json_array());
        assert_ok(lt_media_set_index(o.media, back));
        if (back->pts) {
            free(back->pts);
            back->pts = NULL;
            assert_int_equal(lt_media_set_index(o.media, back), LT_E_DATA);
        }
        lt_index_destroy(&back);
        assert_int_equal(lt_index_from_json(again, &back), LT_E_DATA);
        json_object_set_new(again, "n_frames", json_integer(0));
        assert_int_equal(lt_index_from_json(again, &back), LT_E_DATA);
        json_decref(json);
        json_decref(again);
        free(text);
        close_clip(&o);
    }
}

/* The same packets hash the same in another container; other packets do not. */
static void a_hash_is_of_the_packets(void **state)
{
    (void)state;
    opened a = open_clip("h264_mp4.mp4", 0), b = open_clip("turned_90.mp4", 0), c = open_clip("damaged_h264_mp4.mp4", 0);
    assert_memory_equal(a.index->hash, b.index->hash, sizeof a.index->hash);
    assert_memory_not_equal(a.index->hash, c.index->hash, sizeof a.index->hash);
    assert_int_equal(a.index->bytes, c.index->bytes);
    close_clip(&a);
    close_clip(&b);
    close_clip(&c);
}

static void an_index_can_be_stopped(void **state)
{
    (void)state;
    lt_media *m = NULL;
    lt_index *x = NULL;
    const atomic_int stop = 1;
    assert_ok(lt_media_open(in_dir("h264_ts.ts"), &(lt_media_opts){ 0 }, &m));
    assert_int_equal(lt_media_index(m, &stop, &x), LT_E_STOPPED);
    assert_null(x);
    lt_media_close(&m);
}

/* A read and a reader that are stopped on the way to a frame say so, and go on where they were. */
static void a_read_can_be_stopped(void **state)
{
    (void)state;
    opened o = open_clip("h264_ts.ts", 0), plain = open_clip("h264_ts.ts", 0);
    uint8_t *got = malloc(o.frame_bytes), *want = malloc(o.frame_bytes);
    const size_t stride = (size_t)o.width * 3;
    const int64_t frames[] = { 20, 30 };
    const atomic_int quit = 1;
    atomic_int stop = 1;
    lt_reader *r = NULL;
    lt_frame f;
    assert_ok(lt_media_read(plain.media, 30, want, stride));
    assert_ok(lt_media_read(o.media, 5, got, stride));
    assert_int_equal(lt_media_read_unless(o.media, &quit, 30, got, stride), LT_E_STOPPED);
    lt_media_set_stop(o.media, &stop);
    assert_int_equal(lt_media_read(o.media, 30, got, stride), LT_E_STOPPED);
    assert_ok(lt_reader_open(o.media, frames, 2, 2, &r));
    assert_int_equal(lt_reader_next(r, &f), LT_E_STOPPED);
    lt_reader_close(&r);
    atomic_store(&stop, 0);
    assert_ok(lt_media_read(o.media, 30, got, stride));
    assert_memory_equal(got, want, o.frame_bytes);
    free(got);
    free(want);
    close_clip(&o);
    close_clip(&plain);
}

static void frames_are_chosen(void **state)
{
    (void)state;
    double time[100];
    lt_index x = { .n_frames = 100, .time = time };
    int64_t *frames, n;
    for (int i = 0; i < 100; i++) time[i] = 10 + i / 30.0;
    assert_ok(lt_media_select(&x, 0, 0, 0, 0, &frames, &n));
    assert_int_equal(n, 100);
    assert_int_equal(frames[99], 99);
    free(frames);
    /* 30 -> 24: round(1.25) is 1; 30 -> 12: round(2.5) is 2, half to even; 30 -> 10: 3. */
    static const struct {
        double  fps;
        int64_t stride;
    } rates[] = { { 24, 1 }, { 12, 2 }, { 10, 3 }, { 60, 1 } };
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        assert_ok(lt_media_select(&x, 0, 0, rates[r].fps, 0, &frames, &n));
        assert_int_equal(n, (100 + rates[r].stride - 1) / rates[r].stride);
        assert_int_equal(frames[1], rates[r].stride);
        free(frames);
    }
    assert_ok(lt_media_select(&x, 0.99, 2.01, 10, 5, &frames, &n));
    assert_int_equal(n, 5);
    assert_int_equal(frames[0], 30);
    assert_int_equal(frames[4], 42);
    free(frames);
    assert_ok(lt_media_select(&x, 50, 0, 0, 0, &frames, &n));
    assert_int_equal(n, 0);
    free(frames);
}

/* Frames through a reader are those of lt_media_read, a second reader goes on where the first ended, and a reader may be
 * closed in mid-list, with frames ready, waiting or held. */
static void a_reader_runs_ahead(void **state)
{
    (void)state;
    opened o = open_clip("h264_mp4.mp4", 0), plain = open_clip("h264_mp4.mp4", 0);
    uint8_t *want = malloc(o.frame_bytes);
    int64_t frames[60];
    lt_reader *r = NULL;
    lt_frame f;
    for (int i = 0; i < 60; i++) frames[i] = i;
    for (int part = 0; part < 2; part++) {
        assert_ok(lt_reader_open(o.media, frames + 30 * part, 30, 3, &r));
        for (int i = 0; i < 30; i++) {
            assert_int_equal(lt_reader_next(r, &f), LT_OK);
            assert_int_equal(f.frame, 30 * part + i);
            assert_int_equal(f.status, LT_OK);
            assert_ok(lt_media_read(plain.media, f.frame, want, (size_t)o.width * 3));
            for (int y = 0; y < o.height; y++)
                assert_memory_equal(f.rgb + (size_t)y * f.stride, want + (size_t)y * (size_t)o.width * 3, (size_t)o.width * 3);
            lt_reader_release(r, &f);
        }
        assert_int_equal(lt_reader_next(r, &f), LT_END);
        lt_reader_close(&r);
        assert_null(r);
    }
    for (int taken = 0; taken < 4; taken++) {
        assert_ok(lt_reader_open(o.media, frames, 60, 2, &r));
        for (int i = 0; i < taken; i++) {
            assert_int_equal(lt_reader_next(r, &f), LT_OK);
            if (i + 1 < taken) lt_reader_release(r, &f);
        }
        lt_reader_close(&r);
    }
    assert_ok(lt_reader_open(o.media, frames, 0, 2, &r));
    assert_int_equal(lt_reader_next(r, &f), LT_END);
    lt_reader_close(&r);
    lt_reader_close(&r);
    assert_int_equal(lt_reader_bytes(lt_media_get_info(o.media), 3), 3 * 64 * 320);
    free(want);
    close_clip(&o);
    close_clip(&plain);
}

static void a_reader_tells_of_damage(void **state)
{
    (void)state;
    opened o = open_clip("damaged_h264_mp4.mp4", 0);
    int64_t frames[60], lost = 0;
    lt_reader *r = NULL;
    lt_frame f;
    for (int i = 0; i < 60; i++) frames[i] = i;
    assert_ok(lt_reader_open(o.media, frames, 60, 4, &r));
    for (int i = 0; i < 60; i++) {
        assert_int_equal(lt_reader_next(r, &f), LT_OK);
        assert_int_equal(f.frame, i);
        if (f.status < 0) {
            lost++;
            assert_int_equal(f.status, LT_E_DATA);
            assert_non_null(strstr(f.error_text, "damaged_h264_mp4.mp4"));
        }
        lt_reader_release(r, &f);
    }
    assert_in_range(lost, 1, 30);
    lt_reader_close(&r);
    close_clip(&o);
}

enum { SHADE_W = 47, SHADE_H = 33, SHADE_STRIDE = 160, SHADES = 12 };

static void shade(uint8_t *rgb, int w, int h, size_t stride, int frame)
{
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w * 3; x++) rgb[(size_t)y * stride + (size_t)x] = (uint8_t)(x * 5 + y * 3 + frame * 7 + (x * y) % 11);
}

static void lossless_frames_come_back(void **state)
{
    (void)state;
    static uint8_t want[SHADE_H * SHADE_STRIDE], got[SHADE_H * SHADE_STRIDE];
    lt_video_writer *w = NULL;
    assert_ok(lt_video_writer_open(in_dir("written.mkv"), SHADE_W, SHADE_H, 30000, 1001, LT_VIDEO_LOSSLESS, &w));
    for (int i = 0; i < SHADES; i++) {
        shade(want, SHADE_W, SHADE_H, SHADE_STRIDE, i);
        assert_ok(lt_video_writer_put(w, want, SHADE_STRIDE));
    }
    assert_ok(lt_video_writer_close(&w));
    assert_null(w);
    opened o = open_clip("written.mkv", 0);
    assert_int_equal(o.index->n_frames, SHADES);
    assert_true(o.index->seek_safe);
    assert_false(lt_media_get_info(o.media)->alpha);
    for (int i = SHADES - 1; i >= 0; i--) {
        assert_ok(lt_media_read(o.media, i, got, SHADE_STRIDE));
        shade(want, SHADE_W, SHADE_H, SHADE_STRIDE, i);
        for (int y = 0; y < SHADE_H; y++) assert_memory_equal(got + y * SHADE_STRIDE, want + y * SHADE_STRIDE, SHADE_W * 3);
    }
    close_clip(&o);
}

/* Both lossy kinds are near what went in: a smooth grey ramp, off by no more than quantisation at high quality (3 levels). */
static void lossy_frames_come_back_nearly(void **state)
{
    (void)state;
    static const lt_video_codec kinds[] = { LT_VIDEO_H264, LT_VIDEO_MPEG4 };
    static uint8_t want[32 * 48 * 3], got[32 * 48 * 3];
    for (int k = 0; k < 2; k++) {
        lt_video_writer *w = NULL;
        assert_ok(lt_video_writer_open(in_dir("written.mp4"), 48, 32, 25, 1, kinds[k], &w));
        for (int i = 0; i < 60; i++) {
            for (int j = 0; j < 32 * 48 * 3; j++) want[j] = (uint8_t)(j / 3 % 48 * 4 + j / 144 + i);
            assert_ok(lt_video_writer_put(w, want, 144));
        }
        assert_ok(lt_video_writer_close(&w));
        opened o = open_clip("written.mp4", 0);
        assert_int_equal(o.index->n_frames, 60);
        assert_true(o.index->time[59] > 2.35 && o.index->time[59] < 2.37);
        assert_ok(lt_media_read(o.media, 59, got, 144));
        double sum = 0;
        for (int j = 0; j < 32 * 48 * 3; j++) sum += abs(got[j] - want[j]);
        if (sum / (32 * 48 * 3) > 3) fail_msg("kind %d is off by %g", k, sum / (32 * 48 * 3));
        close_clip(&o);
        assert_int_equal(lt_video_writer_open(in_dir("written.mp4"), 47, 32, 25, 1, kinds[k], &w), LT_E_USAGE);
    }
    lt_video_writer *w = NULL;
    assert_int_equal(lt_video_writer_open(in_dir("nowhere/x.mkv"), 8, 8, 25, 1, LT_VIDEO_LOSSLESS, &w), LT_E_STORE);
    assert_non_null(strstr(lt_error_last()->text, "nowhere/x.mkv"));
    assert_null(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_claim_costs_nothing),
        cmocka_unit_test(every_frame_of_every_clip),
        cmocka_unit_test(damage_is_the_same_however_reached),
        cmocka_unit_test(bad_inputs_are_told_apart),
        cmocka_unit_test(a_name_may_hold_a_colon),
        cmocka_unit_test(a_change_of_size_makes_frames_unreadable),
        cmocka_unit_test(facts_are_told),
        cmocka_unit_test(frames_are_made_smaller),
        cmocka_unit_test(smaller_frames_are_those_of_ffmpeg),
        cmocka_unit_test(frames_are_the_same_on_any_processor),
        cmocka_unit_test(an_index_survives_json),
        cmocka_unit_test(a_hash_is_of_the_packets),
        cmocka_unit_test(an_index_can_be_stopped),
        cmocka_unit_test(a_read_can_be_stopped),
        cmocka_unit_test(frames_are_chosen),
        cmocka_unit_test(a_reader_runs_ahead),
        cmocka_unit_test(a_reader_tells_of_damage),
        cmocka_unit_test(lossless_frames_come_back),
        cmocka_unit_test(lossy_frames_come_back_nearly),
    };
    return cmocka_run_group_tests_name("media", tests, make_clips, NULL);
}
