#include "graph/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The open scopes and `name` in out [LT_GRAPH_NAME]. */
static void full_name(const lt_graph *g, const char *name, char *out)
{
    snprintf(out, LT_GRAPH_NAME, "%s%s%s", g->scope, g->scope[0] && name[0] ? "." : "", name);
    for (char *p = out; *p; p++)
        if (*p == '\1') *p = '.';
}

bool lt_graph_ok(const lt_graph *g)
{
    return g->st >= 0;
}

void lt_graph_fail(lt_graph *g)
{
    if (g->st < 0) return;
    g->error = *lt_error_last();
    g->st = g->error.status;
}

void lt_graph_error(lt_graph *g, const char *format, ...)
{
    char text[512], scope[LT_GRAPH_NAME];
    va_list args;
    if (g->st < 0) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    full_name(g, "", scope);
    lt_raise(LT_E_INTERNAL, __FILE__, __LINE__, __func__, "in %s: %s", scope[0] ? scope : "the graph", text);
    lt_graph_fail(g);
}

/* Room for one more element of `size`; false, with the graph's error set, where there is no memory. */
static bool grow(lt_graph *g, void *array, int n, int *max, size_t size)
{
    void **p = array;
    if (n < *max) return true;
    int wanted = *max ? *max * 2 : 64;
    void *more = realloc(*p, (size_t)wanted * size);
    if (!more) {
        lt_graph_error(g, "no memory for the description of a network");
        return false;
    }
    memset((char *)more + (size_t)*max * size, 0, (size_t)(wanted - *max) * size);
    *p = more;
    *max = wanted;
    return true;
}

static char *copy_name(lt_graph *g, const char *text)
{
    char *name = strdup(text);
    if (!name) lt_graph_error(g, "no memory for a name");
    return name;
}

lt_status lt_graph_create(lt_dtype compute, lt_graph **out)
{
    lt_status st = LT_OK;
    *out = NULL;
    lt_graph *g = calloc(1, sizeof *g);
    if (!g) LT_FAIL(LT_E_MEMORY, "no memory for a network");
    g->compute = g->graph_compute = compute;
    g->part = -1;
    g->n_values = 1;
    if (!grow(g, &g->values, 1, &g->max_values, sizeof *g->values)) {
        lt_graph_destroy(&g);
        return LT_E_MEMORY;
    }
    *out = g;
done:
    return st;
}

void lt_graph_destroy(lt_graph **graph)
{
    lt_graph *g = *graph;
    if (!g) return;
    for (int i = 0; i < g->n_values; i++) {
        free(g->values[i].name);
        free(g->values[i].weight.ctx);
    }
    for (int i = 0; i < g->n_nodes; i++) free(g->nodes[i].name);
    for (int i = 0; i < g->n_parts; i++) free(g->parts[i].name);
    for (int i = 0; i < g->n_weights; i++) free((char *)g->weights[i].name);
    for (int i = 0; i < g->n_tables; i++) free(g->tables[i].name);
    free(g->values);
    free(g->nodes);
    free(g->parts);
    free(g->weights);
    free(g->tables);
    free(g);
    *graph = NULL;
}

/* ---- names ---- */

void lt_scope(lt_graph *g, const char *format, ...)
{
    char text[LT_GRAPH_NAME];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t n = strlen(g->scope);
    if (n + strlen(text) + 2 > sizeof g->scope) {
        lt_graph_error(g, "the scope %s is too deep", text);
        return;
    }
    snprintf(g->scope + n, sizeof g->scope - n, "%s%s", n ? "." : "", text);
    /* A scope of several words closes at once: a mark tells where it began. */
    for (char *p = g->scope + n + (n ? 1 : 0); *p; p++)
        if (*p == '.') *p = '\1';
}

void lt_scope_end(lt_graph *g)
{
    char *dot = strrchr(g->scope, '.');
    if (dot) *dot = 0;
    else g->scope[0] = 0;
}

/* ---- parts ---- */

void lt_part(lt_graph *g, const char *name, lt_cut cut)
{
    if (g->part >= 0) lt_graph_error(g, "part %s begins inside part %s", name, g->parts[g->part].name);
    if (!lt_graph_ok(g) || !grow(g, &g->parts, g->n_parts, &g->max_parts, sizeof *g->parts)) return;
    char *copy = copy_name(g, name);
    if (!copy) return;
    g->part = g->n_parts;
    g->parts[g->n_parts++] = (lt_graph_part){ .name = copy, .cut = cut };
}

