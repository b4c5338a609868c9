#include <longtake/image.h>

#include "font.h"

#include <longtake/file.h>

#include <errno.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MAX = 65535 };

lt_status lt_image_create(int width, int height, lt_image **out)
{
    lt_status st = LT_OK;
    lt_image *image = NULL;
    *out = NULL;
    if (width < 1 || height < 1 || width > SIDE_MAX || height > SIDE_MAX)
        LT_FAIL(LT_E_DATA, "a picture of %dx%d pixels cannot be made: each side must be 1 to %d", width, height, SIDE_MAX);
    image = calloc(1, sizeof *image);
    if (image) image->rgb = calloc((size_t)width * (size_t)height, 3);
    if (!image || !image->rgb) LT_FAIL(LT_E_MEMORY, "no memory for a picture of %dx%d pixels", width, height);
    image->width = width;
    image->height = height;
    *out = image;
    image = NULL;
done:
    lt_image_destroy(&image);
    return st;
}

void lt_image_destroy(lt_image **image)
{
    if (!*image) return;
    free((*image)->rgb);
    free(*image);
    *image = NULL;
}

lt_status lt_image_read_png(const char *path, lt_image **out)
{
    lt_status st = LT_OK;
    lt_image *image = NULL;
    png_image png = { .version = PNG_IMAGE_VERSION };
    *out = NULL;
    FILE *file = fopen(path, "rb");
    if (!file) LT_FAIL(errno == ENOENT ? LT_E_ABSENT : LT_E_DATA, "%s cannot be read: %s", path, strerror(errno));
    if (!png_image_begin_read_from_stdio(&png, file)) LT_FAIL(LT_E_DATA, "%s is not a PNG picture: %s", path, png.message);
    if (png.width > SIDE_MAX || png.height > SIDE_MAX)
        LT_FAIL(LT_E_DATA, "%s is too large: %ux%u pixels", path, png.width, png.height);
    LT_TRY(lt_image_create((int)png.width, (int)png.height, &image));
    png.format = PNG_FORMAT_RGB;
    const png_color black = { 0, 0, 0 };
    if (!png_image_finish_read(&png, &black, image->rgb, 0, NULL)) LT_FAIL(LT_E_DATA, "%s is damaged: %s", path, png.message);
    *out = image;
    image = NULL;
done:
    png_image_free(&png);
    if (file) fclose(file);
    lt_image_destroy(&image);
    return st;
}

lt_status lt_image_encode_png(const lt_image *image, uint8_t **bytes, size_t *n_bytes)
{
    lt_status st = LT_OK;
    uint8_t *buffer = NULL;
    png_image png = { .version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB };
    png.width = (png_uint_32)image->width;
    png.height = (png_uint_32)image->height;
    *bytes = NULL;
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
    buffer = malloc(size);
    if (!buffer) LT_FAIL(LT_E_MEMORY, "no memory to write a picture of %dx%d pixels", image->width, image->height);
    if (!png_image_write_to_memory(&png, buffer, &size, 0, image->rgb, 0, NULL))
        LT_FAIL(LT_E_INTERNAL, "a picture of %dx%d pixels was not encoded: %s", image->width, image->height, png.message);
    *n_bytes = size;
    *bytes = buffer;
    buffer = NULL;
done:
    png_image_free(&png);
    free(buffer);
    return st;
}

lt_status lt_image_write_png(const lt_image *image, const char *path)
{
    lt_status st = LT_OK;
    uint8_t *bytes = NULL;
    size_t n_bytes = 0;
    LT_TRY(lt_image_encode_png(image, &bytes, &n_bytes));
    LT_TRY(lt_file_replace(path, bytes, n_bytes));
done:
    free(bytes);
    return st;
}

/* What one pixel of an axis of n pixels, made from n_source, covers: pixels first to last, in units of 1/n of a source
 * pixel. Integers, so that the mean is exact. */
typedef struct {
    int64_t first, last, begin, end, n;
    int     repeat;
} span;

static span span_of(int j, int n, int n_source)
{
    span s = { .n = n };
    if (n >= n_source) {
        s.first = s.last = (2 * (int64_t)j + 1) * n_source / (2 * (int64_t)n);
        s.repeat = 1;
        return s;
    }
    s.begin = (int64_t)j * n_source;
    s.end = s.begin + n_source;
    s.first = s.begin / n;
    s.last = (s.end - 1) / n;
    return s;
}

static uint64_t span_weight(const span *s, int64_t i)
{
    if (s->repeat) return 1;
    int64_t from = i * s->n > s->begin ? i * s->n : s->begin;
    int64_t to = (i + 1) * s->n < s->end ? (i + 1) * s->n : s->end;
    return (uint64_t)(to - from);
}

