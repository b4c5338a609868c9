#include "graph/plan.h"

#include <longtake/clock.h>

#include <stdlib.h>
#include <string.h>

struct lt_session {
    const lt_plan *plan;
    lt_pool       *pool;
    char          *base;
    int32_t      **tables;       /* [n_tables] */
    void         **state;        /* [n_steps] of the kernels */
    double        *seconds;      /* [n_steps] */
    double        *flops;        /* [n_steps] */
    int64_t       *launches;     /* [n_steps] */
    lt_slice_of    slice;
    const atomic_int *stop;      /* of the run in hand */
};

/* ---- weights ---- */

/* Reads a reference into `to`, its tensors one after the other; `to` holds the stacked shape. */
static lt_status read_ref(const lt_session *s, const lt_weight_source *w, const lt_weight_ref *r, float *to)
{
    lt_status st = LT_OK;
    for (int i = 0; i < r->n_names; i++) {
        const lt_graph_weight *weight = &s->plan->g.weights[r->weight[i]];
        LT_TRY(w->read(w->ctx, weight->name, weight->shape.n, weight->shape.dim, to + i * lt_shape_count(&weight->shape)));
    }
done:
    return st;
}

static lt_status load_value(const lt_session *s, const lt_weight_source *w, int id)
{
    lt_status st = LT_OK;
    const lt_weight_ref *r = &s->plan->g.values[id].weight;
    float *to = (float *)(void *)(s->base + s->plan->items[s->plan->values[id].item].offset);
    float *raw = NULL;
    if (!r->fn) {
        LT_TRY(read_ref(s, w, r, to));
        goto done;
    }
    raw = malloc((size_t)lt_shape_count(&r->shape) * sizeof *raw);
    if (!raw) LT_FAIL(LT_E_MEMORY, "no memory to read a weight");
    LT_TRY(read_ref(s, w, r, raw));
    LT_TRY(r->fn(r->ctx, raw, to));
done:
    free(raw);
    return st;
}

static lt_status load_step(const lt_session *s, const lt_weight_source *w, int i, const lt_args *a)
{
    lt_status st = LT_OK;
    const lt_plan_step *step = &s->plan->steps[i];
    const lt_node *n = &s->plan->g.nodes[step->node];
    lt_weight_data data[LT_MAX_WEIGHTS] = { { 0 } };
    float *raw[LT_MAX_WEIGHTS] = { NULL };
    if (!step->kernel->pack) return LT_OK;
    for (int j = 0; j < LT_MAX_WEIGHTS; j++) {
        const lt_weight_ref *r = &n->weight[j];
        if (!r->n_names) continue;
        raw[j] = malloc((size_t)lt_shape_count(&r->shape) * sizeof *raw[j]);
        if (!raw[j]) LT_FAIL(LT_E_MEMORY, "no memory to read a weight");
        LT_TRY(read_ref(s, w, r, raw[j]));
        data[j].data = raw[j];
        data[j].n_dims = r->shape.n;
        memcpy(data[j].dim, r->shape.dim, sizeof data[j].dim);
    }
    if (step->packed_item >= 0) step->kernel->pack(a, &s->plan->opts.machine, data, s->base + s->plan->items[step->packed_item].offset);
done:
    for (int j = 0; j < LT_MAX_WEIGHTS; j++) free(raw[j]);
    return st;
}

typedef struct {
    lt_session             *s;
    const lt_weight_source *weights;
    bool                    done;        /* the first slice, which is the largest along the axis, is seen */
} loading;

/* Weights and state of each kernel, by the sizes of the first slice. */
static lt_status load_part(void *ctx, const lt_slice_of *slice)
{
    lt_status st = LT_OK;
    loading *l = ctx;
    const lt_plan *p = l->s->plan;
    const lt_plan_part *part = &p->parts[slice->part];
    if (l->done) return LT_OK;
    l->done = true;
    for (int i = part->first; i < part->first + part->n; i++) {
        lt_args a;
        LT_TRY(lt_slice_args(slice, &p->steps[i], &a));
        st = load_step(l->s, l->weights, i, &a);
        if (st >= 0 && p->steps[i].kernel->open) st = p->steps[i].kernel->open(&(lt_launch){ .isa = p->opts.machine.isa }, &a, &p->opts.machine, &l->s->state[i]);
        LT_TRY(st);
    }
done:
    return st;
}

static lt_status load(lt_session *s, const lt_weight_source *w)
{
    lt_status st = LT_OK;
    for (int i = 1; i < s->plan->g.n_values; i++)
        if (s->plan->values[i].used && s->plan->g.values[i].kind == LT_VALUE_WEIGHT) LT_TRY(load_value(s, w, i));
    for (s->slice.part = 0; s->slice.part < s->plan->g.n_parts; s->slice.part++) {
        loading l = { s, w, false };
        LT_TRY(lt_slice_each(&s->slice, s->plan->parts[s->slice.part].extent, load_part, &l));
    }
done:
    return st;
}

/* ---- life ---- */

