/* The two steps of depth without files, ranks or a network: which frames are read and when, that no cut changes a map or a frame, and what is made of
 * windows that failed, against the definition written out in the plainest way. */
#include "check.h"

#include <longtake/align.h>
#include <longtake/task.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { W = 56, H = 28, NET_W = 28, NET_H = 14, PIXELS = W * H, NET = NET_W * NET_H, MOST = 240, ALL = (MOST / 22 + 2) * 32 };

/* ---- the first step ---- */

typedef struct {
    int64_t n_frames;
    uint8_t bad[MOST];
    uint8_t rgb[PIXELS * 3];
    int     pulled[MOST], fetched[MOST];
    int64_t last_pull, needs[MOST + LT_NEEDS_MORE], n_needs;
    float  *maps;                            /* [ALL, NET], NAN: fill */
    char    why[ALL][LT_RAW_WHY];
    int     put[ALL];
    int64_t anchor[ALL / 32];
    atomic_int stop;
} video;

static void draw(video *v, int64_t t)
{
    for (int i = 0; i < PIXELS; i++)
        for (int c = 0; c < 3; c++) v->rgb[3 * i + c] = (uint8_t)(128 + 60 * sin(0.1 * (double)(i % W) + 0.05 * (double)t) + 30 * cos(0.3 * (double)(i / W + c)));
}

static lt_status view_of(video *v, int64_t t, lt_view *out)
{
    draw(v, t);
    *out = (lt_view){ .rgb = v->bad[t] ? NULL : v->rgb, .stride = W * 3, .why = v->bad[t] ? "it is torn" : NULL };
    return LT_OK;
}

static lt_status pull(void *ctx, int64_t t, lt_view *out)
{
    video *v = ctx;
    bool named = false;
    for (int64_t i = 0; i < v->n_needs; i++) named = named || v->needs[i] == t;
    assert_true(named);
    assert_true(t > v->last_pull);
    v->last_pull = t;
    v->pulled[t]++;
    return view_of(v, t, out);
}

static lt_status fetch(void *ctx, int64_t t, lt_view *out)
{
    video *v = ctx;
    v->fetched[t]++;
    return view_of(v, t, out);
}

static lt_status put(void *ctx, int64_t number, const void *const *data)
{
    video *v = ctx;
    v->put[number]++;
    memcpy(v->maps + number * NET, data[0], NET * sizeof(float));
    v->why[number][0] = 0;
    return LT_OK;
}

static lt_status put_fill(void *ctx, int64_t number, const char *why)
{
    video *v = ctx;
    v->put[number]++;
    for (int i = 0; i < NET; i++) v->maps[number * NET + i] = NAN;
    snprintf(v->why[number], LT_RAW_WHY, "%s", why ? why : "");
    return LT_OK;
}

static lt_status window(void *ctx, int64_t number, int64_t anchor)
{
    video *v = ctx;
    v->anchor[number / 32] = anchor;
    return LT_OK;
}

typedef struct {
    const lt_task *task;
    lt_task_env    env;
    lt_settings    settings;
    void          *plan, *session;
    lt_arena      *arena;
} rig;

static void rig_open(rig *r, int64_t anchor, bool metric)
{
    size_t n = 0;
    memset(r, 0, sizeof *r);
    assert_ok(lt_settings_defaults(&r->settings));
    r->settings.input_size = 14;
    r->settings.anchor_frame = anchor;
    r->settings.metric = metric;
    r->env = (lt_task_env){ .settings = &r->settings, .machine = lt_machine_here(lt_cpu_isa(), 1), .precision = LT_F32 };
    assert_ok(lt_task_find(LT_TASK_DEPTH, &r->task));
    assert_ok(r->task->plan(&r->env, W, H, &r->plan, &n));
    assert_ok(lt_arena_create(n, &r->arena));
    assert_ok(r->task->open(r->plan, &r->env, r->arena, NULL, &r->session));
}

static void rig_close(rig *r)
{
    r->task->close(&r->session);
    r->task->plan_destroy(&r->plan);
    lt_arena_destroy(&r->arena);
    lt_settings_free(&r->settings);
}

