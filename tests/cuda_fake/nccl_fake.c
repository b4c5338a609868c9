#include "nccl_fake.h"

#include "cuda_fake.h"

#include <nccl.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* nccl.h declares them without saying that they take nothing. */
ncclResult_t ncclGroupStart(void);
ncclResult_t ncclGroupEnd(void);

enum { RANKS = 64, OPERATIONS = 64, LOOKS = 3, NAP_US = 1000 };

typedef struct {
    char uuid[16];
    int  rank;
} greeting;

/* What comes before the bytes of a block. */
typedef struct {
    uint64_t magic, number, count;
} head;

static const uint64_t magic = UINT64_C(0x6c74206e63636c21);

typedef struct {
    bool   out;
    int    peer;
    char  *bytes;
    size_t count, moved;             /* moved: with the head */
    head   head;
} operation;

typedef struct {
    struct ncclComm *comm;
    int              number, n;
    operation        ops[OPERATIONS];
} group;

struct ncclComm {
    struct ncclComm *next;
    int              rank, n, looks;
    char             name[40];
    greeting         own;
    int              listening, fd[RANKS];
    uint64_t         sent[RANKS], received[RANKS];
    pthread_t        owner, maker;
    bool             making, finalized;
    atomic_int       state;          /* ncclResult_t of ncclCommGetAsyncError */
    atomic_int       aborted, gone;
    void            *stream;
    group           *posted;         /* not on the stream yet */
    int              groups;
};

static struct ncclComm *all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int groups_done;
static _Thread_local struct { int depth; ncclResult_t state; group *g; void *stream; } current;
static _Thread_local char last_error[256];

/* ---- faults ---- */

/* The number after `word` in LT_FAKE_NCCL, 0 for a word without one; -1 where it is not there for this rank. */
static int fault(const struct ncclComm *c, const char *word)
{
    const char *text = getenv("LT_FAKE_NCCL");
    const size_t n = strlen(word);
    for (const char *p = text; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
        if (strncmp(p, word, n) || !strchr(":@,", p[n])) continue;
        const char *end = strchr(p, ','), *at = strchr(p, '@');
        if (at && (!end || at < end) && atoi(at + 1) != c->rank) continue;
        return p[n] == ':' ? atoi(p + n + 1) : 0;
    }
    return -1;
}

static ncclResult_t wrong(const char *function, const char *what)
{
    snprintf(last_error, sizeof last_error, "%s: %s", function, what);
    lt_fake_complain("%s: %s", function, what);
    return ncclInvalidUsage;
}

static ncclResult_t injected(const char *function)
{
    if (!lt_fake_fault(function)) return ncclSuccess;
    snprintf(last_error, sizeof last_error, "%s failed, as LT_FAKE_CUDA asked", function);
    return ncclInternalError;
}

static bool alive(const struct ncclComm *c, const char *function)
{
    if (c && !atomic_load(&c->gone)) return true;
    wrong(function, "the communicator is gone, or there never was one");
    return false;
}

int lt_fake_nccl_open(void)
{
    int n = 0;
    pthread_mutex_lock(&lock);
    for (const struct ncclComm *c = all; c; c = c->next) n += !atomic_load(&c->gone);
    pthread_mutex_unlock(&lock);
    return n;
}

int lt_fake_nccl_groups(void)
{
    return atomic_load(&groups_done);
}

/* ---- a communicator ---- */

ncclResult_t ncclGetVersion(int *version)
{
    *version = NCCL_VERSION_CODE;
    return ncclSuccess;
}

const char *ncclGetErrorString(ncclResult_t r)
{
    static const char *const words[] = { "no error", "unhandled cuda error", "unhandled system error", "internal error", "invalid argument",
                                         "invalid usage", "remote process exited or there was a network error", "NCCL operation in progress" };
    return (size_t)r < sizeof words / sizeof *words ? words[r] : "unknown result code";
}

const char *ncclGetLastError(ncclComm_t comm)
{
    (void)comm;
    return last_error;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId *id)
{
    struct timespec t;
    const ncclResult_t r = injected("ncclGetUniqueId");
    if (r != ncclSuccess) return r;
    clock_gettime(CLOCK_REALTIME, &t);
    memset(id, 0, sizeof *id);
    snprintf(id->internal, sizeof id->internal, "lt%d.%lld.%ld", (int)getpid(), (long long)t.tv_sec, t.tv_nsec);
    return ncclSuccess;
}

