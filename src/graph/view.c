#include "graph/graph.h"

#include <string.h>

/* The dimension of `to` that holds exactly dimension `cut` of `from`: the same size, with as many values before it. */
static int reshaped_cut(const lt_shape *from, const lt_shape *to, int cut)
{
    int64_t before = 1, n = 1;
    for (int i = 0; i < cut; i++) before *= from->dim[i];
    for (int i = 0; i < to->n; i++) {
        if (n == before && to->dim[i] == from->dim[cut]) return i;
        n *= to->dim[i];
    }
    return -1;
}

int lt_view_cut(const lt_value *v, const lt_shape *base, int cut)
{
    if (cut < 0) return -1;
    switch (v->view) {
    case LT_VIEW_RESHAPE:
        return reshaped_cut(base, &v->to, cut);
    case LT_VIEW_PERMUTE:
        for (int i = 0; i < v->to.n; i++)
            if (v->to.dim[i] == cut) return i;
        return -1;
    case LT_VIEW_SLICE:
        return v->to.dim[0] == cut ? -1 : cut;
    case LT_VIEW_EXPAND:
    case LT_VIEW_GATHER:
        break;
    }
    return cut;
}

/* Strides of the same values in the same order under other sizes, where there are any: dimensions whose strides chain are one run, and
 * each run is cut anew. */
static bool reshape(const lt_tensor *x, lt_tensor *out)
{
    int64_t size[LT_MAX_DIMS], stride[LT_MAX_DIMS], left = 1, step = 1;
    int n = 0, next = 0;
    for (int d = x->n_dims - 1; d >= 0; d--) {
        if (x->dim[d] == 1) continue;
        bool chains = n > 0 && x->stride[d] == size[n - 1] * stride[n - 1] && !(d == 0 && x->index);
        if (!chains) {
            size[n] = 1;
            stride[n++] = x->stride[d];
        }
        size[n - 1] *= x->dim[d];
    }
    for (int i = out->n_dims - 1; i >= 0; i--) {
        out->stride[i] = step;
        if (out->dim[i] == 1) continue;
        if (left == 1) {
            if (next == n) return false;
            left = size[next];
            step = out->stride[i] = stride[next++];
        }
        if (left % out->dim[i]) return false;
        left /= out->dim[i];
        step *= out->dim[i];
    }
    if (x->index) out->stride[0] = x->stride[0];
    return left == 1 && next == n;
}

/* Whether the rows of a map are still its dimension 1, all of them. */
static bool keeps_rows(const lt_value *v)
{
    switch (v->view) {
    case LT_VIEW_RESHAPE: return false;
    case LT_VIEW_PERMUTE: return v->to.n > 1 && v->to.dim[0] == 0 && v->to.dim[1] == 1;
    case LT_VIEW_SLICE: return v->to.dim[0] != 1;
    case LT_VIEW_EXPAND:
    case LT_VIEW_GATHER: break;
    }
    return true;
}

bool lt_view_apply(const lt_value *v, const lt_tensor *base, int cut, int64_t extent, int32_t *const *tables, lt_tensor *out)
{
    const size_t size = lt_dtype_bytes(base->dtype);
    *out = *base;
    switch (v->view) {
    case LT_VIEW_RESHAPE:
        out->n_dims = v->to.n;
        memcpy(out->dim, v->to.dim, sizeof out->dim);
        if (cut >= 0) out->dim[cut] = extent;
        if (!reshape(base, out)) return false;
        if (out->index && (out->dim[0] != base->dim[0] || out->n_dims < 2)) return false;
        break;
    case LT_VIEW_PERMUTE:
        for (int i = 0; i < v->to.n; i++) {
            out->dim[i] = base->dim[v->to.dim[i]];
            out->stride[i] = base->stride[v->to.dim[i]];
        }
        if (base->index && v->to.dim[0] != 0) return false;
        break;
    case LT_VIEW_SLICE: {
        const int axis = (int)v->to.dim[0];
        if (axis == 0 && out->index) out->index += v->to.dim[1];
        else if (out->data) out->data = (char *)out->data + (size_t)(v->to.dim[1] * out->stride[axis]) * size;
        out->dim[axis] = v->to.dim[2];
        break;
    }
    case LT_VIEW_EXPAND:
        for (int i = 0; i < v->to.n; i++) {
            /* Rows of a band are as many as there are. */
            int64_t n = i == cut ? extent : i == 1 && base->dim[1] != 1 ? base->dim[1] : v->to.dim[i];
            if (out->dim[i] == n) continue;
            out->dim[i] = n;
            out->stride[i] = 0;
        }
        break;
    case LT_VIEW_GATHER:
        if (out->index) return false;
        out->index = tables[v->table];
        out->dim[0] = v->to.dim[0];
        break;
    }
    if (keeps_rows(v) && out->n_dims > 1 && out->dim[1] == base->dim[1]) return true;
    /* Of a band, only its rows are there. */
    if (base->n_dims > 1 && base->dim[1] != base->rows) return false;
    out->row0 = 0;
    out->rows = out->n_dims > 1 ? out->dim[1] : 1;
    return true;
}
