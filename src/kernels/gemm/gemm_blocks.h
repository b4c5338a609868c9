/* kernels/gemm/gemm_blocks.h -- rows of several views cut into blocks that a scratch of bounded size holds.
 *
 * in    views with the same rows
 * out   blocks in order; the part of a view that a block is
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_GEMM_BLOCKS_H
#define LONGTAKE_KERNELS_GEMM_BLOCKS_H

#include <longtake/tensor.h>

enum { LT_BLOCK_VIEWS = 3 };

/* A view as n_outer x n_inner rows (lt_rows); strides in elements. data NULL or columns 0: absent. */
typedef struct {
    lt_tensor t;
    int64_t   columns, outer, inner;
} lt_block_view;

/* Entries o .. o + n_o - 1 of the outer dimension, rows i .. i + n_i - 1 of each. */
typedef struct {
    int64_t o, n_o, i, n_i;
} lt_block;

typedef struct {
    lt_block_view view[LT_BLOCK_VIEWS];
    int64_t       n_outer, n_inner;
} lt_blocks;

/* All views (n_dims 0: absent) have rows as lt_tensor_rows and the same number of them. Where none is indexed and the strides allow it they become
 * one outer entry. */
lt_blocks lt_blocks_make(int n, const lt_tensor *const *views);

/* The first block of at most `limit` rows (0: all of them), and the next; false: there is none. A block has several outer entries whole or a part of one. */
bool lt_blocks_first(const lt_blocks *b, int64_t limit, lt_block *out);
bool lt_blocks_next(const lt_blocks *b, int64_t limit, lt_block *at);

/* View v of a block as [n_o, n_i, columns]. */
lt_tensor lt_blocks_part(const lt_blocks *b, int v, const lt_block *at);

/* Rows of the largest block that blocks of at most `limit` have. */
int64_t lt_blocks_rows(const lt_blocks *b, int64_t limit);

#endif
