#include "html.h"

#include <longtake/budget.h>

#include <math.h>

enum {
    MOST_CHARTS = 64,
    MOST_ROWS = 16,                  /* of a table that is open */
    ACROSS = 2000, DOWN = 1000,      /* units of a line's own coordinates, stretched over its plot */
    LABEL = 15                       /* pixels between lines of text */
};

/* How a plot looks that is one of n. */
typedef struct {
    const char *kind;                /* class of the grid of charts */
    int         height, columns, marks;
    bool        labels;              /* beside lines; else the words above the plot must do */
} plot_size;

typedef struct {
    lt_axis   x, y;
    plot_size size;
} plot;

/* One of the two lines of a plot. */
typedef struct {
    const char *name, *class;        /* "device", "dev" */
    bool        host;
    int64_t     planned, observed;   /* observed: the most that is known, samples included; -1: nothing */
    int         peak;                /* sample of the peak; -1: no samples */
} series;

static int64_t value_of(const lt_report_sample *s, bool host)
{
    return host ? s->host : s->device;
}

static bool is_drawn(const lt_report_sample *s)
{
    return isfinite(s->seconds) && s->seconds >= 0;
}

static series series_of(const lt_report_rank *k, bool host)
{
    series s = { .name = host ? "host" : "device", .class = host ? "host" : "dev", .host = host, .peak = -1,
                 .planned = host ? k->host_planned : k->planned_bytes, .observed = host ? k->host_observed : k->observed_bytes };
    int64_t most = -1;
    for (int i = 0; i < k->n_samples; i++) {
        const int64_t v = value_of(&k->samples[i], host);
        if (!is_drawn(&k->samples[i]) || v <= most) continue;
        most = v;
        s.peak = i;
    }
    if (s.observed < most) s.observed = most;
    if (s.observed < 0) s.observed = -1;
    if (s.planned < 0) s.planned = -1;
    return s;
}

/* The device's plan is exact; the host's is kept within 5 %. */
static bool is_over(const series *s)
{
    return s->planned >= 0 && (double)s->observed > (s->host ? 1.05 : 1.0) * (double)s->planned;
}

static int y_of(const plot *p, double bytes)
{
    return (int)lround(p->size.height * (1 - lt_axis_place(&p->y, bytes) / 100));
}

/* ---- lines ---- */

typedef struct {
    lt_text *t;
    bool     area, down;
    int      points, x, y;           /* of the stroke under way */
} pen;

static void pen_to(pen *p, int x, int y)
{
    if (!p->down && p->area) lt_text_add(p->t, "M%d %dV%dL", x, DOWN, y);
    else if (!p->down) lt_text_add(p->t, "M%d %d", x, y);
    else if (x != p->x || y != p->y) lt_text_add(p->t, " %d %d", x, y);
    else return;
    p->points = p->down ? p->points + 1 : 1;
    p->down = true;
    p->x = x;
    p->y = y;
}

/* A stroke of one point has a length of nothing, which round ends make a dot. */
static void pen_up(pen *p)
{
    if (p->down && p->area) lt_text_add(p->t, p->points > 1 ? "V%dZ" : " %d %dZ", p->points > 1 ? DOWN : p->x, p->y);
    else if (p->down && p->points == 1) lt_text_add(p->t, "h0");
    p->down = false;
}

/* Least and most of the samples in one column of the plot. */
typedef struct {
    int column, x[2], y[2], at[2];   /* y grows downwards: [0] is the most */
} column;

static void draw_column(pen *p, column *c)
{
    if (c->column < 0) return;
    const int first = c->at[1] < c->at[0];
    pen_to(p, c->x[first], c->y[first]);
    pen_to(p, c->x[!first], c->y[!first]);
    c->column = -1;
}

