/* The CUDA kernels of attention under the shim, in the CPU's tables and in those of f16 and of the tensor cores. */
#include "check.h"
#include "cuda/orders.h"
#include "cuda_shim_control.h"
#include "kernels/attention_rows.h"

#include <stdlib.h>

ORDERS(attention)
ORDERS(attention_mma)
ORDERS(attention_time)

/* The rig's machine has no GPU: these ask which one it is. */
static lt_machine with_gpu(const lt_machine *m)
{
    lt_machine gpu = *m;
    gpu.backend = LT_BACKEND_CUDA;
    gpu.sm = 90;
    return gpu;
}

static const char *refuse_mma(const lt_args *a, const lt_machine *m)
{
    const lt_machine gpu = with_gpu(m);
    return orders_refuse(&lt_attention_mma_cuda, a, &gpu);
}

static const char *refuse_time(const lt_args *a, const lt_machine *m)
{
    const lt_machine gpu = with_gpu(m);
    return orders_refuse(&lt_attention_time_cuda, a, &gpu);
}

static const row any_f16[] = {
    { "computed in f16", 2, 20, 300, 1, 64, 64, QKV, 0, 0, LT_F16, LT_F32, LT_F32, 0 },
    { "f16 in memory too, odd D", 2, 20, 300, 2, 37, 37, QKV, 0, 0, LT_F16, LT_F16, LT_F16, 0 },
    { "f16 in, f32 sums and out", 1, 40, 90, 2, 64, 64, QKV, 0, 0, LT_F32, LT_F16, LT_F32, 0 },
    { "a window, f16", 5, 31, 30, 4, 21, 21, PIXELS, 0, 0, LT_F16, LT_F16, LT_F16, 0 },
};

/* The type of the computation is that of q, k and v: tensor cores. */
static const row half[] = {
    { "one key: its weight is 1", 2, 3, 1, 2, 64, 64, QKV, 0, 0, LT_F16, LT_F16, LT_F16, 0 },
    { "two of each", 1, 2, 2, 1, 64, 64, QKV, 0, 0, LT_BF16, LT_BF16, LT_F32, 0 },
    { "one query", 3, 1, 70, 2, 64, 64, DENSE, 0, 0, LT_F16, LT_F16, LT_F32, 0 },
    { "primes: nothing is a multiple of anything", 2, 37, 101, 3, 64, 64, QKV, 0, 0, LT_F16, LT_F16, LT_F32, 0 },
    { "a block of queries and one more, blocks of keys and one more", 1, 129, 193, 1, 64, 64, QKV, 0, 0, LT_F16, LT_F16, LT_F16, 0 },
    { "blocks that just fit", 1, 128, 128, 1, 64, 64, QKV, 0, 0, LT_BF16, LT_BF16, LT_BF16, 0 },
    { "the encoder's tokens, heads", 1, 5, 1370, 2, 64, 64, QKV, 0, 0, LT_F16, LT_F16, LT_F16, 0 },
    { "the encoder's tokens, bf16", 1, 5, 1370, 1, 64, 64, QKV, 0, 0, LT_BF16, LT_BF16, LT_F32, 0 },
    { "scores of +-200 overflow an exponential without maximum", 1, 25, 600, 1, 64, 64, QKV, 3, 1, LT_F16, LT_F16, LT_F32, 0 },
    { "D 8: half a depth", 2, 20, 70, 3, 8, 8, QKV, 0, 0, LT_F16, LT_F16, LT_F32, 0 },
    { "D 16", 2, 20, 70, 3, 16, 16, QKV, 0, 0, LT_BF16, LT_BF16, LT_F32, 0 },
    { "D 24: a depth and a half", 2, 33, 70, 3, 24, 24, QKV, 0, 0, LT_F16, LT_F16, LT_F32, 0 },
    { "D 40", 1, 33, 70, 2, 40, 40, QKV, 0, 0, LT_F16, LT_F16, LT_F32, 0 },
    { "D 56", 1, 13, 300, 2, 56, 56, QKV, 0, 0, LT_BF16, LT_BF16, LT_F32, 0 },
    { "D 72: one tile of queries a warp", 1, 70, 100, 2, 72, 72, QKV, 0, 0, LT_F16, LT_F16, LT_F32, 0 },
    { "D 96", 1, 13, 100, 2, 96, 96, QKV, 0, 0, LT_F16, LT_F16, LT_F16, 0 },
    { "D 104", 1, 13, 70, 2, 104, 104, QKV, 0, 0, LT_F16, LT_F16, LT_F32, 0 },
    { "D 128", 1, 65, 97, 2, 128, 128, QKV, 0, 0, LT_BF16, LT_BF16, LT_F32, 0 },
    { "batch and tokens exchanged", 3, 65, 65, 2, 24, 24, PIXELS, 0, 0, LT_F16, LT_F16, LT_F16, 0 },
    { "heads apart", 2, 13, 70, 3, 24, 24, HEADS, 0, 0, LT_F16, LT_F16, LT_F32, 0 },
    { "fewer keys than Tk", 2, 11, 300, 2, 64, 64, QKV, 0, 0, LT_F16, LT_F16, LT_F32, 77 },
    { "a block of keys fewer, to the key", 2, 7, 400, 2, 64, 64, QKV, 0, 0, LT_BF16, LT_BF16, LT_F32, 256 },
};

