#include "graph/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- order ---- */

typedef struct {
    const lt_graph *g;
    uint8_t        *seen;        /* [n_nodes] */
    int            *order;       /* nodes, makers before readers */
    int             n;
    int            *first_maker, *next_maker;      /* [n_values], [n_nodes]: the nodes that write a root, in their order */
} walk;

static void visit(walk *w, int node);

static void visit_value(walk *w, int id)
{
    const int root = lt_graph_root(w->g, id);
    if (!root || w->g->values[root].kind != LT_VALUE_NODE) return;
    for (int i = w->first_maker[root]; i >= 0; i = w->next_maker[i]) visit(w, i);
}

/* Depth-first from what is wanted: the order does not depend on the one in which a compiler evaluated the model's arguments. */
static void visit(walk *w, int node)
{
    if (w->seen[node]) return;
    w->seen[node] = 1;
    for (int j = 0; j < LT_MAX_IN; j++)
        if (w->g->nodes[node].in[j]) visit_value(w, w->g->nodes[node].in[j]);
    w->order[w->n++] = node;
}

static bool wanted(const lt_plan *p, int node)
{
    const lt_value *v = &p->g.values[lt_graph_root(&p->g, p->g.nodes[node].out)];
    return v->kind == LT_VALUE_STATE || v->output || (p->opts.probes && v->probe);
}

static lt_status order(lt_plan *p)
{
    lt_status st = LT_OK;
    const lt_graph *g = &p->g;
    const size_t n = (size_t)g->n_nodes + 1;
    walk w = { .g = g, .seen = calloc(n, 1), .order = calloc(n, sizeof(int)), .first_maker = calloc((size_t)g->n_values, sizeof(int)),
               .next_maker = calloc(n, sizeof(int)) };
    p->steps = calloc(n, sizeof *p->steps);
    if (!w.seen || !w.order || !w.first_maker || !w.next_maker || !p->steps) LT_FAIL(LT_E_MEMORY, "no memory to order a network");
    for (int i = 0; i < g->n_values; i++) w.first_maker[i] = -1;
    for (int i = g->n_nodes - 1; i >= 0; i--) {
        if (g->nodes[i].dead) continue;
        const int root = lt_graph_root(g, g->nodes[i].out);
        w.next_maker[i] = w.first_maker[root];
        w.first_maker[root] = i;
    }
    for (int i = 0; i < g->n_nodes; i++)
        if (!g->nodes[i].dead && wanted(p, i)) visit(&w, i);
    for (int part = 0; part < g->n_parts; part++) {
        p->parts[part].first = p->n_steps;
        for (int i = 0; i < w.n; i++)
            if (g->nodes[w.order[i]].part == part)
                p->steps[p->n_steps++] = (lt_plan_step){ .node = w.order[i], .packed_item = -1, .workspace_item = -1, .layer = -1 };
        p->parts[part].n = p->n_steps - p->parts[part].first;
    }
done:
    free(w.seen);
    free(w.order);
    free(w.first_maker);
    free(w.next_maker);
    return st;
}

/* ---- parts ---- */

static int64_t at_most(int64_t wanted_, int64_t all)
{
    return wanted_ > 0 && wanted_ < all ? wanted_ : all;
}

static lt_status cut_parts(lt_plan *p)
{
    lt_status st = LT_OK;
    for (int i = 0; i < p->g.n_parts; i++) {
        lt_plan_part *part = &p->parts[i];
        part->cut = p->g.parts[i].cut;
        for (int k = part->first; k < part->first + part->n; k++) {
            const int root = lt_graph_root(&p->g, p->g.nodes[p->steps[k].node].out);
            const lt_value *v = &p->g.values[root];
            const lt_shape *shape = v->kind == LT_VALUE_STATE ? &p->g.values[p->g.nodes[p->steps[k].node].out].shape : &v->shape;
            const int64_t extent = shape->n > 1 || part->cut != LT_CUT_PIXELS ? shape->dim[part->cut == LT_CUT_PIXELS ? 1 : 0] : 0;
            if (part->extent && extent != part->extent)
                LT_FAIL(LT_E_INTERNAL, "%s: part %s is cut along %lld entries, this operator gives %lld", p->g.nodes[p->steps[k].node].name,
                        p->g.parts[i].name, (long long)part->extent, (long long)extent);
            part->extent = extent;
            if (part->cut == LT_CUT_ROWS && v->output) part->rows = v->shape.dim[1];
        }
        part->slice = at_most(part->cut == LT_CUT_PIXELS ? p->opts.tile : p->opts.frames, part->extent);
        part->band = at_most(p->opts.band, part->rows);
        if (part->cut == LT_CUT_ROWS && part->rows == 0) LT_FAIL(LT_E_INTERNAL, "part %s is cut by rows and gives no output", p->g.parts[i].name);
    }
done:
    return st;
}

