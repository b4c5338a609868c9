/* nccl_fake.h -- NCCL between processes of one host, for machines without a GPU (LT_CUDA=FAKE).
 *
 * in    the calls of nccl.h that the product makes; the environment variable LT_FAKE_NCCL
 * out   bytes moved from the device memory of one process to that of another, as an operation on the stream of tests/cuda_fake
 * owns  a socket for each pair of ranks, a thread while a communicator is made
 *
 * As hostile as NCCL may be: a communicator is never blocking; what a group asks for is put on the stream only when ncclCommGetAsyncError was asked a few
 * times after ncclGroupEnd, so that work put on the stream before comes too early; a transfer whose other side is missing waits for ever; an abort is not
 * noticed by the other ranks. Reported (lt_fake_complain): calls while the communicator is in progress, from other threads than the one that made it
 * (farewell and abort apart), of communicators that are gone, on several streams; ranks, counts and types that are wrong; memory that is not the device's;
 * a block to oneself that is not received in the same group; sides that do not agree on the bytes. Ranks on GPUs of one UUID are refused, as by NCCL.
 *
 * LT_FAKE_NCCL is a list of words with commas between them; WORD@RANK is for one rank. N counts the groups of a communicator on a rank: 1 is the
 * greeting (src/comm/nccl_way.c).
 *   die-before:N  die-in:N  die-after:N   SIGKILL before the first byte of group N, after half of a block, when it is through
 *   stall:N           group N never completes
 *   error:N           ncclCommGetAsyncError says ncclSystemError from group N on, which never completes
 *   corrupt:N         a byte in the middle of what group N receives is another one
 *   deaf              the death of a peer is not noticed: its transfers wait for ever
 *   init-stalls       the communicator is never ready
 *   init-fails        making it fails, as the other ranks see not
 *   abort-hangs       ncclCommAbort does not come back
 * fail=F:N of LT_FAKE_CUDA makes the N-th call of a function of NCCL return ncclInternalError. */
#ifndef LT_TESTS_NCCL_FAKE_H
#define LT_TESTS_NCCL_FAKE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Communicators of this process that were neither destroyed nor aborted. */
int lt_fake_nccl_open(void);

/* Groups that were through, of all communicators. */
int lt_fake_nccl_groups(void);

#ifdef __cplusplus
}
#endif
#endif
