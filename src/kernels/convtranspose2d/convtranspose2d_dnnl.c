#include "kernels/convtranspose2d/convtranspose2d.h"

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    (void)a;
    (void)m;
    return "no units for bf16";
}

const lt_kernel lt_convtranspose2d_dnnl = { .name = "convtranspose2d.dnnl", .refuse = refuse };
