#include <longtake/carrier.h>

#include "carrier_rule.h"
#include "nccl_way.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lt_carrier {
    lt_comm        *comm;
    lt_carrier_kind kind;
    char            reason[320];
    bool            fell_back;
    int             timeout_s;
    bool            stuck;           /* an attempt to open NCCL never came back */
    lt_nccl        *nccl;
};

struct lt_parcel {
    bool     out;
    lt_bulk *bulk;                   /* MPI */
};

size_t lt_carrier_device_bytes(size_t room)
{
    return lt_nccl_place(room);
}

size_t lt_carrier_host_bytes(size_t room)
{
    return lt_nccl_place(room);
}

static lt_carrier_facts mine(const lt_carrier_opts *o)
{
    lt_carrier_facts f = { lt_nccl_built(), 0, o->mixed, o->self, "" };
    if (!o->device) return f;
    const lt_device_facts *d = lt_device_get_facts(o->device);
    f.cuda = d->backend == LT_BACKEND_CUDA;
    snprintf(f.uuid, sizeof f.uuid, "%s", d->uuid);
    return f;
}

lt_carrier_kind lt_carrier_rule(const lt_carrier_facts *all, int n, char *reason, size_t room)
{
    for (int r = 0; r < n; r++) {
        if (!all[r].cuda) return snprintf(reason, room, "MPI: %s on the CPU", n == 1 ? "one rank," : "ranks compute"), LT_CARRIER_MPI;
        if (!all[r].built) return snprintf(reason, room, "MPI: this build has no NCCL"), LT_CARRIER_MPI;
        if (all[r].mixed) return snprintf(reason, room, "MPI: ranks of several kinds of device are allowed"), LT_CARRIER_MPI;
    }
    if (n == 1 && !all[0].self) return snprintf(reason, room, "MPI: one rank, nothing travels"), LT_CARRIER_MPI;
    for (int r = 0; r < n; r++) {
        /* Instances of one GPU have ids of their own, and NCCL takes them for the same GPU. */
        if (!strncmp(all[r].uuid, "MIG-", 4) && n > 1)
            return snprintf(reason, room, "MPI: rank %d computes on a MIG instance, which NCCL does not connect", r), LT_CARRIER_MPI;
        for (int k = 0; k < r; k++)
            if (!strcmp(all[k].uuid, all[r].uuid))
                return snprintf(reason, room, "MPI: ranks %d and %d share %s, which NCCL refuses", k, r, all[r].uuid), LT_CARRIER_MPI;
    }
    char version[64];
    lt_nccl_version(version, sizeof version);
    snprintf(reason, room, "%s between %d GPU%s", version, n, n == 1 ? "" : "s");
    return LT_CARRIER_NCCL;
}

/* [collective] The id of rank 0 becomes everyone's. */
static lt_status share_id(lt_comm *comm, unsigned char id[LT_NCCL_ID])
{
    lt_status st = LT_OK;
    const int n = lt_comm_size(comm);
    unsigned char own[LT_NCCL_ID] = { 0 }, *all = malloc((size_t)n * LT_NCCL_ID);
    if (!all) st = lt_raise(LT_E_MEMORY, __FILE__, __LINE__, __func__, "no memory for the id of NCCL");
    else if (lt_comm_rank(comm) == 0) st = lt_nccl_id(own);
    LT_TRY(lt_agree_status(comm, st));
    LT_TRY(lt_comm_gather_all(comm, own, sizeof own, all));
    memcpy(id, all, LT_NCCL_ID);
done:
    free(all);
    return st;
}

static lt_status open_nccl(lt_carrier *c, const lt_carrier_opts *opts)
{
    lt_status st = LT_OK;
    unsigned char id[LT_NCCL_ID] = { 0 };
    LT_TRY(share_id(c->comm, id));
    st = lt_nccl_open(opts, lt_comm_rank(c->comm), lt_comm_size(c->comm), id, &c->nccl);
    LT_TRY(lt_agree_status(c->comm, st));
done:
    return st;
}

lt_status lt_carrier_open(lt_comm *comm, const lt_carrier_opts *opts, lt_carrier **out)
{
    lt_status st = LT_OK;
    const int n = lt_comm_size(comm);
    lt_carrier *c = calloc(1, sizeof *c);
    lt_carrier_facts own = mine(opts), *all = calloc((size_t)n, sizeof *all);
    *out = NULL;
    if (!c || !all) st = lt_raise(LT_E_MEMORY, __FILE__, __LINE__, __func__, "no memory for what carries halo records");
    LT_TRY(lt_agree_status(comm, st));
    c->comm = comm;
    c->timeout_s = opts->timeout_s;
    LT_TRY(lt_comm_gather_all(comm, &own, sizeof own, all));
    c->kind = lt_carrier_rule(all, n, c->reason, sizeof c->reason);
    const lt_status opened = c->kind == LT_CARRIER_NCCL ? open_nccl(c, opts) : LT_OK;
    if (opened < 0) {
        const lt_error why = *lt_error_last();
        /* Bits do not depend on the way, so a machine on which NCCL does not work is told so and works all the same. */
        snprintf(c->reason, sizeof c->reason, "MPI, since NCCL cannot be used: %s", lt_error_last()->text);
        c->kind = LT_CARRIER_MPI;
        c->fell_back = true;
        if (c->nccl) lt_nccl_abort(c->nccl);
        c->stuck = lt_nccl_close(&c->nccl) < 0;
        lt_error_set(&why);
        /* A device that fails is another matter. */
        if (opened == LT_E_DEVICE) LT_TRY(opened);
    }
    *out = c;
    c = NULL;
done:
    free(c);
    free(all);
    return st;
}

