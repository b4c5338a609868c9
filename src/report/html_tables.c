#include "html.h"

#include <longtake/budget.h>
#include <longtake/progress.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_FAILURES = 500 };    /* rows: the page must stay of a size that a browser opens */

void lt_html_table_open(lt_text *t, const char *name)
{
    lt_text_add(t, "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"%s\"><table>\n", name);
}

void lt_html_table_close(lt_text *t)
{
    lt_text_add(t, "</table></div>\n");
}

char *lt_html_seconds(double x, char *text, int size)
{
    if (!isfinite(x) || x < 0) snprintf(text, (size_t)size, "-");
    else if (x >= 59.95) lt_seconds_text(x, text, size);
    else snprintf(text, (size_t)size, x < 9.995 ? "%.2f s" : "%.1f s", x);
    return text;
}

void lt_html_cell_integer(lt_text *t, int64_t x)
{
    if (x < 0) lt_text_add(t, "<td class=\"n\">-</td>");
    else lt_text_add(t, "<td class=\"n\">%" PRId64 "</td>", x);
}

void lt_html_cell_seconds(lt_text *t, double x)
{
    char text[32];
    lt_text_add(t, "<td class=\"n\">%s</td>", lt_html_seconds(x, text, sizeof text));
}

void lt_html_cell_bytes(lt_text *t, int64_t x)
{
    char text[64];
    lt_text_add(t, "<td class=\"n\">%s</td>", x < 0 ? "-" : lt_bytes_text(x, text, sizeof text));
}

void lt_html_cell_share(lt_text *t, double part, double whole)
{
    if (!(part >= 0 && whole > 0) || isinf(part)) lt_text_add(t, "<td class=\"n\">-</td>");
    else lt_text_add(t, "<td class=\"n\">%.*f %%</td>", 100 * part < 9.95 * whole ? 1 : 0, 100 * part / whole);
}

void lt_html_cell_text(lt_text *t, const char *text)
{
    lt_text_add(t, "<td>");
    lt_text_add_html(t, text);
    lt_text_add(t, "</td>");
}

void lt_html_failures(lt_text *t, const lt_report *r)
{
    const int n = r->n_failures < MOST_FAILURES ? r->n_failures : MOST_FAILURES;
    const int64_t more = (r->n_failures_more > 0 ? r->n_failures_more : 0) + (r->n_failures - n);
    if (n <= 0 && more <= 0) return;
    lt_text_add(t, "<section id=\"failures\"><h2>What failed</h2>\n<p>These frames have no value in the result; none was made up."
                   "</p>\n");
    if (n > 0) {
        lt_html_table_open(t, "What failed");
        lt_text_add(t, "<tr><th>video</th><th class=\"n\">frames</th><th>why</th></tr>\n");
    }
    for (int i = 0; i < n; i++) {
        const lt_report_failure *f = &r->failures[i];
        lt_text_add(t, "<tr><td class=\"name\">");
        lt_text_add_html(t, f->video);
        lt_text_add(t, "</td>");
        if (f->first < 0 || f->last < f->first) lt_text_add(t, "<td class=\"n\">all</td>");
        else if (f->first == f->last) lt_html_cell_integer(t, f->first);
        else lt_text_add(t, "<td class=\"n\">%" PRId64 " to %" PRId64 "</td>", f->first, f->last);
        lt_text_add(t, "<td class=\"why\">");
        lt_text_add_html(t, f->why);
        lt_text_add(t, "</td></tr>\n");
    }
    if (n > 0) lt_html_table_close(t);
    if (more > 0)
        lt_text_add(t, "<p>%s %" PRId64 " %s.</p>\n", n > 0 ? "and" : "There are", more, n > 0 ? "more" : "failures that are not listed");
    lt_text_add(t, "</section>\n");
}

