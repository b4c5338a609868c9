#include "graph/graph.h"

#include "kernels/attention/attention.h"
#include "kernels/binary/binary.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/convtranspose2d/convtranspose2d.h"
#include "kernels/groupnorm/groupnorm.h"
#include "kernels/groupnorm_stats/groupnorm_stats.h"
#include "kernels/layernorm/layernorm.h"
#include "kernels/linear/linear.h"
#include "kernels/resize/resize.h"
#include "kernels/unary/unary.h"

#include <string.h>

static const lt_shape *shape_of(const lt_graph *g, lt_val x)
{
    return &lt_graph_value(g, x.id)->shape;
}

static bool ready(const lt_graph *g, lt_val x)
{
    return lt_graph_ok(g) && x.id != 0;
}

/* A node of one input with its attributes. */
static lt_node *node(lt_graph *g, lt_op op, const char *name, lt_val x, lt_dtype dtype, lt_shape out, const void *attr, size_t n)
{
    lt_node *made = lt_graph_add_node(g, op, name, dtype, out);
    if (!made) return NULL;
    made->in[0] = x.id;
    memcpy(made->attr.bytes, attr, n);
    return made;
}

static lt_val out_of(const lt_node *n)
{
    return (lt_val){ n ? n->out : 0 };
}

/* Hands a weight to the newest node; the array of nodes does not move for that. */
static void weigh(lt_graph *g, lt_node *n, int i, const char *name, const char *suffix, lt_shape shape)
{
    lt_weight_ref r = lt_graph_ref(g, &name, 1, suffix, shape);
    if (n && lt_graph_ok(g)) n->weight[i] = r;
}

static lt_val linear(lt_graph *g, lt_val x, const char *const *names, int n_names, int64_t n, bool bias)
{
    if (!ready(g, x)) return (lt_val){ 0 };
    lt_shape out = *shape_of(g, x);
    const int64_t k = out.dim[out.n - 1];
    out.dim[out.n - 1] = n * n_names;
    const lt_linear_attr attr = { .n_in = (int)k, .n_out = (int)(n * n_names), .compute = g->compute, .bias = bias };
    lt_node *made = node(g, LT_OP_linear, names[0], x, g->compute, out, &attr, sizeof attr);
    lt_weight_ref w = lt_graph_ref(g, names, n_names, ".weight", LT_SHAPE(n, k));
    if (made && lt_graph_ok(g)) made->weight[LT_LINEAR_W] = w;
    if (bias) weigh(g, made, LT_LINEAR_B, names[0], ".bias", LT_SHAPE(n));
    return out_of(made);
}

lt_val lt_linear(lt_graph *g, lt_val x, const char *name, int64_t n)
{
    return linear(g, x, &name, 1, n, true);
}

lt_val lt_linear_no_bias(lt_graph *g, lt_val x, const char *name, int64_t n)
{
    return linear(g, x, &name, 1, n, false);
}

lt_val lt_linear_side_by_side(lt_graph *g, lt_val x, const char *const *names, int n_names, int64_t n)
{
    if (n_names > LT_GRAPH_NAMES) lt_graph_error(g, "%d linears side by side: at most %d", n_names, LT_GRAPH_NAMES);
    return lt_graph_ok(g) ? linear(g, x, names, n_names, n, false) : (lt_val){ 0 };
}

static int or_one(int v)
{
    return v ? v : 1;
}

/* Whether x is a map [N,H,W,C]. */
static bool is_map(lt_graph *g, lt_val x, const char *name)
{
    if (!ready(g, x)) return false;
    if (shape_of(g, x)->n != 4) lt_graph_error(g, "%s wants a map [N,H,W,C], not %d dimensions", name, shape_of(g, x)->n);
    return lt_graph_ok(g);
}

