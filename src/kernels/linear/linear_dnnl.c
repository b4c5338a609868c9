#include "kernels/linear/linear.h"

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    (void)a;
    (void)m;
    return "no units for bf16";
}

const lt_kernel lt_linear_dnnl = { .name = "linear.dnnl", .refuse = refuse };
