/* kernels/pointwise_tests.h -- operators that go value by value or row by row on the CUDA back-end: the tests of all tables of pointwise_rows.h.
 *
 * in    PAIR, as the rows want it; PREPARE(op), what comes before the rows of an operator
 * out   a test an operator, <op>_is_right, and f16_is_right; POINTWISE_TESTS lists them
 * owns  nothing; included by one file of a program */
#include "kernels/pointwise_rows.h"

#define TABLE(op, rows)                                                                       \
    static void op##_is_right(void **state)                                                   \
    {                                                                                         \
        (void)state;                                                                          \
        PREPARE(op)                                                                     \
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

#define POINTWISE_TESTS                                                                                                     \
    cmocka_unit_test(layernorm_is_right), cmocka_unit_test(groupnorm_stats_is_right), cmocka_unit_test(groupnorm_is_right), \
        cmocka_unit_test(binary_is_right), cmocka_unit_test(unary_is_right), cmocka_unit_test(copy_is_right),               \
        cmocka_unit_test(resize_is_right), cmocka_unit_test(f16_is_right)
