/* Optical flow on a GPU: the bits of the CPU. Says what a load and a pair take, and asserts nothing of it. */
#include "check.h"
#include "flow_film.h"

#include <longtake/clock.h>

#include <stdio.h>

static const struct { int w, h; const char *catches; } sizes[] = {
    {    1,    1, "nothing to find"                                  },
    {   64,   64, "one tile of the solver at each level"             },
    {   97,   61, "odd sizes; tiles with neighbours"                 },
    {  479,  271, "borders of blocks that lie within the image"      },
    { 1280,  720, "more blocks than the GPU runs at once"            },
};

/* The least seconds of some loads and pairs. */
static double seconds(engine *e, uint8_t *const frames[FRAMES], int width)
{
    double least = 1e30;
    for (int k = 0; k < 6; k++) {
        const double before = lt_seconds();
        assert_ok(lt_flow_load(e->flow, k & 1, frames[k % FRAMES], stride(width)));
        assert_ok(lt_flow_pair(e->flow, !(k & 1), k & 1, NULL));
        const double took = lt_seconds() - before;
        if (took < least) least = took;
    }
    return least;
}

static void the_bits_of_the_cpu(void **state)
{
    lt_pool *pool = NULL;
    (void)state;
    assert_ok(lt_pool_create(2, &pool));
    for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++)
        for (int preset = LT_FLOW_BEST; preset <= (int)LT_FLOW_FAST; preset++) {
            const int w = sizes[z].w, h = sizes[z].h;
            uint8_t *frames[FRAMES];
            result want[4], got[4];
            double cpu, gpu;
            engine e;
            if (start(&e, LT_BACKEND_CUDA, NULL, w, h, (lt_flow_preset)preset) < 0) {
                const bool none = !e.device;
                print_message("%s\n", lt_error_last()->text);
                stop(&e);
                lt_pool_destroy(&pool);
                if (!none) fail_msg("no session on this GPU");
                skip();
            }
            for (int t = 0; t < FRAMES; t++) frames[t] = frame(w, h, t);
            film(&e, frames, w, h, got);
            gpu = seconds(&e, frames, w);
            stop(&e);
            assert_ok(start(&e, LT_BACKEND_CPU, pool, w, h, (lt_flow_preset)preset));
            film(&e, frames, w, h, want);
            cpu = seconds(&e, frames, w);
            stop(&e);
            print_message("%d x %d, %s: a load and a pair take %.3f ms on the GPU, %.3f ms on two threads of the CPU (%s)\n", w, h,
                          preset == LT_FLOW_BEST ? "best" : "fast", 1e3 * gpu, 1e3 * cpu, sizes[z].catches);
            compare(want, got, (size_t)w * (size_t)h);
            for (int k = 0; k < 4; k++) {
                drop(&want[k]);
                drop(&got[k]);
            }
            for (int t = 0; t < FRAMES; t++) free(frames[t]);
        }
    lt_pool_destroy(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_bits_of_the_cpu) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
