/* Coarse-to-fine variational flow, composed of the operators kernels/flow_*. docs/flow-method.md tells the method. */
#include <longtake/flow.h>

#include "kernels/flow_check/flow_check.h"
#include "kernels/flow_detail/flow_detail.h"
#include "kernels/flow_edges/flow_edges.h"
#include "kernels/flow_frame/flow_frame.h"
#include "kernels/flow_grow/flow_grow.h"
#include "kernels/flow_halve/flow_halve.h"
#include "kernels/flow_join/flow_join.h"
#include "kernels/flow_median/flow_median.h"
#include "kernels/flow_plane.h"
#include "kernels/flow_sor/flow_sor.h"
#include "kernels/flow_store/flow_store.h"
#include "kernels/flow_system/flow_system.h"
#include "kernels/flow_tensor/flow_tensor.h"
#include "kernels/flow_warp/flow_warp.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_SIZE = 16384,
    MAX_LEVELS = 12,
    AROUND = 2,                        /* levels of images above the coarsest with flow */
    SMALLEST = 8,                      /* a level with a side below this is not made */
    BAND = 8                           /* rows of an item of work */
};

/* Steps, for lifetimes. WARP to MEDIAN are repeated, so what one warp leaves to the next is alive from EDGES to GROW at least. */
enum { LOAD, EDGES, WARP, TENSOR, SYSTEM, SOLVE, MEDIAN, GROW, STORE };

typedef struct {
    int   warps_fine, warps, sweeps;   /* warps at full size and at the others; sweeps of the solver for each */
    float lambda, eps_data, eps_smooth, edge, floor, relax, detail;
} tuning;

static const tuning tunings[] = {
    [LT_FLOW_BEST] = { 4, 4, 10, 1.f, 0.1f, 0.02f, 0.001f, 5.f, 1.9f, 0.8f },
    [LT_FLOW_FAST] = { 2, 2, 6, 1.f, 0.1f, 0.02f, 0.001f, 5.f, 1.8f, 0.8f },
};

enum {
    U, V, U0, V0, RIGHT, DOWN,
    MEAN, DIFF = MEAN + 3, INSIDE = DIFF + 3, J, A12 = J + 6, R1, R2, I1, I2, WX, WY, SU, SV,
    FORWARD, BACKWARD, OCCLUDED, FRAME0, FRAME1, N_ITEMS
};

struct lt_flow_plan {
    lt_flow_config config;
    int            levels;
    int            width[MAX_LEVELS + AROUND], height[MAX_LEVELS + AROUND];
    size_t         image[MAX_LEVELS + AROUND];  /* floats from the start of a frame's pyramid to pixel (0, 0) of a level */
    size_t         pyramid;            /* floats of a frame's pyramid */
    size_t         n_bytes;
    lt_arena_item  items[N_ITEMS];
};

struct lt_flow_session {
    const lt_flow_plan *plan;
    lt_pool            *pool;
    lt_isa              isa;
    float              *at[N_ITEMS];   /* sample (0, 0) of planes and halves */
    const atomic_int   *stop;
};

static const tuning *tuned(const lt_flow_session *s)
{
    return &tunings[s->plan->config.preset];
}

static void levels(lt_flow_plan *p)
{
    int w = p->config.width, h = p->config.height, n = MAX_LEVELS + AROUND;
    for (int l = 0; l < n; l++) {
        if (p->levels == 0 && (l == MAX_LEVELS || (l > 0 && (w < SMALLEST || h < SMALLEST)))) {
            p->levels = l;
            n = l + AROUND;
        }
        p->width[l] = w;
        p->height[l] = h;
        p->image[l] = p->pyramid + 4 * LT_FLOW_EDGE;
        p->pyramid += 4 * lt_flow_image_stride(w) * (size_t)h;
        w = (w + 1) / 2;
        h = (h + 1) / 2;
    }
}

