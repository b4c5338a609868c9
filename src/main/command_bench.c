/* bench: time and memory of a plan on synthetic weights and drawn frames. */
#include "commands.h"

#include <longtake/arena.h>
#include <longtake/budget.h>
#include <longtake/clock.h>
#include <longtake/place.h>
#include <longtake/depth.h>
#include <longtake/frames.h>
#include <longtake/rate.h>
#include <longtake/timeline.h>
#include <longtake/weights.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The yardstick's size: large enough for the device to be busy. On a GPU several windows are timed, one behind the other as in a run. */
enum { RATE_CPU = 4096, RATE_GPU = 8192, NEW_FRAMES = 22, STAGES_MAX = 32, SHOWN = 4, TIMED_GPU = 4, FULL_WIDTH = 1280, FULL_HEIGHT = 720 };

typedef struct {
    const char *name;
    double      seconds, flops;
} stage;

typedef struct {
    const lt_settings *s;
    lt_place           compute;
    lt_depth_config    config;
    char               model[32];
    lt_depth_plan     *plan;
    lt_depth_session  *session;
    lt_arena          *arena;
    lt_pool           *pool;
    lt_weights        *weights;
    lt_timeline       *timeline;
    uint8_t           *rgb[SHOWN];                            /* GPU: what is uploaded */
    int                timed;                                 /* windows behind the first */
    double             start_s, first_s, window_s, rate;      /* session made, first window, one more window; GFLOP/s of the machine */
    double             operator_s;                            /* of one window, the sum of its operators */
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

static bool on_gpu(const bench *b)
{
    return b->compute.device != NULL;
}

static lt_status feed(bench *b, int i, int number)
{
    lt_status st = LT_OK;
    if (on_gpu(b)) LT_TRY(lt_depth_frame(b->session, i, b->rgb[number % SHOWN], (size_t)b->config.frame_width * 3));
    else draw(lt_depth_input(b->session, i), (size_t)b->config.width * (size_t)b->config.height * 3, (uint32_t)number);
done:
    return st;
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
            LT_TRY(feed(b, k, first + i + k));
        }
        LT_TRY(lt_depth_encode(b->session, some, slot, NULL));
    }
done:
    return st;
}

/* The positions of a window in the middle of a video: all but two are read by something. */
static lt_status begin(bench *b, bool first)
{
    lt_status st = LT_OK;
    int32_t slot[LT_DEPTH_WINDOW];
    int position[LT_DEPTH_WINDOW], n = 0;
    for (int i = 0; i < LT_DEPTH_WINDOW; i++) {
        slot[i] = i;
        if (i != LT_DEPTH_WINDOW - 1 && (first || i != 2)) position[n++] = i;
    }
    LT_TRY(lt_depth_window_begin(b->session, slot, position, n, NULL));
done:
    return st;
}

static lt_status window(bench *b, bool first)
{
    lt_status st = LT_OK;
    const float *maps;
    LT_TRY(encode(b, 10, first ? LT_DEPTH_WINDOW : NEW_FRAMES));
    LT_TRY(begin(b, first));
    LT_TRY(lt_depth_window_end(b->session, &maps, NULL));
done:
    return st;
}