lt_status lt_session_create(const lt_plan *plan, const lt_weight_source *weights, lt_arena *arena, lt_pool *pool, lt_session **out)
{
    lt_status st = LT_OK;
    const lt_graph *g = &plan->g;
    const size_t n_values = (size_t)g->n_values, n_steps = (size_t)plan->n_steps + 1;
    *out = NULL;
    lt_session *s = calloc(1, sizeof *s);
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for a session");
    if (lt_pool_threads(pool) > plan->opts.machine.n_threads)
        LT_FAIL(LT_E_INTERNAL, "a plan for %d threads is run with %d", plan->opts.machine.n_threads, lt_pool_threads(pool));
    if (lt_arena_size(arena) < plan->n_bytes) LT_FAIL(LT_E_MEMORY, "the arena is smaller than its plan");
    s->plan = plan;
    s->pool = pool;
    s->base = lt_arena_at(arena, 0);
    s->tables = calloc((size_t)g->n_tables + 1, sizeof *s->tables);
    s->state = calloc(n_steps, sizeof *s->state);
    s->seconds = calloc(n_steps, sizeof *s->seconds);
    s->launches = calloc(n_steps, sizeof *s->launches);
    s->flops = calloc(n_steps, sizeof *s->flops);
    s->slice = (lt_slice_of){ .plan = plan, .lo = calloc(n_values, sizeof(int64_t)), .hi = calloc(n_values, sizeof(int64_t)), .base = s->base,
                              .tables = s->tables };
    if (!s->tables || !s->state || !s->seconds || !s->launches || !s->flops || !s->slice.lo || !s->slice.hi) LT_FAIL(LT_E_MEMORY, "no memory for a session");
    for (int i = 0; i < g->n_tables; i++) {
        s->tables[i] = calloc((size_t)g->tables[i].n, sizeof **s->tables);
        if (!s->tables[i]) LT_FAIL(LT_E_MEMORY, "no memory for a session");
        for (int64_t k = 0; k < g->tables[i].n; k++) s->tables[i][k] = (int32_t)k;
    }
    LT_TRY(load(s, weights));
    *out = s;
    s = NULL;
done:
    lt_session_destroy(&s);
    return st;
}

void lt_session_destroy(lt_session **session)
{
    lt_session *s = *session;
    if (!s) return;
    for (int i = 0; s->state && i < s->plan->n_steps; i++)
        if (s->state[i]) s->plan->steps[i].kernel->close(&s->state[i]);
    for (int i = 0; s->tables && i < s->plan->g.n_tables; i++) free(s->tables[i]);
    free(s->tables);
    free(s->state);
    free(s->seconds);
    free(s->launches);
    free(s->flops);
    free(s->slice.lo);
    free(s->slice.hi);
    free(s);
    *session = NULL;
}

/* ---- names ---- */

static bool visible(const lt_session *s, int id)
{
    const lt_value *v = &s->plan->g.values[id];
    return v->name && s->plan->values[id].used && (!v->probe || s->plan->opts.probes);
}

bool lt_session_tensor(const lt_session *s, const char *name, lt_tensor *out)
{
    for (int i = 1; i < s->plan->g.n_values; i++) {
        if (!visible(s, i) || strcmp(s->plan->g.values[i].name, name) != 0) continue;
        lt_slice_of whole = s->slice;
        whole.part = 0;
        *out = lt_slice_whole(&whole, i);
        return true;
    }
    return false;
}

const char *lt_session_tensor_name(const lt_session *s, int i)
{
    for (int id = 1; id < s->plan->g.n_values; id++)
        if (visible(s, id) && i-- == 0) return s->plan->g.values[id].name;
    return NULL;
}

int32_t *lt_session_table(lt_session *s, const char *name, int64_t *n)
{
    for (int i = 0; i < s->plan->g.n_tables; i++) {
        if (strcmp(s->plan->g.tables[i].name, name) != 0) continue;
        *n = s->plan->g.tables[i].n;
        return s->tables[i];
    }
    *n = 0;
    return NULL;
}

void lt_session_node(const lt_session *s, int i, lt_node_info *out)
{
    lt_plan_node(s->plan, i, out);
    out->flops = s->flops[i];
    out->seconds = s->seconds[i];
    out->launches = s->launches[i];
}

/* ---- run ---- */

static lt_status run_slice(void *ctx, const lt_slice_of *slice)
{
    lt_status st = LT_OK;
    lt_session *s = ctx;
    const lt_plan *p = s->plan;
    const lt_plan_part *part = &p->parts[slice->part];
    for (int i = part->first; i < part->first + part->n; i++) {
        const lt_plan_step *step = &p->steps[i];
        const lt_launch launch = { s->pool, p->opts.machine.isa,
                                   step->workspace_item >= 0 ? s->base + p->items[step->workspace_item].offset : NULL, s->stop, NULL, NULL };
        lt_args a;
        if (s->stop && atomic_load(s->stop)) LT_FAIL(LT_E_STOPPED, "stopped early");
        LT_TRY(lt_slice_args(slice, step, &a));
        a.state = s->state[i];
        const double before = lt_seconds();
        LT_TRY(step->kernel->launch(&launch, &a));
        s->seconds[i] += lt_seconds() - before;
        s->flops[i] += lt_node_flops(p->g.nodes[step->node].op, &a);
        s->launches[i]++;
    }
done:
    return st;
}

static int part_of(const lt_session *s, const char *name)
{
    for (int i = 0; i < s->plan->g.n_parts; i++)
        if (strcmp(s->plan->g.parts[i].name, name) == 0) return i;
    return -1;
}

lt_status lt_session_run(lt_session *s, const char *first, const char *last, int64_t count, const atomic_int *stop)
{
    lt_status st = LT_OK;
    const int from = part_of(s, first), to = part_of(s, last);
    if (from < 0 || to < from) LT_FAIL(LT_E_INTERNAL, "there are no parts %s to %s", first, last);
    s->stop = stop;
    for (s->slice.part = from; s->slice.part <= to; s->slice.part++) {
        const int64_t extent = s->plan->parts[s->slice.part].extent;
        if (count > extent) LT_FAIL(LT_E_INTERNAL, "part %s holds %lld entries, not %lld", s->plan->g.parts[s->slice.part].name, (long long)extent, (long long)count);
        LT_TRY(lt_slice_each(&s->slice, count > 0 ? count : extent, run_slice, s));
    }
done:
    return st;
}
