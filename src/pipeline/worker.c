#include "worker.h"

#include "finish.h"

#include <longtake/clock.h>
#include <longtake/file.h>
#include <longtake/halo.h>
#include <longtake/picture.h>
#include <longtake/result.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Names of the timeline's lines. */
static const char *const work_track = "worker", *const decoder_track = "waiting for the decoder", *const store_track = "handing to the store";

/* HEAD: the tag of what is committed of a piece that was given up. */
enum { EVENTS = 256, HEAD = -1 };

/* The video that is open: media, chosen frames, plan and session. */
typedef struct {
    int64_t   video;             /* -1: none */
    lt_media *media;
    lt_index *index;
    int64_t  *frames;            /* [n] source frame of each result frame */
    int64_t   n;
    int       width, height;     /* of plan and session, which outlive the video */
    void     *plan, *session;
} open_video;

struct lt_worker {
    const lt_setup *s;
    pthread_t       thread;
    bool            started;
    pthread_mutex_t lock;
    pthread_cond_t  given, taken;
    lt_task_order   order;
    bool            has_order;
    lt_news        events[EVENTS];
    int             first, n_events;

    lt_pool   *pool;
    lt_arena  *arena;
    lt_writer *writer;
    open_video open;
    lt_halo_box *box;
    lt_finishing *finishing;     /* of video `finishing_video`, -1: none */
    int64_t       finishing_video;
    void         *record_place;  /* where the record of the piece in hand is made */

    uint8_t   *state;            /* [n_pieces] lt_segment_state of what this rank made */

    /* of the piece in hand */
    int64_t    in_hand, n_bad, last_put;     /* last_put: frame, -1: none */
    int64_t   *needs, n_needs, needs_room, at;   /* the frames to be read, chosen ones; the next one */
    int64_t   *sources;          /* [n_needs] the same in the source */
    uint8_t   *fetched;          /* one frame [H,W,3]; NULL until needed */
    lt_nv12    fetched_planes;
    lt_reader *reader;
    lt_frame   held;
    bool       holding;
    lt_segment_part *parts;      /* windows of a raw piece */
    int        n_parts, parts_room;
    char       software[512];

    atomic_llong frames, video, piece, observed;
    atomic_int   merging;
    atomic_int   halo_own, halo_rank, halo_file;
    _Atomic double wait_decode_s, compute_s, wait_halo_s;
};

static void post(lt_worker *w, const lt_news *e)
{
    pthread_mutex_lock(&w->lock);
    while (w->n_events == EVENTS) pthread_cond_wait(&w->taken, &w->lock);
    w->events[(w->first + w->n_events++) % EVENTS] = *e;
    pthread_mutex_unlock(&w->lock);
}

static void post_status(lt_worker *w, lt_news_kind kind, int64_t index, lt_status st, const char *text)
{
    lt_news e = { .kind = kind, .index = index, .status = st };
    snprintf(e.text, sizeof e.text, "%s", st < 0 ? text : "");
    post(w, &e);
}

bool lt_worker_event(lt_worker *w, lt_news *out)
{
    pthread_mutex_lock(&w->lock);
    bool there = w->n_events > 0;
    if (there) {
        *out = w->events[w->first];
        w->first = (w->first + 1) % EVENTS;
        w->n_events--;
        pthread_cond_signal(&w->taken);
    }
    pthread_mutex_unlock(&w->lock);
    return there;
}

void lt_worker_give(lt_worker *w, lt_task_order order)
{
    pthread_mutex_lock(&w->lock);
    w->order = order;
    w->has_order = true;
    pthread_cond_signal(&w->given);
    pthread_mutex_unlock(&w->lock);
}

static lt_task_order ask(lt_worker *w)
{
    post_status(w, LT_EVENT_ASK, 0, LT_OK, "");
    pthread_mutex_lock(&w->lock);
    while (!w->has_order) pthread_cond_wait(&w->given, &w->lock);
    lt_task_order o = w->order;
    w->has_order = false;
    pthread_mutex_unlock(&w->lock);
    return o;
}

/* Runs on the store thread. A commit that failed ends the job; the worker hears why from the flush at its end. */
static void committed(void *ctx, int64_t tag, lt_status st, const lt_error *e)
{
    lt_worker *w = ctx;
    if (st < 0) {
        post_status(w, LT_EVENT_BROKEN, tag, st, e->text);
        return;
    }
    if (tag == HEAD) return;
    if (tag >= w->s->n_pieces) {
        post_status(w, LT_EVENT_RAW, tag - w->s->n_pieces, LT_OK, "");
        return;
    }
    const lt_setup_piece *p = &w->s->pieces[tag];
    lt_news event = { .kind = LT_EVENT_COMMITTED, .index = tag, .frames = p->range.last - p->range.first + 1,
                       .state = w->state[tag] };
    post(w, &event);
}

