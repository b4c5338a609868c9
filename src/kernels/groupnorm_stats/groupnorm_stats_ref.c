#include "kernels/groupnorm_stats/groupnorm_stats.h"
#include "kernels/value.h"

#include <math.h>

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    const lt_groupnorm_stats_attr *attr = a->attr;
    const lt_tensor *x = &a->in[LT_GROUPNORM_STATS_X];
    const int64_t channels = attr->channels, groups = attr->groups, width = channels / groups;
    const int64_t pixels = lt_tensor_count(x) / x->dim[0] / channels;
    const double n = (double)(width * pixels);
    (void)l;
    for (int64_t f = 0; f < x->dim[0]; f++)
        for (int64_t g = 0; g < groups; g++) {
            double mean = 0, var = 0;
            for (int64_t p = 0; p < pixels; p++)
                for (int64_t c = g * width; c < (g + 1) * width; c++) mean += (double)lt_value_get(x, (f * pixels + p) * channels + c);
            mean /= n;
            for (int64_t p = 0; p < pixels; p++)
                for (int64_t c = g * width; c < (g + 1) * width; c++) {
                    const double d = (double)lt_value_get(x, (f * pixels + p) * channels + c) - mean;
                    var += d * d;
                }
            lt_value_put(&a->out, (f * groups + g) * 2, (float)mean);
            lt_value_put(&a->out, (f * groups + g) * 2 + 1, (float)(1 / sqrt(var / n + (double)attr->eps)));
        }
    return LT_OK;
}

const lt_kernel lt_groupnorm_stats_ref = { .name = "groupnorm_stats.ref", .launch = launch };
