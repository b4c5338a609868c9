/* kernels/groupnorm/groupnorm_job.h -- one launch, as its items see it.
 *
 * in    a launch's arguments as rows; item i is rows of frame i / n_blocks
 * out   rows written
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_GROUPNORM_JOB_H
#define LONGTAKE_KERNELS_GROUPNORM_JOB_H

#include "kernels/groupnorm/groupnorm.h"
#include "kernels/walk.h"

enum { LT_GROUPNORM_CHANNELS = 2048 };      /* at most */

typedef struct {
    const lt_args *a;
    lt_isa         isa;
    lt_rows        x, out;
    int64_t        n_blocks, rows_per_item;
} lt_groupnorm_job;

/* Items first .. last - 1, by the version of a level that this processor has. */
void lt_groupnorm_items(lt_isa isa, const lt_groupnorm_job *j, int first, int last);

#endif
