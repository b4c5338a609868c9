/* Windows joined: every index against the recursion they come from, every value against plain loops, and whole videos of a stub network. */
#include "check.h"

#include <longtake/align.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { W = LT_WINDOW_FRAMES, STEP = LT_WINDOW_STEP, KEPT = 10, BLENDED = 8, MOST = 2000, WINDOWS = MOST / STEP + 2 };

/* ---- the procedure as upstream runs it: lists that grow, positions copied from the window before ---- */

typedef struct {
    int64_t window, next;
    int     position, next_position, step;   /* blended: step of 7 */
} entry;

typedef struct {
    int64_t n_windows;
    int64_t frame[WINDOWS][W];
    entry   out[MOST + 2 * W];
    bool    read[WINDOWS][W], fitted[WINDOWS][W];
} recursion;

static void recur(recursion *r, int64_t n)
{
    static const int key[KEPT] = { 0, 12, 24, 25, 26, 27, 28, 29, 30, 31 };
    int64_t length = 0;
    memset(r, 0, sizeof *r);
    for (int64_t start = 0; start < n; start += STEP, r->n_windows++) {
        const int64_t k = r->n_windows;
        for (int i = 0; i < W; i++) r->frame[k][i] = start + i < n ? start + i : n - 1;
        for (int i = 0; i < KEPT && k > 0; i++) r->frame[k][i] = r->frame[k - 1][key[i]];
        if (k == 0) {
            for (int i = 0; i < W; i++) r->out[length++] = (entry){ 0, -1, i, -1, 0 };
            continue;
        }
        for (int j = 0; j < BLENDED; j++) {
            entry *e = &r->out[length - BLENDED + j];
            if (j == 7) *e = (entry){ k, -1, 2 + j, -1, 0 };
            else if (j > 0) *e = (entry){ e->window, k, e->position, 2 + j, j };
        }
        for (int i = KEPT; i < W; i++) r->out[length++] = (entry){ k, -1, i, -1, 0 };
        r->fitted[0][0] = r->fitted[k][0] = r->fitted[k][1] = r->fitted[k - 1][12] = true;
    }
    for (int64_t f = 0; f < n; f++) {
        r->read[r->out[f].window][r->out[f].position] = true;
        if (r->out[f].next >= 0) r->read[r->out[f].next][r->out[f].next_position] = true;
    }
}

static void check_source(lt_window_source s, const entry *e)
{
    const double share = e->step * (1.0 / 7.0);
    assert_int_equal(s.window, e->window);
    assert_int_equal(s.position, e->position);
    assert_int_equal(s.next, e->next);
    assert_int_equal(s.next_position, e->next_position);
    assert_true(s.weight == (float)(1.0 - share));
    assert_true(s.next_weight == (float)share);
}

static void check_positions(const recursion *r, int64_t k, int64_t n, bool metric)
{
    int position[W], n_positions = lt_window_positions(k, n, metric, position), next = 0;
    for (int i = 0; i < W; i++) {
        const bool wanted = r->read[k][i] || (!metric && r->fitted[k][i]), given = next < n_positions && position[next] == i;
        if (wanted != given) fail_msg("%d frames, window %d, position %d, metric %d", (int)n, (int)k, i, metric);
        next += given;
    }
    assert_int_equal(next, n_positions);
}

static void windows(void **state)
{
    recursion *r = *state;
    for (int64_t n = 1; n < MOST; n++) {
        recur(r, n);
        assert_int_equal(lt_window_count(n), r->n_windows);
        for (int64_t k = 0; k < r->n_windows; k++) {
            int64_t frame[W], other[W];
            const int64_t anchor = (n * 7 + k) % (n + 3), held = anchor < n ? anchor : n - 1;
            lt_window_frames(k, n, 0, frame);
            lt_window_frames(k, n, anchor, other);
            assert_memory_equal(frame, r->frame[k], sizeof frame);
            assert_int_equal(other[0], k ? held : 0);
            assert_memory_equal(other + 1, frame + 1, sizeof frame - sizeof *frame);
            check_positions(r, k, n, false);
            check_positions(r, k, n, true);
        }
        for (int64_t f = 0; f < n; f++) check_source(lt_window_of_frame(f, n), &r->out[f]);
    }
    int position[W];
    assert_int_equal(lt_window_count(0), 0);
    assert_int_equal(lt_window_positions(1, 25, true, position), 0);   /* frames 22, 23, 24 are window 0's */
    assert_int_equal(lt_window_positions(1, 26, true, position), 1);
}

