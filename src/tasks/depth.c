/* The task `depth`, first step: raw maps of the windows of Video Depth Anything.
 *
 * A window reads 32 frames (longtake/align.h) and gives maps at network size; which it reads depends on its number and the
 * video's length only. Raw maps are numbered 32 * window + position. Features of a frame are encoded once and kept in a slot
 * while the next window reads them too. What is made of the maps: depth_finish.c.
 *
 * A window that reads an unreadable frame fails. Where the anchor frame itself cannot be read, the next one that can takes its place. */
#include "depth_net.h"
#include "tasks.h"

#include <longtake/align.h>
#include <longtake/clock.h>
#include <longtake/model.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = LT_WINDOW_FRAMES, UNKNOWN = -2, NONE = -1, WHY = 200 };

typedef struct {
    const lt_depth_net *net;
    void               *net_plan;
    int                 width, height, net_width, net_height;
    int64_t             anchor_frame;
    bool                metric;
    bool                late;            /* maps are asked for when the next window's frames are on their way: on a GPU */
} plan;

typedef struct {
    const plan *p;
    void       *net;
    lt_timeline *timeline;
    int64_t     held[SLOTS];             /* frame in each slot; NONE */
    int64_t     anchor;                  /* the frame at position 0; UNKNOWN, NONE: no frame can be read */
    struct {
        int64_t frame;
        char    why[WHY];
    } bad[SLOTS];                        /* [n_bad] unreadable frames of the window in hand */
    int         n_bad;
    int         n_input;                 /* frames prepared and not encoded */
    int32_t     input_slot[SLOTS];
    int64_t     begun, begun_anchor;     /* window that the network has begun, NONE; the frame at its position 0 */
    int         n_position, position[LT_WINDOW_FRAMES];      /* of it */
} session;

static lt_grid grid(const lt_settings *s)
{
    (void)s;
    return (lt_grid){ 0, 0, LT_WINDOW_STEP };
}

static lt_status fields(const lt_settings *s, lt_field *out, int *n)
{
    out[0] = (lt_field){ .name = "depth", .dtype = s->type == LT_TYPE_F16 ? LT_F16 : LT_F32, .units = s->metric ? "m" : "1",
                         .long_name = s->metric ? "distance along the camera's axis" : "inverse depth, up to one scale and shift for the whole video",
                         .fill = NAN };
    *n = 1;
    return LT_OK;
}

static bool takes_weights(void)
{
    return !lt_depth_net_is_stub();
}

static const char *const models[] = { [LT_MODEL_VITS] = "vda-vits", [LT_MODEL_VITB] = "vda-vitb", [LT_MODEL_VITL] = "vda-vitl" };

static lt_status settings(const lt_task_env *env, json_t *into)
{
    lt_status st = LT_OK;
    const lt_settings *s = env->settings;
    char hash[LT_HASH_TEXT];
    const bool synthetic = lt_depth_net_is_stub() || (env->weights && lt_weights_is_synthetic(env->weights));
    json_t *mine = json_pack("{s:s s:b s:s s:I s:s s:I s:s}", "model", models[s->model], "metric", s->metric, "weights",
                             lt_hash_text(env->weights_hash, hash), "input-size", (json_int_t)s->input_size, "precision",
                             lt_machine_precision(&env->machine, env->precision), "anchor-frame", (json_int_t)s->anchor_frame, "type",
                             s->type == LT_TYPE_F16 ? "f16" : "f32");
    if (!mine || json_object_update(into, mine) || (synthetic && json_object_set_new(into, "meaningless", json_string("synthetic weights"))))
        LT_FAIL(LT_E_MEMORY, "no memory for the settings");
done:
    json_decref(mine);
    return st;
}

static lt_status fit(const lt_task_env *env)
{
    lt_status st = LT_OK;
    const lt_model *m = NULL;
    lt_weight_want *wants = NULL;
    const char *const *optional = NULL;
    int64_t n = 0, n_optional = 0;
    LT_TRY(lt_model_find(models[env->settings->model], &m));
    LT_TRY(lt_model_wants(m, &wants, &n, &optional, &n_optional));
    LT_TRY(lt_weights_fit(env->weights, m->name, wants, n, optional, n_optional));
done:
    free(wants);
    return st;
}

