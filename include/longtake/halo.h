/* longtake/halo.h -- what a piece needs of its neighbour, as one block of bytes.
 *
 * in    named tensors
 * out   a block that is the same however it travels: between ranks, within a process, or made again from committed files
 * owns  nothing: the block is the caller's
 *
 * A block is a header, a table of names, types, shapes, places and XXH3-128 checksums, and the values, all little endian and dense. */
#ifndef LONGTAKE_HALO_H
#define LONGTAKE_HALO_H

#include <longtake/dtype.h>
#include <longtake/hash.h>
#include <longtake/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_HALO_TENSORS = 24, LT_HALO_NAME = 24, LT_HALO_DIMS = 4 };

typedef struct {
    const char    *name;
    lt_dtype       dtype;
    int            n_dims;
    int64_t        dim[LT_HALO_DIMS];
    const void    *data;             /* within the block */
    size_t         n_bytes;
} lt_halo_tensor;

/* Bytes of a block of n tensors whose values take n_bytes in all. */
size_t lt_halo_bytes(int n, size_t n_bytes);

/* Makes an empty block in `block` [room]. LT_E_INTERNAL where there is no room for its table. */
LT_NODISCARD lt_status lt_halo_begin(void *block, size_t room);

/* Adds a tensor; *data is where its values go, of lt_halo_tensor.n_bytes. LT_E_INTERNAL where there is no room or the name is taken. */
LT_NODISCARD lt_status lt_halo_add(void *block, size_t room, const char *name, lt_dtype dtype, int n_dims, const int64_t *dim, void **data);

/* Writes the checksums. Returns the bytes of the block. */
size_t lt_halo_seal(void *block);

/* Checks a block that arrived: LT_E_DATA where its table makes no sense, it is not n_bytes long, or a checksum differs. */
LT_NODISCARD lt_status lt_halo_check(const void *block, size_t n_bytes);

/* The tensor of this name of a checked block; LT_E_ABSENT where there is none. */
LT_NODISCARD lt_status lt_halo_get(const void *block, const char *name, lt_halo_tensor *out);

#ifdef __cplusplus
}
#endif
#endif
