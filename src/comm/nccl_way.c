#include "nccl_way.h"

#ifdef LT_HAVE_CUDA
#include <longtake/arena.h>
#include <longtake/clock.h>

#include <nccl.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* CTAS: records are few and small beside the work, so NCCL gets few of the multiprocessors and of its buffers. GREETED: others that a rank greets, each
 * with GREETING bytes; beyond that many ranks only those before and after it. */
enum { NAP_US = 500, LEAVE_S = 10, FAREWELL_S = 5, CTAS = 4, GREETED = 16, GREETING = 64 };

_Static_assert(LT_NCCL_ID == NCCL_UNIQUE_ID_BYTES, "the size of NCCL's id");

/* HELD: to oneself, until the other side is there. POSTING: NCCL has not put it on the stream yet. */
typedef enum { FREE, HELD, POSTING, FLYING } phase;

typedef struct {
    phase     phase;
    bool      out;
    int       peer;
    size_t    n_bytes;
    void     *home;                  /* in: where the block goes */
    char     *device, *pinned;       /* its place */
    lt_event *through;
    double    deadline;
} side;

struct lt_nccl {
    lt_device *device;
    lt_stream *stream;
    ncclComm_t comm;                 /* NULL: there is none, or it is the helper's */
    int        rank, n_ranks, timeout_s;
    bool       self, broken;
    size_t     room;
    void      *pinned;
    side       out, in;

    pthread_t  helper;
    bool       helped, whole;        /* whole: with a farewell */
    double     helped_at;
    atomic_int gone;
};

bool lt_nccl_built(void)
{
    return true;
}

void lt_nccl_version(char *text, size_t room)
{
    int v = 0;
    if (ncclGetVersion(&v) != ncclSuccess) v = NCCL_VERSION_CODE;
    snprintf(text, room, "NCCL %d.%d.%d", v / 10000, v / 100 % 100, v % 100);
}

size_t lt_nccl_place(size_t room)
{
    const size_t least = 2 * GREETED * GREETING, whole = lt_arena_padded(room);
    return whole > least ? whole : least;
}

static lt_status check(const lt_nccl *n, ncclResult_t r, const char *what)
{
    lt_status st = LT_OK;
    if (r == ncclSuccess || r == ncclInProgress) return LT_OK;
    const char *more = ncclGetLastError(n ? n->comm : NULL);
    LT_FAIL(n && lt_device_lost(n->device) ? LT_E_DEVICE : LT_E_PEER, "NCCL: %s: %s%s%s: run the same command again; NCCL_DEBUG=INFO makes NCCL tell more", what,
            ncclGetErrorString(r), more && *more ? ": " : "", more ? more : "");
done:
    return st;
}

lt_status lt_nccl_id(unsigned char id[LT_NCCL_ID])
{
    lt_status st = LT_OK;
    ncclUniqueId made;
    LT_TRY(check(NULL, ncclGetUniqueId(&made), "no id for a communicator"));
    memcpy(id, made.internal, LT_NCCL_ID);
done:
    return st;
}

/* Whether NCCL has done what it was asked last, without waiting; what failed behind our back shows here. */
static lt_status settle(const lt_nccl *n, bool *ready)
{
    lt_status st = LT_OK;
    ncclResult_t state = ncclSuccess;
    LT_TRY(check(n, ncclCommGetAsyncError(n->comm, &state), "the state of the communicator"));
    LT_TRY(check(n, state, "the communicator failed"));
    *ready = state == ncclSuccess;
done:
    return st;
}

static lt_status wait_ready(const lt_nccl *n, double deadline, const char *what)
{
    lt_status st = LT_OK;
    for (bool ready = false;;) {
        LT_TRY(settle(n, &ready));
        if (ready) break;
        if (lt_seconds() > deadline)
            LT_FAIL(LT_E_TIMEOUT, "NCCL: not all ranks came to '%s' within %d s: run the same command again, or raise --peer-timeout", what, n->timeout_s / 2);
        usleep(NAP_US);
    }
done:
    return st;
}

/* ---- opening ---- */

/* One operation of a group; NULL stands for none. */
typedef struct {
    bool  out;
    int   peer;
    char *device;
    size_t n_bytes;
} operation;

