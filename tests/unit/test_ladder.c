/* The ladder: its order, its limits, and that no rung of it changes a bit or holds another number of bytes than it says. */
#include "check.h"

#include <longtake/arena.h>
#include <longtake/depth.h>
#include <longtake/ladder.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t plenty = INT64_MAX / 8;

typedef struct {
    lt_settings   settings;
    lt_task_env   env;
    lt_field      fields[LT_TASK_FIELDS];
    lt_ladder_ask ask;
    lt_ladder     ladder;
} rig;

static void rig_open(rig *r, int task, int model, int width, int height, lt_dtype precision)
{
    memset(r, 0, sizeof *r);
    assert_ok(lt_settings_defaults(&r->settings));
    r->settings.task = task;
    r->settings.model = model;
    r->env = (lt_task_env){ .settings = &r->settings, .machine = lt_machine_here(lt_cpu_isa(), 2), .precision = precision };
    assert_ok(lt_task_find(task, &r->ask.task));
    assert_ok(r->ask.task->fields(&r->settings, r->fields, &r->ask.n_fields));
    r->ask.env = &r->env;
    r->ask.fields = r->fields;
    r->ask.name = "film.mp4";
    r->ask.info = (lt_media_info){ .width = width, .height = height, .coded_width = width, .coded_height = height, .bit_depth = 8 };
    r->ask.n_threads = 2;
    r->ask.ranks = 1;
    r->ask.budget = (lt_budget){ .device = plenty, .host = plenty, .pool = 2 * plenty, .device_binds = LT_LIMIT_OPTION, .host_binds = LT_LIMIT_HOST_OPTION };
}

static void rig_close(rig *r)
{
    lt_settings_free(&r->settings);
}

/* What every rung of the task takes, from the first to the last. */
static int all_rungs(rig *r, lt_candidate *out)
{
    r->ask.budget.device = 0;
    assert_int_equal(lt_ladder_walk(&r->ask, &r->ladder), LT_E_MEMORY);
    memcpy(out, r->ladder.candidates, (size_t)r->ladder.n * sizeof *out);
    return r->ladder.n;
}

/* On the CPU plenty of memory changes nothing of how it is run. */
static void the_first_rung_is_the_default(void **state)
{
    (void)state;
    rig r;
    rig_open(&r, LT_TASK_DEPTH, LT_MODEL_VITS, 518, 518, LT_F32);
    assert_ok(lt_ladder_walk(&r.ask, &r.ladder));
    const lt_candidate *c = &r.ladder.candidates[0];
    assert_int_equal(r.ladder.chosen, 0);
    assert_int_equal(r.ladder.n, 1);
    lt_need zero;
    const lt_setting unsaid = lt_setting_of(&r.ask);
    assert_int_equal(unsaid.micro_batch, 0);
    assert_ok(lt_setting_need(&r.ask, &unsaid, &zero, NULL));
    assert_int_equal(c->need.plan, zero.plan);
    assert_int_equal(c->need.host, zero.host);
    rig_close(&r);
}

/* From too little to plenty: the plan fits exactly where its bytes do, and takes the first rung that does. */
static void sweep(int model, int width, lt_dtype precision)
{
    rig r;
    lt_candidate all[LT_LADDER_MAX];
    rig_open(&r, LT_TASK_DEPTH, model, width, 518, precision);
    const int n = all_rungs(&r, all);
    assert_true(n >= 4);
    for (int i = 1; i < n; i++)
        if (all[i].need.device > all[i - 1].need.device) fail_msg("model %d, %d wide: rung %d takes more than rung %d", model, width, i, i - 1);
    assert_true(all[n - 1].need.device < all[0].need.device);
    const int points[] = { 0, 2, n - 1 };
    for (int k = 0; k < 3; k++)
        /* What is beyond the last rung was seen above. */
        for (int less = 0; less < (k < 2 ? 2 : 1); less++) {
            const int i = points[k];
            int first = 0;
            r.ask.budget.device = all[i].need.device - less;
            while (first < n && all[first].need.device > r.ask.budget.device) first++;
            const lt_status st = lt_ladder_walk(&r.ask, &r.ladder);
            if (first == n) {
                assert_int_equal(st, LT_E_MEMORY);
                assert_int_equal(r.ladder.chosen, -1);
                continue;
            }
            assert_ok(st);
            assert_int_equal(r.ladder.chosen, first);
            assert_int_equal(r.ladder.n, first + 1);
            assert_int_equal(r.ladder.candidates[first].end, LT_RUNG_FITS);
            for (int j = 0; j < first; j++) assert_int_equal(r.ladder.candidates[j].end, LT_RUNG_DEVICE);
        }
    rig_close(&r);
}

