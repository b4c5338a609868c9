#include <longtake/run.h>

#include "exchange.h"
#include "finish.h"
#include "summary.h"
#include "worker.h"

#include <longtake/budget.h>
#include <longtake/clock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAP_US = 1000, TELL_MS = 250, STOP_MARGIN_S = 30, LEAVE_S = 9, RECORDS_S = 3 };

/* Messages between a rank and rank 0; n[0] is the index an order or an event speaks of. */
typedef enum {
    SAY_ASK, SAY_RAW, SAY_LINKED, SAY_COMMITTED, SAY_BAD, SAY_LOST, SAY_MERGED, SAY_LEFT, SAY_STATE, SAY_STOP,      /* to rank 0 */
    TELL_ORDER, TELL_OFFER, TELL_STOP,                                                                       /* from rank 0 */
    EXCHANGE                                                                                                /* between any two */
} message_kind;

typedef struct {
    lt_setup        s;
    lt_log         *log;
    lt_stop        *stop;
    lt_comm        *comm;
    lt_worker      *worker;
    lt_halo_box    *box;                 /* NULL: the task has one step */
    lt_carrier     *carrier;             /* with the box */
    lt_exchange    *exchange;
    bool            worker_left, told_stop;
    bool            carrier_told;        /* that it broke */
    bool            alone;               /* the other ranks cannot be reached */
    int             code;                /* of this rank, so far */
    double          last_told;

    /* rank 0 only */
    lt_coordinator *coordinator;
    int64_t        *piece_of;            /* the coordinator's pieces -> s.pieces */
    int64_t        *place_of;            /* and back */
    lt_carry       *carry;               /* [s.n_pieces] what is known of each in this run */
    double         *raw_at;              /* [s.n_pieces] when its raw maps were there; 0: not in this run */
    lt_summary     *summary;
    int             ranks_left;
} run;

static void worsen(run *r, int code)
{
    r->code = lt_exit_worse(r->code, code);
}

/* ---- rank 0 ---- */

/* What piece i follows in its video. */
static lt_after after(const lt_setup *s, int64_t i)
{
    if (i == s->videos[s->pieces[i].video].first_piece) return LT_AFTER_NOTHING;
    if (s->pieces[i - 1].mine) return LT_AFTER_PIECE;
    return s->pieces[i - 1].state != LT_SEGMENT_MISSING ? LT_AFTER_DONE : LT_AFTER_OTHERS;
}

static lt_status start_coordinator(run *r)
{
    lt_status st = LT_OK;
    const lt_setup *s = &r->s;
    int64_t n = 0;
    lt_piece_info *pieces = calloc((size_t)s->n_pieces + 1, sizeof *pieces);
    uint8_t *merge = calloc((size_t)s->inputs.n + 1, 1);
    r->piece_of = calloc((size_t)s->n_pieces + 1, sizeof *r->piece_of);
    r->place_of = calloc((size_t)s->n_pieces + 1, sizeof *r->place_of);
    r->carry = calloc((size_t)s->n_pieces + 1, sizeof *r->carry);
    r->raw_at = calloc((size_t)s->n_pieces + 1, sizeof *r->raw_at);
    if (!pieces || !merge || !r->piece_of || !r->place_of || !r->carry || !r->raw_at) LT_FAIL(LT_E_MEMORY, "no memory to hand out work");
    for (int64_t i = 0; i < s->n_pieces; i++) {
        const lt_setup_piece *p = &s->pieces[i];
        if (!p->mine) continue;
        pieces[n] = (lt_piece_info){ p->video, p->range.last - p->range.first + 1, p->state != LT_SEGMENT_MISSING, p->raw_done, after(s, i) };
        r->place_of[i] = n;
        r->piece_of[n++] = i;
        merge[p->video] = 1;
    }
    /* Whether there is a chain is the same for all videos. */
    const lt_steps steps = { s->task->finish != NULL, s->task->finish && n > 0 && s->task->finish->chained(&s->videos[pieces[0].video].finish) };
    LT_TRY(lt_coordinator_create(pieces, n, merge, (int)s->inputs.n, lt_comm_size(r->comm), steps, &r->coordinator));
    LT_TRY(lt_summary_create(s, &r->summary));
done:
    free(pieces);
    free(merge);
    return st;
}

static void put_carry(lt_message *m, const lt_carry *c)
{
    m->n[4] = c->anchor;
    m->n[5] = c->good | c->firm << 1;
    m->n[6] = c->known;
    m->x[0] = c->scale;
    m->x[1] = c->shift;
    m->x[2] = c->anchor_scale;
    m->x[3] = c->anchor_shift;
}

