#include <longtake/timeline.h>

#include <longtake/clock.h>

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRACKS = 32, NAME = 64 };

struct lt_timeline {
    FILE           *file;
    char           *path;
    int             rank;
    double          start;
    pthread_mutex_t lock;
    char            track[TRACKS][NAME];
    int             n_tracks;
    struct {
        const char *track, *name;
        double      seconds;
    } sum[LT_TIMELINE_SUMS];
    int             n_sums;
};

/* One event, an object a line; `event` is consumed. */
static void write_event(lt_timeline *t, json_t *event)
{
    if (event && json_dumpf(event, t->file, JSON_COMPACT | JSON_REAL_PRECISION(10)) == 0) fputs(",\n", t->file);
    json_decref(event);
}

lt_status lt_timeline_open(const char *path, int rank, lt_timeline **out)
{
    lt_status st = LT_OK;
    lt_timeline *t = calloc(1, sizeof *t);
    *out = NULL;
    if (!t || (path && !(t->path = strdup(path)))) LT_FAIL(LT_E_MEMORY, "no memory for a timeline");
    if (path && !(t->file = fopen(path, "w"))) LT_FAIL(LT_E_STORE, "--trace %s: %s", path, strerror(errno));
    t->rank = rank;
    t->start = lt_seconds();
    pthread_mutex_init(&t->lock, NULL);
    char name[NAME];
    snprintf(name, sizeof name, "rank %d", rank);
    if (t->file) fputs("[\n", t->file);
    if (t->file) write_event(t, json_pack("{s:s, s:s, s:i, s:{s:s}}", "name", "process_name", "ph", "M", "pid", rank, "args", "name", name));
    *out = t;
    t = NULL;
done:
    if (t) free(t->path);
    free(t);
    return st;
}

/* The number of a line; new ones are announced. */
static int track_of(lt_timeline *t, const char *track)
{
    for (int i = 0; i < t->n_tracks; i++)
        if (strncmp(t->track[i], track, NAME - 1) == 0) return i;
    if (t->n_tracks == TRACKS) return TRACKS - 1;
    snprintf(t->track[t->n_tracks], NAME, "%s", track);
    write_event(t, json_pack("{s:s, s:s, s:i, s:i, s:{s:s}}", "name", "thread_name", "ph", "M", "pid", t->rank, "tid", t->n_tracks, "args", "name", track));
    return t->n_tracks++;
}

static void write_span(lt_timeline *t, const char *track, const char *name, const char *detail, double begin, double seconds)
{
    json_t *event = json_pack("{s:s, s:s, s:i, s:i, s:f, s:f}", "name", name, "ph", "X", "pid", t->rank, "tid", track_of(t, track), "ts",
                              1e6 * (begin - t->start), "dur", 1e6 * seconds);
    if (event && detail) json_object_set_new(event, "args", json_pack("{s:s}", "detail", detail));
    write_event(t, event);
}

void lt_timeline_span(lt_timeline *t, const char *track, const char *name, const char *detail, double begin, double seconds)
{
    if (!t) return;
    pthread_mutex_lock(&t->lock);
    for (int i = 0; i < t->n_sums; i++)
        if (!strcmp(t->sum[i].name, name) && !strcmp(t->sum[i].track, track)) t->sum[i].seconds += seconds;
    if (t->file) write_span(t, track, name, detail, begin, seconds);
    pthread_mutex_unlock(&t->lock);
}

bool lt_timeline_writes(const lt_timeline *t)
{
    return t && t->file;
}

int lt_timeline_watch(lt_timeline *t, const char *track, const char *name)
{
    int i = -1;
    if (!t) return -1;
    pthread_mutex_lock(&t->lock);
    if (t->n_sums < LT_TIMELINE_SUMS) {
        i = t->n_sums++;
        t->sum[i].track = track;
        t->sum[i].name = name;
    }
    pthread_mutex_unlock(&t->lock);
    return i;
}

double lt_timeline_seconds(lt_timeline *t, int watch)
{
    if (!t || watch < 0) return 0;
    pthread_mutex_lock(&t->lock);
    const double seconds = t->sum[watch].seconds;
    pthread_mutex_unlock(&t->lock);
    return seconds;
}

void lt_timeline_value(lt_timeline *t, const char *name, double at, double value)
{
    if (!t || !t->file || !isfinite(value)) return;
    pthread_mutex_lock(&t->lock);
    write_event(t, json_pack("{s:s, s:s, s:i, s:f, s:{s:f}}", "name", name, "ph", "C", "pid", t->rank, "ts", 1e6 * (at - t->start), "args", "value", value));
    pthread_mutex_unlock(&t->lock);
}

lt_status lt_timeline_close(lt_timeline **timeline)
{
    lt_status st = LT_OK;
    lt_timeline *t = *timeline;
    if (!t) return LT_OK;
    *timeline = NULL;
    if (!t->file) goto done;
    /* JSON has no comma after the last element, so there is one more that says nothing. */
    fprintf(t->file, "{\"name\":\"end\",\"ph\":\"i\",\"s\":\"p\",\"pid\":%d,\"tid\":0,\"ts\":%.3f}\n]\n", t->rank, 1e6 * (lt_seconds() - t->start));
    const bool bad = ferror(t->file) != 0;
    if (fclose(t->file) != 0 || bad) LT_FAIL(LT_E_STORE, "--trace %s: not all of it could be written", t->path);
done:
    pthread_mutex_destroy(&t->lock);
    free(t->path);
    free(t);
    return st;
}
