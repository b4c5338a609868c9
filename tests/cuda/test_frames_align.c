/* CUDA kernels before and after the network, under the shim: the bits of the CPU, in every order of blocks and warps. */
#include "check.h"

#include "align/align_cuda.h"
#include "cuda_shim_control.h"
#include "frames/prepare_cuda.h"

#include <longtake/cpu.h>
#include <longtake/device.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *need(size_t n)
{
    void *p = malloc(n);
    assert_non_null(p);
    return p;
}

/* Scattered over 0 .. 1 by the golden section: no two alike. */
static float scattered(int64_t i)
{
    const double x = 0.6180339887498949 * (double)(i + 1);
    return (float)(x - floor(x));
}

static float *floats(int64_t n, int64_t seed)
{
    float *x = need((size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++) x[i] = scattered(seed * 7919 + i) * 3 - .5f;
    return x;
}

#define EACH_ORDER(order) for (int order = 0; order < LT_SHIM_ORDERS && (lt_shim_set_order((lt_shim_order)order, 5), true); order++)

static void resized_maps(void **state)
{
    static const int sizes[][4] = { { 37, 21, 83, 47 }, { 70, 42, 31, 17 }, { 5, 7, 1, 1 }, { 1, 1, 300, 3 }, { 518, 14, 519, 14 } };
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const int *z = sizes[s];
        const size_t n = (size_t)z[2] * (size_t)z[3];
        float *src = floats((int64_t)z[0] * z[1], (int64_t)s), *want = need(n * sizeof *want), *got = need(n * sizeof *got);
        lt_depth_resize(lt_cpu_isa(), NULL, src, z[0], z[1], want, z[2], z[3]);
        EACH_ORDER(order)
        {
            memset(got, 0xff, n * sizeof *got);
            assert_ok(lt_depth_resize_cuda(NULL, src, z[0], z[1], got, z[2], z[3]));
            assert_memory_equal(want, got, n * sizeof *got);
        }
        free(src);
        free(want);
        free(got);
    }
}

static void sums(void **state)
{
    static const int64_t sizes[] = { 1, 7, 8, 255, 2048, 2049, 9973, 60000 };
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        float *c = floats(sizes[s], 1), *r = floats(sizes[s], 2);
        const lt_fit_sums want = lt_fit_sum(lt_cpu_isa(), NULL, c, r, sizes[s]);
        EACH_ORDER(order)
        {
            lt_fit_sums blocks[256], got;
            memset(blocks, 0xff, sizeof blocks);
            memset(&got, 0xff, sizeof got);
            assert_ok(lt_fit_sum_cuda(NULL, c, r, sizes[s], blocks, &got));
            assert_memory_equal(&want, &got, sizeof got);
        }
        free(c);
        free(r);
    }
}

static void values(void **state)
{
    enum { N = 3001 };
    float *a = floats(N, 3), *b = floats(N, 4), want[N], got[N];
    (void)state;
    a[7] = NAN;
    a[8] = -0.0f;
    EACH_ORDER(order)
    {
        lt_depth_apply(lt_cpu_isa(), NULL, a, 1.37f, -.25f, false, want, N);
        assert_ok(lt_depth_apply_cuda(NULL, a, 1.37f, -.25f, got, N));
        assert_memory_equal(want, got, sizeof got);
        memcpy(got, a, sizeof got);
        assert_ok(lt_depth_apply_cuda(NULL, got, 1.37f, -.25f, got, N));
        assert_memory_equal(want, got, sizeof got);
        lt_depth_blend(lt_cpu_isa(), NULL, a, .3f, b, .7f, want, N);
        assert_ok(lt_depth_blend_cuda(NULL, a, .3f, b, .7f, got, N));
        assert_memory_equal(want, got, sizeof got);
    }
    free(a);
    free(b);
}