/* ---- values ---- */

/* In (0, 1), a function of (seed, i). */
static double noise(uint64_t seed, int64_t i)
{
    uint64_t x = (seed + 1) * 0x9e3779b97f4a7c15u + (uint64_t)i * 0xd1342543de82ef95u;
    x ^= x >> 31;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 29;
    x *= 0x94d049bb133111ebu;
    return ((double)(x >> 12) + 0.5) / 4503599627370496.0;
}

enum { GUARD = 1024 };                   /* longer than a row */

/* [n] of NaN between finite guards. */
static float *guarded(int64_t n)
{
    float *p = malloc((size_t)(n + 2 * GUARD) * sizeof *p);
    assert_non_null(p);
    for (int64_t i = 0; i < n + 2 * GUARD; i++) p[i] = i < GUARD || i >= n + GUARD ? 77.0f : NAN;
    return p + GUARD;
}

static void release(float *p, int64_t n)
{
    for (int i = 0; i < GUARD; i++)
        if (p[i - GUARD] != 77.0f || p[n + i] != 77.0f) fail_msg("a value outside was written");
    free(p - GUARD);
}

static void same_bits(const float *a, const float *b, int64_t n, const char *what)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a)) fail_msg("%s: value %lld is %a, not %a", what, (long long)i, (double)a[i], (double)b[i]);
}

static float at_corners(const float *src, int sw, int sh, int w, int h, int x, int y)
{
    const float step_x = w > 1 ? (float)(sw - 1) / (float)(w - 1) : 0, step_y = h > 1 ? (float)(sh - 1) / (float)(h - 1) : 0;
    const float fx = step_x * (float)x, fy = step_y * (float)y;
    const int x0 = (int)fx < sw - 1 ? (int)fx : sw - 1, y0 = (int)fy < sh - 1 ? (int)fy : sh - 1;
    const int x1 = x0 + 1 < sw ? x0 + 1 : sw - 1, y1 = y0 + 1 < sh ? y0 + 1 : sh - 1;
    const float tx = fx - (float)x0, ty = fy - (float)y0;
    const float top = src[y0 * sw + x0] * (1.0f - tx) + src[y0 * sw + x1] * tx;
    const float bottom = src[y1 * sw + x0] * (1.0f - tx) + src[y1 * sw + x1] * tx;
    return top * (1.0f - ty) + bottom * ty;
}

static void resize(void **state)
{
    (void)state;
    static const struct { int sw, sh, w, h; const char *catches; } cases[] = {
        { 70, 126, 90, 160, "a usual map"               },
        { 14, 28, 14, 28, "the same size: a copy"       },
        { 98, 70, 31, 17, "made smaller"                },
        { 1, 1, 1, 1, "one pixel to one"                },
        { 1, 1, 13, 7, "one pixel to many"              },
        { 14, 14, 1, 1, "many to one"                   },
        { 1, 14, 600, 1, "one column in, one row out"   },
        { 14, 1, 1, 40, "one row in, one column out"    },
        { 28, 14, 1300, 33, "several tiles and bands"   },
        { 1300, 40, 513, 16, "a tile of one column"     },
    };
    lt_pool *pool = NULL;
    assert_ok(lt_pool_create(3, &pool));
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const int sw = cases[c].sw, sh = cases[c].sh, w = cases[c].w, h = cases[c].h;
        float *src = guarded((int64_t)sw * sh), *want = guarded((int64_t)w * h);
        for (int i = 0; i < sw * sh; i++) src[i] = (float)(20 * noise(c, i) - 5);
        for (int i = 0; i < w * h; i++) want[i] = at_corners(src, sw, sh, w, h, i % w, i / w);
        if (sw == w && sh == h) same_bits(want, src, (int64_t)w * h, cases[c].catches);
        for (int run = 0; run < 2 * ((int)lt_cpu_isa() + 1); run++) {
            float *dst = guarded((int64_t)w * h);
            lt_depth_resize((lt_isa)(run / 2), run % 2 ? pool : NULL, src, sw, sh, dst, w, h);
            same_bits(dst, want, (int64_t)w * h, cases[c].catches);
            release(dst, (int64_t)w * h);
        }
        release(want, (int64_t)w * h);
        release(src, (int64_t)sw * sh);
    }
    lt_pool_destroy(&pool);
}

