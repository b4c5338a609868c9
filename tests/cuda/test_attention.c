/* The CUDA kernel of attention, under the shim, in the CPU's tables. */
#include "check.h"
#include "cuda/orders.h"
#include "kernels/attention_rows.h"

ORDERS(attention)

static void table(const row *rows, size_t n)
{
    int failed = 0;
    for (size_t i = 0; i < n; i++) {
        lt_attention_attr attr;
        int32_t n_keys;
        const rig_case c = case_of(&rows[i], &shimmed_attention, &attr, &n_keys);
        failed += !rig_check(&c);
    }
    assert_int_equal(failed, 0);
}

static void any_length_is_right(void **state)
{
    (void)state;
    table(any_length, sizeof any_length / sizeof *any_length);
}

static void windows_are_right(void **state)
{
    (void)state;
    table(few, sizeof few / sizeof *few);
}

static void batch_does_not_matter(void **state)
{
    static const row r = { "pixels", 32, 19, 35, 3, 24, 24, PIXELS, 0, 0, LT_F32, LT_F32, LT_BF16, 0 };
    lt_attention_attr attr;
    int32_t n_keys;
    const rig_case c = case_of(&r, &shimmed_attention, &attr, &n_keys);
    (void)state;
    assert_true(rig_independent(&c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_length_is_right),
        cmocka_unit_test(windows_are_right),
        cmocka_unit_test(batch_does_not_matter),
    };
    orders_of_attention();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
