/* doctor --profile: the present device, measured, as `plan --device-profile` reads it. */
#include "doctor.h"

#include <longtake/arena.h>
#include <longtake/depth.h>
#include <longtake/profile.h>
#include <longtake/rate.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Products grow from SMALLEST until the next size would take longer than it is worth, so that slow devices end too; fast ones are busy with the largest. */
enum { SMALLEST = 256, LARGEST_CPU = 4096, LARGEST_GPU = 8192, REPEATS = 2, COPIES = 5, WINDOWS = 2 };
static const double product_cpu_s = 3, product_gpu_s = 0.5, warm_up_s = 5;
static const size_t copy_bytes = (size_t)512 << 20;

typedef struct {
    const lt_settings *s;
    lt_place   place;
    lt_profile p;
    int64_t    free_before;          /* of the GPU, before this process was on it; -1: not known */
    char       by[320];              /* "measured by longtake doctor --profile on 2026-11-21, NAME" */
} profiler;

static bool on_gpu(const profiler *m)
{
    return m->place.device != NULL;
}

/* Three digits are what a measurement is worth. */
static double rounded(double v)
{
    char text[40];
    snprintf(text, sizeof text, "%.3g", v);
    return strtod(text, NULL);
}

LT_PRINTF(3, 4) static lt_status source(const profiler *m, char **out, const char *format, ...)
{
    lt_status st = LT_OK;
    char more[256];
    va_list args;
    va_start(args, format);
    vsnprintf(more, sizeof more, format, args);
    va_end(args);
    if (asprintf(out, "%s%s", m->by, more) < 0) {
        *out = NULL;
        LT_FAIL(LT_E_MEMORY, "no memory for a device profile");
    }
done:
    return st;
}

static uint64_t whole_mib(int64_t n)
{
    return n < 0 ? 0 : (uint64_t)n >> 20 << 20;
}

/* ---- rates ---- */

static lt_status product(const profiler *m, lt_dtype type, bool tf32, int n, double *gflops)
{
    if (!on_gpu(m)) return lt_matmul_rate(type, n, m->place.n_threads, REPEATS, gflops);
    return tf32 ? lt_matmul_rate_tf32(m->place.device, n, REPEATS, gflops) : lt_matmul_rate_on(m->place.device, type, n, REPEATS, gflops);
}

static lt_status measure_rate(const profiler *m, lt_dtype type, bool tf32, double *tflops)
{
    lt_status st = LT_OK;
    const int largest = on_gpu(m) ? LARGEST_GPU : LARGEST_CPU;
    const double worth_s = on_gpu(m) ? product_gpu_s : product_cpu_s;
    double best = 0;
    for (int n = SMALLEST; n <= largest; n *= 2) {
        const double next = 2.0 * 8 * n * n * (double)n * (REPEATS + 1);
        double gflops;
        LT_TRY(product(m, type, tf32, n, &gflops));
        if (gflops > best) best = gflops;
        /* Three matrices of the next size, and as much again for what the library keeps. */
        if (next > worth_s * gflops * 1e9 || 6 * 4 * 4 * (int64_t)n * n > m->place.budget.device) break;
    }
    *tflops = rounded(best * 1e-3);
done:
    return st;
}