lt_val lt_conv2d(lt_graph *g, lt_val x, const char *name, const lt_conv_opts *o)
{
    if (!is_map(g, x, name)) return (lt_val){ 0 };
    const lt_shape in = *shape_of(g, x);
    const int stride = or_one(o->stride), dilation = or_one(o->dilation), groups = or_one(o->groups);
    const int64_t span = (int64_t)dilation * (o->kernel - 1) + 1;
    if (in.dim[3] % groups || o->out % groups) lt_graph_error(g, "%s: %d groups do not divide the channels", name, groups);
    if (in.dim[1] + 2 * o->pad < span || in.dim[2] + 2 * o->pad < span) lt_graph_error(g, "%s: the map is smaller than the kernel", name);
    if (!lt_graph_ok(g)) return (lt_val){ 0 };
    const lt_shape out = LT_SHAPE(in.dim[0], (in.dim[1] + 2 * o->pad - span) / stride + 1, (in.dim[2] + 2 * o->pad - span) / stride + 1, o->out);
    const lt_conv2d_attr attr = { .c_in = (int)in.dim[3], .c_out = o->out, .kernel_h = o->kernel, .kernel_w = o->kernel, .stride = stride,
                                  .dilation = dilation, .groups = groups, .pad_top = o->pad, .pad_left = o->pad, .pad_bottom = o->pad,
                                  .pad_right = o->pad, .compute = g->compute, .bias = !o->no_bias };
    lt_node *made = node(g, LT_OP_conv2d, name, x, g->compute, out, &attr, sizeof attr);
    weigh(g, made, LT_CONV2D_W, name, ".weight", LT_SHAPE(o->out, in.dim[3] / groups, o->kernel, o->kernel));
    if (!o->no_bias) weigh(g, made, LT_CONV2D_B, name, ".bias", LT_SHAPE(o->out));
    return out_of(made);
}

lt_val lt_conv_transpose2d(lt_graph *g, lt_val x, const char *name, int out, int s)
{
    if (!is_map(g, x, name)) return (lt_val){ 0 };
    const lt_shape in = *shape_of(g, x);
    const lt_convtranspose2d_attr attr = { (int)in.dim[3], out, s, g->compute, true };
    lt_node *made = node(g, LT_OP_convtranspose2d, name, x, g->compute, LT_SHAPE(in.dim[0], in.dim[1] * s, in.dim[2] * s, out), &attr, sizeof attr);
    weigh(g, made, LT_CONVTRANSPOSE2D_W, name, ".weight", LT_SHAPE(in.dim[3], out, s, s));
    weigh(g, made, LT_CONVTRANSPOSE2D_B, name, ".bias", LT_SHAPE(out));
    return out_of(made);
}

/* Norms give the compute type: whatever reads them rounds to it anyway. */
lt_val lt_layernorm(lt_graph *g, lt_val x, const char *name, float eps)
{
    if (!ready(g, x)) return (lt_val){ 0 };
    const lt_shape shape = *shape_of(g, x);
    const int64_t c = shape.dim[shape.n - 1];
    const lt_layernorm_attr attr = { (int)c, eps };
    lt_node *made = node(g, LT_OP_layernorm, name, x, g->compute, shape, &attr, sizeof attr);
    weigh(g, made, LT_LAYERNORM_W, name, ".weight", LT_SHAPE(c));
    weigh(g, made, LT_LAYERNORM_B, name, ".bias", LT_SHAPE(c));
    return out_of(made);
}

lt_val lt_groupnorm_stats(lt_graph *g, lt_val x, int groups, float eps)
{
    if (!ready(g, x)) return (lt_val){ 0 };
    const lt_shape shape = *shape_of(g, x);
    const int64_t c = shape.dim[shape.n - 1];
    if (c % groups) lt_graph_error(g, "%d groups do not divide %lld channels", groups, (long long)c);
    const lt_groupnorm_stats_attr attr = { (int)c, groups, eps };
    return out_of(node(g, LT_OP_groupnorm_stats, "stats", x, LT_F32, LT_SHAPE(shape.dim[0], groups, 2), &attr, sizeof attr));
}

lt_val lt_groupnorm(lt_graph *g, lt_val x, lt_val stats, const char *name, int groups)
{
    if (!ready(g, x) || !ready(g, stats)) return (lt_val){ 0 };
    const lt_shape shape = *shape_of(g, x);
    const int64_t c = shape.dim[shape.n - 1];
    const lt_groupnorm_attr attr = { (int)c, groups };
    lt_expect(g, stats, LT_SHAPE(shape.dim[0], groups, 2));
    lt_node *made = node(g, LT_OP_groupnorm, name, x, g->compute, shape, &attr, sizeof attr);
    if (made) made->in[LT_GROUPNORM_STATS] = stats.id;
    weigh(g, made, LT_GROUPNORM_W, name, ".weight", LT_SHAPE(c));
    weigh(g, made, LT_GROUPNORM_B, name, ".bias", LT_SHAPE(c));
    return out_of(made);
}