/* ---- the open video ---- */

static void close_session(lt_worker *w)
{
    open_video *o = &w->open;
    if (o->session) w->s->task->close(&o->session);
    if (o->plan) w->s->task->plan_destroy(&o->plan);
    o->width = o->height = 0;
}

static void close_video(lt_worker *w)
{
    open_video *o = &w->open;
    lt_media_close(&o->media);
    lt_index_destroy(&o->index);
    free(o->frames);
    free(w->fetched);
    w->fetched = NULL;
    o->frames = NULL;
    o->video = -1;
}

/* A session for frames of this size. Packing a network's weights takes seconds, so videos of one size share it. */
static lt_status open_session(lt_worker *w, const lt_setting *setting, int width, int height)
{
    lt_status st = LT_OK;
    open_video *o = &w->open;
    size_t n_bytes = 0;
    lt_settings room;
    if (o->session && o->width == width && o->height == height) {
        w->s->task->forget(o->session);
        return LT_OK;
    }
    close_session(w);
    const lt_task_env env = lt_setting_env(&w->s->env, setting, &room);
    LT_TRY(w->s->task->plan(&env, width, height, &o->plan, &n_bytes));
    LT_TRY(w->s->task->open(o->plan, &env, w->arena, w->pool, &o->session));
    o->width = width;
    o->height = height;
done:
    if (st < 0) close_session(w);
    return st;
}

static lt_status chosen_frames(open_video *o, const json_t *video)
{
    lt_status st = LT_OK;
    const json_t *frame = json_object_get(video, "frame");
    o->n = json_integer_value(json_object_get(video, "n_frames"));
    o->frames = calloc((size_t)o->n + 1, sizeof *o->frames);
    if (!o->frames) LT_FAIL(LT_E_MEMORY, "no memory for an index of %lld frames", (long long)o->n);
    for (int64_t i = 0; i < o->n; i++)
        o->frames[i] = json_is_array(frame) ? json_integer_value(json_array_get(frame, (size_t)i)) : i;
done:
    return st;
}

static lt_status open_the_video(lt_worker *w, int64_t v)
{
    lt_status st = LT_OK;
    open_video *o = &w->open;
    const lt_setup_video *video = &w->s->videos[v];
    const lt_media_opts opts = lt_setup_media(w->s);
    json_t *about = NULL;
    if (o->video == v) return LT_OK;
    close_video(w);
    LT_TRY(lt_job_get_video(w->s->job, video->input->id, &about));
    LT_TRY(lt_media_open(video->input->path, &opts, &o->media));
    lt_media_set_stop(o->media, lt_stop_flag(w->s->stop));
    LT_TRY(lt_index_from_json(json_object_get(about, "index"), &o->index));
    LT_TRY(lt_media_set_index(o->media, o->index));
    if (w->s->env.planes) LT_TRY(lt_media_use_device(o->media, w->s->compute.device, lt_arena_at(w->arena, w->s->reader_at), w->s->reader_bytes));
    LT_TRY(chosen_frames(o, about));
    LT_TRY(open_session(w, &video->setting, video->width, video->height));
    o->video = v;
done:
    json_decref(about);
    if (st < 0) close_video(w);
    return st;
}

/* ---- a piece ---- */

static void let_go(lt_worker *w)
{
    if (w->holding) lt_reader_release(w->reader, &w->held);
    w->holding = false;
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
    if (!w->reader) LT_TRY(lt_reader_open(w->open.media, w->sources + w->at, w->n_needs - w->at, lt_setup_prefetch(w->s), &w->reader));
    do {
        let_go(w);
        st = w->at < w->n_needs ? lt_reader_next(w->reader, &w->held) : LT_END;
        if (st == LT_END) LT_FAIL(LT_E_INTERNAL, "frame %lld was not decoded", (long long)t);
        LT_TRY(st);
        w->holding = true;
    } while (w->needs[w->at++] < t);
    w->wait_decode_s = w->wait_decode_s + (lt_seconds() - before);
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
    *out = (lt_view){ .stride = stride };
    let_go(w);
    lt_reader_close(&w->reader);
    if (!w->s->env.planes && !w->fetched && !(w->fetched = malloc(stride * (size_t)info->height))) LT_FAIL(LT_E_MEMORY, "no memory for a frame");
    st = w->s->env.planes ? lt_media_read_planes(w->open.media, w->open.frames[t], &w->fetched_planes)
                          : lt_media_read(w->open.media, w->open.frames[t], w->fetched, stride);
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
    return lt_writer_put_fill(w->writer, t, why);
}

