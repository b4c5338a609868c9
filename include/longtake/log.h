/* longtake/log.h -- lines for the user, on stderr.
 *
 * in    a level and a sentence
 * out   one whole line each: "longtake: [rank r@host: ][warning: ]sentence", the time in front at level debug
 * owns  nothing but its lock; the stream is borrowed
 *
 * Any thread may write. A NULL log is silent, so that library calls may be given none. */
#ifndef LONGTAKE_LOG_H
#define LONGTAKE_LOG_H

#include <longtake/status.h>

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lt_log lt_log;

typedef enum { LT_LOG_ERROR, LT_LOG_WARN, LT_LOG_INFO, LT_LOG_DEBUG } lt_log_level;

/* Lines up to `level` go to `out`. */
LT_NODISCARD lt_status lt_log_create(FILE *out, lt_log_level level, lt_log **log);

/* *log is NULL afterwards; NULL is accepted. */
void lt_log_destroy(lt_log **log);

/* Lines say "rank r@host: " from now on where size > 1. `host` is copied. */
void lt_log_set_rank(lt_log *log, int rank, int size, const char *host);

void lt_log_set_level(lt_log *log, lt_log_level level);
lt_log_level lt_log_get_level(const lt_log *log);      /* LT_LOG_ERROR for NULL */

/* Something that stays on the last line of the terminal: it is cleared before a line and drawn after it, both on
 * the writing thread with the log's lock held, so neither may write to the log. NULLs remove it. */
void lt_log_set_bar(lt_log *log, void (*clear)(void *ctx, FILE *out), void (*draw)(void *ctx, FILE *out), void *ctx);

/* Clears and draws the bar now: how its owner moves it. */
void lt_log_redraw(lt_log *log);

/* One line; line ends inside the text become spaces. */
void lt_log_write(lt_log *log, lt_log_level level, const char *format, ...) LT_PRINTF(3, 4);

#define lt_log_error(log, ...) lt_log_write(log, LT_LOG_ERROR, __VA_ARGS__)
#define lt_log_warn(log, ...)  lt_log_write(log, LT_LOG_WARN, __VA_ARGS__)
#define lt_log_info(log, ...)  lt_log_write(log, LT_LOG_INFO, __VA_ARGS__)
#define lt_log_debug(log, ...) lt_log_write(log, LT_LOG_DEBUG, __VA_ARGS__)

/* The record of a failure as an error line; with_frames (or level debug) adds the way it came up, a line each. */
void lt_log_failure(lt_log *log, const lt_error *e, int with_frames);

#ifdef __cplusplus
}
#endif
#endif
