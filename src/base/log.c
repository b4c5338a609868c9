#include <longtake/log.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct lt_log {
    pthread_mutex_t lock;
    FILE           *out;
    atomic_int      level;
    char            rank[96];            /* "rank r@host: " or "" */
    void          (*clear)(void *ctx, FILE *out);
    void          (*draw)(void *ctx, FILE *out);
    void           *ctx;
};

lt_status lt_log_create(FILE *out, lt_log_level level, lt_log **log)
{
    lt_status st = LT_OK;
    lt_log *l = calloc(1, sizeof *l);
    *log = NULL;
    if (!l) LT_FAIL(LT_E_MEMORY, "no memory for messages");
    if (pthread_mutex_init(&l->lock, NULL)) LT_FAIL(LT_E_MEMORY, "no memory for messages");
    l->out = out;
    atomic_init(&l->level, (int)level);
    *log = l;
    l = NULL;
done:
    free(l);
    return st;
}

void lt_log_destroy(lt_log **log)
{
    if (!*log) return;
    pthread_mutex_destroy(&(*log)->lock);
    free(*log);
    *log = NULL;
}

void lt_log_set_rank(lt_log *log, int rank, int size, const char *host)
{
    if (!log) return;
    pthread_mutex_lock(&log->lock);
    if (size > 1) snprintf(log->rank, sizeof log->rank, "rank %d@%.64s: ", rank, host);
    else log->rank[0] = 0;
    pthread_mutex_unlock(&log->lock);
}

void lt_log_set_level(lt_log *log, lt_log_level level)
{
    if (log) atomic_store(&log->level, (int)level);
}

lt_log_level lt_log_get_level(const lt_log *log)
{
    return log ? (lt_log_level)atomic_load(&log->level) : LT_LOG_ERROR;
}

void lt_log_set_bar(lt_log *log, void (*clear)(void *, FILE *), void (*draw)(void *, FILE *), void *ctx)
{
    if (!log) return;
    pthread_mutex_lock(&log->lock);
    if (log->clear) log->clear(log->ctx, log->out);
    log->clear = clear;
    log->draw = draw;
    log->ctx = ctx;
    if (draw) draw(ctx, log->out);
    fflush(log->out);
    pthread_mutex_unlock(&log->lock);
}

void lt_log_redraw(lt_log *log)
{
    if (!log) return;
    pthread_mutex_lock(&log->lock);
    if (log->clear) log->clear(log->ctx, log->out);
    if (log->draw) log->draw(log->ctx, log->out);
    fflush(log->out);
    pthread_mutex_unlock(&log->lock);
}

/* "12:34:56.789 " */
static void time_text(char *out, size_t n)
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    size_t at = strftime(out, n, "%H:%M:%S", &tm);
    snprintf(out + at, n - at, ".%03ld ", now.tv_nsec / 1000000);
}

/* One write a line, so that the lines of several ranks on one terminal do not mix. */
static void put_line(lt_log *log, lt_log_level level, const char *text)
{
    static const char *const words[] = { [LT_LOG_ERROR] = "", [LT_LOG_WARN] = "warning: ", [LT_LOG_INFO] = "", [LT_LOG_DEBUG] = "" };
    char line[LT_ERROR_TEXT + 256], when[32] = "";
    if (lt_log_get_level(log) == LT_LOG_DEBUG) time_text(when, sizeof when);
    pthread_mutex_lock(&log->lock);
    int n = snprintf(line, sizeof line - 1, "%slongtake: %s%s%s", when, log->rank, words[level], text);
    if (n > (int)sizeof line - 2) n = (int)sizeof line - 2;
    for (int i = 0; i < n; i++)
        if (line[i] == '\n' || line[i] == '\r') line[i] = ' ';
    line[n++] = '\n';
    if (log->clear) log->clear(log->ctx, log->out);
    fwrite(line, 1, (size_t)n, log->out);
    if (log->draw) log->draw(log->ctx, log->out);
    fflush(log->out);
    pthread_mutex_unlock(&log->lock);
}

void lt_log_write(lt_log *log, lt_log_level level, const char *format, ...)
{
    char text[LT_ERROR_TEXT + 128];
    va_list args;
    if (!log || (int)level > atomic_load(&log->level)) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_line(log, level, text);
}

void lt_log_failure(lt_log *log, const lt_error *e, int with_frames)
{
    char text[512];
    if (!log) return;
    put_line(log, LT_LOG_ERROR, e->text);
    if (!with_frames && lt_log_get_level(log) != LT_LOG_DEBUG) return;
    for (int i = 0; i < e->n_frames; i++) {
        snprintf(text, sizeof text, "    %s:%d %s%s%s", e->frames[i].file, e->frames[i].line, e->frames[i].func,
                 *e->frames[i].call ? ": " : "", e->frames[i].call);
        put_line(log, LT_LOG_ERROR, text);
    }
}
