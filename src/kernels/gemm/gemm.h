/* kernels/gemm/gemm.h -- rows times a packed matrix, the core of linear, conv2d and convtranspose2d.
 *
 *     y[r, g, n] = residual + gamma[n] * act(sum_k x[r,k] W[g,n,k] + b[n])
 *
 * in    rows of x as lists of pointers: the sum's k runs over `segs` pieces of equal length, each contiguous, so a patch of
 *       a map is read where it lies; weights as lt_gemm_pack wrote them
 * out   rows of y, at the places that rows_out names
 * owns  nothing
 *
 * The sum of an element is one chain over k = 0, 1, ... in f32, wherever blocks, panels and tiles end, so that no size of a
 * call but K can change its bits.
 *
 * Types: f32 and bf16.
 *
 * Packed: [panel][k][column of panel] in f32, or bf16 where `compute` is bf16; then b and gamma in f32 in the same order of
 * columns. A panel is as wide as a tile of the ISA level, holds columns of one group g and is padded with zeros. With GEGLU
 * the first half of a panel are values, the second the gates of the same outputs. */
#ifndef LONGTAKE_KERNELS_GEMM_H
#define LONGTAKE_KERNELS_GEMM_H

#include <longtake/kernel.h>

#include "kernels/act.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rows that one item of work has at most: a multiple of every level's tile height, and the distance between the pieces of
 * a table of row addresses. */
enum { LT_GEMM_ROWS = 96 };

typedef struct {
    int      taps, chan;          /* K = taps * chan; k = tap * chan + c */
    int      groups, cols;        /* N = groups * cols outputs of a row */
    lt_dtype in, compute;
    lt_act   act;
    bool     bias, gamma;
} lt_gemm_shape;

/* Raw weights: W[g,n,k] at data[g group + n col + (k / chan) tap + (k % chan) chan]; the gate of output n `gate` further on.
 * bias [cols] ([2 cols], gates last), gamma [cols]. */
typedef struct {
    const float *data, *bias, *gamma;
    int64_t      group, col, tap, chan, gate;
} lt_gemm_weights;

/* A library's product in place of our own: c[rows][columns] = a[rows][K] b, rows always the same. */
typedef struct {
    int      rows;                /* LT_GEMM_ROWS at most */
    lt_dtype type;                /* of a; c is f32 */
    size_t   b_bytes, scratch_bytes;
    void    *ctx;
    /* slot: which of the machine's n_threads runs it. false: it failed. */
    bool   (*multiply)(void *ctx, int slot, const void *a, const void *b, float *c, void *scratch);
} lt_gemm_product;

typedef struct {
    lt_gemm_shape shape;
    const lt_gemm_product *product;           /* NULL: our own */
    const void   *packed;
    int64_t       n_rows;
    int           segs;           /* a divisor of K */
    lt_dtype      out, residual;  /* types; residual: read only where rows_out gives addresses */
    const void   *ctx;
    /* Addresses of pieces 0 .. segs-1 of rows row .. row+n-1: table[s * LT_GEMM_ROWS + i]. zero: as many zeros as a piece has. */
    void (*rows_in)(const void *ctx, int64_t row, int n, const void *zero, const void **table);
    /* Addresses of column 0 of group g of those rows, in out and in the residual (or NULL); out NULL: not wanted. */
    void (*rows_out)(const void *ctx, int group, int64_t row, int n, void **out, const void **residual);
} lt_gemm;

size_t lt_gemm_packed_bytes(const lt_gemm_shape *s, lt_isa isa);
void   lt_gemm_pack(const lt_gemm_shape *s, lt_isa isa, const lt_gemm_weights *w, void *packed);

/* Columns of the product: panels times their width. */
int lt_gemm_columns(const lt_gemm_shape *s, lt_isa isa);

/* The same for a library, which packs b itself from f32 [K][columns]: how that is filled, and what follows b. */
void   lt_gemm_fill(const lt_gemm_shape *s, lt_isa isa, const lt_gemm_weights *w, float *b);
size_t lt_gemm_after_bytes(const lt_gemm_shape *s, lt_isa isa);
void   lt_gemm_pack_after(const lt_gemm_shape *s, lt_isa isa, const lt_gemm_weights *w, float *after);

/* For calls with `segs` pieces or fewer. */
size_t lt_gemm_workspace_bytes(const lt_gemm_shape *s, int segs, const lt_gemm_product *product, const lt_machine *m);

/* LT_E_STOPPED where the launch's flag was seen; LT_E_INTERNAL where a library failed. */
LT_NODISCARD lt_status lt_gemm_run(const lt_launch *l, const lt_gemm *g);

#ifdef __cplusplus
}
#endif
#endif
