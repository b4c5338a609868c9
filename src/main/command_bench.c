/* bench: time and memory of a plan on synthetic weights and drawn frames. */
#include "commands.h"

#include <longtake/arena.h>
#include <longtake/budget.h>
#include <longtake/clock.h>
#include <longtake/depth.h>
#include <longtake/frames.h>
#include <longtake/rate.h>
#include <longtake/weights.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RATE_SIZE = 4096, NEW_FRAMES = 22, STAGES_MAX = 32 };

typedef struct {
    const char *name;
    double      seconds, flops;
} stage;

typedef struct {
    const lt_settings *s;
    lt_depth_config    config;
    char               model[32];
    lt_depth_plan     *plan;
    lt_depth_session  *session;
    lt_arena          *arena;
    lt_pool           *pool;
    lt_weights        *weights;
    double             start_s, first_s, window_s, rate;      /* session made, first window, one more window; GFLOP/s of the machine */
    double             flops;                                 /* of that one more window */
    double            *node_seconds, *node_flops;             /* [nodes] of it */
    stage              stages[STAGES_MAX];
    int                n_stages;
} bench;

/* ---- measuring ---- */

static void draw(float *to, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        to[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
}

static lt_status encode(bench *b, int first, int n)
{
    lt_status st = LT_OK;
    const int batch = lt_depth_plan_batch(b->plan);
    int32_t slot[LT_DEPTH_WINDOW];
    for (int i = 0; i < n; i += batch) {
        const int some = n - i < batch ? n - i : batch;
        for (int k = 0; k < some; k++) {
            slot[k] = (first + i + k) % LT_DEPTH_WINDOW;
            draw(lt_depth_input(b->session, k), (size_t)b->config.width * (size_t)b->config.height * 3, (uint32_t)(first + i + k));
        }
        LT_TRY(lt_depth_encode(b->session, some, slot, NULL));
    }
done:
    return st;
}

/* The positions of a window in the middle of a video: all but two are read by something. */
static lt_status window(bench *b, bool first)
{
    lt_status st = LT_OK;
    int32_t slot[LT_DEPTH_WINDOW];
    int position[LT_DEPTH_WINDOW], n = 0;
    const float *maps;
    for (int i = 0; i < LT_DEPTH_WINDOW; i++) {
        slot[i] = i;
        if (i != LT_DEPTH_WINDOW - 1 && (first || i != 2)) position[n++] = i;
    }
    LT_TRY(encode(b, 10, first ? LT_DEPTH_WINDOW : NEW_FRAMES));
    LT_TRY(lt_depth_window(b->session, slot, position, n, &maps, NULL));
done:
    return st;
}

static void count(bench *b, double sign)
{
    const int n = lt_plan_nodes(lt_depth_plan_graph(b->plan));
    for (int i = 0; i < n; i++) {
        lt_node_info info;
        lt_session_node(lt_depth_session_graph(b->session), i, &info);
        b->node_seconds[i] += sign * info.seconds;
        b->node_flops[i] += sign * info.flops;
    }
}

static lt_status measure(bench *b)
{
    lt_status st = LT_OK;
    const int n = lt_plan_nodes(lt_depth_plan_graph(b->plan));
    b->node_seconds = calloc((size_t)n + 1, sizeof *b->node_seconds);
    b->node_flops = calloc((size_t)n + 1, sizeof *b->node_flops);
    if (!b->node_seconds || !b->node_flops) LT_FAIL(LT_E_MEMORY, "no memory for figures");
    double t = lt_seconds();
    LT_TRY(window(b, true));
    b->first_s = lt_seconds() - t;
    count(b, -1);
    t = lt_seconds();
    LT_TRY(window(b, false));
    b->window_s = lt_seconds() - t;
    count(b, 1);
    LT_TRY(lt_matmul_rate(b->config.precision, RATE_SIZE, b->config.machine.n_threads, 3, &b->rate));
    for (int i = 0; i < n; i++) {
        lt_node_info info;
        lt_plan_node(lt_depth_plan_graph(b->plan), i, &info);
        if (b->n_stages == 0 || strcmp(b->stages[b->n_stages - 1].name, info.part) != 0) {
            if (b->n_stages == STAGES_MAX) LT_FAIL(LT_E_INTERNAL, "a network of more than %d parts", STAGES_MAX);
            b->stages[b->n_stages++] = (stage){ info.part, 0, 0 };
        }
        b->stages[b->n_stages - 1].seconds += b->node_seconds[i];
        b->stages[b->n_stages - 1].flops += b->node_flops[i];
        b->flops += b->node_flops[i];
    }
done:
    return st;
}

/* ---- telling ---- */

typedef struct {
    char   name[64];             /* operator and kernel */
    double seconds, flops;
} kind;

static int by_seconds(const void *a, const void *b)
{
    const kind *x = a, *y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

/* Time by kernel, most first. Returns how many. */
static int kinds_of(const bench *b, kind *out, int max)
{
    const lt_plan *plan = lt_depth_plan_graph(b->plan);
    int n = 0;
    for (int i = 0; i < lt_plan_nodes(plan); i++) {
        lt_node_info info;
        int k = 0;
        lt_plan_node(plan, i, &info);
        while (k < n && strcmp(out[k].name, info.kernel) != 0) k++;
        if (k == n) {
            if (n == max) continue;
            out[n] = (kind){ .seconds = 0 };
            snprintf(out[n++].name, sizeof out[k].name, "%s", info.kernel);
        }
        out[k].seconds += b->node_seconds[i];
        out[k].flops += b->node_flops[i];
    }
    qsort(out, (size_t)n, sizeof *out, by_seconds);
    return n;
}

static double rate_of(double flops, double seconds)
{
    return seconds > 0 ? flops / seconds * 1e-9 : 0;
}

static void print_row(const bench *b, const char *name, double seconds, double flops)
{
    printf("  %-28s %9.3f s %6.1f %% %9.1f GFLOP/s %6.1f %%\n", name, seconds, 100 * seconds / b->window_s, rate_of(flops, seconds),
           100 * rate_of(flops, seconds) / b->rate);
}

static void print_text(const bench *b)
{
    char planned[32], weights[32], observed[32];
    kind kinds[64];
    const int n = kinds_of(b, kinds, 64);
    printf("%s, %dx%d, %s, %d threads, %s, %d frames at once\n", b->model, b->config.width, b->config.height, lt_dtype_name(b->config.precision),
           b->config.machine.n_threads, lt_isa_name(b->config.machine.isa), lt_depth_plan_batch(b->plan));
    printf("  session made in %.2f s, first window in %.2f s\n", b->start_s, b->first_s);
    printf("  a window of %d new frames in %.2f s: %.3f frames/s, %.1f GFLOP/s, %.1f %% of oneDNN's %d^3 product (%.1f GFLOP/s)\n", NEW_FRAMES, b->window_s,
           NEW_FRAMES / b->window_s, rate_of(b->flops, b->window_s), 100 * rate_of(b->flops, b->window_s) / b->rate, RATE_SIZE, b->rate);
    printf("  planned %s (of them weights %s), observed %s\n", lt_bytes_text((int64_t)lt_depth_plan_bytes(b->plan), planned, sizeof planned),
           lt_bytes_text((int64_t)lt_depth_plan_weight_bytes(b->plan), weights, sizeof weights),
           lt_bytes_text((int64_t)lt_arena_high_water(b->arena), observed, sizeof observed));
    printf("\n  stage\n");
    for (int i = 0; i < b->n_stages; i++) print_row(b, b->stages[i].name, b->stages[i].seconds, b->stages[i].flops);
    printf("\n  kernel\n");
    for (int i = 0; i < n; i++) print_row(b, kinds[i].name, kinds[i].seconds, kinds[i].flops);
}

static json_t *row(const char *name, double seconds, double flops)
{
    return json_pack("{s:s, s:f, s:f}", "name", name, "seconds", seconds, "gflops", rate_of(flops, seconds));
}

static lt_status print_json(const bench *b)
{
    lt_status st = LT_OK;
    kind kinds[64];
    const int n = kinds_of(b, kinds, 64);
    json_t *stages = json_array(), *kernels = json_array();
    for (int i = 0; i < b->n_stages; i++) json_array_append_new(stages, row(b->stages[i].name, b->stages[i].seconds, b->stages[i].flops));
    for (int i = 0; i < n; i++) json_array_append_new(kernels, row(kinds[i].name, kinds[i].seconds, kinds[i].flops));
    json_t *all = json_pack("{s:s, s:i, s:i, s:s, s:i, s:s, s:i, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:o}", "model", b->model, "width",
                            b->config.width, "height", b->config.height, "precision", lt_dtype_name(b->config.precision), "threads",
                            b->config.machine.n_threads, "isa", lt_isa_name(b->config.machine.isa), "micro_batch", lt_depth_plan_batch(b->plan),
                            "planned_bytes", (json_int_t)lt_depth_plan_bytes(b->plan), "weight_bytes", (json_int_t)lt_depth_plan_weight_bytes(b->plan),
                            "observed_bytes", (json_int_t)lt_arena_high_water(b->arena), "frames_per_second", NEW_FRAMES / b->window_s,
                            "window_seconds", b->window_s, "session_seconds", b->start_s, "first_window_seconds", b->first_s, "gflops",
                            rate_of(b->flops, b->window_s), "matmul_gflops", b->rate, "stages", stages, "kernels", kernels);
    if (!all) LT_FAIL(LT_E_MEMORY, "no memory for figures");
    char *text = json_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(all);
    if (!text) LT_FAIL(LT_E_MEMORY, "no memory for figures");
    puts(text);
    free(text);
done:
    return st;
}

static lt_status configure(bench *b)
{
    lt_status st = LT_OK;
    static const char *const models[] = { "vda-vits", "vda-vitb", "vda-vitl" };
    const lt_settings *s = b->s;
    lt_isa isa;
    int width = 0, height = 0;
    if (s->task != LT_TASK_DEPTH) LT_FAIL(LT_E_USAGE, "bench measures --task depth");
    LT_TRY(lt_isa_parse(s->cpu_isa ? s->cpu_isa : "auto", &isa));
    const int threads = s->threads > 0 ? (int)s->threads : lt_cpus_allowed();
    const lt_machine machine = lt_machine_here(isa, threads);
    snprintf(b->model, sizeof b->model, "%s", models[s->model]);
    if (s->precision == LT_PRECISION_BF16 && !machine.bf16_units)
        LT_FAIL(LT_E_DEVICE, "this processor has no bf16 units, so bf16 would only be slower: take --precision f32");
    if (s->size.width > 0) {
        width = (int)s->size.width;
        height = (int)s->size.height;
    } else {
        LT_TRY(lt_depth_input_size(1280, 720, (int)s->input_size, &width, &height));
    }
    b->config = (lt_depth_config){ .model = b->model, .width = width, .height = height, .frames = LT_DEPTH_WINDOW, .slots = LT_DEPTH_WINDOW,
                                   .precision = s->precision == LT_PRECISION_BF16 ? LT_BF16 : LT_F32, .micro_batch = (int)s->micro_batch,
                                   .tile = (int)s->tile, .band = (int)s->band, .machine = machine };
done:
    return st;
}

int lt_command_bench(const lt_settings *s)
{
    lt_status st = LT_OK;
    bench b = { .s = s };
    LT_TRY(configure(&b));
    LT_TRY(lt_weights_open(s->weights ? s->weights : "synthetic:7", &b.weights));
    LT_TRY(lt_depth_plan_create(&b.config, &b.plan));
    LT_TRY(lt_pool_create(b.config.machine.n_threads, &b.pool));
    LT_TRY(lt_arena_create(lt_depth_plan_bytes(b.plan), &b.arena));
    const double before = lt_seconds();
    LT_TRY(lt_depth_session_create(b.plan, b.weights, b.arena, b.pool, &b.session));
    b.start_s = lt_seconds() - before;
    LT_TRY(measure(&b));
    if (s->json) LT_TRY(print_json(&b));
    else print_text(&b);
done:
    free(b.node_seconds);
    free(b.node_flops);
    lt_depth_session_destroy(&b.session);
    lt_depth_plan_destroy(&b.plan);
    lt_arena_destroy(&b.arena);
    lt_pool_destroy(&b.pool);
    lt_weights_close(&b.weights);
    return (int)st;
}
