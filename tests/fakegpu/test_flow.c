/* Sessions of optical flow on the fake GPU, where streams run late: the bits of the CPU, one allocation, and what is said when the device is gone. */
#include "check.h"
#include "cuda_fake.h"
#include "flow_film.h"

#include <stdatomic.h>
#include <stdio.h>

static const struct { int w, h; const char *seed, *catches; } sizes[] = {
    { 48, 32, "seed=1",     "one tile at each level"                              },
    { 97, 61, "seed=2",     "odd sizes; tiles with neighbours"                    },
    {  9, 70, "seed=3",     "no level but the first; two tiles down"              },
    {  1,  1, "seed=4",     "nothing to find"                                     },
    { 97, 61, "eager",      "work that is done when it is put on a stream"        },
    { 70, 66, "seed=77",    "another order"                                       },
};

static void the_bits_of_the_cpu(void **state)
{
    (void)state;
    for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++)
        for (int preset = LT_FLOW_BEST; preset <= (int)LT_FLOW_FAST; preset++) {
            const int w = sizes[z].w, h = sizes[z].h;
            uint8_t *frames[FRAMES];
            result want[4], got[4];
            lt_fake_counters before, after;
            engine e;
            for (int t = 0; t < FRAMES; t++) frames[t] = frame(w, h, t);
            assert_ok(start(&e, LT_BACKEND_CPU, NULL, w, h, (lt_flow_preset)preset));
            film(&e, frames, w, h, want);
            stop(&e);
            lt_fake_restart(sizes[z].seed);
            assert_ok(start(&e, LT_BACKEND_CUDA, NULL, w, h, (lt_flow_preset)preset));
            lt_fake_count(&before);
            assert_int_equal(before.mallocs, 1);
            assert_int_equal(before.bytes, lt_flow_plan_bytes(e.plan));
            assert_int_equal(before.pinned_bytes, lt_flow_plan_pinned_bytes(e.plan));
            film(&e, frames, w, h, got);
            lt_fake_count(&after);
            assert_true(after.mallocs == before.mallocs && after.pinned_mallocs == before.pinned_mallocs && after.captures == before.captures);
            assert_true(after.stream_waits == before.stream_waits && after.device_waits == before.device_waits);
            assert_true(after.streams == before.streams && after.events == before.events && after.graphs == before.graphs);
            stop(&e);
            lt_fake_count(&after);
            assert_true(after.bytes == 0 && after.pinned_bytes == 0 && after.streams == 0 && after.events == 0 && after.graphs == 0);
            assert_int_equal(lt_fake_reports(), 0);
            compare(want, got, (size_t)w * (size_t)h);
            for (int k = 0; k < 4; k++) {
                drop(&want[k]);
                drop(&got[k]);
            }
            for (int t = 0; t < FRAMES; t++) free(frames[t]);
        }
}

/* Left early, the next pair is whole. */
static void stopped(void **state)
{
    enum { W = 48, H = 32 };
    uint8_t *a = frame(W, H, 0), *b = frame(W, H, 1);
    atomic_int flag = 1;
    engine cpu, gpu;
    (void)state;
    lt_fake_restart("seed=5");
    assert_ok(start(&cpu, LT_BACKEND_CPU, NULL, W, H, LT_FLOW_FAST));
    assert_ok(start(&gpu, LT_BACKEND_CUDA, NULL, W, H, LT_FLOW_FAST));
    engine *const both[] = { &cpu, &gpu };
    for (int k = 0; k < 2; k++) {
        assert_ok(lt_flow_load(both[k]->flow, 0, a, stride(W)));
        assert_ok(lt_flow_load(both[k]->flow, 1, b, stride(W)));
        assert_int_equal(lt_flow_pair(both[k]->flow, 0, 1, &flag), LT_E_STOPPED);
    }
    for (int k = 0; k < 2; k++) {
        assert_ok(lt_flow_load(both[k]->flow, 0, b, stride(W)));
        assert_ok(lt_flow_pair(both[k]->flow, 0, 1, NULL));
        assert_ok(lt_flow_load(both[k]->flow, 0, a, stride(W)));
        flag = 0;
        assert_ok(lt_flow_pair(both[k]->flow, 1, 0, &flag));
    }
    assert_memory_equal(lt_flow_forward(cpu.flow), lt_flow_forward(gpu.flow), 8 * W * H);
    assert_memory_equal(lt_flow_backward(cpu.flow), lt_flow_backward(gpu.flow), 8 * W * H);
    stop(&cpu);
    stop(&gpu);
    free(a);
    free(b);
}