static lt_carry get_carry(const lt_message *m)
{
    return (lt_carry){ m->x[0], m->x[1], m->x[2], m->x[3], m->n[4],
                        (int32_t)m->n[5] >> 1 & 1, (int32_t)m->n[5] & 1, (int32_t)m->n[6] };
}

static lt_status send_order(run *r, int rank, lt_order o)
{
    lt_status st = LT_OK;
    lt_message m = { .kind = TELL_ORDER }, offer = { .kind = TELL_OFFER };
    if (o.kind == LT_ORDER_WAIT) return LT_OK;
    m.n[0] = o.kind == LT_ORDER_PIECE || o.kind == LT_ORDER_FINISH ? r->piece_of[o.index] : o.index;
    m.n[1] = o.kind;
    m.n[2] = o.from;
    if (o.kind == LT_ORDER_FINISH) {
        const int64_t i = m.n[0];
        if (i > 0) put_carry(&m, &r->carry[i - 1]);
        if (r->raw_at[i] > 0) lt_summary_waited(r->summary, lt_seconds() - r->raw_at[i]);
        /* The rank that linked the piece before sends what this one needs of it. */
        offer.n[0] = i - 1;
        offer.n[1] = rank;
        if (o.from >= 0 && o.from != rank) LT_TRY(lt_comm_send(r->comm, o.from, &offer));
    }
    LT_TRY(lt_comm_send(r->comm, rank, &m));
done:
    return st;
}

static lt_status wake_all(run *r)
{
    lt_status st = LT_OK;
    lt_order o;
    for (int rank; (rank = lt_coordinator_wake(r->coordinator, &o)) >= 0;) LT_TRY(send_order(r, rank, o));
done:
    return st;
}

static lt_status tell_stop(run *r, const char *why)
{
    lt_status st = LT_OK;
    lt_message m = { .kind = TELL_STOP };
    if (r->told_stop) return LT_OK;
    r->told_stop = true;
    snprintf(m.text, sizeof m.text, "%s", why);
    lt_coordinator_stop(r->coordinator);
    for (int k = 0; k < lt_comm_size(r->comm); k++) LT_TRY(lt_comm_send(r->comm, k, &m));
    LT_TRY(wake_all(r));
done:
    return st;
}

static lt_status rank_left(run *r, const lt_message *m)
{
    lt_status st = LT_OK, why = (lt_status)m->n[1];
    char text[256];
    r->ranks_left++;
    if (why < 0 && why != LT_E_STOPPED) {
        snprintf(text, sizeof text, "rank %d failed", m->from);
        LT_TRY(tell_stop(r, text));
    }
done:
    return st;
}

static lt_status listen(run *r, const lt_message *m)
{
    lt_status st = LT_OK;
    switch ((message_kind)m->kind) {
    case SAY_ASK:
        LT_TRY(send_order(r, m->from, lt_coordinator_ask(r->coordinator, m->from)));
        break;
    case SAY_RAW:
        r->raw_at[m->n[0]] = lt_seconds();
        lt_summary_raw(r->summary);
        lt_coordinator_raw(r->coordinator, r->place_of[m->n[0]], m->from);
        LT_TRY(wake_all(r));
        break;
    case SAY_LINKED:
        r->carry[m->n[0]] = get_carry(m);
        lt_coordinator_linked(r->coordinator, r->place_of[m->n[0]], m->from);
        LT_TRY(wake_all(r));
        break;
    case SAY_COMMITTED:
        lt_summary_committed(r->summary, m->from, m->n[0], (int)m->n[2]);
        lt_coordinator_finished(r->coordinator, r->place_of[m->n[0]], 1);
        LT_TRY(wake_all(r));
        break;
    case SAY_BAD:
        lt_summary_bad(r->summary, m->n[0], (lt_range){ m->n[4], m->n[5] }, m->n[3], m->text);
        break;
    case SAY_LOST:
        lt_summary_lost(r->summary, m->n[0], m->text);
        lt_coordinator_finished(r->coordinator, r->place_of[m->n[0]], 0);
        LT_TRY(wake_all(r));
        break;
    case SAY_MERGED:
        lt_summary_merged(r->summary, m->n[0], (lt_status)m->n[1], m->text);
        lt_coordinator_merged(r->coordinator, (int)m->n[0]);
        LT_TRY(wake_all(r));
        break;
    case SAY_LEFT:
        LT_TRY(rank_left(r, m));
        break;
    case SAY_STATE:
        lt_summary_state(r->summary, m);
        break;
    case SAY_STOP:
        LT_TRY(tell_stop(r, m->text));
        break;
    case TELL_ORDER:
    case TELL_OFFER:
    case TELL_STOP:
    case EXCHANGE:
        break;
    }
done:
    return st;
}