static void plan_destroy(void **plan_)
{
    plan *p = *plan_;
    if (p && p->net_plan) p->net->plan_destroy(&p->net_plan);
    free(p);
    *plan_ = NULL;
}

static lt_status plan_create(const lt_task_env *env, int width, int height, void **out, size_t *n_bytes)
{
    lt_status st = LT_OK;
    const lt_settings *s = env->settings;
    void *made = calloc(1, sizeof(plan));
    plan *p = made;
    *out = NULL;
    *n_bytes = 0;
    if (!p) LT_FAIL(LT_E_MEMORY, "no memory for a plan of depth");
    *p = (plan){ .net = lt_depth_net_pick(), .width = width, .height = height, .anchor_frame = s->anchor_frame, .metric = s->metric,
                 .late = env->machine.backend != LT_BACKEND_CPU };
    LT_TRY(lt_depth_input_size(width, height, (int)s->input_size, &p->net_width, &p->net_height));
    const lt_depth_config config = { .model = models[s->model], .width = p->net_width, .height = p->net_height, .frames = LT_WINDOW_FRAMES,
                                     .slots = SLOTS, .frame_width = width, .frame_height = height, .planes = env->planes,
                                     .precision = env->precision, .micro_batch = (int)s->micro_batch,
                                     .tile = (int)s->tile, .band = (int)s->band, .stream = s->stream_weights == LT_STREAM_ON, .scratch = env->scratch, .machine = env->machine };
    LT_TRY(p->net->plan(&config, &p->net_plan));
    *n_bytes = p->net->bytes(p->net_plan);
    *out = made;
    made = NULL;
done:
    plan_destroy(&made);
    return st;
}

static int rungs(const lt_machine *m, const lt_task_rung **out)
{
    static const lt_task_rung cpu[] = {
        { "nothing", LT_DEPTH_BATCH, LT_DEPTH_TILE, LT_DEPTH_BAND, false }, { "micro-batch", 2, LT_DEPTH_TILE, LT_DEPTH_BAND, false },
        { "micro-batch", 1, LT_DEPTH_TILE, LT_DEPTH_BAND, false }, { "tile", 1, 16, LT_DEPTH_BAND, false }, { "band", 1, 16, 28, false }, { "band", 1, 16, 14, false },
        { "weights", LT_DEPTH_BATCH, LT_DEPTH_TILE, LT_DEPTH_BAND, true }, { "micro-batch", 1, LT_DEPTH_TILE, LT_DEPTH_BAND, true }, { "band", 1, 16, 14, true },
    };
    static const lt_task_rung gpu[] = {
        { "nothing", LT_DEPTH_BATCH, 0, 0, false }, { "micro-batch", 2, 0, 0, false }, { "micro-batch", 1, 0, 0, false }, { "tile", 1, 4096, 0, false }, { "tile", 1, 1024, 0, false },
        { "tile", 1, 256, 0, false }, { "band", 1, 256, 140, false }, { "band", 1, 256, 56, false }, { "band", 1, 64, 28, false },
        /* Every call brings all weights, so frames share them as long as that may be. */
        { "weights", LT_DEPTH_BATCH, 0, 0, true }, { "tile", LT_DEPTH_BATCH, 1024, 140, true }, { "band", LT_DEPTH_BATCH, 256, 56, true },
        { "micro-batch", 1, 256, 56, true }, { "band", 1, 64, 28, true },
    };
    const bool on_cpu = m->backend == LT_BACKEND_CPU;
    *out = on_cpu ? cpu : gpu;
    return on_cpu ? (int)(sizeof cpu / sizeof *cpu) : (int)(sizeof gpu / sizeof *gpu);
}