static void describe(lt_flow_plan *p)
{
    static const struct { int item, n, first, last; const char *name; } planes[] = {
        { U, 2, SOLVE, GROW, "solution" }, { U0, 2, LOAD, STORE, "flow" }, { RIGHT, 2, EDGES, MEDIAN, "edges" },
        { MEAN, 7, WARP, TENSOR, "warped" }, { J, 6, TENSOR, SYSTEM, "tensor" },
    };
    const size_t plane = sizeof(float) * lt_flow_stride(p->config.width) * (size_t)p->config.height;
    const size_t half = sizeof(float) * 2 * lt_flow_half_stride(p->config.width) * ((size_t)p->config.height + 2);
    const size_t pixels = (size_t)p->config.width * (size_t)p->config.height;
    for (size_t k = 0; k < sizeof planes / sizeof *planes; k++)
        for (int i = 0; i < planes[k].n; i++)
            p->items[planes[k].item + i] = (lt_arena_item){ planes[k].name, plane, planes[k].first, planes[k].last, 0 };
    for (int i = A12; i <= SV; i++) p->items[i] = (lt_arena_item){ "system", half, SYSTEM, SOLVE, 0 };
    p->items[FORWARD] = (lt_arena_item){ "forward", pixels * 2 * sizeof(float), LOAD, STORE, 0 };
    p->items[BACKWARD] = (lt_arena_item){ "backward", pixels * 2 * sizeof(float), LOAD, STORE, 0 };
    p->items[OCCLUDED] = (lt_arena_item){ "occluded", pixels, LOAD, STORE, 0 };
    for (int i = FRAME0; i <= FRAME1; i++)
        p->items[i] = (lt_arena_item){ "pyramid", p->pyramid * sizeof(float), LOAD, STORE, 0 };
}

lt_status lt_flow_plan_create(const lt_flow_config *config, lt_flow_plan **out)
{
    lt_status st = LT_OK;
    lt_flow_plan *p = NULL;
    *out = NULL;
    if (config->width < 1 || config->height < 1 || config->width > MAX_SIZE || config->height > MAX_SIZE)
        LT_FAIL(LT_E_USAGE, "optical flow of %d x %d pixels: each side must be 1 to %d; scale the video with --max-res",
                config->width, config->height, MAX_SIZE);
    if (config->preset != LT_FLOW_BEST && config->preset != LT_FLOW_FAST)
        LT_FAIL(LT_E_USAGE, "optical flow has no preset %d; use best or fast", (int)config->preset);
    if (!(p = calloc(1, sizeof *p))) LT_FAIL(LT_E_MEMORY, "no memory for a plan of optical flow");
    p->config = *config;
    levels(p);
    describe(p);
    LT_TRY(lt_arena_layout(p->items, N_ITEMS, &p->n_bytes));
    *out = p;
    p = NULL;
done:
    lt_flow_plan_destroy(&p);
    return st;
}

void lt_flow_plan_destroy(lt_flow_plan **plan)
{
    free(*plan);
    *plan = NULL;
}

size_t lt_flow_plan_bytes(const lt_flow_plan *plan)
{
    return plan->n_bytes;
}

int lt_flow_plan_items(const lt_flow_plan *plan, const lt_arena_item **items)
{
    *items = plan->items;
    return N_ITEMS;
}

lt_status lt_flow_session_create(const lt_flow_plan *plan, lt_arena *arena, lt_pool *pool, lt_isa isa, lt_flow_session **out)
{
    lt_status st = LT_OK;
    lt_flow_session *s = NULL;
    *out = NULL;
    if (lt_arena_size(arena) < plan->n_bytes)
        LT_FAIL(LT_E_MEMORY, "optical flow needs an arena of %zu bytes and got %zu", plan->n_bytes, lt_arena_size(arena));
    if (!(s = calloc(1, sizeof *s))) LT_FAIL(LT_E_MEMORY, "no memory for a session of optical flow");
    s->plan = plan;
    s->pool = pool;
    s->isa = isa;
    for (int i = 0; i < N_ITEMS; i++) s->at[i] = lt_arena_at(arena, plan->items[i].offset);
    *out = s;
done:
    return st;
}

void lt_flow_session_destroy(lt_flow_session **session)
{
    free(*session);
    *session = NULL;
}

/* Sample (0, 0) of a plane or half. A level's data lie at the start of its buffer, packed at the level's own stride. */
static float *plane(const lt_flow_session *s, int item)
{
    return s->at[item] + LT_FLOW_PAD;
}

static float *half(const lt_flow_session *s, int item, int level)
{
    return s->at[item] + 2 * lt_flow_half_stride(s->plan->width[level]) + LT_FLOW_PAD;
}

