/* Planes to RGB on a GPU, under the shim: the bytes that swscale makes of the same picture as a software decoder gives it (three planes), and as NVDEC
 * gives it (two). Bytes show as what a network of the picture's own size is given, where each has a value of its own. */
#include "check.h"

#include "cuda_shim_control.h"
#include "frames/prepare_cuda.h"
#include "media/media_private.h"
#include "media/nv12_cuda.h"
#include "media/yuv_private.h"

#include <stdlib.h>
#include <string.h>

enum { GAP = 32 };                           /* between rows, to be left alone */

static unsigned random_state = 4711;

static unsigned random_byte(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 24;
}

typedef enum { NOISE, ENDS, STUDIO, CONTENTS } content;

static uint8_t drawn(content c)
{
    const unsigned byte = random_byte();
    return (uint8_t)(c == NOISE ? byte : c == ENDS ? (byte & 1 ? 255 : 0) : 16 + byte % 220);
}

typedef struct {
    int      width, height;
    size_t   luma_stride, chroma_stride, rgb_stride;
    uint8_t *luma, *uv, *u, *v, *want;
} picture;

static picture drawn_picture(int width, int height, content c)
{
    const size_t w = (size_t)width, h = (size_t)height, pairs = (w + 1) / 2, lines = (h + 1) / 2;
    picture p = { width, height, w + GAP, pairs * 2 + GAP, w * 3 + GAP, NULL, NULL, NULL, NULL, NULL };
    p.luma = malloc(p.luma_stride * h);
    p.uv = malloc(p.chroma_stride * lines);
    p.u = calloc(p.chroma_stride, lines);
    p.v = calloc(p.chroma_stride, lines);
    p.want = malloc(p.rgb_stride * h);
    assert_true(p.luma && p.uv && p.u && p.v && p.want);
    for (size_t i = 0; i < p.luma_stride * h; i++) p.luma[i] = drawn(c);
    for (size_t i = 0; i < p.chroma_stride * lines; i++) p.uv[i] = drawn(c);
    for (size_t y = 0; y < lines; y++)
        for (size_t x = 0; x < pairs; x++) {
            p.u[y * p.chroma_stride + x] = p.uv[y * p.chroma_stride + 2 * x];
            p.v[y * p.chroma_stride + x] = p.uv[y * p.chroma_stride + 2 * x + 1];
        }
    return p;
}

static void discard(picture *p)
{
    free(p->luma);
    free(p->uv);
    free(p->u);
    free(p->v);
    free(p->want);
}

/* As src/media/convert.c has it converted. */
static void by_swscale(picture *p, enum AVPixelFormat format, int matrix, bool full)
{
    const bool two = format == AV_PIX_FMT_NV12;
    AVFrame *f = av_frame_alloc();
    lt_converter c = { 0 };
    lt_media_info info = { .width = p->width, .height = p->height, .coded_width = p->width, .coded_height = p->height };
    assert_non_null(f);
    f->width = p->width;
    f->height = p->height;
    f->format = format;
    f->colorspace = (enum AVColorSpace)matrix;
    f->color_range = full ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    f->data[0] = p->luma;
    f->data[1] = two ? p->uv : p->u;
    f->data[2] = two ? NULL : p->v;
    f->linesize[0] = (int)p->luma_stride;
    f->linesize[1] = f->linesize[2] = (int)p->chroma_stride;
    assert_ok(lt_convert(&c, f, &info, "picture", p->want, p->rgb_stride));
    lt_converter_close(&c);
    av_frame_free(&f);
}

