#include <longtake/sweep.h>

#include <longtake/align.h>
#include <longtake/clock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More frames than are read, so that no window lies at the end of its video, where it would read the last frame again and again. SHIFT: bytes by which
 * the picture of a frame is moved against that of the frame before; no divisor of a row of any size, so no two frames are alike. */
enum { MORE_FRAMES = 2 * LT_WINDOW_FRAMES, SHIFT = 1013 };

static const int64_t boundless = INT64_MAX / 4;

/* ---- limits ---- */

static lt_ladder_ask asked(const lt_ladder_ask *ask, int64_t limit)
{
    lt_ladder_ask out = *ask;
    out.quality = false;
    out.budget = (lt_budget){ .device = limit, .host = boundless, .pool = 2 * boundless, .device_binds = LT_LIMIT_OPTION, .host_binds = LT_LIMIT_HOST_OPTION };
    return out;
}

/* The bytes of the rungs that some limit leads to, falling: a rung that takes no less than one above it is never taken. */
static int taken(const lt_ladder *l, int64_t *out)
{
    int n = 0;
    for (int i = 0; i < l->n; i++)
        if (n == 0 || l->candidates[i].need.device < out[n - 1]) out[n++] = l->candidates[i].need.device;
    return n;
}

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The widest gap of rungs [n], falling, that has no point yet; 0: none is left that could have one. */
static int widest(const int64_t *rungs, int n, const bool *used)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (!used[i] && rungs[i - 1] - rungs[i] > 1 && (!best || rungs[i - 1] - rungs[i] > rungs[best - 1] - rungs[best])) best = i;
    return best;
}

lt_status lt_sweep_limits(const lt_ladder_ask *ask, int between, int64_t *out, int *n)
{
    lt_status st = LT_OK;
    int64_t rungs[LT_LADDER_MAX];
    bool used[LT_LADDER_MAX] = { false };
    const lt_ladder_ask none = asked(ask, 0);
    lt_ladder *l = malloc(sizeof *l);
    *n = 0;
    if (!l) LT_FAIL(LT_E_MEMORY, "no memory for a plan");
    st = lt_ladder_walk(&none, l);
    if (st != LT_E_MEMORY || l->n == 0) {
        LT_TRY(st);
        LT_FAIL(LT_E_INTERNAL, "%s: a plan fits into no memory at all", ask->name);
    }
    lt_error_clear();
    st = LT_OK;
    const int m = taken(l, rungs);
    out[(*n)++] = rungs[m - 1] - 1;
    for (int i = 0; i < m; i++) out[(*n)++] = rungs[i];
    for (int i = 0, gap; i < between && i < LT_SWEEP_MAX - LT_LADDER_MAX - 2 && (gap = widest(rungs, m, used)) > 0; i++) {
        used[gap] = true;
        out[(*n)++] = rungs[gap] + (rungs[gap - 1] - rungs[gap]) / 2;
    }
    out[(*n)++] = rungs[0] + rungs[0] / 8;
    qsort(out, (size_t)*n, sizeof *out, by_size);
done:
    free(l);
    return st;
}

lt_status lt_sweep_plan(const lt_ladder_ask *ask, int64_t limit, lt_sweep_point *p)
{
    lt_status st = LT_OK;
    const lt_ladder_ask mine = asked(ask, limit);
    lt_ladder *l = malloc(sizeof *l);
    *p = (lt_sweep_point){ .limit = limit };
    if (!l) LT_FAIL(LT_E_MEMORY, "no memory for a plan");
    st = lt_ladder_walk(&mine, l);
    p->fits = st >= 0;
    if (st == LT_E_MEMORY && l->n > 0) {
        snprintf(p->why, sizeof p->why, "%s", lt_error_last()->text);
        lt_error_clear();
        for (int i = 1; i < l->n; i++)
            if (l->candidates[i].need.device < l->candidates[p->rung].need.device) p->rung = i;
    } else {
        LT_TRY(st);
        p->rung = l->chosen;
    }
    p->candidate = l->candidates[p->rung];
    st = LT_OK;
done:
    free(l);
    return st;
}

