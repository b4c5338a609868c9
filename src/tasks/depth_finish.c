/* The task `depth`, second step: raw maps of windows become the depth of frames.
 *
 * First the chain: each window is fitted to the one before over the anchor frame and the frame at its position 1 (longtake/align.h);
 * of what came before it needs the carry and one map. Then the frames, each from one or two maps, which depend on no other frame.
 *
 * What fails costs itself. A window without values leaves no carry: the next one is fitted to the anchor alone. The anchor is the map that the
 * anchor frame has where it lies in the row of frames; if that window failed, the map at position 0 of the next one that did not, since
 * every window shows the anchor frame there. Before either a window is fitted to the one before alone, or, if that failed, to position 0 of the
 * last that did not. The first window with values keeps its own scale. */
#include "tasks.h"

#include <longtake/align.h>
#include <longtake/frames.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY = 12 };                       /* the position that is the next window's position 1 */

typedef struct {
    lt_finish_config c;
    lt_pool         *pool;
    lt_isa           isa;
    float           *net, *target, *anchor, *key, *one, *two;     /* net: [net_h,net_w]; the others [h,w] */
    int64_t          anchor_held;                                   /* number of the map in `anchor`; -1: none */
    char             why[2][LT_RAW_WHY];
    /* of the piece in hand */
    int64_t          first_window, n_windows;
    double          *scale, *shift;                                 /* [room] */
    lt_segment_part *parts;                                         /* [room] */
    int64_t          room;
    lt_carry         before;
} finisher;

static lt_range numbers(lt_range frames)
{
    return (lt_range){ frames.first / LT_WINDOW_STEP * LT_WINDOW_FRAMES, (frames.last / LT_WINDOW_STEP + 1) * LT_WINDOW_FRAMES - 1 };
}

static lt_range frames_of(lt_range n, int64_t n_frames)
{
    lt_range r = { n.first / LT_WINDOW_FRAMES * LT_WINDOW_STEP, (n.last / LT_WINDOW_FRAMES + 1) * LT_WINDOW_STEP - 1 };
    if (r.last > n_frames - 1) r.last = n_frames - 1;
    return r;
}

static bool chained(const lt_finish_config *c)
{
    return !c->metric;
}

static lt_status config(const json_t *run, int width, int height, int64_t n_frames, lt_finish_config *out)
{
    lt_status st = LT_OK;
    const int input_size = (int)json_integer_value(json_object_get(run, "input-size"));
    *out = (lt_finish_config){ .width = width, .height = height, .n_frames = n_frames,
                               .anchor_frame = json_integer_value(json_object_get(run, "anchor-frame")),
                               .metric = json_is_true(json_object_get(run, "metric")) };
    LT_TRY(lt_depth_input_size(width, height, input_size, &out->net_width, &out->net_height));
done:
    return st;
}

/* The key map, and those that frames of the next piece come from. */
static int halo(const lt_finish_config *c, int64_t number_before, int64_t *out)
{
    const int64_t k = number_before / LT_WINDOW_FRAMES;
    int position[LT_WINDOW_FRAMES], n = 0;
    const int all = lt_window_positions(k, c->n_frames, c->metric, position);
    for (int i = 0; i < all; i++)
        if ((position[i] == KEY && !c->metric) || position[i] >= LT_WINDOW_STEP) out[n++] = k * LT_WINDOW_FRAMES + position[i];
    return n;
}

static size_t net_pixels(const lt_finish_config *c)
{
    return (size_t)c->net_width * (size_t)c->net_height;
}

static size_t pixels(const lt_finish_config *c)
{
    return (size_t)c->width * (size_t)c->height;
}

static size_t bytes(const lt_finish_config *c)
{
    return sizeof(finisher) + (net_pixels(c) + 5 * pixels(c)) * sizeof(float);
}

static void close_finisher(void **finisher_)
{
    finisher *f = *finisher_;
    if (!f) return;
    free(f->net);
    free(f->scale);
    free(f->shift);
    free(f->parts);
    free(f);
    *finisher_ = NULL;
}

