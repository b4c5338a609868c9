#include <longtake/sheet.h>

#include <longtake/colour.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 8, LEGENDS_MAX = 4, WIDTH = 1600, WIDTH_MIN = 320, ROWS = 4, ROWS_MAX = 64, LABEL = 48, TITLE = 512 };

static const lt_rgb ground = { 24, 26, 31 }, empty = { 34, 37, 44 }, edge = { 58, 63, 74 };
static const lt_rgb bright = { 236, 239, 244 }, plain = { 190, 196, 208 }, dim = { 136, 144, 160 };

typedef struct {
    char      label[TITLE];
    lt_image *cells[COLUMNS_MAX];
} sheet_row;

typedef struct {
    lt_legend_kind kind;
    char           name[LABEL], units[LABEL];
    double         lo, hi;
} sheet_legend;

struct lt_sheet {
    char         title[TITLE], subtitle[TITLE], columns[COLUMNS_MAX][LABEL];
    sheet_legend legends[LEGENDS_MAX];
    int          n_columns, n_legends, n_rows;
    int          width, unit, text, margin, gap, label_width, cell_width, cell_height, head_height, legend_height;
    sheet_row   *rows[ROWS_MAX];
};

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

/* Sizes follow from the width asked for; tall pictures are made smaller until the rows make a sheet not much taller
 * than 3/2 of its width, and the sheet shrinks around them. */
static void lay_out(lt_sheet *s, const lt_sheet_opts *o)
{
    const int asked = o->width ? o->width < WIDTH_MIN ? WIDTH_MIN : o->width > 16384 ? 16384 : o->width : WIDTH;
    const int rows = o->rows > 0 ? o->rows : ROWS;
    const double aspect = o->aspect_width > 0 && o->aspect_height > 0 ? (double)o->aspect_width / o->aspect_height : 1;
    s->unit = asked >= 1000 ? 2 : 1;
    s->text = s->unit;
    s->margin = 14 * s->unit;
    s->gap = 6 * s->unit;
    s->label_width = 13 * LT_TEXT_WIDTH * s->text + s->gap;
    const int room = asked - 2 * s->margin - s->label_width - (s->n_columns - 1) * s->gap;
    double w = (double)room / s->n_columns;
    if (w < 16) w = 16;
    double h = w / aspect;
    const double tallest = 1.5 * asked / rows, least = 4.0 * LT_TEXT_HEIGHT * s->text;
    if (h > tallest) {
        h = tallest;
        w = h * aspect;
    }
    s->cell_width = w < 1 ? 1 : (int)w;
    s->cell_height = h < 1 ? 1 : (int)(h + 0.5);
    if (s->cell_height < (int)least) s->cell_height = (int)least;       /* room for the label beside it */
    const int widest = 14 * LT_TEXT_WIDTH * s->text;                    /* and for the heading above */
    if (s->cell_width < widest && widest * s->n_columns <= room) s->cell_width = widest;
    s->width = 2 * s->margin + s->label_width + s->n_columns * s->cell_width + (s->n_columns - 1) * s->gap;
    const int narrow = asked < 360 * s->unit ? asked : 360 * s->unit;
    if (s->width < narrow) s->width = narrow;
    s->head_height = s->margin + (LT_TEXT_HEIGHT + 5) * (s->unit + 1) + (LT_TEXT_HEIGHT + 8) * s->text
                     + (LT_TEXT_HEIGHT + 3) * s->text;
    s->legend_height = s->n_legends ? 48 * s->unit : 0;
}

lt_status lt_sheet_create(const lt_sheet_opts *opts, lt_sheet **out)
{
    lt_status st = LT_OK;
    *out = NULL;
    if (opts->n_columns < 1 || opts->n_columns > COLUMNS_MAX || opts->n_legends < 0 || opts->n_legends > LEGENDS_MAX)
        LT_FAIL(LT_E_INTERNAL, "a sheet has 1 to %d columns and up to %d legends, not %d and %d", COLUMNS_MAX, LEGENDS_MAX,
                opts->n_columns, opts->n_legends);
    lt_sheet *s = calloc(1, sizeof *s);
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for a contact sheet");
    copy(s->title, sizeof s->title, opts->title);
    copy(s->subtitle, sizeof s->subtitle, opts->subtitle);
    s->n_columns = opts->n_columns;
    for (int c = 0; c < s->n_columns; c++) copy(s->columns[c], LABEL, opts->columns[c]);
    s->n_legends = opts->n_legends;
    for (int i = 0; i < s->n_legends; i++) {
        const lt_legend *l = &opts->legends[i];
        s->legends[i] = (sheet_legend){ .kind = l->kind, .lo = l->lo, .hi = l->hi };
        copy(s->legends[i].name, LABEL, l->name);
        copy(s->legends[i].units, LABEL, l->units);
    }
    lay_out(s, opts);
    *out = s;
done:
    return st;
}

