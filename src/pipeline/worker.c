#include "worker_private.h"

#include <longtake/file.h>
#include <longtake/halo.h>
#include <longtake/picture.h>
#include <longtake/result.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void lt_worker_post(lt_worker *w, const lt_news *e)
{
    pthread_mutex_lock(&w->lock);
    while (w->n_events == LT_WORKER_EVENTS) pthread_cond_wait(&w->taken, &w->lock);
    w->events[(w->first + w->n_events++) % LT_WORKER_EVENTS] = *e;
    pthread_mutex_unlock(&w->lock);
}

static void post_status(lt_worker *w, lt_news_kind kind, int64_t index, lt_status st, const char *text)
{
    lt_news e = { .kind = kind, .index = index, .status = st };
    snprintf(e.text, sizeof e.text, "%s", st < 0 ? text : "");
    lt_worker_post(w, &e);
}

bool lt_worker_event(lt_worker *w, lt_news *out)
{
    pthread_mutex_lock(&w->lock);
    bool there = w->n_events > 0;
    if (there) {
        *out = w->events[w->first];
        w->first = (w->first + 1) % LT_WORKER_EVENTS;
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
    const double before = lt_seconds();
    post_status(w, LT_EVENT_ASK, 0, LT_OK, "");
    pthread_mutex_lock(&w->lock);
    while (!w->has_order) pthread_cond_wait(&w->given, &w->lock);
    lt_task_order o = w->order;
    w->has_order = false;
    pthread_mutex_unlock(&w->lock);
    lt_worker_spend(w, LT_WAIT_ORDERS, lt_seconds() - before);
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
    if (tag == LT_TAG_HEAD) return;
    if (tag >= w->s->n_pieces) {
        post_status(w, LT_EVENT_RAW, tag - w->s->n_pieces, LT_OK, "");
        return;
    }
    const lt_setup_piece *p = &w->s->pieces[tag];
    lt_news event = { .kind = LT_EVENT_COMMITTED, .index = tag, .frames = p->range.last - p->range.first + 1,
                       .state = w->state[tag] };
    lt_worker_post(w, &event);
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
    lt_worker_fill_row(w, NAN, &o.row);
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
    lt_worker_post(w, &e);
}

static void bad(void *ctx, int64_t t, const char *why)
{
    lt_worker_note_bad(ctx, t, why);
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
    lt_worker_spend(w, LT_WAIT_RECORD, lt_seconds() - before);
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
    lt_worker_post(w, &e);
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
                          .tag = index, .ctx = w, .linked = linked, .bad = bad };
    const double waited = w->stage[LT_WAIT_RECORD];
    double stored = 0;
    w->in_hand = index;
    w->state[index] = LT_SEGMENT_DONE;
    lt_worker_forget_bad(w);
    LT_TRY(open_finishing(w, p->video));
    if (!first) o.record = find_record(w, index - 1, t->order.from);
    w->record_place = lt_halo_box_place(w->box, index);
    o.keep = w->record_place;
    stored = lt_finishing_store_seconds(w->finishing);
    st = lt_finishing_run(w->finishing, &o, &w->state[index]);
    stored = lt_finishing_store_seconds(w->finishing) - stored;
    if (st >= 0) lt_worker_tell_bad(w, index);
    if (w->record_place) lt_halo_box_keep(w->box, index, 0);
    w->record_place = NULL;
    if (o.record) lt_halo_box_give(w->box, index - 1);
    if (st == LT_E_ABSENT) st = done_by_others(w, index);
    LT_TRY(st);
done:
    lt_worker_spend(w, LT_WAIT_STORE, stored);
    lt_worker_spend(w, LT_STAGE_FINISH, lt_seconds() - start - stored - (w->stage[LT_WAIT_RECORD] - waited));
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

/* Waits until all is on the disk. */
static lt_status flush(lt_worker *w)
{
    const double before = lt_seconds();
    const lt_status st = lt_writer_flush(w->writer);
    lt_worker_spend(w, LT_WAIT_STORE, lt_seconds() - before);
    return st;
}

static lt_status merge(lt_worker *w, int64_t v)
{
    lt_status st = LT_OK;
    LT_TRY(flush(w));
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
        st = o.kind == LT_ORDER_PIECE ? lt_worker_make_piece(w, o.index) : finish_piece(w, t);
        if (only_the_video(st)) {
            post_status(w, LT_EVENT_LOST, o.index, st, lt_error_last()->text);
            st = LT_OK;
        }
    } else {
        atomic_store(&w->merging, 1);
        atomic_store(&w->video, o.index);
        const double stored = w->stage[LT_WAIT_STORE];
        st = merge(w, o.index);
        lt_worker_spend(w, LT_STAGE_MERGE, lt_seconds() - before - (w->stage[LT_WAIT_STORE] - stored));
        if (st >= 0 || only_the_video(st)) {
            post_status(w, LT_EVENT_MERGED, o.index, st, lt_error_last()->text);
            st = LT_OK;
        }
    }
    snprintf(which, sizeof which, "%s %lld", o.kind == LT_ORDER_PIECE || o.kind == LT_ORDER_FINISH ? "piece" : "video", (long long)o.index);
    lt_timeline_span(w->s->env.timeline, "worker", what, which, before, lt_seconds() - before);
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
done:;
    const lt_error first = *lt_error_last();
    lt_worker_close_video(w);
    lt_worker_close_session(w);
    if (st < 0) {
        /* What is finished is still committed; the first failure is the one that is told. */
        if (flush(w) >= 0 || first.status != LT_E_STOPPED) lt_error_set(&first);
        st = lt_error_last()->status;
    } else {
        st = flush(w);
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
    atomic_store(&w->driver, -1);
    atomic_store(&w->host_most, -1);
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
    w->writer_bytes = lt_writer_bytes(&writer);
    w->watch_encode = lt_timeline_watch(s->env.timeline, "network", "encode");
    w->watch_window = lt_timeline_watch(s->env.timeline, "network", "window");
    w->watch_device = lt_timeline_watch(s->env.timeline, "network", "wait for maps");
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

int64_t lt_worker_host_planned(const lt_setup *s)
{
    return (int64_t)(s->host_bytes + (s->compute.device ? 0 : s->arena_bytes));
}

int64_t lt_worker_host_most(lt_worker *w, int64_t now)
{
    long long most = atomic_load(&w->host_most);
    while (now > most && !atomic_compare_exchange_weak(&w->host_most, &most, (long long)now)) continue;
    return now > most ? now : (int64_t)most;
}

/* The limit of the host that is nearest: --host-memory-limit and the like for what lies beside the arena, and on a CPU the pool for all. */
static void nearest_limit(const lt_worker *w, lt_rank_memory *m)
{
    const lt_setup *s = w->s;
    const int64_t arena = s->compute.device ? 0 : (int64_t)s->arena_bytes, beside = m->host_used > arena ? m->host_used - arena : 0;
    m->limit = s->budget.host;
    m->under_limit = m->host_used < 0 ? -1 : beside;
    m->binds = (int32_t)s->budget.host_binds;
    if (s->compute.device || (double)m->host_used / (double)s->budget.pool <= (double)beside / (double)s->budget.host) return;
    m->limit = s->budget.pool;
    m->under_limit = m->host_used;
    m->binds = (int32_t)s->budget.pool_binds;
}

static void look_at_memory(lt_worker *w, const lt_rank_state *state, lt_rank_memory *m)
{
    const lt_setup *s = w->s;
    const int64_t held[LT_HOLDERS] = { [LT_HOLDS_AHEAD] = atomic_load(&w->reader_bytes), [LT_HOLDS_WRITING] = (int64_t)w->writer_bytes,
                                       [LT_HOLDS_RECORDS] = w->box ? state->records * (int64_t)lt_halo_box_room(w->box) : 0 };
    *m = (lt_rank_memory){ .device_planned = (int64_t)s->arena_bytes, .device_used = atomic_load(&w->observed), .driver = atomic_load(&w->driver),
                           .host_planned = lt_worker_host_planned(s), .host_used = lt_host_used() };
    m->host_most = lt_worker_host_most(w, m->host_used);
    nearest_limit(w, m);
    for (int i = 1; i < LT_HOLDERS; i++)
        if (held[i] > held[m->most]) m->most = i;
    m->most_bytes = held[m->most];
}

void lt_worker_look(lt_worker *w, lt_rank_state *out)
{
    lt_writer_load load;
    lt_writer_look(w->writer, &load);
    *out = (lt_rank_state){ .frames = atomic_load(&w->frames), .video = atomic_load(&w->video), .piece = atomic_load(&w->piece),
                            .merging = atomic_load(&w->merging), .halo_own = atomic_load(&w->halo_own), .halo_rank = atomic_load(&w->halo_rank),
                            .halo_file = atomic_load(&w->halo_file), .ahead = atomic_load(&w->ahead), .room_ahead = lt_setup_prefetch(w->s),
                            .writing = load.used, .room_writing = load.buffers, .records = w->box ? lt_halo_box_held(w->box) : 0,
                            .store_seconds = load.seconds };
    for (int i = 0; i < LT_STAGES; i++) out->stage[i] = w->stage[i];
    look_at_memory(w, out, &out->memory);
    snprintf(out->host, sizeof out->host, "%s", lt_comm_host(w->s->comm));
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
    free(w->open.plan_text);
    lt_arena_destroy(&w->arena);
    lt_pool_destroy(&w->pool);
    pthread_cond_destroy(&w->given);
    pthread_cond_destroy(&w->taken);
    pthread_mutex_destroy(&w->lock);
    free(w->state);
    free(w);
    *worker = NULL;
}