static lt_status measure_rates(profiler *m)
{
    lt_status st = LT_OK;
    const lt_machine *x = &m->place.machine;
    const int64_t room = m->place.budget.device / 4 / LT_ARENA_ALIGN * LT_ARENA_ALIGN;
    const size_t n = (int64_t)copy_bytes < room ? copy_bytes : (size_t)room;
    double gbytes;
    LT_TRY(measure_rate(m, LT_F32, false, &m->p.f32));
    if (on_gpu(m) && x->sm >= 80) LT_TRY(measure_rate(m, LT_F32, true, &m->p.tf32));
    if (on_gpu(m)) LT_TRY(measure_rate(m, LT_F16, false, &m->p.f16));
    if (x->bf16_units) LT_TRY(measure_rate(m, LT_BF16, false, &m->p.bf16));
    if (on_gpu(m)) LT_TRY(lt_copy_rate_on(m->place.device, n, COPIES, &gbytes));
    else LT_TRY(lt_copy_rate(n, m->place.n_threads, COPIES, &gbytes));
    m->p.bandwidth = rounded(gbytes);
    if (on_gpu(m)) LT_TRY(source(m, &m->p.rates_source, ": square products by cuBLASLt, the best of sizes up to %d", LARGEST_GPU));
    else LT_TRY(source(m, &m->p.rates_source, ": square products by oneDNN, the best of sizes up to %d, %d threads", LARGEST_CPU, m->place.n_threads));
    LT_TRY(source(m, &m->p.bandwidth_source, ": copies of %zu MiB, bytes read and written", n >> 20));
done:
    return st;
}

/* ---- fixed overhead of a GPU ---- */

typedef struct {
    lt_depth_plan    *plan;
    lt_arena         *arena;
    lt_pool          *pool;
    lt_weights       *weights;
    lt_depth_session *session;
    uint8_t          *rgb;
    lt_depth_config   config;
} warm_up;

static void end_warm_up(warm_up *w)
{
    lt_depth_session_destroy(&w->session);
    lt_arena_destroy(&w->arena);
    lt_pool_destroy(&w->pool);
    lt_weights_close(&w->weights);
    lt_depth_plan_destroy(&w->plan);
    free(w->rgb);
}

/* The largest network that is done in time; a real window where the device is a real one. w->plan NULL: none fits its memory. */
static lt_status pick(const profiler *m, warm_up *w)
{
    lt_status st = LT_OK;
    static const struct {
        int side, frames;
    } sizes[] = { { 518, LT_DEPTH_WINDOW }, { 140, 8 }, { 28, 2 } };
    enum { N = sizeof sizes / sizeof *sizes };
    lt_dtype type;
    lt_place place = m->place;
    LT_TRY(lt_place_precision(&place, m->s, &type));
    for (int i = 0; i < N; i++) {
        double flops = 0;
        w->config = (lt_depth_config){ .model = "vda-vits", .width = sizes[i].side, .height = sizes[i].side, .frames = sizes[i].frames, .slots = sizes[i].frames,
                                       .frame_width = 2 * sizes[i].side, .frame_height = 2 * sizes[i].side, .precision = type, .machine = place.machine };
        LT_TRY(lt_depth_plan_create(&w->config, &w->plan));
        const lt_plan *graph = lt_depth_plan_graph(w->plan);
        for (int k = 0; k < lt_plan_nodes(graph); k++) {
            lt_node_info info;
            lt_plan_node(graph, k, &info);
            flops += info.flops * (strcmp(info.part, "encode") ? 1 : (double)sizes[i].frames / lt_depth_plan_batch(w->plan));
        }
        const bool fits = (int64_t)lt_depth_plan_bytes(w->plan) <= m->place.budget.device;
        /* Small kernels reach a tenth of the rate of a large product. */
        if (fits && (i == N - 1 || WINDOWS * flops < warm_up_s * m->p.f16 * 1e12 / 10)) break;
        lt_depth_plan_destroy(&w->plan);
    }
done:
    return st;
}

static lt_status run_windows(warm_up *w)
{
    lt_status st = LT_OK;
    const int n = w->config.frames, batch = lt_depth_plan_batch(w->plan);
    const size_t stride = (size_t)w->config.frame_width * 3;
    int32_t slot[LT_DEPTH_WINDOW];
    int position[LT_DEPTH_WINDOW];
    const float *maps;
    for (int i = 0; i < n; i++) slot[i] = position[i] = i;
    for (int round = 0; round < WINDOWS; round++) {
        for (int i = 0; i < n; i += batch) {
            const int some = n - i < batch ? n - i : batch;
            for (int k = 0; k < some; k++) LT_TRY(lt_depth_frame(w->session, k, w->rgb, stride));
            LT_TRY(lt_depth_encode(w->session, some, slot + i, NULL));
        }
        LT_TRY(lt_depth_window(w->session, slot, position, n, &maps, NULL));
    }
done:
    return st;
}

