#include <longtake/plot.h>

#include "chart.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 1400, LEFT = 110, RIGHT = 36, TOP = 92, PLOT_W = WIDTH - LEFT - RIGHT, PLOT_H = 520, FOOT = 74, ROW = 24, COLUMNS = 2, SCALE = 2,
       DOT = 5, STROKE = 3, LABEL_W = 28, LABEL_H = 20, LIFT = 38, TICKS_MAX = 32, COLOURS = 8, FAR = 8 };

/* Okabe and Ito's colours, told apart also by those who see fewer; the light yellow left out and grey in its place. */
static const lt_rgb colours[COLOURS] = { { 0, 114, 178 },  { 213, 94, 0 },   { 0, 158, 115 }, { 170, 80, 130 },
                                         { 200, 140, 0 },  { 60, 160, 220 }, { 30, 30, 34 },  { 120, 120, 128 } };

typedef struct {
    double lo, hi;
    bool   log;
    double tick[TICKS_MAX];
    int    n_ticks;
} axis;

typedef struct {
    double x;                            /* of its middle */
    int    y, to_x, to_y, key;           /* of its top; the point it belongs to */
    lt_rgb colour;
} label;

typedef struct {
    const lt_plot *p;
    lt_image      *image;
    axis           x, y;
    label          labels[LT_PLOT_POINTS];
    int            n_labels;
} figure;

/* ---- axes ---- */

static double place(const axis *a, double v)
{
    return a->log ? (log(v) - log(a->lo)) / (log(a->hi) - log(a->lo)) : (v - a->lo) / (a->hi - a->lo);
}

static int across(const figure *f, double v)
{
    return LEFT + (int)lrint(PLOT_W * place(&f->x, v));
}

static int upwards(const figure *f, double v)
{
    return TOP + PLOT_H - (int)lrint(PLOT_H * place(&f->y, v));
}

static void add_tick(axis *a, double v)
{
    if (a->n_ticks < TICKS_MAX && v >= a->lo * (1 - 1e-9) && v <= a->hi * (1 + 1e-9)) a->tick[a->n_ticks++] = v;
}

/* 1, 2 and 5 of each decade, or equal steps of such a number, about `wanted` of them. */
static void set_ticks(axis *a, int wanted)
{
    static const double nice[] = { 1, 2, 5, 10 };
    a->n_ticks = 0;
    if (a->log) {
        for (double decade = pow(10, floor(log10(a->lo))); decade <= a->hi; decade *= 10)
            for (int i = 0; i < 3; i++) add_tick(a, decade * nice[i]);
        return;
    }
    const double raw = (a->hi - a->lo) / wanted, decade = pow(10, floor(log10(raw)));
    double step = decade;
    for (int i = 0; i < 4 && step < raw * (1 - 1e-9); i++) step = decade * nice[i];
    for (double k = ceil(a->lo / step - 1e-9); k * step <= a->hi * (1 + 1e-9) && a->n_ticks < TICKS_MAX; k++) add_tick(a, fabs(k * step));
}

static void set_axes(figure *f)
{
    double x0 = INFINITY, x1 = 0, y0 = INFINITY, y1 = 0;
    for (int i = 0; i < f->p->n_lines; i++)
        for (int k = 0; k < f->p->lines[i].n_points; k++) {
            const lt_plot_point *q = &f->p->lines[i].points[k];
            x0 = fmin(x0, q->x), x1 = fmax(x1, q->x), y0 = fmin(y0, q->y), y1 = fmax(y1, q->y);
        }
    f->x.log = x1 > FAR * x0;
    f->y.log = y1 > FAR * y0;
    const double span = x1 > x0 ? x1 - x0 : x0;
    f->x.lo = f->x.log ? x0 / 1.2 : fmax(x0 - 0.06 * span, 0);
    f->x.hi = f->x.log ? x1 * 1.1 : x1 + 0.03 * span;
    f->y.lo = f->y.log ? y0 / 1.5 : 0;
    f->y.hi = f->y.log ? y1 * 1.6 : y1 * 1.25;
    set_ticks(&f->x, 10);
    set_ticks(&f->y, 6);
}

