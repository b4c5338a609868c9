#include "kernels/isa_pick.h"
#include "kernels/unary/unary_job.h"

LT_ISA_DISPATCH(lt_unary_items, lt_unary_job)

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    lt_rows rows;
    (void)m;
    if (!lt_tensor_rows(&a->in[LT_UNARY_X], &rows) || !lt_tensor_rows(&a->out, &rows)) return "rows without a common stride";
    return NULL;
}

static void item(void *ctx, int i)
{
    const lt_unary_job *j = ctx;
    lt_unary_items(j->isa, j, i, i + 1);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_tensor x = a->in[LT_UNARY_X];
    lt_unary_job j = { .act = ((const lt_unary_attr *)a->attr)->act, .isa = l->isa };
    if (j.act == LT_ACT_GEGLU) j.gate = x.dim[x.n_dims - 1] /= 2;
    const lt_tensor *views[] = { &x, &a->out };
    j.walk = lt_walk_make(2, views);
    return lt_spread(l, j.walk.n_items, item, &j);
}

const lt_kernel lt_unary_own = { .name = "unary.own", .refuse = refuse, .launch = launch };
