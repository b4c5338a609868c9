/* Pieces: what a task pulls and puts, and the rows of what it made. */
#include "worker_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names of the timeline's lines. */
static const char *const decoder_track = "waiting for the decoder", *const store_track = "handing to the store";

enum { LOOK_S = 2 };

/* ---- where the seconds go ---- */

static double told_apart(const lt_worker *w)
{
    return w->stage[LT_WAIT_FRAMES] + w->stage[LT_WAIT_STORE] + w->stage[LT_STAGE_ENCODE] + w->stage[LT_STAGE_WINDOW] + w->stage[LT_WAIT_DEVICE];
}

/* The time of the task since the last tally: what its spans say, and the rest. */
static void tally(lt_worker *w)
{
    lt_timeline *t = w->s->env.timeline;
    const double now = lt_seconds();
    w->stage[LT_STAGE_ENCODE] = lt_timeline_seconds(t, w->watch_encode);
    w->stage[LT_STAGE_WINDOW] = lt_timeline_seconds(t, w->watch_window);
    w->stage[LT_WAIT_DEVICE] = lt_timeline_seconds(t, w->watch_device);
    const double named = told_apart(w), rest = now - w->tallied - (named - w->named);
    if (rest > 0) lt_worker_spend(w, w->s->task->finish ? LT_STAGE_PREPARE : LT_STAGE_FLOW, rest);
    w->tallied = now;
    w->named = named;
}

/* How much of the arena was used so far: on a CPU only, where nothing need be waited for, and not while another thread brings weights into it. A GPU's
 * driver is asked what the process has. */
static void look_at_memory(lt_worker *w)
{
    const double now = lt_seconds();
    lt_device_memory m;
    if (now - w->looked < LOOK_S) return;
    w->looked = now;
    if (!w->s->compute.device && w->s->videos[w->open.video].setting.stream) return;
    if (!w->s->compute.device) atomic_store(&w->observed, (long long)lt_arena_high_water(w->arena));
    else if (lt_device_memory_read(w->s->compute.device, &m) < 0) lt_error_clear();
    else atomic_store(&w->driver, m.process);
}

/* ---- frames without a value ---- */

void lt_worker_forget_bad(lt_worker *w)
{
    w->n_bad_ranges = 0;
    w->n_bad_more = 0;
}

void lt_worker_note_bad(lt_worker *w, int64_t t, const char *why)
{
    lt_bad_range *last = w->n_bad_ranges ? &w->bad[w->n_bad_ranges - 1] : NULL;
    if (last && w->n_bad_more == 0 && t == last->frames.last + 1) {
        last->frames.last = t;
    } else if (w->n_bad_ranges == LT_BAD_RANGES) {
        w->n_bad_more++;
    } else {
        w->bad[w->n_bad_ranges].frames = (lt_range){ t, t };
        snprintf(w->bad[w->n_bad_ranges++].why, LT_RAW_WHY, "%s", why);
    }
}

void lt_worker_tell_bad(lt_worker *w, int64_t index)
{
    for (int i = 0; i < w->n_bad_ranges; i++) {
        lt_news e = { .kind = LT_EVENT_BAD, .index = index, .range = w->bad[i].frames, .frames = i + 1 == w->n_bad_ranges ? w->n_bad_more : 0 };
        snprintf(e.text, sizeof e.text, "%s", w->bad[i].why);
        lt_worker_post(w, &e);
    }
    lt_worker_forget_bad(w);
}

/* ---- what a task reaches the outside by ---- */

static void let_go(lt_worker *w)
{
    if (w->holding) lt_reader_release(w->reader, &w->held);
    w->holding = false;
}

/* Decodes ahead from the next frame on. */
static lt_status open_reader(lt_worker *w)
{
    lt_status st = LT_OK;
    const int ahead = lt_setup_prefetch(w->s);
    LT_TRY(lt_reader_open(w->open.media, w->sources + w->at, w->n_needs - w->at, ahead, &w->reader));
    lt_reader_gauge(w->reader, &w->ahead);
    atomic_store(&w->reader_bytes, w->s->env.planes ? 0 : (long long)lt_reader_bytes(lt_media_get_info(w->open.media), ahead));
done:
    return st;
}

