/* Coarse-to-fine variational flow, composed of the operators kernels/flow_*. docs/flow-method.md tells the method. */
#include <longtake/flow.h>

#include "infer/flow_gpu.h"
#include "infer/flow_run.h"
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

enum {
    MAX_SIZE = 16384,
    MAX_LEVELS = 12,
    AROUND = 2,                        /* levels of images above the coarsest with flow */
    SMALLEST = 8                       /* a level with a side below this is not made */
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
    FORWARD, BACKWARD, OCCLUDED, FRAME0, FRAME1, N_ITEMS_CPU,
    RGB = N_ITEMS_CPU, SPARE_U, SPARE_V, N_ITEMS       /* on CUDA alone */
};

struct lt_flow_plan {
    lt_flow_config config;
    int            levels;
    int            width[MAX_LEVELS + AROUND], height[MAX_LEVELS + AROUND];
    size_t         image[MAX_LEVELS + AROUND];  /* floats from the start of a frame's pyramid to pixel (0, 0) of a level */
    size_t         pyramid;            /* floats of a frame's pyramid */
    size_t         n_bytes;
    int            n_items;
    lt_arena_item  items[N_ITEMS];
};

struct lt_flow_session {
    const lt_flow_plan *plan;
    lt_flow_place       place;
    lt_flow_gpu        *gpu;           /* NULL on the CPU */
    float              *at[N_ITEMS];   /* where items begin; on the device where there is one */
    lt_flow_results     results;       /* likewise */
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
    p->n_items = N_ITEMS_CPU;
    if (p->config.backend == LT_BACKEND_CPU) return;
    p->n_items = N_ITEMS;
    p->items[RGB] = (lt_arena_item){ "frame", pixels * 3, LOAD, LOAD, 0 };
    for (int i = SPARE_U; i <= SPARE_V; i++) p->items[i] = (lt_arena_item){ "solver", half, SOLVE, SOLVE, 0 };
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
    LT_TRY(lt_arena_layout(p->items, p->n_items, &p->n_bytes));
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
    return plan->n_items;
}

