#include "kernels/gemm/gemm_blocks.h"

static bool joins(const lt_blocks *b)
{
    for (int v = 0; v < LT_BLOCK_VIEWS; v++) {
        const lt_block_view *w = &b->view[v];
        if (w->columns == 0) continue;
        if (w->t.index) return false;
        if (b->n_outer > 1 && b->n_inner > 1 && w->outer != w->inner * b->n_inner) return false;
    }
    return true;
}

lt_blocks lt_blocks_make(int n, const lt_tensor *const *views)
{
    lt_blocks b = { .n_outer = 1, .n_inner = 1 };
    for (int v = 0; v < n; v++) {
        lt_rows r;
        if (views[v]->n_dims == 0 || !lt_tensor_rows(views[v], &r)) continue;
        b.n_outer = r.n_outer;
        b.n_inner = r.n_inner;
        b.view[v] = (lt_block_view){ *views[v], r.n_columns, views[v]->n_dims > 1 ? views[v]->stride[0] : r.inner_stride, r.inner_stride };
    }
    if (!joins(&b)) return b;
    for (int v = 0; v < n; v++)
        if (b.n_inner == 1 && b.n_outer > 1) b.view[v].inner = b.view[v].outer;
    b.n_inner *= b.n_outer;
    b.n_outer = 1;
    return b;
}

bool lt_blocks_first(const lt_blocks *b, int64_t limit, lt_block *out)
{
    *out = (lt_block){ 0, b->n_outer, 0, b->n_inner };
    if (limit == 0 || limit >= b->n_outer * b->n_inner) return true;
    out->n_o = limit >= b->n_inner ? limit / b->n_inner : 1;
    out->n_i = limit >= b->n_inner ? b->n_inner : limit;
    return true;
}

bool lt_blocks_next(const lt_blocks *b, int64_t limit, lt_block *at)
{
    lt_block whole;
    lt_blocks_first(b, limit, &whole);
    at->i += at->n_i;
    if (at->i >= b->n_inner) {
        at->i = 0;
        at->o += at->n_o;
    }
    at->n_o = at->o + whole.n_o > b->n_outer ? b->n_outer - at->o : whole.n_o;
    at->n_i = at->i + whole.n_i > b->n_inner ? b->n_inner - at->i : whole.n_i;
    return at->o < b->n_outer;
}

lt_tensor lt_blocks_part(const lt_blocks *b, int v, const lt_block *at)
{
    const lt_block_view *w = &b->view[v];
    const int64_t skip = (w->t.index ? 0 : at->o * w->outer) + at->i * w->inner;
    lt_tensor t = { .dtype = w->t.dtype, .n_dims = 3, .dim = { at->n_o, at->n_i, w->columns }, .stride = { w->outer, w->inner, 1 }, .rows = at->n_i };
    if (w->t.data) t.data = (char *)w->t.data + skip * (int64_t)lt_dtype_bytes(w->t.dtype);
    if (w->t.index) t.index = w->t.index + at->o;
    return t;
}

int64_t lt_blocks_rows(const lt_blocks *b, int64_t limit)
{
    lt_block first;
    lt_blocks_first(b, limit, &first);
    return first.n_o * first.n_i;
}