static lt_status pull(void *ctx, int64_t t, lt_view *out)
{
    lt_status st = LT_OK;
    lt_worker *w = ctx;
    double before = lt_seconds();
    *out = (lt_view){ 0 };
    let_go(w);
    /* Without a reader nothing of what lies before is decoded. */
    while (!w->reader && w->at < w->n_needs && w->needs[w->at] < t) w->at++;
    if (!w->reader) LT_TRY(open_reader(w));
    do {
        let_go(w);
        st = w->at < w->n_needs ? lt_reader_next(w->reader, &w->held) : LT_END;
        if (st == LT_END) LT_FAIL(LT_E_INTERNAL, "frame %lld was not decoded", (long long)t);
        LT_TRY(st);
        w->holding = true;
    } while (w->needs[w->at++] < t);
    lt_worker_spend(w, LT_WAIT_FRAMES, lt_seconds() - before);
    lt_timeline_span(w->s->env.timeline, decoder_track, "frame", NULL, before, lt_seconds() - before);
    if (w->held.frame != w->open.frames[t])
        LT_FAIL(LT_E_INTERNAL, "frame %lld was decoded where %lld was asked for", (long long)w->held.frame, (long long)w->open.frames[t]);
    out->why = w->held.error_text;
    if (w->held.status >= 0) {
        out->rgb = w->held.rgb;
        out->stride = w->held.stride;
        if (!out->rgb) out->planes = &w->held.planes;
    }
done:
    return st;
}

/* The reader has the decoder for itself, so it is closed and begins anew after this. */
static lt_status fetch(void *ctx, int64_t t, lt_view *out)
{
    lt_status st = LT_OK;
    lt_worker *w = ctx;
    const lt_media_info *info = lt_media_get_info(w->open.media);
    const size_t stride = (size_t)info->width * 3;
    const double before = lt_seconds();
    *out = (lt_view){ .stride = stride };
    let_go(w);
    lt_reader_close(&w->reader);
    if (!w->s->env.planes && !w->fetched && !(w->fetched = malloc(stride * (size_t)info->height))) LT_FAIL(LT_E_MEMORY, "no memory for a frame");
    st = w->s->env.planes ? lt_media_read_planes(w->open.media, w->open.frames[t], &w->fetched_planes)
                          : lt_media_read(w->open.media, w->open.frames[t], w->fetched, stride);
    lt_worker_spend(w, LT_WAIT_FRAMES, lt_seconds() - before);
    if (st == LT_E_DATA) {
        out->why = lt_error_last()->text;
        return LT_OK;
    }
    LT_TRY(st);
    if (w->s->env.planes) out->planes = &w->fetched_planes;
    else out->rgb = w->fetched;
done:
    return st;
}

/* A frame without a value: told once a piece, counted always. */
static lt_status put_bad(lt_worker *w, int64_t t, const char *why)
{
    const lt_setup_piece *p = &w->s->pieces[w->in_hand];
    /* The frames that a window should have given are told when they are finished. */
    if (w->s->task->finish) return lt_writer_put_fill(w->writer, t, why);
    if (w->n_bad++ == 0)
        lt_log_warn(w->s->log, "%s, segment %lld-%lld: frame %lld: %s", w->s->inputs.items[p->video].path,
                    (long long)p->range.first, (long long)p->range.last, (long long)t, why);
    w->state[w->in_hand] = LT_SEGMENT_FAILED;
    lt_worker_note_bad(w, t, why);
    return lt_writer_put_fill(w->writer, t, why);
}

static void made(lt_worker *w, int64_t t)
{
    w->last_put = t;
    tally(w);
    look_at_memory(w);
    if (!w->s->task->finish) {
        atomic_fetch_add(&w->frames, 1);
        return;
    }
    /* Of two steps, a window's frames count when its last map is there. */
    const lt_setup_video *v = &w->s->videos[w->open.video];
    const lt_range all = w->s->task->finish->numbers(w->s->task->finish->frames((lt_range){ t, t }, v->n_frames));
    const lt_range frames = w->s->task->finish->frames(all, v->n_frames);
    if (t == all.last) atomic_fetch_add(&w->frames, frames.last - frames.first + 1);
}