/* Kernels of one session and pair at this size, so that each part of them can fail. */
static uint64_t kernels(uint8_t *a, uint8_t *b, int w, int h, uint64_t *first)
{
    lt_fake_counters made, after;
    engine e;
    lt_fake_restart("seed=6");
    assert_ok(start(&e, LT_BACKEND_CUDA, NULL, w, h, LT_FLOW_FAST));
    lt_fake_count(&made);
    assert_ok(lt_flow_load(e.flow, 0, a, stride(w)));
    assert_ok(lt_flow_load(e.flow, 1, b, stride(w)));
    assert_ok(lt_flow_pair(e.flow, 0, 1, NULL));
    lt_fake_count(&after);
    stop(&e);
    *first = made.ran;
    return after.ran;
}

/* The device is lost while the n-th kernel runs: a status, in words, wherever it shows, and the end of all calls without a hang. */
static void lost(void **state)
{
    enum { W = 24, H = 20 };
    uint8_t *a = frame(W, H, 0), *b = frame(W, H, 1);
    uint64_t first = 0;
    int failed = 0;
    (void)state;
    const uint64_t all = kernels(a, b, W, H, &first);
    assert_true(all > first && first > 0);
    for (uint64_t n = 1; n < all; n += 11) {
        char text[64];
        engine e;
        lt_status st = LT_OK;
        snprintf(text, sizeof text, "seed=7,sticky=%d", (int)n);
        lt_fake_restart(text);
        st = start(&e, LT_BACKEND_CUDA, NULL, W, H, LT_FLOW_FAST);
        if (st >= 0) st = lt_flow_load(e.flow, 0, a, stride(W));
        if (st >= 0) st = lt_flow_load(e.flow, 1, b, stride(W));
        if (st >= 0) st = lt_flow_pair(e.flow, 0, 1, NULL);
        if (st >= 0) break;          /* fewer kernels than operations: the rest cannot fail */
        assert_int_equal(st, LT_E_DEVICE);
        assert_true(strlen(lt_error_last()->text) > 20);
        failed++;
        stop(&e);
        lt_error_clear();
        lt_fake_forget();
    }
    assert_true(failed > 6);
    lt_fake_restart("");
    free(a);
    free(b);
}

/* Every call that may fail does so once, and the device lives on: a status, and nothing is left behind. */
static void failing_calls(void **state)
{
    static const char *const calls[] = { "cudaStreamCreateWithFlags", "cudaEventCreateWithFlags", "cudaMallocHost", "cudaStreamBeginCapture",
                                         "cudaGraphInstantiate", "cudaGraphLaunch", "cudaMemcpyAsync", "cudaMemsetAsync", "cudaEventRecord",
                                         "cudaStreamWaitEvent", "launch" };
    enum { W = 12, H = 10 };
    uint8_t *a = frame(W, H, 0), *b = frame(W, H, 1);
    int failed = 0;
    (void)state;
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++)
        for (int n = 1; n <= 63; n += n + 1) {
            char text[96];
            lt_fake_counters left;
            engine e;
            lt_status st = LT_OK;
            snprintf(text, sizeof text, "fail=%s:%d:cudaErrorInvalidValue", calls[c], n);
            lt_fake_restart(text);
            st = start(&e, LT_BACKEND_CUDA, NULL, W, H, LT_FLOW_FAST);
            if (st >= 0) st = lt_flow_load(e.flow, 0, a, stride(W));
            if (st >= 0) st = lt_flow_load(e.flow, 1, b, stride(W));
            if (st >= 0) st = lt_flow_pair(e.flow, 0, 1, NULL);
            if (st < 0) failed++;
            stop(&e);
            lt_fake_count(&left);
            assert_true(left.bytes == 0 && left.pinned_bytes == 0 && left.streams == 0 && left.events == 0 && left.graphs == 0);
            lt_error_clear();
        }
    assert_true(failed > 20);
    lt_fake_restart("");
    free(a);
    free(b);
}

static void plan_and_arena_agree(void **state)
{
    engine e;
    lt_flow_plan *plan = NULL;
    lt_flow_session *session = NULL;
    const lt_flow_config config = { 48, 32, LT_FLOW_FAST, LT_BACKEND_CPU };
    (void)state;
    lt_fake_restart("");
    assert_ok(start(&e, LT_BACKEND_CUDA, NULL, 48, 32, LT_FLOW_FAST));
    assert_ok(lt_flow_plan_create(&config, &plan));
    assert_int_equal(lt_flow_plan_pinned_bytes(plan), 0);
    assert_true(lt_flow_plan_bytes(plan) <= lt_flow_plan_bytes(e.plan));
    assert_int_equal(lt_flow_session_create(plan, e.arena, NULL, LT_ISA_BASE, &session), LT_E_INTERNAL);
    assert_null(session);
    lt_flow_plan_destroy(&plan);
    stop(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bits_of_the_cpu), cmocka_unit_test(stopped),       cmocka_unit_test(lost),
        cmocka_unit_test(failing_calls),       cmocka_unit_test(plan_and_arena_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
