#include <longtake/comm.h>

#include "mpi_handle.h"

#include <longtake/clock.h>

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TAG_MESSAGE = 7, TAG_BULK = 100, TAGS_BULK = 30001, NAP_US = 1000 };

typedef struct letter {
    lt_message     m;
    MPI_Request    request;
    struct letter *next;
} letter;

/* Memory of a gathering that was given up: MPI may write there until the process ends. */
typedef struct kept {
    struct kept *next;
    char         bytes[];
} kept;

struct lt_comm {
    MPI_Comm mpi;
    bool     with_mpi, untidy;   /* untidy: something was sent that nobody may receive */
    int      rank, size, local_rank, local_size, timeout_s;
    pid_t    launcher;           /* our parent at the start: mpirun or its daemon */
    char     host[64];
    letter  *in_flight;          /* sent over MPI, not yet gone */
    letter  *to_self, *to_self_last;
    kept    *kept;
};

lt_status lt_mpi_status(int code, const char *file, int line, const char *func, const char *call)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int n = 0;
    if (code == MPI_SUCCESS) return LT_OK;
    MPI_Error_string(code, text, &n);
    return lt_raise(LT_E_PEER, file, line, func, "MPI: %s: %s", call, text);
}

static bool set(const char *name)
{
    const char *v = getenv(name);
    return v && *v;
}

/* Waits for one request, looking now and then, until the deadline. */
static lt_status wait_for(lt_comm *c, MPI_Request *request, const char *what)
{
    lt_status st = LT_OK;
    double deadline = lt_seconds() + c->timeout_s;
    for (int there = 0;;) {
        LT_MPI(MPI_Test(request, &there, MPI_STATUS_IGNORE));
        if (there) break;
        if (getppid() != c->launcher) LT_FAIL(LT_E_PEER, "the launcher of this rank is gone: run the same command again");
        if (lt_seconds() > deadline)
            LT_FAIL(LT_E_TIMEOUT, "the other ranks did not come to '%s' within %d s: run the same command again, or raise --peer-timeout",
                    what, c->timeout_s);
        usleep(NAP_US);
    }
done:
    return st;
}

static lt_status open_mpi(lt_comm *c)
{
    lt_status st = LT_OK;
    int provided = 0;
    MPI_Comm node = MPI_COMM_NULL;
    LT_MPI(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided));
    c->with_mpi = true;
    if (provided < MPI_THREAD_FUNNELED) LT_FAIL(LT_E_INTERNAL, "this MPI library allows no threads at all");
    LT_MPI(MPI_Comm_dup(MPI_COMM_WORLD, &c->mpi));
    LT_MPI(MPI_Comm_set_errhandler(c->mpi, MPI_ERRORS_RETURN));
    LT_MPI(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
    LT_MPI(MPI_Comm_rank(c->mpi, &c->rank));
    LT_MPI(MPI_Comm_size(c->mpi, &c->size));
    LT_MPI(MPI_Comm_split_type(c->mpi, MPI_COMM_TYPE_SHARED, c->rank, MPI_INFO_NULL, &node));
    LT_MPI(MPI_Comm_rank(node, &c->local_rank));
    LT_MPI(MPI_Comm_size(node, &c->local_size));
done:
    if (node != MPI_COMM_NULL) MPI_Comm_free(&node);
    return st;
}

lt_status lt_comm_open(int timeout_s, lt_comm **out)
{
    lt_status st = LT_OK;
    lt_comm *c = calloc(1, sizeof *c);
    const char *tasks = getenv("SLURM_STEP_NUM_TASKS");
    *out = NULL;
    if (!c) LT_FAIL(LT_E_MEMORY, "no memory for a communicator");
    c->mpi = MPI_COMM_NULL;
    c->size = c->local_size = 1;
    c->timeout_s = timeout_s;
    c->launcher = getppid();
    gethostname(c->host, sizeof c->host - 1);
    if (set("OMPI_COMM_WORLD_SIZE") || set("PMIX_RANK"))
        LT_TRY(open_mpi(c));
    else if (tasks && atoi(tasks) > 1 && set("SLURM_PROCID"))
        LT_FAIL(LT_E_USAGE, "this Slurm step has %s tasks that do not know of each other: start it with srun --mpi=pmix, or mpirun inside the batch script",
                tasks);
    *out = c;
    c = NULL;
done:
    lt_comm_close(&c, 0);
    return st;
}

int lt_comm_rank(const lt_comm *comm) { return comm->rank; }
int lt_comm_size(const lt_comm *comm) { return comm->size; }
int lt_comm_local_rank(const lt_comm *comm) { return comm->local_rank; }
int lt_comm_local_size(const lt_comm *comm) { return comm->local_size; }
const char *lt_comm_host(const lt_comm *comm) { return comm->host; }

