/* bench: time and memory of a plan on synthetic weights and drawn frames. */
#include "bench.h"
#include "commands.h"
#include "doctor.h"

#include <longtake/arena.h>
#include <longtake/budget.h>
#include <longtake/clock.h>
#include <longtake/frames.h>
#include <longtake/ladder.h>
#include <longtake/weights.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FULL_WIDTH = 1280, FULL_HEIGHT = 720 };

static bool on_gpu(const lt_bench *b)
{
    return b->compute.device != NULL;
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
static int kinds_of(const lt_bench *b, kind *out, int max)
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

static void print_row(const lt_bench *b, const char *name, double seconds, double flops)
{
    printf("  %-28s %9.4f s %6.1f %% %9.1f GFLOP/s %6.1f %%\n", name, seconds, 100 * seconds / (on_gpu(b) ? b->operator_s : b->window_s),
           rate_of(flops, seconds), 100 * rate_of(flops, seconds) / b->rate);
}

/* The driver's figure for the whole process beside what we plan for it. */
static void print_gpu(const lt_bench *b)
{
    char process[32], bound[32], ring[32];
    lt_device_memory m = { -1, -1, -1, -1 };
    if (lt_device_memory_read(b->compute.device, &m) < 0) lt_error_clear();
    const int64_t ours = (int64_t)lt_depth_plan_bytes(b->plan), theirs = lt_device_overhead(lt_device_get_facts(b->compute.device));
    printf("  of it the ring of frames %s; with driver and libraries at most %s; the driver counts %s for this process\n",
           lt_bytes_text((int64_t)lt_depth_plan_ring_bytes(b->plan), ring, sizeof ring), lt_bytes_text(ours + theirs, bound, sizeof bound),
           m.process < 0 ? "nothing" : lt_bytes_text(m.process, process, sizeof process));
}

static void print_text(const lt_bench *b)
{
    char planned[32], weights[32], observed[32];
    kind kinds[64];
    const int n = kinds_of(b, kinds, 64);
    printf("%s, %dx%d, %s, %s, %d threads, %d frames at once\n", b->model, b->config.width, b->config.height, lt_dtype_name(b->config.precision),
           b->compute.kind, b->config.machine.n_threads, lt_depth_plan_batch(b->plan));
    printf("  session made in %.2f s, first window in %.2f s\n", b->start_s, b->first_s);
    printf("  a window of %d new frames in %.2f s: %.3f frames/s, %.1f GFLOP/s, %.1f %% of %s %d^3 product (%.1f GFLOP/s)\n", LT_BENCH_NEW_FRAMES, b->window_s,
           LT_BENCH_NEW_FRAMES / b->window_s, rate_of(b->flops, b->window_s), 100 * rate_of(b->flops, b->window_s) / b->rate,
           on_gpu(b) ? "cuBLASLt's" : "oneDNN's", on_gpu(b) ? LT_BENCH_RATE_GPU : LT_BENCH_RATE_CPU, b->rate);
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

/* Of the processor, or of the GPU. */
static void machine_name(const lt_bench *b, char *out, size_t n_bytes)
{
    if (on_gpu(b)) snprintf(out, n_bytes, "%s", lt_device_get_facts(b->compute.device)->name);
    else lt_processor_name(out, n_bytes);
}

static lt_status figures(const lt_bench *b, json_t **out)
{
    lt_status st = LT_OK;
    kind kinds[64];
    char machine[160];
    const int n = kinds_of(b, kinds, 64);
    json_t *stages = json_array(), *kernels = json_array();
    machine_name(b, machine, sizeof machine);
    for (int i = 0; i < b->n_stages; i++) json_array_append_new(stages, row(b->stages[i].name, b->stages[i].seconds, b->stages[i].flops));
    for (int i = 0; i < n; i++) json_array_append_new(kernels, row(kinds[i].name, kinds[i].seconds, kinds[i].flops));
    *out = json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:i, s:s, s:i, s:b, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:o}", "task", "depth", "machine", machine,
                     "model", b->model, "width", b->config.width, "height", b->config.height, "precision", lt_machine_precision(&b->config.machine, b->config.precision),
                     "threads", b->config.machine.n_threads, "device", b->compute.kind, "micro_batch", lt_depth_plan_batch(b->plan), "streamed", b->config.stream,
                     "planned_bytes", (json_int_t)lt_depth_plan_bytes(b->plan), "weight_bytes", (json_int_t)lt_depth_plan_weight_bytes(b->plan),
                     "observed_bytes", (json_int_t)lt_arena_high_water(b->arena), "frames_per_second", LT_BENCH_NEW_FRAMES / b->window_s,
                     "window_seconds", b->window_s, "session_seconds", b->start_s, "first_window_seconds", b->first_s, "gflops",
                     rate_of(b->flops, b->window_s), "matmul_gflops", b->rate, "stages", stages, "kernels", kernels);
    if (!*out) LT_FAIL(LT_E_MEMORY, "no memory for figures");
done:
    return st;
}

/* ---- the command ---- */