static void made(lt_worker *w, int64_t t)
{
    w->last_put = t;
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
    part->frames = f->numbers(one);
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

static void fill_row(const lt_worker *w, double seconds, lt_segment_row *row)
{
    const lt_setup *s = w->s;
    lt_segment_row_init(row);
    row->rank = lt_comm_rank(s->comm);
    snprintf(row->device, sizeof row->device, "%.80s%s", s->device, s->mixed ? " (mixed)" : "");
    row->planned_bytes = (int64_t)s->arena_bytes;
    row->observed_bytes = (int64_t)lt_arena_high_water(w->arena);
    row->seconds = seconds;
}

/* The rows of the windows that are there, each with the rank's facts. */
static lt_status hand_rows(lt_worker *w, double seconds)
{
    lt_status st = LT_OK;
    lt_segment_row row;
    fill_row(w, seconds, &row);
    row.seconds = seconds / (w->n_parts ? w->n_parts : 1);
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
    fill_row(w, seconds, &row);
    if (why != LT_E_STOPPED || !whole_rows(w, seconds) || lt_writer_commit_head(w->writer, w->last_put, HEAD, &row) < 0) lt_writer_abandon(w->writer);
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

static lt_status make_piece(lt_worker *w, int64_t index)
{
    lt_status st = LT_OK;
    const lt_setup *s = w->s;
    const lt_setup_piece *p = &s->pieces[index];
    const lt_setup_video *v = &s->videos[p->video];
    const double start = lt_seconds();
    lt_segment_row row;
    w->in_hand = index;
    w->n_bad = 0;
    w->last_put = -1;
    w->state[index] = LT_SEGMENT_DONE;
    w->n_parts = 0;
    LT_TRY(open_the_video(w, p->video));
    const lt_range piece = s->task->finish ? p->raw : p->range;
    lt_segment_desc desc = { .first = piece.first, .last = piece.last, .width = v->width, .height = v->height, .fields = s->fields,
                             .n_fields = s->n_fields, .tag = index };
    lt_field field;
    if (s->task->finish) {
        desc.raw = true;
        desc.fields = &field;
        desc.n_fields = 1;
        desc.tag = s->n_pieces + index;
        LT_TRY(s->task->raw(&s->env, v->width, v->height, &field, &desc.width, &desc.height));
    }
    LT_TRY(list_needs(w, piece, v->n_frames));
    LT_TRY(lt_writer_begin(w->writer, s->job, v->input->id, &desc));
    const lt_task_io io = { w, pull, fetch, put, put_fill, window, lt_stop_flag(s->stop) };
    LT_TRY(s->task->run(w->open.session, piece, v->n_frames, &io));
    if (w->n_parts) LT_TRY(hand_rows(w, lt_seconds() - start));
    fill_row(w, lt_seconds() - start, &row);
    atomic_store(&w->observed, row.observed_bytes);
    LT_TRY(lt_writer_commit(w->writer, &row));
done:
    w->compute_s = w->compute_s + (lt_seconds() - start);
    if (st < 0) put_down(w, st, lt_seconds() - start);
    let_go(w);
    lt_reader_close(&w->reader);
    return st;
}

/* ---- the second step ---- */

static lt_status open_finishing(lt_worker *w, int64_t v)
{
    lt_status st = LT_OK;
    const lt_setup *s = w->s;
    const lt_setup_video *video = &s->videos[v];
    lt_finishing_opts o = { .steps = s->task->finish, .job = s->job, .id = video->input->id, .config = video->finish, .fields = s->fields,
                            .n_fields = s->n_fields, .writer = w->writer, .pool = w->pool, .isa = s->isa, .log = s->log,
                            .stop = lt_stop_flag(s->stop) };
    if (w->finishing_video == v) return LT_OK;
    lt_finishing_destroy(&w->finishing);
    w->finishing_video = -1;
    fill_row(w, NAN, &o.row);
    LT_TRY(lt_finishing_create(&o, &w->finishing));
    w->finishing_video = v;
done:
    return st;
}

static void linked(void *ctx, const lt_carry *carry, size_t n_bytes)
{
    lt_worker *w = ctx;
    lt_news e = { .kind = LT_EVENT_LINKED, .index = w->in_hand, .carry = *carry };
    if (w->record_place) lt_halo_box_keep(w->box, w->in_hand, n_bytes);
    w->record_place = NULL;
    post(w, &e);
}

/* The record of the piece before: from this process, from the rank that linked it, or none, and the file is read. */
static const void *find_record(lt_worker *w, int64_t piece, int from)
{
    size_t n_bytes = 0;
    const double before = lt_seconds();
    const void *record = lt_halo_box_take(w->box, piece, &n_bytes);
    atomic_int *way = &w->halo_own;
    if (!record && from >= 0 && from != lt_comm_rank(w->s->comm)) {
        record = lt_halo_box_wait(w->box, piece, w->s->settings->peer_timeout, lt_stop_flag(w->s->stop), &n_bytes);
        way = &w->halo_rank;
    }
    if (record && lt_halo_check(record, n_bytes) < 0) {
        lt_log_warn(w->s->log, "%s: it is read from the file instead", lt_error_last()->text);
        lt_halo_box_give(w->box, piece);
        record = NULL;
    }
    atomic_fetch_add(record ? way : &w->halo_file, 1);
    w->wait_halo_s = w->wait_halo_s + (lt_seconds() - before);
    return record;
}

/* What a piece is made from is gone: another shard came to the end of the chain first and made the result. Anything else is a failure, whose
 * record stays. */
static lt_status done_by_others(lt_worker *w, int64_t index)
{
    const lt_error absent = *lt_error_last();
    const lt_setup_piece *p = &w->s->pieces[index];
    lt_segment_state state = LT_SEGMENT_MISSING;
    /* What it is made from is gone: the next run makes that again. */
    if (lt_ledger_scan(w->s->job, w->s->videos[p->video].input->id, &p->range, 1, true, &state, NULL) < 0 || state == LT_SEGMENT_MISSING)
        return lt_raise(LT_E_STORE, __FILE__, __LINE__, __func__, "%s", absent.text);
    lt_news e = { .kind = LT_EVENT_COMMITTED, .index = index, .frames = p->range.last - p->range.first + 1, .state = (int)state };
    post(w, &e);
    return LT_OK;
}

static lt_status finish_piece(lt_worker *w, const lt_task_order *t)
{
    lt_status st = LT_OK;
    const lt_setup *s = w->s;
    const int64_t index = t->order.index;
    const lt_setup_piece *p = &s->pieces[index];
    const double start = lt_seconds();
    const bool first = index == s->videos[p->video].first_piece;
    lt_finish_order o = { .piece = p->range, .before = first ? (lt_range){ 0, -1 } : s->pieces[index - 1].range, .carry = &t->carry,
                          .tag = index, .ctx = w, .linked = linked };
    w->in_hand = index;
    w->state[index] = LT_SEGMENT_DONE;
    LT_TRY(open_finishing(w, p->video));
    if (!first) o.record = find_record(w, index - 1, t->order.from);
    w->record_place = lt_halo_box_place(w->box, index);
    o.keep = w->record_place;
    st = lt_finishing_run(w->finishing, &o, &w->state[index]);
    if (w->record_place) lt_halo_box_keep(w->box, index, 0);
    w->record_place = NULL;
    if (o.record) lt_halo_box_give(w->box, index - 1);
    if (st == LT_E_ABSENT) st = done_by_others(w, index);
    LT_TRY(st);
done:
    w->compute_s = w->compute_s + (lt_seconds() - start);
    return st;
}

/* A picture beside each new result. It can be drawn again at any time, so that it fails is no failure of the job. */
static void draw_sheet(lt_worker *w, int64_t v)
{
    char result[LT_PATH_MAX], png[LT_PATH_MAX], drawn[LT_PICTURE_PATH];
    lt_job_result_path(w->s->job, w->s->videos[v].input->id, result);
    snprintf(png, sizeof png, "%.*s.png", (int)(strlen(result) - strlen(".h5")), result);
    if (access(png, F_OK) == 0) return;
    const lt_picture_opts opts = { .result = result, .sheet = true, .rows = 4, .output = png, .log = w->s->log };
    if (lt_picture_draw(&opts, drawn) < 0) lt_log_warn(w->s->log, "no contact sheet: %s", lt_error_last()->text);
}

/* Other shards may still be at a video's segments; that one of ours is gone is another matter. */
static lt_status check_ours(lt_worker *w, int64_t v)
{
    lt_status st = LT_OK;
    const lt_setup_video *video = &w->s->videos[v];
    lt_segment_state state;
    for (int64_t i = video->first_piece; i < video->first_piece + video->n_pieces; i++) {
        const lt_setup_piece *p = &w->s->pieces[i];
        if (!p->mine) continue;
        LT_TRY(lt_ledger_scan(w->s->job, video->input->id, &p->range, 1, true, &state, NULL));
        /* One that waits for another shard's is there as raw maps. */
        if (state == LT_SEGMENT_MISSING && w->s->task->finish) {
            const lt_range raw = w->s->task->finish->numbers(p->range);
            LT_TRY(lt_ledger_raw(w->s->job, video->input->id, &raw, 1, true, &state, NULL, NULL));
        }
        if (state == LT_SEGMENT_MISSING)
            LT_FAIL(LT_E_STORE, "%s: segment %lld-%lld of %s was committed and is gone: is something removing files there? Run again when it is not",
                    lt_job_dir(w->s->job), (long long)p->range.first, (long long)p->range.last, video->input->id);
    }
done:
    return st;
}

/* What other shards left raw because the chain had not come to them. */
static lt_status finish_rest(lt_worker *w, int64_t v)
{
    lt_status st = LT_OK;
    const lt_setup_video *video = &w->s->videos[v];
    lt_range *pieces = calloc((size_t)video->n_pieces + 1, sizeof *pieces);
    if (!pieces) LT_FAIL(LT_E_MEMORY, "no memory for %lld segments", (long long)video->n_pieces);
    for (int64_t i = 0; i < video->n_pieces; i++) pieces[i] = w->s->pieces[video->first_piece + i].range;
    LT_TRY(open_finishing(w, v));
    LT_TRY(lt_finishing_rest(w->finishing, pieces, video->n_pieces));
done:
    free(pieces);
    /* Its raw files are removed by the merge, which on a network file system takes that nobody has them open. */
    lt_finishing_destroy(&w->finishing);
    w->finishing_video = -1;
    return st;
}

static lt_status merge(lt_worker *w, int64_t v)
{
    lt_status st = LT_OK;
    LT_TRY(lt_writer_flush(w->writer));
    if (w->s->task->finish) {
        char result[LT_PATH_MAX];
        st = finish_rest(w, v);
        /* A chain that has not come yet is no failure; maps that are gone are, unless another shard has merged what they were for. */
        if (st == LT_E_ABSENT && access(lt_job_result_path(w->s->job, w->s->videos[v].input->id, result), F_OK) != 0)
            LT_FAIL(LT_E_STORE, "%s", lt_error_last()->text);
        if (st != LT_E_ABSENT) LT_TRY(st);
    }
    const lt_merge_opts opts = { false, w->s->settings->keep_segments, w->s->n_threads, w->software };
    st = lt_merge(w->s->job, w->s->videos[v].input->id, &opts);
    if (st == LT_E_ABSENT) {
        const lt_error absent = *lt_error_last();
        LT_TRY(check_ours(w, v));
        lt_error_set(&absent);
        return absent.status;
    }
    LT_TRY(st);
    draw_sheet(w, v);
done:
    return st;
}

/* ---- the thread ---- */

/* Whether a failure costs one video only. */
static bool only_the_video(lt_status st)
{
    return st == LT_E_DATA || st == LT_E_ABSENT;
}

static lt_status obey(lt_worker *w, const lt_task_order *t)
{
    lt_status st = LT_OK;
    const lt_order o = t->order;
    const double before = lt_seconds();
    const char *what = o.kind == LT_ORDER_PIECE ? "segment" : o.kind == LT_ORDER_FINISH ? "finish a segment" : "merge";
    char which[64];
    if (o.kind == LT_ORDER_PIECE || o.kind == LT_ORDER_FINISH) {
        atomic_store(&w->video, w->s->pieces[o.index].video);
        atomic_store(&w->piece, o.index);
        st = o.kind == LT_ORDER_PIECE ? make_piece(w, o.index) : finish_piece(w, t);
        if (only_the_video(st)) {
            post_status(w, LT_EVENT_LOST, o.index, st, lt_error_last()->text);
            st = LT_OK;
        }
    } else {
        atomic_store(&w->merging, 1);
        atomic_store(&w->video, o.index);
        st = merge(w, o.index);
        if (st >= 0 || only_the_video(st)) {
            post_status(w, LT_EVENT_MERGED, o.index, st, lt_error_last()->text);
            st = LT_OK;
        }
    }
    snprintf(which, sizeof which, "%s %lld", o.kind == LT_ORDER_PIECE || o.kind == LT_ORDER_FINISH ? "piece" : "video", (long long)o.index);
    lt_timeline_span(w->s->env.timeline, work_track, what, which, before, lt_seconds() - before);
    atomic_store(&w->merging, 0);
    atomic_store(&w->piece, -1);
    atomic_store(&w->video, -1);
    return st;
}

static void *work(void *arg)
{
    lt_worker *w = arg;
    lt_status st = LT_OK;
    if (w->s->compute.device) LT_TRY(lt_device_use(w->s->compute.device));
    for (;;) {
        const lt_task_order o = ask(w);
        if (o.order.kind == LT_ORDER_LEAVE) break;
        LT_TRY(obey(w, &o));
    }
done:
    close_video(w);
    close_session(w);
    if (st < 0) {
        /* What is finished is still committed; the first failure is the one that is told. */
        const lt_error first = *lt_error_last();
        if (lt_writer_flush(w->writer) >= 0 || first.status != LT_E_STOPPED) lt_error_set(&first);
        st = lt_error_last()->status;
    } else {
        st = lt_writer_flush(w->writer);
    }
    post_status(w, LT_EVENT_LEFT, 0, st, lt_error_last()->text);
    return NULL;
}

lt_status lt_worker_create(const lt_setup *s, lt_halo_box *box, lt_worker **out)
{
    lt_status st = LT_OK;
    lt_worker *w = calloc(1, sizeof *w);
    *out = NULL;
    if (!w) LT_FAIL(LT_E_MEMORY, "no memory for a worker");
    w->s = s;
    w->open.video = w->finishing_video = -1;
    w->box = box;
    atomic_store(&w->video, -1);
    atomic_store(&w->piece, -1);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->given, NULL);
    pthread_cond_init(&w->taken, NULL);
    snprintf(w->software, sizeof w->software, "%s\n%s", lt_media_library(), lt_comm_library());
    w->state = calloc((size_t)s->n_pieces + 1, 1);
    if (!w->state) LT_FAIL(LT_E_MEMORY, "no memory for a worker");
    lt_writer_opts writer = lt_setup_writer(s);
    writer.on_commit = committed;
    writer.ctx = w;
    LT_TRY(lt_pool_create(s->n_threads, &w->pool));
    LT_TRY(lt_arena_create_on(s->compute.device, s->arena_bytes, &w->arena));
    LT_TRY(lt_writer_create(&writer, &w->writer));
    if (pthread_create(&w->thread, NULL, work, w))
        LT_FAIL(LT_E_MEMORY, "cannot start a worker thread: raise the limit of processes");
    w->started = true;
    *out = w;
    w = NULL;
done:
    lt_worker_destroy(&w);
    return st;
}

void *lt_worker_staging(const lt_worker *w)
{
    return lt_arena_at(w->arena, w->s->staging_at);
}

void lt_worker_look(const lt_worker *w, lt_worker_state *out)
{
    *out = (lt_worker_state){ atomic_load(&w->frames), atomic_load(&w->video), atomic_load(&w->piece),
                              atomic_load(&w->observed), atomic_load(&w->merging) != 0, w->wait_decode_s, w->compute_s, w->wait_halo_s,
                              atomic_load(&w->halo_own), atomic_load(&w->halo_rank), atomic_load(&w->halo_file) };
}

void lt_worker_destroy(lt_worker **worker)
{
    lt_worker *w = *worker;
    if (!w) return;
    if (w->started) {
        lt_worker_give(w, (lt_task_order){ .order = { .kind = LT_ORDER_LEAVE } });
        pthread_join(w->thread, NULL);
    }
    lt_finishing_destroy(&w->finishing);
    lt_writer_destroy(&w->writer);
    free(w->needs);
    free(w->sources);
    free(w->parts);
    lt_arena_destroy(&w->arena);
    lt_pool_destroy(&w->pool);
    pthread_cond_destroy(&w->given);
    pthread_cond_destroy(&w->taken);
    pthread_mutex_destroy(&w->lock);
    free(w->state);
    free(w);
    *worker = NULL;
}