/* ---- lifetimes ---- */

static void touch(lt_plan *p, int id, int step)
{
    const int root = lt_graph_root(&p->g, id), part = p->g.nodes[p->steps[step].node].part;
    const lt_value *v = &p->g.values[root];
    lt_plan_value *at = &p->values[root];
    if (!at->used) *at = (lt_plan_value){ .used = true, .place = root, .first = step, .last = step, .item = -1 };
    at->whole = at->whole || v->kind != LT_VALUE_NODE || v->part != part || v->output || (p->opts.probes && v->probe);
    if (step < at->first) at->first = step;
    if (step > at->last) at->last = step;
}

/* A value that is not a slice is alive for all of each part that touches it, and what the caller sees for longer. */
static void stretch(lt_plan *p, int id)
{
    lt_plan_value *v = &p->values[id];
    const lt_value *what = &p->g.values[id];
    if (!v->used || !v->whole) return;
    for (int i = 0; i < p->g.n_parts; i++) {
        const int first = p->parts[i].first, last = first + p->parts[i].n - 1;
        if (v->first > first && v->first <= last) v->first = first;
        if (v->last >= first && v->last < last) v->last = last;
    }
    if (what->kind == LT_VALUE_INPUT) v->first = 0;
    if (what->output || (p->opts.probes && what->probe)) v->last = p->n_steps - 1;
    if (what->kind == LT_VALUE_STATE || what->kind == LT_VALUE_WEIGHT) {
        v->first = 0;
        v->last = p->n_steps - 1;
    }
}

static void lifetimes(lt_plan *p)
{
    for (int i = 0; i < p->n_steps; i++) {
        const lt_node *n = &p->g.nodes[p->steps[i].node];
        touch(p, n->out, i);
        for (int j = 0; j < LT_MAX_IN; j++)
            if (n->in[j]) touch(p, n->in[j], i);
    }
}

/* ---- in place ---- */

/* Inputs that an operator may overwrite with its output. */
static bool may_overwrite(lt_op op, int input)
{
    switch (op) {
    case LT_OP_binary: return true;
    case LT_OP_unary:
    case LT_OP_layernorm:
    case LT_OP_groupnorm: return input == 0;
    case LT_OP_linear:
    case LT_OP_conv2d:
    case LT_OP_resize: return input == 1;
    default: return false;
    }
}

/* Whether `id` is its root with other sizes at most: every value where the root has it. */
static bool same_order(const lt_graph *g, int id)
{
    for (; g->values[id].kind == LT_VALUE_VIEW; id = g->values[id].base)
        if (g->values[id].view != LT_VIEW_RESHAPE) return false;
    return g->values[id].kind == LT_VALUE_NODE;
}

static bool overwrites(const lt_plan *p, int step, int input)
{
    const lt_node *n = &p->g.nodes[p->steps[step].node];
    const int in = lt_graph_root(&p->g, n->in[input]), out = n->out;
    const lt_value *vin = &p->g.values[in], *vout = &p->g.values[out];
    const lt_plan_value *a = &p->values[in], *b = &p->values[out];
    const lt_plan_part *part = &p->parts[n->part];
    if (!may_overwrite(n->op, input) || vout->kind != LT_VALUE_NODE || !same_order(&p->g, n->in[input])) return false;
    if (vin->output || (p->opts.probes && vin->probe) || vin->dtype != vout->dtype || lt_shape_count(&vin->shape) != lt_shape_count(&vout->shape)) return false;
    if (a->whole != b->whole || b->place != out) return false;
    if (part->cut == LT_CUT_ROWS && part->band < part->rows) return false;
    /* Another input in the same memory is read value by value at the same places, or not at all. */
    for (int j = 0; j < LT_MAX_IN; j++)
        if (j != input && n->in[j] && lt_graph_root(&p->g, n->in[j]) == in && (n->op != LT_OP_binary || !same_order(&p->g, n->in[j]))) return false;
    /* The last to read it, and the first to write the output. */
    return a->last == step && b->first == step;
}

