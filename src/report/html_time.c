#include "html.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_PARTS = 24,                 /* names; further ones are summed in the last */
    MOST_BARS = 64,
    COLOURS = 8, HATCHES = 4,
    ONE_HIGH = 40, FEW = 8, FEW_HIGH = 26, MANY_HIGH = 13,       /* pixels of a bar of 1, up to FEW, and more */
    HATCH = 8                        /* pixels after which a pattern repeats */
};

/* One name of work or of waiting, of all ranks. */
typedef struct {
    const char *name;
    bool        wait;
    double      total, most;         /* seconds of all ranks; of the rank with most */
    char        class[8];
} part;

typedef struct {
    part   part[MOST_PARTS];
    int    n;
    double total, longest;           /* seconds of all ranks; of the longest bar */
} parts;

/* The part's index; it is added where it is new. */
static int find(parts *p, const char *name, bool wait)
{
    if (!name) name = "";
    for (int i = 0; i < p->n; i++)
        if (p->part[i].wait == wait && !strcmp(p->part[i].name, name)) return i;
    if (p->n == MOST_PARTS) return MOST_PARTS - 1;
    if (p->n == MOST_PARTS - 1) name = "all others";
    p->part[p->n] = (part){ .name = name, .wait = wait };
    return p->n++;
}

static double seconds_of(double x)
{
    return isfinite(x) && x > 0 ? x : 0;
}

/* Seconds of a rank's parts. Work that no stage names is a part, too, and a rank that names nothing has work and waiting. */
static void split(parts *p, const lt_report_rank *k, double *out)
{
    double named = 0;
    memset(out, 0, MOST_PARTS * sizeof *out);
    for (int i = 0; i < k->n_stages; i++) {
        const double x = seconds_of(k->stages[i].seconds);
        out[find(p, k->stages[i].name, false)] += x;
        named += x;
    }
    const double rest = seconds_of(k->seconds) - named;
    if (rest > 0 && rest > 0.005 * k->seconds) out[find(p, k->n_stages ? "other work" : "work", false)] += rest;
    for (int i = 0; i < k->n_waits; i++) out[find(p, k->waits[i].name, true)] += seconds_of(k->waits[i].seconds);
    if (k->n_waits == 0 && seconds_of(k->wait_seconds) > 0) out[find(p, "waiting", true)] += k->wait_seconds;
}

static void collect(parts *p, const lt_report *r)
{
    double x[MOST_PARTS];
    int work = 0, wait = 0;
    for (int i = 0; i < r->n_ranks; i++) {
        double sum = 0;
        split(p, &r->ranks[i], x);
        for (int j = 0; j < p->n; j++) {
            sum += x[j];
            p->part[j].total += x[j];
            p->part[j].most = fmax(p->part[j].most, x[j]);
        }
        p->total += sum;
        p->longest = fmax(p->longest, sum);
    }
    for (int j = 0; j < p->n; j++) {
        part *a = &p->part[j];
        if (a->wait) snprintf(a->class, sizeof a->class, "w%d", wait++ % HATCHES);
        else if (!strcmp(a->name, "other work") || work == COLOURS) snprintf(a->class, sizeof a->class, "rest");
        else snprintf(a->class, sizeof a->class, "c%d", work++);
    }
}

/* Patterns of waits: three directions of lines, and dots. Other SVG of the page use them, too. */
static void add_patterns(lt_text *t)
{
    static const char *const lines[HATCHES] = { "M-2 2l4 -4M0 8l8 -8M6 10l4 -4", "M-2 6l4 4M0 0l8 8M6 -2l4 4", "M0 2h8M0 6h8", "M2 2h.1M6 6h.1" };
    lt_text_add(t, "<defs>");
    for (int i = 0; i < HATCHES; i++)
        lt_text_add(t, "<pattern id=\"w%d\" width=\"%d\" height=\"%d\" patternUnits=\"userSpaceOnUse\"><rect class=\"ground\" width=\"%d\" height=\"%d\"/>"
                       "<path class=\"hatch\" stroke-linecap=\"round\" d=\"%s\"/></pattern>", i, HATCH, HATCH, HATCH, HATCH, lines[i]);
    lt_text_add(t, "</defs>\n");
}

/* ---- bars ---- */

static void add_bar(lt_text *t, const parts *p, const lt_axis *axis, const double *x, const lt_report_rank *k, int y, int height)
{
    char text[32];
    double at = 0;
    lt_text_add(t, "<text x=\"-8\" y=\"%d\" text-anchor=\"end\">rank %d</text>", y + height / 2 + 4, k->rank);
    for (int wait = 0; wait < 2; wait++)
        for (int j = 0; j < p->n; j++) {
            if (p->part[j].wait != (bool)wait || !(x[j] > 0)) continue;
            lt_text_add(t, "<rect class=\"bar %s\" x=\"%.5g%%\" y=\"%d\" width=\"%.5g%%\" height=\"%d\"><title>rank %d, ", p->part[j].class,
                        lt_axis_place(axis, at), y, lt_axis_place(axis, x[j]), height, k->rank);
            lt_text_add_html(t, p->part[j].name);
            lt_text_add(t, ": %s</title></rect>", lt_html_seconds(x[j], text, sizeof text));
            at += x[j];
        }
    lt_text_add(t, "<text class=\"v\" x=\"%.5g%%\" dx=\"7\" y=\"%d\">%s</text>\n", lt_axis_place(axis, at), y + height / 2 + 4,
                lt_html_seconds(at, text, sizeof text));
}

