#include <longtake/kernel.h>

#include "kernels/attention/attention.h"
#include "kernels/binary/binary.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/convtranspose2d/convtranspose2d.h"
#include "kernels/copy/copy.h"
#include "kernels/groupnorm/groupnorm.h"
#include "kernels/groupnorm_stats/groupnorm_stats.h"
#include "kernels/layernorm/layernorm.h"
#include "kernels/linear/linear.h"
#include "kernels/resize/resize.h"
#include "kernels/unary/unary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CANDIDATES_MAX = 8 };

static const struct {
    const char      *name;
    const lt_kernel *definition;
    const lt_kernel *cpu[CANDIDATES_MAX + 1], *cuda[CANDIDATES_MAX + 1];
} ops[LT_OPS] = {
#define LT_CPU(...) { __VA_ARGS__ }
#ifdef LT_HAVE_CUDA
#define LT_CUDA(...) { __VA_ARGS__ }
#else
#define LT_CUDA(...) { NULL }
#endif
#define LT_OP(name, on_cpu, on_cuda) { #name, &lt_##name##_ref, on_cpu, on_cuda },
#include <longtake/ops.def>
#undef LT_OP
};

const char *lt_op_name(lt_op op)
{
    return ops[op].name;
}

const lt_kernel *lt_op_definition(lt_op op)
{
    return ops[op].definition;
}

const lt_kernel *const *lt_op_candidates(lt_op op, lt_backend backend)
{
    return backend == LT_BACKEND_CUDA ? ops[op].cuda : ops[op].cpu;
}

/* Whether LT_KERNELS leaves this kernel out: "-linear.dnnl,-conv2d" masks both names and all that begin so. */
static bool masked(const char *name)
{
    const char *mask = getenv("LT_KERNELS");
    for (const char *p = mask; p && *p;) {
        size_t n = strcspn(p, ",");
        if (n > 1 && *p == '-' && strncmp(name, p + 1, n - 1) == 0) return true;
        p += n + (p[n] == ',');
    }
    return false;
}

lt_status lt_kernel_pick(lt_op op, const lt_args *a, const lt_machine *m, const lt_kernel **out)
{
    lt_status st = LT_OK;
    char why[512] = "";
    *out = NULL;
    for (const lt_kernel *const *k = lt_op_candidates(op, m->backend); *k && !*out; k++) {
        const char *refusal = masked((*k)->name) ? "masked by LT_KERNELS" : (*k)->refuse ? (*k)->refuse(a, m) : NULL;
        if (!refusal) {
            *out = *k;
            break;
        }
        size_t n = strlen(why);
        snprintf(why + n, sizeof why - n, "%s%s: %s", n ? "; " : "", (*k)->name, refusal);
    }
    if (!*out && m->backend == LT_BACKEND_CUDA && !lt_op_candidates(op, m->backend)[0])
        LT_FAIL(LT_E_DEVICE, "this build has no CUDA, whose kernels a plan for a GPU asks: configure with -DLT_CUDA=ON");
    if (!*out) LT_FAIL(LT_E_INTERNAL, "no kernel takes this %s (%s)", ops[op].name, why);
done:
    return st;
}