static void share(lt_plan *p)
{
    for (int i = 0; i < p->n_steps; i++) {
        const lt_node *n = &p->g.nodes[p->steps[i].node];
        for (int j = 0; j < LT_MAX_IN; j++) {
            if (!n->in[j] || !overwrites(p, i, j)) continue;
            const int in = lt_graph_root(&p->g, n->in[j]);
            p->values[n->out].place = p->values[in].place;
            break;
        }
    }
}

/* ---- bytes ---- */

static size_t value_bytes(const lt_slice_of *s, int id)
{
    const lt_tensor t = lt_slice_whole(s, id);
    return (size_t)lt_tensor_count(&t) * lt_dtype_bytes(t.dtype);
}

static void grow(size_t *to, size_t n)
{
    if (n > *to) *to = n;
}

/* Takes so many slices of one shape into account: the largest a value gets, the workspace, the work. */
static lt_status measure(lt_plan *p, const lt_slice_of *s, int64_t times)
{
    lt_status st = LT_OK;
    const lt_plan_part *part = &p->parts[s->part];
    for (int i = part->first; i < part->first + part->n; i++) {
        lt_plan_step *step = &p->steps[i];
        const lt_node *n = &p->g.nodes[step->node];
        const int out = lt_graph_root(&p->g, n->out);
        lt_args a;
        LT_TRY(lt_slice_args(s, step, &a));
        grow(&p->values[p->values[out].place].n_bytes, value_bytes(s, out));
        step->flops += (double)times * lt_node_flops(n->op, &a);
        step->launches += times;
        if (!step->kernel) {
            st = lt_kernel_pick(n->op, &a, &p->opts.machine, &step->kernel);
            if (st < 0) lt_error_prefix("%s", n->name);
            LT_TRY(st);
            if (step->kernel->packed_bytes) step->packed_bytes = step->kernel->packed_bytes(&a, &p->opts.machine);
        }
        if (step->kernel->workspace_bytes) grow(&step->workspace_bytes, step->kernel->workspace_bytes(&a, &p->opts.machine));
    }
done:
    return st;
}

/* The slices of a part, those of one shape once: of each band of rows, the full ones and what is left over at the end. */
static lt_status measure_part(lt_plan *p, lt_slice_of *s)
{
    lt_status st = LT_OK;
    const lt_plan_part *part = &p->parts[s->part];
    const int64_t full = part->slice > 0 ? part->extent / part->slice : 0;
    for (int rest = 0; rest < 2 && part->slice > 0; rest++) {
        const int64_t times = rest ? part->extent > full * part->slice : full;
        s->first = rest ? full * part->slice : 0;
        s->n = rest ? part->extent - s->first : part->slice;
        if (!times) continue;
        if (part->cut != LT_CUT_ROWS) LT_TRY(measure(p, s, times));
        for (int64_t y = 0; part->cut == LT_CUT_ROWS && y < part->rows; y += part->band) {
            lt_slice_rows(s, y, y + part->band < part->rows ? y + part->band : part->rows);
            LT_TRY(measure(p, s, times));
        }
    }
done:
    return st;
}

static lt_status sizes(lt_plan *p)
{
    lt_status st = LT_OK;
    const size_t n_values = (size_t)p->g.n_values;
    lt_slice_of s = { .plan = p, .lo = calloc(n_values, sizeof(int64_t)), .hi = calloc(n_values, sizeof(int64_t)),
                      .tables = calloc((size_t)p->g.n_tables + 1, sizeof *s.tables) };
    if (!s.lo || !s.hi || !s.tables) LT_FAIL(LT_E_MEMORY, "no memory to plan a network");
    /* Tables without meaning: a kernel that cannot follow one is to refuse now. */
    for (int i = 0; i < p->g.n_tables; i++)
        if (!(s.tables[i] = calloc((size_t)p->g.tables[i].n, sizeof **s.tables))) LT_FAIL(LT_E_MEMORY, "no memory to plan a network");
    for (s.part = 0; s.part < p->g.n_parts; s.part++) LT_TRY(measure_part(p, &s));
    s.part = 0;
    for (int i = 1; i < p->g.n_values; i++)
        if (p->values[i].used && p->g.values[i].kind != LT_VALUE_NODE) p->values[i].n_bytes = value_bytes(&s, i);
done:
    for (int i = 0; s.tables && i < p->g.n_tables; i++) free(s.tables[i]);
    free(s.tables);
    free(s.lo);
    free(s.hi);
    return st;
}

/* ---- layers ---- */

