/* longtake/plan_text.h -- a plan in words, and as JSON.
 *
 * in    a forecast
 * out   what `longtake plan` prints, what a result keeps of each segment, what a report shows
 * owns  nothing */
#ifndef LONGTAKE_PLAN_TEXT_H
#define LONGTAKE_PLAN_TEXT_H

#include <longtake/forecast.h>

#include <jansson.h>
#include <stdio.h>

/* What to say beside limits, ladders, the arena by its uses, and host bytes. */
typedef enum {
    LT_PLAN_HINTS = 1,           /* what else could be asked for */
    LT_PLAN_JOB = 2              /* segments, ranks, disk, work, time */
} lt_plan_parts;

/* Lines of text. Where nothing fits (f->largest < 0), the ladders only. */
void lt_plan_print(const lt_forecast *f, unsigned parts, FILE *out);

/* All of it; a new reference. LT_E_MEMORY. */
LT_NODISCARD lt_status lt_plan_json(const lt_forecast *f, json_t **out);

#endif
