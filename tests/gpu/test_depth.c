/* The network of depth on a GPU, against the official results in tests/data: every precision, cuts, and what the driver says of memory.
 *
 * Without a GPU it skips itself. */
#include "check.h"

#include <longtake/arrays.h>
#include <longtake/budget.h>
#include <longtake/clock.h>
#include <longtake/depth.h>
#include <longtake/gpu.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    lt_device        *device;
    lt_depth_plan    *plan;
    lt_depth_session *session;
    lt_arena         *arena;
    lt_weights       *weights;
    const float      *maps;
} network;

typedef struct {
    const char *model;
    int         width, height, frames;
    const char *file;
} golden;

static const golden goldens[] = {
    { "vda-vits", 98, 70, 5, "../data/vda/vda_vits_70x98_T5_seed7.h5" },
    { "vda-vits", 70, 126, 32, "../data/vda/vda_vits_126x70_T32_seed7.h5" },
    { "vda-vitb", 98, 70, 2, "../data/vda/vda_vitb_70x98_T2_seed7.h5" },
    { "vda-vitl", 98, 70, 2, "../data/vda/vda_vitl_70x98_T2_seed7.h5" },
};

static lt_status open_network(network *n, const golden *g, lt_dtype precision, int batch, int tile, int band, bool stream)
{
    lt_status st = LT_OK;
    *n = (network){ 0 };
    LT_TRY(lt_device_open(LT_BACKEND_CUDA, 0, &n->device));
    const lt_depth_config c = { .model = g->model, .width = g->width, .height = g->height, .frames = g->frames, .slots = g->frames,
                                .precision = precision, .micro_batch = batch, .tile = tile, .band = band, .stream = stream,
                                .machine = lt_machine_with(n->device, lt_cpu_isa(), 1) };
    LT_TRY(lt_weights_open("synthetic:7", &n->weights));
    LT_TRY(lt_depth_plan_create(&c, &n->plan));
    LT_TRY(lt_arena_create_on(n->device, lt_depth_plan_bytes(n->plan), &n->arena));
    LT_TRY(lt_depth_session_create(n->plan, n->weights, n->arena, NULL, &n->session));
done:
    return st;
}

static void close_network(network *n)
{
    lt_depth_session_destroy(&n->session);
    lt_arena_destroy(&n->arena);
    lt_depth_plan_destroy(&n->plan);
    lt_weights_close(&n->weights);
    lt_device_close(&n->device);
}

/* White noise of variance 1, drawn as [T,3,H,W] and fed channels last. */
static void window(network *n, const golden *g)
{
    const int64_t pixels = (int64_t)g->width * g->height, all = pixels * 3 * g->frames, column[] = { all, 1 };
    const int batch = lt_depth_plan_batch(n->plan);
    int32_t slot[LT_DEPTH_WINDOW];
    int position[LT_DEPTH_WINDOW];
    float *x = malloc((size_t)all * sizeof *x);
    assert_non_null(x);
    assert_ok(lt_weights_read(n->weights, "input", 2, column, x));
    for (int i = 0; i < g->frames; i++) slot[i] = position[i] = i;
    for (int t = 0; t < g->frames; t += batch) {
        const int some = g->frames - t < batch ? g->frames - t : batch;
        for (int k = 0; k < some; k++) {
            float *to = lt_depth_input(n->session, k);
            for (int64_t c = 0; c < 3; c++)
                for (int64_t i = 0; i < pixels; i++) to[i * 3 + c] = x[((t + k) * 3 + c) * pixels + i];
        }
        assert_ok(lt_depth_encode(n->session, some, slot + t, NULL));
    }
    free(x);
    assert_ok(lt_depth_window(n->session, slot, position, g->frames, &n->maps, NULL));
}