static const row f32_few[] = {
    { "one key: its weight is 1", 5, 1, 1, 2, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "two times", 5, 2, 2, 3, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "one query of many keys", 5, 1, 32, 8, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "a window, D 8", 10, 32, 32, 8, 8, 8, PIXELS, 0, 0, LT_F32, LT_F32, LT_F16, 0 },
    { "a window, D 32: one chunk", 4, 32, 32, 8, 32, 32, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "a window, D 36: a chunk and a quad", 4, 32, 32, 3, 36, 36, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "a window, D 96", 3, 32, 32, 4, 96, 96, PIXELS, 0, 0, LT_F32, LT_F32, LT_BF16, 0 },
    { "Dv larger than D", 3, 31, 32, 2, 4, 68, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "heads apart", 3, 13, 29, 3, 24, 24, HEADS, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "primes", 3, 13, 29, 5, 20, 12, DENSE, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
    { "scores of +-200 overflow an exponential without maximum", 5, 32, 32, 4, 24, 24, PIXELS, 4, 1, LT_F32, LT_F32, LT_F32, 0 },
    { "fewer keys than Tk", 5, 32, 32, 4, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 7 },
};

static const row half_few[] = {
    { "one key: its weight is 1", 5, 1, 1, 2, 24, 24, PIXELS, 0, 0, LT_F16, LT_F16, LT_F32, 0 },
    { "two times", 5, 2, 2, 3, 24, 24, PIXELS, 0, 0, LT_BF16, LT_BF16, LT_F32, 0 },
    { "one query of many keys", 5, 1, 32, 8, 24, 24, PIXELS, 0, 0, LT_F16, LT_F16, LT_F32, 0 },
    { "a tile of queries and one more", 3, 17, 9, 2, 16, 16, PIXELS, 0, 0, LT_F16, LT_F16, LT_F32, 0 },
    { "a window, D 8", 9, 32, 32, 8, 8, 8, PIXELS, 0, 0, LT_F16, LT_F16, LT_F16, 0 },
    { "a window, D 24", 5, 32, 32, 8, 24, 24, PIXELS, 0, 0, LT_F16, LT_F16, LT_F16, 0 },
    { "a window, D 32, bf16", 4, 32, 32, 8, 32, 32, PIXELS, 0, 0, LT_BF16, LT_BF16, LT_BF16, 0 },
    { "a window, D 48", 4, 32, 32, 8, 48, 48, PIXELS, 0, 0, LT_F16, LT_F16, LT_F32, 0 },
    { "a window, D 64", 3, 32, 32, 4, 64, 64, PIXELS, 0, 0, LT_BF16, LT_BF16, LT_F32, 0 },
    { "a window, D 96", 3, 32, 32, 4, 96, 96, PIXELS, 0, 0, LT_F16, LT_F16, LT_F32, 0 },
    { "a window, D 128", 3, 32, 32, 3, 128, 128, PIXELS, 0, 0, LT_F16, LT_F16, LT_F32, 0 },
    { "heads apart", 3, 13, 29, 3, 24, 24, HEADS, 0, 0, LT_F16, LT_F16, LT_F32, 0 },
    { "scores of +-200 overflow an exponential without maximum", 5, 32, 32, 4, 24, 24, PIXELS, 4, 1, LT_F16, LT_F16, LT_F32, 0 },
    { "fewer keys than Tk", 5, 32, 32, 4, 24, 24, PIXELS, 0, 0, LT_F16, LT_F16, LT_F32, 7 },
};


/* ---- tables ---- */

static void table(const row *rows, size_t n, const lt_kernel *candidate)
{
    int failed = 0;
    for (size_t i = 0; i < n; i++) {
        lt_attention_attr attr;
        int32_t n_keys;
        const rig_case c = case_of(&rows[i], candidate, &attr, &n_keys);
        failed += !rig_check(&c);
    }
    assert_int_equal(failed, 0);
}

static void any_length_is_right(void **state)
{
    (void)state;
    table(any_length, sizeof any_length / sizeof *any_length, &shimmed_attention);
    table(any_f16, sizeof any_f16 / sizeof *any_f16, &shimmed_attention);
}

static void windows_are_right(void **state)
{
    (void)state;
    table(few, sizeof few / sizeof *few, &shimmed_attention);
}

static void matrices_are_right(void **state)
{
    (void)state;
    table(half, sizeof half / sizeof *half, &shimmed_attention_mma);
}

static void times_are_right(void **state)
{
    (void)state;
    table(half_few, sizeof half_few / sizeof *half_few, &shimmed_attention_time);
    table(f32_few, sizeof f32_few / sizeof *f32_few, &shimmed_attention_time);
}

static void batch_does_not_matter(void **state)
{
    static const struct { row r; const lt_kernel *k; } rows[] = {
        { { "pixels", 32, 5, 35, 1, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_BF16, 0 }, &shimmed_attention },
        { { "pixels, matrices", 32, 5, 70, 1, 8, 8, PIXELS, 0, 0, LT_F16, LT_F16, LT_F16, 0 }, &shimmed_attention_mma },
        { { "pixels over time", 32, 5, 32, 1, 24, 24, PIXELS, 0, 0, LT_BF16, LT_BF16, LT_F32, 0 }, &shimmed_attention_time },
        { { "pixels over time, f32", 32, 5, 32, 1, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 }, &shimmed_attention_time },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        lt_attention_attr attr;
        int32_t n_keys;
        const rig_case c = case_of(&rows[i].r, rows[i].k, &attr, &n_keys);
        assert_true(rig_independent(&c));
    }
}

/* ---- values of our own choice ---- */

/* One batch entry, [T,H,D] dense, outputs f32. */
typedef struct {
    lt_dtype type;
    int64_t  tq, tk, h, d;
    char    *q, *k, *v;
    float   *y;
} data;

static void put(const data *x, char *to, int64_t i, double value)
{
    if (x->type == LT_F32) ((float *)(void *)to)[i] = (float)value;
    else ((uint16_t *)(void *)to)[i] = x->type == LT_BF16 ? lt_bf16_from_float((float)value) : lt_half_from_float((float)value);
}

static void *room(int64_t n)
{
    void *p = aligned_alloc(64, (size_t)(n * 4 + 63) / 64 * 64);
    assert_non_null(p);
    return p;
}

/* Scattered over -1 .. 1 by the golden section: no two alike. */
static double scattered(int64_t i)
{
    const double x = 0.6180339887498949 * (double)(i + 1);
    return 2 * (x - floor(x)) - 1;
}

static data data_make(lt_dtype type, int64_t tq, int64_t tk, int64_t h, int64_t d)
{
    data x = { type, tq, tk, h, d, room(tq * h * d), room(tk * h * d), room(tk * h * d), room(tq * h * d) };
    for (int64_t i = 0; i < tq * h * d; i++) put(&x, x.q, i, scattered(i));
    for (int64_t i = 0; i < tk * h * d; i++) put(&x, x.k, i, scattered(3 * i + 1));
    for (int64_t i = 0; i < tk * h * d; i++) put(&x, x.v, i, scattered(7 * i + 2));
    return x;
}

static void data_free(data *x)
{
    free(x->q);
    free(x->k);
    free(x->v);
    free(x->y);
}

/* Queries from q0 on and heads from h0 on, so many of them, with a scale of 1; results where those of the whole would lie. */
static void run_part(const lt_kernel *kernel, const data *x, int64_t q0, int64_t tq, int64_t h0, int64_t h, const int32_t *n_keys)
{
    const lt_attention_attr attr = { .scale = 1, .compute = x->type, .n_keys = n_keys };
    const int64_t queries[] = { 1, x->tq, x->h, x->d }, keys[] = { 1, x->tk, x->h, x->d }, at = (q0 * x->h + h0) * x->d;
    const int64_t bytes = (int64_t)lt_dtype_bytes(x->type);
    lt_args a = { .attr = &attr,
                  .in = { lt_tensor_dense(x->q + at * bytes, x->type, 4, queries), lt_tensor_dense(x->k + h0 * x->d * bytes, x->type, 4, keys),
                          lt_tensor_dense(x->v + h0 * x->d * bytes, x->type, 4, keys) },
                  .out = lt_tensor_dense(x->y + at, LT_F32, 4, queries) };
    a.in[LT_ATTENTION_Q].dim[1] = a.out.dim[1] = tq;
    a.out.dim[2] = h;
    for (int i = 0; i < 3; i++) a.in[i].dim[2] = h;
    double workspace[2048];
    const lt_machine rigs = { .n_threads = 1 }, gpu = with_gpu(&rigs);
    const lt_launch l = { .workspace = workspace };
    if (kernel->workspace_bytes) assert_true(kernel->workspace_bytes(&a, &gpu) <= sizeof workspace);
    else assert_null(kernel->refuse(&a, &gpu));
    assert_ok(kernel->launch(&l, &a));
    assert_int_equal(lt_shim_reports(), 0);
}

static void run(const lt_kernel *kernel, const data *x, const int32_t *n_keys)
{
    for (int64_t i = 0; i < x->tq * x->h * x->d; i++) x->y[i] = NAN;
    run_part(kernel, x, 0, x->tq, 0, x->h, n_keys);
}

static const struct { const lt_kernel *k; lt_dtype type; int64_t tq, tk; } all[] = {
    { &lt_attention_mma_cuda, LT_F16, 150, 200 }, { &lt_attention_mma_cuda, LT_BF16, 40, 130 }, { &lt_attention_time_cuda, LT_F16, 32, 32 },
    { &lt_attention_time_cuda, LT_BF16, 21, 30 }, { &lt_attention_time_cuda, LT_F32, 32, 32 },  { &lt_attention_cuda, LT_F16, 40, 70 },
};
enum { ALL = sizeof all / sizeof *all };

/* A row's bits are the same whatever other queries and heads there are. */
static void other_queries_and_heads_do_not_matter(void **state)
{
    (void)state;
    for (int i = 0; i < ALL; i++) {
        data x = data_make(all[i].type, all[i].tq, all[i].tk, 3, 24);
        const int64_t n = x.tq * x.h * x.d, cut = x.tq / 3;
        float *whole = room(n);
        run(all[i].k, &x, NULL);
        memcpy(whole, x.y, (size_t)n * sizeof *whole);
        for (int64_t k = 0; k < n; k++) x.y[k] = NAN;
        run_part(all[i].k, &x, 0, cut, 0, 3, NULL);
        run_part(all[i].k, &x, cut, x.tq - cut, 0, 1, NULL);
        run_part(all[i].k, &x, cut, x.tq - cut, 1, 2, NULL);
        assert_memory_equal(whole, x.y, (size_t)n * sizeof *whole);
        free(whole);
        data_free(&x);
    }
}

/* n_keys is read at launch, gives the bits of so many keys (none: NaN), and what lies beyond is not looked at. */
static void keys_that_take_no_part(void **state)
{
    static const int32_t counts[] = { 0, 1, 8, 31, 64, 65, 999 };
    (void)state;
    for (int i = 0; i < ALL; i++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            data x = data_make(all[i].type, 18, all[i].tk, 2, 16);
            const int64_t n = x.tq * x.h * x.d, tk = x.tk, used = counts[c] < tk ? counts[c] : tk;
            float *want = room(n);
            for (int64_t k = 0; k < n; k++) want[k] = NAN;
            if (used > 0) {
                x.tk = used;
                run(all[i].k, &x, NULL);
                memcpy(want, x.y, (size_t)n * sizeof *want);
                x.tk = tk;
            }
            for (int64_t k = used * x.h * x.d; k < tk * x.h * x.d; k++) {
                put(&x, x.k, k, NAN);
                put(&x, x.v, k, NAN);
            }
            run(all[i].k, &x, &counts[c]);
            for (int64_t k = 0; k < n; k++) assert_true(isnan(want[k]) ? isnan(x.y[k]) : memcmp(&want[k], &x.y[k], sizeof *want) == 0);
            assert_int_equal(isnan(x.y[0]) != 0, used == 0);
            free(want);
            data_free(&x);
        }
}

/* Scores that a first block does not foresee: the later sums must be corrected by the right power, the earlier ones may vanish. */
static void maxima_that_move(void **state)
{
    enum { TK = 300, D = 16 };
    static const struct { const char *what; double first, step, at, peak; } rows[] = {
        { "each block's largest score is above the last one's", -40, 0.25, -1, 0 },
        { "each block's largest score is below the last one's", 40, -0.25, -1, 0 },
        { "rising so far that earlier blocks vanish", -400, 2, -1, 0 },
        { "one key of the first block dominates", 0, 0, 3, 90 },
        { "one key of the last, cut block dominates", 0, 0, 299, 90 },
        { "one key almost dominates: the others still count", 0, 0, 130, 5 },
        { "all scores far below zero", -300, 0.25, -1, 0 },
    };
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (int bf16 = 0; bf16 < 2; bf16++) {
            data x = data_make(bf16 ? LT_BF16 : LT_F16, 33, TK, 1, D);
            const int64_t n = x.tq * D;
            float *want = room(n);
            /* Element 0 of a query is 1, so element 0 of a key is added to its score. */
            for (int64_t i = 0; i < x.tq; i++) put(&x, x.q, i * D, 1);
            for (int64_t j = 0; j < TK; j++)
                put(&x, x.k, j * D, rows[r].first + rows[r].step * (double)j + (j == (int64_t)rows[r].at ? rows[r].peak : 0));
            run(&lt_attention_ref, &x, NULL);
            memcpy(want, x.y, (size_t)n * sizeof *want);
            run(&lt_attention_mma_cuda, &x, NULL);
            /* The contract's for |v| <= 1, and 2^-13 for f32 scores below 1024. */
            const double limit = 0x1p-13 + (bf16 ? 0x1p-8 : 0x1p-11 + TK * 0x1p-23);
            for (int64_t i = 0; i < n; i++)
                if (!(fabs((double)x.y[i] - (double)want[i]) <= limit))
                    fail_msg("%s: value %d is %.9g, should be %.9g", rows[r].what, (int)i, (double)x.y[i], (double)want[i]);
            free(want);
            data_free(&x);
        }
}

/* A NaN or an infinity in a query stays in its row; one in a key makes all rows NaN, one in a value its column. */
static void nan_is_not_lost(void **state)
{
    static const double odd[] = { NAN, INFINITY };
    (void)state;
    for (int i = 0; i < ALL; i++)
        for (int what = 0; what < 2; what++) {
            data x = data_make(all[i].type, 19, all[i].tk, 1, 24);
            put(&x, x.q, 4 * x.d + 5, odd[what]);
            run(all[i].k, &x, NULL);
            for (int64_t k = 0; k < x.tq * x.d; k++) assert_int_equal(isnan(x.y[k]) != 0, k / x.d == 4);
            put(&x, x.q, 4 * x.d + 5, 0.5);
            put(&x, x.v, (x.tk - 1) * x.d + 7, NAN);
            run(all[i].k, &x, NULL);
            for (int64_t k = 0; k < x.tq * x.d; k++) assert_int_equal(isnan(x.y[k]) != 0, k % x.d == 7);
            put(&x, x.k, (x.tk - 2) * x.d + 5, NAN);
            run(all[i].k, &x, NULL);
            for (int64_t k = 0; k < x.tq * x.d; k++) assert_true(isnan(x.y[k]));
            data_free(&x);
        }
}

/* Heads lie side by side: what pads a head of 24 values is not its neighbour's. */
static void neighbours_do_not_matter(void **state)
{
    (void)state;
    for (int i = 0; i < ALL; i++) {
        data x = data_make(all[i].type, 19, all[i].tk, 2, 24);
        for (int64_t k = 0; k < x.tq; k++) put(&x, x.q, (2 * k + 1) * x.d, NAN);
        for (int64_t k = 0; k < x.tk; k++) put(&x, x.k, (2 * k + 1) * x.d, NAN);
        for (int64_t k = 0; k < x.tk; k++) put(&x, x.v, (2 * k + 1) * x.d, NAN);
        run(all[i].k, &x, NULL);
        for (int64_t k = 0; k < x.tq * x.h * x.d; k++) assert_int_equal(isnan(x.y[k]) != 0, k / x.d % 2);
        data_free(&x);
    }
}

/* Strides promise 16 bytes and the data do not keep it: the portable kernel does the work. */
static void data_elsewhere_are_taken_too(void **state)
{
    static const struct { row r; const lt_kernel *k; } rows[] = {
        { { "data off by one value", 2, 20, 70, 2, 24, 24, QKV, 0, 0, LT_F16, LT_F16, LT_F16, 0 }, &shimmed_attention_mma },
        { { "data off by one value, over time", 5, 20, 30, 2, 24, 24, PIXELS, 0, 0, LT_BF16, LT_BF16, LT_F32, 0 }, &shimmed_attention_time },
        { { "data off by one value, over time, f32", 5, 20, 30, 2, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 }, &shimmed_attention_time },
    };
    (void)state;
    for (size_t i = 0; i < 3 * sizeof rows / sizeof *rows; i++) {
        lt_attention_attr attr;
        int32_t n_keys;
        rig_case c = case_of(&rows[i / 3].r, rows[i / 3].k, &attr, &n_keys);
        if (i % 3 < 2) c.in[i % 3].shift = 1;
        else c.out.shift = 1;
        assert_true(rig_check(&c));
    }
}

static void refusals(void **state)
{
    const lt_attention_attr attr = { .scale = 1, .compute = LT_F16 }, bf16 = { .scale = 1, .compute = LT_BF16 }, f32 = { .scale = 1, .compute = LT_F32 },
                            upside_down = { .scale = -1, .compute = LT_F16 };
    const lt_machine rigs = { .n_threads = 1 }, gpu = with_gpu(&rigs);
    lt_machine turing = gpu;
    const lt_tensor t = lt_tensor_dense(NULL, LT_F16, 4, (int64_t[]){ 2, 32, 2, 16 });
    const lt_tensor t33 = lt_tensor_dense(NULL, LT_F16, 4, (int64_t[]){ 2, 33, 2, 16 });
    const lt_tensor d12 = lt_tensor_dense(NULL, LT_F16, 4, (int64_t[]){ 2, 32, 2, 12 });
    const lt_tensor d136 = lt_tensor_dense(NULL, LT_F16, 4, (int64_t[]){ 2, 32, 2, 136 });
    const lt_args good = { .attr = &attr, .in = { t, t, t }, .out = t };
    const lt_kernel *kernels[] = { &lt_attention_mma_cuda, &lt_attention_time_cuda };
    (void)state;
    turing.sm = 75;
    for (int k = 0; k < 2; k++) {
        lt_args a = good;
        assert_null(kernels[k]->refuse(&a, &gpu));
        assert_null(kernels[k]->refuse(&a, &turing));
        assert_non_null(kernels[k]->refuse(&a, &rigs));
        a.in[0].dtype = a.in[1].dtype = a.in[2].dtype = LT_BF16;
        assert_non_null(kernels[k]->refuse(&a, &gpu));                    /* not the type of the computation */
        a.attr = &bf16;
        assert_null(kernels[k]->refuse(&a, &gpu));
        assert_non_null(kernels[k]->refuse(&a, &turing));
        a = good;
        a.attr = &upside_down;
        assert_non_null(kernels[k]->refuse(&a, &gpu));
        a = good;
        a.in[LT_ATTENTION_V].stride[1] += 4;
        assert_non_null(kernels[k]->refuse(&a, &gpu));
        assert_null(lt_attention_cuda.refuse(&a, &gpu));
        a = (lt_args){ .attr = &attr, .in = { d12, d12, d12 }, .out = d12 };
        assert_non_null(kernels[k]->refuse(&a, &gpu));
        a = (lt_args){ .attr = &attr, .in = { d136, d136, d136 }, .out = d136 };
        assert_non_null(kernels[k]->refuse(&a, &gpu));
        assert_null(lt_attention_cuda.refuse(&a, &gpu));
        a = (lt_args){ .attr = &attr, .in = { t, t33, t33 }, .out = t };
        assert_int_equal(kernels[k]->refuse(&a, &gpu) != NULL, k == 1);
        a = (lt_args){ .attr = &attr, .in = { t33, t, t }, .out = t33 };
        assert_int_equal(kernels[k]->refuse(&a, &gpu) != NULL, k == 1);
        a = good;
        a.attr = &f32;
        a.in[0].dtype = a.in[1].dtype = a.in[2].dtype = LT_F32;
        assert_int_equal(kernels[k]->refuse(&a, &rigs) != NULL, k == 0);
        a.in[0].stride[1] += 2;
        assert_non_null(kernels[k]->refuse(&a, &gpu));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals),
        cmocka_unit_test(nan_is_not_lost),
        cmocka_unit_test(neighbours_do_not_matter),
        cmocka_unit_test(keys_that_take_no_part),
        cmocka_unit_test(maxima_that_move),
        cmocka_unit_test(other_queries_and_heads_do_not_matter),
        cmocka_unit_test(times_are_right),
        cmocka_unit_test(matrices_are_right),
        cmocka_unit_test(data_elsewhere_are_taken_too),
        cmocka_unit_test(windows_are_right),
        cmocka_unit_test(any_length_is_right),
        cmocka_unit_test(batch_does_not_matter),
    };
    orders_of_attention();
    orders_of_attention_mma();
    orders_of_attention_time();
    shimmed_attention_mma.refuse = refuse_mma;
    shimmed_attention_time.refuse = refuse_time;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
