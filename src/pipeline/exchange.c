#include "exchange.h"

#include <longtake/clock.h>

#include <stdlib.h>

/* OFFER sender to receiver, YES and NO back. By turns: ASK sender to rank 0, TURN back, GO sender to receiver, ENDED both to rank 0. */
typedef enum { SAY_OFFER, SAY_YES, SAY_NO, SAY_ASK, SAY_TURN, SAY_GO, SAY_ENDED } word;

enum { TAGS = 30000 };

typedef struct transfer {
    int64_t          piece;
    int              peer;
    bool             out, answered;
    size_t           n_bytes;
    const void      *record;             /* of one that goes out: in hand */
    void            *place;              /* of one that comes */
    int64_t          turn;
    lt_parcel       *parcel;
    struct transfer *next;
} transfer;

/* Who asked for a turn. */
typedef struct asking {
    int            from, to;
    int64_t        piece;
    struct asking *next;
} asking;

struct lt_exchange {
    lt_comm     *comm;
    lt_carrier  *carrier;
    lt_halo_box *box;
    int          kind;
    bool         over;                   /* given up */
    int64_t      last_turn;              /* that this rank took part in */
    transfer    *transfers;

    /* rank 0 only */
    asking      *queue, **queue_end;
    int64_t      turn;                   /* the one that is out, or was last */
    int          ends;                   /* of it that have not been reported */
    int          holder;                 /* its sender */
    double       turn_began;
};

lt_status lt_exchange_create(lt_comm *comm, lt_carrier *carrier, lt_halo_box *box, int kind, lt_exchange **out)
{
    lt_status st = LT_OK;
    lt_exchange *x = calloc(1, sizeof *x);
    *out = x;
    if (!x) LT_FAIL(LT_E_MEMORY, "no memory for halo records on their way");
    *x = (lt_exchange){ .comm = comm, .carrier = carrier, .box = box, .kind = kind };
    x->queue_end = &x->queue;
done:
    return st;
}

typedef struct {
    word    w;
    int64_t piece, n_bytes, turn;
    int     peer, ends;                  /* ENDED: how many sides of the turn */
} words;

static lt_status say(lt_exchange *x, int to, words w)
{
    const lt_message m = { .kind = x->kind, .n = { w.piece, w.n_bytes, w.turn, w.peer, w.ends, 0, 0, w.w } };
    return lt_comm_send(x->comm, to, &m);
}

static words get_words(const lt_message *m)
{
    return (words){ (word)m->n[7], m->n[0], m->n[1], m->n[2], (int)m->n[3], (int)m->n[4] };
}

static lt_status add(lt_exchange *x, transfer t, transfer **out)
{
    lt_status st = LT_OK;
    transfer *made = malloc(sizeof *made);
    *out = made;
    if (!made) LT_FAIL(LT_E_MEMORY, "no memory for a halo record on its way");
    *made = t;
    made->next = x->transfers;
    x->transfers = made;
done:
    return st;
}

/* Rank 0: nobody is given a turn any more. */
static void forget_turns(lt_exchange *x)
{
    while (x->queue) {
        asking *a = x->queue;
        x->queue = a->next;
        free(a);
    }
    x->queue_end = &x->queue;
    x->ends = 0;
}

static void drop(lt_exchange *x, transfer *t)
{
    for (transfer **p = &x->transfers; *p; p = &(*p)->next)
        if (*p == t) {
            *p = t->next;
            break;
        }
    if (t->out) lt_halo_box_give(x->box, t->piece);
    free(t);
}

lt_status lt_exchange_offer(lt_exchange *x, int64_t piece, int to)
{
    lt_status st = LT_OK;
    transfer t = { .piece = piece, .peer = to, .out = true }, *made;
    t.record = lt_halo_box_take(x->box, piece, &t.n_bytes);
    if (t.record && (st = add(x, t, &made)) < 0) lt_halo_box_give(x->box, piece);
    LT_TRY(st);
    LT_TRY(say(x, to, (words){ .w = SAY_OFFER, .piece = piece, .n_bytes = (int64_t)t.n_bytes }));
done:
    return st;
}