static void draw_axes(const figure *f)
{
    char text[32];
    for (int i = 0; i < f->y.n_ticks; i++) {
        snprintf(text, sizeof text, "%g", f->y.tick[i]);
        lt_chart_level(f->image, LEFT, upwards(f, f->y.tick[i]), PLOT_W, SCALE, text);
    }
    for (int i = 0; i < f->x.n_ticks; i++) {
        const int x = across(f, f->x.tick[i]);
        snprintf(text, sizeof text, "%g", f->x.tick[i]);
        lt_image_fill(f->image, x, TOP, 1, PLOT_H + 6, lt_chart_grid);
        lt_image_text(f->image, x - lt_text_width(text, SCALE) / 2, TOP + PLOT_H + 12, SCALE, lt_chart_ink, text);
    }
    lt_image_fill(f->image, LEFT, TOP, 2, PLOT_H + 1, lt_chart_ink);
    lt_image_fill(f->image, LEFT, TOP + PLOT_H, PLOT_W, 2, lt_chart_ink);
    lt_image_text(f->image, LEFT + 10, TOP - 20, SCALE, lt_chart_ink, f->p->y_name);
    lt_image_text(f->image, WIDTH - RIGHT - lt_text_width(f->p->x_name, SCALE), TOP + PLOT_H + 40, SCALE, lt_chart_ink, f->p->x_name);
}

/* ---- lines ---- */

static void dot(lt_image *image, int x, int y, int radius, lt_rgb colour)
{
    for (int dy = -radius; dy <= radius; dy++) {
        const int half = (int)sqrt((double)(radius * radius + radius - dy * dy));
        lt_image_fill(image, x - half, y + dy, 2 * half + 1, 1, colour);
    }
}

static void thin(lt_image *image, int x0, int y0, int x1, int y1, lt_rgb colour)
{
    const int n = abs(x1 - x0) > abs(y1 - y0) ? abs(x1 - x0) : abs(y1 - y0);
    for (int i = 0; i <= n; i++) lt_image_fill(image, x0 + (x1 - x0) * i / (n ? n : 1), y0 + (y1 - y0) * i / (n ? n : 1), 1, 1, colour);
}

static void draw_stairs(const figure *f, int i)
{
    const lt_plot_line *l = &f->p->lines[i];
    const lt_rgb colour = colours[i % COLOURS];
    for (int k = 0; k < l->n_points; k++) {
        const int x = across(f, l->points[k].x), y = upwards(f, l->points[k].y);
        const int end = k + 1 < l->n_points ? across(f, l->points[k + 1].x) : LEFT + PLOT_W;
        lt_image_fill(f->image, x, y - STROKE / 2, end - x + 1, STROKE, colour);
        if (k + 1 == l->n_points) continue;
        const int next = upwards(f, l->points[k + 1].y), top = y < next ? y : next;
        lt_image_fill(f->image, end - STROKE / 2, top - STROKE / 2, STROKE, abs(y - next) + STROKE, colour);
    }
}

/* The stairs rise to the right, so numbers stand a little to the left. Filled where a rung begins, hollow where it is met again. */
static void draw_dots(figure *f, int i)
{
    const lt_plot_line *l = &f->p->lines[i];
    const lt_rgb colour = colours[i % COLOURS];
    for (int k = 0; k < l->n_points; k++) {
        const int x = across(f, l->points[k].x), y = upwards(f, l->points[k].y);
        dot(f->image, x, y, DOT, colour);
        if (l->points[k].key < 0) dot(f->image, x, y, DOT - 3, lt_chart_paper);
        else f->labels[f->n_labels++] = (label){ x - DOT, y - LIFT, x, y, l->points[k].key, colour };
    }
}

/* From the first point down to the axis. Lines one after another say it one above another. */
static void draw_least(const figure *f, int i)
{
    const lt_plot_line *l = &f->p->lines[i];
    const int x = across(f, l->points[0].x), y = upwards(f, l->points[0].y), row = TOP + PLOT_H - ROW * (1 + i % 12), last = TOP + PLOT_H - ROW;
    const int said = row > y + 2 * DOT ? row : y + 2 * DOT < last ? y + 2 * DOT : last;
    for (int at = y + DOT; at < TOP + PLOT_H; at += 9) lt_image_fill(f->image, x, at, 2, at + 5 < TOP + PLOT_H ? 5 : TOP + PLOT_H - at, colours[i % COLOURS]);
    const int width = lt_text_width(l->least, SCALE), to_x = x + 10 + width < LEFT + PLOT_W ? x + 10 : x - 8 - width;
    lt_image_fill(f->image, to_x - 3, said - 3, width + 4, LT_TEXT_HEIGHT * SCALE + 2, lt_chart_paper);
    lt_image_text(f->image, to_x, said, SCALE, colours[i % COLOURS], l->least);
}

