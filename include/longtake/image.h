/* longtake/image.h -- a picture in memory.
 *
 * in    pixels, or a PNG file
 * out   PNG files and bytes, smaller pictures, text drawn into a picture
 * owns  an image owns its pixels
 *
 * 8-bit RGB, rows from the top, no padding. Coordinates outside the picture are clipped, never an error. An image
 * is used by one thread at a time. */
#ifndef LONGTAKE_IMAGE_H
#define LONGTAKE_IMAGE_H

#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint8_t r, g, b;
} lt_rgb;

typedef struct {
    int      width, height;
    uint8_t *rgb;                /* [height, width, 3] */
} lt_image;

/* All black. LT_E_MEMORY where it cannot be had, LT_E_DATA beyond 1 x 1 to 65535 x 65535. */
LT_NODISCARD lt_status lt_image_create(int width, int height, lt_image **out);

/* *image is NULL afterwards; NULL is accepted. */
void lt_image_destroy(lt_image **image);

/* Any PNG as 8-bit RGB; alpha is dropped. LT_E_ABSENT, LT_E_DATA. */
LT_NODISCARD lt_status lt_image_read_png(const char *path, lt_image **out);

/* Written whole or not at all (lt_file_replace). LT_E_STORE. */
LT_NODISCARD lt_status lt_image_write_png(const lt_image *image, const char *path);

/* The PNG file as bytes; the caller frees *bytes. */
LT_NODISCARD lt_status lt_image_encode_png(const lt_image *image, uint8_t **bytes, size_t *n_bytes);

/* A copy of width x height. Each pixel is the mean of the area of the source that it covers; where it is larger than
 * the source, pixels are repeated, so that a single one stays visible. */
LT_NODISCARD lt_status lt_image_resize(const lt_image *image, int width, int height, lt_image **out);

void lt_image_fill(lt_image *image, int x, int y, int width, int height, lt_rgb colour);

/* The outline of a rectangle, one pixel wide, inside it. */
void lt_image_outline(lt_image *image, int x, int y, int width, int height, lt_rgb colour);

/* Puts `source` at (x, y). */
void lt_image_put(lt_image *image, int x, int y, const lt_image *source);

/* ---- text: 5x7 dots in cells of 6x9, printable ASCII; any other character is drawn as '?' (UTF-8: one each) ---- */

enum { LT_TEXT_WIDTH = 6, LT_TEXT_HEIGHT = 9 };

/* Draws one line whose cell begins at (x, y), each dot scale x scale pixels. */
void lt_image_text(lt_image *image, int x, int y, int scale, lt_rgb colour, const char *text);

/* Pixels across that the line takes. */
int lt_text_width(const char *text, int scale);

/* Copies `text` into out [size]; where it is wider than `width` pixels its middle becomes "..". */
char *lt_text_fit(const char *text, int scale, int width, char *out, int size);

#ifdef __cplusplus
}
#endif
#endif
