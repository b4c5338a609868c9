/* Models: what fits here at full quality, and what the others would need. The planner is that of `plan` and `run`. */
#include "doctor.h"

#include <longtake/budget.h>
#include <longtake/pool.h>
#include <longtake/profile.h>
#include <longtake/task.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TARGETS = 4 };

/* Sizes of frames: square, and 16:9 as depth scales it by default. */
static const struct {
    lt_task_kind task;
    int          model, width, height;
} rows[] = {
    { LT_TASK_DEPTH, LT_MODEL_VITS, 518, 518 }, { LT_TASK_DEPTH, LT_MODEL_VITS, 1280, 720 }, { LT_TASK_DEPTH, LT_MODEL_VITB, 518, 518 },
    { LT_TASK_DEPTH, LT_MODEL_VITB, 1280, 720 }, { LT_TASK_DEPTH, LT_MODEL_VITL, 518, 518 }, { LT_TASK_DEPTH, LT_MODEL_VITL, 1280, 720 },
    { LT_TASK_FLOW, 0, 1280, 720 },
};
enum { ROWS = sizeof rows / sizeof *rows };

lt_doctor_target lt_doctor_here(const lt_doctor *d)
{
    lt_place place = d->place;
    lt_doctor_target t = { .budget = d->least, .n_threads = place.n_threads, .n_ranks = d->size };
    /* What is asked for and cannot be has been told when the device was opened. */
    if (lt_place_precision(&place, d->s, &t.precision) < 0) lt_error_clear();
    t.machine = place.machine;
    if (place.device) {
        const lt_device_facts *f = lt_device_get_facts(place.device);
        snprintf(t.name, sizeof t.name, "GPU %d (%s)", f->ordinal, f->name);
        t.overhead = lt_device_overhead(f);
    } else {
        snprintf(t.name, sizeof t.name, "the CPU");
    }
    return t;
}

lt_status lt_doctor_plan(const lt_settings *s, const lt_doctor_target *t, lt_task_kind task, int model, int width, int height, lt_ladder *out)
{
    lt_status st = LT_OK;
    lt_settings asked = *s;
    lt_field fields[LT_TASK_FIELDS];
    lt_ladder_ask ask = { .n_threads = t->n_threads, .ranks = t->n_ranks, .budget = t->budget, .overhead = t->overhead, .quality = true };
    lt_task_env env = { .settings = &asked, .machine = t->machine };
    asked.task = (int)task;
    asked.model = model;
    *out = (lt_ladder){ .chosen = -1 };
    LT_TRY(lt_task_find(asked.task, &ask.task));
    LT_TRY(ask.task->fields(&asked, fields, &ask.n_fields));
    env.precision = ask.task->finish ? t->precision : LT_F32;
    ask.env = &env;
    ask.fields = fields;
    ask.name = ask.task->rungs ? lt_model_choice_name(model) : ask.task->name;
    ask.info = (lt_media_info){ .width = width, .height = height, .coded_width = width, .coded_height = height, .bit_depth = 8 };
    LT_TRY(lt_ladder_walk(&ask, out));
done:
    return st;
}

/* ---- devices ---- */

static bool same_kind(const lt_gpu *a, const lt_gpu *b)
{
    return !strcmp(a->name, b->name) && a->major == b->major && a->minor == b->minor && a->multiprocessors == b->multiprocessors && a->memory == b->memory;
}

/* A GPU that no rank has opened, by what its driver tells. False where it leaves nothing. */
static bool other_target(const lt_doctor *d, int i, lt_doctor_target *out)
{
    const lt_gpu *g = &d->gpus[i];
    const lt_profile p = { .device = LT_BACKEND_CUDA, .capability = g->major + 0.1 * g->minor, .multiprocessors = g->multiprocessors };
    const lt_device_facts facts = { .backend = LT_BACKEND_CUDA, .major = g->major, .minor = g->minor };
    const lt_budget_opts o = { (int64_t)d->s->memory_limit, d->s->memory_fraction, (int64_t)d->s->host_memory_limit, d->local_size };
    *out = lt_doctor_here(d);
    lt_place place = { .machine = lt_profile_machine(&p, d->place.isa, d->place.n_threads) };
    if (lt_place_precision(&place, d->s, &out->precision) < 0) goto failed;
    out->machine = place.machine;
    out->overhead = lt_device_overhead(&facts);
    snprintf(out->name, sizeof out->name, "GPU %d (%s)", i, g->name);
    if (lt_budget_gpu(&o, g->memory, g->free < 0 ? g->memory : g->free, 1, out->overhead, &out->budget) < 0) goto failed;
    return true;
failed:
    lt_error_clear();
    return false;
}

