/* From too little memory to plenty: what the plan says, a run does; bytes as planned, the same maps everywhere. */
#include "check.h"

#include <longtake/sweep.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    lt_settings   settings;
    lt_task_env   env;
    lt_field      fields[LT_TASK_FIELDS];
    lt_ladder_ask ask;
    lt_pool      *pool;
    atomic_int    stop;
} rig;

static void rig_open(rig *r, int model, int width, int height, lt_dtype precision)
{
    memset(r, 0, sizeof *r);
    assert_ok(lt_settings_defaults(&r->settings));
    r->settings.task = LT_TASK_DEPTH;
    r->settings.model = model;
    r->settings.input_size = width < height ? width : height;
    r->env = (lt_task_env){ .settings = &r->settings, .machine = lt_machine_here(lt_cpu_isa(), 2), .precision = precision };
    assert_ok(lt_task_find(LT_TASK_DEPTH, &r->ask.task));
    assert_ok(r->ask.task->fields(&r->settings, r->fields, &r->ask.n_fields));
    r->ask.env = &r->env;
    r->ask.fields = r->fields;
    r->ask.name = "sweep";
    r->ask.info = (lt_media_info){ .width = width, .height = height, .coded_width = width, .coded_height = height, .bit_depth = 8 };
    r->ask.n_threads = 2;
    r->ask.ranks = 1;
}

static void rig_close(rig *r)
{
    lt_weights_close(&r->env.weights);
    lt_pool_destroy(&r->pool);
    lt_settings_free(&r->settings);
}

/* ---- plans ---- */

/* Every rung that takes less than all above it is taken at some limit; more memory never gives a worse one. */
static void plans(int model, int width, lt_dtype precision)
{
    rig r;
    int64_t limits[LT_SWEEP_MAX], least = INT64_MAX;
    bool taken[LT_LADDER_MAX] = { false };
    int n = 0, last = LT_LADDER_MAX;
    static lt_ladder all;
    rig_open(&r, model, width, 518, precision);
    assert_ok(lt_sweep_limits(&r.ask, 1, limits, &n));
    assert_true(n >= 3);
    for (int i = 0; i < n; i++) {
        lt_sweep_point p;
        assert_ok(lt_sweep_plan(&r.ask, limits[i], &p));
        assert_int_equal(p.fits, i > 0);
        assert_int_equal(p.fits, p.candidate.need.device <= limits[i]);
        assert_int_equal(p.fits, p.why[0] == 0);
        if (i > 0) assert_true(limits[i] > limits[i - 1]);
        if (!p.fits) continue;
        if (p.rung > last) fail_msg("model %d, %d wide: %lld bytes give rung %d, fewer gave %d", model, width, (long long)limits[i], p.rung, last);
        taken[last = p.rung] = true;
    }
    assert_int_equal(last, 0);
    assert_int_equal(lt_ladder_walk(&r.ask, &all), LT_E_MEMORY);                 /* its budget is 0 */
    for (int i = 0; i < all.n; i++) {
        assert_int_equal(taken[i], all.candidates[i].need.device < least);
        if (all.candidates[i].need.device < least) least = all.candidates[i].need.device;
    }
    rig_close(&r);
}

static void more_memory_never_gives_a_worse_rung(void **state)
{
    (void)state;
    for (int model = LT_MODEL_VITS; model <= LT_MODEL_VITL; model++)
        for (int p = 0; p < 2; p++)
            for (int wide = 0; wide < 2; wide++) plans(model, wide ? 924 : 518, p ? LT_BF16 : LT_F32);
}

/* ---- runs ---- */

/* A point of the sweep, planned and run: what it says holds, and its maps are those of the first one that ran. */
static void run(const lt_sweep *s, int64_t limit, bool fits, lt_sweep_point *first)
{
    lt_sweep_point p;
    assert_ok(lt_sweep_plan(s->ask, limit, &p));
    assert_int_equal(p.fits, fits);
    assert_ok(lt_sweep_run(s, &p));
    assert_int_equal(p.frames, !fits ? 0 : s->timed ? 22 : 32);
    if (!fits) {
        assert_int_equal(p.observed, 0);
        return;
    }
    assert_true(p.observed <= limit);
    if (p.observed != p.candidate.need.plan)
        fail_msg("%s, rung %d: planned %lld, held %lld", s->ask->name, p.rung, (long long)p.candidate.need.plan, (long long)p.observed);
    assert_true(p.flops > 0 && p.seconds > 0);
    if (!first->fits) *first = p;
    assert_true(lt_hash_equal(first->hash, p.hash));
}