size_t lt_flow_plan_pinned_bytes(const lt_flow_plan *plan)
{
    return plan->config.backend == LT_BACKEND_CPU ? 0 : lt_flow_gpu_pinned(plan->config.width, plan->config.height);
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

lt_status lt_flow_load(lt_flow_session *s, int slot, const uint8_t *rgb, size_t stride)
{
    lt_status st = LT_OK;
    const lt_flow_plan *p = s->plan;
    float *pyramid = s->at[FRAME0 + slot];
    lt_flow_frame_args a = { rgb, stride, p->width[0], p->height[0], pyramid + p->image[0] };
    if (s->gpu) {
        LT_TRY(lt_flow_gpu_upload(s->gpu, rgb, stride, (uint8_t *)s->at[RGB]));
        a.rgb = (uint8_t *)s->at[RGB];
        a.rgb_stride = 3 * (size_t)p->width[0];
    }
    LT_TRY(lt_flow_run(&s->place, LT_FLOW_FRAME, &a, p->height[0]));
    for (int l = 1; l < p->levels + AROUND; l++) {
        const lt_flow_halve_args b = { pyramid + p->image[l - 1], p->width[l - 1], p->height[l - 1], pyramid + p->image[l] };
        LT_TRY(lt_flow_run(&s->place, LT_FLOW_HALVE, &b, p->height[l]));
    }
    /* From fine to coarse: each level is needed as it was by those two below it. */
    for (int l = 0; l < p->levels; l++) {
        const lt_flow_detail_args c = { pyramid + p->image[l], pyramid + p->image[l + AROUND], p->width[l], p->height[l],
                                        tuned(s)->detail };
        LT_TRY(lt_flow_run(&s->place, LT_FLOW_DETAIL, &c, p->height[l]));
    }
done:
    return st;
}

/* The quadratic form of the colours around the flow u0, v0. */
static lt_status linearise(lt_flow_session *s, int level, const float *first, const float *second)
{
    lt_status st = LT_OK;
    const int w = s->plan->width[level], h = s->plan->height[level];
    const lt_flow_warp_args warp = { first, second, plane(s, U0), plane(s, V0), w, h,
        { plane(s, MEAN), plane(s, MEAN + 1), plane(s, MEAN + 2) }, { plane(s, DIFF), plane(s, DIFF + 1), plane(s, DIFF + 2) },
        plane(s, INSIDE) };
    const lt_flow_tensor_args tensor = { { warp.mean[0], warp.mean[1], warp.mean[2] }, { warp.diff[0], warp.diff[1], warp.diff[2] },
        warp.inside, w, h, tuned(s)->floor,
        { plane(s, J), plane(s, J + 1), plane(s, J + 2), plane(s, J + 3), plane(s, J + 4), plane(s, J + 5) } };
    LT_TRY(lt_flow_run(&s->place, LT_FLOW_WARP, &warp, h));
    LT_TRY(lt_flow_run(&s->place, LT_FLOW_TENSOR, &tensor, h));
done:
    return st;
}

/* One lagged step from the flow U0, V0 to U, V. */
static lt_status step(lt_flow_session *s, int level)
{
    lt_status st = LT_OK;
    const tuning *t = tuned(s);
    const int w = s->plan->width[level], h = s->plan->height[level];
    const lt_flow_system_args system = {
        { plane(s, J), plane(s, J + 1), plane(s, J + 2), plane(s, J + 3), plane(s, J + 4), plane(s, J + 5) },
        plane(s, U0), plane(s, V0), plane(s, U0), plane(s, V0), plane(s, RIGHT), plane(s, DOWN), w, h, t->lambda, t->eps_data,
        t->eps_smooth, half(s, A12, level), half(s, R1, level), half(s, R2, level), half(s, I1, level), half(s, I2, level),
        half(s, WX, level), half(s, WY, level), half(s, SU, level), half(s, SV, level) };
    const lt_flow_sor_args sor = { system.a12, system.r1, system.r2, system.i1, system.i2, system.wx, system.wy, w, h, t->sweeps,
                             t->relax, system.su, system.sv, 0 };
    const lt_flow_join_args join = { system.su, system.sv, w, h, plane(s, U), plane(s, V) };
    LT_TRY(lt_flow_run(&s->place, LT_FLOW_SYSTEM, &system, h));
    LT_TRY(lt_flow_run_sor(&s->place, &sor, s->gpu ? half(s, SPARE_U, level) : NULL, s->gpu ? half(s, SPARE_V, level) : NULL));
    LT_TRY(lt_flow_run(&s->place, LT_FLOW_JOIN, &join, h));
done:
    return st;
}

static lt_status solve_level(lt_flow_session *s, int level, int from, int to)
{
    lt_status st = LT_OK;
    const lt_flow_plan *p = s->plan;
    const tuning *t = tuned(s);
    const int w = p->width[level], h = p->height[level];
    const float *first = s->at[FRAME0 + from] + p->image[level], *second = s->at[FRAME0 + to] + p->image[level];
    const lt_flow_edges_args edges = { first, w, h, t->edge, plane(s, RIGHT), plane(s, DOWN) };
    LT_TRY(lt_flow_run(&s->place, LT_FLOW_EDGES, &edges, h));
    for (int k = 0; k < (level ? t->warps : t->warps_fine); k++) {
        if (s->stop && atomic_load(s->stop)) LT_FAIL(LT_E_STOPPED, "stopped early");
        LT_TRY(linearise(s, level, first, second));
        LT_TRY(step(s, level));
        const lt_flow_median_args median = { plane(s, U), plane(s, V), w, h, plane(s, U0), plane(s, V0) };
        LT_TRY(lt_flow_run(&s->place, LT_FLOW_MEDIAN, &median, h));
    }
done:
    return st;
}

/* The flow U0, V0 of a level brought to the next finer one. */
static lt_status finer(lt_flow_session *s, int level)
{
    lt_status st = LT_OK;
    const int w = s->plan->width[level - 1], h = s->plan->height[level - 1];
    const lt_flow_grow_args grow = { plane(s, U0), plane(s, V0), w, h, plane(s, U), plane(s, V) };
    LT_TRY(lt_flow_run(&s->place, LT_FLOW_GROW, &grow, h));
    for (int k = 0; k < 2; k++) LT_TRY(lt_flow_run_copy(&s->place, s->at[U0 + k], s->at[U + k], lt_flow_stride(w) * (size_t)h));
done:
    return st;
}

static lt_status deliver(lt_flow_session *s, float *out)
{
    const lt_flow_store_args store = { plane(s, U0), plane(s, V0), s->plan->width[0], s->plan->height[0], out };
    return lt_flow_run(&s->place, LT_FLOW_STORE, &store, s->plan->height[0]);
}

/* Flow from one slot to the other into `out`. Between levels the flow is in U0, V0. */
static lt_status one_way(lt_flow_session *s, int from, int to, float *out)
{
    lt_status st = LT_OK;
    const lt_flow_plan *p = s->plan;
    const int top = p->levels - 1;
    for (int k = U0; k <= V0; k++) LT_TRY(lt_flow_run_zero(&s->place, s->at[k], lt_flow_stride(p->width[top]) * (size_t)p->height[top]));
    for (int l = top; l >= 0; l--) {
        LT_TRY(solve_level(s, l, from, to));
        if (l > 0) LT_TRY(finer(s, l));
    }
    LT_TRY(deliver(s, out));
done:
    return st;
}

/* The two halves of a pair. */
static lt_status go(lt_flow_session *s, int from, int to)
{
    return one_way(s, from, to, s->results.forward);
}

static lt_status check(lt_flow_session *s)
{
    const lt_flow_check_args args = { s->results.forward, s->results.backward, s->plan->width[0], s->plan->height[0], 0.5f, 0.01f,
                                      s->results.occluded };
    return lt_flow_run(&s->place, LT_FLOW_CHECK, &args, args.height);
}

static lt_status come_back(lt_flow_session *s, int from, int to)
{
    lt_status st = LT_OK;
    LT_TRY(one_way(s, to, from, s->results.backward));
    LT_TRY(check(s));
done:
    return st;
}

typedef struct {
    lt_flow_session *session;
    lt_status      (*half)(lt_flow_session *s, int from, int to);
    int              from;
} half_of_pair;

static lt_status put_half(void *ctx)
{
    const half_of_pair *h = ctx;
    return h->half(h->session, h->from, !h->from);
}

/* On CUDA a pair is recorded once and replayed. Kernels are loaded when they are first launched, which cannot be recorded: before, each runs once, on
 * whatever lies in the arena. */
static lt_status record(lt_flow_session *s)
{
    lt_status st = LT_OK;
    const int top = s->plan->levels - 1;
    LT_TRY(solve_level(s, top, 0, 1));
    if (top > 0) LT_TRY(finer(s, top));
    LT_TRY(deliver(s, s->results.forward));
    LT_TRY(check(s));
    LT_TRY(lt_stream_finish(s->place.stream));
    for (int from = 0; from < 2; from++) {
        half_of_pair there = { s, go, from }, back = { s, come_back, from };
        LT_TRY(lt_flow_gpu_record(s->gpu, LT_FLOW_GO, from, put_half, &there));
        LT_TRY(lt_flow_gpu_record(s->gpu, LT_FLOW_RETURN, from, put_half, &back));
    }
done:
    return st;
}

lt_status lt_flow_session_create(const lt_flow_plan *plan, lt_arena *arena, lt_pool *pool, lt_isa isa, lt_flow_session **out)
{
    lt_status st = LT_OK;
    lt_flow_session *s = NULL;
    lt_device *device = lt_arena_device(arena);
    const lt_backend backend = device ? lt_device_get_facts(device)->backend : LT_BACKEND_CPU;
    *out = NULL;
    if (lt_arena_size(arena) < plan->n_bytes)
        LT_FAIL(LT_E_MEMORY, "optical flow needs an arena of %zu bytes and got %zu", plan->n_bytes, lt_arena_size(arena));
    if (backend != plan->config.backend) LT_FAIL(LT_E_INTERNAL, "optical flow was planned for another device than its arena is on");
    if (!(s = calloc(1, sizeof *s))) LT_FAIL(LT_E_MEMORY, "no memory for a session of optical flow");
    s->plan = plan;
    s->place = (lt_flow_place){ pool, isa, NULL };
    for (int i = 0; i < plan->n_items; i++) s->at[i] = lt_arena_at(arena, plan->items[i].offset);
    s->results = (lt_flow_results){ s->at[FORWARD], s->at[BACKWARD], (uint8_t *)s->at[OCCLUDED] };
    if (backend == LT_BACKEND_CUDA) {
        LT_TRY(lt_flow_gpu_create(device, plan->config.width, plan->config.height, &s->gpu));
        s->place.stream = lt_flow_gpu_stream(s->gpu);
        LT_TRY(record(s));
    }
    *out = s;
    s = NULL;
done:
    lt_flow_session_destroy(&s);
    return st;
}

void lt_flow_session_destroy(lt_flow_session **session)
{
    if (!*session) return;
    lt_flow_gpu_destroy(&(*session)->gpu);
    free(*session);
    *session = NULL;
}

lt_status lt_flow_pair_forward(lt_flow_session *s, int from_slot, int to_slot, const atomic_int *stop)
{
    const lt_flow_results forward = { s->results.forward, NULL, NULL };
    if (s->gpu) return lt_flow_gpu_pair(s->gpu, from_slot, &forward, stop);
    s->stop = stop;
    return go(s, from_slot, to_slot);
}

lt_status lt_flow_pair(lt_flow_session *s, int from_slot, int to_slot, const atomic_int *stop)
{
    lt_status st = LT_OK;
    if (s->gpu) return lt_flow_gpu_pair(s->gpu, from_slot, &s->results, stop);
    s->stop = stop;
    LT_TRY(go(s, from_slot, to_slot));
    LT_TRY(come_back(s, from_slot, to_slot));
done:
    return st;
}

/* Where results lie for the host. */
static const lt_flow_results *results(const lt_flow_session *s)
{
    return s->gpu ? lt_flow_gpu_results(s->gpu) : &s->results;
}

const float *lt_flow_forward(const lt_flow_session *s)
{
    return results(s)->forward;
}

const float *lt_flow_backward(const lt_flow_session *s)
{
    return results(s)->backward;
}

const uint8_t *lt_flow_occluded(const lt_flow_session *s)
{
    return results(s)->occluded;
}
