#include "graph/layers.h"

#include <longtake/fault.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PLACES = 2, NONE = -1, LOOK_NS = 100 * 1000 * 1000 };

struct lt_layers {
    const lt_plan *plan;
    char          *place[PLACES];
    int            held[PLACES];         /* layer that lies there, or is on its way there; NONE */
    int            now;                  /* place of the layer that computes; NONE */

    /* A GPU. */
    lt_device     *device;
    lt_stream     *compute, *copy;
    lt_event      *brought[PLACES];      /* past when what is held is there */
    lt_event      *used[PLACES];         /* past when the launches that read the place are done */
    void          *pinned;

    /* The CPU: one reading thread, which has at most one order. */
    int             fd;
    pthread_t       thread;
    bool            started;
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    int             order;               /* place to be filled with what it is to hold; NONE */
    bool            leave;
    lt_error        failure;             /* of the last order; status LT_OK: none */
};

/* ---- the CPU's file ---- */

static lt_status read_layer(lt_layers *l, int place)
{
    lt_status st = LT_OK;
    const lt_plan_layer *layer = &l->plan->layers[l->held[place]];
    for (size_t done = 0; done < layer->n_bytes;) {
        const ssize_t n = LT_FAULTY("read", EIO, pread(l->fd, l->place[place] + done, layer->n_bytes - done, (off_t)(layer->at + done)));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) LT_FAIL(LT_E_STORE, "the streamed weights cannot be read back from --scratch: %s", n < 0 ? strerror(errno) : "the file has been cut");
        done += (size_t)n;
    }
done:
    return st;
}

static void *read_layers(void *arg)
{
    lt_layers *l = arg;
    pthread_mutex_lock(&l->lock);
    while (!l->leave) {
        if (l->order == NONE) {
            pthread_cond_wait(&l->changed, &l->lock);
            continue;
        }
        const int place = l->order;
        pthread_mutex_unlock(&l->lock);
        const lt_status st = read_layer(l, place);
        pthread_mutex_lock(&l->lock);
        if (st < 0) l->failure = *lt_error_last();
        l->order = NONE;
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* A file without a name; where the file system has none of these, one that loses its name at once. */
static int open_unnamed(const char *folder)
{
    char path[4096];
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) return fd;
    snprintf(path, sizeof path, "%s/.tmp-weights-XXXXXX", folder);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) (void)unlink(path);
    return fd;
}

static lt_status open_file(lt_layers *l, const char *scratch)
{
    lt_status st = LT_OK;
    const char *tmp = getenv("TMPDIR");
    const char *folder = scratch ? scratch : tmp && *tmp ? tmp : "/tmp";
    const double mib = (double)l->plan->streamed_bytes / (1 << 20);
    l->fd = LT_FAULTY("open", EACCES, open_unnamed(folder));
    if (l->fd < 0) LT_FAIL(LT_E_STORE, "%s: no file for streamed weights can be made there: %s; name another directory with --scratch", folder, strerror(errno));
    /* Now rather than in the middle of a network. A file system that cannot reserve says so when it is written to. */
    const int no = posix_fallocate(l->fd, 0, (off_t)l->plan->streamed_bytes);
    if (no == ENOSPC || no == EFBIG || no == EDQUOT)
        LT_FAIL(LT_E_STORE, "%s has no room for %.0f MiB of streamed weights: %s; name another directory with --scratch", folder, mib, strerror(no));
done:
    return st;
}

static lt_status start_reading(lt_layers *l)
{
    lt_status st = LT_OK;
    if (pthread_create(&l->thread, NULL, read_layers, l)) LT_FAIL(LT_E_MEMORY, "cannot start a thread that reads weights: raise the limit of processes");
    l->started = true;
done:
    return st;
}

/* Until there is no order. */
static lt_status wait_for_reader(lt_layers *l, const lt_atomic_int *stop)
{
    lt_status st = LT_OK;
    pthread_mutex_lock(&l->lock);
    while (l->order != NONE && !(stop && atomic_load(stop))) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&l->changed, &l->lock, &until);
    }
    const bool busy = l->order != NONE;
    const lt_error failure = l->failure;
    l->failure.status = LT_OK;
    pthread_mutex_unlock(&l->lock);
    if (failure.status < 0) {
        for (int i = 0; i < PLACES; i++) l->held[i] = NONE;
        lt_error_set(&failure);
        return failure.status;
    }
    if (busy) LT_FAIL(LT_E_STOPPED, "stopped early");
done:
    return st;
}