/* ---- every rank ---- */

static lt_status hear(run *r, const lt_message *m)
{
    const lt_task_order o = { { (lt_order_kind)m->n[1], m->n[0], (int)m->n[2] }, get_carry(m) };
    if (m->kind == TELL_ORDER) lt_worker_give(r->worker, o);
    else if (m->kind == TELL_OFFER) return lt_exchange_offer(r->exchange, m->n[0], (int)m->n[1]);
    else if (m->kind == EXCHANGE) return lt_exchange_hear(r->exchange, m);
    else if (m->kind == TELL_STOP) lt_stop_raise(r->stop, m->text);
    else return listen(r, m);
    return LT_OK;
}

static lt_status tell_state(run *r, bool now_please)
{
    lt_status st = LT_OK;
    lt_rank_state state;
    lt_message m = { .kind = SAY_STATE };
    double t = lt_seconds();
    if (!now_please && t - r->last_told < 1e-3 * TELL_MS) return LT_OK;
    r->last_told = t;
    lt_worker_look(r->worker, &state);
    lt_state_put(&state, &m);
    LT_TRY(lt_comm_send(r->comm, 0, &m));
    if (r->summary) lt_summary_draw(r->summary, t);
done:
    return st;
}

/* What the worker did becomes a message; a failure of its own is logged here, by the rank that knows most. */
static lt_status pass_on(run *r, const lt_news *e)
{
    static const message_kind kinds[] = { [LT_EVENT_ASK] = SAY_ASK, [LT_EVENT_RAW] = SAY_RAW, [LT_EVENT_LINKED] = SAY_LINKED, [LT_EVENT_COMMITTED] = SAY_COMMITTED,
                                          [LT_EVENT_BAD] = SAY_BAD, [LT_EVENT_LOST] = SAY_LOST, [LT_EVENT_MERGED] = SAY_MERGED,
                                          [LT_EVENT_LEFT] = SAY_LEFT };
    if (e->kind == LT_EVENT_BROKEN) {
        lt_stop_raise(r->stop, "a segment cannot be written");
        return LT_OK;
    }
    lt_message m = { .kind = kinds[e->kind], .n = { e->index, e->status, e->state, e->frames } };
    if (e->kind == LT_EVENT_LINKED) put_carry(&m, &e->carry);
    if (e->kind == LT_EVENT_BAD) m.n[4] = e->range.first, m.n[5] = e->range.last;
    snprintf(m.text, sizeof m.text, "%s", e->text);
    /* The last word on how much was made comes before the farewell. */
    if (e->kind == LT_EVENT_LEFT && tell_state(r, true) < 0) return lt_error_last()->status;
    if (e->kind == LT_EVENT_LEFT) {
        r->worker_left = true;
        if (e->status < 0) worsen(r, lt_exit_code(e->status));
        if (e->status < 0 && e->status != LT_E_STOPPED) lt_log_error(r->log, "%s", e->text);
    }
    if ((e->kind == LT_EVENT_COMMITTED && e->state == LT_SEGMENT_FAILED) || e->kind == LT_EVENT_LOST ||
        (e->kind == LT_EVENT_MERGED && e->status < 0 && e->status != LT_E_ABSENT))
        worsen(r, 65);
    if (e->kind == LT_EVENT_LOST || (e->kind == LT_EVENT_MERGED && e->status < 0 && e->status != LT_E_ABSENT))
        lt_log_error(r->log, "%s", e->text);
    return lt_comm_send(r->comm, 0, &m);
}

static bool finished(const run *r)
{
    return r->worker_left && !(r->exchange && lt_exchange_busy(r->exchange)) && (!r->coordinator || r->ranks_left == lt_comm_size(r->comm));
}

/* Without the carrier the ranks still reach each other, so the job ends in good order: what is finished is committed, and all leave together. */
static lt_status bear(run *r, lt_status st)
{
    if (st >= 0 || !r->carrier || !lt_carrier_broken(r->carrier)) return st;
    if (!r->carrier_told) {
        char why[256];
        snprintf(why, sizeof why, "%s", lt_error_last()->text);
        worsen(r, lt_exit_code(st));
        lt_log_error(r->log, "%s", why);
        lt_stop_raise(r->stop, "halo records do not travel any more");
    }
    r->carrier_told = true;
    lt_exchange_abandon(r->exchange);
    return LT_OK;
}