static void against_official(const golden *g, lt_dtype precision, double *worst, double *mean)
{
    const int64_t dim[] = { g->frames, g->height, g->width };
    const size_t n_values = (size_t)g->frames * (size_t)g->width * (size_t)g->height;
    float *want = malloc(n_values * sizeof *want);
    double most = 0, value = 0, sum = 0, of = 0;
    network n;
    assert_non_null(want);
    assert_ok(lt_arrays_read(g->file, "depth", 3, dim, want));
    assert_ok(open_network(&n, g, precision, 0, 0, 0, false));
    window(&n, g);
    for (size_t i = 0; i < n_values; i++) {
        const double e = fabs((double)n.maps[i] - (double)want[i]), v = fabs((double)want[i]);
        most = fmax(most, e);
        value = fmax(value, v);
        sum += e;
        of += v;
    }
    *worst = most / value;
    *mean = sum / of;
    print_message("%s %dx%d, %d frames, %s: largest error %.2e of the largest value, mean %.3f %%\n", g->model, g->width, g->height, g->frames,
                  lt_dtype_name(precision), *worst, 100 * *mean);
    close_network(&n);
    free(want);
}

static void f32(void **state)
{
    double worst, mean;
    (void)state;
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
        against_official(&goldens[i], LT_F32, &worst, &mean);
        assert_true(worst <= 1e-4);
    }
}

/* Bounds: what PyTorch's autocast has on the window of 32 frames. */
static void halves(void **state)
{
    double worst, mean;
    (void)state;
    against_official(&goldens[1], LT_F16, &worst, &mean);
    assert_true(mean <= 0.0023);
    against_official(&goldens[1], LT_BF16, &worst, &mean);
    assert_true(mean <= 0.0177);
}

static void cuts_change_no_bit(void **state)
{
    static const int cuts[][4] = { { 1, 0, 0, 0 }, { 2, 3, 9, 0 }, { 8, 7, 30, 0 }, { 32, 1, 0, 0 }, { 4, 0, 0, 1 }, { 2, 7, 9, 1 } };
    const golden *g = &goldens[1];
    const size_t n_bytes = (size_t)g->frames * (size_t)g->width * (size_t)g->height * sizeof(float);
    float *first = malloc(n_bytes);
    (void)state;
    assert_non_null(first);
    for (int precision = 0; precision < 3; precision++)
        for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
            network n;
            assert_ok(open_network(&n, g, precision == 0 ? LT_F32 : precision == 1 ? LT_F16 : LT_BF16, cuts[i][0], cuts[i][1], cuts[i][2], cuts[i][3] != 0));
            window(&n, g);
            if (i == 0) memcpy(first, n.maps, n_bytes);
            else assert_memory_equal(first, n.maps, n_bytes);
            close_network(&n);
        }
    free(first);
}

/* Ours to the byte; and the driver's figure for the process within the bound. */
static void memory(void **state)
{
    const golden *g = &goldens[3];
    lt_device_memory m;
    network n;
    (void)state;
    assert_ok(open_network(&n, g, LT_F16, 0, 0, 0, false));
    window(&n, g);
    assert_true(lt_depth_plan_bytes(n.plan) - lt_arena_high_water(n.arena) < LT_ARENA_ALIGN);
    assert_ok(lt_device_memory_read(n.device, &m));
    const int64_t ours = (int64_t)lt_depth_plan_bytes(n.plan), theirs = lt_device_overhead(lt_device_get_facts(n.device));
    print_message("ours %lld bytes, theirs at most %lld, the driver counts %lld for this process\n", (long long)ours, (long long)theirs, (long long)m.process);
    if (m.process >= 0) assert_true(m.process <= ours + theirs);
    close_network(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f32), cmocka_unit_test(halves), cmocka_unit_test(cuts_change_no_bit), cmocka_unit_test(memory),
    };
    lt_gpu gpu;
    int n = 0;
    if (lt_gpu_list(&gpu, 1, &n) < 0 || n == 0) {
        print_message("no GPU: nothing is tested\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
