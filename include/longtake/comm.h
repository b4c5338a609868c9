/* longtake/comm.h -- the ranks of a job.
 *
 * in    a launcher's environment
 * out   who we are, small messages between ranks, agreement on how the job ends
 * owns  MPI, which is initialised only when a launcher is recognised; otherwise there is one rank and no MPI
 *
 * One thread makes all calls on a lt_comm. Every wait has a deadline and sleeps between looks, since ranks share
 * cores with the work. [collective] calls are made by every rank in the same order. */
#ifndef LONGTAKE_COMM_H
#define LONGTAKE_COMM_H

#include <longtake/status.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lt_comm lt_comm;

/* [collective] Initialises MPI if OMPI_COMM_WORLD_SIZE or PMIX_RANK is set. A Slurm step of several tasks without
 * PMIx is LT_E_USAGE. timeout_s: how long a rank waits for the others anywhere. */
LT_NODISCARD lt_status lt_comm_open(int timeout_s, lt_comm **out);

int lt_comm_rank(const lt_comm *comm);
int lt_comm_size(const lt_comm *comm);

/* This rank among those of its node, and how many they are. */
int lt_comm_local_rank(const lt_comm *comm);
int lt_comm_local_size(const lt_comm *comm);

/* Name of this rank's host. Borrowed. */
const char *lt_comm_host(const lt_comm *comm);

/* "Open MPI v4.1.4, ..." or "none"; borrowed. */
const char *lt_comm_library(void);

/* A message of fixed size; what the numbers mean is the sender's and receiver's business. */
typedef struct {
    int     kind;
    int     from;                /* set on receipt */
    int64_t n[8];
    double  x[4];
    char    text[640];
} lt_message;

/* Queues a message to a rank (this rank included) and returns; it leaves while lt_comm_receive is called.
 * Messages between two ranks arrive in the order in which they were sent. */
LT_NODISCARD lt_status lt_comm_send(lt_comm *comm, int to, const lt_message *m);

/* The next message for this rank, or LT_END when there is none now. Never blocks. LT_E_PEER when the launcher
 * is gone: leave without another call. */
LT_NODISCARD lt_status lt_comm_receive(lt_comm *comm, lt_message *m);

/* A block of bytes on its way to or from a rank. */
typedef struct lt_bulk lt_bulk;

/* Begins to send, or to receive, a block of exactly n_bytes (below 2 GiB), which stays the caller's and must stay in place until the transfer is
 * done. Both sides name the same `tag`, 0 .. 30000, and have agreed on the transfer by messages before: a block that nobody
 * receives would hold up the end of the sender. */
LT_NODISCARD lt_status lt_bulk_send(lt_comm *comm, int to, int tag, const void *bytes, size_t n_bytes, lt_bulk **out);
LT_NODISCARD lt_status lt_bulk_receive(lt_comm *comm, int from, int tag, void *bytes, size_t n_bytes, lt_bulk **out);

/* Looks whether it is done, without waiting; *bulk is NULL once it is. */
LT_NODISCARD lt_status lt_bulk_look(lt_comm *comm, lt_bulk **bulk);

/* Gives up a transfer; one that goes out leaves MPI in a state that lt_comm_close then does not wait for. *bulk is NULL afterwards; NULL is
 * accepted. */
void lt_bulk_abandon(lt_comm *comm, lt_bulk **bulk);

/* [collective] all[r * n_bytes ...] becomes rank r's `mine`. LT_E_TIMEOUT naming the deadline. */
LT_NODISCARD lt_status lt_comm_gather_all(lt_comm *comm, const void *mine, size_t n_bytes, void *all);

/* [collective] The worst of all ranks' exit codes (lt_exit_worse), the same on every rank. On LT_E_TIMEOUT *out is
 * the worse of mine and 75: leave anyway. */
LT_NODISCARD lt_status lt_agree(lt_comm *comm, int mine, int *out);

/* [collective] After a failure of a status-returning step: the worst status of all ranks. A healthy rank gets the
 * worst status with the text of the rank that failed, so that all leave with one code and one message. */
LT_NODISCARD lt_status lt_agree_status(lt_comm *comm, lt_status mine);

/* Ends MPI. together: all ranks are known to come here, and no block is on its way; otherwise MPI is left without its farewell, which would
 * wait for the dead. *comm is NULL afterwards; NULL is accepted. */
void lt_comm_close(lt_comm **comm, int together);

#ifdef __cplusplus
}
#endif
#endif