/* Numbers that would cover one another move apart sideways, each half of the way. */
static void part_labels(figure *f)
{
    for (int round = 0; round < 200; round++)
        for (int i = 0; i < f->n_labels; i++)
            for (int k = 0; k < i; k++) {
                label *a = &f->labels[k], *b = &f->labels[i];
                if (abs(a->y - b->y) >= LABEL_H) continue;
                const double away = LABEL_W - fabs(a->x - b->x);
                if (away <= 0) continue;
                if (a->to_x > b->to_x || (a->to_x == b->to_x && a->x > b->x)) a->x += away / 2, b->x -= away / 2;
                else a->x -= away / 2, b->x += away / 2;
            }
}

static void draw_labels(figure *f)
{
    part_labels(f);
    for (int i = 0; i < f->n_labels; i++) {
        const label *l = &f->labels[i];
        char text[16];
        snprintf(text, sizeof text, "%d", l->key);
        const int x = (int)lrint(l->x), width = lt_text_width(text, SCALE);
        thin(f->image, x, l->y + 7 * SCALE + 3, l->to_x, l->to_y - DOT, l->colour);
        lt_image_fill(f->image, x - width / 2 - 2, l->y - 2, width + 3, 7 * SCALE + 4, lt_chart_paper);
        lt_image_text(f->image, x - width / 2 + 1, l->y, SCALE, l->colour, text);
    }
}

/* ---- what is what ---- */

static int rows(int n)
{
    return (n + COLUMNS - 1) / COLUMNS;
}

static void draw_legend(const figure *f)
{
    char text[160], fitted[160];
    int y = TOP + PLOT_H + FOOT;
    const int column = PLOT_W / COLUMNS;
    for (int i = 0; i < f->p->n_lines; i++)
        (void)lt_chart_entry(f->image, LEFT + i % COLUMNS * column, y + i / COLUMNS * ROW, SCALE, colours[i % COLOURS], f->p->lines[i].name);
    y += rows(f->p->n_lines) * ROW + ROW / 2;
    for (int i = 0; i < f->p->n_keys; i++) {
        snprintf(text, sizeof text, "%d  %s", i, f->p->keys[i]);
        lt_image_text(f->image, LEFT + i / rows(f->p->n_keys) * column, y + i % rows(f->p->n_keys) * ROW, SCALE, lt_chart_ink,
                      lt_text_fit(text, SCALE, column - 10, fitted, sizeof fitted));
    }
}

static lt_status check(const lt_plot *p)
{
    lt_status st = LT_OK;
    int n = 0;
    if (p->n_lines < 1 || p->n_lines > LT_PLOT_LINES || p->n_keys > LT_PLOT_KEYS) LT_FAIL(LT_E_INTERNAL, "a plot of %d lines and %d keys", p->n_lines, p->n_keys);
    for (int i = 0; i < p->n_lines; i++) {
        const lt_plot_line *l = &p->lines[i];
        if (l->n_points < 1 || (n += l->n_points) > LT_PLOT_POINTS) LT_FAIL(LT_E_INTERNAL, "a plot of %d points", n);
        for (int k = 0; k < l->n_points; k++)
            if (!(l->points[k].x > 0) || !(l->points[k].y > 0) || (k && l->points[k].x < l->points[k - 1].x))
                LT_FAIL(LT_E_INTERNAL, "point %d of line %d of a plot lies at %g, %g", k, i, l->points[k].x, l->points[k].y);
    }
done:
    return st;
}

lt_status lt_plot_write(const lt_plot *p, const char *path)
{
    lt_status st = LT_OK;
    figure *f = calloc(1, sizeof *f);
    if (!f) LT_FAIL(LT_E_MEMORY, "no memory for a plot");
    f->p = p;
    LT_TRY(check(p));
    set_axes(f);
    const int height = TOP + PLOT_H + FOOT + rows(p->n_lines) * ROW + ROW / 2 + rows(p->n_keys) * ROW + 16;
    LT_TRY(lt_chart_create(WIDTH, height, LEFT, p->title, p->subtitle, &f->image));
    draw_axes(f);
    for (int i = 0; i < p->n_lines; i++) draw_least(f, i);
    for (int i = 0; i < p->n_lines; i++) draw_stairs(f, i);
    for (int i = 0; i < p->n_lines; i++) draw_dots(f, i);
    draw_labels(f);
    draw_legend(f);
    LT_TRY(lt_image_write_png(f->image, path));
done:
    if (f) lt_image_destroy(&f->image);
    free(f);
    return st;
}