/* ---- drawn frames ---- */

typedef struct {
    const lt_sweep *sweep;
    uint8_t        *noise;               /* frame t begins at byte t * SHIFT */
    size_t          stride;
    int             pixels;              /* of a map */
    lt_hash        *maps;                /* [n_maps], all 0 where a position has none */
    int64_t         n_maps;
} film;

static int n_maps(const lt_sweep *s)
{
    return LT_WINDOW_FRAMES * (1 + s->timed);
}

static int64_t n_frames(const lt_sweep *s)
{
    return LT_WINDOW_STEP * (1 + s->timed) + MORE_FRAMES;
}

/* Blocks of noise on a slope: a network sees edges, and every value of a frame counts. */
static lt_status draw(film *f)
{
    lt_status st = LT_OK;
    const lt_ladder_ask *ask = f->sweep->ask;
    const size_t n = f->stride * (size_t)ask->info.height + (size_t)n_frames(f->sweep) * SHIFT;
    uint32_t x = 2463534242u;
    if (!(f->noise = malloc(n)) || !(f->maps = calloc((size_t)n_maps(f->sweep), sizeof *f->maps))) LT_FAIL(LT_E_MEMORY, "no memory for frames");
    for (size_t i = 0; i < n; i++) {
        if (i % 24 == 0) x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        f->noise[i] = (uint8_t)((x >> 24) / 2 + i % 24 * 3 + i % f->stride * 56 / f->stride);
    }
done:
    return st;
}

static lt_status pull(void *ctx, int64_t t, lt_view *out)
{
    const film *f = ctx;
    *out = (lt_view){ .rgb = f->noise + t * SHIFT, .stride = f->stride };
    return LT_OK;
}

static lt_status put(void *ctx, int64_t number, const void *const *data)
{
    lt_status st = LT_OK;
    film *f = ctx;
    if (number < 0 || number >= f->n_maps) LT_FAIL(LT_E_INTERNAL, "map %lld of %lld", (long long)number, (long long)f->n_maps);
    f->maps[number] = lt_hash_bytes(data[0], (size_t)f->pixels * sizeof(float));
done:
    return st;
}

/* A position that nothing reads is none; one that failed is no figure to publish. */
static lt_status put_fill(void *ctx, int64_t number, const char *why)
{
    lt_status st = LT_OK;
    (void)ctx;
    (void)number;
    if (why) LT_FAIL(LT_E_DATA, "%s", why);
done:
    return st;
}

static lt_status window(void *ctx, int64_t number, int64_t anchor)
{
    (void)ctx;
    (void)number;
    (void)anchor;
    return LT_OK;
}

/* ---- runs ---- */

static const lt_range first_range = { 0, LT_WINDOW_FRAMES - 1 };

static lt_range timed_range(const lt_sweep *s)
{
    return s->timed ? (lt_range){ LT_WINDOW_FRAMES, n_maps(s) - 1 } : first_range;
}

lt_status lt_sweep_work(const lt_sweep *s, const lt_sweep_point *p, double *all, double *timed)
{
    lt_status st = LT_OK;
    void *plan = NULL;
    lt_need need;
    *all = 0;
    if (timed) *timed = 0;
    LT_TRY(lt_setting_need(s->ask, &p->candidate.setting, &need, &plan));
    if (!s->ask->task->work) goto done;
    const double of_timed = s->ask->task->work(plan, timed_range(s), n_frames(s), s->timed > 0);
    *all = of_timed + (s->timed ? s->ask->task->work(plan, first_range, n_frames(s), false) : 0);
    if (timed) *timed = of_timed;
done:
    if (plan) s->ask->task->plan_destroy(&plan);
    return st;
}

static lt_status windows(const lt_sweep *s, void *session, film *f, lt_sweep_point *p)
{
    lt_status st = LT_OK;
    const lt_task *t = s->ask->task;
    const lt_task_io io = { f, pull, pull, put, put_fill, window, s->stop };
    if (s->timed) LT_TRY(t->run(session, first_range, n_frames(s), &io));
    const double before = lt_seconds();
    LT_TRY(t->run(session, timed_range(s), n_frames(s), &io));
    p->seconds = lt_seconds() - before;
    p->frames = s->timed ? LT_WINDOW_STEP * s->timed : LT_WINDOW_FRAMES;
done:
    return st;
}

