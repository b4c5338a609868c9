/* kernels/resize/resize_job.h -- one launch, as its items see it.
 *
 * in    a launch's arguments; item i is output row i % out.dim[1] of frame i / out.dim[1]
 * out   rows written
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_RESIZE_JOB_H
#define LONGTAKE_KERNELS_RESIZE_JOB_H

#include "kernels/resize/resize.h"

/* What lt_resize_taps gives for one output column; places in elements of x. */
typedef struct {
    int64_t first, second;
    float   t;
} lt_resize_column;

typedef struct {
    const lt_args          *a;
    lt_isa                  isa;
    const lt_resize_column *columns;     /* [out.dim[2]] */
} lt_resize_job;

/* Items first .. last - 1, by the version of a level that this processor has. */
void lt_resize_items(lt_isa isa, const lt_resize_job *j, int first, int last);

#endif
