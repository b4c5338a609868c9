#include "kernels/isa_pick.h"
#include "kernels/resize/resize_job.h"
#include "kernels/walk.h"

LT_ISA_DISPATCH(lt_resize_items, lt_resize_job)

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    const lt_tensor *x = &a->in[LT_RESIZE_X], *r = &a->in[LT_RESIZE_RESIDUAL], *out = &a->out;
    (void)m;
    if (x->n_dims != 4 || out->n_dims != 4) return "not maps [N,H,W,C]";
    if (x->dim[3] > 1 && (x->stride[3] != 1 || out->stride[3] != 1)) return "the last dimension is not dense";
    if (r->n_dims && (r->n_dims != 4 || (x->dim[3] > 1 && r->stride[3] != 1))) return "a residual whose last dimension is not dense";
    return lt_half_refuse(a, LT_F32);
}

static size_t workspace_bytes(const lt_args *a, const lt_machine *m)
{
    (void)m;
    return (size_t)a->out.dim[2] * sizeof(lt_resize_column);
}

static void item(void *ctx, int i)
{
    const lt_resize_job *j = ctx;
    lt_resize_items(j->isa, j, i, i + 1);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    const lt_tensor *x = &a->in[LT_RESIZE_X];
    lt_resize_column *columns = l->workspace;
    lt_resize_job j = { a, l->isa, columns };
    for (int64_t i = 0; i < a->out.dim[2]; i++) {
        lt_resize_taps(x->dim[2], a->out.dim[2], i, &columns[i].first, &columns[i].second, &columns[i].t);
        columns[i].first *= x->stride[2];
        columns[i].second *= x->stride[2];
    }
    return lt_spread(l, (int)(a->out.dim[0] * a->out.dim[1]), item, &j);
}

const lt_kernel lt_resize_own = { .name = "resize.own", .refuse = refuse, .workspace_bytes = workspace_bytes, .launch = launch };
