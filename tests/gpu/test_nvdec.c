/* NVDEC itself: its frames, made ready for a network on the GPU, are the bits of frames that the CPU decodes, through seeks and both ranges of values. */
#include "check.h"

#include <longtake/arena.h>
#include <longtake/cpu.h>
#include <longtake/frames.h>
#include <longtake/media.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FRAMES = 40, NET_W = 252, NET_H = 140, AHEAD = 4, VALUES = NET_W * NET_H * 3 };

static char dir[4096];

static int find_dir(void **state)
{
    const ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 64);
    (void)state;
    if (n <= 0) return 1;
    dir[n] = 0;
    *strrchr(dir, '/') = 0;
    return 0;
}

/* false where the GPU or this libavcodec cannot. */
static bool compare(lt_device *device, const char *file, const char *options)
{
    static float want[VALUES], got[VALUES];
    static char path[sizeof dir + 32], command[3 * sizeof dir];
    int64_t frames[FRAMES], n = 0;
    lt_media *media, *twin;
    lt_index *index;
    lt_arena *arena;
    lt_stream *compute;
    lt_prepare *prepare;
    lt_yuv *yuv;
    lt_prepare_device *on_device;
    lt_reader *a, *b;
    lt_frame f, g;
    snprintf(path, sizeof path, "%s/gpu_%s", dir, file);
    snprintf(command, sizeof command, "ffmpeg -nostdin -loglevel error -y -f lavfi -i testsrc2=rate=25:size=640x360,noise=alls=12:allf=t:all_seed=7 -frames:v %d %s '%s'",
             FRAMES, options, path);
    assert_int_equal(system(command), 0);
    assert_ok(lt_media_open(path, &(lt_media_opts){ .decoder = LT_DECODER_NVDEC }, &media));
    assert_ok(lt_media_open(path, &(lt_media_opts){ 0 }, &twin));
    assert_ok(lt_media_index(twin, NULL, &index));
    assert_ok(lt_media_set_index(media, index));
    assert_ok(lt_media_set_index(twin, index));
    for (int64_t i = 0; i < FRAMES; i++)
        if (i < 12 || i > 30 || i % 7 == 0) frames[n++] = i;
    const size_t ring = lt_reader_device_bytes(lt_media_get_info(media), AHEAD), tables = lt_prepare_device_bytes(640, 360, NET_W, NET_H, true);
    assert_ok(lt_arena_create_on(device, ring + tables + sizeof got, &arena));
    assert_ok(lt_stream_create(device, "compute", &compute));
    const lt_status st = lt_media_use_device(media, device, lt_arena_at(arena, 0), ring);
    if (st < 0) print_message("%s\n", lt_error_last()->text);
    if (st == LT_OK) {
        assert_ok(lt_yuv_create(640, 360, &yuv));
        assert_ok(lt_prepare_create(640, 360, NET_W, NET_H, &prepare));
        assert_ok(lt_prepare_device_create(prepare, yuv, lt_arena_at(arena, ring), compute, &on_device));
        assert_ok(lt_reader_open(media, frames, n, AHEAD, &a));
        assert_ok(lt_reader_open(twin, frames, n, AHEAD, &b));
        for (int64_t i = 0; i < n; i++) {
            const lt_prepare_source source = { .planes = (assert_int_equal(lt_reader_next(a, &f), LT_OK), f.planes) };
            assert_int_equal(lt_reader_next(b, &g), LT_OK);
            if (f.status < 0) fail_msg("frame %d: %s", (int)f.frame, f.error_text);
            assert_ok(lt_prepare_device_run(on_device, compute, &source, lt_arena_at(arena, ring + tables)));
            assert_ok(lt_copy_to_host(compute, got, lt_arena_at(arena, ring + tables), sizeof got));
            assert_ok(lt_stream_finish(compute));
            lt_prepare_run(prepare, NULL, lt_cpu_isa(), g.rgb, g.stride, want);
            if (memcmp(want, got, sizeof got)) fail_msg("%s: frame %d differs", file, (int)f.frame);
            lt_reader_release(a, &f);
            lt_reader_release(b, &g);
        }
        lt_reader_close(&a);
        lt_reader_close(&b);
        lt_prepare_device_destroy(&on_device);
        lt_prepare_destroy(&prepare);
        lt_yuv_destroy(&yuv);
    }
    lt_media_close(&media);
    lt_media_close(&twin);
    lt_index_destroy(&index);
    lt_stream_destroy(&compute);
    lt_arena_destroy(&arena);
    remove(path);
    return st == LT_OK;
}

static void the_bits_of_the_cpu(void **state)
{
    static const struct {
        const char *file, *options;
    } rows[] = {
        { "plain.mp4", "-c:v libx264 -pix_fmt yuv420p -g 8 -bf 3" },
        { "full.mkv", "-c:v libx264 -vf scale=out_range=full -pix_fmt yuvj420p -color_range pc -colorspace bt709 -g 8" },
        { "stream.ts", "-c:v libx264 -pix_fmt yuv420p -g 8 -bf 2" },
        { "hevc.mkv", "-c:v libx265 -pix_fmt yuv420p -x265-params log-level=none:keyint=8" },
        { "vp9.webm", "-c:v libvpx-vp9 -pix_fmt yuv420p -g 8 -cpu-used 8 -deadline realtime" },
    };
    lt_device *device;
    int served = 0;
    (void)state;
    if (lt_device_open(LT_BACKEND_CUDA, 0, &device) < 0) {
        print_message("%s\n", lt_error_last()->text);
        skip();
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) served += compare(device, rows[i].file, rows[i].options);
    print_message("%d of %d streams by NVDEC\n", served, (int)(sizeof rows / sizeof *rows));
    lt_device_close(&device);
    if (!served) skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_bits_of_the_cpu) };
    return cmocka_run_group_tests(tests, find_dir, NULL);
}
