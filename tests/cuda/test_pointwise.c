/* CUDA kernels that go value by value or row by row, under the shim, in the CPU's tables. */
#include "check.h"
#include "cuda/orders.h"

#define PAIR(op) .definition = &lt_##op##_ref, .candidate = &shimmed_##op
#include "kernels/binary/binary.h"
#include "kernels/copy/copy.h"
#include "kernels/groupnorm/groupnorm.h"
#include "kernels/groupnorm_stats/groupnorm_stats.h"
#include "kernels/layernorm/layernorm.h"
#include "kernels/resize/resize.h"
#include "kernels/unary/unary.h"

ORDERS(binary)
ORDERS(copy)
ORDERS(groupnorm)
ORDERS(groupnorm_stats)
ORDERS(layernorm)
ORDERS(resize)
ORDERS(unary)

#include "kernels/pointwise_rows.h"

#define TABLE(op, rows)                                                                       \
    static void op##_is_right(void **state)                                                   \
    {                                                                                         \
        (void)state;                                                                          \
        orders_of_##op();                                                                     \
        assert_int_equal(rig_table(rows, (int)(sizeof rows / sizeof *rows)), 0);              \
    }

TABLE(layernorm, layernorm_rows)
TABLE(groupnorm_stats, stats_rows)
TABLE(groupnorm, groupnorm_rows)
TABLE(binary, binary_rows)
TABLE(unary, unary_rows)
TABLE(copy, copy_rows)
TABLE(resize, resize_rows)

/* Of types that only GPUs read, each row of these operators. */
static void f16_is_right(void **state)
{
    int failed = 0;
    (void)state;
    failed += rig_table(layernorm_f16_rows, (int)(sizeof layernorm_f16_rows / sizeof *layernorm_f16_rows));
    failed += rig_table(stats_f16_rows, (int)(sizeof stats_f16_rows / sizeof *stats_f16_rows));
    failed += rig_table(groupnorm_f16_rows, (int)(sizeof groupnorm_f16_rows / sizeof *groupnorm_f16_rows));
    failed += rig_table(resize_f16_rows, (int)(sizeof resize_f16_rows / sizeof *resize_f16_rows));
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layernorm_is_right), cmocka_unit_test(groupnorm_stats_is_right), cmocka_unit_test(groupnorm_is_right),
        cmocka_unit_test(binary_is_right),    cmocka_unit_test(unary_is_right),           cmocka_unit_test(copy_is_right),
        cmocka_unit_test(resize_is_right),    cmocka_unit_test(f16_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
