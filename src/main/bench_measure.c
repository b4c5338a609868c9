/* bench: windows of drawn frames, timed as a whole and by operator. */
#include "bench.h"

#include <longtake/clock.h>
#include <longtake/rate.h>

#include <stdlib.h>
#include <string.h>

static void draw(float *to, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        to[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
}

static bool on_gpu(const lt_bench *b)
{
    return b->compute.device != NULL;
}

static lt_status feed(lt_bench *b, int i, int number)
{
    lt_status st = LT_OK;
    if (on_gpu(b)) LT_TRY(lt_depth_frame(b->session, i, b->rgb[number % LT_BENCH_SHOWN], (size_t)b->config.frame_width * 3));
    else draw(lt_depth_input(b->session, i), (size_t)b->config.width * (size_t)b->config.height * 3, (uint32_t)number);
done:
    return st;
}

static lt_status encode(lt_bench *b, int first, int n)
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
static lt_status begin(lt_bench *b, bool first)
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

static lt_status window(lt_bench *b, bool first)
{
    lt_status st = LT_OK;
    const float *maps;
    LT_TRY(encode(b, 10, first ? LT_DEPTH_WINDOW : LT_BENCH_NEW_FRAMES));
    LT_TRY(begin(b, first));
    LT_TRY(lt_depth_window_end(b->session, &maps, NULL));
done:
    return st;
}

/* Windows as a run has them: the frames of the next one are on their way while one is computed. */
static lt_status windows(lt_bench *b, int n)
{
    lt_status st = LT_OK;
    const float *maps;
    for (int i = 0; i < n; i++) {
        LT_TRY(encode(b, 10, LT_BENCH_NEW_FRAMES));
        if (i > 0) LT_TRY(lt_depth_window_end(b->session, &maps, NULL));
        LT_TRY(begin(b, false));
    }
    LT_TRY(lt_depth_window_end(b->session, &maps, NULL));
done:
    return st;
}

static void count(lt_bench *b, double sign)
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
    lt_bench *b = ctx;
    (void)part;
    lt_timeline_span(b->timeline, "operators", node, kernel, begin_, seconds);
}

/* Operator by operator. On the CPU that is the timed window itself. */
static lt_status measure_operators(lt_bench *b)
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

lt_status lt_bench_rate(const lt_place *place, lt_dtype precision, double *gflops)
{
    return place->device ? lt_matmul_rate_on(place->device, precision, LT_BENCH_RATE_GPU, 3, gflops)
                         : lt_matmul_rate(precision, LT_BENCH_RATE_CPU, place->machine.n_threads, 3, gflops);
}

lt_status lt_bench_measure(lt_bench *b)
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
        LT_TRY(windows(b, b->timed = LT_BENCH_TIMED_GPU));
        b->window_s = (lt_seconds() - t) / b->timed;
    }
    LT_TRY(measure_operators(b));
    LT_TRY(lt_bench_rate(&b->compute, b->config.precision, &b->rate));
    for (int i = 0; i < n; i++) {
        lt_node_info info;
        lt_plan_node(lt_depth_plan_graph(b->plan), i, &info);
        if (b->n_stages == 0 || strcmp(b->stages[b->n_stages - 1].name, info.part) != 0) {
            if (b->n_stages == LT_BENCH_STAGES) LT_FAIL(LT_E_INTERNAL, "a network of more than %d parts", LT_BENCH_STAGES);
            b->stages[b->n_stages++] = (lt_bench_stage){ info.part, 0, 0 };
        }
        b->stages[b->n_stages - 1].seconds += b->node_seconds[i];
        b->stages[b->n_stages - 1].flops += b->node_flops[i];
        b->flops += b->node_flops[i];
        b->operator_s += b->node_seconds[i];
    }
done:
    return st;
}