lt_val lt_attend(lt_graph *g, lt_val q, lt_val k, lt_val v, float scale)
{
    if (!ready(g, q) || !ready(g, k) || !ready(g, v)) return (lt_val){ 0 };
    const lt_shape sq = *shape_of(g, q), sk = *shape_of(g, k), sv = *shape_of(g, v);
    if (sq.n != 4 || sk.n != 4 || sv.n != 4 || sq.dim[0] != sk.dim[0] || sq.dim[2] != sk.dim[2] || sq.dim[3] != sk.dim[3] || sk.dim[1] != sv.dim[1] ||
        sk.dim[0] != sv.dim[0] || sk.dim[2] != sv.dim[2]) {
        lt_graph_error(g, "attention: q, k and v do not belong together");
        return (lt_val){ 0 };
    }
    lt_shape out = { 4, { sq.dim[0], sq.dim[1], sq.dim[2], sv.dim[3] } };
    const lt_value *view = lt_graph_value(g, q.id);
    const bool permuted = view->kind == LT_VALUE_VIEW && view->view == LT_VIEW_PERMUTE;
    const lt_shape axes = view->to;
    lt_shape lies = out;
    if (permuted)
        for (int i = 0; i < 4; i++) lies.dim[axes.dim[i]] = out.dim[i];
    const lt_attention_attr attr = { scale, g->compute, NULL };
    lt_node *made = node(g, LT_OP_attention, "attend", q, g->compute, lies, &attr, sizeof attr);
    if (!made) return (lt_val){ 0 };
    made->in[LT_ATTENTION_K] = k.id;
    made->in[LT_ATTENTION_V] = v.id;
    if (!permuted) return out_of(made);
    /* What lies there is the value before the permutation; the operator writes through its view. */
    const int at = (int)(made - g->nodes);
    lt_val whole = { made->out }, seen = lt_permute(g, whole, axes);
    if (seen.id) g->nodes[at].out = seen.id;
    return seen;
}

static lt_val unary(lt_graph *g, lt_val x, lt_act act, const char *name)
{
    if (!ready(g, x)) return (lt_val){ 0 };
    lt_shape out = *shape_of(g, x);
    if (act == LT_ACT_GEGLU) {
        if (out.dim[out.n - 1] % 2) lt_graph_error(g, "GEGLU of an odd number of channels");
        out.dim[out.n - 1] /= 2;
    }
    const lt_unary_attr attr = { act };
    return out_of(node(g, LT_OP_unary, name, x, lt_graph_value(g, x.id)->dtype, out, &attr, sizeof attr));
}

lt_val lt_relu(lt_graph *g, lt_val x)
{
    return unary(g, x, LT_ACT_RELU, "relu");
}

lt_val lt_gelu(lt_graph *g, lt_val x)
{
    return unary(g, x, LT_ACT_GELU, "gelu");
}

lt_val lt_geglu(lt_graph *g, lt_val x)
{
    return unary(g, x, LT_ACT_GEGLU, "geglu");
}

/* f32 where they differ. A weight does not widen what it is added to: LayerScale does, by lt_scale. */
static lt_dtype wider(lt_dtype a, lt_dtype b)
{
    return a == b ? a : LT_F32;
}

static lt_val binary(lt_graph *g, lt_val a, lt_val b, lt_binary_kind kind, const char *name)
{
    if (!ready(g, a) || !ready(g, b)) return (lt_val){ 0 };
    const lt_shape shape = *shape_of(g, a);
    b = lt_expand(g, b, shape);
    if (!ready(g, b)) return b;
    const lt_binary_attr attr = { kind };
    const lt_dtype dtype = wider(lt_graph_value(g, a.id)->dtype, lt_graph_value(g, b.id)->dtype);
    lt_node *made = node(g, LT_OP_binary, name, a, dtype, shape, &attr, sizeof attr);
    if (made) made->in[LT_BINARY_B] = b.id;
    return out_of(made);
}

lt_val lt_add(lt_graph *g, lt_val a, lt_val b)
{
    return binary(g, a, b, LT_BINARY_ADD, "add");
}