static void layout(const void *plan_, lt_task_layout *out)
{
    const plan *p = plan_;
    *out = (lt_task_layout){ .network = p->net->network(p->net_plan), .ring_bytes = p->net->ring_bytes(p->net_plan) };
    if (out->network) out->n_items = lt_plan_items(out->network, &out->items);
}

/* Frames of window k that are not in slots yet. */
static int new_frames(int64_t k, int64_t n_frames, int64_t anchor, bool follows)
{
    int64_t frame[LT_WINDOW_FRAMES], before[LT_WINDOW_FRAMES];
    int n = 0;
    lt_window_frames(k, n_frames, anchor, frame);
    if (follows) lt_window_frames(k - 1, n_frames, anchor, before);
    for (int i = 0; i < LT_WINDOW_FRAMES; i++) {
        bool held = false;
        for (int j = 0; j < i && !held; j++) held = frame[j] == frame[i];
        for (int j = 0; j < LT_WINDOW_FRAMES && follows && !held; j++) held = before[j] == frame[i];
        n += !held;
    }
    return n;
}

static double work(const void *plan_, lt_range piece, int64_t n_frames, bool follows)
{
    const plan *p = plan_;
    const lt_plan *network = p->net->network(p->net_plan);
    double encode = 0, tail = 0, window = 0, all = 0;
    int position[LT_WINDOW_FRAMES];
    for (int i = 0; network && i < lt_plan_nodes(network); i++) {
        lt_node_info info;
        lt_plan_node(network, i, &info);
        double *to = !strcmp(info.part, "encode") ? &encode : !strcmp(info.part, "tail") ? &tail : &window;
        *to += info.flops;
    }
    const int64_t anchor = p->anchor_frame < n_frames ? p->anchor_frame : n_frames - 1;
    for (int64_t k = piece.first / LT_WINDOW_FRAMES; k <= piece.last / LT_WINDOW_FRAMES; k++) {
        const int n = new_frames(k, n_frames, anchor, follows && k > 0);
        all += encode * n / p->net->batch(p->net_plan) + window + tail * lt_window_positions(k, n_frames, p->metric, position) / LT_WINDOW_FRAMES;
        follows = true;
    }
    return all;
}

static size_t host_bytes(const void *plan_)
{
    const plan *p = plan_;
    return sizeof(session) + p->net->host_bytes(p->net_plan);
}

static lt_status raw(const lt_task_env *env, int width, int height, lt_field *field, int *net_width, int *net_height)
{
    *field = (lt_field){ .name = "depth", .dtype = LT_F32, .units = "1", .long_name = "what the network gives for a position of a window", .fill = NAN };
    return lt_depth_input_size(width, height, (int)env->settings->input_size, net_width, net_height);
}

static void close_session(void **session_)
{
    session *s = *session_;
    if (!s) return;
    if (s->net) s->p->net->close(&s->net);
    free(s);
    *session_ = NULL;
}

static void forget(void *session_)
{
    session *s = session_;
    s->anchor = UNKNOWN;
    s->begun = NONE;
    s->n_bad = s->n_input = 0;
    for (int i = 0; i < SLOTS; i++) s->held[i] = NONE;
}

static lt_status open_session(const void *plan_, const lt_task_env *env, lt_arena *arena, lt_pool *pool, void **out)
{
    lt_status st = LT_OK;
    void *made = calloc(1, sizeof(session));
    session *s = made;
    *out = NULL;
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for a depth session");
    s->p = plan_;
    forget(s);
    LT_TRY(s->p->net->open(s->p->net_plan, env->weights, arena, pool, &s->net));
    s->timeline = env->timeline;
    if (s->timeline && s->p->net->trace) LT_TRY(s->p->net->trace(s->net, s->timeline));
    *out = made;
    made = NULL;
done:
    close_session(&made);
    return st;
}

/* ---- frames in slots ---- */

static int slot_of(const session *s, int64_t frame)
{
    for (int i = 0; i < SLOTS; i++)
        if (s->held[i] == frame) return i;
    return NONE;
}

static const char *why_bad(const session *s, int64_t frame)
{
    for (int i = 0; i < s->n_bad; i++)
        if (s->bad[i].frame == frame) return s->bad[i].why;
    return NULL;
}

