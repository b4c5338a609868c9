/* Frames that stay on a device. There is no GPU here: a software decoder stands in for NVDEC behind the table of src/media/hw.h, and host memory for
 * the device's, so that all is tried but libavcodec's hwaccel itself. Frames, made RGB by the integers of longtake/yuv.h, are the bytes of a reader that
 * decodes by the CPU, and so is what a network gets. */
#include "check.h"

#include "media/media_private.h"

#include <longtake/cpu.h>
#include <longtake/frames.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 4096, GUARD = 512 };

static char dir[PATH - 128];

static const char *in_dir(const char *file)
{
    static char path[PATH];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    return path;
}

static const struct {
    const char *file, *options;
} clips[] = {
    { "plain.mp4", "-s 96x64 -c:v libx264 -pix_fmt yuv420p -g 8 -bf 3" },
    { "hd.mkv", "-s 130x70 -c:v libx264 -pix_fmt yuv420p -g 8 -bf 2 -colorspace bt709 -color_range tv" },
    { "full.mp4", "-s 64x66 -c:v libx264 -vf scale=out_range=full -pix_fmt yuvj420p -color_range pc -g 5" },
    { "start.ts", "-s 96x64 -c:v libx264 -pix_fmt yuv420p -g 8 -bf 3" },
    { "hevc.mkv", "-s 128x64 -c:v libx265 -pix_fmt yuv420p -x265-params log-level=none:keyint=8 -colorspace smpte240m" },
    { "vp9.webm", "-s 96x64 -c:v libvpx-vp9 -pix_fmt yuv420p -g 8 -cpu-used 8 -deadline realtime" },
    { "odd.webm", "-s 95x63 -c:v libvpx-vp9 -pix_fmt yuv420p -g 8 -cpu-used 8 -deadline realtime" },
    { "ten.mp4", "-s 96x64 -c:v libx264 -pix_fmt yuv420p10le" },
    { "rich.mp4", "-s 96x64 -c:v libx264 -pix_fmt yuv444p" },
    { "old.avi", "-s 96x64 -c:v mpeg4 -pix_fmt yuv420p" },
    { "wide.ts", "-s 128x64 -c:v libx264 -pix_fmt yuv420p -g 8" },
    { "still.png", "-s 96x64 -frames:v 1" },
};
enum { EQUAL = 6 };                          /* the first ones can be served */

static int make_clips(void **state)
{
    static char command[3 * PATH];
    ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 16);
    (void)state;
    if (n <= 0) return 1;
    dir[n] = 0;
    strcpy(strrchr(dir, '/'), "/nvdec_clips");
    snprintf(command, sizeof command, "mkdir -p '%s/images'", dir);
    if (system(command)) return 1;
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++) {
        if (!access(in_dir(clips[i].file), R_OK)) continue;
        snprintf(command, sizeof command, "cd '%s' && ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc2=rate=25,noise=alls=12:allf=t:all_seed=7 -frames:v 30 "
                 "-threads 1 %s made_%s && mv made_%s %s", dir, clips[i].options, clips[i].file, clips[i].file, clips[i].file);
        if (system(command)) return 1;
    }
    snprintf(command, sizeof command, "cd '%s' && cp still.png images/1.png && ffmpeg -nostdin -loglevel error -y -i plain.mp4 -c copy -metadata:s:v rotate=90 turned.mp4 && "
             "head -c 6000 start.ts > damaged.ts && head -c 400 /dev/zero | tr '\\0' x >> damaged.ts && tail -c +6401 start.ts >> damaged.ts && cat start.ts wide.ts > sizes.ts", dir);
    return system(command);
}

/* ---- the stand-in ---- */

typedef struct {
    int open, copies;
} counts;

static counts seen;

static lt_status open_stand_in(lt_stream *stream, void **own)
{
    assert_non_null(stream);
    assert_int_equal(seen.open++, 0);
    *own = &seen;
    return LT_OK;
}