/* Its row: the frames that it brings. */
static lt_status window(void *ctx, int64_t number, int64_t anchor)
{
    lt_status st = LT_OK;
    lt_worker *w = ctx;
    const lt_finish *f = w->s->task->finish;
    const lt_range one = f->frames((lt_range){ number, number }, w->s->videos[w->open.video].n_frames);
    if (w->n_parts == w->parts_room) {
        lt_segment_part *more = realloc(w->parts, (size_t)(w->parts_room * 2 + 8) * sizeof *more);
        if (!more) LT_FAIL(LT_E_MEMORY, "no memory for the rows of a segment");
        w->parts = more;
        w->parts_room = w->parts_room * 2 + 8;
    }
    lt_segment_part *part = &w->parts[w->n_parts++];
    *part = (lt_segment_part){ .frames = f->numbers(one) };
    lt_segment_row_init(&part->row);
    part->row.anchor = anchor;
done:
    return st;
}

static lt_status put(void *ctx, int64_t t, const void *const *data)
{
    lt_status st = LT_OK;
    lt_worker *w = ctx;
    const lt_setup_video *v = &w->s->videos[w->open.video];
    char why[128];
    for (int f = 0; f < w->s->n_fields && !w->s->task->finish; f++) {
        const lt_field *field = &w->s->fields[f];
        if (!data[f] || field->dtype == LT_U8 || lt_all_finite(data[f], lt_field_values(field, v->width, v->height))) continue;
        snprintf(why, sizeof why, "the output '%s' of frame %lld has values that are not numbers", field->name, (long long)t);
        LT_TRY(put_bad(w, t, why));
        goto done;
    }
    const double before = lt_seconds();
    LT_TRY(lt_writer_put(w->writer, t, data));
    lt_worker_spend(w, LT_WAIT_STORE, lt_seconds() - before);
    lt_timeline_span(w->s->env.timeline, store_track, "frame", NULL, before, lt_seconds() - before);
done:
    if (st >= 0) made(w, t);
    return st;
}

static lt_status put_fill(void *ctx, int64_t t, const char *why)
{
    lt_worker *w = ctx;
    lt_status st = why ? put_bad(w, t, why) : lt_writer_put_fill(w->writer, t, NULL);
    if (st >= 0) made(w, t);
    return st;
}

/* ---- rows ---- */

void lt_worker_fill_row(lt_worker *w, double seconds, lt_segment_row *row)
{
    const lt_setup *s = w->s;
    lt_segment_row_init(row);
    row->rank = lt_comm_rank(s->comm);
    snprintf(row->device, sizeof row->device, "%.80s%s", s->device, s->mixed ? " (mixed)" : "");
    row->planned_bytes = (int64_t)s->arena_bytes;
    row->observed_bytes = (int64_t)lt_arena_high_water(w->arena);
    row->host_planned_bytes = lt_worker_host_planned(s);
    row->host_observed_bytes = lt_worker_host_most(w, lt_host_used());
    row->seconds = seconds;
    atomic_store(&w->observed, (long long)row->observed_bytes);
}

static double since(const lt_worker *w, lt_stage stage)
{
    return w->stage[stage] - w->before[stage];
}

/* The row of the piece in hand. */
static void piece_row(lt_worker *w, double seconds, lt_segment_row *row)
{
    lt_worker_fill_row(w, seconds, row);
    row->seconds_decode = since(w, LT_WAIT_FRAMES);
    row->seconds_store = since(w, LT_WAIT_STORE);
    row->seconds_network = since(w, LT_STAGE_PREPARE) + since(w, LT_STAGE_ENCODE) + since(w, LT_STAGE_WINDOW) + since(w, LT_STAGE_FLOW) + since(w, LT_WAIT_DEVICE);
}

/* The rows of the windows that are there, each with the rank's facts. */
static lt_status hand_rows(lt_worker *w, double seconds)
{
    lt_status st = LT_OK;
    lt_segment_row row;
    const double share = 1.0 / (w->n_parts ? w->n_parts : 1);
    piece_row(w, seconds, &row);
    row.seconds *= share;
    row.seconds_decode *= share;
    row.seconds_network *= share;
    row.seconds_store *= share;
    for (int i = 0; i < w->n_parts; i++) {
        const int64_t anchor = w->parts[i].row.anchor;
        w->parts[i].row = row;
        w->parts[i].row.anchor = anchor;
    }
    LT_TRY(lt_writer_parts(w->writer, w->parts, w->n_parts, NULL));
done:
    return st;
}

/* Whether what was put ends with a row, the windows of which are then handed over. */
static bool whole_rows(lt_worker *w, double seconds)
{
    if (w->last_put < 0 || !w->s->task->finish) return w->last_put >= 0;
    while (w->n_parts > 0 && w->parts[w->n_parts - 1].frames.last > w->last_put) w->n_parts--;
    return w->n_parts > 0 && w->parts[w->n_parts - 1].frames.last == w->last_put && hand_rows(w, seconds) >= 0;
}