lt_val lt_mul(lt_graph *g, lt_val a, lt_val b)
{
    return binary(g, a, b, LT_BINARY_MUL, "mul");
}

lt_val lt_scale(lt_graph *g, lt_val x, const char *name)
{
    if (!ready(g, x)) return (lt_val){ 0 };
    const lt_shape shape = *shape_of(g, x);
    const lt_binary_attr attr = { LT_BINARY_MUL };
    lt_node *made = node(g, LT_OP_binary, name, x, LT_F32, shape, &attr, sizeof attr);
    weigh(g, made, 0, name, "", LT_SHAPE(shape.dim[shape.n - 1]));
    return out_of(made);
}

lt_val lt_resize(lt_graph *g, lt_val x, int64_t h, int64_t w)
{
    if (!is_map(g, x, "resize")) return (lt_val){ 0 };
    const lt_shape in = *shape_of(g, x);
    const lt_resize_attr attr = { LT_RESIZE_BILINEAR_CORNERS };
    const lt_dtype dtype = g->compute == LT_F32 ? LT_F32 : lt_graph_value(g, x.id)->dtype;
    return out_of(node(g, LT_OP_resize, "resize", x, dtype, LT_SHAPE(in.dim[0], h, w, in.dim[3]), &attr, sizeof attr));
}

/* A copy of x into a place: a view of another value. */
static void put(lt_graph *g, lt_val x, lt_val place, const char *name)
{
    if (!ready(g, x) || !ready(g, place)) return;
    const lt_shape shape = *shape_of(g, x);
    if (!lt_shape_same(&shape, shape_of(g, place))) lt_graph_error(g, "%s: the shapes differ", name);
    lt_node *made = lt_graph_add_node(g, LT_OP_copy, name, lt_graph_value(g, place.id)->dtype, shape);
    if (!made) return;
    made->in[0] = x.id;
    made->out = place.id;
}

lt_val lt_concat(lt_graph *g, lt_val a, lt_val b, int axis)
{
    if (!ready(g, a) || !ready(g, b)) return (lt_val){ 0 };
    if (g->part < 0) lt_graph_error(g, "concat lies in no part");
    if (axis < 0 || axis >= shape_of(g, a)->n || shape_of(g, b)->n != shape_of(g, a)->n) lt_graph_error(g, "concat along dimension %d", axis);
    if (!lt_graph_ok(g)) return (lt_val){ 0 };
    const int64_t na = lt_dim(g, a, axis), nb = lt_dim(g, b, axis);
    lt_shape shape = *shape_of(g, a);
    shape.dim[axis] = na + nb;
    lt_val whole = lt_graph_add_value(g, LT_VALUE_NODE, wider(lt_graph_value(g, a.id)->dtype, lt_graph_value(g, b.id)->dtype), shape);
    if (!ready(g, whole)) return whole;
    lt_value *v = lt_graph_value(g, whole.id);
    v->part = g->part;
    v->cut = g->parts[g->part].cut == LT_CUT_PIXELS ? 1 : 0;
    if (axis == v->cut) lt_graph_error(g, "concat along the dimension that the part is cut by");
    put(g, a, lt_slice(g, whole, axis, 0, na), "concat.0");
    put(g, b, lt_slice(g, whole, axis, na, nb), "concat.1");
    return whole;
}

void lt_scatter(lt_graph *g, lt_val state, const char *table, lt_val x)
{
    if (!ready(g, state) || !ready(g, x)) return;
    put(g, x, lt_gather(g, state, table, lt_dim(g, x, 0)), "scatter");
}

static lt_val copy(lt_graph *g, lt_val x, lt_dtype dtype, const char *name)
{
    if (!ready(g, x)) return (lt_val){ 0 };
    return out_of(node(g, LT_OP_copy, name, x, dtype, *shape_of(g, x), "", 0));
}

lt_val lt_cast(lt_graph *g, lt_val x, lt_dtype dtype)
{
    return ready(g, x) && lt_graph_value(g, x.id)->dtype == dtype ? x : copy(g, x, dtype, "cast");
}

lt_val lt_contiguous(lt_graph *g, lt_val x)
{
    return copy(g, x, ready(g, x) ? lt_graph_value(g, x.id)->dtype : LT_F32, "contiguous");
}
