/* A frame of a field as chunks: cut, padded, shuffled, compressed, and back.
 *
 * Chunks are [1, ceil(H/k), ceil(W/k), C] with the smallest k that keeps one <= 1 MiB (docs/output.md). */
#ifndef LT_STORE_CHUNK_H
#define LT_STORE_CHUNK_H

#include <longtake/status.h>

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { LT_CHUNK_BYTES = 1 << 20 };

typedef struct {
    int    width, height, channels;     /* channels at least 1 */
    size_t item;                        /* bytes of a stored value: 1, 2, 4 */
    int    rows, cols;                  /* of a chunk */
    int    n_y, n_x;                    /* chunks down and across */
    int    n;                           /* n_y * n_x */
    size_t n_bytes;                     /* of a chunk before compression, at most LT_CHUNK_BYTES */
} lt_tiling;

/* channels * item is at most LT_CHUNK_BYTES. */
void lt_tiling_init(lt_tiling *t, int width, int height, int channels, size_t item);

/* A compressor, a decompressor and two buffers of a chunk, for one thread at a time. */
typedef struct lt_codec lt_codec;

/* n of them; whoever needs one takes a free one, so that a task of a pool need not know its thread. */
typedef struct lt_codecs lt_codecs;

/* level 0: decompress only. */
LT_NODISCARD lt_status lt_codecs_create(int n, int level, lt_codecs **out);
void lt_codecs_destroy(lt_codecs **c);

/* What lt_codecs_create allocates itself. */
size_t lt_codecs_bytes(int n);

/* At most n at a time may be taken. */
lt_codec *lt_codecs_take(lt_codecs *c);
void lt_codecs_give(lt_codecs *c, lt_codec *codec);

/* Room for any compressed chunk. */
size_t lt_chunk_bound(void);

/* Chunk `index` of a frame [H,W,C] of stored values; parts outside are `fill` [item]. Returns the bytes written to out
 * [lt_chunk_bound()], 0 where it did not fit. */
size_t lt_chunk_encode(lt_codec *c, const lt_tiling *t, int index, const uint8_t *frame, const uint8_t *fill, uint8_t *out);

/* The inverse; LT_E_DATA where the bytes are no chunk of this size. Writes only the part inside the frame. */
LT_NODISCARD lt_status lt_chunk_decode(lt_codec *c, const lt_tiling *t, int index, const uint8_t *bytes, size_t n_bytes, uint8_t *frame);

#endif