static void close_stand_in(void **own)
{
    assert_ptr_equal(*own, &seen);
    seen.open--;
    *own = NULL;
}

static const AVCodec *find_stand_in(enum AVCodecID id)
{
    return avcodec_find_decoder(id);
}

static lt_status ready_stand_in(void *own, AVCodecContext *codec)
{
    assert_ptr_equal(own, &seen);
    assert_false(avcodec_is_open(codec));
    return LT_OK;
}

static lt_status copy_stand_in(void *own, lt_stream *stream, const AVFrame *f, const char *path, const lt_hw_place *to)
{
    (void)own;
    (void)path;
    assert_true(f->format == AV_PIX_FMT_YUV420P || f->format == AV_PIX_FMT_YUVJ420P);
    for (int y = 0; y < f->height; y++)
        assert_ok(lt_copy_to_device(stream, to->luma + (size_t)y * to->stride, f->data[0] + y * f->linesize[0], (size_t)f->width));
    for (int y = 0; y < (f->height + 1) / 2; y++)
        for (int x = 0; x < (f->width + 1) / 2; x++)
            for (int c = 0; c < 2; c++) to->chroma[(size_t)y * to->stride + (size_t)(2 * x + c)] = f->data[1 + c][y * f->linesize[1 + c] + x];
    seen.copies++;
    return LT_OK;
}

static const lt_hw_table stand_in = { open_stand_in, close_stand_in, find_stand_in, ready_stand_in, AV_PIX_FMT_NONE, copy_stand_in };

/* As NVDEC, but with no device behind it: libavcodec offers its format, and then finds that it cannot be had. */
static const lt_hw_table no_device = { open_stand_in, close_stand_in, find_stand_in, ready_stand_in, AV_PIX_FMT_CUDA, copy_stand_in };

/* ---- a media on the device, and its twin on the CPU ---- */

typedef struct {
    lt_media  *media, *twin;
    lt_index  *index;
    lt_device *device;
    uint8_t   *ring;
    size_t     ring_bytes;
} pair;

static lt_status open_pair(pair *p, const char *file, int n_buffers, int max_res, const lt_hw_table *table)
{
    const lt_media_opts on_device = { .max_res = max_res, .decoder = LT_DECODER_NVDEC }, on_cpu = { .max_res = max_res };
    *p = (pair){ 0 };
    assert_ok(lt_media_open(in_dir(file), &on_cpu, &p->twin));
    assert_ok(lt_media_open(in_dir(file), &on_device, &p->media));
    assert_ok(lt_media_index(p->media, NULL, &p->index));
    assert_ok(lt_media_set_index(p->media, p->index));
    assert_ok(lt_media_set_index(p->twin, p->index));
    assert_ok(lt_device_open(LT_BACKEND_CPU, 0, &p->device));
    p->ring_bytes = lt_reader_device_bytes(lt_media_get_info(p->media), n_buffers);
    assert_int_equal(p->ring_bytes % 256, 0);
    p->ring = aligned_alloc(256, p->ring_bytes + GUARD);
    assert_non_null(p->ring);
    memset(p->ring, 0x5a, p->ring_bytes + GUARD);
    p->media->hw.table = table;
    return lt_media_use_device(p->media, p->device, p->ring, p->ring_bytes);
}

static void close_pair(pair *p)
{
    for (size_t i = 0; i < GUARD; i++) assert_int_equal(p->ring[p->ring_bytes + i], 0x5a);
    lt_media_close(&p->media);
    lt_media_close(&p->twin);
    lt_index_destroy(&p->index);
    assert_int_equal(seen.open, 0);
    lt_device_close(&p->device);
    free(p->ring);
}