void lt_sheet_cell(const lt_sheet *sheet, int *width, int *height)
{
    *width = sheet->cell_width;
    *height = sheet->cell_height;
}

static void destroy_row(sheet_row *row)
{
    if (!row) return;
    for (int c = 0; c < COLUMNS_MAX; c++) lt_image_destroy(&row->cells[c]);
    free(row);
}

/* The largest size of the picture's aspect that the cell holds. */
static lt_status fit(const lt_sheet *s, const lt_image *image, lt_image **out)
{
    const double sx = (double)s->cell_width / image->width, sy = (double)s->cell_height / image->height;
    const double k = sx < sy ? sx : sy;
    int w = (int)(image->width * k + 0.5), h = (int)(image->height * k + 0.5);
    /* a row of pixels more or less is no reason for a stripe beside the picture */
    if (abs(w - s->cell_width) <= 2) w = s->cell_width;
    if (abs(h - s->cell_height) <= 2) h = s->cell_height;
    return lt_image_resize(image, w < 1 ? 1 : w, h < 1 ? 1 : h, out);
}

lt_status lt_sheet_add_row(lt_sheet *sheet, const char *label, const lt_image *const *cells)
{
    lt_status st = LT_OK;
    sheet_row *row = NULL;
    if (sheet->n_rows == ROWS_MAX) LT_FAIL(LT_E_INTERNAL, "a contact sheet has at most %d rows", ROWS_MAX);
    row = calloc(1, sizeof *row);
    if (!row) LT_FAIL(LT_E_MEMORY, "no memory for a row of a contact sheet");
    copy(row->label, sizeof row->label, label);
    for (int c = 0; c < sheet->n_columns; c++)
        if (cells[c]) LT_TRY(fit(sheet, cells[c], &row->cells[c]));
    sheet->rows[sheet->n_rows++] = row;
    row = NULL;
done:
    destroy_row(row);
    return st;
}

static int column_x(const lt_sheet *s, int c)
{
    return s->margin + s->label_width + c * (s->cell_width + s->gap);
}

static void text_fitted(lt_image *image, int x, int y, int scale, int width, lt_rgb colour, const char *text)
{
    char line[TITLE];
    lt_image_text(image, x, y, scale, colour, lt_text_fit(text, scale, width, line, sizeof line));
}

static void draw_head(const lt_sheet *s, lt_image *image)
{
    const int room = s->width - 2 * s->margin;
    int y = s->margin;
    text_fitted(image, s->margin, y, s->unit + 1, room, bright, s->title);
    y += (LT_TEXT_HEIGHT + 5) * (s->unit + 1);
    text_fitted(image, s->margin, y, s->text, room, dim, s->subtitle);
    y += (LT_TEXT_HEIGHT + 8) * s->text;
    for (int c = 0; c < s->n_columns; c++)
        text_fitted(image, column_x(s, c), y, s->text, s->cell_width, plain, s->columns[c]);
}

static void draw_row(const lt_sheet *s, const sheet_row *row, int y, lt_image *image)
{
    int line_y = y;
    for (const char *line = row->label; *line;) {
        char part[TITLE];
        const size_t n = strcspn(line, "\n");
        snprintf(part, sizeof part, "%.*s", (int)n, line);
        text_fitted(image, s->margin, line_y, s->text, s->label_width - s->gap, line == row->label ? bright : dim, part);
        line_y += (LT_TEXT_HEIGHT + 3) * s->text;
        line += n + (line[n] == '\n');
    }
    for (int c = 0; c < s->n_columns; c++) {
        const int x = column_x(s, c);
        const lt_image *cell = row->cells[c];
        if (!cell) {
            lt_image_fill(image, x, y, s->cell_width, s->cell_height, empty);
            lt_image_text(image, x + (s->cell_width - lt_text_width("-", s->text)) / 2,
                          y + (s->cell_height - 7 * s->text) / 2, s->text, dim, "-");
        } else {
            lt_image_put(image, x + (s->cell_width - cell->width) / 2, y + (s->cell_height - cell->height) / 2, cell);
        }
    }
}

