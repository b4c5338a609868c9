/* longtake/stop.h -- when to leave early.
 *
 * in    SIGUSR2, SIGTERM, SIGINT, a stop file, the known end of the job's time
 * out   one flag, raised once and never lowered, and the reason in words
 * owns  a watching thread
 *
 * No handler runs in anyone's thread: the signals are blocked everywhere and waited for by the watcher, so
 * lt_stop_block() comes first in main, before any library starts a thread. The flag may be read by any thread. */
#ifndef LONGTAKE_STOP_H
#define LONGTAKE_STOP_H

#include <longtake/status.h>

#include <stdatomic.h>
#include <stdint.h>

typedef struct lt_stop lt_stop;

/* Blocks the signals above in the calling thread and in all that it starts later; ignores SIGPIPE. */
void lt_stop_block(void);

typedef struct {
    const char *stop_file;     /* copied; NULL: none. It stops the job while it exists */
    int64_t     end_time;      /* UNIX seconds at which the launcher ends the job; 0: unknown */
    int         margin_s;      /* stop this long before end_time */
} lt_stop_opts;

/* Starts the watcher. */
LT_NODISCARD lt_status lt_stop_create(const lt_stop_opts *opts, lt_stop **out);

/* The flag: 0, or 1 when work should stop. Borrowed; lives as long as `stop`. */
const atomic_int *lt_stop_flag(const lt_stop *stop);

/* Raises the flag, e.g. because another rank said so. The first reason is kept (copied). */
void lt_stop_raise(lt_stop *stop, const char *reason);

/* The reason, "" while the flag is down. Borrowed. */
const char *lt_stop_reason(const lt_stop *stop);

/* Ends the watcher; *stop is NULL afterwards; NULL is accepted. */
void lt_stop_destroy(lt_stop **stop);

/* SLURM_JOB_END_TIME or LONGTAKE_END_TIME, as UNIX seconds; 0 where neither is set. LT_E_USAGE for a value that
 * is not a number. */
LT_NODISCARD lt_status lt_stop_end_time(char *(*get)(const char *), int64_t *out);

#endif
