/* Frames of a decoder that stay on the fake GPU, where streams run late: what the network gets is what it gets of frames that the CPU decodes. A software
 * decoder stands in for NVDEC; its surfaces are device memory. And a device that is lost is not taken for a bad video. */
#include "check.h"
#include "cuda_fake.h"

#include "media/media_private.h"
#include "media/nv12_cuda.h"

#include <longtake/arena.h>
#include <longtake/cpu.h>
#include <longtake/frames.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 96, HEIGHT = 64, FRAMES = 12, NET_W = 70, NET_H = 42, AHEAD = 3, PITCH = 512 };

static char clip[4096];

static int make_clip(void **state)
{
    static char command[3 * sizeof clip];
    const ssize_t n = readlink("/proc/self/exe", clip, sizeof clip - 64);
    (void)state;
    if (n <= 0) return 1;
    clip[n] = 0;
    strcpy(strrchr(clip, '/'), "/fakegpu_nvdec.mp4");
    snprintf(command, sizeof command, "ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc2=rate=25:size=%dx%d -frames:v %d -c:v libx264 -pix_fmt yuv420p -g 4 "
             "-colorspace bt709 -threads 1 '%s'", WIDTH, HEIGHT, FRAMES, clip);
    return system(command);
}

static int remove_clip(void **state)
{
    (void)state;
    return remove(clip);
}

/* ---- the stand-in: a surface on the device for each frame in turn ---- */

static uint8_t *surface;

static lt_status open_stand_in(lt_stream *stream, void **own)
{
    (void)stream;
    *own = surface;
    return LT_OK;
}

static void close_stand_in(void **own)
{
    *own = NULL;
}

static const AVCodec *find_stand_in(enum AVCodecID id)
{
    return avcodec_find_decoder(id);
}

static lt_status ready_stand_in(void *own, AVCodecContext *codec)
{
    (void)own;
    (void)codec;
    return LT_OK;
}

static lt_status copy_stand_in(void *own, lt_stream *stream, const AVFrame *f, const char *path, const lt_hw_place *to)
{
    lt_status st = LT_OK;
    static uint8_t host[PITCH * (HEIGHT + HEIGHT / 2)];
    uint8_t *luma = own, *chroma = luma + PITCH * HEIGHT;
    (void)path;
    for (int y = 0; y < HEIGHT; y++) memcpy(host + PITCH * y, f->data[0] + y * f->linesize[0], WIDTH);
    for (int y = 0; y < HEIGHT / 2; y++)
        for (int x = 0; x < WIDTH; x++) host[PITCH * (HEIGHT + y) + x] = f->data[1 + x % 2][y * f->linesize[1 + x % 2] + x / 2];
    LT_TRY(lt_copy_to_device(stream, luma, host, sizeof host));
    const lt_nv12_copy copy = { luma, chroma, PITCH, PITCH, f->width, f->height, to->luma, to->chroma, to->stride };
    LT_TRY(lt_nv12_copy_cuda(lt_stream_handle(stream), &copy));
    LT_TRY(lt_stream_finish(stream));
done:
    return st;
}

static const lt_hw_table stand_in = { open_stand_in, close_stand_in, find_stand_in, ready_stand_in, AV_PIX_FMT_NONE, copy_stand_in };

typedef struct {
    lt_media  *media, *twin;
    lt_index  *index;
    lt_device *device;
    lt_arena  *arena;
    lt_stream *compute;
    float     *input;                        /* of the network, on the device */
    uint8_t   *tables;
} rig;

static lt_status open_rig(rig *r)
{
    const lt_media_opts on_device = { .decoder = LT_DECODER_NVDEC }, on_cpu = { 0 };
    const size_t prepare = lt_prepare_device_bytes(WIDTH, HEIGHT, NET_W, NET_H, true), input = (NET_W * NET_H * 3 * sizeof(float) + 255) / 256 * 256;
    *r = (rig){ 0 };
    assert_ok(lt_media_open(clip, &on_device, &r->media));
    assert_ok(lt_media_open(clip, &on_cpu, &r->twin));
    assert_ok(lt_media_index(r->media, NULL, &r->index));
    assert_ok(lt_media_set_index(r->media, r->index));
    assert_ok(lt_media_set_index(r->twin, r->index));
    const size_t ring = lt_reader_device_bytes(lt_media_get_info(r->media), AHEAD);
    assert_ok(lt_device_open(LT_BACKEND_CUDA, 0, &r->device));
    assert_ok(lt_arena_create_on(r->device, ring + prepare + input + PITCH * (HEIGHT + HEIGHT / 2), &r->arena));
    r->tables = lt_arena_at(r->arena, ring);
    r->input = lt_arena_at(r->arena, ring + prepare);
    surface = lt_arena_at(r->arena, ring + prepare + input);
    assert_ok(lt_stream_create(r->device, "compute", &r->compute));
    r->media->hw.table = &stand_in;
    return lt_media_use_device(r->media, r->device, lt_arena_at(r->arena, 0), ring);
}