static void add_bars(lt_text *t, parts *p, const lt_report *r)
{
    const int n = r->n_ranks < MOST_BARS ? r->n_ranks : MOST_BARS;
    const int height = n == 1 ? ONE_HIGH : n <= FEW ? FEW_HIGH : MANY_HIGH, pitch = height + (n <= FEW ? 12 : 5), bottom = n * pitch + 2;
    const lt_axis axis = lt_axis_seconds(p->longest, 5);
    double x[MOST_PARTS];
    char text[32];
    lt_text_add(t, "<figure class=\"chart bars\"><div class=\"plot\"><svg role=\"img\" aria-labelledby=\"tt td\" width=\"100%%\" height=\"%d\">"
                   "<title id=\"tt\">Seconds of each rank</title><desc id=\"td\">One bar a rank, from left to right: work by stage in plain "
                   "colours, then waits, hatched. The tables have the numbers.</desc>\n", bottom + 24);
    add_patterns(t);
    for (int i = 0; i <= axis.n; i++) {
        const double at = lt_axis_place(&axis, i * axis.step);
        lt_text_add(t, "<line class=\"%s\" x1=\"%.4g%%\" x2=\"%.4g%%\" y1=\"0\" y2=\"%d\"/><text x=\"%.4g%%\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
                    i ? "grid" : "base", at, at, bottom + 4, at, bottom + 19, lt_axis_label(&axis, i, text, sizeof text));
    }
    for (int i = 0; i < n; i++) {
        split(p, &r->ranks[i], x);
        add_bar(t, p, &axis, x, &r->ranks[i], 4 + i * pitch, height);
    }
    lt_text_add(t, "</svg></div>");
    if (n < r->n_ranks) lt_text_add(t, "<figcaption>The other %d ranks are in the table alone.</figcaption>", r->n_ranks - n);
    lt_text_add(t, "</figure>\n");
}

/* ---- numbers ---- */

static void add_swatch(lt_text *t, const part *p)
{
    lt_text_add(t, "<svg width=\"12\" height=\"12\" aria-hidden=\"true\"><title>");
    lt_text_add_html(t, p->name);
    lt_text_add(t, "</title><desc>the colour of its bars</desc><rect class=\"%s\" x=\".5\" y=\".5\" width=\"11\" height=\"11\" rx=\"2\"/></svg>", p->class);
}

/* The legend, with what each part took of all ranks' time. */
static void add_legend(lt_text *t, const parts *p, bool many)
{
    lt_html_table_open(t, "Seconds of each stage");
    lt_text_add(t, "<tr><th>stage</th><th class=\"n\">%s</th><th class=\"n\">share</th>%s</tr>\n", many ? "all ranks" : "time",
                many ? "<th class=\"n\">most in one</th>" : "");
    for (int wait = 0; wait < 2; wait++)
        for (int j = 0; j < p->n; j++) {
            if (p->part[j].wait != (bool)wait) continue;
            lt_text_add(t, "<tr><td class=\"name\">");
            add_swatch(t, &p->part[j]);
            lt_text_add(t, "%s", wait && strcmp(p->part[j].name, "waiting") ? "waiting: " : "");
            lt_text_add_html(t, p->part[j].name);
            lt_text_add(t, "</td>");
            lt_html_cell_seconds(t, p->part[j].total);
            lt_html_cell_share(t, p->part[j].total, p->total);
            if (many) lt_html_cell_seconds(t, p->part[j].most);
            lt_text_add(t, "</tr>\n");
        }
    lt_html_table_close(t);
}

static void add_numbers(lt_text *t, parts *p, const lt_report *r)
{
    double x[MOST_PARTS];
    lt_text_add(t, "<details><summary>Seconds of each rank</summary>");
    lt_html_table_open(t, "Seconds of each rank and stage");
    lt_text_add(t, "<tr><th class=\"n\">rank</th>");
    for (int j = 0; j < p->n; j++) {
        lt_text_add(t, "<th class=\"n\">%s", p->part[j].wait && strcmp(p->part[j].name, "waiting") ? "waiting: " : "");
        lt_text_add_html(t, p->part[j].name);
        lt_text_add(t, "</th>");
    }
    lt_text_add(t, "</tr>\n");
    for (int i = 0; i < r->n_ranks; i++) {
        split(p, &r->ranks[i], x);
        lt_text_add(t, "<tr><td class=\"n\">%d</td>", r->ranks[i].rank);
        for (int j = 0; j < p->n; j++) lt_html_cell_seconds(t, x[j]);
        lt_text_add(t, "</tr>\n");
    }
    lt_html_table_close(t);
    lt_text_add(t, "</details>\n");
}

void lt_html_time(lt_text *t, const lt_report *r)
{
    parts p = { .n = 0 };
    collect(&p, r);
    if (!(p.total > 0)) return;
    lt_text_add(t, "<section id=\"time\"><h2>Time: work and waiting</h2>\n<p>Seconds by stage, one bar a rank; hatched: waiting.</p>\n"
                   "<div%s>\n", r->n_ranks > 1 ? " class=\"beside\"" : "");
    add_bars(t, &p, r);
    add_legend(t, &p, r->n_ranks > 1);
    lt_text_add(t, "</div>\n");
    if (r->n_ranks > 1) add_numbers(t, &p, r);
    lt_text_add(t, "</section>\n");
}
