/* longtake/fault.h -- makes the k-th foreign call of a kind fail, for tests.
 *
 * in    LT_FAULT in the environment, e.g. "h5:3", "write:2,fsync:1", "h5:3@1" (rank 1 only)
 * out   that call is not made and fails instead; every other call is untouched
 * owns  the counters of calls, the one exception to "no globals"; any thread may count
 *
 * Kinds in use: h5, open, read, write, fsync, rename, link, mkdir, mpi. Compiled in with -DLT_FAULTS=ON only; without it
 * the macros are nothing. The rank is OMPI_COMM_WORLD_RANK or PMIX_RANK, 0 without a launcher. */
#ifndef LONGTAKE_FAULT_H
#define LONGTAKE_FAULT_H

#include <longtake/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef LT_FAULTS
#include <errno.h>

/* Counts one call of `kind`; not 0 where it is the one that shall fail. */
int lt_fault(const char *kind);

/* Writes "injected fault: h5:3" to the record and returns `code`. */
lt_status lt_fault_status(const char *kind, lt_status code);

/* Replaces what LT_FAULT said and begins counting anew; NULL or "": no faults. For tests. */
void lt_fault_set(const char *spec);

/* Calls of `kind` since the start or lt_fault_set. For tests. */
long lt_fault_count(const char *kind);

/* LT_TRY(LT_FAULT_("mpi", LT_E_PEER) mpi_status(call)) */
#define LT_FAULT_(kind, code) lt_fault(kind) ? lt_fault_status(kind, code) :
/* if (LT_FAULTY("fsync", EIO, fsync(fd))) ...: the call, or -1 and errno */
#define LT_FAULTY(kind, error, call) (lt_fault(kind) ? (errno = (error), -1) : (call))
#else
#define LT_FAULT_(kind, code)
#define LT_FAULTY(kind, error, call) (call)
#endif

#ifdef __cplusplus
}
#endif
#endif
