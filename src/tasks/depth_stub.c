/* A stand-in for the network in tests: smooth maps of the frames' brightness, whose scale and shift differ from window to window so
 * that there is something to align. A pure function of the frames of the window, as the network is. A window whose position 20
 * shows a white frame gives a NaN. LT_DEPTH_STUB is how many milliseconds a window takes. */
#include "depth_net.h"

#ifdef LT_FAULTS

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 4, MARKED = 20, WHITE = 2 };      /* WHITE: a mean of the prepared input that only a white frame has */

typedef struct {
    lt_depth_config config;
} plan;

typedef struct {
    const plan *p;
    lt_prepare *prepare;
    lt_pool    *pool;
    float      *own;                 /* where the arena is a GPU's, memory in its place */
    float      *input;               /* [BATCH, H,W,3] */
    float      *slots;               /* [slots, H,W] */
    float      *maps;                /* [32, H,W] */
} session;

static size_t pixels(const plan *p)
{
    return (size_t)p->config.width * (size_t)p->config.height;
}

static lt_status plan_create(const lt_depth_config *config, void **out)
{
    lt_status st = LT_OK;
    plan *p = malloc(sizeof *p);
    *out = p;
    if (!p) LT_FAIL(LT_E_MEMORY, "no memory for a plan");
    p->config = *config;
done:
    return st;
}

static void plan_destroy(void **p)
{
    free(*p);
    *p = NULL;
}

static int batch(const void *p)
{
    const int wanted = ((const plan *)p)->config.micro_batch;
    return wanted > 0 && wanted < BATCH ? wanted : BATCH;
}

static const lt_plan *network(const void *p)
{
    (void)p;
    return NULL;
}

static size_t ring_bytes(const void *p)
{
    (void)p;
    return 0;
}

static size_t bytes(const void *p)
{
    return pixels(p) * sizeof(float) * (3 * BATCH + (size_t)((const plan *)p)->config.slots + LT_DEPTH_WINDOW);
}

static size_t host_bytes(const void *p)
{
    const lt_depth_config *c = &((const plan *)p)->config;
    return lt_prepare_bytes(c->frame_width, c->frame_height, c->width, c->height);
}

static void close_session(void **session_)
{
    session *s = *session_;
    if (!s) return;
    lt_prepare_destroy(&s->prepare);
    free(s->own);
    free(s);
    *session_ = NULL;
}

static lt_status open_session(const void *p, lt_weights *weights, lt_arena *arena, lt_pool *pool, void **out)
{
    lt_status st = LT_OK;
    void *made = calloc(1, sizeof(session));
    session *s = made;
    (void)weights;
    *out = NULL;
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for a session");
    s->p = p;
    s->pool = pool;
    const lt_depth_config *c = &s->p->config;
    LT_TRY(lt_prepare_create(c->frame_width, c->frame_height, c->width, c->height, &s->prepare));
    if (lt_arena_device(arena) && !(s->own = malloc(bytes(p)))) LT_FAIL(LT_E_MEMORY, "no memory for a session");
    s->input = s->own ? s->own : lt_arena_at(arena, 0);
    s->slots = s->input + 3 * BATCH * pixels(p);
    s->maps = s->slots + (size_t)s->p->config.slots * pixels(p);
    *out = made;
    made = NULL;
done:
    close_session(&made);
    return st;
}

static float *input(const session *s, int i)
{
    return s->input + 3 * (size_t)i * pixels(s->p);
}

static lt_status frame(void *s_, int i, const lt_view *v)
{
    session *s = s_;
    lt_prepare_run(s->prepare, s->pool, s->p->config.machine.isa, v->rgb, v->stride, input(s, i));
    return LT_OK;
}

static lt_status encode(void *s_, int n, const int32_t *slot, const atomic_int *stop)
{
    lt_status st = LT_OK;
    session *s = s_;
    const size_t m = pixels(s->p);
    if (stop && atomic_load(stop)) LT_FAIL(LT_E_STOPPED, "stopped early");
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++) {
            const float *x = input(s, i) + 3 * k;
            s->slots[(size_t)slot[i] * m + k] = 3 + (x[0] + x[1] + x[2]) / 3;
        }
done:
    return st;
}

static double mean(const session *s, int32_t slot)
{
    const size_t m = pixels(s->p);
    double sum = 0;
    for (size_t k = 0; k < m; k++) sum += (double)s->slots[(size_t)slot * m + k];
    return sum / (double)m;
}

static lt_status begin(void *s_, const int32_t *slot, const int *position, int n, const atomic_int *stop)
{
    lt_status st = LT_OK;
    session *s = s_;
    const size_t m = pixels(s->p);
    const char *ms = getenv("LT_DEPTH_STUB");
    double sum = 0;
    for (int left = ms ? atoi(ms) : 0; left > 0; left -= 5) {
        if (stop && atomic_load(stop)) LT_FAIL(LT_E_STOPPED, "stopped early");
        usleep(5000);
    }
    for (int p = 0; p < s->p->config.frames; p++) sum += mean(s, slot[p]) * (1 + p % 5);
    const float scale = (float)(1 + 0.4 * sin(7 * sum)), shift = (float)(0.5 * cos(11 * sum));
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++)
            s->maps[(size_t)i * m + k] = scale * (s->slots[(size_t)slot[position[i]] * m + k] + 0.01f * (float)((k * 7 + (size_t)position[i]) % 13)) + shift;
    if (mean(s, slot[MARKED]) > 3 + WHITE) s->maps[m / 2] = NAN;
done:
    return st;
}

static lt_status end(void *s_, const float **maps, const atomic_int *stop)
{
    (void)stop;
    *maps = ((session *)s_)->maps;
    return LT_OK;
}

const lt_depth_net lt_depth_net_stub = { plan_create, plan_destroy, bytes, host_bytes, batch, network, ring_bytes, open_session, close_session, NULL, frame, encode, begin, end };

#else
typedef int lt_depth_stub_is_not_built;
#endif
