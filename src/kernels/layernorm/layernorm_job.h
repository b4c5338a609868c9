/* kernels/layernorm/layernorm_job.h -- one launch, as its items see it.
 *
 * in    a launch's arguments as rows
 * out   rows written
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_LAYERNORM_JOB_H
#define LONGTAKE_KERNELS_LAYERNORM_JOB_H

#include "kernels/layernorm/layernorm.h"
#include "kernels/walk.h"

typedef struct {
    const lt_args *a;
    lt_isa         isa;
    lt_rows        x, add, out;
    int64_t        n_rows, rows_per_item;
} lt_layernorm_job;

/* Items first .. last - 1, by the version of a level that this processor has. */
void lt_layernorm_items(lt_isa isa, const lt_layernorm_job *j, int first, int last);

#endif
