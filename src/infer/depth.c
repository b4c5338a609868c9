#include "depth_ring.h"

#include <longtake/model.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lt_depth_plan {
    lt_depth_config config;                  /* sizes as they are */
    lt_graph       *graph;
    lt_plan        *plan;
    const lt_model *model;
    int             frames, slots, batch;
    int64_t         pixels;                  /* of a map */
    size_t          ring_at;                 /* GPU: where the ring of frames lies in the arena */
};

/* What a GPU adds. */
typedef struct {
    lt_device     *device;
    lt_stream     *compute, *download;       /* compute: of the graph's session */
    lt_depth_ring *ring;
    void          *input, *maps;             /* pinned: [batch,H,W,3] f32; [frames,H,W] f32 */
    lt_event      *fed, *computed, *downloaded;
    bool           prepared[LT_DEPTH_WINDOW];    /* of the batch in hand: written by the caller */
} gpu;

struct lt_depth_session {
    const lt_depth_plan *plan;
    lt_pool             *pool;
    lt_session          *session;
    lt_prepare          *prepare;            /* CPU */
    float               *input;              /* [batch,H,W,3] */
    const float         *depth;              /* [frames,H,W] */
    int32_t             *encode, *window, *tail, *position;
    gpu                 *gpu;                /* NULL: the CPU */
};

static bool on_gpu(const lt_depth_config *c)
{
    return c->machine.backend == LT_BACKEND_CUDA;
}

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
    int batch = or_else(c->micro_batch, LT_DEPTH_BATCH);
    LT_TRY(lt_model_find(c->model, &p->model));
    if (strcmp(p->model->task, "depth") != 0) LT_FAIL(LT_E_USAGE, "the model %s does not give depth", c->model);
    if (batch > c->frames) batch = c->frames;
    p->config = *c;
    p->config.model = p->model->name;
    p->frames = c->frames;
    p->slots = c->slots;
    /* Probes show all frames at once, so all are encoded in one call. */
    p->batch = c->probes ? c->frames : batch;
    p->pixels = (int64_t)c->width * c->height;
    const lt_model_size size = { c->width, c->height, c->frames, c->slots, p->batch, c->precision };
    const lt_plan_opts opts = { c->machine, batch, on_gpu(c) ? c->tile : or_else(c->tile, LT_DEPTH_TILE), on_gpu(c) ? c->band : or_else(c->band, LT_DEPTH_BAND), c->probes, c->stream };
    LT_TRY(lt_model_graph(p->model, &size, &p->graph));
    LT_TRY(lt_graph_plan(p->graph, &opts, &p->plan));
    p->ring_at = lt_arena_padded(lt_plan_bytes(p->plan));
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
    const size_t ring = lt_depth_plan_ring_bytes(plan);
    return ring ? plan->ring_at + ring : lt_plan_bytes(plan->plan);
}

size_t lt_depth_plan_ring_bytes(const lt_depth_plan *plan)
{
    return on_gpu(&plan->config) ? lt_depth_ring_bytes(&plan->config, plan->batch) : 0;
}