static lt_status post(lt_nccl *n, const operation *ops, int count)
{
    lt_status st = LT_OK;
    const cudaStream_t stream = lt_stream_handle(n->stream);
    ncclResult_t r = ncclSuccess;
    LT_TRY(check(n, ncclGroupStart(), "a group"));
    for (int i = 0; i < count && (r == ncclSuccess || r == ncclInProgress); i++) {
        const operation *o = &ops[i];
        r = o->out ? ncclSend(o->device, o->n_bytes, ncclUint8, o->peer, n->comm, stream)
                   : ncclRecv(o->device, o->n_bytes, ncclUint8, o->peer, n->comm, stream);
    }
    const ncclResult_t end = ncclGroupEnd();
    LT_TRY(check(n, r, "a transfer"));
    LT_TRY(check(n, end, "a transfer"));
done:
    return st;
}

static bool greets(const lt_nccl *n, int other)
{
    if (other == n->rank) return n->self;
    return n->n_ranks <= GREETED + 1 || other == n->rank - 1 || other == n->rank + 1;
}

static void say_greeting(char *at, int from, int to)
{
    for (int i = 0; i < GREETING; i++) at[i] = (char)(from * 31 + to * 7 + i);
}

/* A few bytes to and from each other rank, in one group: so that connections are made before the first frame and what they take can be measured. */
static lt_status greet(lt_nccl *n, double deadline)
{
    lt_status st = LT_OK;
    operation ops[2 * GREETED];
    char *const from = n->out.pinned, *const to = from + GREETED * GREETING, want[GREETING];
    int peers[GREETED], count = 0;
    for (int k = 0; k < n->n_ranks; k++) {
        if (!greets(n, k)) continue;
        say_greeting(from + count * GREETING, n->rank, k);
        ops[2 * count] = (operation){ true, k, n->out.device + count * GREETING, GREETING };
        ops[2 * count + 1] = (operation){ false, k, n->out.device + (GREETED + count) * GREETING, GREETING };
        peers[count++] = k;
    }
    const size_t half = (size_t)GREETED * GREETING;
    LT_TRY(lt_copy_to_device(n->stream, n->out.device, from, half));
    LT_TRY(post(n, ops, 2 * count));
    LT_TRY(wait_ready(n, deadline, "greeting"));
    LT_TRY(lt_copy_to_host(n->stream, to, n->out.device + half, half));
    LT_TRY(lt_event_record(n->out.through, n->stream));
    for (bool past = false, ready; !past;) {
        LT_TRY(settle(n, &ready));
        LT_TRY(lt_event_past(n->out.through, &past));
        if (!past && lt_seconds() > deadline) LT_FAIL(LT_E_TIMEOUT, "NCCL: a rank did not greet within %d s: run the same command again", n->timeout_s / 2);
        if (!past) usleep(NAP_US);
    }
    for (int i = 0; i < count; i++) {
        say_greeting(want, peers[i], n->rank);
        if (memcmp(want, to + i * GREETING, GREETING)) LT_FAIL(LT_E_PEER, "NCCL brought other bytes than rank %d sent: look at the GPU's health", peers[i]);
    }
done:
    return st;
}

lt_status lt_nccl_open(const lt_carrier_opts *o, int rank, int n_ranks, const unsigned char id[LT_NCCL_ID], lt_nccl **out)
{
    lt_status st = LT_OK;
    const size_t place = lt_nccl_place(o->room);
    const double deadline = lt_seconds() + 0.5 * o->timeout_s;
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    ncclUniqueId unique;
    lt_nccl *n = *out = calloc(1, sizeof *n);
    if (!n) LT_FAIL(LT_E_MEMORY, "no memory for a communicator");
    *n = (lt_nccl){ .device = o->device, .rank = rank, .n_ranks = n_ranks, .timeout_s = o->timeout_s, .self = o->self && n_ranks == 1, .room = o->room };
    if (!o->staging) LT_FAIL(LT_E_INTERNAL, "no device memory was planned for halo records");
    LT_TRY(lt_device_use(o->device));
    LT_TRY(lt_stream_create(o->device, "exchange", &n->stream));
    LT_TRY(lt_pinned_create(o->device, place * (n->self ? 2 : 1), &n->pinned));
    n->out = (side){ .out = true, .device = o->staging, .pinned = n->pinned };
    n->in = (side){ .device = o->staging, .pinned = n->pinned };
    if (n->self) {
        n->in.device += place;
        n->in.pinned += place;
    }
    LT_TRY(lt_event_create(o->device, false, &n->out.through));
    LT_TRY(lt_event_create(o->device, false, &n->in.through));
    config.blocking = 0;
    config.maxCTAs = CTAS;
    memcpy(unique.internal, id, LT_NCCL_ID);
    LT_TRY(check(n, ncclCommInitRankConfig(&n->comm, n_ranks, unique, rank, &config), "the communicator"));
    LT_TRY(wait_ready(n, deadline, "the communicator"));
    LT_TRY(greet(n, deadline));
done:
    return st;
}