static void close_rig(rig *r)
{
    lt_media_close(&r->media);
    lt_media_close(&r->twin);
    lt_index_destroy(&r->index);
    lt_stream_destroy(&r->compute);
    lt_arena_destroy(&r->arena);
    lt_device_close(&r->device);
}

static void the_same_input(void **state)
{
    static const int64_t frames[] = { 0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11 };
    enum { N = sizeof frames / sizeof *frames, VALUES = NET_W * NET_H * 3 };
    static float want[VALUES], got[VALUES];
    rig r;
    lt_yuv *yuv;
    lt_prepare *prepare;
    lt_prepare_device *on_device;
    lt_reader *a, *b;
    lt_frame f, g;
    (void)state;
    for (int seed = 1; seed <= 3; seed++) {
        char text[32];
        snprintf(text, sizeof text, "seed=%d,idle=0", seed);
        lt_fake_restart(text);
        assert_ok(open_rig(&r));
        assert_ok(lt_yuv_create(WIDTH, HEIGHT, &yuv));
        assert_ok(lt_prepare_create(WIDTH, HEIGHT, NET_W, NET_H, &prepare));
        assert_ok(lt_prepare_device_create(prepare, yuv, r.tables, r.compute, &on_device));
        lt_yuv_destroy(&yuv);
        assert_ok(lt_reader_open(r.media, frames, N, AHEAD, &a));
        assert_ok(lt_reader_open(r.twin, frames, N, AHEAD, &b));
        for (int i = 0; i < N; i++) {
            assert_int_equal(lt_reader_next(a, &f), LT_OK);
            assert_int_equal(lt_reader_next(b, &g), LT_OK);
            assert_int_equal(f.status, LT_OK);
            const lt_prepare_source source = { .planes = f.planes };
            assert_ok(lt_prepare_device_run(on_device, r.compute, &source, r.input));
            assert_ok(lt_copy_to_host(r.compute, got, r.input, sizeof got));
            assert_ok(lt_stream_finish(r.compute));
            lt_prepare_run(prepare, NULL, lt_cpu_isa(), g.rgb, g.stride, want);
            assert_memory_equal(want, got, sizeof got);
            lt_reader_release(a, &f);
            lt_reader_release(b, &g);
        }
        lt_reader_close(&a);
        lt_reader_close(&b);
        lt_prepare_device_destroy(&on_device);
        lt_prepare_destroy(&prepare);
        close_rig(&r);
        assert_int_equal(lt_fake_reports(), 0);
    }
}

/* The third kernel loses the device: two frames are there, and then the reader ends with the device's fault. */
static void a_lost_device(void **state)
{
    static const int64_t frames[] = { 0, 1, 2, 3, 4, 5 };
    rig r;
    lt_reader *reader;
    lt_frame f;
    lt_status st;
    int good = 0;
    (void)state;
    lt_fake_restart("sticky=3,idle=0");
    assert_ok(open_rig(&r));
    assert_ok(lt_reader_open(r.media, frames, 6, AHEAD, &reader));
    while ((st = lt_reader_next(reader, &f)) == LT_OK) {
        assert_int_equal(f.status, LT_OK);
        good++;
        lt_reader_release(reader, &f);
    }
    assert_int_equal(st, LT_E_DEVICE);
    assert_int_equal(good, 2);
    assert_true(lt_device_lost(r.device));
    lt_reader_close(&reader);
    /* What a decoder makes of a device that is gone is no fault of the video either. */
    lt_nv12 planes;
    assert_int_equal(lt_media_read_planes(r.media, FRAMES, &planes), LT_E_DEVICE);
    close_rig(&r);
    lt_fake_forget();
}

/* The real decoder needs a driver, which the fake is not. */
static void no_driver(void **state)
{
    rig r;
    (void)state;
    if (!access("/usr/lib/x86_64-linux-gnu/libcuda.so.1", F_OK)) skip();
    lt_fake_restart("idle=0");
    assert_ok(open_rig(&r));
    void *own = &r;
    lt_stream *stream;
    assert_ok(lt_stream_create(r.device, "decode", &stream));
    assert_int_equal(lt_hw_nvdec.open(stream, &own), LT_E_DEVICE);
    assert_null(own);
    assert_non_null(strstr(lt_error_last()->text, "driver"));
    assert_non_null(strstr(lt_error_last()->text, "--decoder cpu"));
    lt_stream_destroy(&stream);
    close_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_input),
        cmocka_unit_test(a_lost_device),
        cmocka_unit_test(no_driver),
    };
    return cmocka_run_group_tests(tests, make_clip, remove_clip);
}
