#include "kernels/affine.h"
#include "kernels/groupnorm/groupnorm_job.h"
#include "kernels/isa_pick.h"

enum { ITEM = 32768 };      /* values of an item, about: many times the factors that it prepares */

LT_ISA_DISPATCH(lt_groupnorm_items, lt_groupnorm_job)

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    lt_rows rows;
    (void)m;
    if (!lt_tensor_rows(&a->in[LT_GROUPNORM_X], &rows) || !lt_tensor_rows(&a->out, &rows)) return "rows without a common stride";
    if (rows.n_columns > LT_GROUPNORM_CHANNELS) return "more than 2048 channels";
    return lt_half_refuse(a, LT_F32);
}

static void item(void *ctx, int i)
{
    const lt_groupnorm_job *j = ctx;
    lt_groupnorm_items(j->isa, j, i, i + 1);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_groupnorm_job j = { .a = a, .isa = l->isa };
    lt_tensor_rows(&a->in[LT_GROUPNORM_X], &j.x);
    lt_tensor_rows(&a->out, &j.out);
    j.rows_per_item = j.x.n_columns < ITEM ? ITEM / j.x.n_columns : 1;
    j.n_blocks = (j.x.n_inner + j.rows_per_item - 1) / j.rows_per_item;
    return lt_spread(l, (int)(j.x.n_outer * j.n_blocks), item, &j);
}

const lt_kernel lt_groupnorm_own = {
    .name = "groupnorm.own", .refuse = refuse, .packed_bytes = lt_affine_bytes, .pack = lt_affine_pack, .launch = launch
};