/* Puts down a piece that failed or is given up: what a stop leaves of it is committed, all else is dropped. */
static void put_down(lt_worker *w, lt_status why, double seconds)
{
    const lt_error first = *lt_error_last();
    lt_segment_row row;
    piece_row(w, seconds, &row);
    if (why != LT_E_STOPPED || !whole_rows(w, seconds) || lt_writer_commit_head(w->writer, w->last_put, LT_TAG_HEAD, &row) < 0) lt_writer_abandon(w->writer);
    lt_error_set(&first);
}

/* The frames that a piece reads. */
static lt_status list_needs(lt_worker *w, lt_range piece, int64_t n_frames)
{
    lt_status st = LT_OK;
    const int64_t room = piece.last - piece.first + 1 + LT_NEEDS_MORE;
    if (room > w->needs_room) {
        free(w->needs);
        free(w->sources);
        w->needs_room = room;
        w->needs = calloc((size_t)room, sizeof *w->needs);
        w->sources = calloc((size_t)room, sizeof *w->sources);
        if (!w->needs || !w->sources) LT_FAIL(LT_E_MEMORY, "no memory for a list of %lld frames", (long long)room);
    }
    w->at = 0;
    w->s->task->needs(w->open.session, piece, n_frames, w->needs, &w->n_needs);
    for (int64_t i = 0; i < w->n_needs; i++) w->sources[i] = w->open.frames[w->needs[i]];
done:
    return st;
}

/* ---- the piece ---- */

/* Runs the task over the piece, and finds out where the time went. */
static lt_status run(lt_worker *w, lt_range piece)
{
    const lt_task_io io = { w, pull, fetch, put, put_fill, window, lt_stop_flag(w->s->stop) };
    w->tallied = lt_seconds();
    w->named = told_apart(w);
    const lt_status st = w->s->task->run(w->open.session, piece, w->s->videos[w->open.video].n_frames, &io);
    tally(w);
    return st;
}

/* What is to be stored of a piece. `field` is room. */
static lt_status describe(const lt_worker *w, int64_t index, lt_range piece, lt_field *field, lt_segment_desc *out)
{
    lt_status st = LT_OK;
    const lt_setup *s = w->s;
    const lt_setup_video *v = &s->videos[s->pieces[index].video];
    *out = (lt_segment_desc){ .first = piece.first, .last = piece.last, .width = v->width, .height = v->height, .fields = s->fields, .n_fields = s->n_fields,
                              .tag = index, .plan = w->open.plan_text };
    if (!s->task->finish) return LT_OK;
    out->raw = true;
    out->fields = field;
    out->n_fields = 1;
    out->tag = s->n_pieces + index;
    LT_TRY(s->task->raw(&s->env, v->width, v->height, field, &out->width, &out->height));
done:
    return st;
}

lt_status lt_worker_make_piece(lt_worker *w, int64_t index)
{
    lt_status st = LT_OK;
    const lt_setup *s = w->s;
    const lt_setup_piece *p = &s->pieces[index];
    const lt_setup_video *v = &s->videos[p->video];
    const double start = lt_seconds();
    lt_segment_row row;
    lt_segment_desc desc;
    lt_field field;
    w->in_hand = index;
    w->n_bad = 0;
    w->last_put = -1;
    w->state[index] = LT_SEGMENT_DONE;
    w->n_parts = 0;
    lt_worker_forget_bad(w);
    for (int i = 0; i < LT_STAGES; i++) w->before[i] = w->stage[i];
    LT_TRY(lt_worker_open_video(w, p->video));
    const lt_range piece = s->task->finish ? p->raw : p->range;
    LT_TRY(describe(w, index, piece, &field, &desc));
    LT_TRY(list_needs(w, piece, v->n_frames));
    LT_TRY(lt_writer_begin(w->writer, s->job, v->input->id, &desc));
    LT_TRY(run(w, piece));
    if (w->n_parts) LT_TRY(hand_rows(w, lt_seconds() - start));
    piece_row(w, lt_seconds() - start, &row);
    LT_TRY(lt_writer_commit(w->writer, &row));
    lt_worker_tell_bad(w, index);
done:
    if (st < 0) put_down(w, st, lt_seconds() - start);
    let_go(w);
    lt_reader_close(&w->reader);
    return st;
}
