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

static size_t bytes(const void *p)
{
    return pixels(p) * sizeof(float) * (3 * BATCH + (size_t)((const plan *)p)->config.slots + LT_DEPTH_WINDOW);
}

static lt_status open_session(const void *p, lt_weights *weights, lt_arena *arena, lt_pool *pool, void **out)
{
    lt_status st = LT_OK;
    session *s = calloc(1, sizeof *s);
    (void)weights;
    (void)pool;
    *out = s;
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for a session");
    s->p = p;
    s->input = lt_arena_at(arena, 0);
    s->slots = s->input + 3 * BATCH * pixels(p);
    s->maps = s->slots + (size_t)s->p->config.slots * pixels(p);
done:
    return st;
}

static float *input(void *s_, int i)
{
    session *s = s_;
    return s->input + 3 * (size_t)i * pixels(s->p);
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

static lt_status window(void *s_, const int32_t *slot, const int *position, int n, const float **maps, const atomic_int *stop)
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
    *maps = s->maps;
done:
    return st;
}

const lt_depth_net lt_depth_net_stub = { plan_create, plan_destroy, bytes, batch, open_session, plan_destroy, input, encode, window };

#else
typedef int lt_depth_stub_is_not_built;
#endif