static void apply(void **state)
{
    (void)state;
    static const int64_t sizes[] = { 1, 15, 17, 1000, 40003 };
    lt_pool *pool = NULL;
    assert_ok(lt_pool_create(3, &pool));
    for (size_t c = 0; c < sizeof sizes / sizeof *sizes; c++)
        for (int run = 0; run < 4 * ((int)lt_cpu_isa() + 1); run++) {
            const int64_t n = sizes[c];
            const lt_isa isa = (lt_isa)(run / 4);
            const bool raw = run % 4 == 3, in_place = run % 4 == 1;
            const float scale = 1.7f, shift = -0.6f;
            float *src = guarded(n), *want = guarded(n), *dst = in_place ? src : guarded(n);
            for (int64_t i = 0; i < n; i++) src[i] = (float)(2 * noise(9, i) - 1);
            src[n / 2] = NAN;
            src[n - 1] = n % 2 ? INFINITY : -INFINITY;
            for (int64_t i = 0; i < n; i++) {
                const float product = src[i] * scale, v = product + shift;
                want[i] = raw || isnan(v) || v > 0 ? v : 0.0f;
                if (raw) want[i] = src[i];
            }
            lt_depth_apply(isa, run % 4 ? pool : NULL, src, scale, shift, raw, dst, n);
            for (int64_t i = 0; i < n; i++) {
                if (isnan(want[i])) assert_true(isnan(dst[i]));
                else same_bits(dst + i, want + i, 1, "apply");
            }
            if (!in_place) release(dst, n);
            release(want, n);
            release(src, n);
        }
    float zero[20];
    for (int i = 0; i < 20; i++) zero[i] = 0.0f;
    for (int isa = 0; isa <= (int)lt_cpu_isa(); isa++) {
        lt_depth_apply((lt_isa)isa, NULL, zero, -2.0f, -0.0f, false, zero, 20);
        for (int i = 0; i < 20; i++) assert_true(zero[i] == 0 && !signbit(zero[i]));
    }
    lt_pool_destroy(&pool);
}

static void blend(void **state)
{
    (void)state;
    static const int64_t sizes[] = { 1, 15, 17, 33001 };
    lt_pool *pool = NULL;
    assert_ok(lt_pool_create(2, &pool));
    for (size_t c = 0; c < sizeof sizes / sizeof *sizes; c++)
        for (int run = 0; run < 3 * ((int)lt_cpu_isa() + 1); run++) {
            const int64_t n = sizes[c];
            float *a = guarded(n), *b = guarded(n), *want = guarded(n), *free_ = guarded(n);
            float *dst = run % 3 == 0 ? free_ : run % 3 == 1 ? a : b;
            const double share = 3 * (1.0 / 7.0);
            const float wa = (float)(1.0 - share), wb = (float)share;
            for (int64_t i = 0; i < n; i++) {
                a[i] = (float)(8 * noise(1, i));
                b[i] = (float)(8 * noise(2, i));
                const float p = a[i] * wa, q = b[i] * wb;
                want[i] = p + q;
            }
            lt_depth_blend((lt_isa)(run / 3), run % 3 ? pool : NULL, a, wa, b, wb, dst, n);
            same_bits(dst, want, n, "blend");
            release(free_, n);
            release(want, n);
            release(b, n);
            release(a, n);
        }
    lt_pool_destroy(&pool);
}

/* ---- fits ---- */

static lt_fit_sums plus(lt_fit_sums a, lt_fit_sums b)
{
    return (lt_fit_sums){ a.cc + b.cc, a.c + b.c, a.cr + b.cr, a.r + b.r, a.rr + b.rr, a.n + b.n };
}

static double lanes_joined(const double *l)
{
    return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
}