static lt_status open_finisher(const lt_finish_config *c, lt_pool *pool, lt_isa isa, void **out)
{
    lt_status st = LT_OK;
    void *made = calloc(1, sizeof(finisher));
    finisher *f = made;
    const size_t n = pixels(c);
    *out = NULL;
    if (!f) LT_FAIL(LT_E_MEMORY, "no memory to finish frames");
    f->c = *c;
    f->pool = pool;
    f->isa = isa;
    f->anchor_held = -1;
    f->net = malloc((net_pixels(c) + 5 * n) * sizeof(float));
    if (!f->net) LT_FAIL(LT_E_MEMORY, "no memory to finish frames of %dx%d", c->width, c->height);
    f->target = f->net + net_pixels(c);
    f->anchor = f->target + n;
    f->key = f->anchor + n;
    f->one = f->key + n;
    f->two = f->one + n;
    *out = made;
    made = NULL;
done:
    close_finisher(&made);
    return st;
}

/* Raw map `number` at frame size, in `out`; *there is false where its window failed, and why says why. */
static lt_status read_map(finisher *f, const lt_finish_io *io, int64_t number, float *out, bool *there, char *why)
{
    lt_status st = LT_OK;
    int64_t anchor;
    LT_TRY(io->map(io->ctx, number, f->net, why, &anchor));
    *there = !why[0];
    if (*there) lt_depth_resize(f->isa, f->pool, f->net, f->c.net_width, f->c.net_height, out, f->c.width, f->c.height);
done:
    return st;
}

/* The window's maps as they are when they need no scale: the first window's. */
static bool is_raw(int64_t k)
{
    return k == 0;
}

static void apply(const finisher *f, int64_t k, double scale, double shift, float *map)
{
    lt_depth_apply(f->isa, f->pool, map, (float)scale, (float)shift, is_raw(k), map, (int64_t)pixels(&f->c));
}

/* The anchor's aligned map into f->anchor. */
static lt_status hold_anchor(finisher *f, const lt_finish_io *io, const lt_carry *c)
{
    lt_status st = LT_OK;
    bool there = false;
    if (f->anchor_held == c->anchor) return LT_OK;
    f->anchor_held = -1;
    LT_TRY(read_map(f, io, c->anchor, f->anchor, &there, f->why[0]));
    if (!there) LT_FAIL(LT_E_INTERNAL, "the anchor has no map: %s", f->why[0]);
    apply(f, c->anchor / LT_WINDOW_FRAMES, c->anchor_scale, c->anchor_shift, f->anchor);
    f->anchor_held = c->anchor;
done:
    return st;
}

/* The aligned key map of window k into `out`. */
static lt_status hold_key(finisher *f, const lt_finish_io *io, int64_t k, const lt_carry *c, float *out)
{
    lt_status st = LT_OK;
    bool there = false;
    LT_TRY(read_map(f, io, k * LT_WINDOW_FRAMES + KEY, out, &there, f->why[0]));
    if (!there) LT_FAIL(LT_E_INTERNAL, "window %lld has no key map: %s", (long long)k, f->why[0]);
    apply(f, k, c->scale, c->shift, out);
done:
    return st;
}