static void order(lt_layers *l, int place)
{
    pthread_mutex_lock(&l->lock);
    l->order = place;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

/* ---- life ---- */

static lt_status open_gpu(lt_layers *l)
{
    lt_status st = LT_OK;
    LT_TRY(lt_stream_create(l->device, "weights", &l->copy));
    for (int i = 0; i < PLACES; i++) {
        LT_TRY(lt_event_create(l->device, false, &l->brought[i]));
        LT_TRY(lt_event_create(l->device, false, &l->used[i]));
    }
    LT_TRY(lt_pinned_create(l->device, l->plan->streamed_bytes, &l->pinned));
done:
    return st;
}

lt_status lt_layers_create(const lt_plan *plan, char *base, lt_device *device, lt_stream *compute, const char *scratch, lt_layers **out)
{
    lt_status st = LT_OK;
    lt_layers *l = calloc(1, sizeof *l);
    *out = NULL;
    if (!l) LT_FAIL(LT_E_MEMORY, "no memory for a session");
    *l = (lt_layers){ .plan = plan, .now = NONE, .device = device, .compute = compute, .fd = -1, .order = NONE };
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    for (int i = 0; i < PLACES; i++) {
        l->place[i] = base + plan->items[plan->layer_item[i]].offset;
        l->held[i] = NONE;
    }
    if (device) {
        LT_TRY(open_gpu(l));
    } else {
        LT_TRY(open_file(l, scratch));
        LT_TRY(start_reading(l));
    }
    *out = l;
    l = NULL;
done:
    lt_layers_destroy(&l);
    return st;
}

void lt_layers_destroy(lt_layers **layers)
{
    lt_layers *l = *layers;
    if (!l) return;
    if (l->started) {
        pthread_mutex_lock(&l->lock);
        l->leave = true;
        pthread_cond_broadcast(&l->changed);
        pthread_mutex_unlock(&l->lock);
        pthread_join(l->thread, NULL);
    }
    lt_stream_settle(l->copy);
    for (int i = 0; i < PLACES; i++) {
        lt_event_destroy(&l->brought[i]);
        lt_event_destroy(&l->used[i]);
    }
    if (l->device) lt_pinned_destroy(l->device, &l->pinned);
    lt_stream_destroy(&l->copy);
    if (l->fd >= 0) close(l->fd);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
    *layers = NULL;
}

/* ---- filling ---- */

static size_t at(const lt_layers *l, const lt_plan_step *step)
{
    return l->plan->layers[step->layer].at + step->packed_at;
}

void *lt_layers_place(lt_layers *l, const lt_plan_step *step)
{
    return l->device ? (char *)l->pinned + at(l, step) : l->place[0];
}

lt_status lt_layers_keep(lt_layers *l, const lt_plan_step *step)
{
    lt_status st = LT_OK;
    for (size_t done = 0; !l->device && done < step->packed_bytes;) {
        const ssize_t n = LT_FAULTY("write", ENOSPC, pwrite(l->fd, l->place[0] + done, step->packed_bytes - done, (off_t)(at(l, step) + done)));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            LT_FAIL(LT_E_STORE, "the streamed weights cannot be written to --scratch: %s; free some room there or name another directory", n < 0 ? strerror(errno) : "it takes no more");
        done += (size_t)n;
    }
done:
    return st;
}

/* ---- bringing ---- */

static int holder(const lt_layers *l, int layer)
{
    for (int i = 0; i < PLACES; i++)
        if (l->held[i] == layer) return i;
    return NONE;
}

/* Begins to bring a layer to a place that nothing reads which is not launched yet. */
static lt_status begin(lt_layers *l, int layer, int place)
{
    lt_status st = LT_OK;
    const lt_plan_layer *what = &l->plan->layers[layer];
    l->held[place] = NONE;
    if (l->device) {
        LT_TRY(lt_stream_wait(l->copy, l->used[place]));
        LT_TRY(lt_copy_to_device(l->copy, l->place[place], (const char *)l->pinned + what->at, what->n_bytes));
        LT_TRY(lt_event_record(l->brought[place], l->copy));
        l->held[place] = layer;
    } else {
        l->held[place] = layer;
        order(l, place);
    }
done:
    return st;
}

/* Puts the place of a layer in order for what is launched next. */
static lt_status take(lt_layers *l, int place, const lt_atomic_int *stop)
{
    lt_status st = LT_OK;
    if (l->device) {
        if (l->now != NONE && l->now != place) LT_TRY(lt_event_record(l->used[l->now], l->compute));
        LT_TRY(lt_stream_wait(l->compute, l->brought[place]));
    } else {
        LT_TRY(wait_for_reader(l, stop));
    }
    l->now = place;
done:
    return st;
}

lt_status lt_layers_bring(lt_layers *l, int layer, int next, const lt_atomic_int *stop, const char **where)
{
    lt_status st = LT_OK;
    int place = holder(l, layer);
    *where = NULL;
    if (place == NONE || place != l->now) {
        if (place == NONE) {
            /* The place that computed last is the one that may be read still. */
            place = l->now == 0 ? 1 : 0;
            if (!l->device) LT_TRY(wait_for_reader(l, stop));
            LT_TRY(begin(l, layer, place));
        }
        LT_TRY(take(l, place, stop));
    }
    if (next != NONE && holder(l, next) == NONE) {
        if (!l->device) LT_TRY(wait_for_reader(l, stop));
        LT_TRY(begin(l, next, 1 - place));
    }
    *where = l->place[place];
done:
    return st;
}