void lt_part_end(lt_graph *g)
{
    g->part = -1;
}

void lt_compute(lt_graph *g, lt_dtype compute)
{
    g->compute = compute;
}

/* ---- values and nodes ---- */

int64_t lt_shape_count(const lt_shape *s)
{
    int64_t n = 1;
    for (int i = 0; i < s->n; i++) n *= s->dim[i];
    return n;
}

bool lt_shape_same(const lt_shape *a, const lt_shape *b)
{
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

lt_value *lt_graph_value(const lt_graph *g, int id)
{
    return &g->values[id];
}

int lt_graph_root(const lt_graph *g, int id)
{
    while (id && g->values[id].kind == LT_VALUE_VIEW) id = g->values[id].base;
    return id;
}

static char *shape_text(const lt_shape *s, char *buffer, int size)
{
    lt_tensor t = { .n_dims = s->n };
    memcpy(t.dim, s->dim, sizeof t.dim);
    return lt_tensor_text(&t, buffer, size);
}

lt_val lt_graph_add_value(lt_graph *g, lt_value_kind kind, lt_dtype dtype, lt_shape shape)
{
    for (int i = 0; i < shape.n; i++)
        if (shape.dim[i] < 1) {
            char text[96];
            lt_graph_error(g, "the shape %s is empty", shape_text(&shape, text, sizeof text));
        }
    if (!lt_graph_ok(g) || !grow(g, &g->values, g->n_values, &g->max_values, sizeof *g->values)) return (lt_val){ 0 };
    g->values[g->n_values] = (lt_value){ .kind = kind, .dtype = dtype, .shape = shape, .part = -1, .cut = -1 };
    return (lt_val){ g->n_values++ };
}

lt_node *lt_graph_add_node(lt_graph *g, lt_op op, const char *name, lt_dtype dtype, lt_shape out)
{
    char full[LT_GRAPH_NAME];
    if (g->part < 0) lt_graph_error(g, "%s lies in no part", name);
    lt_val v = lt_graph_add_value(g, LT_VALUE_NODE, dtype, out);
    if (!lt_graph_ok(g) || !grow(g, &g->nodes, g->n_nodes, &g->max_nodes, sizeof *g->nodes)) return NULL;
    full_name(g, name, full);
    char *copy = copy_name(g, full);
    if (!copy) return NULL;
    const lt_cut cut = g->parts[g->part].cut;
    g->values[v.id].part = g->part;
    g->values[v.id].cut = cut == LT_CUT_PIXELS ? 1 : 0;
    lt_node *n = &g->nodes[g->n_nodes++];
    *n = (lt_node){ .op = op, .part = g->part, .name = copy, .out = v.id };
    return n;
}

static int add_weight(lt_graph *g, const char *name, lt_shape shape)
{
    char a[96], b[96];
    for (int i = 0; i < g->n_weights; i++) {
        if (strcmp(g->weights[i].name, name) != 0) continue;
        if (!lt_shape_same(&g->weights[i].shape, &shape))
            lt_graph_error(g, "the weight %s is used as %s and as %s", name, shape_text(&g->weights[i].shape, a, sizeof a),
                           shape_text(&shape, b, sizeof b));
        return i;
    }
    if (!grow(g, &g->weights, g->n_weights, &g->max_weights, sizeof *g->weights)) return 0;
    char *copy = copy_name(g, name);
    if (!copy) return 0;
    g->weights[g->n_weights] = (lt_graph_weight){ copy, shape };
    return g->n_weights++;
}

lt_weight_ref lt_graph_ref(lt_graph *g, const char *const *names, int n, const char *suffix, lt_shape shape)
{
    lt_weight_ref r = { .n_names = n, .shape = shape };
    for (int i = 0; i < n; i++) {
        char full[LT_GRAPH_NAME];
        full_name(g, names[i], full);
        size_t used = strlen(full);
        snprintf(full + used, sizeof full - used, "%s", suffix);
        r.weight[i] = add_weight(g, full, shape);
    }
    r.shape.dim[0] *= n;
    return r;
}

/* ---- what comes from outside ---- */

static lt_val named(lt_graph *g, lt_value_kind kind, const char *name, lt_dtype dtype, lt_shape shape)
{
    lt_val v = lt_graph_add_value(g, kind, dtype, shape);
    if (v.id) g->values[v.id].name = copy_name(g, name);
    return v;
}

lt_val lt_input(lt_graph *g, const char *name, lt_dtype dtype, lt_shape shape)
{
    return named(g, LT_VALUE_INPUT, name, dtype, shape);
}

lt_val lt_state(lt_graph *g, const char *name, lt_dtype dtype, lt_shape shape)
{
    return named(g, LT_VALUE_STATE, name, dtype, shape);
}

static int table_of(lt_graph *g, const char *name, int64_t n)
{
    for (int i = 0; i < g->n_tables; i++) {
        if (strcmp(g->tables[i].name, name) != 0) continue;
        if (g->tables[i].n != n) lt_graph_error(g, "table %s has %lld entries here and %lld elsewhere", name, (long long)n, (long long)g->tables[i].n);
        return i;
    }
    if (!grow(g, &g->tables, g->n_tables, &g->max_tables, sizeof *g->tables)) return 0;
    char *copy = copy_name(g, name);
    if (!copy) return 0;
    g->tables[g->n_tables] = (lt_graph_table){ copy, n };
    return g->n_tables++;
}

static lt_val view(lt_graph *g, lt_val x, lt_view_kind kind, lt_shape to, lt_shape shape)
{
    if (!lt_graph_ok(g) || !x.id) return (lt_val){ 0 };
    lt_val v = lt_graph_add_value(g, LT_VALUE_VIEW, g->values[x.id].dtype, shape);
    if (!v.id) return v;
    lt_value *out = &g->values[v.id], *base = &g->values[x.id];
    out->base = x.id;
    out->view = kind;
    out->to = to;
    out->part = base->part;
    out->cut = lt_view_cut(out, &base->shape, base->cut);
    return v;
}

lt_val lt_gather(lt_graph *g, lt_val x, const char *table, int64_t n)
{
    if (!lt_graph_ok(g) || !x.id) return (lt_val){ 0 };
    lt_shape shape = g->values[x.id].shape;
    shape.dim[0] = n;
    lt_val v = view(g, x, LT_VIEW_GATHER, shape, shape);
    if (v.id) g->values[v.id].table = table_of(g, table, n);
    return v;
}

void lt_output(lt_graph *g, lt_val x, const char *name)
{
    if (!lt_graph_ok(g) || !x.id) return;
    lt_value *v = &g->values[x.id];
    if (v->kind != LT_VALUE_NODE || v->name) {
        lt_graph_error(g, "the output %s must be what an operator gives, named once", name);
        return;
    }
    v->name = copy_name(g, name);
    v->output = true;
}

void lt_probe(lt_graph *g, lt_val x, const char *name)
{
    char full[LT_GRAPH_NAME];
    if (!lt_graph_ok(g) || !x.id) return;
    int id = lt_graph_root(g, x.id);
    if (g->values[id].kind != LT_VALUE_NODE || g->values[id].name) return;
    full_name(g, name, full);
    g->values[id].name = copy_name(g, full);
    g->values[id].probe = true;
}

lt_val lt_param(lt_graph *g, const char *name, lt_shape shape)
{
    lt_val v = lt_graph_add_value(g, LT_VALUE_WEIGHT, LT_F32, shape);
    lt_weight_ref r = lt_graph_ref(g, &name, 1, "", shape);
    if (v.id && lt_graph_ok(g)) g->values[v.id].weight = r;
    return v;
}

lt_val lt_table(lt_graph *g, const char *name, lt_shape from, lt_shape shape, lt_table_fn fn, const void *ctx, size_t ctx_bytes)
{
    lt_val v = lt_graph_add_value(g, LT_VALUE_WEIGHT, LT_F32, shape);
    lt_weight_ref r = lt_graph_ref(g, &name, 1, "", from);
    void *copy = malloc(ctx_bytes + 1);
    if (!copy) lt_graph_error(g, "no memory for a table");
    if (!v.id || !lt_graph_ok(g)) {
        free(copy);
        return (lt_val){ 0 };
    }
    memcpy(copy, ctx, ctx_bytes);
    r.fn = fn;
    r.ctx = copy;
    r.made = shape;
    g->values[v.id].weight = r;
    return v;
}

int lt_graph_weights(const lt_graph *g, const lt_graph_weight **weights)
{
    *weights = g->weights;
    return g->n_weights;
}

/* ---- shapes and views ---- */

int64_t lt_dim(const lt_graph *g, lt_val x, int i)
{
    if (!lt_graph_ok(g) || !x.id || i >= g->values[x.id].shape.n) return 0;
    return g->values[x.id].shape.dim[i];
}

void lt_expect(lt_graph *g, lt_val x, lt_shape shape)
{
    char a[96], b[96];
    if (!lt_graph_ok(g) || !x.id || lt_shape_same(&g->values[x.id].shape, &shape)) return;
    lt_graph_error(g, "a value is %s where %s was expected", shape_text(&g->values[x.id].shape, a, sizeof a), shape_text(&shape, b, sizeof b));
}

lt_val lt_reshape(lt_graph *g, lt_val x, lt_shape shape)
{
    char a[96], b[96];
    if (!lt_graph_ok(g) || !x.id) return (lt_val){ 0 };
    const lt_shape *from = &g->values[x.id].shape;
    if (lt_shape_count(from) != lt_shape_count(&shape))
        lt_graph_error(g, "reshape %s to %s: %lld elements to %lld", shape_text(from, a, sizeof a), shape_text(&shape, b, sizeof b),
                       (long long)lt_shape_count(from), (long long)lt_shape_count(&shape));
    return view(g, x, LT_VIEW_RESHAPE, shape, shape);
}

lt_val lt_permute(lt_graph *g, lt_val x, lt_shape axes)
{
    unsigned seen = 0;
    lt_shape shape = axes;
    if (!lt_graph_ok(g) || !x.id) return (lt_val){ 0 };
    const lt_shape *from = &g->values[x.id].shape;
    for (int i = 0; i < axes.n; i++) {
        int64_t a = axes.dim[i];
        if (a < 0 || a >= from->n || axes.n != from->n || (seen & 1u << a)) {
            lt_graph_error(g, "permute: the axes are not those of a value of %d dimensions", from->n);
            return (lt_val){ 0 };
        }
        seen |= 1u << a;
        shape.dim[i] = from->dim[a];
    }
    return view(g, x, LT_VIEW_PERMUTE, axes, shape);
}

lt_val lt_slice(lt_graph *g, lt_val x, int axis, int64_t first, int64_t n)
{
    if (!lt_graph_ok(g) || !x.id) return (lt_val){ 0 };
    lt_shape shape = g->values[x.id].shape;
    if (axis < 0 || axis >= shape.n || first < 0 || n < 1 || first + n > shape.dim[axis]) {
        lt_graph_error(g, "slice: entries %lld to %lld of dimension %d are not there", (long long)first, (long long)(first + n - 1), axis);
        return (lt_val){ 0 };
    }
    shape.dim[axis] = n;
    return view(g, x, LT_VIEW_SLICE, LT_SHAPE(axis, first, n), shape);
}

lt_val lt_select(lt_graph *g, lt_val x, int axis, int64_t i)
{
    lt_val v = lt_slice(g, x, axis, i, 1);
    if (!v.id) return v;
    lt_shape shape = { 0 };
    const lt_shape *from = &g->values[v.id].shape;
    for (int d = 0; d < from->n; d++)
        if (d != axis) shape.dim[shape.n++] = from->dim[d];
    return lt_reshape(g, v, shape);
}

lt_val lt_expand(lt_graph *g, lt_val x, lt_shape shape)
{
    char a[96], b[96];
    if (!lt_graph_ok(g) || !x.id) return (lt_val){ 0 };
    const lt_shape *from = &g->values[x.id].shape;
    bool fits = from->n == shape.n;
    for (int i = 0; fits && i < shape.n; i++) fits = from->dim[i] == shape.dim[i] || from->dim[i] == 1;
    if (!fits) {
        lt_graph_error(g, "%s cannot be repeated to %s", shape_text(from, a, sizeof a), shape_text(&shape, b, sizeof b));
        return (lt_val){ 0 };
    }
    return lt_shape_same(from, &shape) ? x : view(g, x, LT_VIEW_EXPAND, shape, shape);
}

lt_status lt_graph_finish(lt_graph *g)
{
    if (lt_graph_ok(g) && g->part >= 0) lt_graph_error(g, "part %s is not closed", g->parts[g->part].name);
    if (!lt_graph_ok(g)) {
        lt_error_set(&g->error);
        return g->st;
    }
    g->finished = true;
    return LT_OK;
}
