#include "media_private.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 256 };

struct lt_reader {
    lt_media      *media;
    const int64_t *frames;
    int64_t        n, made, next;        /* decoded so far, handed out so far */
    int            n_buffers;
    size_t         stride, frame_bytes;
    uint8_t       *rgb;                  /* [n_buffers] frames; NULL: in the media's ring on a device */
    lt_frame      *slots;                /* [n_buffers] */
    char         (*text)[TEXT];
    int           *free_slots, n_free;   /* a stack */
    int           *ready, first, n_ready;/* a ring, in the order of decoding */
    lt_status      failure;
    lt_error       error;
    pthread_t       thread;
    atomic_int      quit;
    bool            started;
    atomic_int     *gauge;               /* NULL: nobody looks */
    pthread_mutex_t lock;
    pthread_cond_t  room, there;
};

static size_t frame_stride(const lt_media_info *info)
{
    return ((size_t)info->width * 3 + 63) / 64 * 64;
}

size_t lt_reader_bytes(const lt_media_info *info, int n_buffers)
{
    return (size_t)n_buffers * frame_stride(info) * (size_t)info->height;
}

size_t lt_reader_device_bytes(const lt_media_info *info, int n_buffers)
{
    return (size_t)n_buffers * lt_hw_frame_bytes(info);
}

static void show_ready(lt_reader *r)
{
    if (r->gauge) atomic_store(r->gauge, r->n_ready);
}

static lt_status make(lt_reader *r, lt_frame *f)
{
    lt_media *m = r->media;
    if (!m->hw.device) return lt_media_read_unless(m, &r->quit, f->frame, r->rgb + (size_t)f->slot * r->frame_bytes, r->stride);
    return lt_media_fetch_unless(m, &r->quit, f->frame, m->hw.ring + (size_t)f->slot * r->frame_bytes, &f->planes);
}

static void *decode(void *arg)
{
    lt_reader *r = arg;
    lt_status bound = r->media->hw.device ? lt_device_use(r->media->hw.device) : LT_OK;
    for (int64_t i = 0; i < r->n; i++) {
        pthread_mutex_lock(&r->lock);
        while (!atomic_load(&r->quit) && r->n_free == 0) pthread_cond_wait(&r->room, &r->lock);
        bool quit = atomic_load(&r->quit);
        int s = quit ? -1 : r->free_slots[--r->n_free];
        pthread_mutex_unlock(&r->lock);
        if (quit) return NULL;
        lt_frame *f = &r->slots[s];
        *f = (lt_frame){ .frame = r->frames[i], .rgb = r->rgb ? r->rgb + (size_t)s * r->frame_bytes : NULL, .stride = r->stride, .error_text = r->text[s], .slot = s };
        f->status = bound < 0 ? bound : make(r, f);
        if (f->status < 0) snprintf(r->text[s], TEXT, "%s", lt_error_last()->text);
        pthread_mutex_lock(&r->lock);
        if (f->status < 0 && f->status != LT_E_DATA) {
            r->failure = f->status;
            r->error = *lt_error_last();
        } else {
            r->ready[(r->first + r->n_ready++) % r->n_buffers] = s;
        }
        r->made = i + 1;
        show_ready(r);
        pthread_cond_signal(&r->there);
        quit = r->failure < 0;
        pthread_mutex_unlock(&r->lock);
        if (quit) return NULL;
    }
    return NULL;
}

lt_status lt_reader_open(lt_media *m, const int64_t *frames, int64_t n, int n_buffers, lt_reader **out)
{
    lt_status st = LT_OK;
    lt_reader *r = calloc(1, sizeof *r);
    const lt_media_info *info = lt_media_get_info(m);
    *out = NULL;
    if (!r) LT_FAIL(LT_E_MEMORY, "no memory for a reader");
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->room, NULL);
    pthread_cond_init(&r->there, NULL);
    r->media = m;
    r->frames = frames;
    r->n = n < 0 ? 0 : n;
    r->n_buffers = n_buffers < 1 ? 1 : n_buffers;
    r->stride = frame_stride(info);
    r->frame_bytes = m->hw.device ? lt_hw_frame_bytes(info) : r->stride * (size_t)info->height;
    if (m->decoder == LT_DECODER_NVDEC && r->frame_bytes * (size_t)r->n_buffers > m->hw.ring_bytes)
        LT_FAIL(LT_E_INTERNAL, "%d frames of %dx%d on a device, where %zu bytes are planned", r->n_buffers, info->width, info->height, m->hw.ring_bytes);
    r->rgb = m->hw.device ? NULL : malloc(r->frame_bytes * (size_t)r->n_buffers);
    r->slots = calloc((size_t)r->n_buffers, sizeof *r->slots);
    r->text = calloc((size_t)r->n_buffers, sizeof *r->text);
    r->free_slots = calloc((size_t)r->n_buffers, sizeof *r->free_slots);
    r->ready = calloc((size_t)r->n_buffers, sizeof *r->ready);
    if ((!r->rgb && !m->hw.device) || !r->slots || !r->text || !r->free_slots || !r->ready)
        LT_FAIL(LT_E_MEMORY, "no memory for %d frames of %dx%d", r->n_buffers, info->width, info->height);
    for (int s = 0; s < r->n_buffers; s++) r->free_slots[r->n_free++] = s;
    if (pthread_create(&r->thread, NULL, decode, r))
        LT_FAIL(LT_E_MEMORY, "cannot start a thread to decode: raise the limit of processes");
    r->started = true;
    *out = r;
    r = NULL;
done:
    lt_reader_close(&r);
    return st;
}

void lt_reader_gauge(lt_reader *r, atomic_int *ready)
{
    pthread_mutex_lock(&r->lock);
    r->gauge = ready;
    show_ready(r);
    pthread_mutex_unlock(&r->lock);
}

lt_status lt_reader_next(lt_reader *r, lt_frame *out)
{
    lt_status st = LT_OK;
    pthread_mutex_lock(&r->lock);
    if (r->next == r->n) st = LT_END;
    while (st == LT_OK && r->n_ready == 0 && r->failure >= 0) pthread_cond_wait(&r->there, &r->lock);
    if (st == LT_OK && r->n_ready == 0) {
        st = r->failure;
        lt_error_set(&r->error);
    } else if (st == LT_OK) {
        *out = r->slots[r->ready[r->first]];
        r->first = (r->first + 1) % r->n_buffers;
        r->n_ready--;
        r->next++;
        show_ready(r);
    }
    pthread_mutex_unlock(&r->lock);
    return st;
}

void lt_reader_release(lt_reader *r, lt_frame *frame)
{
    pthread_mutex_lock(&r->lock);
    r->free_slots[r->n_free++] = frame->slot;
    pthread_cond_signal(&r->room);
    pthread_mutex_unlock(&r->lock);
    *frame = (lt_frame){ 0 };
}

void lt_reader_close(lt_reader **reader)
{
    lt_reader *r = *reader;
    if (!r) return;
    if (r->started) {
        pthread_mutex_lock(&r->lock);
        atomic_store(&r->quit, 1);
        pthread_cond_signal(&r->room);
        pthread_mutex_unlock(&r->lock);
        pthread_join(r->thread, NULL);
    }
    if (r->gauge) atomic_store(r->gauge, 0);
    pthread_cond_destroy(&r->room);
    pthread_cond_destroy(&r->there);
    pthread_mutex_destroy(&r->lock);
    free(r->rgb);
    free(r->slots);
    free(r->text);
    free(r->free_slots);
    free(r->ready);
    free(r);
    *reader = NULL;
}