static size_t packed(const lt_plan *p, int step)
{
    return lt_arena_padded(p->steps[step].packed_bytes);
}

/* What the larger half of a part's weights takes at least, cut between two steps: a part that comes again for every slice then finds both halves where they
 * were. Of one that is gone through once, the largest step. */
static size_t layer_of_part(const lt_plan *p, const lt_plan_part *part)
{
    size_t all = 0, head = 0, most = 0, best;
    for (int i = part->first; i < part->first + part->n; i++) {
        all += packed(p, i);
        grow(&most, packed(p, i));
    }
    if (part->slice == part->extent && part->band == part->rows) return most;
    best = all;
    for (int i = part->first; i < part->first + part->n; i++) {
        head += packed(p, i);
        const size_t larger = head > all - head ? head : all - head;
        if (larger < best) best = larger;
    }
    return best;
}

/* Steps of one part go into a layer until it is as large as the largest that has to be. */
static lt_status cut_layers(lt_plan *p)
{
    lt_status st = LT_OK;
    size_t most = 0;
    if (!p->opts.stream) return LT_OK;
    for (int i = 0; i < p->g.n_parts; i++) grow(&most, layer_of_part(p, &p->parts[i]));
    p->layers = calloc((size_t)p->n_steps + 1, sizeof *p->layers);
    if (!p->layers) LT_FAIL(LT_E_MEMORY, "no memory to plan a network");
    for (int part = 0; part < p->g.n_parts; part++) {
        lt_plan_layer *layer = NULL;
        for (int i = p->parts[part].first; i < p->parts[part].first + p->parts[part].n; i++) {
            if (!packed(p, i)) continue;
            if (!layer || layer->n_bytes + packed(p, i) > most) {
                layer = &p->layers[p->n_layers++];
                *layer = (lt_plan_layer){ .part = part, .at = p->streamed_bytes };
            }
            p->steps[i].layer = p->n_layers - 1;
            p->steps[i].packed_at = layer->n_bytes;
            layer->n_bytes += packed(p, i);
            p->streamed_bytes += packed(p, i);
        }
    }
done:
    return st;
}

/* ---- layout ---- */

static int add_item(lt_plan *p, lt_item_kind kind, const char *name, size_t n_bytes, int first, int last)
{
    if (n_bytes == 0) return -1;
    p->item_kind[p->n_items] = (uint8_t)kind;
    p->items[p->n_items] = (lt_arena_item){ name, n_bytes, first, last, 0 };
    return p->n_items++;
}

static lt_item_kind kind_of(lt_value_kind kind)
{
    return kind == LT_VALUE_WEIGHT ? LT_ITEM_WEIGHT : kind == LT_VALUE_STATE ? LT_ITEM_KEPT : LT_ITEM_VALUE;
}

static lt_status layout(lt_plan *p)
{
    lt_status st = LT_OK;
    const int end = p->n_steps > 0 ? p->n_steps - 1 : 0;
    const size_t most = (size_t)p->g.n_values + 2 * (size_t)p->n_steps + 4;
    size_t largest = 0;
    p->items = calloc(most, sizeof *p->items);
    p->item_kind = calloc(most, sizeof *p->item_kind);
    p->table_at = calloc((size_t)p->g.n_tables + 1, sizeof *p->table_at);
    if (!p->items || !p->item_kind || !p->table_at) LT_FAIL(LT_E_MEMORY, "no memory to plan a network");
    for (int i = 1; i < p->g.n_values; i++) {
        lt_plan_value *v = &p->values[i], *at = &p->values[v->place];
        if (!v->used || at == v) continue;
        if (v->first < at->first) at->first = v->first;
        if (v->last > at->last) at->last = v->last;
    }
    for (int i = 1; i < p->g.n_values; i++) {
        lt_plan_value *v = &p->values[i];
        if (!v->used || v->place != i) continue;
        const char *name = p->g.values[i].name;
        v->item = add_item(p, kind_of(p->g.values[i].kind), name ? name : p->g.values[i].kind == LT_VALUE_WEIGHT ? "table" : p->g.nodes[p->steps[v->first].node].name, v->n_bytes,
                           v->first, v->last);
        if (p->g.values[i].kind == LT_VALUE_WEIGHT) p->weight_bytes += v->n_bytes;
    }
    for (int i = 0; i < p->n_steps; i++) {
        lt_plan_step *s = &p->steps[i];
        const char *name = p->g.nodes[s->node].name;
        if (s->layer < 0) s->packed_item = add_item(p, LT_ITEM_WEIGHT, name, s->packed_bytes, 0, end);
        s->workspace_item = add_item(p, LT_ITEM_WORKSPACE, name, s->workspace_bytes, i, i);
        if (s->layer < 0) p->weight_bytes += s->packed_bytes;
    }
    for (int i = 0; i < p->n_layers; i++) grow(&largest, p->layers[i].n_bytes);
    for (int i = 0; i < 2; i++) p->layer_item[i] = add_item(p, LT_ITEM_WEIGHT, "streamed weights", largest, 0, end);
    p->weight_bytes += 2 * largest;
    for (int i = 0; i < p->g.n_tables; i++) {
        p->table_at[i] = p->n_entries;
        p->n_entries += p->g.tables[i].n;
    }
    p->tables_item = p->opts.machine.backend == LT_BACKEND_CUDA ? add_item(p, LT_ITEM_KEPT, "tables", (size_t)p->n_entries * sizeof(int32_t), 0, end) : -1;
    LT_TRY(lt_arena_layout(p->items, p->n_items, &p->n_bytes));
done:
    return st;
}

