/* Attention: the candidates against the definition, and what its header promises. */
#include "check.h"
#include "kernels/attention_rows.h"

#include <longtake/arena.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void blocked_is_right(void **state)
{
    (void)state;
    table(any_length, sizeof any_length / sizeof *any_length, &lt_attention_blocked);
    table(few, sizeof few / sizeof *few, &lt_attention_blocked);
}

static void small_is_right(void **state)
{
    (void)state;
    table(few, sizeof few / sizeof *few, &lt_attention_small);
}

static void batch_and_threads_do_not_matter(void **state)
{
    static const row rows[] = {
        { "groups of pairs", 1, 100, 300, 2, 8, 8, QKV, 0, 0, LT_F32, LT_F32, LT_F32, 0 },
        { "groups of pairs, bf16", 1, 30, 150, 2, 24, 24, QKV, 0, 0, LT_BF16, LT_F32, LT_BF16, 0 },
    }, tiny = { "chunks of pixels", 1, 19, 19, 4, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_F32, 0 };
    lt_attention_attr attr;
    int32_t n_keys;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const rig_case c = case_of(&rows[i], &lt_attention_blocked, &attr, &n_keys);
        assert_true(rig_independent(&c));
    }
    row r = tiny;
    r.b = 32;                        /* before its strides are taken */
    const rig_case c = case_of(&r, &lt_attention_small, &attr, &n_keys);
    assert_true(rig_independent(&c));
}

/* ---- values of our own choice ---- */

typedef struct {
    int64_t tq, tk, d;
    float  *q, *k, *v, *y;
} data;

static float *floats(int64_t n)
{
    float *x = malloc((size_t)n * sizeof *x);
    assert_non_null(x);
    return x;
}

/* Scattered over -1 .. 1 by the golden section: no two alike. */
static float scattered(int64_t i)
{
    const double x = 0.6180339887498949 * (double)(i + 1);
    return (float)(2 * (x - floor(x)) - 1);
}

static data data_make(int64_t tq, int64_t tk, int64_t d)
{
    data x = { tq, tk, d, floats(tq * d), floats(tk * d), floats(tk * d), floats(tq * d) };
    for (int64_t i = 0; i < tq * d; i++) x.q[i] = scattered(i);
    for (int64_t i = 0; i < tk * d; i++) x.k[i] = scattered(3 * i + 1);
    for (int64_t i = 0; i < tk * d; i++) x.v[i] = scattered(7 * i + 2);
    for (int64_t i = 0; i < tq * d; i++) x.y[i] = NAN;
    return x;
}

static void data_free(data *x)
{
    free(x->q);
    free(x->k);
    free(x->v);
    free(x->y);
}

/* One head of one batch entry, scale 1, on the caller's thread. */
static lt_status run_on(const lt_kernel *kernel, lt_isa isa, const data *x, lt_dtype compute, const int32_t *n_keys, const atomic_int *stop)
{
    const lt_attention_attr attr = { .scale = 1, .compute = compute, .n_keys = n_keys };
    const int64_t queries[] = { 1, x->tq, 1, x->d }, keys[] = { 1, x->tk, 1, x->d };
    const lt_args a = { .attr = &attr,
                        .in = { lt_tensor_dense(x->q, LT_F32, 4, queries), lt_tensor_dense(x->k, LT_F32, 4, keys),
                                lt_tensor_dense(x->v, LT_F32, 4, keys) },
                        .out = lt_tensor_dense(x->y, LT_F32, 4, queries) };
    const lt_machine m = { .isa = isa, .n_threads = 1 };
    const size_t bytes = (kernel->workspace_bytes(&a, &m) + LT_ARENA_ALIGN - 1) / LT_ARENA_ALIGN * LT_ARENA_ALIGN;
    const lt_launch l = { .isa = isa, .workspace = aligned_alloc(LT_ARENA_ALIGN, bytes), .stop = stop };
    assert_non_null(l.workspace);
    memset(l.workspace, 0xff, bytes);
    const lt_status st = kernel->launch(&l, &a);
    free(l.workspace);
    return st;
}

static void run(const lt_kernel *kernel, lt_isa isa, const data *x, lt_dtype compute)
{
    assert_ok(run_on(kernel, isa, x, compute, NULL, NULL));
}