/* A session of the point's setting in an arena of this size, and its windows. */
static lt_status run_in(const lt_sweep *s, lt_sweep_point *p, int64_t n_bytes, film *f)
{
    lt_status st = LT_OK;
    const lt_task *t = s->ask->task;
    lt_settings room;
    const lt_task_env env = lt_setting_env(s->ask->env, &p->candidate.setting, &room);
    lt_arena *arena = NULL;
    void *plan = NULL, *session = NULL;
    lt_need need;
    LT_TRY(lt_setting_need(s->ask, &p->candidate.setting, &need, &plan));
    f->pixels = need.finish.net_width * need.finish.net_height;
    LT_TRY(lt_arena_create_on(s->device, (size_t)n_bytes, &arena));
    LT_TRY(t->open(plan, &env, arena, s->pool, &session));
    LT_TRY(windows(s, session, f, p));
    p->observed = (int64_t)lt_arena_high_water(arena);
done:
    if (session) t->close(&session);
    lt_arena_destroy(&arena);
    if (plan) t->plan_destroy(&plan);
    return st;
}

/* Tensors lie at multiples of LT_ARENA_ALIGN, and what pads the last one is never written. */
static bool held_as_planned(const lt_sweep_point *p)
{
    return p->observed <= p->candidate.need.plan && p->observed > p->candidate.need.plan - LT_ARENA_ALIGN;
}

lt_status lt_sweep_run(const lt_sweep *s, lt_sweep_point *p)
{
    lt_status st = LT_OK;
    film f = { .sweep = s, .stride = (size_t)s->ask->info.width * 3, .n_maps = n_maps(s) };
    const lt_candidate *c = &p->candidate;
    char setting[160], why[LT_ERROR_TEXT];
    lt_setting_text(s->ask->task, &c->setting, setting, sizeof setting);
    if (p->fits && c->need.device > p->limit)
        LT_FAIL(LT_E_INTERNAL, "%s: %s is said to fit %lld bytes and takes %lld", s->ask->name, setting, (long long)p->limit, (long long)c->need.device);
    LT_TRY(draw(&f));
    st = run_in(s, p, p->fits ? c->need.plan : p->limit, &f);
    if (!p->fits && st >= 0)
        LT_FAIL(LT_E_INTERNAL, "%s: %s is said not to fit %lld bytes and ran in them", s->ask->name, setting, (long long)p->limit);
    if (!p->fits && st == LT_E_MEMORY) {
        lt_error_clear();
        st = LT_OK;
        goto done;
    }
    if (st == LT_E_MEMORY) {
        snprintf(why, sizeof why, "%s", lt_error_last()->text);
        LT_FAIL(LT_E_INTERNAL, "%s: %s is said to fit %lld bytes and did not run: %s", s->ask->name, setting, (long long)p->limit, why);
    }
    LT_TRY(st);
    p->hash = lt_hash_bytes(f.maps, (size_t)f.n_maps * sizeof *f.maps);
    if (!held_as_planned(p))
        LT_FAIL(LT_E_INTERNAL, "%s: %s planned %lld bytes and held %lld", s->ask->name, setting, (long long)c->need.plan, (long long)p->observed);
    LT_TRY(lt_sweep_work(s, p, &(double){ 0 }, &p->flops));
done:
    free(f.noise);
    free(f.maps);
    return st;
}

lt_status lt_sweep_same(const lt_ladder_ask *ask, const lt_sweep_point *a, const lt_sweep_point *b)
{
    lt_status st = LT_OK;
    char first[160], other[160];
    if (lt_hash_equal(a->hash, b->hash)) return LT_OK;
    LT_FAIL(LT_E_INTERNAL, "%s: %s and %s gave different maps", ask->name, lt_setting_text(ask->task, &a->candidate.setting, first, sizeof first),
            lt_setting_text(ask->task, &b->candidate.setting, other, sizeof other));
done:
    return st;
}