/* Scale and shift of window k, which has values; c is the carry of the window before. */
static lt_status fit_window(finisher *f, const lt_finish_io *io, int64_t k, int64_t anchor_frame, const lt_carry *c, lt_segment_row *row)
{
    lt_status st = LT_OK;
    lt_fit_sums sums[2];
    const int64_t n = (int64_t)pixels(&f->c);
    int n_sums = 0;
    bool there = false;
    row->scale = 1;
    row->shift = 0;
    if (k == 0 || f->c.metric) return LT_OK;
    if (c->anchor >= 0 && (c->firm || !c->good)) {
        LT_TRY(hold_anchor(f, io, c));
        LT_TRY(read_map(f, io, k * LT_WINDOW_FRAMES, f->one, &there, f->why[0]));
        sums[n_sums++] = lt_fit_sum(f->isa, f->pool, f->one, f->anchor, n);
        row->anchor = anchor_frame;
    }
    if (c->good) {
        LT_TRY(hold_key(f, io, k - 1, c, f->key));
        LT_TRY(read_map(f, io, k * LT_WINDOW_FRAMES + 1, f->one, &there, f->why[0]));
        sums[n_sums++] = lt_fit_sum(f->isa, f->pool, f->one, f->key, n);
        if (n_sums == 1) row->anchor = k * LT_WINDOW_STEP - LT_WINDOW_OVERLAP;
    }
    if (n_sums == 0) {
        char text[200];
        snprintf(text, sizeof text, "window %lld (frames from %lld on) is the first with values: the others are fitted to it", (long long)k,
                 (long long)(k * LT_WINDOW_STEP));
        io->warn(io->ctx, text);
        return LT_OK;
    }
    const lt_fit fit = lt_fit_solve(sums, n_sums);
    row->scale = fit.scale;
    row->shift = fit.shift;
    row->det = fit.det;
    row->residual = fit.residual;
    if (fit.near_singular) {
        char text[200];
        snprintf(text, sizeof text, "window %lld (frames from %lld on) shows too little depth to be fitted to the one before: it keeps its own scale",
                 (long long)k, (long long)(k * LT_WINDOW_STEP));
        io->warn(io->ctx, text);
    } else if (fit.scale <= 0) {
        char text[200];
        snprintf(text, sizeof text, "window %lld (frames from %lld on) fits the one before with scale %.3g, which turns near and far around",
                 (long long)k, (long long)(k * LT_WINDOW_STEP), fit.scale);
        io->warn(io->ctx, text);
    }
done:
    return st;
}

/* Makes a map of window k, which has values and its scale in c, the anchor, where that is called for. */
static void take_anchor(const finisher *f, int64_t k, int64_t anchor_frame, lt_carry *c)
{
    const int64_t at = anchor_frame - k * LT_WINDOW_STEP, own = k ? LT_WINDOW_OVERLAP : 0;
    const bool here = at >= own && at < LT_WINDOW_FRAMES;
    if (f->c.metric || c->firm || anchor_frame < 0 || (k == 0 && !here)) return;
    c->anchor = k * LT_WINDOW_FRAMES + (here ? at : 0);
    c->anchor_scale = c->scale;
    c->anchor_shift = c->shift;
    /* Where it lies further on, its own window will give it. */
    c->firm = at < LT_WINDOW_FRAMES;
}

/* Takes window k into the chain; c is its own carry afterwards. */
static lt_status link_window(finisher *f, const lt_finish_io *io, int64_t k, lt_carry *c)
{
    lt_status st = LT_OK;
    bool there = false;
    int64_t anchor_frame = -1;
    lt_segment_part *part = &f->parts[k - f->first_window];
    part->frames = frames_of((lt_range){ k * LT_WINDOW_FRAMES, k * LT_WINDOW_FRAMES }, f->c.n_frames);
    lt_segment_row_init(&part->row);
    LT_TRY(io->map(io->ctx, k * LT_WINDOW_FRAMES, f->net, f->why[0], &anchor_frame));
    there = !f->why[0][0];
    /* Window 0 has no anchor at position 0; it may hold it anywhere. */
    if (k == 0) anchor_frame = f->c.anchor_frame < f->c.n_frames ? f->c.anchor_frame : f->c.n_frames - 1;
    if (!there) {
        c->good = 0;
        f->scale[k - f->first_window] = NAN;
        return LT_OK;
    }
    LT_TRY(fit_window(f, io, k, anchor_frame, c, &part->row));
    c->scale = f->scale[k - f->first_window] = part->row.scale;
    c->shift = f->shift[k - f->first_window] = part->row.shift;
    c->good = 1;
    take_anchor(f, k, anchor_frame, c);
done:
    return st;
}