/* ---- a transfer ---- */

static lt_status may_post(const lt_nccl *n, const side *s, size_t n_bytes)
{
    lt_status st = LT_OK;
    if (n->broken) LT_FAIL(LT_E_PEER, "NCCL failed before: run the same command again");
    if (s->phase != FREE || n_bytes == 0 || n_bytes > n->room || (!n->self && (n->out.phase != FREE || n->in.phase != FREE)))
        LT_FAIL(LT_E_INTERNAL, "a block of %zu bytes is posted out of turn", n_bytes);
done:
    return st;
}

static lt_status post_side(lt_nccl *n, side *s)
{
    lt_status st = LT_OK;
    operation ops[2] = { { s->out, s->peer, s->device, s->n_bytes } };
    int count = 1;
    /* A rank's block to itself is one group. */
    if (n->self) ops[count++] = (operation){ n->out.out, n->out.peer, n->out.device, n->out.n_bytes };
    LT_TRY(post(n, ops, count));
    s->phase = POSTING;
    s->deadline = lt_seconds() + n->timeout_s;
    if (n->self) {
        n->out.phase = POSTING;
        n->out.deadline = s->deadline;
    }
done:
    if (st < 0) lt_nccl_abort(n);
    return st;
}

lt_status lt_nccl_send(lt_nccl *n, int to, const void *bytes, size_t n_bytes)
{
    lt_status st = LT_OK;
    side *s = &n->out;
    LT_TRY(may_post(n, s, n_bytes));
    s->peer = to;
    s->n_bytes = n_bytes;
    memcpy(s->pinned, bytes, n_bytes);
    if ((st = lt_copy_to_device(n->stream, s->device, s->pinned, n_bytes)) < 0) lt_nccl_abort(n);
    LT_TRY(st);
    if (n->self) s->phase = HELD;
    else LT_TRY(post_side(n, s));
done:
    return st;
}

lt_status lt_nccl_receive(lt_nccl *n, int from, void *bytes, size_t n_bytes)
{
    lt_status st = LT_OK;
    side *s = &n->in;
    LT_TRY(may_post(n, s, n_bytes));
    if (n->self && n->out.phase != HELD) LT_FAIL(LT_E_INTERNAL, "a rank receives from itself what it did not send");
    s->peer = from;
    s->n_bytes = n_bytes;
    s->home = bytes;
    LT_TRY(post_side(n, s));
done:
    return st;
}

static lt_status move_on(lt_nccl *n, side *s, bool *done)
{
    lt_status st = LT_OK;
    bool ready = false, past = false;
    LT_TRY(settle(n, &ready));
    /* What comes after it on the stream may only be put there when NCCL has put it there itself. */
    if (s->phase == POSTING && ready) {
        if (!s->out) LT_TRY(lt_copy_to_host(n->stream, s->pinned, s->device, s->n_bytes));
        LT_TRY(lt_event_record(s->through, n->stream));
        s->phase = FLYING;
    }
    if (s->phase == FLYING) LT_TRY(lt_event_past(s->through, &past));
    if (past) {
        if (!s->out) memcpy(s->home, s->pinned, s->n_bytes);
        s->phase = FREE;
        *done = true;
    } else if (s->phase != HELD && lt_seconds() > s->deadline) {
        LT_FAIL(LT_E_TIMEOUT, "a halo record %s rank %d was not through within %d s: is that rank alive? Run the same command again, or raise --peer-timeout",
                s->out ? "to" : "from", s->peer, n->timeout_s);
    }
done:
    return st;
}

lt_status lt_nccl_look(lt_nccl *n, bool out, bool *done)
{
    lt_status st = LT_OK;
    *done = false;
    if (n->broken) LT_FAIL(LT_E_PEER, "NCCL failed before: run the same command again");
    if ((st = move_on(n, out ? &n->out : &n->in, done)) < 0) lt_nccl_abort(n);
    LT_TRY(st);
done:
    return st;
}

lt_status lt_nccl_poll(lt_nccl *n)
{
    lt_status st = LT_OK;
    bool ready;
    if (n->broken) return LT_OK;
    if ((st = settle(n, &ready)) < 0) lt_nccl_abort(n);
    LT_TRY(st);
done:
    return st;
}

/* ---- the end ---- */