static void resize_pixel(const lt_image *source, const span *sy, const span *sx, uint8_t *out)
{
    uint64_t sum[3] = { 0, 0, 0 }, total = 0;
    for (int64_t y = sy->first; y <= sy->last; y++) {
        const uint64_t wy = span_weight(sy, y);
        const uint8_t *row = source->rgb + (size_t)y * (size_t)source->width * 3;
        for (int64_t x = sx->first; x <= sx->last; x++) {
            const uint64_t w = wy * span_weight(sx, x);
            for (int c = 0; c < 3; c++) sum[c] += w * row[3 * x + c];
            total += w;
        }
    }
    for (int c = 0; c < 3; c++) out[c] = (uint8_t)((sum[c] + total / 2) / total);
}

lt_status lt_image_resize(const lt_image *image, int width, int height, lt_image **out)
{
    lt_status st = LT_OK;
    LT_TRY(lt_image_create(width, height, out));
    for (int y = 0; y < height; y++) {
        const span sy = span_of(y, height, image->height);
        for (int x = 0; x < width; x++) {
            const span sx = span_of(x, width, image->width);
            resize_pixel(image, &sy, &sx, (*out)->rgb + ((size_t)y * (size_t)width + (size_t)x) * 3);
        }
    }
done:
    return st;
}

static void set(lt_image *image, int x, int y, lt_rgb c)
{
    if (x < 0 || y < 0 || x >= image->width || y >= image->height) return;
    uint8_t *p = image->rgb + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
    p[0] = c.r;
    p[1] = c.g;
    p[2] = c.b;
}

void lt_image_fill(lt_image *image, int x, int y, int width, int height, lt_rgb colour)
{
    const int x1 = x + width < image->width ? x + width : image->width;
    const int y1 = y + height < image->height ? y + height : image->height;
    for (int j = y > 0 ? y : 0; j < y1; j++)
        for (int i = x > 0 ? x : 0; i < x1; i++) set(image, i, j, colour);
}

void lt_image_outline(lt_image *image, int x, int y, int width, int height, lt_rgb colour)
{
    lt_image_fill(image, x, y, width, 1, colour);
    lt_image_fill(image, x, y + height - 1, width, 1, colour);
    lt_image_fill(image, x, y, 1, height, colour);
    lt_image_fill(image, x + width - 1, y, 1, height, colour);
}

void lt_image_put(lt_image *image, int x, int y, const lt_image *source)
{
    const int i0 = x < 0 ? -x : 0;
    const int i1 = source->width < image->width - x ? source->width : image->width - x;
    if (i1 <= i0) return;
    for (int j = 0; j < source->height; j++) {
        if (y + j < 0 || y + j >= image->height) continue;
        memcpy(image->rgb + ((size_t)(y + j) * (size_t)image->width + (size_t)(x + i0)) * 3,
               source->rgb + ((size_t)j * (size_t)source->width + (size_t)i0) * 3, (size_t)(i1 - i0) * 3);
    }
}

/* Bytes that continue a UTF-8 character take no cell. */
static int continues(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

void lt_image_text(lt_image *image, int x, int y, int scale, lt_rgb colour, const char *text)
{
    for (; *text; text++) {
        if (continues(*text)) continue;
        const char *dots = lt_glyph((unsigned char)*text);
        for (int k = 0; dots[k]; k++)
            if (dots[k] == '#') lt_image_fill(image, x + k % 6 * scale, y + k / 6 * scale, scale, scale, colour);
        x += LT_TEXT_WIDTH * scale;
    }
}

static int cells(const char *text)
{
    int n = 0;
    for (; *text; text++) n += !continues(*text);
    return n;
}

int lt_text_width(const char *text, int scale)
{
    const int n = cells(text);
    return n ? (n * LT_TEXT_WIDTH - 1) * scale : 0;
}

char *lt_text_fit(const char *text, int scale, int width, char *out, int size)
{
    const int n = cells(text);
    const int room = (width / scale + 1) / LT_TEXT_WIDTH;
    const int head = room > 2 ? (room - 1) / 2 : room, tail = room > 2 ? room - 2 - head : 0;
    int cell = -1, o = 0;
    for (; *text && o + 3 < size; text++) {
        cell += !continues(*text);
        if (n <= room || cell < head || cell >= n - tail) out[o++] = *text;
        else if (cell == head && !continues(*text) && room > 2) {
            out[o++] = '.';
            out[o++] = '.';
        }
    }
    out[o] = 0;
    return out;
}