/* The device of the ranks, and every other kind of GPU that is visible. */
static int find_targets(const lt_doctor *d, lt_doctor_target out[MOST_TARGETS])
{
    int n = 0, of[MOST_TARGETS] = { -1 };
    out[n++] = lt_doctor_here(d);
    if (!d->place.device) return n;
    of[0] = lt_device_get_facts(d->place.device)->ordinal;
    for (int i = 0; i < d->n_gpus && n < MOST_TARGETS; i++) {
        bool known = !d->gpus[i].code || d->gpus[i].exclusive == 2;
        for (int k = 0; k < n && !known; k++) known = i == of[k] || (of[k] < d->n_gpus && same_kind(&d->gpus[i], &d->gpus[of[k]]));
        if (known || !other_target(d, i, &out[n])) continue;
        of[n++] = i;
    }
    return n;
}

/* ---- rows ---- */

typedef struct {
    lt_status status;
    lt_ladder ladder;
    char      setting[160], needs[LT_ERROR_TEXT];        /* needs: "" at full quality */
} answer;

/* What full quality would need where something else is taken. */
static void tell_needs(const lt_ladder *l, const lt_doctor_target *t, char *out, size_t n)
{
    char need[32], may[32];
    const lt_candidate *best = &l->candidates[0];
    for (int i = 1; i < l->n; i++)
        if (!l->candidates[i].quality && l->candidates[i].need.device < best->need.device) best = &l->candidates[i];
    const bool device = best->end == LT_RUNG_DEVICE, host = best->end == LT_RUNG_HOST;
    const int64_t bytes = device ? best->need.device : host ? best->need.host : best->need.device + best->need.host;
    const int64_t have = device ? t->budget.device : host ? t->budget.host : t->budget.pool;
    const lt_limit binds = device ? t->budget.device_binds : host ? t->budget.host_binds : t->budget.pool_binds;
    snprintf(out, n, "full quality needs at least %s of %smemory and %s may be used (%s): %s is given up", lt_bytes_text(bytes, need, sizeof need),
             device ? "device " : host ? "host " : "", lt_bytes_text(have, may, sizeof may), lt_limit_text(binds), l->candidates[l->chosen].gives_up);
}

typedef struct {
    const lt_settings      *s;
    const lt_doctor_target *targets;
    answer                 *answers;         /* [targets][ROWS] */
} question;

/* One row of one target. Rows are planned side by side: a ladder that ends low is some dozen plans. */
static void ask(void *ctx, int item)
{
    const question *q = ctx;
    const lt_doctor_target *t = &q->targets[item / ROWS];
    const int i = item % ROWS;
    const lt_task *task = NULL;
    answer *a = &q->answers[item];
    a->status = lt_doctor_plan(q->s, t, rows[i].task, rows[i].model, rows[i].width, rows[i].height, &a->ladder);
    const lt_candidate *c = a->ladder.chosen < 0 ? NULL : &a->ladder.candidates[a->ladder.chosen];
    if (a->status < 0) snprintf(a->needs, sizeof a->needs, "%s", lt_error_last()->text);
    else if (c->quality) tell_needs(&a->ladder, t, a->needs, sizeof a->needs);
    if (a->status < 0) lt_error_clear();
    if (c && lt_task_find(rows[i].task, &task) >= 0) lt_setting_text(task, &c->setting, a->setting, sizeof a->setting);
}

