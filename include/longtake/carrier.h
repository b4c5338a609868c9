/* longtake/carrier.h -- how a block of bytes travels from one rank to another.
 *
 * in    the ranks, and the device of each
 * out   blocks, whole or not at all; by which way, and why
 * owns  the NCCL communicator, its stream and the pinned memory beside it; borrows the communicator of the ranks, the device and the staging memory
 *
 * Two ways with one contract and the same bytes: MPI between host memories, and NCCL between the memories of GPUs. Which one it is follows by rule from
 * what all ranks are: NCCL where the build has CUDA, there is more than one rank, every rank computes on a whole GPU of its own, and no ranks of another
 * kind were allowed; else MPI.
 *
 * NCCL has no tags, and an operation on one side waits for the other one's. So a carrier that takes turns carries one block in the whole job at a time:
 * who uses it lets both sides post only after a message that names the transfer, and the next pair only after both have seen the end (pipeline/exchange).
 *
 * Thread: the one that makes the calls on lt_comm makes these as well; lt_carrier_open binds it to the device. A helper thread gives the communicator
 * back, so that one that never comes back can be given up. */
#ifndef LONGTAKE_CARRIER_H
#define LONGTAKE_CARRIER_H

#include <longtake/comm.h>
#include <longtake/device.h>
#include <longtake/status.h>

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { LT_CARRIER_MPI, LT_CARRIER_NCCL } lt_carrier_kind;

typedef struct lt_carrier lt_carrier;

/* A block on its way. */
typedef struct lt_parcel lt_parcel;

typedef struct {
    lt_device *device;               /* NULL: the CPU */
    bool       mixed;                /* ranks of several kinds of device are allowed */
    bool       self;                 /* for tests: a single rank has a communicator and sends to itself; staging holds two blocks */
    size_t     room;                 /* bytes of the largest block */
    void      *staging;              /* [lt_carrier_device_bytes(room)] of the device's memory, at a multiple of 256; NULL on the CPU */
    int        timeout_s;            /* how long a transfer, and the other ranks at the beginning, are waited for */
} lt_carrier_opts;

/* What a carrier takes beside the blocks where it may be NCCL: of the device's memory, and pinned memory of the host. */
size_t lt_carrier_device_bytes(size_t room);
size_t lt_carrier_host_bytes(size_t room);

/* [collective] Chooses the way and opens it. Over NCCL every rank has greeted every other (the next ones, where there are many) when this returns, so
 * that connections and what they take are there. Where NCCL cannot be opened on some rank, all take MPI, and the reason says so. */
LT_NODISCARD lt_status lt_carrier_open(lt_comm *comm, const lt_carrier_opts *opts, lt_carrier **out);

lt_carrier_kind lt_carrier_get_kind(const lt_carrier *c);

/* "NCCL 2.28.9 between 4 GPUs", "MPI: ranks 0 and 1 share GPU-...": for the log and the report. Borrowed. */
const char *lt_carrier_reason(const lt_carrier *c);

/* The rule's choice could not be had: worth a warning. */
bool lt_carrier_fell_back(const lt_carrier *c);

/* One block in the whole job at a time. */
bool lt_carrier_takes_turns(const lt_carrier *c);

/* Begins to send, or to receive, a block of exactly n_bytes of host memory, which stays the caller's and in place until the transfer is done. Both
 * sides have agreed on it by messages, and name the same `tag`, 0 .. 30000. n_bytes is at most opts.room. */
LT_NODISCARD lt_status lt_carrier_send(lt_carrier *c, int to, int tag, const void *bytes, size_t n_bytes, lt_parcel **out);
LT_NODISCARD lt_status lt_carrier_receive(lt_carrier *c, int from, int tag, void *bytes, size_t n_bytes, lt_parcel **out);

/* Looks whether it is done, without waiting; *parcel is NULL once it is. LT_E_PEER where NCCL reports a failure, LT_E_TIMEOUT after opts.timeout_s,
 * LT_E_DEVICE where the device is lost: the carrier is broken then. */
LT_NODISCARD lt_status lt_carrier_look(lt_carrier *c, lt_parcel **parcel);

/* Gives up a transfer. Over NCCL that breaks the carrier. *parcel is NULL afterwards; NULL is accepted. */
void lt_carrier_abandon(lt_carrier *c, lt_parcel **parcel);

/* Somebody else found that a rank does not answer: from now on nothing travels over NCCL. Nothing over MPI. */
void lt_carrier_break(lt_carrier *c);

/* opts.timeout_s. */
int lt_carrier_timeout(const lt_carrier *c);

/* Looks for an error of NCCL while nothing is on its way. */
LT_NODISCARD lt_status lt_carrier_poll(lt_carrier *c);

/* Whether nothing travels any more: NCCL failed, or the device is lost, and its communicator is being aborted. The ranks still reach each other by messages. */
bool lt_carrier_broken(const lt_carrier *c);

/* [collective] where `together`. Gives the communicator back: all ranks do so in good order where none is broken, else each aborts its own. To be called
 * before the staging memory, the device and the ranks' communicator are released. LT_E_TIMEOUT where NCCL did not let go within 10 s: the process must
 * leave at once, without touching the device again. *c is NULL afterwards; NULL is accepted. */
LT_NODISCARD lt_status lt_carrier_close(lt_carrier **c, bool together);

#ifdef __cplusplus
}
#endif
#endif