lt_carrier_kind lt_carrier_get_kind(const lt_carrier *c) { return c->kind; }
const char *lt_carrier_reason(const lt_carrier *c) { return c->reason; }
bool lt_carrier_fell_back(const lt_carrier *c) { return c->fell_back; }
bool lt_carrier_takes_turns(const lt_carrier *c) { return c->kind == LT_CARRIER_NCCL; }
bool lt_carrier_broken(const lt_carrier *c) { return c->nccl && lt_nccl_broken(c->nccl); }

static lt_status new_parcel(bool out, lt_parcel **parcel)
{
    lt_status st = LT_OK;
    *parcel = calloc(1, sizeof **parcel);
    if (!*parcel) LT_FAIL(LT_E_MEMORY, "no memory for a transfer");
    (*parcel)->out = out;
done:
    return st;
}

lt_status lt_carrier_send(lt_carrier *c, int to, int tag, const void *bytes, size_t n_bytes, lt_parcel **out)
{
    lt_status st = LT_OK;
    lt_parcel *p = NULL;
    *out = NULL;
    LT_TRY(new_parcel(true, &p));
    if (c->kind == LT_CARRIER_NCCL) LT_TRY(lt_nccl_send(c->nccl, to, bytes, n_bytes));
    else LT_TRY(lt_bulk_send(c->comm, to, tag, bytes, n_bytes, &p->bulk));
    *out = p;
    p = NULL;
done:
    free(p);
    return st;
}

lt_status lt_carrier_receive(lt_carrier *c, int from, int tag, void *bytes, size_t n_bytes, lt_parcel **out)
{
    lt_status st = LT_OK;
    lt_parcel *p = NULL;
    *out = NULL;
    LT_TRY(new_parcel(false, &p));
    if (c->kind == LT_CARRIER_NCCL) LT_TRY(lt_nccl_receive(c->nccl, from, bytes, n_bytes));
    else LT_TRY(lt_bulk_receive(c->comm, from, tag, bytes, n_bytes, &p->bulk));
    *out = p;
    p = NULL;
done:
    free(p);
    return st;
}

lt_status lt_carrier_look(lt_carrier *c, lt_parcel **parcel)
{
    lt_status st = LT_OK;
    bool there = false;
    if (c->kind == LT_CARRIER_NCCL) LT_TRY(lt_nccl_look(c->nccl, (*parcel)->out, &there));
    else {
        LT_TRY(lt_bulk_look(c->comm, &(*parcel)->bulk));
        there = !(*parcel)->bulk;
    }
    if (there) {
        free(*parcel);
        *parcel = NULL;
    }
done:
    return st;
}

void lt_carrier_abandon(lt_carrier *c, lt_parcel **parcel)
{
    if (!*parcel) return;
    if (c->kind == LT_CARRIER_NCCL) lt_nccl_abort(c->nccl);
    else lt_bulk_abandon(c->comm, &(*parcel)->bulk);
    free(*parcel);
    *parcel = NULL;
}

void lt_carrier_break(lt_carrier *c)
{
    if (c->nccl) lt_nccl_abort(c->nccl);
}

int lt_carrier_timeout(const lt_carrier *c)
{
    return c->timeout_s;
}

lt_status lt_carrier_poll(lt_carrier *c)
{
    return c->kind == LT_CARRIER_NCCL ? lt_nccl_poll(c->nccl) : LT_OK;
}

lt_status lt_carrier_close(lt_carrier **carrier, bool together)
{
    lt_status st = LT_OK;
    lt_carrier *c = *carrier;
    if (!c) return LT_OK;
    const bool stuck = c->stuck;
    if (c->nccl) {
        /* The farewell of NCCL waits for all ranks, so none says it where one cannot. */
        const int n = lt_comm_size(c->comm);
        unsigned char broken = lt_nccl_broken(c->nccl), *all = together ? calloc((size_t)n, 1) : NULL;
        bool whole = all && lt_comm_gather_all(c->comm, &broken, 1, all) >= 0;
        for (int r = 0; whole && r < n; r++) whole = !all[r];
        free(all);
        if (!whole) lt_nccl_abort(c->nccl);
        st = lt_nccl_close(&c->nccl);
    }
    free(c);
    *carrier = NULL;
    if (st >= 0 && stuck) st = lt_raise(LT_E_TIMEOUT, __FILE__, __LINE__, __func__, "NCCL never came back from an attempt to use it");
    return st;
}