/* The order that align.h gives. */
static lt_fit_sums ordered_sums(const float *c, const float *r, int64_t n)
{
    static lt_fit_sums block[256];
    int64_t b = (n + 255) / 256;
    while (b % 8) b++;
    for (int k = 0; k < 256; k++) {
        double lane[5][8] = { { 0 } }, count = 0;
        for (int64_t i = k * b; i < (k + 1) * b && i < n; i++, count++) {
            const int l = (int)((i - k * b) % 8);
            lane[0][l] += (double)c[i] * (double)c[i];
            lane[1][l] += (double)c[i];
            lane[2][l] += (double)c[i] * (double)r[i];
            lane[3][l] += (double)r[i];
            lane[4][l] += (double)r[i] * (double)r[i];
        }
        block[k] = (lt_fit_sums){ lanes_joined(lane[0]), lanes_joined(lane[1]), lanes_joined(lane[2]), lanes_joined(lane[3]), lanes_joined(lane[4]), count };
    }
    for (int m = 256; m > 1; m /= 2)
        for (int k = 0; k < m / 2; k++) block[k] = plus(block[2 * k], block[2 * k + 1]);
    return block[0];
}

static void near(double value, long double exact, long double size, int64_t n, const char *what)
{
    /* A value passes through at most n / 2048 + 1 additions of its lane, 3 of lanes and 8 of blocks, each off by half an ulp of a partial sum
     * that is at most `size`; the products are exact. */
    const long double bound = ((long double)n / 2048 + 13) * DBL_EPSILON / 2 * size;
    if (!(fabsl((long double)value - exact) <= bound)) fail_msg("%s of %lld: %.17g, not %.17Lg", what, (long long)n, value, exact);
}

static void sums(void **state)
{
    (void)state;
    static const int64_t sizes[] = { 1, 7, 8, 9, 255, 256, 2047, 2048, 2049, 4099, 100003, 300000 };
    lt_pool *pool[3] = { NULL };
    assert_ok(lt_pool_create(2, &pool[1]));
    assert_ok(lt_pool_create(5, &pool[2]));
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const int64_t n = sizes[k];
        float *c = guarded(n), *r = guarded(n);
        long double cc = 0, cs = 0, cr = 0, rs = 0, rr = 0, c_size = 0, cr_size = 0, r_size = 0;
        for (int64_t i = 0; i < n; i++) {
            c[i] = (float)(30 + noise(3, i) - 31 * noise(4, i));
            r[i] = (float)(5 * noise(5, i) - 1);
            cc += (long double)c[i] * c[i];
            cs += c[i];
            cr += (long double)c[i] * r[i];
            rs += r[i];
            rr += (long double)r[i] * r[i];
            c_size += fabsf(c[i]);
            r_size += fabsf(r[i]);
            cr_size += fabsl((long double)c[i] * r[i]);
        }
        const lt_fit_sums want = ordered_sums(c, r, n);
        for (int run = 0; run < 3 * ((int)lt_cpu_isa() + 1); run++) {
            const lt_fit_sums s = lt_fit_sum((lt_isa)(run / 3), pool[run % 3], c, r, n);
            assert_memory_equal(&s, &want, sizeof s);
        }
        near(want.cc, cc, cc, n, "cc");
        near(want.c, cs, c_size, n, "c");
        near(want.cr, cr, cr_size, n, "cr");
        near(want.r, rs, r_size, n, "r");
        near(want.rr, rr, rr, n, "rr");
        assert_true(want.n == (double)n);
        release(c, n);
        release(r, n);
    }
    lt_pool_destroy(&pool[1]);
    lt_pool_destroy(&pool[2]);
}

typedef struct {
    double mean, deviation, scale, shift, error;     /* error: of the target, beyond its rounding to f32 */
    int    n;
    bool   near_singular;
    const char *catches;
} fit_case;

static const fit_case fits[] = {
    { 30, 0.5, 1.0100, -0.3, 0, 20000, false, "f32 sums gave 1.0085 here"                },
    { 3, 0.02, 0.9998, 0.001, 0, 20000, false, "f32 sums gave 1.0061 here"               },
    { 2, 1.0, 0.7, 0.4, 0.1, 30000, false, "a fit with an error"                         },
    { 0, 1.0, 1.3, 0.0, 0.01, 20000, false, "no mean"                                    },
    { 2, 0.7, -0.5, 3.0, 0.01, 20000, false, "a negative scale is kept"                  },
    { 2, 0.7, 0.0, 3.0, 0.01, 20000, false, "a flat target is no reason to change a fit" },
    { 1e-20, 1e-21, 1.7, 1e-20, 0, 20000, false, "the rule is relative"                    },
    { 1, 1e-4, 1.5, 0, 0, 60000, false, "a deviation of 1e-4: kept"                      },
    { 1, 2e-5, 1.5, 0, 0, 60000, false, "just above the rule: kept"                      },
    { 1, 5e-6, 1.5, 0, 0, 60000, true, "just below it: the last bits of f32"             },
    { 7, 0, 1.5, 0, 0.1, 60000, true, "one value everywhere"                             },
    { 0, 0, 1, 0, 0.1, 20000, true, "nothing at all: a black picture"                    },
    { 3, 0, 1, 0, 0.1, 1, true, "one pixel"                                              },
};

