/* Every clip of make_clips.sh: frame i by seek and from the start are the same bytes, and those of the ffmpeg command
 * line; the count is that of a decode. The clips are made by the ffmpeg command line beside the test program. */
#include "check.h"

#include <longtake/media.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_of_every_clip),
    };
    return cmocka_run_group_tests_name("media", tests, make_clips, NULL);
}
