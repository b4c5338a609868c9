#include "kernels/copy/copy.h"
#include "kernels/value.h"

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    const int64_t n = lt_tensor_count(&a->out);
    (void)l;
    for (int64_t i = 0; i < n; i++) lt_value_put(&a->out, i, lt_value_get(&a->in[LT_COPY_X], i));
    return LT_OK;
}

const lt_kernel lt_copy_ref = { .name = "copy.ref", .launch = launch };