/* Windows as a run has them: the frames of the next one are on their way while one is computed. */
static lt_status windows(bench *b, int n)
{
    lt_status st = LT_OK;
    const float *maps;
    for (int i = 0; i < n; i++) {
        LT_TRY(encode(b, 10, NEW_FRAMES));
        if (i > 0) LT_TRY(lt_depth_window_end(b->session, &maps, NULL));
        LT_TRY(begin(b, false));
    }
    LT_TRY(lt_depth_window_end(b->session, &maps, NULL));
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

static void show(void *ctx, const char *part, const char *node, const char *kernel, double begin_, double seconds)
{
    bench *b = ctx;
    (void)part;
    lt_timeline_span(b->timeline, "operators", node, kernel, begin_, seconds);
}

/* Operator by operator. On the CPU that is the timed window itself. */
static lt_status measure_operators(bench *b)
{
    lt_status st = LT_OK;
    const lt_session_spans spans = { b, show };
    if (b->timeline || on_gpu(b)) LT_TRY(lt_session_profile(lt_depth_session_graph(b->session), b->timeline ? &spans : NULL));
    count(b, -1);
    const double t = lt_seconds();
    LT_TRY(window(b, false));
    if (!on_gpu(b)) b->window_s = lt_seconds() - t;
    lt_timeline_span(b->timeline, "windows", "window", NULL, t, lt_seconds() - t);
    count(b, 1);
done:
    return st;
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
    if (on_gpu(b)) {
        t = lt_seconds();
        LT_TRY(windows(b, b->timed = TIMED_GPU));
        b->window_s = (lt_seconds() - t) / b->timed;
    }
    LT_TRY(measure_operators(b));
    if (on_gpu(b)) LT_TRY(lt_matmul_rate_on(b->compute.device, b->config.precision, RATE_GPU, 3, &b->rate));
    else LT_TRY(lt_matmul_rate(b->config.precision, RATE_CPU, b->config.machine.n_threads, 3, &b->rate));
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
        b->operator_s += b->node_seconds[i];
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
    printf("  %-28s %9.4f s %6.1f %% %9.1f GFLOP/s %6.1f %%\n", name, seconds, 100 * seconds / (on_gpu(b) ? b->operator_s : b->window_s),
           rate_of(flops, seconds), 100 * rate_of(flops, seconds) / b->rate);
}

/* The driver's figure for the whole process beside what we plan for it. */
static void print_gpu(const bench *b)
{
    char process[32], bound[32], ring[32];
    lt_device_memory m = { -1, -1, -1, -1 };
    if (lt_device_memory_read(b->compute.device, &m) < 0) lt_error_clear();
    const int64_t ours = (int64_t)lt_depth_plan_bytes(b->plan), theirs = lt_device_overhead(lt_device_get_facts(b->compute.device));
    printf("  of it the ring of frames %s; with driver and libraries at most %s; the driver counts %s for this process\n",
           lt_bytes_text((int64_t)lt_depth_plan_ring_bytes(b->plan), ring, sizeof ring), lt_bytes_text(ours + theirs, bound, sizeof bound),
           m.process < 0 ? "nothing" : lt_bytes_text(m.process, process, sizeof process));
}

static void print_text(const bench *b)
{
    char planned[32], weights[32], observed[32];
    kind kinds[64];
    const int n = kinds_of(b, kinds, 64);
    printf("%s, %dx%d, %s, %s, %d threads, %d frames at once\n", b->model, b->config.width, b->config.height, lt_dtype_name(b->config.precision),
           b->compute.kind, b->config.machine.n_threads, lt_depth_plan_batch(b->plan));
    printf("  session made in %.2f s, first window in %.2f s\n", b->start_s, b->first_s);
    printf("  a window of %d new frames in %.2f s: %.3f frames/s, %.1f GFLOP/s, %.1f %% of %s %d^3 product (%.1f GFLOP/s)\n", NEW_FRAMES, b->window_s,
           NEW_FRAMES / b->window_s, rate_of(b->flops, b->window_s), 100 * rate_of(b->flops, b->window_s) / b->rate,
           on_gpu(b) ? "cuBLASLt's" : "oneDNN's", on_gpu(b) ? RATE_GPU : RATE_CPU, b->rate);
    printf("  planned %s (of them weights %s), observed %s\n", lt_bytes_text((int64_t)lt_depth_plan_bytes(b->plan), planned, sizeof planned),
           lt_bytes_text((int64_t)lt_depth_plan_weight_bytes(b->plan), weights, sizeof weights),
           lt_bytes_text((int64_t)lt_arena_high_water(b->arena), observed, sizeof observed));
    if (on_gpu(b)) print_gpu(b);
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
                            b->config.machine.n_threads, "device", b->compute.kind, "micro_batch", lt_depth_plan_batch(b->plan),
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
    lt_dtype precision;
    int width = 0, height = 0;
    if (s->task != LT_TASK_DEPTH) LT_FAIL(LT_E_USAGE, "bench measures --task depth");
    LT_TRY(lt_place_open(s, 0, 1, &b->compute));
    LT_TRY(lt_place_precision(&b->compute, s, &precision));
    if (b->compute.note[0]) lt_log_info(s->log, "%s", b->compute.note);
    snprintf(b->model, sizeof b->model, "%s", models[s->model]);
    if (s->size.width > 0) {
        width = (int)s->size.width;
        height = (int)s->size.height;
    } else {
        LT_TRY(lt_depth_input_size(FULL_WIDTH, FULL_HEIGHT, (int)s->input_size, &width, &height));
    }
    b->config = (lt_depth_config){ .model = b->model, .width = width, .height = height, .frames = LT_DEPTH_WINDOW, .slots = LT_DEPTH_WINDOW,
                                   .precision = precision, .micro_batch = (int)s->micro_batch, .tile = (int)s->tile, .band = (int)s->band,
                                   .machine = b->compute.machine };
    if (!on_gpu(b)) goto done;
    b->config.frame_width = FULL_WIDTH;
    b->config.frame_height = FULL_HEIGHT;
    for (int i = 0; i < SHOWN; i++) {
        const size_t n = (size_t)FULL_WIDTH * FULL_HEIGHT * 3;
        if (!(b->rgb[i] = malloc(n))) LT_FAIL(LT_E_MEMORY, "no memory for frames");
        for (size_t k = 0; k < n; k++) b->rgb[i][k] = (uint8_t)((k * 2654435761u + (size_t)i * 97) >> 13);
    }
done:
    return st;
}

int lt_command_bench(const lt_settings *s)
{
    lt_status st = LT_OK;
    bench b = { .s = s };
    LT_TRY(configure(&b));
    if (s->trace) LT_TRY(lt_timeline_open(s->trace, 0, &b.timeline));
    LT_TRY(lt_weights_open(s->weights ? s->weights : "synthetic:7", &b.weights));
    LT_TRY(lt_depth_plan_create(&b.config, &b.plan));
    LT_TRY(lt_pool_create(b.config.machine.n_threads, &b.pool));
    LT_TRY(lt_arena_create_on(b.compute.device, lt_depth_plan_bytes(b.plan), &b.arena));
    const double before = lt_seconds();
    LT_TRY(lt_depth_session_create(b.plan, b.weights, b.arena, b.pool, &b.session));
    b.start_s = lt_seconds() - before;
    LT_TRY(measure(&b));
    if (s->json) LT_TRY(print_json(&b));
    else print_text(&b);
done:
    LT_ALSO(lt_timeline_close(&b.timeline));
    free(b.node_seconds);
    free(b.node_flops);
    for (int i = 0; i < SHOWN; i++) free(b.rgb[i]);
    lt_depth_session_destroy(&b.session);
    lt_depth_plan_destroy(&b.plan);
    lt_arena_destroy(&b.arena);
    lt_pool_destroy(&b.pool);
    lt_weights_close(&b.weights);
    lt_place_close(&b.compute);
    return (int)st;
}