static void frames(void **state)
{
    static const int sizes[][4] = { { 64, 48, 70, 42 }, { 200, 31, 56, 28 }, { 28, 14, 28, 14 }, { 1, 1, 14, 14 }, { 97, 5, 98, 14 } };
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const int *z = sizes[s];
        const size_t stride = (size_t)z[0] * 3 + 5, bytes = stride * (size_t)z[1], n = (size_t)z[2] * (size_t)z[3] * 3;
        uint8_t *rgb = need(bytes);
        float *want = need(n * sizeof *want), *got = need(n * sizeof *got), *across = need(((size_t)z[1] * (size_t)z[2] * 3 + 1) * sizeof *across);
        lt_prepare *p;
        for (size_t i = 0; i < bytes; i++) rgb[i] = (uint8_t)(scattered((int64_t)i) * 256);
        assert_ok(lt_prepare_create(z[0], z[1], z[2], z[3], &p));
        lt_prepare_run(p, NULL, lt_cpu_isa(), rgb, stride, want);
        lt_prepare_job job = *lt_prepare_tables(p);
        job.rgb = rgb;
        job.stride = stride;
        job.across = across;
        job.out = got;
        EACH_ORDER(order)
        {
            memset(got, 0xff, n * sizeof *got);
            assert_ok(lt_prepare_cuda(NULL, &job, NULL));
            assert_memory_equal(want, got, n * sizeof *got);
        }
        lt_prepare_destroy(&p);
        free(rgb);
        free(want);
        free(got);
        free(across);
    }
}

/* The object that a session uses, from either source, in exactly the memory that it plans. */
static void frames_on_device(void **state)
{
    static const int sizes[][4] = { { 64, 48, 70, 42 }, { 97, 33, 98, 28 }, { 28, 28, 28, 28 } };
    const lt_nv12 of = { NULL, NULL, 128, 132, { 8192, 9539, 13075, -6660, -3209, 16525 } };
    lt_device *device;
    lt_stream *stream;
    (void)state;
    assert_ok(lt_device_open(LT_BACKEND_CPU, 0, &device));
    assert_ok(lt_stream_create(device, "test", &stream));
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int planes = 0; planes < 2; planes++) {
            const int *z = sizes[s];
            const size_t w = (size_t)z[0], h = (size_t)z[1], n = (size_t)z[2] * (size_t)z[3] * 3;
            const size_t bytes = lt_prepare_device_bytes(z[0], z[1], z[2], z[3], planes);
            uint8_t *luma = need(128 * h), *chroma = need(132 * ((h + 1) / 2)), *rgb = need(w * 3 * h), *memory = aligned_alloc(256, bytes + 256);
            float *want = need(n * sizeof *want), *got = need(n * sizeof *got);
            lt_prepare_source source = { .rgb = planes ? NULL : rgb, .stride = w * 3, .planes = of };
            lt_prepare *p;
            lt_prepare_device *d;
            lt_yuv *yuv;
            for (size_t i = 0; i < 128 * h; i++) luma[i] = (uint8_t)(scattered((int64_t)i) * 256);
            for (size_t i = 0; i < 132 * ((h + 1) / 2); i++) chroma[i] = (uint8_t)(64 + scattered((int64_t)i + 5) * 128);
            source.planes.luma = luma;
            source.planes.chroma = chroma;
            assert_non_null(memory);
            memset(memory + bytes, 0xa5, 256);
            assert_ok(lt_yuv_create(z[0], z[1], &yuv));
            assert_ok(lt_prepare_create(z[0], z[1], z[2], z[3], &p));
            lt_yuv_run(yuv, &source.planes, rgb, w * 3);
            lt_prepare_run(p, NULL, lt_cpu_isa(), rgb, w * 3, want);
            assert_ok(lt_prepare_device_create(p, planes ? yuv : NULL, memory, stream, &d));
            lt_prepare_destroy(&p);
            lt_yuv_destroy(&yuv);
            EACH_ORDER(order)
            {
                memset(got, 0xff, n * sizeof *got);
                assert_ok(lt_prepare_device_run(d, stream, &source, got));
                assert_memory_equal(want, got, n * sizeof *got);
            }
            source.rgb = NULL;
            assert_int_equal(lt_prepare_device_run(d, stream, &source, got), planes ? LT_OK : LT_E_INTERNAL);
            for (int i = 0; i < 256; i++) assert_int_equal(memory[bytes + (size_t)i], 0xa5);
            lt_prepare_device_destroy(&d);
            free(luma);
            free(chroma);
            free(rgb);
            free(memory);
            free(want);
            free(got);
        }
    lt_stream_destroy(&stream);
    lt_device_close(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resized_maps),
        cmocka_unit_test(sums),
        cmocka_unit_test(values),
        cmocka_unit_test(frames),
        cmocka_unit_test(frames_on_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