/* Every frame that the windows of these numbers read, but the anchor: which frame that is may show only while reading, and it is
 * fetched by itself. */
static void needs(const void *session_, lt_range piece, int64_t n_frames, int64_t *out, int64_t *n)
{
    const session *s = session_;
    *n = 0;
    for (int64_t k = piece.first / LT_WINDOW_FRAMES; k <= piece.last / LT_WINDOW_FRAMES; k++) {
        int64_t frame[LT_WINDOW_FRAMES];
        lt_window_frames(k, n_frames, 0, frame);
        for (int i = k ? 1 : 0; i < LT_WINDOW_FRAMES; i++) {
            if (*n ? frame[i] <= out[*n - 1] : slot_of(s, frame[i]) != NONE) continue;
            out[(*n)++] = frame[i];
        }
    }
}

static lt_status encode(session *s, const lt_task_io *io)
{
    lt_status st = LT_OK;
    const int n = s->n_input;
    const double before = lt_seconds();
    s->n_input = 0;
    if (n > 0) st = s->p->net->encode(s->net, n, s->input_slot, io->stop);
    if (n > 0) lt_timeline_span(s->timeline, "network", "encode", NULL, before, lt_seconds() - before);
    if (st < 0) {
        for (int i = 0; i < n; i++) s->held[s->input_slot[i]] = NONE;
        LT_TRY(st);
    }
done:
    return st;
}

/* Brings a frame into a free slot; it is encoded with its batch. */
static lt_status load(session *s, int64_t frame, const lt_view *v, const lt_task_io *io)
{
    lt_status st = LT_OK;
    const int slot = slot_of(s, NONE);
    if (slot == NONE) LT_FAIL(LT_E_INTERNAL, "a window has more than %d frames", SLOTS);
    LT_TRY(s->p->net->frame(s->net, s->n_input, v));
    s->input_slot[s->n_input++] = slot;
    s->held[slot] = frame;
    if (s->n_input == s->p->net->batch(s->p->net_plan)) LT_TRY(encode(s, io));
done:
    return st;
}

static void drop_input(session *s)
{
    for (int i = 0; i < s->n_input; i++) s->held[s->input_slot[i]] = NONE;
    s->n_input = 0;
}

/* The anchor as far as it is known. */
static int64_t wanted_anchor(const session *s, int64_t n_frames)
{
    return s->anchor >= 0 ? s->anchor : s->p->anchor_frame < n_frames ? s->p->anchor_frame : n_frames - 1;
}

/* The first frame from the anchor on that can be read, in a slot. */
static lt_status hold_anchor(session *s, int64_t n_frames, const lt_task_io *io)
{
    lt_status st = LT_OK;
    int64_t t = s->anchor == NONE ? NONE : wanted_anchor(s, n_frames);
    while (t != NONE && slot_of(s, t) == NONE) {
        lt_view v = { 0 };
        if (atomic_load(io->stop)) LT_FAIL(LT_E_STOPPED, "stopped early");
        if (!why_bad(s, t)) LT_TRY(io->fetch(io->ctx, t, &v));
        if (v.rgb || v.planes) LT_TRY(load(s, t, &v, io));
        else t = t + 1 < n_frames ? t + 1 : NONE;
    }
    s->anchor = t;
done:
    return st;
}

static bool reads(const int64_t frame[LT_WINDOW_FRAMES], int64_t t)
{
    for (int i = 0; i < LT_WINDOW_FRAMES; i++)
        if (frame[i] == t) return true;
    return false;
}

/* Lets go of what window `frame` does not read. */
static void keep_only(session *s, const int64_t frame[LT_WINDOW_FRAMES])
{
    int kept = 0;
    for (int i = 0; i < SLOTS; i++)
        if (s->held[i] != NONE && !reads(frame, s->held[i])) s->held[i] = NONE;
    for (int i = 0; i < s->n_bad; i++)
        if (reads(frame, s->bad[i].frame)) s->bad[kept++] = s->bad[i];
    s->n_bad = kept;
}

