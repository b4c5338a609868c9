/* pipeline/forecast_rows.h -- an arena by what it is used for. Private to src/pipeline.
 *
 * in    a forecast with the layout of its largest plan
 * out   its rows
 * owns  nothing */
#ifndef LT_PIPELINE_FORECAST_ROWS_H
#define LT_PIPELINE_FORECAST_ROWS_H

#include <longtake/forecast.h>

/* One more row, unless it is empty. `name` is borrowed. */
void lt_forecast_add(lt_forecast *f, lt_forecast_kind kind, const char *name, int64_t n_bytes);

/* Those of the network in f->layout. */
void lt_forecast_network(lt_forecast *f);

/* All rows of f->videos[f->largest], its plan and layout, and the bytes of arena and host. */
LT_NODISCARD lt_status lt_forecast_arena(lt_forecast *f);

#endif
