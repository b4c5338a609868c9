/* kernels/walk.h -- the work of an operator in items, and ways to walk over strided views.
 *
 * in    views of the same sizes
 * out   items for the pool; where the values of an item lie
 * owns  nothing
 *
 * How work is cut into items depends on sizes alone, never on threads. */
#ifndef LONGTAKE_KERNELS_WALK_H
#define LONGTAKE_KERNELS_WALK_H

#include <longtake/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_WALK_MAX = 3, LT_WALK_ITEM = 8192 };      /* views; values of an item, about */

/* Views of the same sizes as rows of columns, with neighbouring dimensions joined where all views allow it: dense views are one long row.
 * Dimension 0 is kept apart where a view is indexed. */
typedef struct {
    int            n_views, n_dims;
    int64_t        dim[LT_MAX_DIMS + 1];
    int64_t        stride[LT_WALK_MAX][LT_MAX_DIMS + 1];     /* elements */
    char          *data[LT_WALK_MAX];
    const int32_t *index[LT_WALK_MAX];
    lt_dtype       dtype[LT_WALK_MAX];
    int64_t        n_rows, n_columns;
    int64_t        rows_per_item, columns_per_item, n_pieces;   /* a long row is cut into n_pieces */
    int            n_items;
} lt_walk;

/* Rows first .. last - 1, columns from .. to - 1 of each. */
typedef struct {
    int64_t first, last, from, to;
} lt_walk_span;

lt_walk lt_walk_make(int n_views, const lt_tensor *const *views);

/* For operators that take any stride along columns: where rows are short, the longest dimension that is not indexed becomes the columns. */
lt_walk lt_walk_make_long(int n_views, const lt_tensor *const *views);

lt_walk_span lt_walk_item(const lt_walk *w, int item);

/* Where the first column of a row lies, for each view. */
void lt_walk_row(const lt_walk *w, int64_t row, char *at[LT_WALK_MAX]);

/* Address of a column of a row of a view. */
static inline void *lt_walk_column(const lt_walk *w, int view, char *const at[LT_WALK_MAX], int64_t column)
{
    return at[view] + column * w->stride[view][w->n_dims - 1] * (int64_t)lt_dtype_bytes(w->dtype[view]);
}

/* Address of a row of a view taken as rows by lt_tensor_rows. */
static inline void *lt_row_at(const lt_tensor *t, const lt_rows *rows, int64_t outer, int64_t inner)
{
    return (char *)lt_tensor_at(t, outer) + inner * rows->inner_stride * (int64_t)lt_dtype_bytes(t->dtype);
}

/* NULL, or why not, for vector code that reads f32 and bf16 only: the call has values of f16, or computes in it. */
const char *lt_half_refuse(const lt_args *a, lt_dtype compute);

/* Calls fn(ctx, 0 .. n_items - 1) on the launch's pool. Once the stop flag is up items that are not begun are left out, and LT_E_STOPPED is
 * returned. */
LT_NODISCARD lt_status lt_spread(const lt_launch *l, int n_items, lt_pool_fn fn, void *ctx);

#ifdef __cplusplus
}
#endif
#endif
