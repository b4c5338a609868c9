#include "graph/session.h"

#include <longtake/clock.h>

#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

/* The caller's tables, each the identity at first; on the CPU the kernels read them. */
static lt_status make_tables(lt_session *s)
{
    lt_status st = LT_OK;
    const lt_plan *p = s->plan;
    s->indices = calloc((size_t)p->n_entries + 1, sizeof *s->indices);
    s->tables = calloc((size_t)p->g.n_tables + 1, sizeof *s->tables);
    if (!s->indices || !s->tables) LT_FAIL(LT_E_MEMORY, "no memory for a session");
    int32_t *kernels = p->tables_item >= 0 ? (int32_t *)(void *)(s->base + p->items[p->tables_item].offset) : s->indices;
    for (int i = 0; i < p->g.n_tables; i++) {
        s->tables[i] = kernels + p->table_at[i];
        for (int64_t k = 0; k < p->g.tables[i].n; k++) s->indices[p->table_at[i] + k] = (int32_t)k;
    }
    s->slice.tables = s->tables;
done:
    return st;
}

lt_status lt_session_create(const lt_plan *plan, const lt_weight_source *weights, lt_arena *arena, lt_pool *pool, lt_session **out)
{
    lt_status st = LT_OK;
    const size_t n_values = (size_t)plan->g.n_values, n_steps = (size_t)plan->n_steps + 1;
    lt_device *device = lt_arena_device(arena);
    *out = NULL;
    lt_session *s = calloc(1, sizeof *s);
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for a session");
    s->plan = plan;
    s->pool = pool;
    s->base = lt_arena_at(arena, 0);
    if (lt_pool_threads(pool) > plan->opts.machine.n_threads)
        LT_FAIL(LT_E_INTERNAL, "a plan for %d threads is run with %d", plan->opts.machine.n_threads, lt_pool_threads(pool));
    if (lt_arena_size(arena) < plan->n_bytes) LT_FAIL(LT_E_MEMORY, "the arena is smaller than its plan");
    if ((device != NULL) != (plan->opts.machine.backend == LT_BACKEND_CUDA)) LT_FAIL(LT_E_INTERNAL, "the arena is not on the device of its plan");
    s->state = calloc(n_steps, sizeof *s->state);
    s->seconds = calloc(n_steps, sizeof *s->seconds);
    s->launches = calloc(n_steps, sizeof *s->launches);
    s->flops = calloc(n_steps, sizeof *s->flops);
    s->slice = (lt_slice_of){ .plan = plan, .lo = calloc(n_values, sizeof(int64_t)), .hi = calloc(n_values, sizeof(int64_t)), .base = s->base };
    if (!s->state || !s->seconds || !s->launches || !s->flops || !s->slice.lo || !s->slice.hi) LT_FAIL(LT_E_MEMORY, "no memory for a session");
    LT_TRY(make_tables(s));
    if (device) LT_TRY(lt_session_gpu_create(s, device));
    if (plan->n_layers) LT_TRY(lt_layers_create(plan, s->base, device, s->gpu ? s->gpu->stream : NULL, weights->scratch, &s->layers));
    LT_TRY(lt_session_load(s, weights));
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
    if (s->gpu) lt_stream_settle(s->gpu->stream);
    lt_layers_destroy(&s->layers);
    if (s->gpu) lt_session_gpu_destroy(s);
    for (int i = 0; s->state && i < s->plan->n_steps; i++)
        if (s->state[i]) s->plan->steps[i].kernel->close(&s->state[i]);
    free(s->gpu);
    free(s->indices);
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
        return s->indices + s->plan->table_at[i];
    }
    *n = 0;
    return NULL;
}

void lt_session_node(lt_session *s, int i, lt_node_info *out)
{
    /* A figure that cannot be had is missing from a table for people; the next run says what is wrong. */
    if (s->gpu && lt_session_gpu_count(s) < 0) lt_error_clear();
    lt_plan_node(s->plan, i, out);
    out->flops = s->flops[i];
    out->seconds = s->seconds[i];
    out->launches = s->launches[i];
}

/* ---- run ---- */

lt_launch lt_session_launch(const lt_session *s, const lt_plan_step *step)
{
    const lt_plan *p = s->plan;
    return (lt_launch){ .pool = s->pool, .isa = p->opts.machine.isa, .stop = s->stop,
                        .workspace = step->workspace_item >= 0 ? s->base + p->items[step->workspace_item].offset : NULL,
                        .stream = s->gpu ? lt_stream_handle(s->gpu->stream) : NULL, .libs = s->gpu ? s->gpu->libs : NULL };
}