/* Every level against the definition; `limit` is absolute. */
static void agree(const char *what, data *x, double limit)
{
    const int64_t n = x->tq * x->d;
    float *want = floats(n);
    run(&lt_attention_ref, LT_ISA_BASE, x, LT_F32);
    memcpy(want, x->y, (size_t)n * sizeof *want);
    for (int isa = LT_ISA_BASE; isa <= (int)lt_cpu_isa(); isa++) {
        for (int64_t i = 0; i < n; i++) x->y[i] = NAN;
        run(&lt_attention_blocked, (lt_isa)isa, x, LT_F32);
        for (int64_t i = 0; i < n; i++)
            if (!(fabs((double)x->y[i] - (double)want[i]) <= limit))
                fail_msg("%s, %s: value %d is %.9g, should be %.9g", what, lt_isa_name((lt_isa)isa), (int)i, (double)x->y[i], (double)want[i]);
    }
    free(want);
}

/* Scores that a first block does not foresee: the later sums must be corrected by the right power, the earlier ones may vanish. */
static void maxima_that_move(void **state)
{
    enum { TK = 1100, D = 16 };
    static const struct { const char *what; double first, step, at, peak; } rows[] = {
        { "each block's largest score is above the last one's", -40, 0.08, -1, 0 },
        { "each block's largest score is below the last one's", 40, -0.08, -1, 0 },
        { "rising so far that earlier blocks vanish", -400, 1, -1, 0 },
        { "one key of the first block dominates", 0, 0, 3, 90 },
        { "one key of the last, cut block dominates", 0, 0, 1099, 90 },
        { "one key almost dominates: the others still count", 0, 0, 600, 8 },
        { "all scores far below zero", -300, 0.01, -1, 0 },
    };
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        data x = data_make(13, TK, D);
        /* Element 0 of a query is 1, so element 0 of a key is added to its score. */
        for (int64_t i = 0; i < x.tq; i++) x.q[i * D] = 1;
        for (int64_t j = 0; j < TK; j++)
            x.k[j * D] = (float)(rows[r].first + rows[r].step * (double)j + (j == (int64_t)rows[r].at ? rows[r].peak : 0));
        /* Scores below 1024, rounded a few times each: 4 * 2^-14 at most, a relative error of a weight; |v| <= 1. */
        agree(rows[r].what, &x, 4 * 0x1p-14);
        data_free(&x);
    }
}

/* Two keys, scores 0 and x, values 0 and 1: 1 / (1 + e^-x), so the error of the exponential is seen bare. In units of 2^-24: 2.3 of its
 * own, 1.25 |x| of x in units of log2 and of that factor, 1 of sum and quotient. */
static void the_exponential_is_close(void **state)
{
    enum { N = 4001 };
    (void)state;
    for (int isa = LT_ISA_BASE; isa <= (int)lt_cpu_isa(); isa++) {
        data x = data_make(N, 2, 1);
        for (int i = 0; i < N; i++) x.q[i] = -8 * (float)i / (N - 1);
        x.k[0] = x.v[0] = 0;
        x.k[1] = x.v[1] = 1;
        run(&lt_attention_blocked, (lt_isa)isa, &x, LT_F32);
        for (int i = 0; i < N; i++) {
            const double want = 1 / (1 + exp(-(double)x.q[i]));
            if (!(fabs((double)x.y[i] - want) <= 0x1p-24 * (3.3 + 1.25 * fabs((double)x.q[i])) * want))
                fail_msg("%s, x %g: %.9g, should be %.9g", lt_isa_name((lt_isa)isa), (double)x.q[i], (double)x.y[i], want);
        }
        data_free(&x);
    }
}

