/* longtake/sheet.h -- a contact sheet: rows of samples over time, columns of pictures.
 *
 * in    a title, names of columns, pictures
 * out   one image, or a PNG file
 * owns  copies of all it is given, already at their size on the sheet
 *
 * Knows neither files of video nor of results. A sheet is used by one thread. */
#ifndef LONGTAKE_SHEET_H
#define LONGTAKE_SHEET_H

#include <longtake/image.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lt_sheet lt_sheet;

typedef enum {
    LT_LEGEND_NONE,
    LT_LEGEND_FLOW,              /* the wheel; its rim is hi pixels */
    LT_LEGEND_SCALAR,            /* a bar from lo to hi */
    LT_LEGEND_MASK               /* black 0, white 1, checker absent */
} lt_legend_kind;

typedef struct {
    lt_legend_kind kind;
    const char    *name;         /* "flow", copied */
    double         lo, hi;
    const char    *units;        /* "px"; copied; NULL: none */
} lt_legend;

typedef struct {
    const char        *title;            /* first line, e.g. the file's name; copied */
    const char        *subtitle;         /* second line, e.g. "flow | 960x540 | 71 frames"; copied; NULL: none */
    const char *const *columns;          /* [n_columns] headings; copied */
    int                n_columns;        /* 1..8 */
    int                width;            /* pixels; 0: 1600; at least 320 */
    int                aspect_width, aspect_height;      /* of the pictures, e.g. 1920, 1080 */
    int                rows;             /* expected, so that tall pictures still make a sheet that can be looked at; 0: 4 */
    const lt_legend   *legends;          /* [n_legends] below the rows; copied */
    int                n_legends;        /* 0..4 */
} lt_sheet_opts;

LT_NODISCARD lt_status lt_sheet_create(const lt_sheet_opts *opts, lt_sheet **out);

/* The size at which a picture will be shown, so that a caller may render at once at that size. */
void lt_sheet_cell(const lt_sheet *sheet, int *width, int *height);

/* A row: cells[n_columns], each any size (it is fitted, keeping its aspect), NULL: an empty cell. `label` stands
 * on the left, its lines parted by '\n', e.g. "frame 12\n0.480 s". */
LT_NODISCARD lt_status lt_sheet_add_row(lt_sheet *sheet, const char *label, const lt_image *const *cells);

/* The whole as one image, which the caller destroys. May be called again after further rows. */
LT_NODISCARD lt_status lt_sheet_render(const lt_sheet *sheet, lt_image **out);

/* lt_sheet_render into a PNG file, written whole or not at all. */
LT_NODISCARD lt_status lt_sheet_write(const lt_sheet *sheet, const char *path);

/* *sheet is NULL afterwards; NULL is accepted. */
void lt_sheet_destroy(lt_sheet **sheet);

#ifdef __cplusplus
}
#endif
#endif
