#include "kernels/groupnorm_stats/groupnorm_stats_job.h"
#include "kernels/isa_pick.h"

#include <math.h>

LT_ISA_DISPATCH(lt_groupnorm_stats_items, lt_groupnorm_stats_job)

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    lt_rows rows;
    (void)m;
    if (!lt_tensor_rows(&a->in[LT_GROUPNORM_STATS_X], &rows)) return "rows without a common stride";
    if (rows.n_columns > LT_GROUPNORM_STATS_CHANNELS) return "more than 2048 channels";
    return lt_half_refuse(a, LT_F32);
}

static int64_t blocks(const lt_args *a)
{
    lt_rows rows;
    lt_tensor_rows(&a->in[LT_GROUPNORM_STATS_X], &rows);
    return (rows.n_inner + LT_GROUPNORM_STATS_BLOCK - 1) / LT_GROUPNORM_STATS_BLOCK;
}

static size_t workspace_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_groupnorm_stats_attr *attr = a->attr;
    (void)m;
    return (size_t)(a->in[LT_GROUPNORM_STATS_X].dim[0] * blocks(a) * attr->groups) * sizeof(lt_moments);
}

static void item(void *ctx, int i)
{
    const lt_groupnorm_stats_job *j = ctx;
    lt_groupnorm_stats_items(j->isa, j, i, i + 1);
}

/* The blocks of each group of a frame, in order. */
static void finish(const lt_groupnorm_stats_job *j, int64_t frame)
{
    const lt_groupnorm_stats_attr *attr = j->a->attr;
    const lt_tensor *out = &j->a->out;
    float *to = lt_tensor_at(out, frame);
    for (int g = 0; g < attr->groups; g++) {
        const lt_moments *part = j->parts + frame * j->n_blocks * attr->groups + g;
        lt_moments all = *part;
        for (int64_t b = 1; b < j->n_blocks; b++) lt_moments_add(&all, part + b * attr->groups);
        to[2 * g] = (float)all.mean;
        to[2 * g + 1] = (float)(1 / sqrt(all.squares / all.n + (double)attr->eps));
    }
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    lt_groupnorm_stats_job j = { .a = a, .isa = l->isa, .n_blocks = blocks(a), .parts = l->workspace };
    lt_tensor_rows(&a->in[LT_GROUPNORM_STATS_X], &j.x);
    LT_TRY(lt_spread(l, (int)(j.x.n_outer * j.n_blocks), item, &j));
    for (int64_t f = 0; f < j.x.n_outer; f++) finish(&j, f);
done:
    return st;
}

const lt_kernel lt_groupnorm_stats_own = {
    .name = "groupnorm_stats.own", .refuse = refuse, .workspace_bytes = workspace_bytes, .launch = launch
};
