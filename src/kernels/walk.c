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

/* Whether a view is indexed, and dimension 0 so kept apart. */
static bool copy_views(lt_walk *w, const lt_tensor *const *views)
{
    bool indexed = false;
    w->n_dims = views[0]->n_dims;
    memcpy(w->dim, views[0]->dim, sizeof views[0]->dim);
    for (int v = 0; v < w->n_views; v++) {
        memcpy(w->stride[v], views[v]->stride, sizeof views[v]->stride);
        w->data[v] = views[v]->data;
        w->index[v] = views[v]->index;
        w->dtype[v] = views[v]->dtype;
        indexed = indexed || views[v]->index;
    }
    return indexed;
}

static void cut(lt_walk *w)
{
    w->n_rows = 1;
    w->n_columns = w->dim[w->n_dims - 1];
    for (int d = 0; d < w->n_dims - 1; d++) w->n_rows *= w->dim[d];
    w->columns_per_item = w->n_columns < LT_WALK_ITEM ? w->n_columns : LT_WALK_ITEM;
    w->rows_per_item = w->n_columns < LT_WALK_ITEM ? LT_WALK_ITEM / w->n_columns : 1;
    w->n_pieces = (w->n_columns + w->columns_per_item - 1) / w->columns_per_item;
    w->n_items = (int)((w->n_rows + w->rows_per_item - 1) / w->rows_per_item * w->n_pieces);
}

lt_walk lt_walk_make(int n_views, const lt_tensor *const *views)
{
    lt_walk w = { .n_views = n_views };
    join(&w, copy_views(&w, views));
    cut(&w);
    return w;
}

static void exchange(int64_t *v, int a, int b)
{
    const int64_t was = v[a];
    v[a] = v[b];
    v[b] = was;
}

lt_walk lt_walk_make_long(int n_views, const lt_tensor *const *views)
{
    enum { SHORT = 16 };            /* finding a row costs about as much as so many values */
    lt_walk w = { .n_views = n_views };
    const bool indexed = copy_views(&w, views);
    join(&w, indexed);
    const int last = w.n_dims - 1;
    int longest = last;
    for (int d = last; d >= (indexed ? 1 : 0); d--)
        if (w.dim[d] > w.dim[longest]) longest = d;
    if (w.dim[last] < SHORT) {
        exchange(w.dim, longest, last);
        for (int v = 0; v < n_views; v++) exchange(w.stride[v], longest, last);
    }
    cut(&w);
    return w;
}

const char *lt_half_refuse(const lt_args *a, lt_dtype compute)
{
    bool half = a->out.dtype == LT_F16;
    for (int i = 0; i < LT_MAX_IN; i++) half = half || (a->in[i].n_dims && a->in[i].dtype == LT_F16);
    if (compute == LT_F16) return "computes in f32 and bf16 only: f16 is for GPUs";
    return half ? "values of f16, which this code does not read" : NULL;
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

void lt_walk_row(const lt_walk *w, int64_t row, char *at[LT_WALK_MAX])
{
    int64_t place[LT_WALK_MAX] = { 0 };
    for (int d = w->n_dims - 2; d > 0; d--) {
        const int64_t outer = row / w->dim[d], i = row - outer * w->dim[d];
        for (int v = 0; v < w->n_views; v++) place[v] += i * w->stride[v][d];
        row = outer;
    }
    for (int v = 0; v < w->n_views; v++) {
        if (w->n_dims > 1) place[v] += (w->index[v] ? w->index[v][row] : row) * w->stride[v][0];
        at[v] = w->data[v] + place[v] * (int64_t)lt_dtype_bytes(w->dtype[v]);
    }
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