/* However many samples there are, a column has two points at most, so peaks are kept. Unknown values are gaps. */
static void add_path(lt_text *t, const plot *p, const lt_report_rank *k, const series *s, bool area)
{
    pen hand = { .t = t, .area = area };
    column c = { .column = -1 };
    double before = 0;
    lt_text_add(t, "<path class=\"%s\" d=\"", area ? "area" : s->class);
    for (int i = 0; i < k->n_samples; i++) {
        const lt_report_sample *at = &k->samples[i];
        if (!is_drawn(at) || at->seconds < before) continue;
        before = at->seconds;
        if (value_of(at, s->host) < 0) {
            draw_column(&hand, &c);
            pen_up(&hand);
            continue;
        }
        const double part = lt_axis_place(&p->x, at->seconds) / 100;
        const int x = (int)lround(ACROSS * part), y = (int)lround(DOWN * (1 - lt_axis_place(&p->y, (double)value_of(at, s->host)) / 100));
        const int now = (int)(part * p->size.columns);
        if (now != c.column) {
            draw_column(&hand, &c);
            c = (column){ now, { x, x }, { y, y }, { i, i } };
        }
        for (int j = 0; j < 2; j++)
            if (j == 0 ? y < c.y[0] : y > c.y[1]) c.x[j] = x, c.y[j] = y, c.at[j] = i;
    }
    draw_column(&hand, &c);
    pen_up(&hand);
    lt_text_add(t, "\"/>");
}

/* ---- what is around them ---- */

static void add_grid(lt_text *t, const plot *p)
{
    char text[32];
    for (int i = 0; i <= p->y.n; i++) {
        const int y = y_of(p, i * p->y.step);
        lt_text_add(t, "<line class=\"%s\" x1=\"0\" x2=\"100%%\" y1=\"%d\" y2=\"%d\"/><text x=\"-8\" y=\"%d\" text-anchor=\"end\">%s</text>",
                    i ? "grid" : "base", y, y, y + 4, lt_axis_label(&p->y, i, text, sizeof text));
    }
    for (int i = 0; i <= p->x.n; i++) {
        const double x = lt_axis_place(&p->x, i * p->x.step);
        lt_text_add(t, "<line class=\"base\" x1=\"%.4g%%\" x2=\"%.4g%%\" y1=\"%d\" y2=\"%d\"/>"
                       "<text x=\"%.4g%%\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
                    x, x, p->size.height, p->size.height + 4, x, p->size.height + 18, lt_axis_label(&p->x, i, text, sizeof text));
    }
}

static void add_planned(lt_text *t, const plot *p, const lt_report_rank *k, const series *s, const series *other)
{
    if (s->planned < 0) return;
    const int y = y_of(p, (double)s->planned);
    lt_text_add(t, "<line class=\"plan of-%s\" x1=\"0\" x2=\"100%%\" y1=\"%d\" y2=\"%d\"/>", s->class, y, y);
    if (!p->size.labels) return;
    /* The lower of two that lie close together has its words below it. */
    const int far = other->planned < 0 ? DOWN : y - y_of(p, (double)other->planned);
    const bool below = (far > 0 || (far == 0 && s->host)) && far < LABEL && y + LABEL < p->size.height;
    const bool left = s->peak >= 0 && lt_axis_place(&p->x, k->samples[s->peak].seconds) > 50;      /* away from the peak's words */
    lt_text_add(t, "<text class=\"p\" x=\"%s\" y=\"%d\" text-anchor=\"%s\">%s, planned</text>\n", left ? "3" : "100%", below ? y + LABEL - 1 : y - 5,
                left ? "start" : "end", s->name);
}

static void add_peak(lt_text *t, const plot *p, const lt_report_rank *k, const series *s)
{
    char text[32];
    if (s->peak < 0) return;
    const int64_t bytes = value_of(&k->samples[s->peak], s->host);
    const double x = lt_axis_place(&p->x, k->samples[s->peak].seconds);
    const int y = y_of(p, (double)bytes);
    lt_text_add(t, "<circle class=\"peak of-%s\" cx=\"%.4g%%\" cy=\"%d\" r=\"4.5\"/>", s->class, x, y);
    if (!p->size.labels) return;
    /* Words go above the dot, but below it where the plan is close above, or the end of the plot. */
    const int gap = s->planned < 0 ? y : y - y_of(p, (double)s->planned);
    const bool below = (y < LABEL || (gap >= 0 && gap < 2 * LABEL)) && y + LABEL + 6 < p->size.height;
    lt_text_add(t, "<text class=\"v\" x=\"%.4g%%\" y=\"%d\" dx=\"%d\" text-anchor=\"%s\">%s</text>\n", x, below ? y + LABEL + 3 : y - 9,
                x < 15 ? 4 : x > 85 ? -4 : 0, x < 15 ? "start" : x > 85 ? "end" : "middle", lt_bytes_text(bytes, text, sizeof text));
}