static void later_queries_do_not_matter(void **state)
{
    enum { TQ = 203, TK = 300, D = 24 };
    (void)state;
    for (int isa = LT_ISA_BASE; isa <= (int)lt_cpu_isa(); isa++) {
        data x = data_make(TQ, TK, D);
        float *whole = floats(TQ * D);
        run(&lt_attention_blocked, (lt_isa)isa, &x, LT_F32);
        memcpy(whole, x.y, TQ * D * sizeof *whole);
        for (int64_t from = 0, n = 1; from < TQ; from += n, n = n % 17 + 3) {
            if (n > TQ - from) n = TQ - from;
            data part = x;
            part.q += from * D;
            part.y += from * D;
            part.tq = n;
            run(&lt_attention_blocked, (lt_isa)isa, &part, LT_F32);
        }
        assert_memory_equal(whole, x.y, TQ * D * sizeof *whole);
        free(whole);
        data_free(&x);
    }
}

/* n_keys is read at launch, gives the bits of so many keys (none: NaN), and what lies beyond is not looked at. */
static void keys_that_take_no_part(void **state)
{
    enum { TQ = 9, TK = 700, D = 24 };
    static const int32_t counts[] = { 0, 1, 8, 31, 256, 257, 300, 700, 999 };
    const lt_kernel *kernels[] = { &lt_attention_ref, &lt_attention_blocked };
    (void)state;
    for (size_t k = 0; k < 2; k++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            data x = data_make(TQ, TK, D);
            const int64_t n = counts[c] < TK ? counts[c] : TK;
            float *want = floats(TQ * D);
            x.tk = n;
            run(kernels[k], lt_cpu_isa(), &x, LT_F32);
            memcpy(want, x.y, TQ * D * sizeof *want);
            x.tk = TK;
            for (int64_t i = n * D; i < TK * D; i++) x.k[i] = x.v[i] = NAN;
            assert_ok(run_on(kernels[k], lt_cpu_isa(), &x, LT_F32, &counts[c], NULL));
            assert_memory_equal(want, x.y, TQ * D * sizeof *want);
            free(want);
            data_free(&x);
        }
}

/* The two candidates are one arithmetic: which of them a plan takes changes nothing. */
static void small_equals_blocked(void **state)
{
    (void)state;
    for (int isa = LT_ISA_BASE; isa <= (int)lt_cpu_isa(); isa++)
        for (int compute = 0; compute < 2; compute++) {
            data x = data_make(32, 29, 24);
            float *want = floats(32 * 24);
            run(&lt_attention_blocked, (lt_isa)isa, &x, compute ? LT_BF16 : LT_F32);
            memcpy(want, x.y, 32 * 24 * sizeof *want);
            run(&lt_attention_small, (lt_isa)isa, &x, compute ? LT_BF16 : LT_F32);
            assert_memory_equal(want, x.y, 32 * 24 * sizeof *want);
            free(want);
            data_free(&x);
        }
}

/* bf16: bits of q, k, v that the type does not have change nothing, and the weights are rounded too. */
static void bf16_rounds_its_operands(void **state)
{
    enum { TQ = 20, TK = 300, D = 24 };
    const lt_kernel *kernels[] = { &lt_attention_ref, &lt_attention_blocked };
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        data x = data_make(TQ, TK, D);
        float *want = floats(TQ * D);
        run(kernels[k], lt_cpu_isa(), &x, LT_BF16);
        memcpy(want, x.y, TQ * D * sizeof *want);
        for (int64_t i = 0; i < TQ * D; i++) x.q[i] = lt_bf16_to_float(lt_bf16_from_float(x.q[i]));
        for (int64_t i = 0; i < TK * D; i++) x.k[i] = lt_bf16_to_float(lt_bf16_from_float(x.k[i]));
        for (int64_t i = 0; i < TK * D; i++) x.v[i] = lt_bf16_to_float(lt_bf16_from_float(x.v[i]));
        run(kernels[k], lt_cpu_isa(), &x, LT_BF16);
        assert_memory_equal(want, x.y, TQ * D * sizeof *want);
        double most = 0;
        run(kernels[k], lt_cpu_isa(), &x, LT_F32);
        for (int64_t i = 0; i < TQ * D; i++) most = fmax(most, fabs((double)want[i] - (double)x.y[i]));
        assert_true(most > 0x1p-14 && most < 0x1p-8);          /* f32 alone is within 2^-20 of the exact values */
        free(want);
        data_free(&x);
    }
}

