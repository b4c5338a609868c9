/* models run MODEL: one forward pass over given or drawn input, every named value written on request. */
#include "commands.h"

#include <longtake/arena.h>
#include <longtake/arrays.h>
#include <longtake/place.h>
#include <longtake/depth.h>
#include <longtake/dtype.h>
#include <longtake/weights.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const lt_settings *s;
    lt_place           compute;
    lt_depth_config    config;
    lt_depth_plan     *plan;
    lt_depth_session  *session;
    lt_arena          *arena;
    lt_pool           *pool;
    lt_weights        *weights;
    lt_arrays         *out;
} models_run;

static lt_status check(const lt_settings *s)
{
    lt_status st = LT_OK;
    if (s->inputs.n != 2) LT_FAIL(LT_E_USAGE, "models run wants one model: longtake models run vda-vits ... (longtake models list names them)");
    if (!s->weights) LT_FAIL(LT_E_USAGE, "models run needs --weights FILE, or --weights synthetic:SEED to try it");
    if (!s->input) LT_FAIL(LT_E_USAGE, "models run needs --input FILE.h5, or --input synthetic:SEED");
    if (!s->out) LT_FAIL(LT_E_USAGE, "models run needs --out FILE.h5");
    if (s->size.width < 1 || s->size.height < 1) LT_FAIL(LT_E_USAGE, "models run needs --size WxH");
    if (s->frames < 1) LT_FAIL(LT_E_USAGE, "models run needs --frames T");
    if (s->frames > LT_DEPTH_WINDOW) LT_FAIL(LT_E_USAGE, "--frames %lld: a window has at most %d", (long long)s->frames, LT_DEPTH_WINDOW);
done:
    return st;
}

/* The input as it was given, [T,3,H,W]. The caller frees it. */
static lt_status read_input(const models_run *r, float **out)
{
    lt_status st = LT_OK;
    const int64_t T = r->config.frames, W = r->config.width, H = r->config.height, n = T * 3 * H * W;
    const int64_t column[] = { n, 1 }, dims[] = { T, 3, H, W };
    lt_weights *noise = NULL;
    float *x = malloc((size_t)n * sizeof *x);
    if (!x) LT_FAIL(LT_E_MEMORY, "no memory for %lld frames of %lldx%lld", (long long)T, (long long)W, (long long)H);
    if (strncmp(r->s->input, "synthetic:", 10) == 0) {
        LT_TRY(lt_weights_open(r->s->input, &noise));
        LT_TRY(lt_weights_read(noise, "input", 2, column, x));
    } else {
        LT_TRY(lt_arrays_read(r->s->input, "input", 4, dims, x));
    }
    *out = x;
    x = NULL;
done:
    free(x);
    lt_weights_close(&noise);
    return st;
}

static float value(const void *data, lt_dtype dtype, int64_t i)
{
    switch (dtype) {
    case LT_BF16: return lt_bf16_to_float(((const uint16_t *)data)[i]);
    case LT_F16: return lt_half_to_float(((const uint16_t *)data)[i]);
    default: return ((const float *)data)[i];
    }
}

/* A value of the network as f32. */
static lt_status put(const models_run *r, const char *from, const char *to, const char *layout, const lt_tensor *t)
{
    lt_status st = LT_OK;
    const int64_t n = lt_tensor_count(t);
    void *raw = malloc((size_t)n * lt_dtype_bytes(t->dtype));
    float *x = malloc((size_t)n * sizeof *x);
    if (!x || !raw) LT_FAIL(LT_E_MEMORY, "no memory for a result");
    LT_TRY(lt_session_read(lt_depth_session_graph(r->session), from, 0, t->dim[0], raw));
    for (int64_t i = 0; i < n; i++) x[i] = value(raw, t->dtype, i);
    LT_TRY(lt_arrays_put(r->out, to, layout, t->n_dims, t->dim, x));
done:
    free(raw);
    free(x);
    return st;
}