size_t lt_depth_plan_host_bytes(const lt_depth_plan *plan)
{
    const lt_depth_config *c = &plan->config;
    const size_t tables = c->frame_width ? lt_prepare_bytes(c->frame_width, c->frame_height, c->width, c->height) : 0;
    const size_t maps = (size_t)plan->pixels * sizeof(float);
    if (!on_gpu(c)) return tables;
    return tables + lt_depth_ring_pinned(c, plan->batch) + maps * (size_t)(plan->batch * 3 + plan->frames) + lt_plan_streamed_bytes(plan->plan);
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

/* Runs of a size that comes again and again are recorded. */
static lt_status record(lt_depth_session *s)
{
    lt_status st = LT_OK;
    LT_TRY(lt_session_record(s->session, "encode", "encode", s->plan->batch));
    LT_TRY(lt_session_record(s->session, "norm.0", "motion.3", 0));
    LT_TRY(lt_session_record(s->session, "tail", "tail", s->plan->frames));
done:
    return st;
}

static lt_status open_gpu(lt_depth_session *s, lt_arena *arena)
{
    lt_status st = LT_OK;
    const lt_depth_plan *p = s->plan;
    const size_t map = (size_t)p->pixels * sizeof(float);
    gpu *g = calloc(1, sizeof *g);
    s->gpu = g;
    if (!g) LT_FAIL(LT_E_MEMORY, "no memory for a session");
    g->device = lt_arena_device(arena);
    g->compute = lt_session_stream(s->session);
    LT_TRY(lt_stream_create(g->device, "download", &g->download));
    LT_TRY(lt_event_create(g->device, false, &g->fed));
    LT_TRY(lt_event_create(g->device, false, &g->computed));
    LT_TRY(lt_event_create(g->device, false, &g->downloaded));
    LT_TRY(lt_pinned_create(g->device, (size_t)p->batch * 3 * map, &g->input));
    LT_TRY(lt_pinned_create(g->device, (size_t)p->frames * map, &g->maps));
    if (p->config.frame_width) LT_TRY(lt_depth_ring_create(&p->config, p->batch, g->device, lt_arena_at(arena, p->ring_at), g->compute, &g->ring));
    if (!p->config.probes) LT_TRY(record(s));
done:
    return st;
}

static void close_gpu(gpu *g)
{
    if (!g) return;
    lt_stream_settle(g->compute);
    lt_stream_settle(g->download);
    lt_depth_ring_destroy(&g->ring);
    lt_pinned_destroy(g->device, &g->input);
    lt_pinned_destroy(g->device, &g->maps);
    lt_event_destroy(&g->fed);
    lt_event_destroy(&g->computed);
    lt_event_destroy(&g->downloaded);
    lt_stream_destroy(&g->download);
    free(g);
}

lt_status lt_depth_session_create(const lt_depth_plan *plan, lt_weights *weights, lt_arena *arena, lt_pool *pool, lt_depth_session **out)
{
    lt_status st = LT_OK;
    const lt_weight_source source = { weights, read_weight, plan->config.scratch };
    lt_tensor input = { 0 }, depth = { 0 };
    int64_t n = 0;
    *out = NULL;
    lt_depth_session *s = calloc(1, sizeof *s);
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for a session");
    s->plan = plan;
    s->pool = pool;
    if (lt_arena_size(arena) < lt_depth_plan_bytes(plan)) LT_FAIL(LT_E_MEMORY, "the arena is smaller than its plan");
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
    const lt_depth_config *c = &plan->config;
    if (on_gpu(c)) LT_TRY(open_gpu(s, arena));
    else if (c->frame_width) LT_TRY(lt_prepare_create(c->frame_width, c->frame_height, c->width, c->height, &s->prepare));
    *out = s;
    s = NULL;
done:
    lt_depth_session_destroy(&s);
    return st;
}

void lt_depth_session_destroy(lt_depth_session **session)
{
    if (!*session) return;
    close_gpu((*session)->gpu);
    lt_session_destroy(&(*session)->session);
    lt_prepare_destroy(&(*session)->prepare);
    free(*session);
    *session = NULL;
}

lt_session *lt_depth_session_graph(lt_depth_session *session)
{
    return session->session;
}

/* ---- frames ---- */

static float *input_at(const lt_depth_session *s, int i)
{
    return s->input + i * s->plan->pixels * 3;
}

float *lt_depth_input(lt_depth_session *s, int i)
{
    gpu *g = s->gpu;
    if (!g) return input_at(s, i);
    /* An error of the device shows again at the next call that can say so. */
    if (lt_event_wait(g->fed, 0, NULL) < 0) lt_error_clear();
    g->prepared[i] = true;
    return (float *)g->input + i * s->plan->pixels * 3;
}

lt_status lt_depth_frame(lt_depth_session *s, int i, const uint8_t *rgb, size_t stride)
{
    lt_status st = LT_OK;
    if (s->gpu) {
        s->gpu->prepared[i] = false;
        LT_TRY(lt_depth_ring_put(s->gpu->ring, rgb, stride, NULL, input_at(s, i)));
    } else {
        lt_prepare_run(s->prepare, s->pool, s->plan->config.machine.isa, rgb, stride, input_at(s, i));
    }
done:
    return st;
}

lt_status lt_depth_planes(lt_depth_session *s, int i, const lt_nv12 *planes)
{
    lt_status st = LT_OK;
    if (!s->gpu) LT_FAIL(LT_E_INTERNAL, "planes of a GPU are given to a network on the CPU");
    s->gpu->prepared[i] = false;
    LT_TRY(lt_depth_ring_put(s->gpu->ring, NULL, 0, planes, input_at(s, i)));
done:
    return st;
}

/* What the caller prepared goes up; a batch that is not full is filled up with its last frame, which gives the same values in the same slot. */
static lt_status feed(lt_depth_session *s, int n)
{
    lt_status st = LT_OK;
    gpu *g = s->gpu;
    const size_t n_bytes = (size_t)s->plan->pixels * 3 * sizeof(float);
    bool any = false;
    for (int i = 0; i < n; i++) {
        if (!g->prepared[i]) continue;
        LT_TRY(lt_copy_to_device(g->compute, input_at(s, i), (float *)g->input + i * s->plan->pixels * 3, n_bytes));
        g->prepared[i] = false;
        any = true;
    }
    if (any) LT_TRY(lt_event_record(g->fed, g->compute));
    for (int i = n; i < s->plan->batch; i++) {
        LT_TRY(lt_copy_on_device(g->compute, input_at(s, i), input_at(s, n - 1), n_bytes));
        s->encode[i] = s->encode[n - 1];
    }
done:
    return st;
}

lt_status lt_depth_encode(lt_depth_session *s, int n, const int32_t *slot, const lt_atomic_int *stop)
{
    lt_status st = LT_OK;
    if (n < 1 || n > s->plan->batch) LT_FAIL(LT_E_INTERNAL, "%d frames are encoded where %d fit", n, s->plan->batch);
    for (int i = 0; i < n; i++) {
        if (slot[i] < 0 || slot[i] >= s->plan->slots) LT_FAIL(LT_E_INTERNAL, "slot %d of %d", slot[i], s->plan->slots);
        for (int k = 0; k < i; k++)
            if (slot[k] == slot[i]) LT_FAIL(LT_E_INTERNAL, "two frames are encoded into slot %d", slot[i]);
        s->encode[i] = slot[i];
    }
    if (s->gpu) LT_TRY(feed(s, n));
    LT_TRY(lt_session_run(s->session, "encode", "encode", n, stop));
done:
    return st;
}

/* ---- windows ---- */

/* What computes next waits until the maps are out: their memory is lent to the encoder in the meantime. That is milliseconds a window. */
static lt_status download(lt_depth_session *s, int n)
{
    lt_status st = LT_OK;
    gpu *g = s->gpu;
    LT_TRY(lt_event_record(g->computed, g->compute));
    LT_TRY(lt_stream_wait(g->download, g->computed));
    LT_TRY(lt_copy_to_host(g->download, g->maps, s->depth, (size_t)n * (size_t)s->plan->pixels * sizeof(float)));
    LT_TRY(lt_event_record(g->downloaded, g->download));
    LT_TRY(lt_stream_wait(g->compute, g->downloaded));
done:
    return st;
}

lt_status lt_depth_window_begin(lt_depth_session *s, const int32_t *slot, const int *position, int n, const lt_atomic_int *stop)
{
    lt_status st = LT_OK;
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
    if (s->gpu) LT_TRY(download(s, n));
done:
    return st;
}

lt_status lt_depth_window_end(lt_depth_session *s, const float **maps, const lt_atomic_int *stop)
{
    lt_status st = LT_OK;
    *maps = NULL;
    if (s->gpu) LT_TRY(lt_event_wait(s->gpu->downloaded, 0, stop));
    *maps = s->gpu ? s->gpu->maps : s->depth;
done:
    return st;
}

lt_status lt_depth_window(lt_depth_session *s, const int32_t *slot, const int *position, int n, const float **maps, const lt_atomic_int *stop)
{
    lt_status st = LT_OK;
    *maps = NULL;
    LT_TRY(lt_depth_window_begin(s, slot, position, n, stop));
    LT_TRY(lt_depth_window_end(s, maps, stop));
done:
    return st;
}