static lt_status hold_window(session *s, const int64_t frame[LT_WINDOW_FRAMES], int first, const lt_task_io *io)
{
    lt_status st = LT_OK;
    for (int i = first; i < LT_WINDOW_FRAMES; i++) {
        lt_view v = { 0 };
        if (slot_of(s, frame[i]) != NONE || why_bad(s, frame[i])) continue;
        if (atomic_load(io->stop)) LT_FAIL(LT_E_STOPPED, "stopped early");
        LT_TRY(io->pull(io->ctx, frame[i], &v));
        if (v.rgb || v.planes) {
            LT_TRY(load(s, frame[i], &v, io));
        } else {
            s->bad[s->n_bad].frame = frame[i];
            snprintf(s->bad[s->n_bad++].why, WHY, "frame %lld: %s", (long long)frame[i], v.why ? v.why : "it cannot be read");
        }
    }
    LT_TRY(encode(s, io));
done:
    return st;
}

/* ---- windows ---- */

/* The positions whose maps anything reads; the anchor's own one among them. */
static int positions(const session *s, int64_t k, int64_t n_frames, int *position)
{
    int n = lt_window_positions(k, n_frames, s->p->metric, position);
    const int64_t anchor = k ? s->anchor : wanted_anchor(s, n_frames), at = anchor - k * LT_WINDOW_STEP;
    if (s->p->metric || anchor < 0 || at < (k ? LT_WINDOW_OVERLAP : 0) || at >= LT_WINDOW_FRAMES) return n;
    int i = 0;
    while (i < n && position[i] < at) i++;
    if (i < n && position[i] == at) return n;
    memmove(position + i + 1, position + i, (size_t)(n - i) * sizeof *position);
    position[i] = (int)at;
    return n + 1;
}

/* No position of the window has a map: `why`, or NULL where nothing reads one. */
static lt_status put_fills(int64_t k, const char *why, const lt_task_io *io)
{
    lt_status st = LT_OK;
    for (int i = 0; i < LT_WINDOW_FRAMES; i++) LT_TRY(io->put_fill(io->ctx, k * LT_WINDOW_FRAMES + i, why));
done:
    return st;
}

/* The maps of the window that was begun. Where they are asked for late, a GPU computes while the next window's frames are decoded and uploaded. */
static lt_status collect(session *s, const lt_task_io *io)
{
    lt_status st = LT_OK;
    const float *maps = NULL;
    const size_t pixels = (size_t)s->p->net_width * (size_t)s->p->net_height;
    const int64_t k = s->begun;
    char why[128];
    if (k == NONE) return LT_OK;
    s->begun = NONE;
    const double before = lt_seconds();
    LT_TRY(s->p->net->end(s->net, &maps, io->stop));
    lt_timeline_span(s->timeline, "network", "wait for maps", NULL, before, lt_seconds() - before);
    LT_TRY(io->window(io->ctx, k * LT_WINDOW_FRAMES, s->begun_anchor));
    if (!lt_all_finite(maps, (size_t)s->n_position * pixels)) {
        snprintf(why, sizeof why, "window %lld: the network gave values that are not numbers", (long long)k);
        LT_TRY(put_fills(k, why, io));
        goto done;
    }
    for (int i = 0, next = 0; i < LT_WINDOW_FRAMES; i++) {
        const int64_t number = k * LT_WINDOW_FRAMES + i;
        const void *data[1] = { maps + (size_t)next * pixels };
        if (next < s->n_position && s->position[next] == i) {
            LT_TRY(io->put(io->ctx, number, data));
            next++;
        } else {
            LT_TRY(io->put_fill(io->ctx, number, NULL));
        }
    }
done:
    return st;
}