static int draw_flow_legend(const lt_sheet *s, const sheet_legend *l, int x, int y, lt_image *image)
{
    char line[2 * LABEL + 64];
    const int size = s->legend_height - 4 * s->unit, text_x = x + size + s->gap;
    lt_colour_wheel(image, x, y, size, ground);
    lt_image_text(image, text_x, y + 7 * s->unit, s->text, plain, l->name);
    snprintf(line, sizeof line, "rim %.4g %s", l->hi, l->units);
    lt_image_text(image, text_x, y + (7 + LT_TEXT_HEIGHT + 3) * s->unit, s->text, dim, line);
    const int w = lt_text_width(line, s->text), w0 = lt_text_width(l->name, s->text);
    return text_x + (w > w0 ? w : w0);
}

static int draw_bar_legend(const lt_sheet *s, const sheet_legend *l, int x, int y, lt_image *image)
{
    char line[2 * LABEL + 64];
    const int width = 120 * s->unit, top = y + (7 + LT_TEXT_HEIGHT + 2) * s->unit, height = 9 * s->unit;
    snprintf(line, sizeof line, "%s%s%s", l->name, *l->units ? ", " : "", l->units);
    lt_image_text(image, x, y + 5 * s->unit, s->text, plain, line);
    for (int i = 0; i < width; i++)
        lt_image_fill(image, x + i, top, 1, height, lt_colour_scalar((float)i / (float)(width - 1)));
    snprintf(line, sizeof line, "%.4g", l->lo);
    lt_image_text(image, x, top + height + 3 * s->unit, s->text, dim, line);
    snprintf(line, sizeof line, "%.4g", l->hi);
    lt_image_text(image, x + width - lt_text_width(line, s->text), top + height + 3 * s->unit, s->text, dim, line);
    return x + width;
}

static int draw_mask_legend(const lt_sheet *s, const sheet_legend *l, int x, int y, lt_image *image)
{
    static const char *const names[3] = { "no", "yes", "absent" };
    const int side = 9 * s->unit, top = y + (7 + LT_TEXT_HEIGHT + 3) * s->unit;
    lt_image_text(image, x, y + 7 * s->unit, s->text, plain, l->name);
    int right = x + lt_text_width(l->name, s->text);
    for (int i = 0; i < 3; i++) {
        const uint8_t g = i ? 255 : 0;
        lt_image_fill(image, x, top, side, side, (lt_rgb){ g, g, g });
        for (int k = 0; i == 2 && k < side * side; k++)
            lt_image_fill(image, x + k % side, top + k / side, 1, 1, lt_colour_absent(k % side, k / side));
        lt_image_outline(image, x, top, side, side, edge);
        lt_image_text(image, x + side + s->gap / 2, top + s->unit, s->text, dim, names[i]);
        x += side + s->gap / 2 + lt_text_width(names[i], s->text);
        if (x > right) right = x;
        x += 2 * s->gap;
    }
    return right;
}

static void draw_legends(const lt_sheet *s, int y, lt_image *image)
{
    int x = s->margin + s->label_width;
    for (int i = 0; i < s->n_legends; i++) {
        const sheet_legend *l = &s->legends[i];
        if (l->kind == LT_LEGEND_FLOW) x = draw_flow_legend(s, l, x, y, image);
        else if (l->kind == LT_LEGEND_SCALAR) x = draw_bar_legend(s, l, x, y, image);
        else if (l->kind == LT_LEGEND_MASK) x = draw_mask_legend(s, l, x, y, image);
        x += 24 * s->unit;
    }
}

lt_status lt_sheet_render(const lt_sheet *sheet, lt_image **out)
{
    lt_status st = LT_OK;
    const int pitch = sheet->cell_height + sheet->gap;
    int height = sheet->head_height + sheet->n_rows * pitch - (sheet->n_rows ? sheet->gap : 0) + sheet->margin;
    if (sheet->legend_height) height += sheet->legend_height + sheet->margin;
    LT_TRY(lt_image_create(sheet->width, height, out));
    lt_image_fill(*out, 0, 0, sheet->width, height, ground);
    draw_head(sheet, *out);
    for (int r = 0; r < sheet->n_rows; r++) draw_row(sheet, sheet->rows[r], sheet->head_height + r * pitch, *out);
    if (sheet->legend_height) draw_legends(sheet, height - sheet->margin - sheet->legend_height, *out);
done:
    return st;
}

lt_status lt_sheet_write(const lt_sheet *sheet, const char *path)
{
    lt_status st = LT_OK;
    lt_image *image = NULL;
    LT_TRY(lt_sheet_render(sheet, &image));
    LT_TRY(lt_image_write_png(image, path));
done:
    lt_image_destroy(&image);
    return st;
}

void lt_sheet_destroy(lt_sheet **sheet)
{
    if (!*sheet) return;
    for (int r = 0; r < (*sheet)->n_rows; r++) destroy_row((*sheet)->rows[r]);
    free(*sheet);
    *sheet = NULL;
}