/* A NaN in a query stays in its row; one in a value reaches all rows, one in a key makes scores NaN everywhere. */
static void nan_is_not_lost(void **state)
{
    enum { TQ = 14, TK = 300, D = 24 };
    (void)state;
    for (int isa = LT_ISA_BASE; isa <= (int)lt_cpu_isa(); isa++) {
        data x = data_make(TQ, TK, D);
        x.q[4 * D + 5] = NAN;
        run(&lt_attention_blocked, (lt_isa)isa, &x, LT_F32);
        for (int64_t i = 0; i < TQ * D; i++) assert_int_equal(isnan(x.y[i]) != 0, i / D == 4);
        x.q[4 * D + 5] = 0;
        x.k[270 * D + 5] = NAN;
        run(&lt_attention_blocked, (lt_isa)isa, &x, LT_F32);
        for (int64_t i = 0; i < TQ * D; i++) assert_true(isnan(x.y[i]) || i / D == 4);
        data_free(&x);
    }
}

static void stop_is_obeyed(void **state)
{
    const lt_kernel *kernels[] = { &lt_attention_blocked, &lt_attention_small };
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        data x = data_make(20, 30, 8);
        atomic_int stop = 0;
        assert_ok(run_on(kernels[k], lt_cpu_isa(), &x, LT_F32, NULL, &stop));
        assert_false(isnan(x.y[0]));
        for (int64_t i = 0; i < 20 * 8; i++) x.y[i] = NAN;
        atomic_store(&stop, 1);
        assert_int_equal(run_on(kernels[k], lt_cpu_isa(), &x, LT_F32, NULL, &stop), LT_E_STOPPED);
        for (int64_t i = 0; i < 20 * 8; i++) assert_true(isnan(x.y[i]));      /* no item was begun */
        data_free(&x);
    }
}

static void refusals(void **state)
{
    const lt_attention_attr attr = { .scale = 1, .compute = LT_F32 };
    const lt_machine m = { .isa = lt_cpu_isa(), .n_threads = 1 };
    const lt_tensor t64 = lt_tensor_dense(NULL, LT_F32, 4, (int64_t[]){ 2, 64, 2, 16 });
    const lt_tensor t65 = lt_tensor_dense(NULL, LT_F32, 4, (int64_t[]){ 2, 65, 2, 16 });
    const int32_t index[] = { 1, 0 };
    lt_tensor apart = t64, indexed = t64;
    (void)state;
    apart.stride[3] = 2;
    indexed.index = index;
    const lt_args good = { .attr = &attr, .in = { t64, t64, t64 }, .out = t64 };
    lt_args a = good;
    assert_null(lt_attention_small.refuse(&a, &m));
    assert_null(lt_attention_blocked.refuse(&a, &m));
    a.in[LT_ATTENTION_K] = a.in[LT_ATTENTION_V] = t65;
    assert_non_null(lt_attention_small.refuse(&a, &m));
    assert_null(lt_attention_blocked.refuse(&a, &m));
    a = good;
    a.in[LT_ATTENTION_Q] = apart;
    assert_non_null(lt_attention_blocked.refuse(&a, &m));
    a = good;
    a.in[LT_ATTENTION_V] = indexed;
    assert_non_null(lt_attention_blocked.refuse(&a, &m));
    a = good;
    const lt_attention_attr f16 = { .scale = 1, .compute = LT_F16 };
    a.attr = &f16;
    assert_non_null(lt_attention_small.refuse(&a, &m));
    assert_non_null(lt_attention_blocked.refuse(&a, &m));
    a = good;
    a.out.dtype = LT_F16;
    assert_non_null(lt_attention_blocked.refuse(&a, &m));
    a = good;
    a.out.dtype = LT_F64;
    assert_non_null(lt_attention_blocked.refuse(&a, &m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocked_is_right),        cmocka_unit_test(small_is_right),
        cmocka_unit_test(batch_and_threads_do_not_matter), cmocka_unit_test(maxima_that_move),
        cmocka_unit_test(the_exponential_is_close),
        cmocka_unit_test(later_queries_do_not_matter), cmocka_unit_test(keys_that_take_no_part),
        cmocka_unit_test(small_equals_blocked),    cmocka_unit_test(bf16_rounds_its_operands),
        cmocka_unit_test(nan_is_not_lost),         cmocka_unit_test(stop_is_obeyed),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
