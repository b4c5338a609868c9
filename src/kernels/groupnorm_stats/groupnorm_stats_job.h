/* kernels/groupnorm_stats/groupnorm_stats_job.h -- one launch, as its items see it.
 *
 * in    a launch's arguments as rows; item i is block i % n_blocks of frame i / n_blocks
 * out   per item and group the mean and the sum of squared deviations from it
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_GROUPNORM_STATS_JOB_H
#define LONGTAKE_KERNELS_GROUPNORM_STATS_JOB_H

#include "kernels/groupnorm_stats/groupnorm_stats.h"
#include "kernels/walk.h"

enum {
    LT_GROUPNORM_STATS_BLOCK = 512,         /* pixels of an item */
    LT_GROUPNORM_STATS_CHANNELS = 2048      /* at most */
};

/* Of a set of values. */
typedef struct {
    double n, mean, squares;                /* how many, their mean, the sum of squared deviations */
} lt_moments;

typedef struct {
    const lt_args *a;
    lt_isa         isa;
    lt_rows        x;
    int64_t        n_blocks;
    lt_moments    *parts;                   /* [frames][n_blocks][groups] */
} lt_groupnorm_stats_job;

/* Adds the values of `b` to those of `a` (Chan, Golub, LeVeque 1983). */
static inline void lt_moments_add(lt_moments *a, const lt_moments *b)
{
    const double n = a->n + b->n, d = b->mean - a->mean;
    a->mean += d * (b->n / n);
    a->squares += b->squares + d * d * (a->n * b->n / n);
    a->n = n;
}

/* Items first .. last - 1, by the version of a level that this processor has. */
void lt_groupnorm_stats_items(lt_isa isa, const lt_groupnorm_stats_job *j, int first, int last);

#endif
