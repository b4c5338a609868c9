#include "kernels/conv2d/conv2d.h"

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    (void)a;
    (void)m;
    return "no units for bf16";
}

const lt_kernel lt_conv2d_dnnl = { .name = "conv2d.dnnl", .refuse = refuse };