/* Tells the other ranks and waits for them. */
static bool farewell(ncclComm_t comm)
{
    const double deadline = lt_seconds() + FAREWELL_S;
    ncclResult_t state = ncclCommFinalize(comm);
    while (state == ncclInProgress && lt_seconds() < deadline) {
        usleep(NAP_US);
        if (ncclCommGetAsyncError(comm, &state) != ncclSuccess) return false;
    }
    return state == ncclSuccess;
}

/* May never come back: whoever started it does not wait for ever, and leaves it all it uses. */
static void *let_go(void *arg)
{
    lt_nccl *n = arg;
    lt_status st = lt_device_use(n->device);
    ncclResult_t r = n->whole && farewell(n->comm) ? ncclCommDestroy(n->comm) : ncclCommAbort(n->comm);
    /* What it had on the stream ends; until then staging and pinned memory are its own. A lost device has ended everything. */
    if (st >= 0 && (r == ncclSuccess || r == ncclInProgress)) st = lt_stream_finish(n->stream);
    atomic_store(&n->gone, 1);
    return NULL;
}

static void begin_to_let_go(lt_nccl *n, bool whole)
{
    if (n->helped || !n->comm) return;
    n->helped = true;
    n->whole = whole;
    n->helped_at = lt_seconds();
    if (pthread_create(&n->helper, NULL, let_go, n)) {
        /* Without a thread to give up, it is not tried: the process leaves with it. */
        n->helped = false;
        n->helped_at = -LEAVE_S;
    }
}

void lt_nccl_abort(lt_nccl *n)
{
    const lt_error why = *lt_error_last();
    n->broken = true;
    begin_to_let_go(n, false);
    lt_error_set(&why);
}

bool lt_nccl_broken(const lt_nccl *n)
{
    return n->broken || lt_device_lost(n->device);
}

lt_status lt_nccl_close(lt_nccl **nccl)
{
    lt_status st = LT_OK;
    lt_nccl *n = *nccl;
    if (!n) return LT_OK;
    *nccl = NULL;
    begin_to_let_go(n, !n->broken);
    while (n->comm && !atomic_load(&n->gone) && lt_seconds() - n->helped_at < LEAVE_S) usleep(NAP_US);
    if (n->comm && !atomic_load(&n->gone)) {
        if (n->helped) pthread_detach(n->helper);
        LT_FAIL(LT_E_TIMEOUT, "NCCL did not let go of its communicator within %d s: leaving without it; what is finished is committed", LEAVE_S);
    }
    if (n->helped) pthread_join(n->helper, NULL);
    lt_event_destroy(&n->out.through);
    lt_event_destroy(&n->in.through);
    lt_pinned_destroy(n->device, &n->pinned);
    lt_stream_destroy(&n->stream);
    free(n);
done:
    return st;
}
#else
#include <stdio.h>

static lt_status absent(void)
{
    return lt_raise(LT_E_DEVICE, __FILE__, __LINE__, __func__, "this build has no NCCL: configure with -DLT_CUDA=ON");
}

bool lt_nccl_built(void)
{
    return false;
}

void lt_nccl_version(char *text, size_t room)
{
    snprintf(text, room, "no NCCL");
}

size_t lt_nccl_place(size_t room)
{
    (void)room;
    return 0;
}

lt_status lt_nccl_id(unsigned char id[LT_NCCL_ID])
{
    (void)id;
    return absent();
}

lt_status lt_nccl_open(const lt_carrier_opts *opts, int rank, int n_ranks, const unsigned char id[LT_NCCL_ID], lt_nccl **out)
{
    (void)opts;
    (void)rank;
    (void)n_ranks;
    (void)id;
    *out = NULL;
    return absent();
}

lt_status lt_nccl_send(lt_nccl *n, int to, const void *bytes, size_t n_bytes)
{
    (void)n;
    (void)to;
    (void)bytes;
    (void)n_bytes;
    return absent();
}

lt_status lt_nccl_receive(lt_nccl *n, int from, void *bytes, size_t n_bytes)
{
    (void)n;
    (void)from;
    (void)bytes;
    (void)n_bytes;
    return absent();
}

lt_status lt_nccl_look(lt_nccl *n, bool out, bool *done)
{
    (void)n;
    (void)out;
    *done = false;
    return absent();
}

lt_status lt_nccl_poll(lt_nccl *n)
{
    (void)n;
    return LT_OK;
}

void lt_nccl_abort(lt_nccl *n)
{
    (void)n;
}

bool lt_nccl_broken(const lt_nccl *n)
{
    (void)n;
    return false;
}

lt_status lt_nccl_close(lt_nccl **n)
{
    *n = NULL;
    return LT_OK;
}
#endif