/* What the process takes beside what is ours, once every kernel of a network has run and its recordings are uploaded; -1: the driver does not tell. */
static lt_status read_overhead(const profiler *m, const warm_up *w, int64_t *out)
{
    lt_status st = LT_OK;
    lt_device_memory now;
    const int64_t ours = (int64_t)lt_arena_size(w->arena);
    LT_TRY(lt_device_memory_read(m->place.device, &now));
    const int64_t all = now.process >= 0 ? now.process : m->free_before >= 0 ? m->free_before - now.free : -1;
    *out = all > ours ? all - ours : -1;
done:
    return st;
}

static lt_status measure_overhead(profiler *m)
{
    lt_status st = LT_OK;
    warm_up w = { .plan = NULL };
    int64_t bytes = -1;
    LT_TRY(pick(m, &w));
    if (w.plan) {
        const size_t n = (size_t)w.config.frame_width * (size_t)w.config.frame_height * 3;
        if (!(w.rgb = malloc(n))) LT_FAIL(LT_E_MEMORY, "no memory for a frame");
        for (size_t k = 0; k < n; k++) w.rgb[k] = (uint8_t)(k * 2654435761u >> 13);
        LT_TRY(lt_weights_open("synthetic:7", &w.weights));
        LT_TRY(lt_pool_create(m->place.n_threads, &w.pool));
        LT_TRY(lt_arena_create_on(m->place.device, lt_depth_plan_bytes(w.plan), &w.arena));
        LT_TRY(lt_depth_session_create(w.plan, w.weights, w.arena, w.pool, &w.session));
        LT_TRY(run_windows(&w));
        LT_TRY(read_overhead(m, &w, &bytes));
    }
    if (bytes >= 0)
        LT_TRY(source(m, &m->p.overhead_source, ": what the driver counts for this process, less our arena, after windows of vits %dx%d", w.config.width,
                      w.config.height));
    else if (!(m->p.overhead_source = strdup("estimated by its compute capability: the driver does not tell what this process takes")))
        LT_FAIL(LT_E_MEMORY, "no memory for a device profile");
    m->p.overhead = whole_mib((bytes >= 0 ? bytes : lt_device_overhead(lt_device_get_facts(m->place.device))) + (1 << 20) - 1);
done:
    end_warm_up(&w);
    return st;
}

/* ---- facts ---- */

/* Free memory of every GPU before this process is on any. */
static void look_at_gpus(const lt_settings *s, int64_t out[LT_PROFILE_GPUS])
{
    lt_gpu *gpus = s->device == LT_DEVICE_CPU ? NULL : calloc(LT_PROFILE_GPUS, sizeof *gpus);
    int n = 0;
    for (int i = 0; i < LT_PROFILE_GPUS; i++) out[i] = -1;
    if (gpus && lt_gpu_list(gpus, LT_PROFILE_GPUS, &n) < 0) lt_error_clear();
    for (int i = 0; i < n; i++) out[i] = gpus[i].free;
    free(gpus);
}

static lt_status gpu_facts(profiler *m)
{
    lt_status st = LT_OK;
    lt_device_memory now;
    const lt_device_facts *f = lt_device_get_facts(m->place.device);
    LT_TRY(lt_device_memory_read(m->place.device, &now));
    const bool whole = m->free_before >= 0;
    const int64_t usable = whole ? m->free_before : now.free + (now.process > 0 ? now.process : 0);
    m->p.device = LT_BACKEND_CUDA;
    m->p.capability = rounded(f->major + 0.1 * f->minor);
    m->p.multiprocessors = f->multiprocessors;
    m->p.memory = whole_mib(now.total);
    m->p.usable = whole_mib(usable < now.total ? usable : now.total);
    LT_TRY(source(m, &m->p.chip_source, ": as CUDA tells it"));
    LT_TRY(source(m, &m->p.memory_source, ": as CUDA tells it"));
    LT_TRY(source(m, &m->p.usable_source, ": what was free%s", whole || now.process >= 0 ? " without this process" : " beside the context of this process"));
done:
    return st;
}