static void limits_and_bytes_agree(void **state)
{
    (void)state;
    static const int models[] = { LT_MODEL_VITS, LT_MODEL_VITB, LT_MODEL_VITL };
    for (int m = 0; m < 3; m++) {
        sweep(models[m], m == 1 ? 924 : 518, LT_F32);
        if (m == 2) sweep(models[m], 924, LT_F32);
    }
    sweep(LT_MODEL_VITS, 518, LT_BF16);
    sweep(LT_MODEL_VITL, 924, LT_BF16);
}

/* Precision comes before size, size before model, and none of them unless it may. */
static void quality_goes_last_and_only_where_allowed(void **state)
{
    (void)state;
    rig r;
    lt_candidate all[LT_LADDER_MAX];
    rig_open(&r, LT_TASK_DEPTH, LT_MODEL_VITB, 518, 518, LT_F32);
    r.env.machine.bf16_units = false;
    const int n = all_rungs(&r, all);
    r.settings.allow = LT_ALLOW_SIZE | LT_ALLOW_MODEL;
    assert_int_equal(all_rungs(&r, all), n);                  /* quality is not asked for */
    assert_non_null(strstr(lt_error_last()->text, "film.mp4: 518x518 needs at least"));
    r.ask.quality = true;
    r.settings.allow = 0;
    assert_int_equal(all_rungs(&r, all), n);
    r.env.machine.bf16_units = true;
    assert_int_equal(all_rungs(&r, all), n + 1);
    assert_int_equal(all[n].setting.precision, LT_BF16);
    assert_string_equal(all[n].gives_up, "precision");
    r.settings.precision = LT_PRECISION_F32;
    assert_int_equal(all_rungs(&r, all), n);
    r.settings.precision = LT_PRECISION_AUTO;
    r.settings.allow = LT_ALLOW_SIZE | LT_ALLOW_MODEL;
    const int more = all_rungs(&r, all);
    for (int i = n + 1; i < more; i++) {
        assert_int_equal(all[i].setting.precision, LT_BF16);
        assert_int_equal(all[i].quality, i - n + 1);
        const lt_setting *a = &all[i - 1].setting, *b = &all[i].setting;
        if (a->model == b->model) assert_true(b->input_size < a->input_size);
        else assert_int_equal(b->input_size, 518);
    }
    assert_int_equal(all[more - 1].setting.model, LT_MODEL_VITS);
    /* Once a smaller input may be taken it is run as well as it can be. */
    r.settings.allow = LT_ALLOW_SIZE;
    r.ask.budget.device = all[n].need.device - 1;
    assert_ok(lt_ladder_walk(&r.ask, &r.ladder));
    const lt_candidate *c = &r.ladder.candidates[r.ladder.chosen];
    assert_int_equal(c->setting.input_size, 448);
    assert_true(c->need.device <= r.ask.budget.device);
    lt_setting x;
    assert_true(lt_ladder_quality(&r.ask, c->quality, &x));
    assert_int_equal(x.input_size, 448);
    rig_close(&r);
}