static lt_status write_results(const models_run *r)
{
    lt_status st = LT_OK;
    lt_session *g = lt_depth_session_graph(r->session);
    const char *name;
    lt_tensor t;
    for (int i = 0; (name = lt_session_tensor_name(g, i)) != NULL; i++) {
        char to[256];
        if (!lt_session_tensor(g, name, &t)) continue;
        if (strcmp(name, "depth") == 0) {
            LT_TRY(put(r, name, "depth", "T,H,W", &t));
            continue;
        }
        if (strcmp(name, "frames") == 0 || strncmp(name, "feature.", 8) == 0) continue;
        snprintf(to, sizeof to, "probe/%s", name);
        LT_TRY(put(r, name, to, t.n_dims == 4 ? "N,H,W,C" : "N,token,C", &t));
    }
    LT_TRY(lt_arrays_say(r->out, "model", r->config.model));
    LT_TRY(lt_arrays_say(r->out, "precision", lt_dtype_name(r->config.precision)));
    LT_TRY(lt_arrays_say(r->out, "weights", r->s->weights));
    LT_TRY(lt_arrays_say(r->out, "input", r->s->input));
    if (lt_weights_is_synthetic(r->weights)) LT_TRY(lt_arrays_say(r->out, "meaningless", "made with synthetic weights"));
done:
    return st;
}

/* One frame of x [3,H,W], channels last. */
static void feed(const models_run *r, const float *x, float *to)
{
    const int64_t n = (int64_t)r->config.width * r->config.height;
    for (int64_t c = 0; c < 3; c++)
        for (int64_t i = 0; i < n; i++) to[i * 3 + c] = x[c * n + i];
}

static lt_status pass(models_run *r)
{
    lt_status st = LT_OK;
    const int T = r->config.frames, batch = lt_depth_plan_batch(r->plan);
    const int64_t n = (int64_t)r->config.width * r->config.height * 3;
    int32_t slot[LT_DEPTH_WINDOW];
    int position[LT_DEPTH_WINDOW];
    const float *maps = NULL;
    float *x = NULL;
    LT_TRY(read_input(r, &x));
    for (int i = 0; i < T; i++) slot[i] = position[i] = i;
    for (int i = 0; i < T; i += batch) {
        const int some = T - i < batch ? T - i : batch;
        for (int k = 0; k < some; k++) feed(r, x + (i + k) * n, lt_depth_input(r->session, k));
        LT_TRY(lt_depth_encode(r->session, some, slot + i, NULL));
    }
    LT_TRY(lt_depth_window(r->session, slot, position, T, &maps, NULL));
done:
    free(x);
    return st;
}

int lt_command_models_run(const lt_settings *s)
{
    lt_status st = LT_OK;
    models_run r = { .s = s };
    lt_dtype precision;
    LT_TRY(check(s));
    LT_TRY(lt_place_open(s, 0, 1, &r.compute));
    /* bf16 as it is defined can be looked at on any processor. */
    if (!r.compute.device && s->precision == LT_PRECISION_BF16) precision = LT_BF16;
    else LT_TRY(lt_place_precision(&r.compute, s, &precision));
    if (r.compute.note[0]) lt_log_info(s->log, "%s", r.compute.note);
    r.config = (lt_depth_config){ .model = s->inputs.item[1], .width = (int)s->size.width, .height = (int)s->size.height, .frames = (int)s->frames,
                                  .slots = (int)s->frames, .precision = precision, .micro_batch = (int)s->micro_batch, .tile = (int)s->tile,
                                  .band = (int)s->band, .probes = s->probes, .stream = s->stream_weights == LT_STREAM_ON, .scratch = s->scratch, .machine = r.compute.machine };
    LT_TRY(lt_weights_open(s->weights, &r.weights));
    LT_TRY(lt_depth_plan_create(&r.config, &r.plan));
    LT_TRY(lt_pool_create(r.compute.n_threads, &r.pool));
    if (lt_arena_create_on(r.compute.device, lt_depth_plan_bytes(r.plan), &r.arena) < 0)
        LT_FAIL(LT_E_MEMORY, "this pass needs %zu bytes, which this machine does not give: lower --size, --frames, --micro-batch or --band",
                lt_depth_plan_bytes(r.plan));
    LT_TRY(lt_depth_session_create(r.plan, r.weights, r.arena, r.pool, &r.session));
    LT_TRY(lt_arrays_create(s->out, &r.out));
    LT_TRY(pass(&r));
    LT_TRY(write_results(&r));
    LT_TRY(lt_arrays_commit(&r.out));
    printf("%s\n", s->out);
done:
    lt_arrays_drop(&r.out);
    lt_depth_session_destroy(&r.session);
    lt_depth_plan_destroy(&r.plan);
    lt_arena_destroy(&r.arena);
    lt_pool_destroy(&r.pool);
    lt_weights_close(&r.weights);
    lt_place_close(&r.compute);
    return (int)st;
}