static lt_status loop(run *r)
{
    lt_status st = LT_OK;
    bool said_stop = false;
    double stopped_at = 0;
    while (!finished(r)) {
        lt_news e;
        lt_message m;
        bool idle = true;
        while (lt_worker_event(r->worker, &e)) {
            idle = false;
            LT_TRY(pass_on(r, &e));
        }
        while ((st = lt_comm_receive(r->comm, &m)) == LT_OK) {
            idle = false;
            LT_TRY(bear(r, hear(r, &m)));
        }
        LT_TRY(st);
        if (r->exchange) LT_TRY(bear(r, lt_exchange_poll(r->exchange)));
        if (said_stop && r->exchange) {
            lt_exchange_stop(r->exchange);
            if (lt_seconds() - stopped_at > RECORDS_S) lt_exchange_abandon(r->exchange);
        }
        if (!said_stop && atomic_load(lt_stop_flag(r->stop))) {
            lt_message stop = { .kind = SAY_STOP };
            snprintf(stop.text, sizeof stop.text, "%s", lt_stop_reason(r->stop));
            LT_TRY(lt_comm_send(r->comm, 0, &stop));
            said_stop = true;
            stopped_at = lt_seconds();
        }
        /* Who stops us does not wait much longer: what is in the middle of a merge, say, is left as a kill would leave it. */
        if (said_stop && lt_seconds() - stopped_at > LEAVE_S)
            LT_FAIL(LT_E_TIMEOUT, "not all work could be put down within %d s: leaving it; run the same command again", LEAVE_S);
        LT_TRY(tell_state(r, false));
        if (idle) usleep(NAP_US);
    }
    st = LT_OK;
    /* A worker that had just asked leaves without having abandoned anything; the job is stopped all the same. */
    if (r->coordinator && lt_coordinator_unfinished(r->coordinator)) worsen(r, 75);
done:
    return st;
}

/* Bad inputs cost themselves; the rest of the job goes on. */
static void report_bad_inputs(run *r)
{
    for (int64_t v = 0; v < r->s.inputs.n; v++) {
        const lt_setup_video *video = &r->s.videos[v];
        if (!video->why[0] || !video->mine) continue;
        if (lt_comm_rank(r->comm) == 0) lt_log_write(r->log, video->status < 0 ? LT_LOG_ERROR : LT_LOG_WARN, "%s", video->why);
        worsen(r, video->status < 0 ? lt_exit_code(video->status) : 65);
    }
    for (int64_t i = 0; i < r->s.n_pieces; i++)
        if (r->s.pieces[i].mine && r->s.pieces[i].state == LT_SEGMENT_FAILED) worsen(r, 65);
}

/* [collective] How halo records travel. The worker has made the arena in which they are staged. */
static lt_status open_carrier(run *r)
{
    lt_status st = LT_OK;
    lt_device *device = r->s.compute.device;
    const lt_carrier_opts opts = { .device = device, .mixed = (r->s.settings->allow & LT_ALLOW_MIXED_DEVICES) != 0, .room = r->s.record_bytes,
                                   .staging = device && lt_comm_size(r->comm) > 1 ? lt_worker_staging(r->worker) : NULL,
                                   .timeout_s = (int)r->s.settings->peer_timeout };
    LT_TRY(lt_carrier_open(r->comm, &opts, &r->carrier));
    LT_TRY(lt_exchange_create(r->comm, r->carrier, r->box, EXCHANGE, &r->exchange));
    if (!r->summary) return LT_OK;
    lt_summary_carrier(r->summary, lt_carrier_reason(r->carrier));
    if (lt_comm_size(r->comm) > 1)
        lt_log_write(r->log, lt_carrier_fell_back(r->carrier) ? LT_LOG_WARN : LT_LOG_INFO, "halo records travel over %s", lt_carrier_reason(r->carrier));
done:
    return st;
}

/* Sums up where the time goes. --trace: of several ranks each writes a file of its own. */
static lt_status open_timeline(run *r)
{
    lt_status st = LT_OK;
    const char *path = r->s.settings->trace;
    const int rank = lt_comm_rank(r->comm);
    char own[4096];
    if (path) snprintf(own, sizeof own, "%s", path);
    if (path && lt_comm_size(r->comm) > 1) snprintf(own, sizeof own, "%.4000s.%d", path, rank);
    LT_TRY(lt_timeline_open(path ? own : NULL, rank, &r->s.env.timeline));
done:
    return st;
}

