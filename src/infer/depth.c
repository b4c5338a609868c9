#include <longtake/depth.h>

#include <longtake/model.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lt_depth_plan {
    lt_graph       *graph;
    lt_plan        *plan;
    const lt_model *model;
    int             frames, slots, batch;
    int64_t         pixels;                  /* of a map */
};

struct lt_depth_session {
    const lt_depth_plan *plan;
    lt_session          *session;
    float               *input;              /* [batch,H,W,3] */
    const float         *depth;              /* [frames,H,W] */
    int32_t             *encode, *window, *tail, *position;
};

/* Where nothing else is said. Four frames keep two and more cores busy to the end of each operator; a tile and a band of these sizes
 * keep what is between two operators in the caches. Neither changes a bit. */
enum { BATCH = 4, TILE = 64, BAND = 56 };

static int or_else(int wanted, int otherwise)
{
    return wanted > 0 ? wanted : otherwise;
}

lt_status lt_depth_plan_create(const lt_depth_config *c, lt_depth_plan **out)
{
    lt_status st = LT_OK;
    *out = NULL;
    lt_depth_plan *p = calloc(1, sizeof *p);
    if (!p) LT_FAIL(LT_E_MEMORY, "no memory for the plan of a network");
    int batch = or_else(c->micro_batch, BATCH);
    LT_TRY(lt_model_find(c->model, &p->model));
    if (strcmp(p->model->task, "depth") != 0) LT_FAIL(LT_E_USAGE, "the model %s does not give depth", c->model);
    if (batch > c->frames) batch = c->frames;
    p->frames = c->frames;
    p->slots = c->slots;
    /* Probes show all frames at once, so all are encoded in one call. */
    p->batch = c->probes ? c->frames : batch;
    p->pixels = (int64_t)c->width * c->height;
    const lt_model_size size = { c->width, c->height, c->frames, c->slots, p->batch, c->precision };
    const lt_plan_opts opts = { c->machine, batch, or_else(c->tile, TILE), or_else(c->band, BAND), c->probes };
    LT_TRY(lt_model_graph(p->model, &size, &p->graph));
    LT_TRY(lt_graph_plan(p->graph, &opts, &p->plan));
    *out = p;
    p = NULL;
done:
    lt_depth_plan_destroy(&p);
    return st;
}

void lt_depth_plan_destroy(lt_depth_plan **plan)
{
    if (!*plan) return;
    lt_plan_destroy(&(*plan)->plan);
    lt_graph_destroy(&(*plan)->graph);
    free(*plan);
    *plan = NULL;
}

size_t lt_depth_plan_bytes(const lt_depth_plan *plan)
{
    return lt_plan_bytes(plan->plan);
}

size_t lt_depth_plan_weight_bytes(const lt_depth_plan *plan)
{
    return lt_plan_weight_bytes(plan->plan);
}

int lt_depth_plan_batch(const lt_depth_plan *plan)
{
    return plan->batch;
}

const lt_plan *lt_depth_plan_graph(const lt_depth_plan *plan)
{
    return plan->plan;
}

static lt_status read_weight(void *ctx, const char *name, int n_dims, const int64_t *dim, float *out)
{
    return lt_weights_read(ctx, name, n_dims, dim, out);
}

/* One sentence for a checkpoint of another network, before anything of it is read. */
static lt_status fit(const lt_model *m, const lt_weights *weights)
{
    lt_status st = LT_OK;
    lt_weight_want *wants = NULL;
    const char *const *optional = NULL;
    int64_t n = 0, n_optional = 0;
    LT_TRY(lt_model_wants(m, &wants, &n, &optional, &n_optional));
    LT_TRY(lt_weights_fit(weights, m->name, wants, n, optional, n_optional));
done:
    free(wants);
    return st;
}

lt_status lt_depth_session_create(const lt_depth_plan *plan, lt_weights *weights, lt_arena *arena, lt_pool *pool, lt_depth_session **out)
{
    lt_status st = LT_OK;
    const lt_weight_source source = { weights, read_weight };
    lt_tensor input = { 0 }, depth = { 0 };
    int64_t n = 0;
    *out = NULL;
    lt_depth_session *s = calloc(1, sizeof *s);
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for a session");
    s->plan = plan;
    LT_TRY(fit(plan->model, weights));
    LT_TRY(lt_session_create(plan->plan, &source, arena, pool, &s->session));
    if (!lt_session_tensor(s->session, "frames", &input) || !lt_session_tensor(s->session, "depth", &depth))
        LT_FAIL(LT_E_INTERNAL, "the model %s has no frames or no depth", plan->model->name);
    s->input = input.data;
    s->depth = depth.data;
    s->encode = lt_session_table(s->session, "encode", &n);
    s->window = lt_session_table(s->session, "window", &n);
    s->tail = lt_session_table(s->session, "tail", &n);
    s->position = lt_session_table(s->session, "position", &n);
    if (!s->encode || !s->window || !s->tail || !s->position) LT_FAIL(LT_E_INTERNAL, "the model %s has no slots", plan->model->name);
    *out = s;
    s = NULL;
done:
    lt_depth_session_destroy(&s);
    return st;
}

void lt_depth_session_destroy(lt_depth_session **session)
{
    if (!*session) return;
    lt_session_destroy(&(*session)->session);
    free(*session);
    *session = NULL;
}

lt_session *lt_depth_session_graph(lt_depth_session *session)
{
    return session->session;
}

float *lt_depth_input(lt_depth_session *session, int i)
{
    return session->input + i * session->plan->pixels * 3;
}

lt_status lt_depth_encode(lt_depth_session *s, int n, const int32_t *slot, const atomic_int *stop)
{
    lt_status st = LT_OK;
    if (n < 1 || n > s->plan->batch) LT_FAIL(LT_E_INTERNAL, "%d frames are encoded where %d fit", n, s->plan->batch);
    for (int i = 0; i < n; i++) {
        if (slot[i] < 0 || slot[i] >= s->plan->slots) LT_FAIL(LT_E_INTERNAL, "slot %d of %d", slot[i], s->plan->slots);
        for (int k = 0; k < i; k++)
            if (slot[k] == slot[i]) LT_FAIL(LT_E_INTERNAL, "two frames are encoded into slot %d", slot[i]);
        s->encode[i] = slot[i];
    }
    LT_TRY(lt_session_run(s->session, "encode", "encode", n, stop));
done:
    return st;
}

lt_status lt_depth_window(lt_depth_session *s, const int32_t *slot, const int *position, int n, const float **maps, const atomic_int *stop)
{
    lt_status st = LT_OK;
    *maps = NULL;
    for (int i = 0; i < s->plan->frames; i++) {
        if (slot[i] < 0 || slot[i] >= s->plan->slots) LT_FAIL(LT_E_INTERNAL, "slot %d of %d", slot[i], s->plan->slots);
        s->window[i] = slot[i];
    }
    if (n < 1 || n > s->plan->frames) LT_FAIL(LT_E_INTERNAL, "%d positions of a window of %d", n, s->plan->frames);
    for (int i = 0; i < n; i++) {
        if (position[i] < 0 || position[i] >= s->plan->frames) LT_FAIL(LT_E_INTERNAL, "position %d of a window of %d", position[i], s->plan->frames);
        s->position[i] = position[i];
        s->tail[i] = slot[position[i]];
    }
    LT_TRY(lt_session_run(s->session, "norm.0", "motion.3", 0, stop));
    LT_TRY(lt_session_run(s->session, "tail", "tail", n, stop));
    *maps = s->depth;
done:
    return st;
}
