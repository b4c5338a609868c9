/* longtake/progress.h -- how far the job is.
 *
 * in    the state of the job, and the time, from one thread
 * out   a bar on a terminal, plain lines, or JSON lines
 * owns  its copy of the last state; the stream is borrowed
 *
 * Times are seconds of any steady clock, given by the caller. lt_progress_hide and lt_progress_show fit
 * lt_log_set_bar, so that log lines and the bar share a terminal; with a log attached, move the bar through
 * lt_log_redraw where lt_progress_update says so. */
#ifndef LONGTAKE_PROGRESS_H
#define LONGTAKE_PROGRESS_H

#include <longtake/status.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lt_progress lt_progress;

/* AUTO: BAR where `tty`, else PLAIN. */
typedef enum { LT_SHOW_AUTO, LT_SHOW_BAR, LT_SHOW_PLAIN, LT_SHOW_JSON, LT_SHOW_NONE } lt_progress_mode;

typedef struct {
    lt_progress_mode mode;
    FILE            *out;
    bool             tty;            /* out is a terminal */
    bool             utf8;           /* the terminal shows UTF-8; lt_progress_utf8() */
    int              columns;        /* of the terminal; 0: asked of `out`, else 80 */
    int              n_ranks;        /* at least 1 */
    bool             verbose;        /* one line a rank below the bar */
    double           plain_period;   /* seconds between lines of PLAIN; 0: 5 */
    double           json_period;    /* of JSON; 0: 1 */
} lt_progress_opts;

enum { LT_PROGRESS_NAME = 64 };

typedef struct {
    char    host[LT_PROGRESS_NAME];
    char    state[LT_PROGRESS_NAME];  /* a few words: "film.mp4 0-63", "merging", "waiting" */
    int64_t frames;                   /* made so far */
    double  frames_per_s;             /* as the caller measured; 0: taken from `frames` over time */
} lt_progress_rank;

typedef struct {
    int64_t frames_done, frames_total;            /* done includes those of earlier runs */
    int64_t frames_before;                        /* done when this run began: not counted into frames/s */
    int64_t segments_done, segments_total, segments_failed;
    int64_t videos_done, videos_total;
    int64_t device_planned, device_used;          /* bytes, sum or largest over ranks as the caller likes; -1: unknown */
    int64_t host_planned, host_used;
    const lt_progress_rank *ranks;                /* [n_ranks]; NULL: none */
} lt_progress_state;

/* Whether the locale of the environment (LC_ALL, LC_CTYPE, LANG) is UTF-8. */
bool lt_progress_utf8(void);

LT_NODISCARD lt_status lt_progress_create(const lt_progress_opts *opts, lt_progress **out);

/* Takes the state at time `now` and draws when it is due: at most 10 times a second for BAR. */
void lt_progress_update(lt_progress *p, const lt_progress_state *state, double now);

/* As update, but only says whether it is due to be drawn; the caller then calls lt_log_redraw, which comes back
 * through hide and show. PLAIN and JSON lines are written here and give false. */
bool lt_progress_take(lt_progress *p, const lt_progress_state *state, double now);

/* Removes the bar from the terminal, and draws it again. ctx is the lt_progress; out is ignored where it is NULL. */
void lt_progress_hide(void *ctx, FILE *out);
void lt_progress_show(void *ctx, FILE *out);

/* Frames a second: exponential average over about 10 s. 0 until known. */
double lt_progress_rate(const lt_progress *p);

/* Removes the bar and leaves one last line (JSON: one object with "done": true). Nothing is drawn after it. */
void lt_progress_finish(lt_progress *p, double now);

/* *p is NULL afterwards; NULL is accepted. Does not draw. */
void lt_progress_destroy(lt_progress **p);

/* "1:02:03", "2:03", "45 s" into text [size]; returned. */
char *lt_seconds_text(double seconds, char *text, int size);

#ifdef __cplusplus
}
#endif
#endif
