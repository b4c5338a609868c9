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

#define PREPARE(op) orders_of_##op();
#include "kernels/pointwise_tests.h"

int main(void)
{
    const struct CMUnitTest tests[] = {
        POINTWISE_TESTS,
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