static void check_fit(const fit_case *f)
{
    const int n = f->n;
    float *c = guarded(2 * n), *r = guarded(2 * n);
    long double off = 0;
    double mean = 0, var = 0, rr = 0;
    for (int i = 0; i < 2 * n; i++) {
        c[i] = (float)(f->mean + f->deviation * sqrt(12) * (noise(1, i) - 0.5));
        r[i] = (float)(f->scale * (double)c[i] + f->shift + f->error * sqrt(12) * (noise(2, i) - 0.5));
        mean += (double)c[i] / (2 * n);
        rr += (double)r[i] * (double)r[i];
    }
    for (int i = 0; i < 2 * n; i++) var += ((double)c[i] - mean) * ((double)c[i] - mean) / (2 * n);
    const lt_fit_sums s[2] = { lt_fit_sum(lt_cpu_isa(), NULL, c, r, n), lt_fit_sum(lt_cpu_isa(), NULL, c + n, r + n, n) };
    const lt_fit fit = lt_fit_solve(s, 2), one = lt_fit_solve(&(lt_fit_sums){ s[0].cc + s[1].cc, s[0].c + s[1].c, s[0].cr + s[1].cr, s[0].r + s[1].r,
                                                                               s[0].rr + s[1].rr, s[0].n + s[1].n }, 1);
    assert_memory_equal(&fit.scale, &one.scale, sizeof fit.scale);
    if (fit.near_singular != f->near_singular) fail_msg("%s: near_singular %d", f->catches, fit.near_singular);
    if (f->near_singular) {
        assert_true(fit.scale == 1 && fit.shift == 0);
    } else {
        /* Six standard errors of the slope: the target's error and its rounding (a third of an ulp), over the deviation of c; and what f64 sums lose. */
        const double spread = hypot(f->error, FLT_EPSILON / 3 * sqrt(rr / (2 * n)));
        const double bound = 6 * spread / sqrt(2 * n * var) + 1e-14 * (var + mean * mean) / var * fabs(fit.scale);
        if (!(fabs(fit.scale - f->scale) <= bound)) fail_msg("%s: scale %.9g, not %.9g within %.3g", f->catches, fit.scale, f->scale, bound);
        if (!(fabs(fit.shift - f->shift) <= bound * fabs(mean) + 6 * spread / sqrt(2 * n) + 1e-13 * fabs(f->shift)))
            fail_msg("%s: shift %.9g, not %.9g", f->catches, fit.shift, f->shift);
        assert_true(fabs(fit.det / (4.0 * n * n) - var) <= 1e-14 * (var + mean * mean));
    }
    for (int i = 0; i < 2 * n; i++) {
        const long double d = (long double)fit.scale * c[i] + (long double)fit.shift - r[i];
        off += d * d;
    }
    /* From sums: good to 1e-7 of the root mean square of what was fitted (docs/depth-method.md). */
    const double rms = sqrt((double)off / (2 * n)), size = sqrt((rr + fit.scale * fit.scale * (s[0].cc + s[1].cc)) / (2 * n));
    if (!(fabs(fit.residual - rms) <= 1e-7 * size + 1e-9 * rms)) fail_msg("%s: residual %.9g, not %.9g", f->catches, fit.residual, rms);
    release(c, 2 * n);
    release(r, 2 * n);
}

static void fitting(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) check_fit(&fits[i]);
    const lt_fit_sums bad = { NAN, 1, 1, 1, 1, 1 };
    const lt_fit fit = lt_fit_solve(&bad, 1);
    assert_true(fit.near_singular && fit.scale == 1 && fit.shift == 0);
}

