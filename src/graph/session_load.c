#include "graph/session.h"

#include <stdlib.h>
#include <string.h>

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

/* Where an item of the plan is filled: its place in the arena, or for a GPU a block of host memory that store() copies there. */
static lt_status place(const lt_session *s, int item, void **to)
{
    lt_status st = LT_OK;
    const lt_arena_item *i = &s->plan->items[item];
    *to = s->gpu ? aligned_alloc(LT_ARENA_ALIGN, lt_arena_padded(i->n_bytes)) : s->base + i->offset;
    if (!*to) LT_FAIL(LT_E_MEMORY, "no memory to pack a weight");
done:
    return st;
}

/* Hands it over; `st` is what filling it came to. */
static lt_status store(const lt_session *s, int item, void *from, lt_status st)
{
    if (!s->gpu) return st;
    if (st >= 0) st = lt_copy_to_device(s->gpu->stream, s->base + s->plan->items[item].offset, from, s->plan->items[item].n_bytes);
    if (st >= 0) st = lt_stream_finish(s->gpu->stream);
    free(from);
    return st;
}

static lt_status make_value(const lt_session *s, const lt_weight_source *w, const lt_weight_ref *r, float *to)
{
    lt_status st = LT_OK;
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

static lt_status load_value(const lt_session *s, const lt_weight_source *w, int id)
{
    lt_status st = LT_OK;
    const int item = s->plan->values[id].item;
    void *to = NULL;
    LT_TRY(place(s, item, &to));
    LT_TRY(store(s, item, to, make_value(s, w, &s->plan->g.values[id].weight, to)));
done:
    return st;
}

static lt_status load_step(const lt_session *s, const lt_weight_source *w, int i, const lt_args *a)
{
    lt_status st = LT_OK;
    const lt_plan_step *step = &s->plan->steps[i];
    const lt_node *n = &s->plan->g.nodes[step->node];
    lt_weight_data data[LT_MAX_WEIGHTS] = { { 0 } };
    float *raw[LT_MAX_WEIGHTS] = { NULL };
    void *to = NULL;
    if (!step->kernel->pack || (step->packed_item < 0 && step->layer < 0)) return LT_OK;
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
    if (step->layer < 0) LT_TRY(place(s, step->packed_item, &to));
    else to = lt_layers_place(s->layers, step);
    step->kernel->pack(a, &s->plan->opts.machine, data, to);
    LT_TRY(step->layer < 0 ? store(s, step->packed_item, to, LT_OK) : lt_layers_keep(s->layers, step));
done:
    for (int j = 0; j < LT_MAX_WEIGHTS; j++) free(raw[j]);
    return st;
}

typedef struct {
    lt_session             *s;
    const lt_weight_source *weights;
    bool                    opened;      /* the first slice, which is the largest along the axis, is seen */
} loading;

/* Weights and state of each kernel, by the sizes of the first slice; and what each size needs. */
static lt_status load_slice(void *ctx, const lt_slice_of *slice)
{
    lt_status st = LT_OK;
    loading *l = ctx;
    lt_session *s = l->s;
    const lt_plan *p = s->plan;
    const lt_plan_part *part = &p->parts[slice->part];
    for (int i = part->first; i < part->first + part->n; i++) {
        const lt_plan_step *step = &p->steps[i];
        const lt_launch launch = lt_session_launch(s, step);
        lt_args a;
        if (l->opened && !step->kernel->prepare) continue;
        LT_TRY(lt_slice_args(slice, step, &a));
        if (!l->opened) LT_TRY(load_step(s, l->weights, i, &a));
        if (!l->opened && step->kernel->open) st = step->kernel->open(&launch, &a, &p->opts.machine, &s->state[i]);
        if (st >= 0 && step->kernel->prepare) st = step->kernel->prepare(&launch, &a, s->state[i]);
        if (st < 0) lt_error_prefix("%s", p->g.nodes[step->node].name);
        LT_TRY(st);
    }
    l->opened = true;
done:
    return st;
}

lt_status lt_session_load(lt_session *s, const lt_weight_source *w)
{
    lt_status st = LT_OK;
    for (int i = 1; i < s->plan->g.n_values; i++)
        if (s->plan->values[i].used && s->plan->g.values[i].kind == LT_VALUE_WEIGHT) LT_TRY(load_value(s, w, i));
    for (s->slice.part = 0; s->slice.part < s->plan->g.n_parts; s->slice.part++) {
        loading l = { s, w, false };
        LT_TRY(lt_slice_each(&s->slice, s->plan->parts[s->slice.part].extent, load_slice, &l));
    }
done:
    return st;
}