static socklen_t address(const struct ncclComm *c, int rank, struct sockaddr_un *out)
{
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    /* An abstract name: it goes with the last socket. */
    const int n = snprintf(out->sun_path + 1, sizeof out->sun_path - 1, "fake-nccl-%s-%d", c->name, rank);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

static bool whole(int fd, void *bytes, size_t n, bool out)
{
    for (size_t at = 0; at < n;) {
        const ssize_t k = out ? send(fd, (char *)bytes + at, n - at, MSG_NOSIGNAL) : recv(fd, (char *)bytes + at, n - at, 0);
        if (k <= 0) return false;
        at += (size_t)k;
    }
    return true;
}

/* One socket with each other rank: to the lower ones it is made, from the higher ones it comes. */
static bool meet(struct ncclComm *c, int peer)
{
    struct sockaddr_un to;
    const socklen_t n = address(c, peer, &to);
    greeting theirs;
    int fd = -1;
    if (peer < c->rank) {
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        while (!atomic_load(&c->aborted) && connect(fd, (struct sockaddr *)&to, n) != 0) usleep(NAP_US);
    } else {
        while (!atomic_load(&c->aborted) && (fd = accept4(c->listening, NULL, NULL, SOCK_CLOEXEC)) < 0) usleep(NAP_US);
    }
    if (fd < 0 || atomic_load(&c->aborted) || !whole(fd, &c->own, sizeof c->own, true) || !whole(fd, &theirs, sizeof theirs, false)) return false;
    if (theirs.rank < 0 || theirs.rank >= c->n || c->fd[theirs.rank] >= 0 || (peer < c->rank && theirs.rank != peer)) return false;
    c->fd[theirs.rank] = fd;
    if (!memcmp(theirs.uuid, c->own.uuid, sizeof theirs.uuid)) {
        snprintf(last_error, sizeof last_error, "Duplicate GPU detected : rank %d and rank %d", c->rank, theirs.rank);
        return false;
    }
    return true;
}

static void *make(void *arg)
{
    struct ncclComm *c = arg;
    struct sockaddr_un own;
    const socklen_t n = address(c, c->rank, &own);
    bool good = fault(c, "init-fails") < 0;
    c->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    good = good && bind(c->listening, (struct sockaddr *)&own, n) == 0 && listen(c->listening, RANKS) == 0;
    for (int k = 0; good && k < c->n; k++)
        if (k != c->rank) good = meet(c, k);
    while (fault(c, "init-stalls") >= 0 && !atomic_load(&c->aborted)) usleep(NAP_US);
    atomic_store(&c->state, good ? (int)ncclSuccess : (int)ncclSystemError);
    return NULL;
}

static ncclResult_t check_config(const ncclConfig_t *config)
{
    const ncclConfig_t plain = NCCL_CONFIG_INITIALIZER;
    if (config->size != plain.size || config->magic != plain.magic || config->version != plain.version)
        return wrong("ncclCommInitRankConfig", "the configuration was not begun with NCCL_CONFIG_INITIALIZER");
    if (config->blocking != 0) return wrong("ncclCommInitRankConfig", "this fake has no blocking communicators");
    if (config->maxCTAs != NCCL_CONFIG_UNDEF_INT && (config->maxCTAs < 1 || (config->minCTAs != NCCL_CONFIG_UNDEF_INT && config->minCTAs > config->maxCTAs)))
        return wrong("ncclCommInitRankConfig", "minCTAs and maxCTAs");
    return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t *comm, int n, ncclUniqueId id, int rank, ncclConfig_t *config)
{
    int device = 0;
    struct cudaDeviceProp p;
    ncclResult_t r = injected("ncclCommInitRankConfig");
    *comm = NULL;
    if (r == ncclSuccess) r = check_config(config);
    if (r != ncclSuccess) return r;
    if (n < 1 || n > RANKS || rank < 0 || rank >= n) return wrong("ncclCommInitRankConfig", "such a rank is not possible");
    if (cudaGetDevice(&device) != cudaSuccess || cudaGetDeviceProperties(&p, device) != cudaSuccess) return ncclUnhandledCudaError;
    struct ncclComm *c = calloc(1, sizeof *c);
    if (!c) return ncclSystemError;
    c->rank = c->own.rank = rank;
    c->n = n;
    c->owner = pthread_self();
    memcpy(c->own.uuid, &p.uuid, sizeof c->own.uuid);
    snprintf(c->name, sizeof c->name, "%.39s", id.internal);
    for (int k = 0; k < RANKS; k++) c->fd[k] = -1;
    atomic_store(&c->state, ncclInProgress);
    pthread_mutex_lock(&lock);
    c->next = all;
    all = c;
    pthread_mutex_unlock(&lock);
    if (pthread_create(&c->maker, NULL, make, c)) return ncclSystemError;
    c->making = true;
    *comm = c;
    return ncclInProgress;
}

/* ---- transfers ---- */

ncclResult_t ncclGroupStart(void)
{
    const ncclResult_t r = injected("ncclGroupStart");
    if (r != ncclSuccess) return r;
    if (current.depth++ == 0) {
        current.state = ncclSuccess;
        current.g = calloc(1, sizeof *current.g);
        if (!current.g) return ncclSystemError;
    }
    return ncclSuccess;
}

static ncclResult_t check_operation(const struct ncclComm *c, const void *bytes, size_t count, ncclDataType_t type, int peer, void *stream)
{
    if (!current.depth) return wrong("ncclSend or ncclRecv", "outside of a group");
    if (!alive(c, "ncclSend or ncclRecv")) return ncclInvalidUsage;
    if (!pthread_equal(c->owner, pthread_self())) return wrong("ncclSend or ncclRecv", "called by another thread than made the communicator");
    if (atomic_load(&c->state) == ncclInProgress) return wrong("ncclSend or ncclRecv", "the communicator is in progress: ask ncclCommGetAsyncError first");
    if (atomic_load(&c->state) != ncclSuccess) return wrong("ncclSend or ncclRecv", "the communicator has failed");
    if (peer < 0 || peer >= c->n) return wrong("ncclSend or ncclRecv", "no such peer");
    if (type != ncclUint8 || count == 0) return wrong("ncclSend or ncclRecv", "the type or the count is wrong");
    if (!lt_fake_is_device(bytes, count)) return wrong("ncclSend or ncclRecv", "the block is not in device memory, or leaves its allocation");
    if (lt_fake_capturing(stream)) return wrong("ncclSend or ncclRecv", "in a capture");
    if ((c->stream && c->stream != stream) || (current.stream && current.stream != stream) || (current.g->comm && current.g->comm != c))
        return wrong("ncclSend or ncclRecv", "several streams or communicators");
    if (current.g->n == OPERATIONS) return wrong("ncclSend or ncclRecv", "too many operations in a group");
    return ncclSuccess;
}

static ncclResult_t add(struct ncclComm *c, bool out, const void *bytes, size_t count, ncclDataType_t type, int peer, void *stream)
{
    ncclResult_t r = injected(out ? "ncclSend" : "ncclRecv");
    if (r == ncclSuccess) r = check_operation(c, bytes, count, type, peer, stream);
    if (r != ncclSuccess) {
        current.state = r;
        return r;
    }
    current.g->comm = c;
    current.stream = stream;
    current.g->ops[current.g->n++] = (operation){ .out = out, .peer = peer, .bytes = (char *)(uintptr_t)bytes, .count = count };
    return ncclSuccess;
}

ncclResult_t ncclSend(const void *bytes, size_t count, ncclDataType_t type, int peer, ncclComm_t c, cudaStream_t stream)
{
    return add(c, true, bytes, count, type, peer, stream);
}

ncclResult_t ncclRecv(void *bytes, size_t count, ncclDataType_t type, int peer, ncclComm_t c, cudaStream_t stream)
{
    return add(c, false, bytes, count, type, peer, stream);
}

/* Each block to oneself with the one that receives it: the k-th with the k-th. */
static bool selves_match(const group *g)
{
    size_t out[OPERATIONS], in[OPERATIONS];
    int n_out = 0, n_in = 0;
    for (int i = 0; i < g->n; i++) {
        if (g->ops[i].peer != g->comm->rank) continue;
        if (g->ops[i].out) out[n_out++] = g->ops[i].count;
        else in[n_in++] = g->ops[i].count;
    }
    return n_out == n_in && !memcmp(out, in, (size_t)n_out * sizeof *out);
}

ncclResult_t ncclGroupEnd(void)
{
    group *g = current.g;
    ncclResult_t r = injected("ncclGroupEnd");
    if (!current.depth) return wrong("ncclGroupEnd", "without ncclGroupStart");
    if (--current.depth > 0) return current.state;
    void *stream = current.stream;
    if (r == ncclSuccess) r = current.state;
    current.g = NULL;
    current.stream = NULL;
    if (r == ncclSuccess && g->n > 0 && !selves_match(g)) r = wrong("ncclGroupEnd", "a block to oneself is not received in the same group");
    if (r != ncclSuccess || g->n == 0) {
        free(g);
        return r;
    }
    struct ncclComm *c = g->comm;
    c->stream = stream;
    g->number = ++c->groups;
    for (int i = 0; i < g->n; i++) {
        operation *o = &g->ops[i];
        o->head = (head){ magic, o->out ? c->sent[o->peer]++ : c->received[o->peer]++, o->count };
    }
    c->posted = g;
    c->looks = 0;
    atomic_store(&c->state, ncclInProgress);
    return ncclInProgress;
}

static void die(const struct ncclComm *c, const char *word, int number)
{
    if (fault(c, word) == number) raise(SIGKILL);
}

/* Moves what the socket takes or has; false where the other side is dead or has sent something else. */
static bool move(struct ncclComm *c, operation *o)
{
    const size_t all_bytes = sizeof(head) + o->count;
    while (o->moved < all_bytes) {
        head got = o->head;
        const bool in_head = o->moved < sizeof(head);
        char *const at = in_head ? (char *)&got + o->moved : o->bytes + (o->moved - sizeof(head));
        size_t n = (in_head ? sizeof(head) : all_bytes) - o->moved;
        /* A block stops half way once, so that a death may come there. */
        if (!in_head && o->moved - sizeof(head) < o->count / 2) n = o->count / 2 - (o->moved - sizeof(head));
        const ssize_t k = o->out ? send(c->fd[o->peer], at, n, MSG_NOSIGNAL | MSG_DONTWAIT) : recv(c->fd[o->peer], at, n, MSG_DONTWAIT);
        if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return true;
        if (k <= 0) return fault(c, "deaf") >= 0;
        if (!o->out && in_head && memcmp(at, (char *)&o->head + o->moved, (size_t)k)) {
            lt_fake_complain("NCCL: rank %d receives %zu bytes from rank %d, which sends another block", c->rank, o->count, o->peer);
            return false;
        }
        o->moved += (size_t)k;
    }
    return true;
}

static void move_own(const group *g)
{
    for (int i = 0, k = 0; i < g->n; i++) {
        if (g->ops[i].peer != g->comm->rank || !g->ops[i].out) continue;
        while (g->ops[k].peer != g->comm->rank || g->ops[k].out) k++;
        memcpy(g->ops[k++].bytes, g->ops[i].bytes, g->ops[i].count);
    }
}

static void corrupt(const group *g)
{
    if (fault(g->comm, "corrupt") != g->number) return;
    for (int i = 0; i < g->n; i++)
        if (!g->ops[i].out) g->ops[i].bytes[g->ops[i].count / 2] ^= 0x20;
}

static bool failed(const struct ncclComm *c)
{
    const int state = atomic_load(&c->state);
    return state != ncclSuccess && state != ncclInProgress;
}

/* On the stream. */
static int run(void *args)
{
    group *g = *(group **)args;
    struct ncclComm *c = g->comm;
    bool through = true;
    if (atomic_load(&c->aborted)) {
        free(g);
        return 1;
    }
    die(c, "die-before", g->number);
    if (fault(c, "error") == g->number) atomic_store(&c->state, ncclSystemError);
    if (fault(c, "stall") == g->number || failed(c)) return 0;
    for (int i = 0; i < g->n; i++) {
        operation *o = &g->ops[i];
        if (o->peer == c->rank) continue;
        if (!move(c, o)) {
            snprintf(last_error, sizeof last_error, "rank %d is gone", o->peer);
            atomic_store(&c->state, ncclRemoteError);
            return 0;
        }
        if (o->moved >= sizeof(head) + o->count / 2) die(c, "die-in", g->number);
        through = through && o->moved == sizeof(head) + o->count;
    }
    if (!through) return 0;
    move_own(g);
    corrupt(g);
    atomic_fetch_add(&groups_done, 1);
    die(c, "die-after", g->number);
    free(g);
    return 1;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t c, ncclResult_t *state)
{
    const ncclResult_t r = injected("ncclCommGetAsyncError");
    if (r != ncclSuccess) return r;
    if (!alive(c, "ncclCommGetAsyncError")) return ncclInvalidArgument;
    if (c->posted && ++c->looks == LOOKS) {
        group *g = c->posted;
        c->posted = NULL;
        atomic_store(&c->state, ncclSuccess);
        if (lt_fake_enqueue(c->stream, "NCCL group", run, &g, sizeof g) != cudaSuccess) atomic_store(&c->state, ncclUnhandledCudaError);
    }
    *state = (ncclResult_t)atomic_load(&c->state);
    return ncclSuccess;
}

/* ---- the end ---- */

static void join(struct ncclComm *c)
{
    if (c->making) pthread_join(c->maker, NULL);
    c->making = false;
}

/* A byte to and from each other rank. */
static void *finalize(void *arg)
{
    struct ncclComm *c = arg;
    char byte = 'F';
    bool good = true;
    for (int k = 0; k < c->n; k++)
        if (k != c->rank) good = whole(c->fd[k], &byte, 1, true) && good;
    for (int k = 0; k < c->n; k++)
        if (k != c->rank) good = whole(c->fd[k], &byte, 1, false) && byte == 'F' && good;
    atomic_store(&c->state, good ? (int)ncclSuccess : (int)ncclRemoteError);
    return NULL;
}

ncclResult_t ncclCommFinalize(ncclComm_t c)
{
    const ncclResult_t r = injected("ncclCommFinalize");
    if (r != ncclSuccess) return r;
    if (!alive(c, "ncclCommFinalize")) return ncclInvalidArgument;
    if (atomic_load(&c->state) != ncclSuccess || c->finalized) return wrong("ncclCommFinalize", "of a communicator that is in progress, has failed, or said farewell already");
    join(c);
    c->finalized = true;
    atomic_store(&c->state, ncclInProgress);
    if (pthread_create(&c->maker, NULL, finalize, c)) return ncclSystemError;
    c->making = true;
    return ncclInProgress;
}

/* What the process still has of it is kept: somebody may come with its address. */
static void bury(struct ncclComm *c)
{
    close(c->listening);
    atomic_store(&c->gone, 1);
}

ncclResult_t ncclCommDestroy(ncclComm_t c)
{
    if (!alive(c, "ncclCommDestroy")) return ncclInvalidArgument;
    if (!c->finalized || atomic_load(&c->state) != ncclSuccess) return wrong("ncclCommDestroy", "before the farewell was through");
    join(c);
    for (int k = 0; k < c->n; k++)
        if (c->fd[k] >= 0) close(c->fd[k]);
    bury(c);
    return ncclSuccess;
}

/* The other ranks notice nothing: the sockets stay open. */
ncclResult_t ncclCommAbort(ncclComm_t c)
{
    if (!alive(c, "ncclCommAbort")) return ncclInvalidArgument;
    while (fault(c, "abort-hangs") >= 0) usleep(NAP_US);
    atomic_store(&c->aborted, 1);
    if (c->making && c->finalized)
        for (int k = 0; k < c->n; k++)
            if (c->fd[k] >= 0) shutdown(c->fd[k], SHUT_RDWR);
    join(c);
    free(c->posted);
    c->posted = NULL;
    bury(c);
    return ncclSuccess;
}
