/* Every candidate of the CUDA back-end on a GPU, in the tables of the CPU and of the shim: our own kernels, cuBLASLt and cuDNN. Without a GPU it skips itself.
 *
 * Tensor cores sum in an order of their own, within the tolerance of the contracts. */
#include "check.h"
#include "device_rig.h"

#define PAIR(op) .definition = &lt_##op##_ref, .candidate = &on_gpu_##op
#include "kernels/attention/attention.h"
#include "kernels/binary/binary.h"
#include "kernels/copy/copy.h"
#include "kernels/groupnorm/groupnorm.h"
#include "kernels/groupnorm_stats/groupnorm_stats.h"
#include "kernels/layernorm/layernorm.h"
#include "kernels/resize/resize.h"
#include "kernels/unary/unary.h"

ON_GPU(binary, binary_cuda)
ON_GPU(copy, copy_cuda)
ON_GPU(groupnorm, groupnorm_cuda)
ON_GPU(groupnorm_stats, groupnorm_stats_cuda)
ON_GPU(layernorm, layernorm_cuda)
ON_GPU(resize, resize_cuda)
ON_GPU(unary, unary_cuda)

#define PREPARE(op) ready_##op();
#include "kernels/pointwise_tests.h"
#include "kernels/gemm_rows.h"

ON_GPU(linear, linear_cuda)
ON_GPU(conv2d, conv2d_cuda)
ON_GPU(convtranspose2d, convtranspose2d_cuda)
ON_GPU(linear_mma, linear_mma)
ON_GPU(conv2d_mma, conv2d_mma)
ON_GPU(convtranspose2d_mma, convtranspose2d_mma)
ON_GPU(linear_library, linear_cublaslt)
ON_GPU(conv2d_library, conv2d_cudnn)
ON_GPU(convtranspose2d_library, convtranspose2d_cublaslt)

/* Rows that a candidate refuses pass: another one is taken for them. */
#define ROWS(op, rows, candidate_)                                                            \
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {                                 \
        lt_##op##_attr attr;                                                                  \
        rig_case c = op##_case(&rows[i], &candidate_, &attr);                                 \
        c.may_refuse = true;                                                                  \
        failed += !rig_check(&c);                                                             \
    }

#define PRODUCT(op)                                                                           \
    static void op##_is_right(void **state)                                                   \
    {                                                                                         \
        int failed = 0;                                                                       \
        (void)state;                                                                          \
        ready_##op();                                                                         \
        ready_##op##_mma();                                                                   \
        ready_##op##_library();                                                               \
        ROWS(op, op##_rows, on_gpu_##op)                                                      \
        ROWS(op, op##_f16_rows, on_gpu_##op)                                                  \
        ROWS(op, op##_mma_rows, on_gpu_##op##_mma)                                            \
        ROWS(op, op##_rows, on_gpu_##op##_library)                                            \
        ROWS(op, op##_f16_rows, on_gpu_##op##_library)                                        \
        ROWS(op, op##_mma_rows, on_gpu_##op##_library)                                        \
        for (size_t i = 0; i < sizeof op##_mma_batches / sizeof *op##_mma_batches; i++) {     \
            const lt_kernel *const all[] = { &on_gpu_##op, &on_gpu_##op##_mma, &on_gpu_##op##_library };                              \
            for (int k = 0; k < 3; k++) {                                                     \
                lt_##op##_attr attr;                                                          \
                rig_case c = op##_case(&op##_mma_batches[i], all[k], &attr);                  \
                c.may_refuse = true;                                                          \
                failed += !rig_independent(&c);                                               \
            }                                                                                 \
        }                                                                                     \
        assert_int_equal(failed, 0);                                                          \
    }

PRODUCT(linear)
PRODUCT(conv2d)
PRODUCT(convtranspose2d)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POINTWISE_TESTS,
        cmocka_unit_test(linear_is_right), cmocka_unit_test(conv2d_is_right), cmocka_unit_test(convtranspose2d_is_right),
    };
    if (!device_rig_open()) return 0;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    device_rig_close();
    return failed;
}
