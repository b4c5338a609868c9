/* The task `flow`: optical flow of each pair (t, t+1) both ways, and what is occluded.
 *
 * One stage, one window a pair. Window t reads frames t and t+1 and writes entry t of every field; the last frame
 * of a video has no partner, so its entry is fill. Nothing is carried over time. */
#include "tasks.h"

#include <longtake/flow.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORWARD, BACKWARD, OCCLUDED, N_FIELDS };

typedef struct {
    lt_flow_session *flow;
    int64_t          held[2];            /* the frame in each slot, -1: none */
    char             why[2][256];        /* not empty: that frame could not be read */
} session;

static lt_grid grid(const lt_settings *s)
{
    (void)s;
    return (lt_grid){ 0, 1, 1 };
}

static lt_status fields(const lt_settings *s, lt_field *out, int *n)
{
    static const char *const xy[] = { "x", "y" };
    lt_dtype type = s->type == LT_TYPE_F16 ? LT_F16 : LT_F32;
    out[FORWARD] = (lt_field){ "flow", type, 2, xy, "pixels", "displacement from frame t to frame t+1, on the grid of t", NAN };
    out[BACKWARD] = (lt_field){ "flow_backward", type, 2, xy, "pixels",
                                "displacement from frame t+1 to frame t, on the grid of t+1", NAN };
    out[OCCLUDED] = (lt_field){ "occluded", LT_U8, 0, NULL, "1",
                                "1 where what frame t shows is hidden or outside in frame t+1, on the grid of t", 255 };
    *n = N_FIELDS;
    return LT_OK;
}

static lt_flow_preset preset_of(const lt_settings *s)
{
    return s->preset == LT_PRESET_FAST ? LT_FLOW_FAST : LT_FLOW_BEST;
}

static lt_status settings(const lt_task_env *env, json_t *into)
{
    const lt_settings *s = env->settings;
    lt_status st = LT_OK;
    if (json_object_set_new(into, "preset", json_string(s->preset == LT_PRESET_FAST ? "fast" : "best")) ||
        json_object_set_new(into, "type", json_string(s->type == LT_TYPE_F16 ? "f16" : "f32")))
        LT_FAIL(LT_E_MEMORY, "no memory for the settings");
done:
    return st;
}

static lt_status plan(const lt_task_env *env, int width, int height, void **out, size_t *n_bytes)
{
    lt_status st = LT_OK;
    lt_flow_plan *p = NULL;
    const lt_flow_config config = { width, height, preset_of(env->settings), env->machine.backend };
    *out = NULL;
    *n_bytes = 0;
    LT_TRY(lt_flow_plan_create(&config, &p));
    *n_bytes = lt_flow_plan_bytes(p);
    *out = p;
done:
    return st;
}

static void plan_destroy(void **plan_)
{
    lt_flow_plan *p = *plan_;
    lt_flow_plan_destroy(&p);
    *plan_ = NULL;
}

static void layout(const void *plan_, lt_task_layout *out)
{
    *out = (lt_task_layout){ .items = NULL };
    out->n_items = lt_flow_plan_items(plan_, &out->items);
}

static size_t host_bytes(const void *plan_)
{
    return sizeof(session) + lt_flow_plan_pinned_bytes(plan_);
}

static void close_session(void **session_)
{
    session *s = *session_;
    if (!s) return;
    lt_flow_session_destroy(&s->flow);
    free(s);
    *session_ = NULL;
}

static lt_status open_session(const void *plan_, const lt_task_env *env, lt_arena *arena, lt_pool *pool, void **out)
{
    lt_status st = LT_OK;
    void *made = NULL;
    session *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for a flow session");
    made = s;
    s->held[0] = s->held[1] = -1;
    LT_TRY(lt_flow_session_create(plan_, arena, pool, env->machine.isa, &s->flow));
    *out = made;
    made = NULL;
done:
    close_session(&made);
    return st;
}

static void forget(void *session_)
{
    session *s = session_;
    s->held[0] = s->held[1] = -1;
}

static void needs(const void *session_, lt_range piece, int64_t n_frames, int64_t *out, int64_t *n)
{
    const session *s = session_;
    const lt_grid g = { 0, 1, 1 };
    lt_range r = lt_segment_needs(&g, piece, n_frames);
    /* A piece of the last frame alone is all fill; a piece after its neighbour finds its first frame loaded. */
    if (piece.first == n_frames - 1) r.first = r.last + 1;
    else if (s->held[0] == piece.first || s->held[1] == piece.first) r.first++;
    for (*n = 0; *n < r.last - r.first + 1; ++*n) out[*n] = r.first + *n;
}

/* Brings frame t into a slot, the one that does not hold `keep`. */
static lt_status hold(session *s, int64_t t, int64_t keep, const lt_task_io *io, int *slot)
{
    lt_status st = LT_OK;
    lt_view v = { 0 };
    for (*slot = 0; *slot < 2; (*slot)++)
        if (s->held[*slot] == t) return LT_OK;
    *slot = s->held[0] == keep ? 1 : 0;
    s->held[*slot] = -1;
    LT_TRY(io->pull(io->ctx, t, &v));
    s->why[*slot][0] = 0;
    if (v.rgb) LT_TRY(lt_flow_load(s->flow, *slot, v.rgb, v.stride));
    else snprintf(s->why[*slot], sizeof s->why[*slot], "%s", v.why);
    s->held[*slot] = t;
done:
    return st;
}

static lt_status run(void *session_, lt_range piece, int64_t n_frames, const lt_task_io *io)
{
    lt_status st = LT_OK;
    session *s = session_;
    for (int64_t t = piece.first; t <= piece.last; t++) {
        int from = 0, to = 0;
        if (atomic_load(io->stop)) LT_FAIL(LT_E_STOPPED, "stopped early");
        if (t == n_frames - 1) {
            LT_TRY(io->put_fill(io->ctx, t, NULL));
            continue;
        }
        LT_TRY(hold(s, t, t + 1, io, &from));
        LT_TRY(hold(s, t + 1, t, io, &to));
        const char *why = s->why[from][0] ? s->why[from] : s->why[to][0] ? s->why[to] : NULL;
        if (why) {
            LT_TRY(io->put_fill(io->ctx, t, why));
            continue;
        }
        LT_TRY(lt_flow_pair(s->flow, from, to, io->stop));
        const void *data[N_FIELDS] = { lt_flow_forward(s->flow), lt_flow_backward(s->flow), lt_flow_occluded(s->flow) };
        LT_TRY(io->put(io->ctx, t, data));
    }
done:
    return st;
}

const lt_task lt_task_flow = {
    .kind = LT_TASK_FLOW, .name = "flow", .segment_frames = 64, .grid = grid, .fields = fields, .settings = settings, .plan = plan,
    .plan_destroy = plan_destroy, .layout = layout, .host_bytes = host_bytes, .open = open_session, .close = close_session, .forget = forget, .needs = needs, .run = run,
};
