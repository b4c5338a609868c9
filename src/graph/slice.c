#include "graph/plan.h"

#include "kernels/conv2d/conv2d.h"
#include "kernels/convtranspose2d/convtranspose2d.h"
#include "kernels/groupnorm/groupnorm.h"
#include "kernels/resize/resize.h"

#include <string.h>

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static const lt_value *value(const lt_slice_of *s, int id)
{
    return &s->plan->g.values[id];
}

static bool local(const lt_slice_of *s, int root)
{
    return value(s, root)->kind == LT_VALUE_NODE && !s->plan->values[root].whole;
}

/* ---- bands ---- */

/* Whether the operator looks at other rows of this input than it writes. */
static bool looks_around(lt_op op, int input)
{
    return input == 0 && (op == LT_OP_conv2d || op == LT_OP_convtranspose2d || op == LT_OP_resize);
}

/* Rows of input `input` that rows [lo, hi) of the output are made from. */
static void rows_read(const lt_graph *g, const lt_node *n, int input, int64_t lo, int64_t hi, int64_t *in_lo, int64_t *in_hi)
{
    const lt_shape *in = &g->values[n->in[input]].shape, *out = &g->values[n->out].shape;
    *in_lo = lo;
    *in_hi = hi;
    if (!looks_around(n->op, input)) return;
    if (n->op == LT_OP_conv2d) {
        const lt_conv2d_attr *a = (const void *)n->attr.bytes;
        *in_lo = lo * a->stride - a->pad_top;
        *in_hi = (hi - 1) * a->stride - a->pad_top + (int64_t)(a->kernel_h - 1) * a->dilation + 1;
    } else if (n->op == LT_OP_convtranspose2d) {
        const lt_convtranspose2d_attr *a = (const void *)n->attr.bytes;
        *in_lo = lo / a->stride;
        *in_hi = (hi - 1) / a->stride + 1;
    } else {
        int64_t second;
        float t;
        lt_resize_taps(in->dim[1], out->dim[1], lo, in_lo, &second, &t);
        lt_resize_taps(in->dim[1], out->dim[1], hi - 1, &second, in_hi, &t);
        (*in_hi)++;
    }
    *in_lo = max64(*in_lo, 0);
    *in_hi = min64(*in_hi, in->dim[1]);
}

void lt_slice_rows(lt_slice_of *s, int64_t y0, int64_t y1)
{
    const lt_plan *p = s->plan;
    const lt_plan_part *part = &p->parts[s->part];
    for (int i = 0; i < p->g.n_values; i++) {
        s->lo[i] = INT64_MAX;
        s->hi[i] = 0;
    }
    for (int i = part->first + part->n - 1; i >= part->first; i--) {
        const lt_node *n = &p->g.nodes[p->steps[i].node];
        const int out = lt_graph_root(&p->g, n->out);
        if (p->g.values[out].output) {
            s->lo[out] = min64(s->lo[out], y0);
            s->hi[out] = max64(s->hi[out], y1);
        }
        /* What nothing in the part reads is wanted for itself: all of it. */
        if (s->lo[out] > s->hi[out]) {
            s->lo[out] = 0;
            s->hi[out] = p->g.values[out].shape.n > 1 ? p->g.values[out].shape.dim[1] : 1;
        }
        for (int j = 0; j < LT_MAX_IN; j++) {
            if (!n->in[j]) continue;
            const int root = lt_graph_root(&p->g, n->in[j]);
            int64_t lo, hi;
            rows_read(&p->g, n, j, s->lo[out], s->hi[out], &lo, &hi);
            s->lo[root] = min64(s->lo[root], lo);
            s->hi[root] = max64(s->hi[root], hi);
        }
    }
}

/* ---- tensors ---- */

/* The memory of a value, whole or as the slice has it. */
static lt_tensor memory(const lt_slice_of *s, int id)
{
    const lt_value *v = value(s, id);
    const lt_plan_value *at = &s->plan->values[s->plan->values[id].place];
    lt_shape shape = v->shape;
    const bool banded = s->plan->parts[s->part].cut == LT_CUT_ROWS && shape.n == 4;
    if (local(s, id)) {
        if (v->cut >= 0) shape.dim[v->cut] = s->n;
        if (banded) shape.dim[1] = s->hi[id] - s->lo[id];
    }
    char *data = s->base && at->item >= 0 ? s->base + s->plan->items[at->item].offset : NULL;
    lt_tensor t = lt_tensor_dense(data, v->dtype, shape.n, shape.dim);
    if (local(s, id) && banded) {
        t.row0 = s->lo[id];
        t.rows = v->shape.dim[1];
    }
    return t;
}