const char *lt_comm_library(void)
{
#ifdef OMPI_MAJOR_VERSION
#define LT_TEXT_(x) #x
#define LT_TEXT(x) LT_TEXT_(x)
    return "Open MPI " LT_TEXT(OMPI_MAJOR_VERSION) "." LT_TEXT(OMPI_MINOR_VERSION) "." LT_TEXT(OMPI_RELEASE_VERSION);
#else
    return "MPI " LT_TEXT(MPI_VERSION) "." LT_TEXT(MPI_SUBVERSION);
#endif
}

/* Frees what has left. */
static lt_status sweep(lt_comm *c)
{
    lt_status st = LT_OK;
    for (letter **p = &c->in_flight; *p;) {
        letter *l = *p;
        int gone = 0;
        LT_MPI(MPI_Test(&l->request, &gone, MPI_STATUS_IGNORE));
        if (gone) {
            *p = l->next;
            free(l);
        } else {
            p = &l->next;
        }
    }
done:
    return st;
}

lt_status lt_comm_send(lt_comm *c, int to, const lt_message *m)
{
    lt_status st = LT_OK;
    letter *l = calloc(1, sizeof *l);
    if (!l) LT_FAIL(LT_E_MEMORY, "no memory for a message");
    l->m = *m;
    l->m.from = c->rank;
    if (to == c->rank) {
        if (c->to_self_last) c->to_self_last->next = l;
        else c->to_self = l;
        c->to_self_last = l;
        l = NULL;
    } else {
        LT_MPI(MPI_Isend(&l->m, (int)sizeof l->m, MPI_BYTE, to, TAG_MESSAGE, c->mpi, &l->request));
        l->next = c->in_flight;
        c->in_flight = l;
        l = NULL;
        LT_TRY(sweep(c));
    }
done:
    free(l);
    return st;
}

lt_status lt_comm_receive(lt_comm *c, lt_message *m)
{
    lt_status st = LT_OK;
    letter *own = c->to_self;
    int there = 0;
    MPI_Status from;
    if (own) {
        *m = own->m;
        c->to_self = own->next;
        if (!c->to_self) c->to_self_last = NULL;
        free(own);
        return LT_OK;
    }
    if (!c->with_mpi) return LT_END;
    if (getppid() != c->launcher) LT_FAIL(LT_E_PEER, "the launcher of this rank is gone: run the same command again");
    LT_TRY(sweep(c));
    LT_MPI(MPI_Iprobe(MPI_ANY_SOURCE, TAG_MESSAGE, c->mpi, &there, &from));
    if (!there) return LT_END;
    LT_MPI(MPI_Recv(m, (int)sizeof *m, MPI_BYTE, from.MPI_SOURCE, TAG_MESSAGE, c->mpi, MPI_STATUS_IGNORE));
    m->text[sizeof m->text - 1] = 0;
done:
    return st;
}

struct lt_bulk {
    MPI_Request request;
    bool        out;
};

static lt_status new_bulk(lt_comm *c, int tag, size_t n_bytes, lt_bulk **out)
{
    lt_status st = LT_OK;
    *out = NULL;
    if (!c->with_mpi || n_bytes > INT_MAX || tag < 0 || tag >= TAGS_BULK) LT_FAIL(LT_E_INTERNAL, "a block of %zu bytes cannot be sent", n_bytes);
    *out = calloc(1, sizeof **out);
    if (!*out) LT_FAIL(LT_E_MEMORY, "no memory for a transfer");
done:
    return st;
}

lt_status lt_bulk_send(lt_comm *c, int to, int tag, const void *bytes, size_t n_bytes, lt_bulk **out)
{
    lt_status st = LT_OK;
    lt_bulk *b = NULL;
    *out = NULL;
    LT_TRY(new_bulk(c, tag, n_bytes, &b));
    LT_MPI(MPI_Isend(bytes, (int)n_bytes, MPI_BYTE, to, TAG_BULK + tag, c->mpi, &b->request));
    b->out = true;
    *out = b;
    b = NULL;
done:
    free(b);
    return st;
}

lt_status lt_bulk_receive(lt_comm *c, int from, int tag, void *bytes, size_t n_bytes, lt_bulk **out)
{
    lt_status st = LT_OK;
    lt_bulk *b = NULL;
    *out = NULL;
    LT_TRY(new_bulk(c, tag, n_bytes, &b));
    LT_MPI(MPI_Irecv(bytes, (int)n_bytes, MPI_BYTE, from, TAG_BULK + tag, c->mpi, &b->request));
    *out = b;
    b = NULL;
done:
    free(b);
    return st;
}

