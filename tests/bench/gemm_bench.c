/* Times the matrix operators against oneDNN's own f32 product of 4096^3, in one run.
 *
 *   gemm_bench [THREADS [RUNS]]
 *
 * Prints for each shape of the networks the GFLOP/s of the quickest of RUNS (default 10) calls and their share of the
 * library's. With one thread the processor time is taken, which other processes disturb little; with more, the clock. */
#include <longtake/arena.h>

#include "kernels/conv2d/conv2d.h"
#include "kernels/linear/linear.h"

#include <dlfcn.h>
#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct {
    int       n_threads, n_runs;
    clockid_t clock;
    lt_pool  *pool;
    double    library;                    /* GFLOP/s */
} bench;

static double now(const bench *b)
{
    struct timespec t;
    clock_gettime(b->clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* n bytes for an array, rounded up as aligned_alloc wants it; exits where there are none. */
static void *bytes(size_t n)
{
    void *p = aligned_alloc(LT_ARENA_ALIGN, (n + LT_ARENA_ALIGN) / LT_ARENA_ALIGN * LT_ARENA_ALIGN);
    if (p) return p;
    fprintf(stderr, "gemm_bench: no memory\n");
    exit(1);
}

static float *numbers(int64_t n)
{
    float *p = bytes((size_t)n * sizeof *p);
    uint32_t s = 1;
    for (int64_t i = 0; i < n; i++) {
        s = s * 1664525u + 1013904223u;
        p[i] = (float)(s >> 8) / 16777216.f - 0.5f;
    }
    return p;
}

/* The library's rate, each run a whole product. */
static double library_rate(const bench *b)
{
    enum { N = 4096 };
    float *x = numbers((int64_t)N * N), *y = numbers((int64_t)N * N), *z = numbers((int64_t)N * N);
    double least = 1e30;
    void (*set_threads)(int);
    *(void **)&set_threads = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    if (set_threads) set_threads(b->n_threads);
    for (int i = 0; i < 3; i++) {
        const double start = now(b);
        if (dnnl_sgemm('N', 'N', N, N, N, 1.f, x, N, y, N, 0.f, z, N) != dnnl_success) exit(1);
        const double took = now(b) - start;
        if (took < least) least = took;
    }
    free(x);
    free(y);
    free(z);
    return 2e-9 * N * N * N / least;
}

static lt_status timed(const bench *b, const lt_kernel *k, lt_args *a, const lt_weight_data *w, double flop, const char *name)
{
    lt_status st = LT_OK;
    const lt_machine m = lt_machine_here(lt_cpu_isa(), b->n_threads);
    void *packed = bytes(k->packed_bytes(a, &m)), *workspace = bytes(k->workspace_bytes(a, &m));
    const lt_launch l = { .pool = b->pool, .isa = m.isa, .workspace = workspace };
    double least = 1e30;
    k->pack(a, &m, w, packed);
    a->packed = packed;
    for (int i = 0; i < b->n_runs; i++) {
        const double start = now(b);
        LT_TRY(k->launch(&l, a));
        const double took = now(b) - start;
        if (took < least) least = took;
    }
    printf("%-34s %6.1f  %5.1f %%\n", name, 1e-9 * flop / least, 100e-9 * flop / least / b->library);
done:
    free(packed);
    free(workspace);
    return st;
}

static lt_status linear(const bench *b, int rows, int K, int N, lt_act act)
{
    lt_status st = LT_OK;
    static const char *const acts[] = { "", " relu", " gelu", " geglu" };
    const int sums = act == LT_ACT_GEGLU ? 2 * N : N;
    const lt_linear_attr t = { K, N, LT_F32, act, true, false };
    float *x = numbers((int64_t)rows * K), *y = numbers((int64_t)rows * N), *w = numbers((int64_t)sums * K), *bias = numbers(sums);
    lt_args a = {
        .attr = &t, .in[0] = lt_tensor_dense(x, LT_F32, 2, (int64_t[]){ rows, K }),
        .out = lt_tensor_dense(y, LT_F32, 2, (int64_t[]){ rows, N }),
    };
    const lt_weight_data weights[LT_MAX_WEIGHTS] = { { w, 2, { sums, K } }, { bias, 1, { sums } } };
    char name[64];
    snprintf(name, sizeof name, "linear %dx%d -> %d%s", rows, K, N, acts[act]);
    LT_TRY(timed(b, &lt_linear_own, &a, weights, 2.0 * rows * K * sums, name));
done:
    free(x);
    free(y);
    free(w);
    free(bias);
    return st;
}

static lt_status conv(const bench *b, int C, int F, int size, int kernel, int stride, int pad)
{
    lt_status st = LT_OK;
    const int out = (size + 2 * pad - kernel) / stride + 1;
    const lt_conv2d_attr t = { C, F, kernel, kernel, stride, 1, 1, pad, pad, pad, pad, LT_F32, LT_ACT_RELU, true };
    const int64_t n_w = (int64_t)F * C * kernel * kernel;
    float *x = numbers((int64_t)size * size * C), *y = numbers((int64_t)out * out * F), *w = numbers(n_w), *bias = numbers(F);
    lt_args a = {
        .attr = &t, .in[0] = lt_tensor_dense(x, LT_F32, 4, (int64_t[]){ 1, size, size, C }),
        .out = lt_tensor_dense(y, LT_F32, 4, (int64_t[]){ 1, out, out, F }),
    };
    const lt_weight_data weights[LT_MAX_WEIGHTS] = { { w, 4, { F, C, kernel, kernel } }, { bias, 1, { F } } };
    char name[64];
    snprintf(name, sizeof name, "conv %dx%d/%d %d -> %d at %dx%d", kernel, kernel, stride, C, F, size, size);
    LT_TRY(timed(b, &lt_conv2d_own, &a, weights, 2.0 * (double)n_w * out * out, name));
done:
    free(x);
    free(y);
    free(w);
    free(bias);
    return st;
}

int main(int argc, char **argv)
{
    lt_status st = LT_OK;
    bench b = { .n_threads = argc > 1 ? atoi(argv[1]) : 1, .n_runs = argc > 2 ? atoi(argv[2]) : 10 };
    b.clock = b.n_threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
    LT_TRY(lt_pool_create(b.n_threads, &b.pool));
    b.library = library_rate(&b);
    printf("%-34s %6.1f  GFLOP/s, %d thread(s)\n", "oneDNN 4096^3", b.library, b.n_threads);
    LT_TRY(linear(&b, 1370, 384, 1152, LT_ACT_NONE));
    LT_TRY(linear(&b, 1370, 384, 384, LT_ACT_NONE));
    LT_TRY(linear(&b, 1370, 384, 1536, LT_ACT_GELU));
    LT_TRY(linear(&b, 1370, 1536, 384, LT_ACT_NONE));
    LT_TRY(linear(&b, 43808, 384, 384, LT_ACT_NONE));
    LT_TRY(linear(&b, 43808, 384, 1536, LT_ACT_GEGLU));
    LT_TRY(conv(&b, 3, 384, 518, 14, 14, 0));
    LT_TRY(conv(&b, 384, 64, 37, 3, 1, 1));
    LT_TRY(conv(&b, 64, 64, 148, 3, 1, 1));
    LT_TRY(conv(&b, 64, 64, 296, 3, 1, 1));
    LT_TRY(conv(&b, 64, 64, 296, 1, 1, 0));
    LT_TRY(conv(&b, 32, 32, 518, 3, 1, 1));
done:
    if (st < 0) fprintf(stderr, "gemm_bench: %s\n", lt_error_last()->text);
    lt_pool_destroy(&b.pool);
    return st < 0;
}
