/* Attention on a GPU, in the tables of the CPU. Without a GPU it skips itself. */
#include "check.h"
#include "device_rig.h"
#include "kernels/attention_rows.h"

ON_GPU(any, attention_cuda)
ON_GPU(mma, attention_mma_cuda)
ON_GPU(time, attention_time_cuda)

/* Rows of f32 as they are, and with q, k and v, and the products, in a half type: what tensor cores take. Rows that a kernel refuses pass. */
static int table(const row *rows, size_t n, const lt_kernel *candidate, lt_dtype type)
{
    int failed = 0;
    for (size_t i = 0; i < n; i++) {
        lt_attention_attr attr;
        int32_t n_keys;
        row r = rows[i];
        if (type != LT_F32) {
            r.compute = type;
            r.dtype = type;
        }
        rig_case c = case_of(&r, candidate, &attr, &n_keys);
        c.may_refuse = true;
        failed += !rig_check(&c);
    }
    return failed;
}

static void is_right(void **state)
{
    const lt_kernel *const all[] = { &on_gpu_any, &on_gpu_mma, &on_gpu_time };
    int failed = 0;
    (void)state;
    ready_any();
    ready_mma();
    ready_time();
    for (int k = 0; k < 3; k++)
        for (int t = 0; t < 3; t++) {
            const lt_dtype type = t == 0 ? LT_F32 : t == 1 ? LT_F16 : LT_BF16;
            failed += table(any_length, sizeof any_length / sizeof *any_length, all[k], type);
            failed += table(few, sizeof few / sizeof *few, all[k], type);
        }
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(is_right) };
    if (!device_rig_open()) return 0;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    device_rig_close();
    return failed;
}