/* The frames of a list through both readers: the same ones cannot be read, the others are the same bytes. Returns how many could be read. */
static int compare(pair *p, const int64_t *frames, int64_t n, int n_buffers)
{
    const lt_media_info *info = lt_media_get_info(p->media);
    const size_t line = (size_t)info->width * 3;
    uint8_t *rgb = malloc(line * (size_t)info->height);
    float *want = malloc(70 * 42 * 3 * sizeof *want), *got = malloc(70 * 42 * 3 * sizeof *got);
    int good = 0;
    lt_reader *a, *b;
    lt_frame f, g;
    lt_prepare *prepare;
    lt_yuv *yuv;
    assert_true(rgb && want && got);
    assert_ok(lt_yuv_create(info->width, info->height, &yuv));
    assert_ok(lt_prepare_create(info->width, info->height, 70, 42, &prepare));
    assert_ok(lt_reader_open(p->media, frames, n, n_buffers, &a));
    assert_ok(lt_reader_open(p->twin, frames, n, n_buffers, &b));
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(lt_reader_next(a, &f), LT_OK);
        assert_int_equal(lt_reader_next(b, &g), LT_OK);
        assert_int_equal(f.frame, frames[i]);
        assert_null(f.rgb);
        assert_int_equal(f.status, g.status);
        if (f.status == LT_OK) {
            good++;
            assert_in_range((uintptr_t)f.planes.luma, (uintptr_t)p->ring, (uintptr_t)(p->ring + p->ring_bytes));
            lt_yuv_run(yuv, &f.planes, rgb, line);
            for (int y = 0; y < info->height; y++) assert_memory_equal(rgb + (size_t)y * line, g.rgb + (size_t)y * g.stride, line);
            lt_prepare_run(prepare, NULL, lt_cpu_isa(), rgb, line, got);
            lt_prepare_run(prepare, NULL, lt_cpu_isa(), g.rgb, g.stride, want);
            assert_memory_equal(want, got, 70 * 42 * 3 * sizeof *got);
        } else {
            assert_string_equal(f.error_text, g.error_text);
        }
        lt_reader_release(a, &f);
        lt_reader_release(b, &g);
    }
    assert_int_equal(lt_reader_next(a, &f), LT_END);
    lt_reader_close(&a);
    lt_reader_close(&b);
    lt_prepare_destroy(&prepare);
    lt_yuv_destroy(&yuv);
    free(rgb);
    free(want);
    free(got);
    return good;
}

static void the_same_frames(void **state)
{
    static const int64_t all[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29 };
    static const int64_t few[] = { 1, 2, 26, 29 }, back[] = { 0, 17 };
    (void)state;
    for (int i = 0; i < EQUAL; i++) {
        pair p;
        seen = (counts){ 0 };
        assert_ok(open_pair(&p, clips[i].file, 3, 0, &stand_in));
        assert_int_equal(compare(&p, all, 30, 3), 30);
        assert_int_equal(seen.copies, 30);
        assert_int_equal(compare(&p, few, 4, 2), 4);
        assert_int_equal(compare(&p, back, 2, 1), 2);
        close_pair(&p);
    }
}

static void the_same_damage(void **state)
{
    int64_t frames[30], n = 0;
    pair p;
    (void)state;
    assert_ok(open_pair(&p, "damaged.ts", 3, 0, &stand_in));
    for (int i = 0; i < 30 && i < p.index->n_frames; i++) frames[n++] = i;
    const int good = compare(&p, frames, n, 3);
    assert_in_range(good, 1, n - 1);
    close_pair(&p);
}

/* Frames of another size than the stream's are unreadable on either. */
static void the_same_sizes(void **state)
{
    int64_t frames[90], n = 0;
    pair p;
    (void)state;
    assert_ok(open_pair(&p, "sizes.ts", 3, 0, &stand_in));
    assert_in_range(p.index->n_frames, 31, 90);
    for (int64_t i = 0; i < p.index->n_frames; i++) frames[n++] = i;
    assert_in_range(compare(&p, frames, n, 3), 20, 30);
    close_pair(&p);
}