/* A record is offered: room is made for it, or the worker reads the file. */
static lt_status offered(lt_exchange *x, int from, const words *w)
{
    lt_status st = LT_OK;
    const size_t n_bytes = (size_t)w->n_bytes;
    const bool wanted = n_bytes > 0 && n_bytes <= lt_halo_box_room(x->box) && !x->over && !lt_carrier_broken(x->carrier);
    transfer t = { .piece = w->piece, .peer = from, .n_bytes = n_bytes, .place = wanted ? lt_halo_box_place(x->box, w->piece) : NULL }, *made = NULL;
    if (!t.place) {
        lt_halo_box_refuse(x->box, w->piece);
        if (n_bytes > 0) LT_TRY(say(x, from, (words){ .w = SAY_NO, .piece = w->piece }));
        return LT_OK;
    }
    LT_TRY(add(x, t, &made));
    if (!lt_carrier_takes_turns(x->carrier)) LT_TRY(lt_carrier_receive(x->carrier, from, (int)(w->piece % TAGS), t.place, n_bytes, &made->parcel));
    LT_TRY(say(x, from, (words){ .w = SAY_YES, .piece = w->piece }));
done:
    return st;
}

/* The transfer of a piece with a peer that has not begun. */
static transfer *find(lt_exchange *x, int64_t piece, int peer, bool out, bool answered)
{
    for (transfer *t = x->transfers; t; t = t->next)
        if (t->piece == piece && t->peer == peer && t->out == out && t->answered == answered && !t->parcel) return t;
    return NULL;
}

static lt_status answered(lt_exchange *x, int from, const words *w)
{
    lt_status st = LT_OK;
    transfer *t = find(x, w->piece, from, true, false);
    if (!t) return LT_OK;                /* taken back: the other side leaves as well */
    t->answered = true;
    if (w->w == SAY_NO) drop(x, t);
    else if (lt_carrier_takes_turns(x->carrier)) LT_TRY(say(x, 0, (words){ .w = SAY_ASK, .piece = t->piece, .peer = t->peer }));
    else LT_TRY(lt_carrier_send(x->carrier, t->peer, (int)(t->piece % TAGS), t->record, t->n_bytes, &t->parcel));
done:
    return st;
}

/* ---- turns ---- */

/* Rank 0: the next turn, where none is out. */
static lt_status give_turn(lt_exchange *x)
{
    lt_status st = LT_OK;
    asking *a = x->queue;
    if (!a || x->ends > 0) return LT_OK;
    x->queue = a->next;
    if (!x->queue) x->queue_end = &x->queue;
    x->ends = 2;
    x->holder = a->from;
    x->turn_began = lt_seconds();
    LT_TRY(say(x, a->from, (words){ .w = SAY_TURN, .piece = a->piece, .peer = a->to, .turn = ++x->turn }));
done:
    free(a);
    return st;
}

static lt_status asked(lt_exchange *x, int from, const words *w)
{
    lt_status st = LT_OK;
    if (x->over) return LT_OK;
    asking *a = malloc(sizeof *a);
    if (!a) LT_FAIL(LT_E_MEMORY, "no memory for a halo record on its way");
    *a = (asking){ from, w->peer, w->piece, NULL };
    *x->queue_end = a;
    x->queue_end = &a->next;
    LT_TRY(give_turn(x));
done:
    return st;
}

static lt_status ended(lt_exchange *x, const words *w)
{
    if (x->over || w->turn != x->turn) return LT_OK;
    x->ends -= w->ends;
    return give_turn(x);
}

