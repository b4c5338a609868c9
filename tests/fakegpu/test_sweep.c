/* Plans of GPUs that are not here: more memory never gives a worse rung, for every model, size and precision, on a small card and on a large one. And runs on
 * the fake one: what fits holds the bytes planned and gives the same maps, what does not is refused. */
#include "check.h"
#include "cuda_fake.h"

#include <longtake/profile.h>
#include <longtake/sweep.h>

#include <stdlib.h>
#include <string.h>

typedef struct {
    int           model, width;
    lt_dtype      precision;
    const char   *profile;
} network;

static void plans(const network *x)
{
    lt_settings s = { 0 };
    lt_profile profile;
    lt_field fields[LT_TASK_FIELDS];
    int64_t limits[LT_SWEEP_MAX];
    int n = 0, last = LT_LADDER_MAX, rungs = 0;
    bool streamed = false;
    assert_ok(lt_settings_defaults(&s));
    s.task = LT_TASK_DEPTH;
    s.model = x->model;
    assert_ok(lt_profile_read(x->profile, &profile));
    const lt_task_env env = { .settings = &s, .machine = lt_profile_machine(&profile, lt_cpu_isa(), 2), .precision = x->precision };
    lt_ladder_ask ask = { .env = &env, .fields = fields, .name = "sweep", .n_threads = 2, .ranks = 1, .overhead = (int64_t)profile.overhead };
    ask.info = (lt_media_info){ .width = x->width, .height = 518, .coded_width = x->width, .coded_height = 518, .bit_depth = 8 };
    assert_ok(lt_task_find(LT_TASK_DEPTH, &ask.task));
    assert_ok(ask.task->fields(&s, fields, &ask.n_fields));
    assert_ok(lt_sweep_limits(&ask, 0, limits, &n));
    assert_true(n > 6);
    for (int i = 0; i < n; i++) {
        lt_sweep_point p;
        assert_ok(lt_sweep_plan(&ask, limits[i], &p));
        assert_int_equal(p.fits, i > 0);
        assert_int_equal(p.fits, p.candidate.need.device <= limits[i]);
        if (!p.fits) continue;
        if (p.rung > last) fail_msg("%s, model %d, %d wide: %lld bytes give rung %d, fewer gave %d", x->profile, x->model, x->width, (long long)limits[i], p.rung, last);
        rungs += p.rung != last;
        last = p.rung;
        streamed = streamed || p.candidate.setting.stream;
        assert_int_equal(p.candidate.setting.precision, x->precision);
        assert_int_equal(p.candidate.setting.model, x->model);
    }
    assert_int_equal(last, 0);
    assert_int_equal(rungs, n - 2);
    assert_true(streamed);
    lt_profile_free(&profile);
    lt_settings_free(&s);
}

static void more_memory_never_gives_a_worse_rung(void **state)
{
    (void)state;
    static const lt_dtype precisions[] = { LT_F16, LT_BF16, LT_F32 };
    for (int model = LT_MODEL_VITS; model <= LT_MODEL_VITL; model++)
        for (int p = 0; p < 3; p++)
            for (int wide = 0; wide < 2; wide++)
                plans(&(network){ model, wide ? 924 : 518, precisions[p], wide ? "rtx4050" : "h100" });
}

/* One below the least, the least, where weights are streamed, and plenty. */
static void runs_do_what_plans_say(void **state)
{
    (void)state;
    lt_settings s = { 0 };
    lt_device *device = NULL;
    lt_task_env env = { .settings = &s, .precision = LT_F16 };
    lt_field fields[LT_TASK_FIELDS];
    int64_t limits[LT_SWEEP_MAX];
    lt_sweep_point none, least, plenty;
    atomic_int stop = 0;
    int n = 0;
    lt_fake_restart("seed=5");
    assert_ok(lt_settings_defaults(&s));
    s.task = LT_TASK_DEPTH;
    s.input_size = 14;
    assert_ok(lt_device_open(LT_BACKEND_CUDA, 0, &device));
    env.machine = lt_machine_with(device, lt_cpu_isa(), 1);
    assert_ok(lt_weights_open("synthetic:7", &env.weights));
    lt_ladder_ask ask = { .env = &env, .fields = fields, .name = "sweep", .n_threads = 1, .ranks = 1 };
    ask.info = (lt_media_info){ .width = 28, .height = 14, .coded_width = 28, .coded_height = 14, .bit_depth = 8 };
    assert_ok(lt_task_find(LT_TASK_DEPTH, &ask.task));
    assert_ok(ask.task->fields(&s, fields, &ask.n_fields));
    assert_ok(lt_sweep_limits(&ask, 0, limits, &n));
    const lt_sweep sweep = { &ask, NULL, device, &stop, 0 };
    assert_ok(lt_sweep_plan(&ask, limits[0], &none));
    assert_ok(lt_sweep_plan(&ask, limits[1], &least));
    assert_ok(lt_sweep_plan(&ask, limits[n - 1], &plenty));
    assert_true(least.candidate.setting.stream && !plenty.candidate.setting.stream);
    assert_ok(lt_sweep_run(&sweep, &none));
    assert_ok(lt_sweep_run(&sweep, &least));
    assert_ok(lt_sweep_run(&sweep, &plenty));
    assert_int_equal(none.observed, 0);
    assert_true(least.observed < plenty.observed && plenty.observed <= plenty.candidate.need.plan);
    assert_true(lt_hash_equal(least.hash, plenty.hash));
    assert_int_equal(lt_fake_reports(), 0);
    lt_weights_close(&env.weights);
    lt_device_close(&device);
    lt_settings_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(more_memory_never_gives_a_worse_rung), cmocka_unit_test(runs_do_what_plans_say) };
    lt_fake_restart("seed=1");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