void lt_session_count(lt_session *s, int step, double flops, double begin, double seconds)
{
    const lt_plan *p = s->plan;
    const lt_node *n = &p->g.nodes[p->steps[step].node];
    s->seconds[step] += seconds;
    s->flops[step] += flops;
    s->launches[step]++;
    if (s->spans.span) s->spans.span(s->spans.ctx, p->g.parts[n->part].name, n->name, p->steps[step].kernel->name, begin, seconds);
}

/* The layer that is wanted after this one: the part's first again where another slice follows, unless that is the same. */
static int layer_after(const lt_session *s, const lt_slice_of *slice, int layer)
{
    const lt_plan *p = s->plan;
    const int next = layer + 1;
    int first = layer;
    if (next < p->n_layers && p->layers[next].part == p->layers[layer].part) return next;
    while (first > 0 && p->layers[first - 1].part == p->layers[layer].part) first--;
    if (!slice->last && first != layer) return first;
    return next < p->n_layers && p->layers[next].part <= s->to ? next : -1;
}

static lt_status run_slice(void *ctx, const lt_slice_of *slice)
{
    lt_status st = LT_OK;
    lt_session *s = ctx;
    const lt_plan *p = s->plan;
    const lt_plan_part *part = &p->parts[slice->part];
    for (int i = part->first; i < part->first + part->n; i++) {
        const lt_plan_step *step = &p->steps[i];
        const lt_launch launch = lt_session_launch(s, step);
        lt_args a;
        if (s->stop && atomic_load(s->stop)) LT_FAIL(LT_E_STOPPED, "stopped early");
        LT_TRY(lt_slice_args(slice, step, &a));
        a.state = s->state[i];
        if (step->layer >= 0) {
            const char *weights;
            LT_TRY(lt_layers_bring(s->layers, step->layer, layer_after(s, slice, step->layer), s->stop, &weights));
            a.packed = weights + step->packed_at;
        }
        const double before = lt_seconds(), flops = lt_node_flops(p->g.nodes[step->node].op, &a);
        st = step->kernel->launch(&launch, &a);
        if (st < 0 && st != LT_E_STOPPED) lt_error_prefix("%s (%s)", p->g.nodes[step->node].name, step->kernel->name);
        LT_TRY(st);
        if (s->gpu) {
            LT_TRY(lt_session_gpu_mark(s, i, flops));
            continue;
        }
        lt_session_count(s, i, flops, before, lt_seconds() - before);
    }
done:
    return st;
}

int lt_session_part(const lt_session *s, const char *name)
{
    for (int i = 0; i < s->plan->g.n_parts; i++)
        if (strcmp(s->plan->g.parts[i].name, name) == 0) return i;
    return -1;
}

/* On a GPU every slice has a size that was planned. */
int64_t lt_session_whole_slices(const lt_session *s, int i, int64_t count)
{
    const lt_plan_part *part = &s->plan->parts[i];
    if (count <= 0 || count >= part->extent) return part->extent;
    if (!s->gpu) return count;
    const int64_t n = (count + part->slice - 1) / part->slice * part->slice;
    return n < part->extent ? n : part->extent;
}

lt_status lt_session_slices(lt_session *s, int from, int to, int64_t count)
{
    lt_status st = LT_OK;
    s->to = to;
    for (s->slice.part = from; s->slice.part <= to; s->slice.part++)
        LT_TRY(lt_slice_each(&s->slice, lt_session_whole_slices(s, s->slice.part, count), run_slice, s));
done:
    return st;
}

lt_status lt_session_run(lt_session *s, const char *first, const char *last, int64_t count, const lt_atomic_int *stop)
{
    lt_status st = LT_OK;
    const int from = lt_session_part(s, first), to = lt_session_part(s, last);
    bool done = false;
    if (from < 0 || to < from) LT_FAIL(LT_E_INTERNAL, "there are no parts %s to %s", first, last);
    for (int i = from; i <= to; i++)
        if (count > s->plan->parts[i].extent)
            LT_FAIL(LT_E_INTERNAL, "part %s holds %lld entries, not %lld", s->plan->g.parts[i].name, (long long)s->plan->parts[i].extent, (long long)count);
    s->stop = stop;
    if (from == to) count = lt_session_whole_slices(s, from, count);
    if (s->gpu) {
        LT_TRY(lt_device_use(s->gpu->device));
        if (stop && atomic_load(stop)) LT_FAIL(LT_E_STOPPED, "stopped early");
        LT_TRY(lt_session_gpu_tables(s));
        LT_TRY(lt_session_gpu_spans(s));
        LT_TRY(lt_session_gpu_replay(s, from, to, count, &done));
    }
    if (!done) LT_TRY(lt_session_slices(s, from, to, count));
done:
    s->stop = NULL;
    return st;
}