static lt_status cpu_facts(profiler *m)
{
    lt_status st = LT_OK;
    lt_host_memory host;
    LT_TRY(lt_host_memory_read(&host));
    m->p.device = LT_BACKEND_CPU;
    m->p.memory = whole_mib(host.total);
    m->p.usable = whole_mib(host.available);
    LT_TRY(source(m, &m->p.memory_source, ": /proc/meminfo and its control groups; a plan for a CPU reads them anew"));
    LT_TRY(source(m, &m->p.usable_source, ": what was free"));
    LT_TRY(source(m, &m->p.overhead_source, ": a CPU has none"));
done:
    return st;
}

static lt_status begin(profiler *m)
{
    lt_status st = LT_OK;
    int64_t before[LT_PROFILE_GPUS];
    char date[32];
    const time_t now = time(NULL);
    struct tm utc;
    const char *ranks = getenv("OMPI_COMM_WORLD_SIZE");
    if (ranks && atoi(ranks) > 1) LT_FAIL(LT_E_USAGE, "doctor --profile measures what one process has to itself: start it without mpirun");
    look_at_gpus(m->s, before);
    LT_TRY(lt_place_open(m->s, 0, 1, &m->place));
    if (m->place.note[0]) lt_log_info(m->s->log, "%s", m->place.note);
    const lt_device_facts *f = m->place.device ? lt_device_get_facts(m->place.device) : NULL;
    char name[160];
    if (f) snprintf(name, sizeof name, "%s", f->name);
    else lt_processor_name(name, sizeof name);
    m->free_before = f && f->ordinal < LT_PROFILE_GPUS ? before[f->ordinal] : -1;
    if (!(m->p.name = strdup(name))) LT_FAIL(LT_E_MEMORY, "no memory for a device profile");
    strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&now, &utc));
    snprintf(m->by, sizeof m->by, "measured by longtake doctor --profile on %s, %s", date, name);
    lt_log_info(m->s->log, "measuring %s, for half a minute at most", name);
done:
    return st;
}

/* Before half a minute is spent on it. */
static lt_status check_output(const char *path)
{
    lt_status st = LT_OK;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!folder) LT_FAIL(LT_E_MEMORY, "no memory for a device profile");
    if (access(folder, W_OK)) LT_FAIL(LT_E_STORE, "%s cannot be written: %s: %s", path, folder, strerror(errno));
done:
    free(folder);
    return st;
}

lt_status lt_doctor_profile(const lt_settings *s)
{
    lt_status st = LT_OK;
    profiler *m = calloc(1, sizeof *m);
    char *text = NULL;
    if (!m) LT_FAIL(LT_E_MEMORY, "no memory for a device profile");
    m->s = s;
    if (s->output) LT_TRY(check_output(s->output));
    LT_TRY(begin(m));
    LT_TRY(on_gpu(m) ? gpu_facts(m) : cpu_facts(m));
    LT_TRY(measure_rates(m));
    if (on_gpu(m)) LT_TRY(measure_overhead(m));
    if (s->output) {
        LT_TRY(lt_profile_write(&m->p, s->output));
        lt_log_info(s->log, "%s is written: longtake plan --device-profile %s", s->output, s->output);
    } else {
        LT_TRY(lt_profile_text(&m->p, &text));
        fputs(text, stdout);
    }
done:
    free(text);
    if (m) {
        lt_profile_free(&m->p);
        lt_place_close(&m->place);
    }
    free(m);
    return st;
}
