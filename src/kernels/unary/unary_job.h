/* kernels/unary/unary_job.h -- one launch, as its items see it.
 *
 * in    views x and out as rows; of GEGLU x is the first half
 * out   rows written
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_UNARY_JOB_H
#define LONGTAKE_KERNELS_UNARY_JOB_H

#include "kernels/unary/unary.h"
#include "kernels/walk.h"

enum { LT_UNARY_WALK_X, LT_UNARY_WALK_OUT };

typedef struct {
    lt_act  act;
    lt_isa  isa;
    lt_walk walk;
    int64_t gate;                 /* columns from a value to its gate; GEGLU only */
} lt_unary_job;

/* Items first .. last - 1, by the version of a level that this processor has. */
void lt_unary_items(lt_isa isa, const lt_unary_job *j, int first, int last);

#endif
