/* pipeline/settle.h -- what of quality a job gives up, before its settings are written down. Private to src/pipeline.
 *
 * in    a setup that knows its device, its limits and its inputs
 * out   model, input size and precision of the job
 * owns  nothing */
#ifndef LT_PIPELINE_SETTLE_H
#define LT_PIPELINE_SETTLE_H

#include "job.h"

/* [collective] Where --allow or --precision auto leave a choice: what the job was begun with, or else the best that every video fits in, for all of them
 * alike, since a job has one set of settings. It is said in the log. The setup's settings are then its own copy. On failure every rank gets a failure. */
LT_NODISCARD lt_status lt_settle(lt_setup *s);

#endif
