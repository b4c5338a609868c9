#include <longtake/plan_picture.h>

#include "chart.h"

#include <stdio.h>

enum { WIDTH = 1400, HEIGHT = 900, LEFT = 92, RIGHT = 24, TOP = 64, BOTTOM = 92, PLOT_W = WIDTH - LEFT - RIGHT, PLOT_H = HEIGHT - TOP - BOTTOM, TICKS = 8 };

static const lt_rgb edge = { 250, 250, 250 };

static const struct {
    const char *name;
    lt_rgb      colour;
} kinds[LT_BOX_KINDS] = {
    [LT_BOX_WEIGHTS] = { "weights", { 96, 110, 140 } },        [LT_BOX_KEPT] = { "kept from window to window", { 76, 150, 134 } },
    [LT_BOX_VALUE] = { "activations", { 226, 142, 62 } },      [LT_BOX_WORKSPACE] = { "workspace", { 190, 62, 74 } },
    [LT_BOX_BESIDE] = { "frame ring and boundaries", { 132, 94, 168 } },
};

static int across(const lt_plan_picture *p, int step)
{
    return LEFT + (int)((int64_t)PLOT_W * step / (p->n_steps > 0 ? p->n_steps : 1));
}

/* The row of an offset; offset 0 is at the bottom. */
static int upwards(const lt_plan_picture *p, size_t offset)
{
    return TOP + PLOT_H - (int)((double)PLOT_H * (double)offset / (double)(p->n_bytes ? p->n_bytes : 1));
}

static lt_rgb shade(lt_rgb c, int i)
{
    /* Neighbours of one kind are told apart by three steps of lightness. */
    const int by = i % 3 * 14;
    const lt_rgb out = { (uint8_t)(c.r + (255 - c.r) * by / 100), (uint8_t)(c.g + (255 - c.g) * by / 100), (uint8_t)(c.b + (255 - c.b) * by / 100) };
    return out;
}

static void draw_box(lt_image *image, const lt_plan_picture *p, int i)
{
    const lt_arena_item *a = &p->boxes[i].item;
    const int x = across(p, a->first), y = upwards(p, a->offset + a->n_bytes);
    int w = across(p, a->last + 1) - x, h = upwards(p, a->offset) - y;
    char name[64];
    if (w < 1) w = 1;
    if (h < 1) h = 1;
    lt_image_fill(image, x, y, w, h, shade(kinds[p->boxes[i].kind].colour, i));
    if (w > 3 && h > 3) lt_image_outline(image, x, y, w, h, edge);
    if (w > 10 * LT_TEXT_WIDTH && h > LT_TEXT_HEIGHT + 4 && a->name)
        lt_image_text(image, x + 4, y + (h - LT_TEXT_HEIGHT) / 2 + 1, 1, lt_chart_paper, lt_text_fit(a->name, 1, w - 8, name, sizeof name));
}

/* Bytes of the arena in MiB at even distances. */
static void draw_scale(lt_image *image, const lt_plan_picture *p)
{
    for (int i = 0; i <= TICKS; i++) {
        const size_t at = (size_t)((double)p->n_bytes * i / TICKS);
        char text[32];
        snprintf(text, sizeof text, "%.1f MiB", (double)at / 1048576);
        lt_chart_level(image, LEFT, upwards(p, at), PLOT_W, 1, text);
    }
}

/* Where the parts of the network begin, named below in two rows, since small ones lie close together. */
static void draw_marks(lt_image *image, const lt_plan_picture *p)
{
    for (int i = 0; i < p->n_marks; i++) {
        const int x = across(p, p->marks[i].first), y = TOP + PLOT_H + 6 + i % 3 * (LT_TEXT_HEIGHT + 3);
        lt_image_fill(image, x, TOP, 1, PLOT_H + 6 + i % 3 * (LT_TEXT_HEIGHT + 3), lt_chart_ink);
        lt_image_text(image, x + 3, y, 1, lt_chart_ink, p->marks[i].name);
    }
}

static void draw_legend(lt_image *image)
{
    int x = LEFT;
    const int y = HEIGHT - 36;
    for (int i = 0; i < LT_BOX_KINDS; i++) x = lt_chart_entry(image, x, y, 1, kinds[i].colour, kinds[i].name);
    lt_image_text(image, LEFT, HEIGHT - 17, 1, lt_chart_ink, "steps of the plan from left to right; offsets in the arena from the bottom up; one box a tensor");
}

lt_status lt_plan_picture_write(const lt_plan_picture *p, const char *path)
{
    lt_status st = LT_OK;
    lt_image *image = NULL;
    LT_TRY(lt_chart_create(WIDTH, HEIGHT, LEFT, p->title, p->subtitle, &image));
    draw_scale(image, p);
    for (int i = 0; i < p->n_boxes; i++) draw_box(image, p, i);
    draw_marks(image, p);
    draw_legend(image);
    LT_TRY(lt_image_write_png(image, path));
done:
    lt_image_destroy(&image);
    return st;
}
