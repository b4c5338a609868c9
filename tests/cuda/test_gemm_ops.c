/* linear, conv2d and convtranspose2d on CUDA without tensor cores, under the shim, in the CPU's tables. */
#include "check.h"
#include "cuda/orders.h"
#include "kernels/gemm_rows.h"

ORDERS(linear)
ORDERS(conv2d)
ORDERS(convtranspose2d)

#define TABLE(op)                                                                          \
    static void op##_is_right(void **state)                                                \
    {                                                                                      \
        int failed = 0;                                                                    \
        (void)state;                                                                       \
        orders_of_##op();                                                                  \
        for (size_t i = 0; i < sizeof op##_rows / sizeof *op##_rows; i++) {                \
            lt_##op##_attr attr;                                                           \
            const rig_case c = op##_case(&op##_rows[i], &shimmed_##op, &attr);             \
            failed += !rig_check(&c);                                                      \
        }                                                                                  \
        for (size_t i = 0; i < sizeof op##_f16_rows / sizeof *op##_f16_rows; i++) {        \
            lt_##op##_attr attr;                                                           \
            const rig_case c = op##_case(&op##_f16_rows[i], &shimmed_##op, &attr);         \
            failed += !rig_check(&c);                                                      \
        }                                                                                  \
        for (size_t i = 0; i < sizeof op##_batches / sizeof *op##_batches; i++) {          \
            lt_##op##_attr attr;                                                           \
            const rig_case c = op##_case(&op##_batches[i], &shimmed_##op, &attr);          \
            failed += !rig_independent(&c);                                                \
        }                                                                                  \
        assert_int_equal(failed, 0);                                                       \
    }

TABLE(linear)
TABLE(conv2d)
TABLE(convtranspose2d)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_is_right),
        cmocka_unit_test(conv2d_is_right),
        cmocka_unit_test(convtranspose2d_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
