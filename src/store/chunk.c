#include "store/chunk.h"

#include <libdeflate.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct lt_codec {
    struct libdeflate_compressor   *deflate;
    struct libdeflate_decompressor *inflate;
    uint8_t                        *plain, *shuffled;      /* [LT_CHUNK_BYTES] each */
    atomic_flag                     taken;
};

struct lt_codecs {
    int      n;
    lt_codec list[];
};

static int up(int a, int b)
{
    return a / b + (a % b != 0);
}

void lt_tiling_init(lt_tiling *t, int width, int height, int channels, size_t item)
{
    *t = (lt_tiling){ .width = width, .height = height, .channels = channels, .item = item };
    int k = 1;
    while ((size_t)up(height, k) * (size_t)up(width, k) * (size_t)channels * item > LT_CHUNK_BYTES) k++;
    t->rows = up(height, k);
    t->cols = up(width, k);
    t->n_y = up(height, t->rows);
    t->n_x = up(width, t->cols);
    t->n = t->n_y * t->n_x;
    t->n_bytes = (size_t)t->rows * (size_t)t->cols * (size_t)channels * item;
}

size_t lt_codecs_bytes(int n)
{
    return sizeof(lt_codecs) + (size_t)n * (sizeof(lt_codec) + 2 * (size_t)LT_CHUNK_BYTES);
}

lt_status lt_codecs_create(int n, int level, lt_codecs **out)
{
    lt_status st = LT_OK;
    lt_codecs *c = calloc(1, sizeof *c + (size_t)n * sizeof *c->list);
    *out = NULL;
    if (!c) LT_FAIL(LT_E_MEMORY, "no memory for compression");
    for (; c->n < n; c->n++) {
        lt_codec *codec = &c->list[c->n];
        atomic_flag_clear(&codec->taken);
        codec->plain = malloc(LT_CHUNK_BYTES);
        codec->shuffled = malloc(LT_CHUNK_BYTES);
        codec->inflate = libdeflate_alloc_decompressor();
        if (level > 0) codec->deflate = libdeflate_alloc_compressor(level);
        if (!codec->plain || !codec->shuffled || !codec->inflate || (level > 0 && !codec->deflate)) {
            c->n++;
            LT_FAIL(LT_E_MEMORY, "no memory for compression");
        }
    }
    *out = c;
    c = NULL;
done:
    lt_codecs_destroy(&c);
    return st;
}

void lt_codecs_destroy(lt_codecs **c)
{
    for (int i = 0; *c && i < (*c)->n; i++) {
        lt_codec *codec = &(*c)->list[i];
        if (codec->deflate) libdeflate_free_compressor(codec->deflate);
        if (codec->inflate) libdeflate_free_decompressor(codec->inflate);
        free(codec->plain);
        free(codec->shuffled);
    }
    free(*c);
    *c = NULL;
}

lt_codec *lt_codecs_take(lt_codecs *c)
{
    for (int i = 0;; i = (i + 1) % c->n)
        if (!atomic_flag_test_and_set_explicit(&c->list[i].taken, memory_order_acquire)) return &c->list[i];
}

void lt_codecs_give(lt_codecs *c, lt_codec *codec)
{
    (void)c;
    atomic_flag_clear_explicit(&codec->taken, memory_order_release);
}

size_t lt_chunk_bound(void)
{
    return libdeflate_zlib_compress_bound(NULL, LT_CHUNK_BYTES);
}

/* HDF5's shuffle filter: all first bytes, then all second bytes, ... */
static void shuffle(const uint8_t *in, size_t n, size_t item, uint8_t *out)
{
    for (size_t b = 0; b < item; b++) {
        uint8_t *to = out + b * n;
        if (item == 4) for (size_t i = 0; i < n; i++) to[i] = in[4 * i + b];
        else for (size_t i = 0; i < n; i++) to[i] = in[item * i + b];
    }
}

static void unshuffle(const uint8_t *in, size_t n, size_t item, uint8_t *out)
{
    for (size_t b = 0; b < item; b++) {
        const uint8_t *from = in + b * n;
        if (item == 4) for (size_t i = 0; i < n; i++) out[4 * i + b] = from[i];
        else for (size_t i = 0; i < n; i++) out[item * i + b] = from[i];
    }
}

/* The part of chunk `index` that lies inside the frame. */
static void inside(const lt_tiling *t, int index, int *y0, int *x0, int *n_rows, int *n_cols)
{
    *y0 = index / t->n_x * t->rows;
    *x0 = index % t->n_x * t->cols;
    *n_rows = t->height - *y0 < t->rows ? t->height - *y0 : t->rows;
    *n_cols = t->width - *x0 < t->cols ? t->width - *x0 : t->cols;
}

size_t lt_chunk_encode(lt_codec *c, const lt_tiling *t, int index, const uint8_t *frame, const uint8_t *fill, uint8_t *out)
{
    int y0, x0, n_rows, n_cols;
    size_t pixel = (size_t)t->channels * t->item, row = (size_t)t->cols * pixel, n_values = t->n_bytes / t->item;
    inside(t, index, &y0, &x0, &n_rows, &n_cols);
    if (n_rows < t->rows || n_cols < t->cols)
        for (size_t i = 0; i < n_values; i++) memcpy(c->plain + i * t->item, fill, t->item);
    for (int y = 0; y < n_rows; y++)
        memcpy(c->plain + (size_t)y * row, frame + ((size_t)(y0 + y) * (size_t)t->width + (size_t)x0) * pixel, (size_t)n_cols * pixel);
    const uint8_t *bytes = c->plain;
    if (t->item > 1) {
        shuffle(c->plain, n_values, t->item, c->shuffled);
        bytes = c->shuffled;
    }
    return libdeflate_zlib_compress(c->deflate, bytes, t->n_bytes, out, lt_chunk_bound());
}

lt_status lt_chunk_decode(lt_codec *c, const lt_tiling *t, int index, const uint8_t *bytes, size_t n_bytes, uint8_t *frame)
{
    lt_status st = LT_OK;
    int y0, x0, n_rows, n_cols;
    size_t pixel = (size_t)t->channels * t->item, row = (size_t)t->cols * pixel, got = 0;
    uint8_t *plain = t->item > 1 ? c->shuffled : c->plain;
    if (libdeflate_zlib_decompress(c->inflate, bytes, n_bytes, plain, t->n_bytes, &got) != LIBDEFLATE_SUCCESS || got != t->n_bytes)
        LT_FAIL(LT_E_DATA, "a chunk does not decompress");
    if (t->item > 1) unshuffle(c->shuffled, t->n_bytes / t->item, t->item, c->plain);
    inside(t, index, &y0, &x0, &n_rows, &n_cols);
    for (int y = 0; y < n_rows; y++)
        memcpy(frame + ((size_t)(y0 + y) * (size_t)t->width + (size_t)x0) * pixel, c->plain + (size_t)y * row, (size_t)n_cols * pixel);
done:
    return st;
}
