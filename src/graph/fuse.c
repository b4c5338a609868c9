#include "graph/graph.h"

#include "kernels/binary/binary.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/layernorm/layernorm.h"
#include "kernels/linear/linear.h"
#include "kernels/unary/unary.h"

#include <stdlib.h>

/* What follows a matrix product is done where its sums still lie in registers: activation, LayerScale, residual; so is what is added to a resized map or
 * a norm. What only moves a value to
 * its place (a joined map, a row of a state) is left out: its maker writes there. */

typedef struct {
    lt_graph *g;
    int      *uses;              /* [n_values] readers of the memory of each root */
    int      *maker;             /* [n_values] node that writes all of a root and nothing else does; -1: none, or several */
    bool      probes;
} fusion;

static lt_linear_attr *linear_of(lt_node *n)
{
    return (lt_linear_attr *)(void *)n->attr.bytes;
}

static lt_conv2d_attr *conv_of(lt_node *n)
{
    return (lt_conv2d_attr *)(void *)n->attr.bytes;
}

static void count(fusion *f)
{
    const lt_graph *g = f->g;
    for (int i = 0; i < g->n_values; i++) {
        f->uses[i] = 0;
        f->maker[i] = -1;
    }
    for (int i = 0; i < g->n_nodes; i++) {
        const lt_node *n = &g->nodes[i];
        if (n->dead) continue;
        for (int j = 0; j < LT_MAX_IN; j++)
            if (n->in[j]) f->uses[lt_graph_root(g, n->in[j])]++;
        int root = lt_graph_root(g, n->out);
        f->maker[root] = n->out == root && f->maker[root] == -1 ? i : -2;
    }
    for (int i = 1; i < g->n_values; i++)
        if (g->values[i].output || (f->probes && g->values[i].probe)) f->uses[i]++;
}

/* The node that gives `id` for this one reader only; NULL where others see it, or it is a view, or made elsewhere. */
static lt_node *only_for(const fusion *f, const lt_node *reader, int id)
{
    if (!id || f->g->values[id].kind != LT_VALUE_NODE || f->uses[id] != 1 || f->maker[id] < 0) return NULL;
    lt_node *n = &f->g->nodes[f->maker[id]];
    return n->part == reader->part ? n : NULL;
}

/* `n`, which was only for `follower`, takes over what that gave, at its place in the order. All else is read and written as often as before. */
static void take_over(fusion *f, lt_node *n, lt_node *follower)
{
    lt_node moved = *n;
    f->uses[n->out] = 0;
    f->maker[n->out] = -1;
    moved.out = follower->out;
    n->dead = true;
    char *name = follower->name;
    follower->dead = false;
    *follower = moved;
    n->name = name;
}

static bool fuse_act(fusion *f, lt_node *n)
{
    lt_node *p = only_for(f, n, n->in[0]);
    const lt_act act = ((const lt_unary_attr *)(const void *)n->attr.bytes)->act;
    if (!p || n->op != LT_OP_unary) return false;
    if (p->op == LT_OP_linear && linear_of(p)->act == LT_ACT_NONE && !linear_of(p)->gamma && !p->in[LT_LINEAR_RESIDUAL]) {
        linear_of(p)->act = act;
        if (act == LT_ACT_GEGLU) linear_of(p)->n_out /= 2;
    } else if (p->op == LT_OP_conv2d && conv_of(p)->act == LT_ACT_NONE && !p->in[LT_CONV2D_RESIDUAL] && act != LT_ACT_GEGLU) {
        conv_of(p)->act = act;
    } else {
        return false;
    }
    take_over(f, p, n);
    return true;
}

static bool fuse_scale(fusion *f, lt_node *n)
{
    lt_node *p = n->op == LT_OP_binary && n->weight[0].n_names ? only_for(f, n, n->in[0]) : NULL;
    if (!p || p->op != LT_OP_linear || linear_of(p)->gamma || p->in[LT_LINEAR_RESIDUAL]) return false;
    linear_of(p)->gamma = true;
    p->weight[LT_LINEAR_GAMMA] = n->weight[0];
    take_over(f, p, n);
    return true;
}

/* Whether `id` repeats along dimension 0 at most. */
static bool repeats_only_frames(const lt_graph *g, int id)
{
    const lt_value *v = &g->values[id];
    if (v->kind != LT_VALUE_VIEW || v->view != LT_VIEW_EXPAND) return true;
    const lt_shape *from = &g->values[v->base].shape;
    for (int i = 1; i < from->n; i++)
        if (from->dim[i] != v->shape.dim[i]) return false;
    return true;
}

static bool fuse_add(fusion *f, lt_node *n)
{
    if (n->op != LT_OP_binary || n->weight[0].n_names || ((const lt_binary_attr *)(const void *)n->attr.bytes)->kind != LT_BINARY_ADD) return false;
    for (int side = 1; side >= 0; side--) {
        lt_node *p = only_for(f, n, n->in[side]);
        const int other = n->in[1 - side];
        if (!p) continue;
        if (p->op == LT_OP_layernorm && side == 0 && !p->in[LT_LAYERNORM_ADD] && f->g->values[other].dtype == LT_F32) {
            p->in[LT_LAYERNORM_ADD] = other;
            const lt_dtype was = f->g->values[p->out].dtype;
            take_over(f, p, n);
            f->g->values[n->out].dtype = was;
            return true;
        }
        const bool adds = p->op == LT_OP_linear || p->op == LT_OP_conv2d || p->op == LT_OP_resize;
        if (!adds || p->in[1] || !repeats_only_frames(f->g, other) || (p->op == LT_OP_linear && linear_of(p)->act == LT_ACT_GEGLU)) continue;
        p->in[1] = other;
        take_over(f, p, n);
        return true;
    }
    return false;
}

/* A copy whose source nobody else reads: its maker writes to the place itself. Any strides of the place do for these operators. */
static bool fuse_copy(fusion *f, lt_node *n)
{
    lt_node *p = n->op == LT_OP_copy ? only_for(f, n, n->in[0]) : NULL;
    if (!p || (p->op != LT_OP_linear && p->op != LT_OP_conv2d && p->op != LT_OP_layernorm && p->op != LT_OP_binary)) return false;
    /* A row of a state lies where a table says, which only a linear can write to. */
    if (p->op != LT_OP_linear && f->g->values[lt_graph_root(f->g, n->out)].kind == LT_VALUE_STATE) return false;
    take_over(f, p, n);
    return true;
}

lt_status lt_graph_fuse(lt_graph *g, bool probes)
{
    lt_status st = LT_OK;
    fusion f = { g, calloc((size_t)g->n_values, sizeof(int)), calloc((size_t)g->n_values, sizeof(int)), probes };
    if (!f.uses || !f.maker) LT_FAIL(LT_E_MEMORY, "no memory to order a network");
    count(&f);
    for (bool again = true; again;) {
        again = false;
        for (int i = 0; i < g->n_nodes; i++) {
            lt_node *n = &g->nodes[i];
            if (n->dead) continue;
            again |= fuse_act(&f, n) || fuse_scale(&f, n) || fuse_add(&f, n) || fuse_copy(&f, n);
        }
    }
done:
    free(f.uses);
    free(f.maker);
    return st;
}
