/* Times optical flow on raw frames and writes what it found, for flow_vs_opencv.py.
 *
 *   flow_bench FRAMES.rgb WIDTH HEIGHT best|fast THREADS RUNS OUT.f32 [cuda]
 *
 * FRAMES.rgb holds two or more RGB u8 frames; OUT.f32 gets flow there [H][W][2] of every pair in turn. Prints the least
 * seconds of a load and a one-way flow, those of a load and a whole pair, and the bytes of the arena. With cuda all runs on the first GPU. */
#include <longtake/flow.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of the quickest of `runs` loads of frame 1 and flows from slot 0. */
static lt_status timed(lt_flow_session *s, const uint8_t *frame, size_t stride, int both, int runs, double *least)
{
    lt_status st = LT_OK;
    *least = 1e30;
    for (int i = 0; i < runs; i++) {
        const double start = now();
        LT_TRY(lt_flow_load(s, 1, frame, stride));
        LT_TRY(both ? lt_flow_pair(s, 0, 1, NULL) : lt_flow_pair_forward(s, 0, 1, NULL));
        const double took = now() - start;
        if (took < *least) *least = took;
    }
done:
    return st;
}

static lt_status bench(FILE *in, const lt_flow_config *config, int threads, int runs, FILE *out)
{
    lt_status st = LT_OK;
    lt_flow_plan *plan = NULL;
    lt_device *device = NULL;
    lt_arena *arena = NULL;
    lt_pool *pool = NULL;
    lt_flow_session *s = NULL;
    const size_t stride = 3 * (size_t)config->width, n = stride * (size_t)config->height;
    uint8_t *frame = malloc(n);
    double one = 0, both = 0;
    if (!frame) LT_FAIL(LT_E_MEMORY, "no memory for a frame");
    LT_TRY(lt_flow_plan_create(config, &plan));
    LT_TRY(lt_device_open(config->backend, 0, &device));
    LT_TRY(lt_arena_create_on(device, lt_flow_plan_bytes(plan), &arena));
    LT_TRY(lt_pool_create(threads, &pool));
    LT_TRY(lt_flow_session_create(plan, arena, pool, lt_cpu_isa(), &s));
    for (int t = 0; fread(frame, 1, n, in) == n; t++) {
        LT_TRY(lt_flow_load(s, t & 1, frame, stride));
        if (t == 0) continue;
        if (t == 1) {
            LT_TRY(timed(s, frame, stride, 0, runs, &one));
            LT_TRY(timed(s, frame, stride, 1, runs, &both));
        }
        LT_TRY(lt_flow_pair_forward(s, (t + 1) & 1, t & 1, NULL));
        if (fwrite(lt_flow_forward(s), 8, n / 3, out) != n / 3) LT_FAIL(LT_E_STORE, "the flow could not be written");
    }
    printf("%.6f %.6f %zu\n", one, both, lt_flow_plan_bytes(plan));
done:
    lt_flow_session_destroy(&s);
    lt_pool_destroy(&pool);
    lt_arena_destroy(&arena);
    lt_device_close(&device);
    lt_flow_plan_destroy(&plan);
    free(frame);
    return st;
}

int main(int argc, char **argv)
{
    const int cuda = argc == 9 && !strcmp(argv[8], "cuda");
    if (argc != 8 && !cuda) {
        fprintf(stderr, "usage: flow_bench FRAMES.rgb WIDTH HEIGHT best|fast THREADS RUNS OUT.f32 [cuda]\n");
        return 64;
    }
    const lt_flow_config config = { atoi(argv[2]), atoi(argv[3]), strcmp(argv[4], "fast") ? LT_FLOW_BEST : LT_FLOW_FAST,
                                    cuda ? LT_BACKEND_CUDA : LT_BACKEND_CPU };
    FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[7], "wb");
    lt_status st = LT_E_ABSENT;
    if (in && out) st = bench(in, &config, atoi(argv[5]), atoi(argv[6]), out);
    else perror("flow_bench");
    if (st < 0 && st != LT_E_ABSENT) fprintf(stderr, "flow_bench: %s\n", lt_error_last()->text);
    if (in) fclose(in);
    if (out && fclose(out)) st = LT_E_STORE;
    return lt_exit_code(st);
}
