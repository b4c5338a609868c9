#include "exchange.h"

#include <stdlib.h>

typedef enum { SAY_OFFER, SAY_YES, SAY_NO } word;

enum { TAGS = 30000 };

typedef struct transfer {
    int64_t          piece;
    int              peer;
    bool             out, answered;
    size_t           n_bytes;
    const void      *record;             /* of one that goes out: in hand */
    lt_bulk         *bulk;
    struct transfer *next;
} transfer;

struct lt_exchange {
    lt_comm     *comm;
    lt_halo_box *box;
    int          kind;
    transfer    *transfers;
};

lt_status lt_exchange_create(lt_comm *comm, lt_halo_box *box, int kind, lt_exchange **out)
{
    lt_status st = LT_OK;
    lt_exchange *x = calloc(1, sizeof *x);
    *out = x;
    if (!x) LT_FAIL(LT_E_MEMORY, "no memory for halo records on their way");
    *x = (lt_exchange){ comm, box, kind, NULL };
done:
    return st;
}

static lt_status say(lt_exchange *x, int to, word w, int64_t piece, size_t n_bytes)
{
    lt_message m = { .kind = x->kind };
    m.n[0] = piece;
    m.n[1] = (int64_t)n_bytes;
    m.n[7] = w;
    return lt_comm_send(x->comm, to, &m);
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
    LT_TRY(say(x, to, SAY_OFFER, piece, t.n_bytes));
done:
    return st;
}

/* A record is offered: room is made for it, or the worker reads the file. */
static lt_status offered(lt_exchange *x, const lt_message *m)
{
    lt_status st = LT_OK;
    const size_t n_bytes = (size_t)m->n[1];
    void *place = n_bytes > 0 && n_bytes <= lt_halo_box_room(x->box) ? lt_halo_box_place(x->box, m->n[0]) : NULL;
    transfer t = { .piece = m->n[0], .peer = m->from, .n_bytes = n_bytes }, *made = NULL;
    if (!place) {
        lt_halo_box_refuse(x->box, m->n[0]);
        if (n_bytes > 0) LT_TRY(say(x, m->from, SAY_NO, m->n[0], 0));
        return LT_OK;
    }
    LT_TRY(add(x, t, &made));
    LT_TRY(lt_bulk_receive(x->comm, m->from, (int)(m->n[0] % TAGS), place, n_bytes, &made->bulk));
    LT_TRY(say(x, m->from, SAY_YES, m->n[0], 0));
done:
    return st;
}

lt_status lt_exchange_hear(lt_exchange *x, const lt_message *m)
{
    lt_status st = LT_OK;
    if (m->n[7] == SAY_OFFER) return offered(x, m);
    transfer *t = x->transfers;
    while (t && !(t->out && !t->answered && t->piece == m->n[0] && t->peer == m->from)) t = t->next;
    if (!t) return LT_OK;                /* taken back: the other side leaves as well */
    t->answered = true;
    if (m->n[7] == SAY_NO) drop(x, t);
    else LT_TRY(lt_bulk_send(x->comm, t->peer, (int)(t->piece % TAGS), t->record, t->n_bytes, &t->bulk));
done:
    return st;
}

lt_status lt_exchange_poll(lt_exchange *x)
{
    lt_status st = LT_OK;
    for (transfer *t = x->transfers, *next; t; t = next) {
        next = t->next;
        if (!t->bulk) continue;
        LT_TRY(lt_bulk_look(x->comm, &t->bulk));
        if (t->bulk) continue;
        if (!t->out) lt_halo_box_keep(x->box, t->piece, t->n_bytes);
        drop(x, t);
    }
done:
    return st;
}

bool lt_exchange_busy(const lt_exchange *x)
{
    return x->transfers != NULL;
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
        lt_bulk_abandon(x->comm, &t->bulk);
        if (!t->out) lt_halo_box_keep(x->box, t->piece, 0);
        drop(x, t);
    }
}

void lt_exchange_destroy(lt_exchange **exchange)
{
    lt_exchange *x = *exchange;
    if (!x) return;
    while (x->transfers) drop(x, x->transfers);
    free(x);
    *exchange = NULL;
}
