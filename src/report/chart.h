/* report/chart.h -- what drawings with axes have in common.
 *
 * in    a picture in the making
 * out   paper, titles, grid lines with their values, entries of a legend
 * owns  nothing */
#ifndef LT_REPORT_CHART_H
#define LT_REPORT_CHART_H

#include <longtake/image.h>

extern const lt_rgb lt_chart_paper, lt_chart_ink, lt_chart_grid;

/* A sheet of paper with a title and a line below it, both beginning at x = left. */
LT_NODISCARD lt_status lt_chart_create(int width, int height, int left, const char *title, const char *subtitle, lt_image **out);

/* A grid line from `left` across `width`, with its value left of it. */
void lt_chart_level(lt_image *image, int left, int y, int width, int scale, const char *text);

/* A patch of colour and its name; returns where the next one begins. */
int lt_chart_entry(lt_image *image, int x, int y, int scale, lt_rgb colour, const char *name);

#endif