lt_status lt_bench_print(const json_t *figures)
{
    lt_status st = LT_OK;
    char *text = json_dumps(figures, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    if (!text) LT_FAIL(LT_E_MEMORY, "no memory for figures");
    puts(text);
    free(text);
done:
    return st;
}

static lt_status configure(lt_bench *b)
{
    lt_status st = LT_OK;
    const lt_settings *s = b->s;
    lt_dtype precision;
    int width = 0, height = 0;
    LT_TRY(lt_place_open(s, 0, 1, &b->compute));
    LT_TRY(lt_place_precision(&b->compute, s, &precision));
    if (b->compute.note[0]) lt_log_info(s->log, "%s", b->compute.note);
    snprintf(b->model, sizeof b->model, "vda-%s", lt_model_choice_name(s->model));
    if (s->size.width > 0) {
        width = (int)s->size.width;
        height = (int)s->size.height;
    } else {
        LT_TRY(lt_depth_input_size(FULL_WIDTH, FULL_HEIGHT, (int)s->input_size, &width, &height));
    }
    b->config = (lt_depth_config){ .model = b->model, .width = width, .height = height, .frames = LT_DEPTH_WINDOW, .slots = LT_DEPTH_WINDOW,
                                   .precision = precision, .micro_batch = (int)s->micro_batch, .tile = (int)s->tile, .band = (int)s->band,
                                   .stream = s->stream_weights == LT_STREAM_ON, .scratch = s->scratch, .machine = b->compute.machine };
    if (!on_gpu(b)) goto done;
    b->config.frame_width = FULL_WIDTH;
    b->config.frame_height = FULL_HEIGHT;
    for (int i = 0; i < LT_BENCH_SHOWN; i++) {
        const size_t n = (size_t)FULL_WIDTH * FULL_HEIGHT * 3;
        if (!(b->rgb[i] = malloc(n))) LT_FAIL(LT_E_MEMORY, "no memory for frames");
        for (size_t k = 0; k < n; k++) b->rgb[i][k] = (uint8_t)((k * 2654435761u + (size_t)i * 97) >> 13);
    }
done:
    return st;
}

static lt_status check(const lt_settings *s)
{
    lt_status st = LT_OK;
    if (s->task != LT_TASK_DEPTH) LT_FAIL(LT_E_USAGE, "bench measures --task depth");
    if (s->output && !s->sweep) LT_FAIL(LT_E_USAGE, "--output names the table of bench --sweep: add --sweep, or leave it out");
    if (s->sweep && s->compare) LT_FAIL(LT_E_USAGE, "--sweep and --compare are two measurements: give one of them");
    if (s->sweep && (s->json || s->trace)) LT_FAIL(LT_E_USAGE, "bench --sweep writes a CSV table: leave %s out", s->json ? "--json" : "--trace");
done:
    return st;
}

static lt_status open_session(lt_bench *b)
{
    lt_status st = LT_OK;
    LT_TRY(lt_weights_open(b->s->weights ? b->s->weights : "synthetic:7", &b->weights));
    LT_TRY(lt_depth_plan_create(&b->config, &b->plan));
    LT_TRY(lt_pool_create(b->config.machine.n_threads, &b->pool));
    LT_TRY(lt_arena_create_on(b->compute.device, lt_depth_plan_bytes(b->plan), &b->arena));
    const double before = lt_seconds();
    LT_TRY(lt_depth_session_create(b->plan, b->weights, b->arena, b->pool, &b->session));
    b->start_s = lt_seconds() - before;
done:
    return st;
}

static lt_status tell(const lt_bench *b, const json_t *old)
{
    lt_status st = LT_OK;
    json_t *now = NULL;
    LT_TRY(figures(b, &now));
    if (old) LT_TRY(lt_bench_compare(b->s, old, now));
    else if (b->s->json) LT_TRY(lt_bench_print(now));
    else print_text(b);
done:
    json_decref(now);
    return st;
}

int lt_command_bench(const lt_settings *s)
{
    lt_status st = LT_OK;
    lt_bench b = { .s = s };
    json_t *old = NULL;
    LT_TRY(check(s));
    if (s->sweep) return (int)lt_bench_sweep(s);
    if (s->compare) LT_TRY(lt_bench_old(s->compare, &old));
    LT_TRY(configure(&b));
    if (old) LT_TRY(lt_bench_comparable(s->compare, old, &b));
    if (s->trace) LT_TRY(lt_timeline_open(s->trace, 0, &b.timeline));
    LT_TRY(open_session(&b));
    LT_TRY(lt_bench_measure(&b));
    LT_TRY(tell(&b, old));
done:
    LT_ALSO(lt_timeline_close(&b.timeline));
    json_decref(old);
    free(b.node_seconds);
    free(b.node_flops);
    for (int i = 0; i < LT_BENCH_SHOWN; i++) free(b.rgb[i]);
    lt_depth_session_destroy(&b.session);
    lt_depth_plan_destroy(&b.plan);
    lt_arena_destroy(&b.arena);
    lt_pool_destroy(&b.pool);
    lt_weights_close(&b.weights);
    lt_place_close(&b.compute);
    return (int)st;
}