/* ---- the plan ---- */

static lt_status copy_graph(lt_plan *p, const lt_graph *g)
{
    lt_status st = LT_OK;
    p->g = *g;
    p->g.values = calloc((size_t)g->n_values, sizeof *g->values);
    p->g.nodes = calloc((size_t)g->n_nodes + 1, sizeof *g->nodes);
    p->values = calloc((size_t)g->n_values, sizeof *p->values);
    p->parts = calloc((size_t)g->n_parts + 1, sizeof *p->parts);
    if (!p->g.values || !p->g.nodes || !p->values || !p->parts) LT_FAIL(LT_E_MEMORY, "no memory to plan a network");
    memcpy(p->g.values, g->values, (size_t)g->n_values * sizeof *g->values);
    if (g->n_nodes) memcpy(p->g.nodes, g->nodes, (size_t)g->n_nodes * sizeof *g->nodes);
done:
    return st;
}

lt_status lt_graph_plan(const lt_graph *g, const lt_plan_opts *opts, lt_plan **out)
{
    lt_status st = LT_OK;
    *out = NULL;
    lt_plan *p = calloc(1, sizeof *p);
    if (!p) LT_FAIL(LT_E_MEMORY, "no memory to plan a network");
    if (!g->finished) LT_FAIL(LT_E_INTERNAL, "a graph is planned before it is finished");
    p->opts = *opts;
    LT_TRY(copy_graph(p, g));
    LT_TRY(lt_graph_fuse(&p->g, opts->probes));
    LT_TRY(order(p));
    LT_TRY(cut_parts(p));
    lifetimes(p);
    share(p);
    for (int i = 1; i < p->g.n_values; i++) stretch(p, i);
    LT_TRY(sizes(p));
    LT_TRY(cut_layers(p));
    LT_TRY(layout(p));
    *out = p;
    p = NULL;
done:
    lt_plan_destroy(&p);
    return st;
}

void lt_plan_destroy(lt_plan **plan)
{
    lt_plan *p = *plan;
    if (!p) return;
    free(p->g.values);
    free(p->g.nodes);
    free(p->values);
    free(p->parts);
    free(p->steps);
    free(p->layers);
    free(p->items);
    free(p->item_kind);
    free(p->table_at);
    free(p);
    *plan = NULL;
}

size_t lt_plan_bytes(const lt_plan *plan)
{
    return plan->n_bytes;
}

size_t lt_plan_weight_bytes(const lt_plan *plan)
{
    return plan->weight_bytes;
}

size_t lt_plan_streamed_bytes(const lt_plan *plan)
{
    return plan->streamed_bytes;
}

int lt_plan_items(const lt_plan *plan, const lt_arena_item **items)
{
    *items = plan->items;
    return plan->n_items;
}

lt_item_kind lt_plan_item_kind(const lt_plan *plan, int item)
{
    return (lt_item_kind)plan->item_kind[item];
}

int lt_plan_nodes(const lt_plan *plan)
{
    return plan->n_steps;
}

void lt_plan_node(const lt_plan *plan, int i, lt_node_info *out)
{
    const lt_plan_step *s = &plan->steps[i];
    const lt_node *n = &plan->g.nodes[s->node];
    *out = (lt_node_info){ plan->g.parts[n->part].name, n->name, lt_op_name(n->op), s->kernel->name, s->flops, 0, s->launches };
}