/* "at most 3.10 GiB of 3.20 GiB planned (97 %)", or "3.10 GiB of 3.20 GiB (97 %)" */
static void add_words(lt_text *t, const series *s, bool brief)
{
    char most[64], planned[64];
    if (s->observed >= 0) lt_text_add(t, "%s%s", brief ? "" : "at most ", lt_bytes_text(s->observed, most, sizeof most));
    else lt_text_add(t, "not observed");
    if (s->planned >= 0) {
        lt_text_add(t, "%s%s", s->observed >= 0 ? " of " : ", ", lt_bytes_text(s->planned, planned, sizeof planned));
        if (!brief || s->observed < 0) lt_text_add(t, " planned");
    }
    if (s->planned > 0 && s->observed >= 0) lt_text_add(t, " (%.0f %%)", 100 * (double)s->observed / (double)s->planned);
}

static void add_figure_head(lt_text *t, const lt_report_rank *k, const series *s, bool brief)
{
    lt_text_add(t, "<figure class=\"chart\"><figcaption><b>rank %d</b> ", k->rank);
    lt_text_add_html(t, k->host);
    if (k->device && *k->device) lt_text_add(t, "%s", k->host && *k->host ? ", " : "");
    lt_text_add_html(t, k->device);
    lt_text_add(t, "</figcaption>\n<ul class=\"key\">");
    for (int i = 0; i < 2; i++) {
        lt_text_add(t, "<li><svg width=\"18\" height=\"9\" aria-hidden=\"true\"><title>%s</title><desc>the colour of its line</desc>"
                       "<line class=\"%s\" x1=\"1\" x2=\"17\" y1=\"5\" y2=\"5\"/></svg>%s: ", s[i].name, s[i].class, s[i].name);
        add_words(t, &s[i], brief);
        lt_text_add(t, "</li>");
    }
    lt_text_add(t, "</ul>\n");
}

static void add_plot(lt_text *t, const plot *p, const lt_report_rank *k, int index)
{
    const series s[2] = { series_of(k, false), series_of(k, true) };
    char last[32];
    add_figure_head(t, k, s, !p->size.labels);
    lt_text_add(t, "<div class=\"plot\"><svg role=\"img\" aria-labelledby=\"m%dt m%dd\" width=\"100%%\" height=\"%d\"><title id=\"m%dt\">"
                   "Memory of rank %d over time</title><desc id=\"m%dd\">%d samples in %s. ",
                index, index, p->size.height + 24, index, k->rank, index, k->n_samples,
                lt_html_seconds(p->x.top, last, sizeof last));
    for (int i = 0; i < 2; i++) {
        lt_text_add(t, "%s: ", i ? "Host" : "Device");
        add_words(t, &s[i], false);
        lt_text_add(t, i ? "." : ". ");
    }
    lt_text_add(t, "</desc>\n");
    add_grid(t, p);
    lt_text_add(t, "<svg class=\"lines\" aria-hidden=\"true\" width=\"100%%\" height=\"%d\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\">",
                p->size.height, ACROSS, DOWN);
    add_path(t, p, k, &s[0], true);
    add_path(t, p, k, &s[1], false);
    add_path(t, p, k, &s[0], false);
    lt_text_add(t, "</svg>\n");
    for (int i = 0; i < 2; i++) add_planned(t, p, k, &s[i], &s[!i]);
    for (int i = 1; i >= 0; i--) add_peak(t, p, k, &s[i]);
    lt_text_add(t, "</svg></div></figure>\n");
}

/* ---- the section ---- */