static void same_bytes(int width, int height, int matrix, bool full, content c, bool every_order)
{
    picture p = drawn_picture(width, height, c);
    lt_yuv *yuv;
    assert_ok(lt_yuv_create(width, height, &yuv));
    const int *table = sws_getCoefficients(matrix == AVCOL_SPC_UNSPECIFIED || matrix == AVCOL_SPC_RGB ? SWS_CS_DEFAULT : matrix);
    const lt_nv12 planes = { p.luma, p.uv, p.luma_stride, p.chroma_stride, lt_yuv_matrix_of(table, full) };
    const lt_colour_job colour = { lt_yuv_columns(yuv), lt_yuv_rows(yuv), planes };
    const size_t n = (size_t)width * (size_t)height * 3;
    float *want = malloc(n * sizeof *want), *got = malloc((n + 1) * sizeof *got);
    lt_prepare *prepare;
    assert_true(want && got);
    assert_ok(lt_prepare_create(width, height, width, height, &prepare));
    lt_prepare_job job = *lt_prepare_tables(prepare);
    job.out = got;
    for (int two = 0; two < 2; two++) {
        by_swscale(&p, two ? AV_PIX_FMT_NV12 : AV_PIX_FMT_YUV420P, matrix, full);
        lt_prepare_run(prepare, NULL, LT_ISA_BASE, p.want, p.rgb_stride, want);
        for (int order = 0; order < (every_order ? LT_SHIM_ORDERS : 1); order++) {
            memset(got, 0xa5, (n + 1) * sizeof *got);
            lt_shim_set_order((lt_shim_order)order, 3);
            assert_ok(lt_prepare_cuda(NULL, &job, &colour));
            assert_memory_equal(want, got, n * sizeof *want);
            assert_int_equal(((const uint8_t *)(got + n))[0], 0xa5);
        }
    }
    lt_prepare_destroy(&prepare);
    free(want);
    free(got);
    lt_yuv_destroy(&yuv);
    discard(&p);
}

static void every_size(void **state)
{
    (void)state;
    for (int w = 16; w < 36; w++)
        for (int h = 16 + w % 2; h < 36; h += 3) same_bytes(w, h, 1 + w % 2 * 4, h & 1, (content)((w + h) % CONTENTS), w == 20);
}

static void long_sides(void **state)
{
    static const int sizes[][2] = { { 1920, 16 }, { 1279, 18 }, { 129, 17 }, { 4097, 16 }, { 16, 1080 }, { 18, 721 }, { 17, 2161 }, { 320, 181 } };
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) same_bytes(sizes[i][0], sizes[i][1], AVCOL_SPC_BT709, i & 1, (content)(i % CONTENTS), false);
}

/* All numbers that a stream can hold, known or not. */
static void every_matrix(void **state)
{
    (void)state;
    for (int m = 0; m < 16; m++)
        for (int full = 0; full < 2; full++) same_bytes(46, 33, m, full, (content)((m + full) % CONTENTS), false);
}

/* A surface, rows apart otherwise, into a frame of the ring: all of it and nothing beside it. */
static void surfaces(void **state)
{
    static const int sizes[][2] = { { 16, 16 }, { 130, 18 }, { 255, 17 }, { 256, 33 }, { 514, 20 } };
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int order = 0; order < LT_SHIM_ORDERS; order++) {
            const int w = sizes[i][0], h = sizes[i][1], pairs = (w + 1) / 2 * 2, lines = (h + 1) / 2;
            const size_t stride = 768, bytes = stride * (size_t)(h + lines);
            picture p = drawn_picture(w, h, NOISE);
            uint8_t *to = malloc(bytes);
            assert_non_null(to);
            memset(to, 0xa5, bytes);
            const lt_nv12_copy copy = { p.luma, p.uv, p.luma_stride, p.chroma_stride, w, h, to, to + stride * (size_t)h, stride };
            lt_shim_set_order((lt_shim_order)order, 3);
            assert_ok(lt_nv12_copy_cuda(NULL, &copy));
            for (int y = 0; y < h + lines; y++) {
                const uint8_t *row = to + (size_t)y * stride, *of = y < h ? p.luma + (size_t)y * p.luma_stride : p.uv + (size_t)(y - h) * p.chroma_stride;
                const int n = y < h ? w : pairs;
                assert_memory_equal(row, of, (size_t)n);
                for (int x = n; x < (int)stride; x++) assert_int_equal(row[x], 0xa5);
            }
            free(to);
            discard(&p);
        }
}

/* What is not equal is refused. */
static void refusals(void **state)
{
    lt_yuv *yuv;
    (void)state;
    assert_int_equal(lt_yuv_create(15, 64, &yuv), LT_E_DEVICE);
    assert_null(yuv);
    assert_int_equal(lt_yuv_create(64, 15, &yuv), LT_E_DEVICE);
    assert_non_null(strstr(lt_error_last()->text, "--decoder cpu"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size),
        cmocka_unit_test(long_sides),
        cmocka_unit_test(every_matrix),
        cmocka_unit_test(surfaces),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