/* It is the sender's turn, or the receiver hears that it is. */
static lt_status take_turn(lt_exchange *x, const words *w, int peer, bool out)
{
    lt_status st = LT_OK;
    transfer *t = find(x, w->piece, peer, out, out);
    if (x->over || lt_carrier_broken(x->carrier)) return LT_OK;
    if (!t && out) return say(x, 0, (words){ .w = SAY_ENDED, .turn = w->turn, .ends = 2 });
    if (!t || w->turn <= x->last_turn) LT_FAIL(LT_E_INTERNAL, "turn %lld, for the record of segment %lld, came out of order", (long long)w->turn, (long long)w->piece);
    t->turn = x->last_turn = w->turn;
    if (out) LT_TRY(say(x, peer, (words){ .w = SAY_GO, .piece = t->piece, .turn = t->turn }));
    if (out) LT_TRY(lt_carrier_send(x->carrier, peer, (int)(t->piece % TAGS), t->record, t->n_bytes, &t->parcel));
    else LT_TRY(lt_carrier_receive(x->carrier, peer, (int)(t->piece % TAGS), t->place, t->n_bytes, &t->parcel));
done:
    return st;
}

lt_status lt_exchange_hear(lt_exchange *x, const lt_message *m)
{
    const words w = get_words(m);
    switch (w.w) {
    case SAY_OFFER: return offered(x, m->from, &w);
    case SAY_YES:
    case SAY_NO:    return answered(x, m->from, &w);
    case SAY_ASK:   return asked(x, m->from, &w);
    case SAY_TURN:  return take_turn(x, &w, w.peer, true);
    case SAY_GO:    return take_turn(x, &w, m->from, false);
    case SAY_ENDED: return ended(x, &w);
    }
    return LT_OK;
}

lt_status lt_exchange_poll(lt_exchange *x)
{
    lt_status st = LT_OK;
    bool travels = false;
    for (transfer *t = x->transfers, *next; t; t = next) {
        next = t->next;
        if (!t->parcel) continue;
        travels = true;
        LT_TRY(lt_carrier_look(x->carrier, &t->parcel));
        if (t->parcel) continue;
        if (!t->out) lt_halo_box_keep(x->box, t->piece, t->n_bytes);
        const int64_t turn = t->turn;
        drop(x, t);
        if (lt_carrier_takes_turns(x->carrier)) LT_TRY(say(x, 0, (words){ .w = SAY_ENDED, .turn = turn, .ends = 1 }));
    }
    if (!travels) LT_TRY(lt_carrier_poll(x->carrier));
    /* Each side has its own deadline once it has posted; a rank that died before, or between its end and the word of it, is found here. */
    if (x->ends > 0 && lt_seconds() - x->turn_began > 2 * lt_carrier_timeout(x->carrier)) {
        lt_carrier_break(x->carrier);
        LT_FAIL(LT_E_TIMEOUT, "rank %d or the one that it sends a halo record to did not answer within %d s: run the same command again", x->holder,
                2 * lt_carrier_timeout(x->carrier));
    }
done:
    return st;
}

bool lt_exchange_busy(const lt_exchange *x)
{
    return x->transfers != NULL || x->queue != NULL || x->ends > 0;
}

void lt_exchange_stop(lt_exchange *x)
{
    for (transfer *t = x->transfers, *next; t; t = next) {
        next = t->next;
        if (t->out && !t->answered) drop(x, t);
    }
}

void lt_exchange_abandon(lt_exchange *x)
{
    for (transfer *t = x->transfers, *next; t; t = next) {
        next = t->next;
        lt_carrier_abandon(x->carrier, &t->parcel);
        if (!t->out) lt_halo_box_keep(x->box, t->piece, 0);
        drop(x, t);
    }
    x->over = true;
    forget_turns(x);
}

void lt_exchange_destroy(lt_exchange **exchange)
{
    lt_exchange *x = *exchange;
    if (!x) return;
    while (x->transfers) drop(x, x->transfers);
    forget_turns(x);
    free(x);
    *exchange = NULL;
}