static void refusals_name_the_least_and_what_to_allow(void **state)
{
    (void)state;
    rig r;
    lt_candidate all[LT_LADDER_MAX];
    char least[64];
    rig_open(&r, LT_TASK_DEPTH, LT_MODEL_VITL, 518, 518, LT_F32);
    const int n = all_rungs(&r, all);
    r.ask.overhead = 640 << 20;
    r.ask.budget.device = all[n - 1].need.device - 1;
    assert_int_equal(lt_ladder_walk(&r.ask, &r.ladder), LT_E_MEMORY);
    snprintf(least, sizeof least, "raise --memory-limit to %lldMiB", (long long)((all[n - 1].need.device + r.ask.overhead + (1 << 20) - 1) >> 20));
    assert_non_null(strstr(lt_error_last()->text, least));
    assert_non_null(strstr(lt_error_last()->text, "--allow size would do, with vitl and input 448"));
    r.ask.budget.device = all[n - 1].need.device / 4;
    assert_int_equal(lt_ladder_walk(&r.ask, &r.ladder), LT_E_MEMORY);
    assert_non_null(strstr(lt_error_last()->text, "--allow model would do, with vits"));
    rig_close(&r);
}

static void what_is_given_stays(void **state)
{
    (void)state;
    rig r;
    lt_candidate all[LT_LADDER_MAX];
    rig_open(&r, LT_TASK_DEPTH, LT_MODEL_VITS, 518, 518, LT_F32);
    r.settings.micro_batch = 3;
    r.settings.tile = 100;
    const int n = all_rungs(&r, all);
    for (int i = 0; i < n; i++) {
        assert_int_equal(all[i].setting.micro_batch, 3);
        assert_int_equal(all[i].setting.tile, 100);
        for (int k = 0; k < i; k++) assert_true(all[i].setting.band != all[k].setting.band || all[i].setting.stream != all[k].setting.stream);
    }
    assert_true(n > 1);
    r.settings.band = 30;
    assert_int_equal(all_rungs(&r, all), 2);
    assert_true(!all[0].setting.stream && all[1].setting.stream);
    r.settings.stream_weights = LT_STREAM_OFF;
    assert_int_equal(all_rungs(&r, all), 1);
    assert_false(all[0].setting.stream);
    r.settings.stream_weights = LT_STREAM_ON;
    r.settings.micro_batch = r.settings.tile = r.settings.band = 0;
    const int streamed = all_rungs(&r, all);
    assert_true(streamed > 1);
    for (int i = 0; i < streamed; i++) assert_true(all[i].setting.stream);
    rig_close(&r);
}

/* Host memory that is short costs frames decoded ahead, not the way the network runs; flow has no other rung. */
static void host_memory_costs_prefetch(void **state)
{
    (void)state;
    for (int task = LT_TASK_FLOW; task <= LT_TASK_DEPTH; task++) {
        rig r;
        rig_open(&r, task, LT_MODEL_VITS, 518, 518, LT_F32);
        assert_ok(lt_ladder_walk(&r.ask, &r.ladder));
        const int64_t host = r.ladder.candidates[0].need.host, device = r.ladder.candidates[0].need.device;
        r.ask.budget.host = host - 1;
        assert_ok(lt_ladder_walk(&r.ask, &r.ladder));
        assert_int_equal(r.ladder.candidates[0].setting.prefetch, 4);
        lt_need again;
        assert_ok(lt_setting_need(&r.ask, &r.ladder.candidates[0].setting, &again, NULL));
        assert_int_equal(r.ladder.candidates[0].need.host, again.host);
        assert_true(again.host < host);
        r.ask.budget.host = plenty;
        r.ask.budget.pool = host + device - 1;
        assert_ok(lt_ladder_walk(&r.ask, &r.ladder));
        assert_int_equal(r.ladder.chosen, 0);
        assert_int_equal(r.ladder.candidates[0].setting.prefetch, 4);
        r.settings.given[lt_option_find(lt_settings_table(), "prefetch")] = 1;
        r.ask.budget = (lt_budget){ .device = plenty, .host = host - 1, .pool = 2 * plenty, .host_binds = LT_LIMIT_HOST_OPTION };
        if (task == LT_TASK_FLOW) {
            assert_int_equal(lt_ladder_walk(&r.ask, &r.ladder), LT_E_MEMORY);
            assert_non_null(strstr(lt_error_last()->text, "raise --host-memory-limit to"));
        }
        rig_close(&r);
    }
}