static void add_video(lt_text *t, const lt_report_video *v)
{
    lt_text_add(t, "<tr><td class=\"name\">");
    if (v->result) {
        lt_text_add(t, "<a href=\"");
        lt_text_add_url(t, v->result);
        lt_text_add(t, "\">");
    }
    lt_text_add_html(t, v->name);
    if (v->result) lt_text_add(t, "</a>");
    if (v->why) {
        lt_text_add(t, "<p>");
        lt_text_add_html(t, v->why);
        lt_text_add(t, "</p>");
    }
    lt_text_add(t, "</td><td><span class=\"s ");
    lt_text_add_html(t, v->state);
    lt_text_add(t, "\">");
    lt_text_add_html(t, v->state);
    lt_text_add(t, "</span></td>");
    if (v->width > 0) lt_text_add(t, "<td class=\"n\">%dx%d</td>", v->width, v->height);
    else lt_text_add(t, "<td class=\"n\">-</td>");
    lt_html_cell_integer(t, v->frames);
    lt_html_cell_integer(t, v->frames_failed);
    lt_html_cell_seconds(t, v->seconds);
    lt_text_add(t, "</tr>\n");
}

void lt_html_videos(lt_text *t, const lt_report *r)
{
    if (r->n_videos <= 0) return;
    lt_text_add(t, "<section id=\"videos\"><h2>Videos</h2>\n");
    lt_html_table_open(t, "Videos");
    lt_text_add(t, "<tr><th>video</th><th>state</th><th class=\"n\">size</th><th class=\"n\">frames</th><th class=\"n\">failed</th>"
                   "<th class=\"n\">computed</th></tr>\n");
    for (int i = 0; i < r->n_videos; i++) add_video(t, &r->videos[i]);
    lt_html_table_close(t);
    lt_text_add(t, "</section>\n");
}

void lt_html_ranks(lt_text *t, const lt_report *r)
{
    if (r->n_ranks <= 0) return;
    lt_text_add(t, "<section id=\"ranks\"><h2>Ranks</h2>\n");
    lt_html_table_open(t, "Ranks");
    lt_text_add(t, "<tr><th class=\"n\">rank</th><th>host</th><th>device</th><th class=\"n\">frames</th><th class=\"n\">segments</th>"
                   "<th class=\"n\">computed</th><th class=\"n\">waited</th></tr>\n");
    for (int i = 0; i < r->n_ranks; i++) {
        const lt_report_rank *k = &r->ranks[i];
        lt_text_add(t, "<tr><td class=\"n\">%d</td>", k->rank);
        lt_html_cell_text(t, k->host);
        lt_html_cell_text(t, k->device);
        lt_html_cell_integer(t, k->frames);
        lt_html_cell_integer(t, k->segments);
        lt_html_cell_seconds(t, k->seconds);
        lt_html_cell_seconds(t, k->wait_seconds);
        lt_text_add(t, "</tr>\n");
    }
    lt_html_table_close(t);
    lt_text_add(t, "</section>\n");
}

void lt_html_plan(lt_text *t, const lt_report *r)
{
    if (!r->plan || !*r->plan) return;
    lt_text_add(t, "<section id=\"plan\"><h2>Plan</h2>\n<details><summary>What was planned before the first frame</summary><pre>");
    lt_text_add_html_lines(t, r->plan);
    lt_text_add(t, "</pre></details></section>\n");
}

void lt_html_pairs(lt_text *t, const char *heading, const lt_report_pair *pairs, int n)
{
    if (n <= 0) return;
    lt_text_add(t, "<section><h2>%s</h2>\n", heading);
    lt_html_table_open(t, heading);
    for (int i = 0; i < n; i++) {
        lt_text_add(t, "<tr><td class=\"key\">");
        lt_text_add_html(t, pairs[i].name);
        lt_text_add(t, "</td><td class=\"name\"><code>");
        lt_text_add_html(t, pairs[i].value);
        lt_text_add(t, "</code></td></tr>\n");
    }
    lt_html_table_close(t);
    lt_text_add(t, "</section>\n");
}