/* One operator over all rows of its output, in bands. */
typedef struct {
    lt_isa      isa;
    const void *args;
    void      (*fn)(lt_isa isa, const void *args, int y0, int y1);
    int         height, band;
} work;

static void item(void *ctx, int i)
{
    const work *w = ctx;
    const int y0 = i * w->band, y1 = y0 + w->band;
    w->fn(w->isa, w->args, y0, y1 < w->height ? y1 : w->height);
}

static void over(lt_flow_session *s, void (*fn)(lt_isa, const void *, int, int), const void *args, int height, int band)
{
    work w = { s->isa, args, fn, height, band };
    lt_pool_run(s->pool, (height + band - 1) / band, item, &w);
}

#define LT_ROWS(op)                                                          \
    static void op##_rows(lt_isa isa, const void *args, int y0, int y1)      \
    {                                                                        \
        lt_##op(isa, args, y0, y1);                                          \
    }
LT_ROWS(flow_check)
LT_ROWS(flow_detail)
LT_ROWS(flow_edges)
LT_ROWS(flow_frame)
LT_ROWS(flow_grow)
LT_ROWS(flow_halve)
LT_ROWS(flow_join)
LT_ROWS(flow_median)
LT_ROWS(flow_sor)
LT_ROWS(flow_store)
LT_ROWS(flow_system)
LT_ROWS(flow_tensor)
LT_ROWS(flow_warp)

void lt_flow_load(lt_flow_session *s, int slot, const uint8_t *rgb, size_t stride)
{
    const lt_flow_plan *p = s->plan;
    float *pyramid = s->at[FRAME0 + slot];
    const lt_flow_frame_args a = { rgb, stride, p->width[0], p->height[0], pyramid + p->image[0] };
    over(s, flow_frame_rows, &a, p->height[0], BAND);
    for (int l = 1; l < p->levels + AROUND; l++) {
        const lt_flow_halve_args b = { pyramid + p->image[l - 1], p->width[l - 1], p->height[l - 1], pyramid + p->image[l] };
        over(s, flow_halve_rows, &b, p->height[l], BAND);
    }
    /* From fine to coarse: each level is needed as it was by those two below it. */
    for (int l = 0; l < p->levels; l++) {
        const lt_flow_detail_args c = { pyramid + p->image[l], pyramid + p->image[l + AROUND], p->width[l], p->height[l],
                                        tuned(s)->detail };
        over(s, flow_detail_rows, &c, p->height[l], BAND);
    }
}

/* The quadratic form of the colours around the flow u0, v0. */
static void linearise(lt_flow_session *s, int level, const float *first, const float *second)
{
    const int w = s->plan->width[level], h = s->plan->height[level];
    const lt_flow_warp_args warp = { first, second, plane(s, U0), plane(s, V0), w, h,
        { plane(s, MEAN), plane(s, MEAN + 1), plane(s, MEAN + 2) }, { plane(s, DIFF), plane(s, DIFF + 1), plane(s, DIFF + 2) },
        plane(s, INSIDE) };
    const lt_flow_tensor_args tensor = { { warp.mean[0], warp.mean[1], warp.mean[2] }, { warp.diff[0], warp.diff[1], warp.diff[2] },
        warp.inside, w, h, tuned(s)->floor,
        { plane(s, J), plane(s, J + 1), plane(s, J + 2), plane(s, J + 3), plane(s, J + 4), plane(s, J + 5) } };
    over(s, flow_warp_rows, &warp, h, BAND);
    over(s, flow_tensor_rows, &tensor, h, BAND);
}

/* One lagged step from the flow U0, V0 to U, V. */
static void step(lt_flow_session *s, int level)
{
    const tuning *t = tuned(s);
    const int w = s->plan->width[level], h = s->plan->height[level];
    const lt_flow_system_args system = {
        { plane(s, J), plane(s, J + 1), plane(s, J + 2), plane(s, J + 3), plane(s, J + 4), plane(s, J + 5) },
        plane(s, U0), plane(s, V0), plane(s, U0), plane(s, V0), plane(s, RIGHT), plane(s, DOWN), w, h, t->lambda, t->eps_data,
        t->eps_smooth, half(s, A12, level), half(s, R1, level), half(s, R2, level), half(s, I1, level), half(s, I2, level),
        half(s, WX, level), half(s, WY, level), half(s, SU, level), half(s, SV, level) };
    lt_flow_sor_args sor = { system.a12, system.r1, system.r2, system.i1, system.i2, system.wx, system.wy, w, h, t->sweeps,
                             t->relax, system.su, system.sv, 0 };
    const lt_flow_join_args join = { system.su, system.sv, w, h, plane(s, U), plane(s, V) };
    over(s, flow_system_rows, &system, h, BAND);
    for (; sor.phase < 2; sor.phase++) over(s, flow_sor_rows, &sor, lt_flow_sor_bands(h, t->sweeps), 1);
    over(s, flow_join_rows, &join, h, BAND);
}

