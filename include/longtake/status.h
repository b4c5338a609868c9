/* longtake/status.h -- how every call of the library fails.
 *
 * in    nothing
 * out   a status, and one error record per thread that says what went wrong and on which way it came up
 * owns  the calling thread's record
 *
 * A negative status is a failure; LT_OK is success; LT_END is success with nothing more to deliver.
 * The record is written once, where the failure happened, in words for the user: what, where, what to do.
 * Each level above adds a frame. Nothing here aborts. */
#ifndef LONGTAKE_STATUS_H
#define LONGTAKE_STATUS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LT_NODISCARD __attribute__((warn_unused_result))
#define LT_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define LT_NODISCARD
#define LT_PRINTF(fmt, first)
#endif

typedef enum {
    LT_OK = 0,
    LT_END = 1,              /* no more items; not a failure */
    LT_E_USAGE = -1,         /* a command line, option file or settings that do not match: exit 64 */
    LT_E_DATA = -2,          /* an input is bad: exit 65; the others go on */
    LT_E_DEVICE = -3,        /* device absent, of another kind, or lost: exit 69 */
    LT_E_MEMORY = -4,        /* memory beyond the plan or the limit: exit 69 */
    LT_E_INTERNAL = -5,      /* a fault of ours: exit 70 */
    LT_E_STORE = -6,         /* output cannot be written: exit 74; mend it and run again */
    LT_E_STOPPED = -7,       /* asked to stop early: exit 75; run again */
    LT_E_PEER = -8,          /* another rank failed; its record says more */
    LT_E_TIMEOUT = -9,       /* a peer did not answer before the deadline: exit 75 */
    LT_E_ABSENT = -10        /* the thing asked for does not exist (yet); callers usually handle it */
} lt_status;

/* The exit code of a status (docs/failures.md): 0, 64, 65, 69, 70, 74 or 75. */
int lt_exit_code(lt_status st);

/* The worse of two exit codes: 64, 70, 69, 74, 75, 65, 0, from worst to best. */
int lt_exit_worse(int a, int b);

enum { LT_ERROR_TEXT = 1024, LT_ERROR_FRAMES = 12 };

/* A copyable error record, so that a worker thread can hand its failure to the thread that reports it. */
typedef struct {
    lt_status status;
    char      text[LT_ERROR_TEXT];
    struct {
        const char *file, *func, *call;
        int         line;
    } frames[LT_ERROR_FRAMES];
    int n_frames;
} lt_error;

/* Writes the thread's record and returns `code`. `file`, `func` must be static strings. */
lt_status lt_raise(lt_status code, const char *file, int line, const char *func, const char *format, ...)
    LT_PRINTF(5, 6);

/* Adds a frame to the thread's record. All strings must be static. */
void lt_trace(const char *file, int line, const char *func, const char *call);

/* Puts "format: " before the text of the record, e.g. the clip and segment a failure belongs to. */
void lt_error_prefix(const char *format, ...) LT_PRINTF(1, 2);

/* The thread's record. Borrowed; valid until the thread's next failure. */
const lt_error *lt_error_last(void);

/* Makes `e` the thread's record: the receiving half of handing an error across threads. */
void lt_error_set(const lt_error *e);

void lt_error_clear(void);

#define LT_TRY_(expr, text)                                                  \
    do {                                                                     \
        if ((st = (expr)) < 0) {                                             \
            lt_trace(__FILE__, __LINE__, __func__, text);                    \
            goto done;                                                       \
        }                                                                    \
    } while (0)

/* For functions with `lt_status st` and a label `done:`: leaves through `done` when the call fails. */
#define LT_TRY(call) LT_TRY_(call, #call)

/* Raises and leaves through `done`. */
#define LT_FAIL(code, ...)                                                   \
    do {                                                                     \
        st = lt_raise(code, __FILE__, __LINE__, __func__, __VA_ARGS__);      \
        goto done;                                                           \
    } while (0)

/* Below `done:` only. Every release is attempted; the first failure is the one reported. */
#define LT_ALSO(call)                                                        \
    do {                                                                     \
        lt_status also_ = (call);                                            \
        if (st >= 0 && also_ < 0) st = also_;                                \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