static void a_reader_ends_early(void **state)
{
    static const int64_t frames[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    const atomic_int stop = 1;
    lt_reader *r;
    lt_frame f;
    pair p;
    (void)state;
    assert_ok(open_pair(&p, "plain.mp4", 2, 0, &stand_in));
    for (int taken = 0; taken < 3; taken++) {
        assert_ok(lt_reader_open(p.media, frames, 8, 2, &r));
        for (int i = 0; i < taken; i++) assert_int_equal(lt_reader_next(r, &f), LT_OK);
        lt_reader_close(&r);
    }
    assert_int_equal(lt_reader_open(p.media, frames, 8, 3, &r), LT_E_INTERNAL);
    lt_media_set_stop(p.media, &stop);
    assert_ok(lt_reader_open(p.media, frames, 8, 2, &r));
    assert_int_equal(lt_reader_next(r, &f), LT_E_STOPPED);
    lt_reader_close(&r);
    close_pair(&p);
}

static void one_frame(void **state)
{
    static const int64_t order[] = { 29, 3, 4, 0 };
    uint8_t rgb[96 * 64 * 3], want[96 * 64 * 3];
    lt_nv12 planes;
    lt_yuv *yuv;
    pair p;
    (void)state;
    assert_ok(lt_yuv_create(96, 64, &yuv));
    assert_ok(open_pair(&p, "plain.mp4", 1, 0, &stand_in));
    for (int i = 0; i < 4; i++) {
        assert_ok(lt_media_read_planes(p.media, order[i], &planes));
        lt_yuv_run(yuv, &planes, rgb, 96 * 3);
        assert_ok(lt_media_read(p.twin, order[i], want, 96 * 3));
        assert_memory_equal(rgb, want, sizeof want);
    }
    assert_int_equal(lt_media_read_planes(p.media, 30, &planes), LT_E_DATA);
    assert_int_equal(lt_media_read(p.media, 0, rgb, 96 * 3), LT_E_INTERNAL);
    assert_int_equal(lt_media_read_planes(p.twin, 0, &planes), LT_E_INTERNAL);
    lt_yuv_destroy(&yuv);
    close_pair(&p);
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *file, *word;
        int         max_res;
    } rows[] = {
        { "odd.webm", "odd", 0 },
        { "ten.mp4", "4:2:0", 0 },
        { "rich.mp4", "4:2:0", 0 },
        { "old.avi", "h264", 0 },
        { "images", "h264", 0 },
        { "turned.mp4", "turned", 0 },
        { "plain.mp4", "--max-res", 80 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pair p;
        seen = (counts){ 0 };
        assert_int_equal(open_pair(&p, rows[i].file, 2, rows[i].max_res, &stand_in), LT_E_DATA);
        assert_non_null(strstr(lt_error_last()->text, rows[i].word));
        assert_non_null(strstr(lt_error_last()->text, "--decoder cpu"));
        assert_non_null(strstr(lt_error_last()->text, rows[i].file));
        close_pair(&p);
    }
}

/* libavcodec's own question, which format it shall be, is asked and answered; nothing falls back. */
static void a_device_that_does_not_take_it(void **state)
{
    pair p;
    (void)state;
    seen = (counts){ 0 };
    assert_int_equal(open_pair(&p, "plain.mp4", 2, 0, &no_device), LT_E_DATA);
    assert_non_null(strstr(lt_error_last()->text, "plain.mp4: NVDEC does not take it"));
    assert_non_null(strstr(lt_error_last()->text, "--decoder cpu"));
    assert_int_equal(seen.copies, 0);
    close_pair(&p);
}

static void the_format_is_chosen(void **state)
{
    static const enum AVPixelFormat usual[] = { AV_PIX_FMT_VDPAU, AV_PIX_FMT_CUDA, AV_PIX_FMT_YUV420P, AV_PIX_FMT_NONE };
    static const enum AVPixelFormat full[] = { AV_PIX_FMT_CUDA, AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_NONE };
    static const enum AVPixelFormat without[] = { AV_PIX_FMT_VDPAU, AV_PIX_FMT_YUV420P, AV_PIX_FMT_NONE };
    static const enum AVPixelFormat deep[] = { AV_PIX_FMT_CUDA, AV_PIX_FMT_YUV420P10, AV_PIX_FMT_NONE };
    static const enum AVPixelFormat nothing[] = { AV_PIX_FMT_NONE };
    const char *why;
    (void)state;
    assert_int_equal(lt_hw_choose(usual, AV_PIX_FMT_CUDA, &why), AV_PIX_FMT_CUDA);
    assert_null(why);
    assert_int_equal(lt_hw_choose(full, AV_PIX_FMT_CUDA, &why), AV_PIX_FMT_CUDA);
    assert_int_equal(lt_hw_choose(without, AV_PIX_FMT_CUDA, &why), AV_PIX_FMT_NONE);
    assert_non_null(why);
    assert_int_equal(lt_hw_choose(deep, AV_PIX_FMT_CUDA, &why), AV_PIX_FMT_NONE);
    assert_non_null(strstr(why, "4:2:0"));
    assert_int_equal(lt_hw_choose(nothing, AV_PIX_FMT_CUDA, &why), AV_PIX_FMT_NONE);
}

/* NVDEC itself, where there is none: one sentence, and a device's fault, not the video's. */
static void without_a_gpu(void **state)
{
    pair p;
    (void)state;
    const lt_status st = open_pair(&p, "plain.mp4", 2, 0, NULL);
    assert_int_equal(st, LT_E_DEVICE);
    assert_non_null(strstr(lt_error_last()->text, "--decoder cpu"));
    close_pair(&p);
}

/* Decoders of libavcodec itself, not the wrappers of another library, nor dav1d. */
static void decoders(void **state)
{
    static const struct {
        enum AVCodecID id;
        const char    *name;
    } rows[] = { { AV_CODEC_ID_H264, "h264" }, { AV_CODEC_ID_HEVC, "hevc" }, { AV_CODEC_ID_VP9, "vp9" }, { AV_CODEC_ID_AV1, "av1" }, { AV_CODEC_ID_PNG, NULL } };
    (void)state;
    if (!lt_hw_nvdec.find(AV_CODEC_ID_H264)) skip();         /* a libavcodec without NVDEC */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const AVCodec *c = lt_hw_nvdec.find(rows[i].id);
        if (rows[i].name) assert_string_equal(c->name, rows[i].name);
        else assert_null(c);
    }
}

