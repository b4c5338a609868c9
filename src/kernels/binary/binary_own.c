#include "kernels/binary/binary_job.h"
#include "kernels/isa_pick.h"

#include <string.h>

LT_ISA_DISPATCH(lt_binary_items, lt_binary_job)

lt_tensor lt_binary_second(const lt_args *a)
{
    if (a->in[LT_BINARY_B].n_dims) return a->in[LT_BINARY_B];
    lt_tensor b = a->in[LT_BINARY_A];
    memset(b.stride, 0, sizeof b.stride);
    b.stride[b.n_dims - 1] = 1;
    b.index = NULL;
    b.dtype = LT_F32;
    /* Only read. */
    b.data = (void *)(uintptr_t)a->packed;
    return b;
}

size_t lt_binary_packed_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_tensor *x = &a->in[LT_BINARY_A];
    (void)m;
    return a->in[LT_BINARY_B].n_dims ? 0 : (size_t)x->dim[x->n_dims - 1] * sizeof(float);
}

void lt_binary_pack(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed)
{
    const size_t n = lt_binary_packed_bytes(a, m);
    if (n) memcpy(packed, w[0].data, n);
}

static bool inner_fits(const lt_tensor *t)
{
    const int last = t->n_dims - 1;
    return t->dim[last] == 1 || t->stride[last] == 1 || t->stride[last] == 0;
}

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    const lt_tensor b = lt_binary_second(a);
    (void)m;
    if (!inner_fits(&a->in[LT_BINARY_A]) || !inner_fits(&b) || !inner_fits(&a->out)) return "the last dimension is neither dense nor repeated";
    return NULL;
}

static void item(void *ctx, int i)
{
    const lt_binary_job *j = ctx;
    lt_binary_items(j->isa, j, i, i + 1);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    const lt_tensor second = lt_binary_second(a);
    const lt_tensor *views[] = { &a->in[LT_BINARY_A], &second, &a->out };
    lt_binary_job j = { ((const lt_binary_attr *)a->attr)->kind, l->isa, lt_walk_make(3, views) };
    return lt_spread(l, j.walk.n_items, item, &j);
}

const lt_kernel lt_binary_own = {
    .name = "binary.own", .refuse = refuse, .packed_bytes = lt_binary_packed_bytes, .pack = lt_binary_pack, .launch = launch
};