/* ---- whole videos of a stub network ---- */

enum { NET_W = 14, NET_H = 10, VIDEO_W = 33, VIDEO_H = 21, PIXELS = VIDEO_W * VIDEO_H };

/* Depth of a frame at a network pixel; every window shows it at a scale and shift of its own, and, unless `clean`, with an error of its own. */
static float stub(int64_t window, int position, int64_t frame, int pixel, bool clean)
{
    const double depth = 2 + sin(0.3 * (double)frame + 0.5 * (pixel % NET_W)) + cos(0.2 * (double)(pixel / NET_W) - 0.1 * (double)frame);
    const double scale = window ? 0.5 + noise(20, window) : 1, shift = window ? 3 * noise(21, window) - 1.5 : 0;
    return (float)(scale * depth + shift + (clean ? 0 : 0.2 * noise(22 + (uint64_t)window * W + (uint64_t)position, pixel)));
}

static void stub_map(const recursion *r, int64_t k, int i, bool clean, float *net)
{
    for (int p = 0; p < NET_W * NET_H; p++) net[p] = stub(k, i, r->frame[k][i], p, clean);
}

typedef struct {
    float  *map;                         /* [windows, 32, pixels], aligned */
    double *scale, *shift;
} video;

static float *map_of(const video *v, int64_t k, int i)
{
    return v->map + (k * W + i) * PIXELS;
}

static void open_video(video *v)
{
    v->map = malloc((size_t)WINDOWS * W * PIXELS / 10 * sizeof *v->map);
    v->scale = malloc(WINDOWS * sizeof *v->scale);
    v->shift = malloc(WINDOWS * sizeof *v->shift);
    assert_non_null(v->map);
    assert_non_null(v->scale);
    assert_non_null(v->shift);
}

static void close_video(video *v)
{
    free(v->map);
    free(v->scale);
    free(v->shift);
}

/* As upstream does it: everything at once, in plain loops; long double sums. */
static void plain_chain(const recursion *r, bool metric, bool clean, video *v)
{
    for (int64_t k = 0; k < r->n_windows; k++) {
        long double a = 0, b = 0, e = 0, g = 0, n = 2 * PIXELS;
        for (int i = 0; i < W; i++) {
            float net[NET_W * NET_H];
            stub_map(r, k, i, clean, net);
            for (int p = 0; p < PIXELS; p++) map_of(v, k, i)[p] = at_corners(net, NET_W, NET_H, VIDEO_W, VIDEO_H, p % VIDEO_W, p / VIDEO_W);
        }
        v->scale[k] = 1;
        v->shift[k] = 0;
        if (k == 0) continue;
        for (int p = 0; p < 2 * PIXELS; p++) {
            const long double c = map_of(v, k, p / PIXELS)[p % PIXELS];
            const long double target = p < PIXELS ? map_of(v, 0, 0)[p] : map_of(v, k - 1, 12)[p - PIXELS];
            a += c * c;
            b += c;
            e += c * target;
            g += target;
        }
        if (!metric) {
            v->scale[k] = (double)((n * e - b * g) / (a * n - b * b));
            v->shift[k] = (double)((a * g - b * e) / (a * n - b * b));
        }
        for (int p = 0; p < W * PIXELS; p++) {
            const float x = map_of(v, k, 0)[p] * (float)v->scale[k] + (float)v->shift[k];
            map_of(v, k, 0)[p] = x < 0 ? 0 : x;
        }
    }
}

