/* Frames made ready: sizes, and every value of an input against plain loops. */
#include "check.h"

#include <longtake/frames.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void sizes(void **state)
{
    (void)state;
    static const struct { int w, h, input, net_w, net_h; const char *catches; } cases[] = {
        { 1280, 720, 518, 924, 518, "16:9"                                            },
        { 640, 360, 518, 924, 518, "16:9, enlarged"                                   },
        { 854, 480, 518, 924, 518, "not quite 16:9"                                   },
        { 720, 720, 518, 518, 518, "square"                                           },
        { 518, 518, 518, 518, 518, "the size itself"                                  },
        { 960, 720, 518, 686, 518, "4:3"                                              },
        { 720, 1280, 518, 518, 924, "9:16: height is the longer side"                 },
        { 720, 960, 518, 518, 686, "3:4"                                              },
        { 1280, 536, 518, 938, 392, "2.39:1: the size is made smaller, truncated"     },
        { 1280, 534, 518, 910, 378, "2.40:1: rounded to a multiple of 14"             },
        { 1280, 540, 518, 924, 392, "2.37:1"                                          },
        { 1024, 436, 518, 924, 392, "the same ratio, fewer pixels"                    },
        { 1240, 720, 518, 896, 518, "1.72:1: too short to be made smaller"            },
        { 1290, 720, 518, 924, 518, "1.79:1: just long enough"                        },
        { 1242, 375, 518, 924, 280, "KITTI"                                           },
        { 160, 90, 70, 126, 70, "a small input"                                       },
        { 100, 100, 500, 504, 504, "below the size after rounding: the next multiple" },
        { 49, 14, 14, 56, 14, "round(3.5) is 4, to even; the size is kept at 14"      },
        { 1, 1, 518, 518, 518, "one pixel"                                            },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int w = -1, h = -1;
        assert_ok(lt_depth_input_size(cases[i].w, cases[i].h, cases[i].input, &w, &h));
        if (w != cases[i].net_w || h != cases[i].net_h)
            fail_msg("%dx%d: %dx%d, not %dx%d (%s)", cases[i].w, cases[i].h, w, h, cases[i].net_w, cases[i].net_h, cases[i].catches);
    }
}

static void refused_sizes(void **state)
{
    (void)state;
    static const int bad[][3] = { { 0, 5, 518 }, { 5, -1, 518 }, { 5, 5, 0 }, { 1, 2000000000, 518 }, { 2000000000, 1, 518 }, { 5, 5, 2000000000 } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int w = 1, h = 1;
        assert_int_equal(lt_depth_input_size(bad[i][0], bad[i][1], bad[i][2], &w, &h), LT_E_USAGE);
        assert_int_equal(w, 0);
        assert_int_equal(h, 0);
    }
}

static uint8_t byte_at(int64_t i)
{
    uint64_t x = (uint64_t)i * 0x9e3779b97f4a7c15u + 12345;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9u;
    return (uint8_t)(x >> 40);
}

typedef struct {
    int w, h, net_w, net_h, gap;
    const char *catches;
} shape;

static const shape shapes[] = {
    { 160, 90, 126, 70, 0,   "a usual frame, made smaller"                     },
    { 37, 29, 70, 56, 5,     "made larger, rows apart"                         },
    { 126, 70, 126, 70, 7,   "the size itself: no resampling"                  },
    { 70, 90, 70, 126, 0,    "one side only"                                   },
    { 1, 1, 14, 14, 0,       "one pixel: all four places are the same"         },
    { 2, 3, 28, 14, 1,       "fewer pixels than weights"                       },
    { 5003, 3, 42, 28, 0,    "an output row reads more than a span of source"  },
    { 2500, 2, 1400, 14, 3,  "several tiles"                                   },
    { 14, 17, 14, 14, 0,     "rows only, an item that is not full"             },
};

/* Source place of an output one as a float, and four weights in double from it. */
static int weights(int n_in, int n_out, int i, float *t, double w[4])
{
    const float at = (float)((i + 0.5) * ((double)n_in / n_out) - 0.5);
    const double a = -0.75, u = (double)(at - floorf(at));
    *t = at - floorf(at);
    w[0] = ((a * (u + 1) - 5 * a) * (u + 1) + 8 * a) * (u + 1) - 4 * a;
    w[1] = ((a + 2) * u - (a + 3)) * u * u + 1;
    w[2] = ((a + 2) * (1 - u) - (a + 3)) * (1 - u) * (1 - u) + 1;
    w[3] = 1 - w[0] - w[1] - w[2];
    return (int)floorf(at);
}

static int clamp(int i, int n)
{
    return i < 0 ? 0 : i > n - 1 ? n - 1 : i;
}

static const double mean[3] = { .485, .456, .406 }, deviation[3] = { .229, .224, .225 };

