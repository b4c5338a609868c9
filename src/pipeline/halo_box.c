#include "halo_box.h"

#include <longtake/clock.h>

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* The piece in hand, its neighbours', one on its way out and one on its way in. */
enum { PLACES = 5, NONE = -1 };

typedef struct {
    int64_t  piece;
    size_t   n_bytes;
    int      in_hand;
    bool     filling;
    uint64_t used;
    void    *bytes;
} place;

struct lt_halo_box {
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    place           places[PLACES];
    size_t          room;
    uint64_t        clock;
    int64_t         refused;
};

size_t lt_halo_box_bytes(size_t room)
{
    return sizeof(lt_halo_box) + PLACES * room;
}

lt_status lt_halo_box_create(size_t room, lt_halo_box **out)
{
    lt_status st = LT_OK;
    lt_halo_box *b = calloc(1, sizeof *b);
    *out = NULL;
    if (!b) LT_FAIL(LT_E_MEMORY, "no memory for halo records");
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    b->room = room;
    b->refused = NONE;
    for (int i = 0; i < PLACES; i++) b->places[i].piece = NONE;
    for (int i = 0; i < PLACES; i++)
        if (!(b->places[i].bytes = malloc(room))) LT_FAIL(LT_E_MEMORY, "no memory for halo records of %zu bytes", room);
    *out = b;
    b = NULL;
done:
    lt_halo_box_destroy(&b);
    return st;
}

size_t lt_halo_box_room(const lt_halo_box *b)
{
    return b->room;
}

static place *find(lt_halo_box *b, int64_t piece)
{
    for (int i = 0; i < PLACES; i++)
        if (b->places[i].piece == piece) return &b->places[i];
    return NULL;
}

void *lt_halo_box_place(lt_halo_box *b, int64_t piece)
{
    place *best = NULL;
    pthread_mutex_lock(&b->lock);
    place *same = find(b, piece);
    for (int i = 0; i < PLACES; i++) {
        place *p = &b->places[i];
        if (p->in_hand || p->filling || (same && p != same)) continue;
        if (!best || p->used < best->used) best = p;
    }
    if (best) {
        best->piece = piece;
        best->filling = true;
        best->used = ++b->clock;
    }
    pthread_mutex_unlock(&b->lock);
    return best ? best->bytes : NULL;
}

void lt_halo_box_keep(lt_halo_box *b, int64_t piece, size_t n_bytes)
{
    pthread_mutex_lock(&b->lock);
    place *p = find(b, piece);
    if (p && p->filling) {
        p->filling = false;
        p->n_bytes = n_bytes;
        if (n_bytes == 0) p->piece = NONE;
    }
    if (n_bytes == 0) b->refused = piece;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static const void *take(lt_halo_box *b, int64_t piece, size_t *n_bytes)
{
    place *p = find(b, piece);
    if (!p || p->filling) return NULL;
    p->in_hand++;
    p->used = ++b->clock;
    *n_bytes = p->n_bytes;
    return p->bytes;
}

const void *lt_halo_box_take(lt_halo_box *b, int64_t piece, size_t *n_bytes)
{
    pthread_mutex_lock(&b->lock);
    const void *bytes = take(b, piece, n_bytes);
    pthread_mutex_unlock(&b->lock);
    return bytes;
}

void lt_halo_box_give(lt_halo_box *b, int64_t piece)
{
    pthread_mutex_lock(&b->lock);
    place *p = find(b, piece);
    if (p && p->in_hand > 0) p->in_hand--;
    pthread_mutex_unlock(&b->lock);
}

const void *lt_halo_box_wait(lt_halo_box *b, int64_t piece, double timeout_s, const atomic_int *stop, size_t *n_bytes)
{
    const double deadline = lt_seconds() + timeout_s;
    const void *bytes = NULL;
    pthread_mutex_lock(&b->lock);
    while (!(bytes = take(b, piece, n_bytes)) && b->refused != piece && lt_seconds() < deadline && !atomic_load(stop)) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 50 * 1000 * 1000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&b->changed, &b->lock, &until);
    }
    b->refused = NONE;
    pthread_mutex_unlock(&b->lock);
    return bytes;
}

void lt_halo_box_refuse(lt_halo_box *b, int64_t piece)
{
    pthread_mutex_lock(&b->lock);
    b->refused = piece;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

int lt_halo_box_held(lt_halo_box *b)
{
    int n = 0;
    pthread_mutex_lock(&b->lock);
    for (int i = 0; i < PLACES; i++) n += b->places[i].piece != NONE && !b->places[i].filling;
    pthread_mutex_unlock(&b->lock);
    return n;
}

void lt_halo_box_destroy(lt_halo_box **box)
{
    lt_halo_box *b = *box;
    if (!b) return;
    for (int i = 0; i < PLACES; i++) free(b->places[i].bytes);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    free(b);
    *box = NULL;
}