static video *video_new(int64_t n_frames, int64_t bad)
{
    video *v = calloc(1, sizeof *v);
    v->n_frames = n_frames;
    v->maps = malloc((size_t)ALL * NET * sizeof(float));
    if (bad >= 0) v->bad[bad] = 1;
    return v;
}

static void video_free(video *v)
{
    free(v->maps);
    free(v);
}

/* Windows [first, last] by the rig's session. */
static void make(rig *r, video *v, int64_t first, int64_t last)
{
    const lt_task_io io = { v, pull, fetch, put, put_fill, window, &v->stop };
    const lt_range piece = { first * 32, last * 32 + 31 };
    v->last_pull = -1;
    r->task->needs(r->session, piece, v->n_frames, v->needs, &v->n_needs);
    assert_true(v->n_needs <= (last - first + 1) * 32 + LT_NEEDS_MORE);
    for (int64_t i = 1; i < v->n_needs; i++) assert_true(v->needs[i] > v->needs[i - 1]);
    assert_ok(r->task->run(r->session, piece, v->n_frames, &io));
}

/* All windows in pieces of `step`; one session for all, or a fresh one for each piece. */
static video *make_all(int64_t n_frames, int64_t bad, int64_t anchor, bool metric, int64_t step, bool fresh)
{
    rig r;
    video *v = video_new(n_frames, bad);
    rig_open(&r, anchor, metric);
    for (int64_t k = 0, n = lt_window_count(n_frames); k < n; k += step) {
        if (fresh && k) {
            rig_close(&r);
            rig_open(&r, anchor, metric);
        }
        make(&r, v, k, k + step - 1 < n ? k + step - 1 : n - 1);
    }
    rig_close(&r);
    return v;
}

static void same_maps(const video *a, const video *b)
{
    for (int64_t i = 0; i < lt_window_count(a->n_frames) * 32; i++) {
        assert_int_equal(a->put[i], 1);
        assert_int_equal(b->put[i], 1);
        assert_string_equal(a->why[i], b->why[i]);
        assert_memory_equal(a->maps + i * NET, b->maps + i * NET, NET * sizeof(float));
    }
}

static void each_frame_is_read_once(void **state)
{
    (void)state;
    video *v = make_all(150, -1, 0, false, 2, false);
    for (int t = 0; t < 150; t++) {
        assert_int_equal(v->pulled[t], 1);
        assert_int_equal(v->fetched[t], 0);
    }
    video_free(v);
    /* Pieces by themselves read ten frames more: the anchor, the one at position 1, eight that overlap. */
    v = make_all(150, -1, 0, false, 2, true);
    int again = 0;
    for (int t = 0; t < 150; t++) again += v->pulled[t] + v->fetched[t] - 1;
    assert_int_equal(again, 3 * 10);
    video_free(v);
}