/* The least that the quality asked for takes. */
static int64_t least_bytes(const lt_ladder *l)
{
    int64_t least = -1;
    for (int i = 0; i < l->n; i++)
        if (!l->candidates[i].quality && (least < 0 || l->candidates[i].need.device < least)) least = l->candidates[i].need.device;
    return least;
}

static json_t *row_json(const lt_doctor_target *t, int i, const answer *a)
{
    char frames[32], input[32] = "";
    const lt_ladder *l = &a->ladder;
    const lt_candidate *c = l->chosen < 0 ? NULL : &l->candidates[l->chosen];
    const bool depth = rows[i].task == LT_TASK_DEPTH;
    json_t *o = json_object();
    snprintf(frames, sizeof frames, "%dx%d", rows[i].width, rows[i].height);
    /* Of what was asked for first. */
    if (depth && l->n) snprintf(input, sizeof input, "%dx%d", l->candidates[0].need.finish.net_width, l->candidates[0].need.finish.net_height);
    json_object_set_new(o, "task", json_string(depth ? "depth" : "flow"));
    json_object_set_new(o, "model", depth ? json_string(lt_model_choice_name(rows[i].model)) : json_null());
    json_object_set_new(o, "frames", json_string(frames));
    json_object_set_new(o, "input", *input ? json_string(input) : json_null());
    json_object_set_new(o, "device", json_string(t->name));
    json_object_set_new(o, "fits", json_boolean(c));
    json_object_set_new(o, "full_quality", json_boolean(!*a->needs));
    json_object_set_new(o, "planned_bytes", lt_known(c ? c->need.device : -1));
    json_object_set_new(o, "available_bytes", lt_known(t->budget.device));
    json_object_set_new(o, "host_bytes", lt_known(c ? c->need.host : -1));
    json_object_set_new(o, "host_available_bytes", lt_known(t->budget.host));
    json_object_set_new(o, "least_bytes", lt_known(*a->needs ? least_bytes(l) : -1));
    json_object_set_new(o, "precision", depth ? json_string(lt_dtype_name(c ? c->setting.precision : t->precision)) : json_null());
    json_object_set_new(o, "setting", c ? json_string(a->setting) : json_null());
    json_object_set_new(o, "gives_up", c ? json_string(c->gives_up) : json_null());
    json_object_set_new(o, "needs", *a->needs ? json_string(a->needs) : json_null());
    return o;
}

/* By the rows of the device that the ranks compute on. */
static void judge(lt_doctor *d, const answer *a)
{
    bool any = false, depth = false;
    for (int i = 0; i < ROWS; i++) {
        const bool is_depth = rows[i].task == LT_TASK_DEPTH;
        any = any || a[i].status >= 0;
        depth = depth || (is_depth && a[i].status >= 0);
        if (is_depth && !*a[i].needs && rows[i].width == 1280) d->full_model = rows[i].model;
    }
    if (!any) lt_finding(d->found.problems, "nothing fits in the memory that may be used here: %s; %s", a[ROWS - 1].needs, a[0].needs);
    else if (!depth) lt_finding(d->found.notes, "no model of depth fits in the memory that may be used here: %s", a[0].needs);
}

json_t *lt_doctor_models(lt_doctor *d)
{
    lt_doctor_target targets[MOST_TARGETS];
    json_t *list = json_array();
    lt_pool *pool = NULL;
    const int n = d->works ? find_targets(d, targets) : 0;
    question q = { d->s, targets, calloc((size_t)n * ROWS + 1, sizeof(answer)) };
    if (!q.answers || !n) goto done;
    /* Without threads of its own the caller plans them all. */
    if (lt_pool_create(lt_cpus_allowed() < n * ROWS ? lt_cpus_allowed() : n * ROWS, &pool) < 0) lt_error_clear();
    lt_pool_run(pool, n * ROWS, ask, &q);
    for (int k = 0; k < n * ROWS; k++) json_array_append_new(list, row_json(&targets[k / ROWS], k % ROWS, &q.answers[k]));
    judge(d, q.answers);
done:
    lt_pool_destroy(&pool);
    free(q.answers);
    return list;
}