/* ---- every rung run ---- */

enum { SIDE = 70, FRAMES = 6 };

/* The maps of one window by one rung; what it really held. */
static size_t run(const lt_task_rung *rung, lt_dtype precision, float *out, size_t *planned)
{
    const lt_depth_config c = { .model = "vda-vits", .width = SIDE, .height = SIDE, .frames = FRAMES, .slots = FRAMES, .precision = precision,
                                .micro_batch = rung->micro_batch, .tile = rung->tile, .band = rung->band, .stream = rung->stream, .machine = lt_machine_here(lt_cpu_isa(), 2) };
    const int position[] = { 0, 1, 2, 3, 4, 5 };
    const float *maps;
    lt_depth_plan *plan = NULL;
    lt_depth_session *s = NULL;
    lt_arena *arena = NULL;
    lt_pool *pool = NULL;
    lt_weights *weights = NULL;
    int32_t slot[FRAMES];
    assert_ok(lt_weights_open("synthetic:7", &weights));
    assert_ok(lt_depth_plan_create(&c, &plan));
    assert_ok(lt_pool_create(2, &pool));
    assert_ok(lt_arena_create(*planned = lt_depth_plan_bytes(plan), &arena));
    assert_ok(lt_depth_session_create(plan, weights, arena, pool, &s));
    const int batch = lt_depth_plan_batch(plan);
    for (int first = 0; first < FRAMES; first += batch) {
        const int n = FRAMES - first < batch ? FRAMES - first : batch;
        for (int k = 0; k < n; k++) {
            float *x = lt_depth_input(s, k);
            slot[first + k] = first + k;
            for (int i = 0; i < SIDE * SIDE * 3; i++) x[i] = (float)((i * 7919 + (first + k) * 31) % 1000) / 500.0f - 1.0f;
        }
        assert_ok(lt_depth_encode(s, n, slot + first, NULL));
    }
    assert_ok(lt_depth_window(s, slot, position, FRAMES, &maps, NULL));
    memcpy(out, maps, sizeof(float) * FRAMES * SIDE * SIDE);
    const size_t used = lt_arena_high_water(arena);
    lt_depth_session_destroy(&s);
    lt_depth_plan_destroy(&plan);
    lt_arena_destroy(&arena);
    lt_pool_destroy(&pool);
    lt_weights_close(&weights);
    return used;
}

static void no_rung_changes_a_bit_or_the_bytes(void **state)
{
    (void)state;
    const lt_task *task;
    const lt_task_rung *rungs;
    const lt_machine m = lt_machine_here(lt_cpu_isa(), 2);
    const size_t n_bytes = sizeof(float) * FRAMES * SIDE * SIDE;
    float *first = malloc(n_bytes), *other = malloc(n_bytes);
    assert_ok(lt_task_find(LT_TASK_DEPTH, &task));
    const int n = task->rungs(&m, &rungs);
    assert_true(n >= 4 && first && other);
    for (int p = 0; p < 2; p++)
        for (int i = 0; i < n; i++) {
            size_t planned = 0;
            const size_t used = run(&rungs[i], p ? LT_BF16 : LT_F32, i ? other : first, &planned);
            /* The last bytes of the arena may be the padding of its last tensor. */
            if (used > planned || used + 4096 < planned) fail_msg("rung %d: %zu bytes planned, %zu held", i, planned, used);
            if (i && memcmp(first, other, n_bytes) != 0) fail_msg("rung %d changes the result", i);
        }
    free(first);
    free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_rung_is_the_default),
        cmocka_unit_test(limits_and_bytes_agree),
        cmocka_unit_test(quality_goes_last_and_only_where_allowed),
        cmocka_unit_test(refusals_name_the_least_and_what_to_allow),
        cmocka_unit_test(what_is_given_stays),
        cmocka_unit_test(host_memory_costs_prefetch),
        cmocka_unit_test(no_rung_changes_a_bit_or_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