static lt_status work(run *r)
{
    lt_status st = LT_OK;
    report_bad_inputs(r);
    if (lt_comm_rank(r->comm) == 0) LT_TRY(start_coordinator(r));
    if (r->s.record_bytes) LT_TRY(lt_halo_box_create(r->s.record_bytes, &r->box));
    LT_TRY(open_timeline(r));
    LT_TRY(lt_worker_create(&r->s, r->box, &r->worker));
done:
    LT_ALSO(lt_agree_status(r->comm, st));
    if (st >= 0 && r->box) st = lt_agree_status(r->comm, open_carrier(r));
    if (st < 0) return st;
    st = loop(r);
    r->alone = st < 0;
    return st;
}

static lt_status start(run *r, const lt_settings *settings)
{
    lt_status st = LT_OK;
    int64_t end_time = 0;
    char stop_file[4096] = "";
    if (settings->stop_file) snprintf(stop_file, sizeof stop_file, "%s", settings->stop_file);
    else if (settings->out) snprintf(stop_file, sizeof stop_file, "%s/stop", settings->out);
    LT_TRY(lt_stop_end_time(getenv, &end_time));
    const lt_stop_opts stop = { stop_file[0] ? stop_file : NULL, end_time, STOP_MARGIN_S };
    LT_TRY(lt_stop_create(&stop, &r->stop));
    LT_TRY(lt_comm_open((int)settings->peer_timeout, &r->comm));
    lt_log_set_rank(r->log, lt_comm_rank(r->comm), lt_comm_size(r->comm), lt_comm_host(r->comm));
done:
    return st;
}

/* Gives the carrier back, before the memory that it uses. False where it does not let go: then nothing of the device is touched any more. */
static bool close_carrier(run *r)
{
    lt_status st = lt_carrier_close(&r->carrier, true);
    if (st >= 0) return true;
    lt_log_warn(r->log, "%s", lt_error_last()->text);
    worsen(r, lt_exit_code(st));
    return false;
}

/* Reports, agrees, and releases everything; false where the process must leave at once instead. */
static bool finish(run *r)
{
    int agreed = r->code;
    bool together = true;
    const bool free_again = close_carrier(r);
    if (free_again) lt_worker_destroy(&r->worker);
    if (free_again && lt_timeline_close(&r->s.env.timeline) < 0) lt_log_warn(r->log, "%s", lt_error_last()->text);
    if (r->summary) {
        lt_job_sweep(r->s.job);
        worsen(r, lt_exit_code(lt_summary_write(r->summary, r->code)));
    }
    if (r->comm) {
        together = lt_agree(r->comm, r->code, &agreed) >= 0;
        r->code = agreed;
        if (r->summary) lt_summary_say(r->summary, r->code, lt_stop_reason(r->stop));
        /* The farewell of MPI would wait for one that leaves without it. */
        together = together && lt_agree_status(r->comm, free_again ? LT_OK : LT_E_TIMEOUT) >= 0;
    }
    if (!free_again) return false;
    lt_summary_destroy(&r->summary);
    lt_coordinator_destroy(&r->coordinator);
    lt_exchange_destroy(&r->exchange);
    lt_halo_box_destroy(&r->box);
    free(r->carry);
    free(r->raw_at);
    free(r->piece_of);
    free(r->place_of);
    lt_setup_free(&r->s);
    lt_comm_close(&r->comm, together);
    lt_stop_destroy(&r->stop);
    return true;
}

int lt_run(const lt_settings *settings, lt_log *log, bool *at_once)
{
    lt_status st = LT_OK;
    int code = 70;
    run *r = calloc(1, sizeof *r);
    *at_once = false;
    if (!r) LT_FAIL(LT_E_MEMORY, "no memory for a job");
    r->log = log;
    LT_TRY(start(r, settings));
    LT_TRY(lt_setup_make(settings, log, r->comm, r->stop, &r->s));
    LT_TRY(work(r));
done:
    if (!r) return lt_exit_code(st);
    if (st < 0) {
        worsen(r, lt_exit_code(st));
        /* All ranks have the same sentence by now, unless this one is alone with it. */
        if (!r->comm || r->alone || lt_comm_rank(r->comm) == 0) lt_log_failure(log, lt_error_last(), 0);
    }
    code = r->code;
    *at_once = r->alone;
    /* Alone, the worker may be in the middle of anything: the process ends under it, as a kill would end it. */
    if (r->alone) return code;
    *at_once = !finish(r);
    code = r->code;
    if (!*at_once) free(r);
    return code;
}