/* Twice what one picture's pool is, at least: NVDEC decodes into one set of surfaces and hands out of another. */
static void figures(void **state)
{
    lt_media *m;
    (void)state;
    assert_ok(lt_media_open(in_dir("plain.mp4"), &(lt_media_opts){ 0 }, &m));
    assert_int_equal(lt_media_device_bytes(m), 0);
    lt_media_close(&m);
    assert_ok(lt_media_open(in_dir("plain.mp4"), &(lt_media_opts){ .decoder = LT_DECODER_NVDEC }, &m));
    assert_true(lt_media_device_bytes(m) >= (size_t)2 * 34 * 512 * 64 * 3 / 2);
    assert_int_equal(lt_reader_device_bytes(lt_media_get_info(m), 5), 5 * 256 * 96);
    lt_media_close(&m);
    assert_string_equal(lt_decoder_name(LT_DECODER_CPU), "cpu");
    assert_string_equal(lt_decoder_name(LT_DECODER_NVDEC), "nvdec");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_frames),
        cmocka_unit_test(the_same_damage),
        cmocka_unit_test(the_same_sizes),
        cmocka_unit_test(a_reader_ends_early),
        cmocka_unit_test(one_frame),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(a_device_that_does_not_take_it),
        cmocka_unit_test(the_format_is_chosen),
        cmocka_unit_test(without_a_gpu),
        cmocka_unit_test(decoders),
        cmocka_unit_test(figures),
    };
    return cmocka_run_group_tests(tests, make_clips, NULL);
}