static void add_table(lt_text *t, const lt_report *r)
{
    const bool folded = r->n_ranks > MOST_ROWS;
    if (folded) lt_text_add(t, "<details><summary>Memory of each rank</summary>");
    lt_html_table_open(t, "Memory of each rank");
    lt_text_add(t, "<tr><th class=\"n\">rank</th><th class=\"n\">device planned</th><th class=\"n\">observed</th><th class=\"n\">of plan</th>"
                   "<th class=\"n\">host planned</th><th class=\"n\">observed</th><th class=\"n\">of plan</th><th class=\"n\">samples</th></tr>\n");
    for (int i = 0; i < r->n_ranks; i++) {
        lt_text_add(t, "<tr><td class=\"n\">%d</td>", r->ranks[i].rank);
        for (int host = 0; host < 2; host++) {
            const series s = series_of(&r->ranks[i], host);
            lt_html_cell_bytes(t, s.planned);
            lt_html_cell_bytes(t, s.observed);
            if (is_over(&s) && s.planned > 0)
                lt_text_add(t, "<td class=\"n over\">%.0f %%, over</td>", 100 * (double)s.observed / (double)s.planned);
            else if (is_over(&s)) lt_text_add(t, "<td class=\"n over\">over</td>");
            else lt_html_cell_share(t, s.observed < 0 ? NAN : (double)s.observed, (double)s.planned);
        }
        lt_html_cell_integer(t, r->ranks[i].n_samples);
        lt_text_add(t, "</tr>\n");
    }
    lt_html_table_close(t);
    if (folded) lt_text_add(t, "</details>\n");
}

/* What there is to see, in a sentence. */
static void add_verdict(lt_text *t, const lt_report *r)
{
    int known = 0, over = 0;
    for (int i = 0; i < r->n_ranks; i++) {
        const series d = series_of(&r->ranks[i], false), h = series_of(&r->ranks[i], true);
        known += (d.planned >= 0 && d.observed >= 0) || (h.planned >= 0 && h.observed >= 0);
        over += is_over(&d) || is_over(&h);
    }
    lt_text_add(t, "<p>");
    if (over) lt_text_add(t, "<b>%d of %d ranks held more than was planned for them.</b> ", over, r->n_ranks);
    else if (known == r->n_ranks) lt_text_add(t, r->n_ranks == 1 ? "The plan was kept. " : "Every rank kept to its plan. ");
    else if (known) lt_text_add(t, "%d of %d ranks kept to their plans; of the others too little is known to tell. ", known, r->n_ranks);
}

static int charts_of(const lt_report *r, plot *p)
{
    static const plot_size one = { "one", 230, 480, 5, true }, few = { "few", 170, 240, 4, true }, many = { "many", 96, 90, 4, false };
    double seconds = isfinite(r->seconds) ? r->seconds : 0, bytes = 0;
    int n = 0;
    for (int i = 0; i < r->n_ranks; i++) {
        const lt_report_rank *k = &r->ranks[i];
        bool any = false;
        for (int host = 0; host < 2; host++) {
            const series s = series_of(k, host);
            bytes = fmax(bytes, fmax((double)s.planned, (double)s.observed));
            any = any || s.peak >= 0;
        }
        for (int j = 0; j < k->n_samples; j++)
            if (is_drawn(&k->samples[j]) && !(k->samples[j].seconds <= seconds)) seconds = k->samples[j].seconds;
        n += any;
    }
    p->size = n <= 1 ? one : n <= 6 ? few : many;
    p->x = lt_axis_seconds(seconds, p->size.marks + 1);
    p->y = lt_axis_bytes(bytes, p->size.marks);
    return n;
}

void lt_html_memory(lt_text *t, const lt_report *r)
{
    if (r->n_ranks <= 0) return;
    plot p;
    const int n = charts_of(r, &p);
    lt_text_add(t, "<section id=\"memory\"><h2>Memory: plan and observation</h2>\n");
    add_verdict(t, r);
    if (n == 0) lt_text_add(t, "Memory was not sampled over time in this run.</p>\n");
    else lt_text_add(t, "Lines are bytes held, over the time since the run began; dashed: planned; a dot: the most.%s</p>\n",
                     n > 1 ? " All ranks have the same scales." : "");
    if (n > 0) lt_text_add(t, "<div class=\"charts %s\">\n", p.size.kind);
    int drawn = 0;
    for (int i = 0; i < r->n_ranks && drawn < MOST_CHARTS; i++) {
        const series d = series_of(&r->ranks[i], false), h = series_of(&r->ranks[i], true);
        if (d.peak >= 0 || h.peak >= 0) add_plot(t, &p, &r->ranks[i], drawn++);
    }
    if (n > 0) lt_text_add(t, "</div>\n");
    if (n > drawn) lt_text_add(t, "<p>The other %d ranks are in the table alone.</p>\n", n - drawn);
    add_table(t, r);
    lt_text_add(t, "</section>\n");
}