lt_status lt_bulk_look(lt_comm *c, lt_bulk **bulk)
{
    lt_status st = LT_OK;
    int there = 0;
    (void)c;
    LT_MPI(MPI_Test(&(*bulk)->request, &there, MPI_STATUS_IGNORE));
    if (there) {
        free(*bulk);
        *bulk = NULL;
    }
done:
    return st;
}

void lt_bulk_abandon(lt_comm *c, lt_bulk **bulk)
{
    lt_bulk *b = *bulk;
    if (!b) return;
    /* A send cannot be cancelled, so it may hold up the farewell for ever. */
    if (b->out) c->untidy = true;
    else if (MPI_Cancel(&b->request) == MPI_SUCCESS) MPI_Wait(&b->request, MPI_STATUS_IGNORE);
    free(b);
    *bulk = NULL;
}

lt_status lt_comm_gather_all(lt_comm *c, const void *mine, size_t n_bytes, void *all)
{
    lt_status st = LT_OK;
    MPI_Request request = MPI_REQUEST_NULL;
    if (!c->with_mpi) {
        memcpy(all, mine, n_bytes);
        return LT_OK;
    }
    const size_t whole = n_bytes * (size_t)c->size;
    kept *k = malloc(sizeof *k + whole + n_bytes);
    if (!k) LT_FAIL(LT_E_MEMORY, "no memory to ask %d ranks", c->size);
    memcpy(k->bytes + whole, mine, n_bytes);
    LT_MPI(MPI_Iallgather(k->bytes + whole, (int)n_bytes, MPI_BYTE, k->bytes, (int)n_bytes, MPI_BYTE, c->mpi, &request));
    LT_TRY(wait_for(c, &request, "gather"));
    memcpy(all, k->bytes, whole);
done:
    if (st < 0 && request != MPI_REQUEST_NULL) {
        /* The late ones may still come, and MPI then writes what they bring; nor can it say farewell before they do. */
        c->untidy = true;
        k->next = c->kept;
        c->kept = k;
        k = NULL;
    }
    free(k);
    return st;
}

lt_status lt_agree(lt_comm *c, int mine, int *out)
{
    lt_status st = LT_OK;
    int *all = calloc((size_t)c->size, sizeof *all);
    *out = lt_exit_worse(mine, 75);
    if (!all) LT_FAIL(LT_E_MEMORY, "no memory to agree on %d ranks", c->size);
    LT_TRY(lt_comm_gather_all(c, &mine, sizeof mine, all));
    *out = mine;
    for (int r = 0; r < c->size; r++) *out = lt_exit_worse(*out, all[r]);
done:
    free(all);
    return st;
}

lt_status lt_agree_status(lt_comm *c, lt_status mine)
{
    lt_status st = LT_OK, worst = LT_OK;
    int who = 0;
    typedef struct {
        lt_status status;
        char      text[512];
    } verdict;
    verdict in = { mine, "" };
    verdict *all = calloc((size_t)c->size, sizeof *all);
    if (!all) LT_FAIL(LT_E_MEMORY, "no memory to agree on %d ranks", c->size);
    if (mine < 0) snprintf(in.text, sizeof in.text, "%s", lt_error_last()->text);
    LT_TRY(lt_comm_gather_all(c, &in, sizeof in, all));
    for (int r = 0; r < c->size; r++) {
        if (all[r].status >= 0) continue;
        int a = lt_exit_code(all[r].status), b = worst < 0 ? lt_exit_code(worst) : 0;
        if (worst >= 0 || (a != b && lt_exit_worse(a, b) == a)) worst = all[r].status, who = r;
    }
    if (mine < 0) st = mine;             /* this rank's own record says more */
    else if (worst < 0) LT_FAIL(worst, "rank %d: %s", who, all[who].text);
done:
    free(all);
    return st;
}

void lt_comm_close(lt_comm **comm, int together)
{
    lt_comm *c = *comm;
    if (!c) return;
    if (c->with_mpi && together && !c->untidy) {
        while (c->in_flight) {
            letter *l = c->in_flight;
            c->in_flight = l->next;
            MPI_Wait(&l->request, MPI_STATUS_IGNORE);
            free(l);
        }
        if (c->mpi != MPI_COMM_NULL) MPI_Comm_free(&c->mpi);
        MPI_Finalize();
    }
    while (c->to_self) {
        letter *l = c->to_self;
        c->to_self = l->next;
        free(l);
    }
    free(c);
    *comm = NULL;
}
