/* longtake/arena.h -- one allocation, planned to the byte.
 *
 * in    items: sizes and lifetimes
 * out   offsets in one block; then the block itself, made once
 * owns  lt_arena owns its block; whoever gets a pointer into it borrows
 *
 * The layout is a pure function of the items, so a plan can be made without a device. */
#ifndef LONGTAKE_ARENA_H
#define LONGTAKE_ARENA_H

#include <longtake/device.h>
#include <longtake/status.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_ARENA_ALIGN = 256 };     /* bytes; a cache line, a vector and a CUDA texture row all divide it */

typedef struct {
    const char *name;              /* for `plan` and messages; borrowed */
    size_t      n_bytes;
    int         first, last;       /* steps at which it is alive, both inclusive */
    size_t      offset;            /* out: bytes from the start, a multiple of LT_ARENA_ALIGN */
} lt_arena_item;

/* What n_bytes take of a layout: rounded up to LT_ARENA_ALIGN. */
size_t lt_arena_padded(size_t n_bytes);

/* Gives each item an offset such that items alive at a common step do not overlap: largest first, each in
 * the smallest gap that holds it. *n_bytes is the size of the whole. LT_E_MEMORY where the sum overflows. */
LT_NODISCARD lt_status lt_arena_layout(lt_arena_item *items, int n, size_t *n_bytes);

typedef struct lt_arena lt_arena;

/* The block, in host memory. Every byte is 0xFF at first, so that a value read before it was written is a NaN. */
LT_NODISCARD lt_status lt_arena_create(size_t n_bytes, lt_arena **out);

/* The same in the memory of a device, which outlives it; NULL: in host memory. One cudaMalloc of exactly n_bytes. */
LT_NODISCARD lt_status lt_arena_create_on(lt_device *device, size_t n_bytes, lt_arena **out);

/* Whose memory it is; NULL: the host's. */
lt_device *lt_arena_device(const lt_arena *arena);

/* An address of the device where the arena is a device's. */
void  *lt_arena_at(const lt_arena *arena, size_t offset);
size_t lt_arena_size(const lt_arena *arena);

/* Bytes from the start to the last one that was ever written with another value than the first 0xFF: what was really
 * used, to compare with the plan. Reads the unused end; on a GPU it waits for what runs there. 0 where the device is lost. */
size_t lt_arena_high_water(const lt_arena *arena);

/* *arena is NULL afterwards; NULL is accepted. */
void lt_arena_destroy(lt_arena **arena);

#ifdef __cplusplus
}
#endif
#endif
