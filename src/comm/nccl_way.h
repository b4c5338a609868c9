/* comm/nccl_way.h -- one NCCL communicator and the block that is on its way over it. Private to src/comm.
 *
 * in    the id of the communicator, a device, staging memory on it
 * out   blocks from host memory to host memory
 * owns  communicator, stream, event, pinned memory
 *
 * At most one block is on its way (sending to oneself: one out and one in). nccl_way.c alone shows nccl.h; a build without CUDA has the same calls,
 * which all say so. */
#ifndef LT_COMM_NCCL_WAY_H
#define LT_COMM_NCCL_WAY_H

#include <longtake/carrier.h>

enum { LT_NCCL_ID = 128 };

typedef struct lt_nccl lt_nccl;

/* Whether the build has it, and "NCCL 2.28.9" of the library that is there. */
bool lt_nccl_built(void);
void lt_nccl_version(char *text, size_t room);

/* What one rank makes and all are given. */
LT_NODISCARD lt_status lt_nccl_id(unsigned char id[LT_NCCL_ID]);

/* Bytes of one place for a block. */
size_t lt_nccl_place(size_t room);

/* All ranks make this call at about the same time; LT_E_TIMEOUT where they do not within opts->timeout_s / 2. On failure *out may be there, to be closed. */
LT_NODISCARD lt_status lt_nccl_open(const lt_carrier_opts *opts, int rank, int n_ranks, const unsigned char id[LT_NCCL_ID], lt_nccl **out);

/* Posts one side of a transfer; the way must be free. Sending to oneself: `send` waits for `receive`, which posts both. */
LT_NODISCARD lt_status lt_nccl_send(lt_nccl *n, int to, const void *bytes, size_t n_bytes);
LT_NODISCARD lt_status lt_nccl_receive(lt_nccl *n, int from, void *bytes, size_t n_bytes);

/* Moves what was posted on; *done when it is through. */
LT_NODISCARD lt_status lt_nccl_look(lt_nccl *n, bool out, bool *done);

/* An error that came while nothing was on its way. */
LT_NODISCARD lt_status lt_nccl_poll(lt_nccl *n);

/* Something is on its way that nobody waits for any more, or a peer is broken: begins the abort. */
void lt_nccl_abort(lt_nccl *n);

/* Aborted, or its device is lost. */
bool lt_nccl_broken(const lt_nccl *n);

/* Waits at most 10 s for the abort, or for the farewell of all ranks; LT_E_TIMEOUT, and everything is left as it is, where it does not come.
 * *n is NULL afterwards; NULL is accepted. */
LT_NODISCARD lt_status lt_nccl_close(lt_nccl **n);

#endif
