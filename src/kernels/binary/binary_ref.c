#include "kernels/binary/binary_job.h"
#include "kernels/value.h"

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    const lt_binary_attr *attr = a->attr;
    const lt_tensor second = lt_binary_second(a);
    const int64_t n = lt_tensor_count(&a->out);
    (void)l;
    for (int64_t i = 0; i < n; i++) {
        const float x = lt_value_get(&a->in[LT_BINARY_A], i), y = lt_value_get(&second, i);
        lt_value_put(&a->out, i, attr->kind == LT_BINARY_ADD ? x + y : x * y);
    }
    return LT_OK;
}

const lt_kernel lt_binary_ref = {
    .name = "binary.ref", .packed_bytes = lt_binary_packed_bytes, .pack = lt_binary_pack, .launch = launch
};
