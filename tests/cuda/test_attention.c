/* The CUDA kernels of attention under the shim, in the CPU's tables and in those of f16 and of the tensor cores. */
#include "check.h"
#include "cuda/orders.h"
#include "kernels/attention_rows.h"

ORDERS(attention)
ORDERS(attention_mma)

/* The rig's machine has no GPU: these ask which one it is. */
static const char *refuse_mma(const lt_args *a, const lt_machine *m)
{
    lt_machine gpu = *m;
    gpu.backend = LT_BACKEND_CUDA;
    gpu.sm = 90;
    return orders_refuse(&lt_attention_mma_cuda, a, &gpu);
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
    { "the encoder's tokens, heads", 1, 5, 1370, 6, 64, 64, QKV, 0, 0, LT_F16, LT_F16, LT_F16, 0 },
    { "the encoder's tokens, bf16", 1, 5, 1370, 2, 64, 64, QKV, 0, 0, LT_BF16, LT_BF16, LT_F32, 0 },
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
    table(half_few, sizeof half_few / sizeof *half_few, &shimmed_attention_mma);
}

static void batch_does_not_matter(void **state)
{
    static const struct { row r; const lt_kernel *k; } rows[] = {
        { { "pixels", 32, 19, 35, 3, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_BF16, 0 }, &shimmed_attention },
        { { "pixels, matrices", 32, 19, 70, 1, 24, 24, PIXELS, 0, 0, LT_F16, LT_F16, LT_F16, 0 }, &shimmed_attention_mma },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        lt_attention_attr attr;
        int32_t n_keys;
        const rig_case c = case_of(&rows[i].r, rows[i].k, &attr, &n_keys);
        assert_true(rig_independent(&c));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_length_is_right),
        cmocka_unit_test(windows_are_right),
        cmocka_unit_test(matrices_are_right),
        cmocka_unit_test(batch_does_not_matter),
    };
    orders_of_attention();
    orders_of_attention_mma();
    shimmed_attention_mma.refuse = refuse_mma;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
