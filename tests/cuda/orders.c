#include "cuda/orders.h"

#include "cuda_shim_control.h"
#include "kernels/extent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

lt_status orders_launch(const lt_kernel *k, const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    char *at;
    const size_t n = extent(&a->out, &at);
    char *before = malloc(n), *first = malloc(n);
    if (!before || !first) LT_FAIL(LT_E_MEMORY, "no memory");
    memcpy(before, at, n);
    for (int order = 0; order < LT_SHIM_ORDERS; order++) {
        memcpy(at, before, n);
        lt_shim_forget();
        lt_shim_set_order((lt_shim_order)order, (uint32_t)n);
        st = k->launch(l, a);
        for (int i = 0; i < lt_shim_reports(); i++) fprintf(stderr, "%s\n", lt_shim_report(i));
        if (st < 0) goto done;
        if (order == 0) memcpy(first, at, n);
        else if (memcmp(first, at, n)) LT_FAIL(LT_E_INTERNAL, "%s: another order of blocks and warps gives other bits", k->name);
    }
done:
    free(before);
    free(first);
    return st;
}

const char *orders_refuse(const lt_kernel *k, const lt_args *a, const lt_machine *m)
{
    if (m->isa != LT_ISA_BASE || m->n_threads == 2) return "one level of the CPU and one pool stand for all";
    return k->refuse ? k->refuse(a, m) : NULL;
}
