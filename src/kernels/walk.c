#include "kernels/walk.h"

#include <string.h>

/* Whether dimension d of all views goes on where the inner one, of n values, ends. */
static bool joins(const lt_walk *w, int d, const int64_t *inner, int64_t n)
{
    for (int v = 0; v < w->n_views; v++)
        if (w->stride[v][d] != inner[v] * n) return false;
    return true;
}

/* Joins dimensions from the last on; what remains is moved to the front. */
static void join(lt_walk *w, bool indexed)
{
    int kept = LT_MAX_DIMS + 1;                       /* dimensions kept .. LT_MAX_DIMS are done */
    int64_t dim[LT_MAX_DIMS + 1], stride[LT_MAX_DIMS + 1][LT_WALK_MAX];
    for (int d = w->n_dims - 1; d >= 0; d--) {
        const bool apart = d == 0 && indexed, any = kept <= LT_MAX_DIMS;
        if (w->dim[d] == 1 && !apart && (any || d > 0)) continue;
        if (any && !apart && joins(w, d, stride[kept], dim[kept])) {
            dim[kept] *= w->dim[d];
            continue;
        }
        dim[--kept] = w->dim[d];
        for (int v = 0; v < w->n_views; v++) stride[kept][v] = w->stride[v][d];
    }
    w->n_dims = LT_MAX_DIMS + 1 - kept;
    for (int d = 0; d < w->n_dims; d++) {
        w->dim[d] = dim[kept + d];
        for (int v = 0; v < w->n_views; v++) w->stride[v][d] = stride[kept + d][v];
    }
    if (w->n_dims == 1 && indexed) {                  /* each entry is a row of one value */
        w->dim[w->n_dims++] = 1;
        for (int v = 0; v < w->n_views; v++) w->stride[v][1] = 1;
    }
}

lt_walk lt_walk_make(int n_views, const lt_tensor *const *views)
{
    lt_walk w = { .n_views = n_views, .n_dims = views[0]->n_dims, .n_rows = 1 };
    bool indexed = false;
    memcpy(w.dim, views[0]->dim, sizeof views[0]->dim);
    for (int v = 0; v < n_views; v++) {
        memcpy(w.stride[v], views[v]->stride, sizeof views[v]->stride);
        w.data[v] = views[v]->data;
        w.index[v] = views[v]->index;
        w.dtype[v] = views[v]->dtype;
        indexed = indexed || views[v]->index;
    }
    join(&w, indexed);
    w.n_columns = w.dim[w.n_dims - 1];
    for (int d = 0; d < w.n_dims - 1; d++) w.n_rows *= w.dim[d];
    w.columns_per_item = w.n_columns < LT_WALK_ITEM ? w.n_columns : LT_WALK_ITEM;
    w.rows_per_item = w.n_columns < LT_WALK_ITEM ? LT_WALK_ITEM / w.n_columns : 1;
    w.n_pieces = (w.n_columns + w.columns_per_item - 1) / w.columns_per_item;
    w.n_items = (int)((w.n_rows + w.rows_per_item - 1) / w.rows_per_item * w.n_pieces);
    return w;
}

lt_walk_span lt_walk_item(const lt_walk *w, int item)
{
    lt_walk_span s;
    s.first = item / w->n_pieces * w->rows_per_item;
    s.last = s.first + w->rows_per_item < w->n_rows ? s.first + w->rows_per_item : w->n_rows;
    s.from = item % w->n_pieces * w->columns_per_item;
    s.to = s.from + w->columns_per_item < w->n_columns ? s.from + w->columns_per_item : w->n_columns;
    return s;
}

void *lt_walk_at(const lt_walk *w, int view, int64_t row, int64_t column)
{
    int64_t at = column * w->stride[view][w->n_dims - 1];
    for (int d = w->n_dims - 2; d > 0; d--) {
        at += row % w->dim[d] * w->stride[view][d];
        row /= w->dim[d];
    }
    if (w->n_dims > 1) at += (w->index[view] ? w->index[view][row] : row) * w->stride[view][0];
    return w->data[view] + at * (int64_t)lt_dtype_bytes(w->dtype[view]);
}

typedef struct {
    const atomic_int *stop;
    lt_pool_fn        fn;
    void             *ctx;
} spread;

static void unless_stopped(void *ctx, int item)
{
    const spread *s = ctx;
    if (!s->stop || !atomic_load_explicit(s->stop, memory_order_relaxed)) s->fn(s->ctx, item);
}

lt_status lt_spread(const lt_launch *l, int n_items, lt_pool_fn fn, void *ctx)
{
    lt_status st = LT_OK;
    spread s = { l->stop, fn, ctx };
    lt_pool_run(l->pool, n_items, unless_stopped, &s);
    if (l->stop && atomic_load(l->stop)) LT_FAIL(LT_E_STOPPED, "stopped in the middle of a window; run again");
done:
    return st;
}
