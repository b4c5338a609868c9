#include <longtake/stop.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* How often the stop file and the clock are looked at; a signal wakes the watcher at once. */
enum { LOOK_MS = 250 };

struct lt_stop {
    pthread_t       thread;
    bool            started;
    pthread_mutex_t lock;
    atomic_int      flag, quit;
    char            reason[256];
    char           *stop_file;
    int64_t         leave_at;      /* UNIX seconds; 0: never */
};

static sigset_t watched(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCONT);
    return set;
}

void lt_stop_block(void)
{
    sigset_t set = watched();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

void lt_stop_raise(lt_stop *s, const char *reason)
{
    pthread_mutex_lock(&s->lock);
    if (!atomic_load(&s->flag)) {
        snprintf(s->reason, sizeof s->reason, "%s", reason);
        atomic_store(&s->flag, 1);
    }
    pthread_mutex_unlock(&s->lock);
}

static void look(lt_stop *s)
{
    if (s->stop_file && access(s->stop_file, F_OK) == 0) lt_stop_raise(s, "the stop file is there");
    if (s->leave_at && (int64_t)time(NULL) >= s->leave_at) lt_stop_raise(s, "the job's time is nearly over");
}

static void *watch(void *arg)
{
    lt_stop *s = arg;
    const sigset_t set = watched();
    const struct timespec nap = { 0, LOOK_MS * 1000000L };
    while (!atomic_load(&s->quit)) {
        look(s);
        int sig = sigtimedwait(&set, NULL, &nap);
        /* SIGCONT precedes a launcher's SIGTERM but also follows a plain Ctrl-Z: it only makes us look. */
        if (sig > 0 && sig != SIGCONT) {
            char text[64];
            snprintf(text, sizeof text, "signal %s", sig == SIGUSR2 ? "USR2" : sig == SIGTERM ? "TERM" : "INT");
            lt_stop_raise(s, text);
        }
    }
    return NULL;
}

lt_status lt_stop_create(const lt_stop_opts *opts, lt_stop **out)
{
    lt_status st = LT_OK;
    lt_stop *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory to watch for signals");
    pthread_mutex_init(&s->lock, NULL);
    if (opts->stop_file && !(s->stop_file = strdup(opts->stop_file)))
        LT_FAIL(LT_E_MEMORY, "no memory to watch for signals");
    if (opts->end_time) s->leave_at = opts->end_time - opts->margin_s;
    look(s);
    if (pthread_create(&s->thread, NULL, watch, s))
        LT_FAIL(LT_E_MEMORY, "cannot start a thread to watch for signals: raise the limit of processes");
    s->started = true;
    *out = s;
    s = NULL;
done:
    lt_stop_destroy(&s);
    return st;
}

const atomic_int *lt_stop_flag(const lt_stop *s)
{
    return &s->flag;
}

const char *lt_stop_reason(const lt_stop *s)
{
    return atomic_load(&s->flag) ? s->reason : "";
}

void lt_stop_destroy(lt_stop **stop)
{
    lt_stop *s = *stop;
    if (!s) return;
    if (s->started) {
        atomic_store(&s->quit, 1);
        pthread_join(s->thread, NULL);
    }
    pthread_mutex_destroy(&s->lock);
    free(s->stop_file);
    free(s);
    *stop = NULL;
}

lt_status lt_stop_end_time(char *(*get)(const char *), int64_t *out)
{
    static const char *const names[] = { "LONGTAKE_END_TIME", "SLURM_JOB_END_TIME" };
    lt_status st = LT_OK;
    *out = 0;
    for (int i = 0; i < 2 && !*out; i++) {
        const char *text = get(names[i]);
        char *end;
        if (!text || !*text) continue;
        errno = 0;
        long long v = strtoll(text, &end, 10);
        if (errno || *end || v <= 0)
            LT_FAIL(LT_E_USAGE, "%s is '%s': give UNIX seconds (date +%%s), or unset it", names[i], text);
        *out = v;
    }
done:
    return st;
}
