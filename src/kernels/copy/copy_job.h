/* kernels/copy/copy_job.h -- one launch, as its items see it.
 *
 * in    views x and out as rows
 * out   rows written
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_COPY_JOB_H
#define LONGTAKE_KERNELS_COPY_JOB_H

#include "kernels/copy/copy.h"
#include "kernels/walk.h"

enum { LT_COPY_WALK_X, LT_COPY_WALK_OUT };

typedef struct {
    lt_isa  isa;
    lt_walk walk;
} lt_copy_job;

/* Items first .. last - 1, by the version of a level that this processor has. */
void lt_copy_items(lt_isa isa, const lt_copy_job *j, int first, int last);

#endif