static double in_double(const shape *s, const uint8_t *rgb, size_t stride, int y, int x, int c)
{
    double wy[4], wx[4], v = 0;
    float t;
    if (s->w == s->net_w && s->h == s->net_h) return ((double)((float)rgb[(size_t)y * stride + (size_t)x * 3 + (size_t)c] / 255.0f) - mean[c]) / deviation[c];
    const int y0 = weights(s->h, s->net_h, y, &t, wy) - 1, x0 = weights(s->w, s->net_w, x, &t, wx) - 1;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            v += wy[i] * wx[j] * rgb[(size_t)clamp(y0 + i, s->h) * stride + (size_t)clamp(x0 + j, s->w) * 3 + (size_t)c] / 255;
    return (v - mean[c]) / deviation[c];
}

/* The contract in plain f32: what the bits have to be. */
static void weights_f32(float t, float w[4])
{
    w[0] = ((-0.75f * (t + 1.0f) + 3.75f) * (t + 1.0f) - 6.0f) * (t + 1.0f) + 3.0f;
    w[1] = (1.25f * t - 2.25f) * t * t + 1.0f;
    w[2] = (1.25f * (1.0f - t) - 2.25f) * (1.0f - t) * (1.0f - t) + 1.0f;
    w[3] = 1.0f - w[0] - w[1] - w[2];
}

static float in_float(const shape *s, const uint8_t *rgb, size_t stride, int y, int x, int c)
{
    double ignored[4];
    float ty, tx, wy[4], wx[4], down[4], v;
    if (s->w == s->net_w && s->h == s->net_h) {
        v = (float)rgb[(size_t)y * stride + (size_t)x * 3 + (size_t)c] / 255.0f;
    } else {
        const int y0 = weights(s->h, s->net_h, y, &ty, ignored) - 1, x0 = weights(s->w, s->net_w, x, &tx, ignored) - 1;
        weights_f32(ty, wy);
        weights_f32(tx, wx);
        for (int i = 0; i < 4; i++) {
            const uint8_t *row = rgb + (size_t)clamp(y0 + i, s->h) * stride + c;
            float p[4];
            for (int j = 0; j < 4; j++) p[j] = (float)row[clamp(x0 + j, s->w) * 3] / 255.0f;
            down[i] = p[0] * wx[0] + p[1] * wx[1] + p[2] * wx[2] + p[3] * wx[3];
        }
        v = down[0] * wy[0] + down[1] * wy[1] + down[2] * wy[2] + down[3] * wy[3];
    }
    return (float)(((double)v - mean[c]) / deviation[c]);
}

static void prepare_one(const shape *s, lt_isa isa, lt_pool *pool)
{
    const size_t stride = (size_t)s->w * 3 + (size_t)s->gap, n = (size_t)s->net_w * (size_t)s->net_h * 3, guard = 64;
    uint8_t *rgb = malloc(stride * (size_t)s->h);
    float *out = malloc((n + 2 * guard) * sizeof *out);
    lt_prepare *p = NULL;
    assert_non_null(rgb);
    assert_non_null(out);
    for (size_t i = 0; i < stride * (size_t)s->h; i++) rgb[i] = byte_at((int64_t)i);
    for (size_t i = 0; i < n + 2 * guard; i++) out[i] = 12345.0f;
    assert_ok(lt_prepare_create(s->w, s->h, s->net_w, s->net_h, &p));
    assert_true(lt_prepare_bytes(s->w, s->h, s->net_w, s->net_h) > 0);
    for (int run = 0; run < 2; run++) lt_prepare_run(p, pool, isa, rgb, stride, out + guard);
    for (size_t i = 0; i < guard; i++) {
        assert_true(out[i] == 12345.0f);
        assert_true(out[guard + n + i] == 12345.0f);
    }
    for (size_t i = 0; i < n; i++) {
        const int c = (int)(i % 3), x = (int)(i / 3 % (size_t)s->net_w), y = (int)(i / 3 / (size_t)s->net_w);
        const double meaning = in_double(s, rgb, stride, y, x, c);
        const float exact = in_float(s, rgb, stride, y, x, c);
        /* Weights in f32 are within 1e-6 of those in f64 (a dozen roundings of values up to 6), there are two passes of sums with weights of
         * 1.5 in all, and the deviation divides by 0.22: 2 * 1.5 * 4 * 1e-6 / 0.22. */
        if (!(fabs((double)out[guard + i] - meaning) <= 6e-5)) fail_msg("%s, %s: %g, not %g", lt_isa_name(isa), s->catches, (double)out[guard + i], meaning);
        if (memcmp(&exact, &out[guard + i], sizeof exact)) fail_msg("%s, %s: %a, not %a", lt_isa_name(isa), s->catches, (double)out[guard + i], (double)exact);
    }
    lt_prepare_destroy(&p);
    assert_null(p);
    lt_prepare_destroy(&p);
    free(out);
    free(rgb);
}

static void values(void **state)
{
    (void)state;
    lt_pool *pool = NULL;
    assert_ok(lt_pool_create(3, &pool));
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int isa = LT_ISA_BASE; isa <= (int)lt_cpu_isa(); isa++) {
            prepare_one(&shapes[i], (lt_isa)isa, NULL);
            prepare_one(&shapes[i], (lt_isa)isa, pool);
        }
    lt_pool_destroy(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(refused_sizes),
        cmocka_unit_test(values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
