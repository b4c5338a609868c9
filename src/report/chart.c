#include "chart.h"

enum { TICK = 5, PATCH = 14 };

const lt_rgb lt_chart_paper = { 255, 255, 255 }, lt_chart_ink = { 30, 30, 34 }, lt_chart_grid = { 226, 226, 230 };

lt_status lt_chart_create(int width, int height, int left, const char *title, const char *subtitle, lt_image **out)
{
    lt_status st = LT_OK;
    LT_TRY(lt_image_create(width, height, out));
    lt_image_fill(*out, 0, 0, width, height, lt_chart_paper);
    lt_image_text(*out, left, 14, 2, lt_chart_ink, title);
    lt_image_text(*out, left, 42, 1, lt_chart_ink, subtitle);
done:
    return st;
}

void lt_chart_level(lt_image *image, int left, int y, int width, int scale, const char *text)
{
    lt_image_fill(image, left - TICK, y, width + TICK, 1, lt_chart_grid);
    lt_image_text(image, left - TICK - 4 - lt_text_width(text, scale), y - LT_TEXT_HEIGHT * scale / 2, scale, lt_chart_ink, text);
}

int lt_chart_entry(lt_image *image, int x, int y, int scale, lt_rgb colour, const char *name)
{
    lt_image_fill(image, x, y, PATCH, PATCH, colour);
    lt_image_text(image, x + PATCH + 4 + 2 * scale, y + (PATCH - 7 * scale) / 2, scale, lt_chart_ink, name);
    return x + 44 + lt_text_width(name, scale);
}