static bool view_of(const lt_slice_of *s, int id, lt_tensor *out)
{
    const lt_value *v = value(s, id);
    lt_tensor base;
    if (v->kind != LT_VALUE_VIEW) {
        *out = memory(s, id);
        return true;
    }
    if (!view_of(s, v->base, &base)) return false;
    const bool sliced = local(s, lt_graph_root(&s->plan->g, id));
    return lt_view_apply(v, &base, sliced ? v->cut : -1, s->n, s->tables, out);
}

/* Entries first .. first + n - 1 of dimension `d` of a whole tensor. */
static void cut(lt_tensor *t, int d, int64_t first, int64_t n)
{
    if (d == 0 && t->index) t->index += first;
    else if (t->data) t->data = (char *)t->data + first * t->stride[d] * (int64_t)lt_dtype_bytes(t->dtype);
    t->dim[d] = n;
}

static lt_status bad_view(const lt_slice_of *s, const lt_node *n)
{
    lt_status st = LT_OK;
    LT_FAIL(LT_E_INTERNAL, "%s reads or writes a view whose strides cannot be had in part %s", n->name, s->plan->g.parts[s->part].name);
done:
    return st;
}

/* One operand as the slice sees it. `whole`: not cut. */
static bool operand(const lt_slice_of *s, int id, bool whole, lt_tensor *out)
{
    const lt_plan_part *part = &s->plan->parts[s->part];
    const int d = part->cut == LT_CUT_PIXELS ? 1 : 0, root = lt_graph_root(&s->plan->g, id);
    if (!view_of(s, id, out)) return false;
    if (local(s, root) || whole) return true;
    /* A weight is cut where it repeats; everything else has the axis. */
    if (value(s, root)->kind == LT_VALUE_WEIGHT && (out->n_dims <= d || out->stride[d] != 0)) return true;
    if (out->n_dims > d && out->dim[d] == part->extent) cut(out, d, s->first, s->n);
    return true;
}

/* Rows lo .. hi - 1 of a map that holds more. */
static void crop(lt_tensor *t, int64_t lo, int64_t hi)
{
    cut(t, 1, lo - t->row0, hi - lo);
    t->row0 = lo;
}

lt_status lt_slice_args(const lt_slice_of *s, const lt_plan_step *step, lt_args *a)
{
    const lt_plan *p = s->plan;
    const lt_node *n = &p->g.nodes[step->node];
    const bool banded = p->parts[s->part].cut == LT_CUT_ROWS;
    *a = (lt_args){ .attr = n->attr.bytes };
    if (!operand(s, n->out, false, &a->out)) return bad_view(s, n);
    const int out = lt_graph_root(&p->g, n->out);
    if (banded && a->out.n_dims == 4 && !local(s, out)) {
        a->out.rows = a->out.dim[1];
        crop(&a->out, s->lo[out], s->hi[out]);
    }
    for (int j = 0; j < LT_MAX_IN; j++) {
        if (!n->in[j]) continue;
        const bool whole = n->op == LT_OP_groupnorm && j == LT_GROUPNORM_STATS && p->parts[s->part].cut == LT_CUT_PIXELS;
        if (!operand(s, n->in[j], whole, &a->in[j])) return bad_view(s, n);
        if (banded && a->in[j].n_dims == 4 && a->out.n_dims == 4 && !looks_around(n->op, j) && a->in[j].dim[1] != a->out.dim[1])
            crop(&a->in[j], a->out.row0, a->out.row0 + a->out.dim[1]);
    }
    if (s->base && step->packed_item >= 0) a->packed = s->base + p->items[step->packed_item].offset;
    return LT_OK;
}

lt_tensor lt_slice_whole(const lt_slice_of *s, int id)
{
    return memory(s, id);
}

lt_status lt_slice_each(lt_slice_of *s, int64_t extent, lt_status (*fn)(void *ctx, const lt_slice_of *s), void *ctx)
{
    lt_status st = LT_OK;
    const lt_plan_part *part = &s->plan->parts[s->part];
    const int64_t all = part->cut == LT_CUT_PIXELS ? part->extent : extent;
    for (s->first = 0; s->first < all; s->first += part->slice) {
        s->n = min64(part->slice, all - s->first);
        const bool end = s->first + part->slice >= all;
        s->last = end;
        if (part->cut != LT_CUT_ROWS) {
            LT_TRY(fn(ctx, s));
            continue;
        }
        for (int64_t y = 0; y < part->rows; y += part->band) {
            lt_slice_rows(s, y, min64(y + part->band, part->rows));
            s->last = end && y + part->band >= part->rows;
            LT_TRY(fn(ctx, s));
        }
    }
done:
    return st;
}
