/* report/html.h -- the parts of report.html, each a section of the page.
 *
 * in    the report, borrowed for the call
 * out   well-formed XML that is HTML too, at the end of a text
 * owns  nothing
 *
 * A section without anything to show adds nothing. Plots are SVG without a viewBox: places across are percent, so a plot is as
 * wide as the page allows while its letters keep their size; places down are pixels. Numbers drawn are in a table, too. */
#ifndef LT_REPORT_HTML_H
#define LT_REPORT_HTML_H

#include "text.h"

#include <longtake/metrics.h>

/* Pieces of the style sheet; NULL ends them. */
extern const char *const lt_html_style[];

void lt_html_failures(lt_text *t, const lt_report *r);
void lt_html_videos(lt_text *t, const lt_report *r);
void lt_html_sheets(lt_text *t, const lt_report *r);
void lt_html_memory(lt_text *t, const lt_report *r);
void lt_html_time(lt_text *t, const lt_report *r);
void lt_html_ranks(lt_text *t, const lt_report *r);
void lt_html_plan(lt_text *t, const lt_report *r);
void lt_html_pairs(lt_text *t, const char *heading, const lt_report_pair *pairs, int n);

/* Cells of a table; what is not known is "-". */
void lt_html_cell_integer(lt_text *t, int64_t x);
void lt_html_cell_seconds(lt_text *t, double x);
void lt_html_cell_bytes(lt_text *t, int64_t x);
void lt_html_cell_share(lt_text *t, double part, double whole);      /* "97 %" */
void lt_html_cell_text(lt_text *t, const char *text);

/* A table may be wider than a phone: it scrolls in a frame of its own, which keyboards reach. `name` says what it holds. */
void lt_html_table_open(lt_text *t, const char *name);
void lt_html_table_close(lt_text *t);

/* "12.3 s" below a minute (three digits), "1:02:03" above; "-" where not known. */
char *lt_html_seconds(double x, char *text, int size);

/* Marks of a scale that begins at 0: n of them above it, `step` apart, each a round number of `unit`s. */
typedef struct {
    double      step, top;           /* top: the end of the scale, > 0 */
    int         n;
    double      unit;
    const char *unit_name;
} lt_axis;

/* `most` is the largest value there is (any number, NAN too); about `marks` marks. The scale of bytes ends at a mark with some
 * room above `most`; that of seconds ends at `most`. */
lt_axis lt_axis_bytes(double most, int marks);
lt_axis lt_axis_seconds(double most, int marks);

/* "1.5 GiB", "20 min": mark i, 0 to n. */
char *lt_axis_label(const lt_axis *a, int i, char *text, int size);

/* Percent of the scale, from 0 to 100. */
double lt_axis_place(const lt_axis *a, double value);

#endif
