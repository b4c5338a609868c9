#include "kernels/affine.h"
#include "kernels/isa_pick.h"
#include "kernels/layernorm/layernorm_job.h"

enum { ITEM = 16384 };      /* values of an item, about: long enough that taking it costs nothing */

LT_ISA_DISPATCH(lt_layernorm_items, lt_layernorm_job)

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    lt_rows rows;
    (void)m;
    if (!lt_tensor_rows(&a->in[LT_LAYERNORM_X], &rows) || !lt_tensor_rows(&a->out, &rows)) return "rows without a common stride";
    if (a->in[LT_LAYERNORM_ADD].n_dims && !lt_tensor_rows(&a->in[LT_LAYERNORM_ADD], &rows)) return "added rows without a common stride";
    return lt_half_refuse(a, LT_F32);
}

static void item(void *ctx, int i)
{
    const lt_layernorm_job *j = ctx;
    lt_layernorm_items(j->isa, j, i, i + 1);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_layernorm_job j = { .a = a, .isa = l->isa };
    const lt_tensor *add = &a->in[LT_LAYERNORM_ADD];
    lt_tensor_rows(&a->in[LT_LAYERNORM_X], &j.x);
    lt_tensor_rows(&a->out, &j.out);
    if (add->n_dims) lt_tensor_rows(add, &j.add);
    j.n_rows = j.x.n_outer * j.x.n_inner;
    j.rows_per_item = j.x.n_columns < ITEM ? ITEM / j.x.n_columns : 1;
    return lt_spread(l, (int)((j.n_rows + j.rows_per_item - 1) / j.rows_per_item), item, &j);
}

const lt_kernel lt_layernorm_own = {
    .name = "layernorm.own", .refuse = refuse, .packed_bytes = lt_affine_bytes, .pack = lt_affine_pack, .launch = launch
};