static lt_status link_piece(finisher *f, lt_range piece, const lt_finish_io *io, lt_carry *c)
{
    lt_status st = LT_OK;
    const lt_range n = numbers(piece);
    f->first_window = n.first / LT_WINDOW_FRAMES;
    f->n_windows = (n.last + 1) / LT_WINDOW_FRAMES - f->first_window;
    f->anchor_held = -1;
    if (f->n_windows > f->room) {
        free(f->scale);
        free(f->shift);
        free(f->parts);
        f->room = f->n_windows;
        f->scale = malloc((size_t)f->room * sizeof *f->scale);
        f->shift = malloc((size_t)f->room * sizeof *f->shift);
        f->parts = malloc((size_t)f->room * sizeof *f->parts);
        if (!f->scale || !f->shift || !f->parts) LT_FAIL(LT_E_MEMORY, "no memory for a chain of %lld windows", (long long)f->room);
    }
    for (int64_t k = f->first_window; k < f->first_window + f->n_windows; k++) {
        if (atomic_load(io->stop)) LT_FAIL(LT_E_STOPPED, "stopped early");
        LT_TRY(link_window(f, io, k, c));
    }
    c->known = 1;
    LT_TRY(io->rows(io->ctx, f->parts, (int)f->n_windows));
    LT_TRY(io->linked(io->ctx, c));
done:
    return st;
}

/* The aligned map of a position of a window into `out`. */
static lt_status aligned(finisher *f, const lt_finish_io *io, int64_t k, int position, float *out, bool *there, char *why)
{
    lt_status st = LT_OK;
    const bool mine = k >= f->first_window;
    LT_TRY(read_map(f, io, k * LT_WINDOW_FRAMES + position, out, there, why));
    if (!*there) return LT_OK;
    if (f->c.metric) apply(f, k, 1, 0, out);
    else apply(f, k, mine ? f->scale[k - f->first_window] : f->before.scale, mine ? f->shift[k - f->first_window] : f->before.shift, out);
done:
    return st;
}

static lt_status finish_frame(finisher *f, const lt_finish_io *io, int64_t t)
{
    lt_status st = LT_OK;
    bool one = false, two = false;
    const lt_window_source s = lt_window_of_frame(t, f->c.n_frames);
    LT_TRY(aligned(f, io, s.window, s.position, f->one, &one, f->why[0]));
    if (s.next >= 0) LT_TRY(aligned(f, io, s.next, s.next_position, f->two, &two, f->why[1]));
    if (one && two) lt_depth_blend(f->isa, f->pool, f->one, s.weight, f->two, s.next_weight, f->one, (int64_t)pixels(&f->c));
    const void *data[1] = { one ? f->one : f->two };
    if (one || two) LT_TRY(io->put(io->ctx, t, data));
    else LT_TRY(io->put_fill(io->ctx, t, f->why[0]));
done:
    return st;
}

static lt_status run(void *finisher_, lt_range piece, const lt_carry *before, const lt_finish_io *io)
{
    lt_status st = LT_OK;
    finisher *f = finisher_;
    lt_carry c = *before;
    f->before = *before;
    if (piece.first == 0) c = (lt_carry){ .anchor = -1 };
    LT_TRY(link_piece(f, piece, io, &c));
    for (int64_t t = piece.first; t <= piece.last; t++) {
        if (atomic_load(io->stop)) LT_FAIL(LT_E_STOPPED, "stopped early");
        LT_TRY(finish_frame(f, io, t));
    }
done:
    return st;
}

static lt_status fields(const json_t *run, lt_field *out, int *n)
{
    const char *type = json_string_value(json_object_get(run, "type"));
    const lt_settings s = { .type = type && !strcmp(type, "f16") ? LT_TYPE_F16 : LT_TYPE_F32,
                            .metric = json_is_true(json_object_get(run, "metric")) };
    return lt_task_depth.fields(&s, out, n);
}

const lt_finish lt_finish_depth = { numbers, frames_of, chained, config, fields, halo, bytes, open_finisher, close_finisher, run };
