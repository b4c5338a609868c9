/* Times attention against oneDNN's f32 matmul (1536^3) in the same process, taken in turn since other work may share the cores.
 *
 *   OMP_NUM_THREADS=THREADS attention_bench [THREADS [RUNS]]
 *
 * Prints the least seconds, GFLOP/s (4 B H Tq Tk D) and share of the matmul's rate. */
#include "kernels/attention/attention.h"

#include <dnnl.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *numbers(size_t n)
{
    float *x = aligned_alloc(256, (n * sizeof *x + 255) / 256 * 256);
    if (!x) exit(69);
    uint32_t s = 1;
    for (size_t i = 0; i < n; i++) {
        s = s * 1664525u + 1013904223u;
        x[i] = (float)(s >> 8) * 0x1p-23f - 1.0f;
    }
    return x;
}

static double matmul_gflops(float *m, int n)
{
    const double start = now();
    dnnl_sgemm('N', 'N', n, n, n, 1, m, n, m + n * n, n, 0, m + 2 * n * n, n);
    return 2e-9 * pow(n, 3) / (now() - start);
}

typedef struct {
    const char      *text;
    const lt_kernel *kernel;
    int64_t          b, t, h, d;
    int              over_time;          /* [T,P,3,H,D]: B is P */
    lt_dtype         compute;
} problem;

static lt_tensor view(float *x, const problem *p, int which)
{
    const int64_t c = p->h * p->d, row = which < 3 ? 3 * c : c;
    lt_tensor v = lt_tensor_dense(x + (which < 3 ? which * c : 0), LT_F32, 4, (int64_t[]){ p->b, p->t, p->h, p->d });
    v.stride[0] = p->over_time ? row : p->t * row;
    v.stride[1] = p->over_time ? p->b * row : row;
    return v;
}

static lt_status bench(const problem *p, lt_pool *pool, int runs, float *square, int n)
{
    lt_status st = LT_OK;
    const size_t values = (size_t)(p->b * p->t * p->h * p->d);
    float *x = numbers(3 * values), *y = numbers(values);
    const lt_attention_attr attr = { .scale = 1 / sqrtf((float)p->d), .compute = p->compute };
    const lt_args a = { .attr = &attr, .in = { view(x, p, 0), view(x, p, 1), view(x, p, 2) }, .out = view(y, p, 3) };
    const lt_machine m = { .isa = lt_cpu_isa(), .n_threads = lt_pool_threads(pool) };
    const size_t bytes = p->kernel->workspace_bytes(&a, &m);
    const lt_launch l = { .pool = pool, .isa = m.isa, .workspace = aligned_alloc(256, (bytes + 255) / 256 * 256) };
    if (!l.workspace) LT_FAIL(LT_E_MEMORY, "no memory");
    double least = 1e30, matmul = 0;
    for (int i = 0; i < runs; i++) {
        const double rate = matmul_gflops(square, n), start = now();
        LT_TRY(p->kernel->launch(&l, &a));
        const double took = now() - start;
        least = took < least ? took : least;
        matmul = rate > matmul ? rate : matmul;
    }
    const double gflops = 4e-9 * (double)values * (double)p->t / least;
    printf("%-34s %8.2f ms %7.1f GFLOP/s, matmul %6.1f, share %3.0f %%, workspace %.2f MB\n", p->text, 1e3 * least, gflops, matmul,
           100 * gflops / matmul, 1e-6 * (double)bytes);
done:
    free(l.workspace);
    free(x);
    free(y);
    return st;
}

int main(int argc, char **argv)
{
    static const problem problems[] = {
        { "1370 tokens, 6 x 64", &lt_attention_blocked, 1, 1370, 6, 64, 0, LT_F32 },
        { "1370 tokens, 6 x 64, batch 4", &lt_attention_blocked, 4, 1370, 6, 64, 0, LT_F32 },
        { "2443 tokens, 16 x 64", &lt_attention_blocked, 1, 2443, 16, 64, 0, LT_F32 },
        { "1370 tokens, 6 x 64, bf16", &lt_attention_blocked, 1, 1370, 6, 64, 0, LT_BF16 },
        { "4096 tokens, 1 x 256", &lt_attention_blocked, 1, 4096, 1, 256, 0, LT_F32 },
        { "1369 pixels, 32 times, 8 x 24", &lt_attention_small, 1369, 32, 8, 24, 1, LT_F32 },
        { "1369 pixels, 32 times, 8 x 8", &lt_attention_small, 1369, 32, 8, 8, 1, LT_F32 },
        { "361 pixels, 32 times, 8 x 48", &lt_attention_small, 361, 32, 8, 48, 1, LT_F32 },
    };
    enum { N = 1536 };
    lt_status st = LT_OK;
    lt_pool *pool = NULL;
    float *square = numbers(3 * (size_t)N * N);
    const int threads = argc > 1 ? atoi(argv[1]) : lt_cpus_allowed(), runs = argc > 2 ? atoi(argv[2]) : 5;
    LT_TRY(lt_pool_create(threads, &pool));
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) LT_TRY(bench(&problems[i], pool, runs, square, N));
done:
    if (st < 0) fprintf(stderr, "%s\n", lt_error_last()->text);
    lt_pool_destroy(&pool);
    free(square);
    return lt_exit_code(st);
}