/* As longtake does it: only the maps that lt_window_positions names exist. */
static void own_chain(const recursion *r, int64_t n, bool metric, bool clean, lt_pool *pool, video *v)
{
    const lt_isa isa = lt_cpu_isa();
    for (int64_t p = 0; p < r->n_windows * W * PIXELS; p++) v->map[p] = NAN;
    for (int64_t k = 0; k < r->n_windows; k++) {
        int position[W];
        const int n_positions = lt_window_positions(k, n, metric, position);
        for (int j = 0; j < n_positions; j++) {
            float net[NET_W * NET_H];
            stub_map(r, k, position[j], clean, net);
            lt_depth_resize(isa, pool, net, NET_W, NET_H, map_of(v, k, position[j]), VIDEO_W, VIDEO_H);
        }
        v->scale[k] = 1;
        v->shift[k] = 0;
        if (k > 0 && !metric) {
            const lt_fit_sums s[2] = { lt_fit_sum(isa, pool, map_of(v, k, 0), map_of(v, 0, 0), PIXELS),
                                       lt_fit_sum(isa, pool, map_of(v, k, 1), map_of(v, k - 1, 12), PIXELS) };
            const lt_fit fit = lt_fit_solve(s, 2);
            assert_false(fit.near_singular);
            v->scale[k] = fit.scale;
            v->shift[k] = fit.shift;
        }
        for (int j = 0; j < n_positions; j++)
            lt_depth_apply(isa, pool, map_of(v, k, position[j]), (float)v->scale[k], (float)v->shift[k], k == 0, map_of(v, k, position[j]), PIXELS);
    }
}

static void check_video(const recursion *r, int64_t n, const video *own, const video *plain, lt_pool *pool, bool to_truth)
{
    for (int64_t f = 0; f < n; f++) {
        float out[PIXELS], truth_net[NET_W * NET_H];
        const lt_window_source s = lt_window_of_frame(f, n);
        const entry *e = &r->out[f];
        const double share = e->step * (1.0 / 7.0);
        if (s.next < 0) memcpy(out, map_of(own, s.window, s.position), sizeof out);
        else lt_depth_blend(lt_cpu_isa(), pool, map_of(own, s.window, s.position), s.weight, map_of(own, s.next, s.next_position), s.next_weight, out, PIXELS);
        for (int p = 0; p < NET_W * NET_H; p++) truth_net[p] = stub(0, 0, f, p, true);
        for (int p = 0; p < PIXELS; p++) {
            float want = map_of(plain, e->window, e->position)[p];
            if (e->next >= 0) want = want * (float)(1 - share) + map_of(plain, e->next, e->next_position)[p] * (float)share;
            /* Scale and shift differ in the last bits of f64, which may turn those of f32 by one: two roundings of values below 8 and 16. */
            if (!(fabsf(out[p] - want) <= 16 * FLT_EPSILON)) fail_msg("%d frames, frame %d, pixel %d: %g, not %g", (int)n, (int)f, p, (double)out[p], (double)want);
            /* Clean windows are the same depth but for their rounding to f32; a hundred frames are five windows, each fitted to the last. */
            const float truth = at_corners(truth_net, NET_W, NET_H, VIDEO_W, VIDEO_H, p % VIDEO_W, p / VIDEO_W);
            if (to_truth && !(fabsf(out[p] - truth) <= 1e-5f)) fail_msg("%d frames, frame %d: %g, not the depth %g", (int)n, (int)f, (double)out[p], (double)truth);
        }
    }
}

static void chain(void **state)
{
    recursion *r = *state;
    static const int64_t lengths[] = { 1, 5, 22, 23, 32, 33, 44, 60, 75, 100 };
    video own, plain;
    lt_pool *pool = NULL;
    open_video(&own);
    open_video(&plain);
    assert_ok(lt_pool_create(2, &pool));
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int kind = 0; kind < 4; kind++) {
            const bool metric = kind % 2, clean = kind / 2;
            recur(r, lengths[i]);
            plain_chain(r, metric, clean, &plain);
            own_chain(r, lengths[i], metric, clean, pool, &own);
            check_video(r, lengths[i], &own, &plain, pool, clean && !metric);
            for (int64_t k = 0; k < r->n_windows; k++) {
                if (!(fabs(own.scale[k] - plain.scale[k]) <= 1e-7)) fail_msg("window %d: scale %.17g, not %.17g", (int)k, own.scale[k], plain.scale[k]);
                if (metric) assert_true(own.scale[k] == 1 && own.shift[k] == 0);
                else if (k && clean) assert_true(fabs(own.scale[k] * (0.5 + noise(20, k)) - 1) < 1e-5);
            }
        }
    lt_pool_destroy(&pool);
    close_video(&plain);
    close_video(&own);
}

static int set_up(void **state)
{
    *state = malloc(sizeof(recursion));
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows), cmocka_unit_test(resize),  cmocka_unit_test(apply), cmocka_unit_test(blend),
        cmocka_unit_test(sums),    cmocka_unit_test(fitting), cmocka_unit_test(chain),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