static void no_cut_changes_a_map(void **state)
{
    (void)state;
    static const struct {
        int64_t n, bad, anchor;
        bool    metric;
    } cases[] = {
        { 150, -1, 0, false }, { 150, -1, 0, true }, { 151, 60, 0, false }, { 133, 0, 0, false }, { 70, 69, 0, false }, { 150, -1, 100, false },
        { 150, 100, 100, false }, { 150, 30, 31, false }, { 1, -1, 0, false }, { 22, -1, 500, false }, { 23, -1, 0, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        video *one = make_all(cases[i].n, cases[i].bad, cases[i].anchor, cases[i].metric, 100, true);
        for (int64_t step = 1; step < 4; step++)
            for (int fresh = 0; fresh < 2; fresh++) {
                video *other = make_all(cases[i].n, cases[i].bad, cases[i].anchor, cases[i].metric, step, fresh != 0);
                same_maps(one, other);
                video_free(other);
            }
        video_free(one);
    }
}

/* ---- the second step ---- */

typedef struct {
    const video    *v;
    float          *frames;                  /* [n, PIXELS], NAN: fill */
    char            why[MOST][LT_RAW_WHY];
    lt_segment_part parts[MOST / 22 + 2];
    int             n_parts, n_warnings;
    lt_carry        carry;
    int64_t         first_number;            /* no map before the halo of the window before may be asked for */
    atomic_int      stop;
} finished;

static lt_status map(void *ctx, int64_t number, float *out, char *why, int64_t *anchor)
{
    finished *f = ctx;
    memcpy(out, f->v->maps + number * NET, NET * sizeof(float));
    snprintf(why, LT_RAW_WHY, "%s", f->v->why[number]);
    *anchor = f->v->anchor[number / 32];
    if (number < f->first_number && number != f->carry.anchor) {
        int64_t halo[LT_HALO_MAPS];
        const lt_finish_config c = { W, H, NET_W, NET_H, f->v->n_frames, 0, false };
        const lt_task *task = NULL;
        bool named = false;
        assert_ok(lt_task_find(LT_TASK_DEPTH, &task));
        const int n = task->finish->halo(&c, f->first_number - 1, halo);
        for (int i = 0; i < n; i++) named = named || halo[i] == number;
        if (!named) fail_msg("map %lld is asked for and not in the halo", (long long)number);
    }
    return LT_OK;
}

static lt_status linked(void *ctx, const lt_carry *carry)
{
    ((finished *)ctx)->carry = *carry;
    return LT_OK;
}

static lt_status rows(void *ctx, const lt_segment_part *parts, int n)
{
    finished *f = ctx;
    memcpy(f->parts + f->n_parts, parts, (size_t)n * sizeof *parts);
    f->n_parts += n;
    return LT_OK;
}

static lt_status put_frame(void *ctx, int64_t t, const void *const *data)
{
    memcpy(((finished *)ctx)->frames + t * PIXELS, data[0], PIXELS * sizeof(float));
    return LT_OK;
}

static lt_status fill_frame(void *ctx, int64_t t, const char *why)
{
    finished *f = ctx;
    assert_non_null(why);
    for (int i = 0; i < PIXELS; i++) f->frames[t * PIXELS + i] = NAN;
    snprintf(f->why[t], LT_RAW_WHY, "%s", why);
    return LT_OK;
}

static void count_warning(void *ctx, const char *text)
{
    (void)text;
    ((finished *)ctx)->n_warnings++;
}

static finished *finish_all(const video *v, int64_t anchor, bool metric, int64_t windows)
{
    const lt_task *task = NULL;
    void *finisher = NULL;
    finished *f = calloc(1, sizeof *f);
    const lt_finish_config c = { W, H, NET_W, NET_H, v->n_frames, anchor, metric };
    f->v = v;
    f->frames = malloc((size_t)MOST * PIXELS * sizeof(float));
    assert_ok(lt_task_find(LT_TASK_DEPTH, &task));
    const lt_finish_io io = { f, map, linked, rows, put_frame, fill_frame, count_warning, &f->stop };
    f->carry.anchor = -1;
    for (int64_t t = 0; t < v->n_frames; t += windows * 22) {
        const lt_range piece = { t, t + windows * 22 < v->n_frames ? t + windows * 22 - 1 : v->n_frames - 1 };
        const lt_carry before = f->carry;
        /* A finisher for each piece: nothing may pass but the carry. */
        f->first_number = task->finish->numbers(piece).first;
        assert_ok(task->finish->open(&c, NULL, lt_cpu_isa(), &finisher));
        assert_ok(task->finish->run(finisher, piece, &before, &io));
        task->finish->close(&finisher);
    }
    return f;
}

static void finished_free(finished *f)
{
    free(f->frames);
    free(f);
}

/* The definition: all maps at frame size, all windows in a row, then all frames. Good videos with frame 0 as anchor only. */
static void plain(const video *v, bool metric, float *frames, double *scale, double *shift)
{
    const int64_t n = lt_window_count(v->n_frames);
    float *a = malloc((size_t)n * 32 * PIXELS * sizeof *a);
    for (int64_t k = 0; k < n; k++) {
        float *const own = a + k * 32 * PIXELS;
        double cc = 0, c = 0, cr = 0, r = 0;
        for (int p = 0; p < 32; p++) lt_depth_resize(lt_cpu_isa(), NULL, v->maps + (k * 32 + p) * NET, NET_W, NET_H, own + p * PIXELS, W, H);
        scale[k] = 1, shift[k] = 0;
        if (k == 0) continue;
        for (int i = 0; i < 2 * PIXELS && !metric; i++) {
            const double x = (double)own[i], y = (double)(i < PIXELS ? a[i] : a[((k - 1) * 32 + 12) * PIXELS + i - PIXELS]);
            cc += x * x, c += x, cr += x * y, r += y;
        }
        const double m = 2.0 * PIXELS, det = cc * m - c * c;
        if (!metric) scale[k] = (m * cr - c * r) / det, shift[k] = (cc * r - c * cr) / det;
        for (int i = 0; i < 32 * PIXELS; i++) own[i] = fmaxf(0, (float)scale[k] * own[i] + (float)shift[k]);
    }
    for (int64_t t = 0; t < v->n_frames; t++) {
        int64_t k = t < 32 ? 0 : (t - 10) / 22;
        if (k > n - 1) k = n - 1;
        const int64_t i = t - 22 * k;
        const float *one = a + (k * 32 + i) * PIXELS, *two = k + 1 < n && i > 24 ? a + ((k + 1) * 32 + i - 22) * PIXELS : NULL;
        const float w = i < 31 ? (float)((double)(i - 24) / 7) : 1;
        for (int p = 0; p < PIXELS; p++) frames[t * PIXELS + p] = two ? (w == 1 ? two[p] : one[p] * (1 - w) + two[p] * w) : one[p];
    }
    free(a);
}

static void frames_are_those_of_the_definition(void **state)
{
    (void)state;
    float *want = malloc((size_t)MOST * PIXELS * sizeof *want);
    double scale[MOST / 22 + 2], shift[MOST / 22 + 2];
    for (int64_t n = 150; n < 158; n += 5)
        for (int metric = 0; metric < 2; metric++) {
            video *v = make_all(n, -1, 0, metric != 0, 100, false);
            finished *f = finish_all(v, 0, metric != 0, 3);
            plain(v, metric != 0, want, scale, shift);
            for (int64_t i = 0; i < n * PIXELS; i++)
                /* Sums in another order, and a scale rounded to f32 once more: a few units of f32 of values up to ten. */
                if (!(fabsf(want[i] - f->frames[i]) <= 1e-5f)) fail_msg("frame %lld: %g, not %g", (long long)(i / PIXELS), (double)f->frames[i], (double)want[i]);
            for (int k = 0; k < f->n_parts; k++) {
                assert_true(fabs(f->parts[k].row.scale - scale[k]) < 1e-9 && fabs(f->parts[k].row.shift - shift[k]) < 1e-9);
                assert_int_equal(f->parts[k].frames.first, 22 * k);
                assert_int_equal(f->parts[k].row.anchor, k && !metric ? 0 : -1);
            }
            assert_int_equal(f->n_parts, lt_window_count(n));
            finished_free(f);
            video_free(v);
        }
    free(want);
}

static void no_cut_changes_a_frame(void **state)
{
    (void)state;
    static const struct {
        int64_t n, bad, anchor;
        bool    metric;
    } cases[] = {
        { 150, -1, 0, false }, { 150, -1, 0, true }, { 151, 60, 0, false }, { 151, 60, 0, true }, { 133, 5, 0, false }, { 70, 69, 0, false },
        { 150, -1, 100, false }, { 150, 100, 100, false }, { 150, 30, 31, false }, { 1, -1, 0, false }, { 22, -1, 500, false }, { 23, -1, 0, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        video *v = make_all(cases[i].n, cases[i].bad, cases[i].anchor, cases[i].metric, 100, true);
        finished *one = finish_all(v, cases[i].anchor, cases[i].metric, 100);
        for (int64_t windows = 1; windows < 4; windows++) {
            finished *other = finish_all(v, cases[i].anchor, cases[i].metric, windows);
            assert_memory_equal(one->frames, other->frames, (size_t)cases[i].n * PIXELS * sizeof(float));
            assert_int_equal(one->n_parts, other->n_parts);
            for (int k = 0; k < one->n_parts; k++) assert_int_equal(one->parts[k].row.anchor, other->parts[k].row.anchor);
            for (int64_t t = 0; t < cases[i].n; t++) assert_string_equal(one->why[t], other->why[t]);
            finished_free(other);
        }
        finished_free(one);
        video_free(v);
    }
}

/* A window without values: which frames go with it, what the next one leans on, and that depth stays on one scale across it. */
static void a_gap_costs_itself(void **state)
{
    (void)state;
    static const struct {
        int64_t bad, anchor;
        int     window;                      /* that fails */
        int64_t lost_first, lost_last, leans_on;
    } cases[] = {
        { 60, 0, 2, 53, 68, 0 },             /* position 31 of the window before and 2 of the one after have no map */
        { 5, 0, 0, 0, 24, -1 },              /* the first with values sets the scale */
        { 120, 100, 5, 119, 134, 100 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        video *good = make_all(180, -1, cases[i].anchor, false, 100, true), *v = make_all(180, cases[i].bad, cases[i].anchor, false, 100, true);
        finished *whole = finish_all(good, cases[i].anchor, false, 2), *f = finish_all(v, cases[i].anchor, false, 2);
        for (int64_t t = 0; t < 180; t++) {
            const bool lost = t >= cases[i].lost_first && t <= cases[i].lost_last;
            assert_int_equal(isnan(f->frames[t * PIXELS]) != 0, lost);
            assert_int_equal(f->why[t][0] != 0, lost);
            if (lost) assert_non_null(strstr(f->why[t], "torn"));
            if (lost || cases[i].bad == 5) continue;
            /* The chain took another way, so the fits differ, by what the stand-in adds to each window at random: below 0.12. */
            for (int p = 0; p < PIXELS; p++) assert_true(fabsf(f->frames[t * PIXELS + p] - whole->frames[t * PIXELS + p]) < 0.15f);
        }
        assert_true(isnan(f->parts[cases[i].window].row.scale));
        assert_int_equal(f->parts[cases[i].window + 1].row.anchor, cases[i].leans_on);
        assert_int_equal(f->n_warnings, cases[i].bad == 5);
        finished_free(whole);
        finished_free(f);
        video_free(good);
        video_free(v);
    }
}

/* Windows up to the one that shows the anchor frame in its row lean on their neighbour; one of them that has none, on position 0 of the last good one. */
static void an_anchor_further_on(void **state)
{
    (void)state;
    static const int64_t good[] = { -1, 12, 34, 56, 78, 100, 100 }, torn[] = { -1, 12, -1, 100, 78, 100, 100 };
    for (int bad = 0; bad < 2; bad++) {
        video *v = make_all(150, bad ? 60 : -1, 100, false, 100, true);
        finished *f = finish_all(v, 100, false, 2);
        for (int k = 0; k < f->n_parts; k++) assert_int_equal(f->parts[k].row.anchor, bad ? torn[k] : good[k]);
        finished_free(f);
        video_free(v);
    }
}

static void a_stop_is_obeyed(void **state)
{
    (void)state;
    rig r;
    video *v = video_new(100, -1);
    rig_open(&r, 0, false);
    atomic_store(&v->stop, 1);
    const lt_task_io io = { v, pull, fetch, put, put_fill, window, &v->stop };
    r.task->needs(r.session, (lt_range){ 0, 63 }, 100, v->needs, &v->n_needs);
    assert_int_equal(r.task->run(r.session, (lt_range){ 0, 63 }, 100, &io), LT_E_STOPPED);
    assert_int_equal(v->put[0], 0);
    rig_close(&r);
    video_free(v);
}

int main(void)
{
    setenv("LT_DEPTH_STUB", "0", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_frame_is_read_once),
        cmocka_unit_test(no_cut_changes_a_map),
        cmocka_unit_test(frames_are_those_of_the_definition),
        cmocka_unit_test(no_cut_changes_a_frame),
        cmocka_unit_test(a_gap_costs_itself),
        cmocka_unit_test(an_anchor_further_on),
        cmocka_unit_test(a_stop_is_obeyed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
