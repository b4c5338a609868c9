/* kernels/gemm/gemm_item.h -- what gemm.c hands to the code of an ISA level.
 *
 * in    addresses of rows, packed columns
 * out   finished tiles
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_GEMM_ITEM_H
#define LONGTAKE_KERNELS_GEMM_ITEM_H

#include "kernels/gemm/gemm.h"

/* The tile of a level: rows, and columns of a panel. */
typedef struct {
    int mr, nr;
} lt_gemm_tile;

lt_gemm_tile lt_gemm_tile_of(lt_isa isa);

/* What a thread has for one item. */
typedef struct {
    const void **table;           /* [segs][LT_GEMM_ROWS] */
    void       **out;             /* [LT_GEMM_ROWS] */
    const void **residual;        /* [LT_GEMM_ROWS] */
    float       *acc;             /* sums: [LT_GEMM_ROWS][nr], of a library [rows][columns] */
    void        *panel;           /* [rows][K], where rows are gathered */
    void        *scratch;         /* a library's */
} lt_gemm_slot;

typedef struct {
    const lt_gemm      *gemm;
    const lt_gemm_slot *slot;
    const char         *b;        /* packed */
    const float        *bias, *gamma;          /* packed, or NULL */
    int64_t             row;
    int                 n_rows, panel0, panel1, group_panels;
    const float *const *rows;     /* [segs][LT_GEMM_ROWS], the last row repeated up to a whole tile */
    int                 seg_length;
} lt_gemm_item;

/* One level's code. item: panels panel0 .. panel1-1 of the item's rows, all of it. finish: what follows the sums of a library.
 * gather: the pieces of n rows side by side as f32 (rounded to bf16 where `round`) or as bf16. */
#define LT_GEMM_LEVEL(level)                                                                                  \
    void lt_gemm_item_##level(const lt_gemm_item *item);                                                       \
    void lt_gemm_finish_##level(const lt_gemm_item *item);                                                     \
    void lt_gemm_gather_##level(const void *const *table, lt_dtype from, int segs, int length, int n_rows,     \
                                bool round, lt_dtype to, void *panel);

#endif