/* The roomiest limit at which weights are streamed; the least one where none are. */
static int streamed(const lt_ladder_ask *ask, const int64_t *limits, int n)
{
    lt_sweep_point p;
    for (int i = n - 1; i > 0; i--) {
        assert_ok(lt_sweep_plan(ask, limits[i], &p));
        if (p.candidate.setting.stream) return i;
    }
    return 1;
}

/* All points of a precision; or, of a network that is slow even at this size, one below the least, one with streamed weights and one with plenty.
 * `two`: a second window behind the first, which reads features that the first one left. */
static void runs(int model, int width, int height, lt_dtype precision, bool all, int two)
{
    rig r;
    int64_t limits[LT_SWEEP_MAX];
    lt_sweep_point first = { 0 };
    int n = 0;
    rig_open(&r, model, width, height, precision);
    assert_ok(lt_weights_open("synthetic:7", &r.env.weights));
    assert_ok(lt_pool_create(2, &r.pool));
    assert_ok(lt_sweep_limits(&r.ask, 1, limits, &n));
    assert_true(n > 4);
    const lt_sweep s = { &r.ask, r.pool, NULL, &r.stop, two };
    const int middle = all ? 0 : streamed(&r.ask, limits, n);
    for (int i = 0; i < n; i++)
        if (all || i == 0 || i == middle || i == n - 1) run(&s, limits[i], i > 0, &first);
    rig_close(&r);
}

/* A contradiction is found and said: this is what `bench --sweep` ends with. */
static void contradictions_are_said(void **state)
{
    (void)state;
    rig r;
    int64_t limits[LT_SWEEP_MAX];
    lt_sweep_point none, p, wrong;
    int n = 0;
    rig_open(&r, LT_MODEL_VITS, 28, 14, LT_F32);
    assert_ok(lt_weights_open("synthetic:7", &r.env.weights));
    assert_ok(lt_sweep_limits(&r.ask, 0, limits, &n));
    const lt_sweep s = { &r.ask, NULL, NULL, &r.stop, 0 };
    assert_ok(lt_sweep_plan(&r.ask, limits[0], &none));
    assert_ok(lt_sweep_plan(&r.ask, limits[n - 1], &p));
    wrong = none;
    wrong.limit = none.candidate.need.plan;
    assert_int_equal(lt_sweep_run(&s, &wrong), LT_E_INTERNAL);
    assert_non_null(strstr(lt_error_last()->text, "is said not to fit"));
    wrong = p;
    wrong.limit = p.candidate.need.device - 1;
    assert_int_equal(lt_sweep_run(&s, &wrong), LT_E_INTERNAL);
    assert_non_null(strstr(lt_error_last()->text, "is said to fit"));
    wrong = p;
    wrong.candidate.need.plan -= 2 * LT_ARENA_ALIGN;
    assert_int_equal(lt_sweep_run(&s, &wrong), LT_E_INTERNAL);
    assert_non_null(strstr(lt_error_last()->text, "did not run: the arena is smaller than its plan"));
    wrong = p;
    wrong.candidate.need.plan += LT_ARENA_ALIGN;
    assert_int_equal(lt_sweep_run(&s, &wrong), LT_E_INTERNAL);
    assert_non_null(strstr(lt_error_last()->text, "and held"));
    assert_ok(lt_sweep_run(&s, &p));
    wrong = p;
    wrong.hash.low ^= 1;
    assert_int_equal(lt_sweep_same(&r.ask, &p, &wrong), LT_E_INTERNAL);
    assert_non_null(strstr(lt_error_last()->text, "gave different maps"));
    atomic_store(&r.stop, 1);
    assert_int_equal(lt_sweep_run(&s, &p), LT_E_STOPPED);
    rig_close(&r);
}

static void every_point_of_the_small_model(void **state)
{
    (void)state;
    runs(LT_MODEL_VITS, 28, 42, LT_F32, true, 1);
    runs(LT_MODEL_VITS, 42, 28, LT_BF16, true, 0);
}

static void points_of_the_others(void **state)
{
    (void)state;
    runs(LT_MODEL_VITB, 42, 70, LT_F32, false, 1);
    runs(LT_MODEL_VITL, 42, 28, LT_BF16, false, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_memory_never_gives_a_worse_rung),
        cmocka_unit_test(contradictions_are_said),
        cmocka_unit_test(every_point_of_the_small_model),
        cmocka_unit_test(points_of_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
