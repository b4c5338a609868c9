#include "kernels/affine.h"
#include "kernels/groupnorm/groupnorm.h"
#include "kernels/value.h"

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    const lt_groupnorm_attr *attr = a->attr;
    const lt_tensor *x = &a->in[LT_GROUPNORM_X], *stats = &a->in[LT_GROUPNORM_STATS];
    const int64_t n = lt_tensor_count(x), per_frame = n / x->dim[0], width = attr->channels / attr->groups;
    const float *w = a->packed, *b = w + attr->channels;
    (void)l;
    for (int64_t i = 0; i < n; i++) {
        const int64_t c = i % attr->channels, at = (i / per_frame * attr->groups + c / width) * 2;
        const double mean = (double)lt_value_get(stats, at), rstd = (double)lt_value_get(stats, at + 1);
        lt_value_put(&a->out, i, (float)(((double)lt_value_get(x, i) - mean) * rstd * (double)w[c] + (double)b[c]));
    }
    return LT_OK;
}

const lt_kernel lt_groupnorm_ref = {
    .name = "groupnorm.ref", .packed_bytes = lt_affine_bytes, .pack = lt_affine_pack, .launch = launch
};