static lt_status solve_level(lt_flow_session *s, int level, int from, int to)
{
    lt_status st = LT_OK;
    const lt_flow_plan *p = s->plan;
    const tuning *t = tuned(s);
    const int w = p->width[level], h = p->height[level];
    const float *first = s->at[FRAME0 + from] + p->image[level], *second = s->at[FRAME0 + to] + p->image[level];
    const lt_flow_edges_args edges = { first, w, h, t->edge, plane(s, RIGHT), plane(s, DOWN) };
    over(s, flow_edges_rows, &edges, h, BAND);
    for (int k = 0; k < (level ? t->warps : t->warps_fine); k++) {
        if (s->stop && atomic_load(s->stop)) LT_FAIL(LT_E_STOPPED, "stopped early");
        linearise(s, level, first, second);
        step(s, level);
        const lt_flow_median_args median = { plane(s, U), plane(s, V), w, h, plane(s, U0), plane(s, V0) };
        over(s, flow_median_rows, &median, h, BAND);
    }
done:
    return st;
}

/* Flow from one slot to the other into `out`. Between levels the flow is in U0, V0. */
static lt_status one_way(lt_flow_session *s, int from, int to, float *out)
{
    lt_status st = LT_OK;
    const lt_flow_plan *p = s->plan;
    const int top = p->levels - 1;
    memset(s->at[U0], 0, sizeof(float) * lt_flow_stride(p->width[top]) * (size_t)p->height[top]);
    memset(s->at[V0], 0, sizeof(float) * lt_flow_stride(p->width[top]) * (size_t)p->height[top]);
    for (int l = top; l >= 0; l--) {
        LT_TRY(solve_level(s, l, from, to));
        if (l == 0) break;
        const lt_flow_grow_args grow = { plane(s, U0), plane(s, V0), p->width[l - 1], p->height[l - 1], plane(s, U), plane(s, V) };
        over(s, flow_grow_rows, &grow, p->height[l - 1], BAND);
        const size_t n = sizeof(float) * lt_flow_stride(p->width[l - 1]) * (size_t)p->height[l - 1];
        memcpy(s->at[U0], s->at[U], n);
        memcpy(s->at[V0], s->at[V], n);
    }
    const lt_flow_store_args store = { plane(s, U0), plane(s, V0), p->width[0], p->height[0], out };
    over(s, flow_store_rows, &store, p->height[0], BAND);
done:
    return st;
}

lt_status lt_flow_pair_forward(lt_flow_session *s, int from_slot, int to_slot, const atomic_int *stop)
{
    s->stop = stop;
    return one_way(s, from_slot, to_slot, s->at[FORWARD]);
}

lt_status lt_flow_pair(lt_flow_session *s, int from_slot, int to_slot, const atomic_int *stop)
{
    lt_status st = LT_OK;
    const lt_flow_check_args check = { s->at[FORWARD], s->at[BACKWARD], s->plan->width[0], s->plan->height[0], 0.5f, 0.01f,
                                       (uint8_t *)s->at[OCCLUDED] };
    s->stop = stop;
    LT_TRY(one_way(s, from_slot, to_slot, s->at[FORWARD]));
    LT_TRY(one_way(s, to_slot, from_slot, s->at[BACKWARD]));
    over(s, flow_check_rows, &check, s->plan->height[0], BAND);
done:
    return st;
}

const float *lt_flow_forward(const lt_flow_session *s)
{
    return s->at[FORWARD];
}

const float *lt_flow_backward(const lt_flow_session *s)
{
    return s->at[BACKWARD];
}

const uint8_t *lt_flow_occluded(const lt_flow_session *s)
{
    return (const uint8_t *)s->at[OCCLUDED];
}