static lt_status begin(session *s, int64_t k, int64_t n_frames, const int64_t frame[LT_WINDOW_FRAMES], const lt_task_io *io)
{
    lt_status st = LT_OK;
    int32_t slot[LT_WINDOW_FRAMES];
    s->n_position = positions(s, k, n_frames, s->position);
    for (int i = 0; i < LT_WINDOW_FRAMES; i++) slot[i] = slot_of(s, frame[i]);
    const double before = lt_seconds();
    LT_TRY(s->p->net->begin(s->net, slot, s->position, s->n_position, io->stop));
    lt_timeline_span(s->timeline, "network", "window", NULL, before, lt_seconds() - before);
    s->begun = k;
    s->begun_anchor = k > 0 ? s->anchor : NONE;
done:
    return st;
}

static lt_status window_without_maps(session *s, int64_t k, int64_t anchor, const char *why, const lt_task_io *io)
{
    lt_status st = LT_OK;
    LT_TRY(collect(s, io));
    LT_TRY(io->window(io->ctx, k * LT_WINDOW_FRAMES, anchor));
    LT_TRY(put_fills(k, why, io));
done:
    return st;
}

/* Everything that window k reads in slots; why not, where it cannot be. */
static lt_status hold(session *s, int64_t k, int64_t n_frames, int64_t frame[LT_WINDOW_FRAMES], const char **why, const lt_task_io *io)
{
    lt_status st = LT_OK;
    *why = NULL;
    lt_window_frames(k, n_frames, wanted_anchor(s, n_frames), frame);
    keep_only(s, frame);
    if (k > 0) {
        LT_TRY(hold_anchor(s, n_frames, io));
        if (s->anchor != NONE) lt_window_frames(k, n_frames, s->anchor, frame);
    }
    LT_TRY(hold_window(s, frame, k > 0, io));
    for (int i = k > 0; i < LT_WINDOW_FRAMES && !*why; i++) *why = why_bad(s, frame[i]);
    if (!*why && k > 0 && s->anchor == NONE) *why = "no frame of the video can be read";
done:
    return st;
}

static lt_status run(void *session_, lt_range piece, int64_t n_frames, const lt_task_io *io)
{
    lt_status st = LT_OK;
    session *s = session_;
    for (int64_t k = piece.first / LT_WINDOW_FRAMES; k <= piece.last / LT_WINDOW_FRAMES; k++) {
        int64_t frame[LT_WINDOW_FRAMES];
        int position[LT_WINDOW_FRAMES];
        const char *why = NULL;
        if (atomic_load(io->stop)) LT_FAIL(LT_E_STOPPED, "stopped early");
        if (lt_window_positions(k, n_frames, s->p->metric, position) == 0) {
            /* Without a fit, all that the last window of a video shows may come from the one before. */
            LT_TRY(window_without_maps(s, k, NONE, NULL, io));
            continue;
        }
        LT_TRY(hold(s, k, n_frames, frame, &why, io));
        if (why) {
            LT_TRY(window_without_maps(s, k, k > 0 ? s->anchor : NONE, why, io));
            continue;
        }
        LT_TRY(collect(s, io));
        LT_TRY(begin(s, k, n_frames, frame, io));
        /* On the CPU they are there now, and what is put down is not lost by a stop. */
        if (!s->p->late) LT_TRY(collect(s, io));
    }
    LT_TRY(collect(s, io));
done:
    if (st < 0) {
        const lt_error first = *lt_error_last();
        /* A window that the device has finished in the meantime is not lost. */
        if (st == LT_E_STOPPED && collect(s, io) < 0) lt_error_clear();
        s->begun = NONE;
        lt_error_set(&first);
        drop_input(s);
    }
    return st;
}

const lt_task lt_task_depth = {
    .kind = LT_TASK_DEPTH, .name = "depth", .segment_frames = 8 * LT_WINDOW_STEP, .max_res = 1280, .takes_weights = takes_weights, .grid = grid,
    .fields = fields, .settings = settings, .fit = fit, .plan = plan_create, .plan_destroy = plan_destroy, .rungs = rungs, .layout = layout, .work = work,
    .host_bytes = host_bytes, .open = open_session, .close = close_session, .forget = forget, .needs = needs, .run = run, .finish = &lt_finish_depth, .raw = raw,
};
