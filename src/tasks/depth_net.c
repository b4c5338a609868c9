#include "depth_net.h"

#include <stdio.h>
#include <stdlib.h>

static lt_status plan_create(const lt_depth_config *config, void **out)
{
    lt_status st = LT_OK;
    lt_depth_plan *p = NULL;
    *out = NULL;
    LT_TRY(lt_depth_plan_create(config, &p));
    *out = p;
done:
    return st;
}

static void plan_destroy(void **plan)
{
    lt_depth_plan *p = *plan;
    lt_depth_plan_destroy(&p);
    *plan = NULL;
}

static size_t bytes(const void *plan)
{
    return lt_depth_plan_bytes(plan);
}

static size_t host_bytes(const void *plan)
{
    return lt_depth_plan_host_bytes(plan);
}

static int batch(const void *plan)
{
    return lt_depth_plan_batch(plan);
}

static const lt_plan *network(const void *plan)
{
    return lt_depth_plan_graph(plan);
}

static size_t ring_bytes(const void *plan)
{
    return lt_depth_plan_ring_bytes(plan);
}

static lt_status open_session(const void *plan, lt_weights *weights, lt_arena *arena, lt_pool *pool, void **out)
{
    lt_status st = LT_OK;
    lt_depth_session *s = NULL;
    *out = NULL;
    LT_TRY(lt_depth_session_create(plan, weights, arena, pool, &s));
    *out = s;
done:
    return st;
}

static void close_session(void **session)
{
    lt_depth_session *s = *session;
    lt_depth_session_destroy(&s);
    *session = NULL;
}

static void show(void *ctx, const char *part, const char *node, const char *kernel, double begin, double seconds)
{
    char detail[128];
    snprintf(detail, sizeof detail, "%s, %s", part, kernel);
    lt_timeline_span(ctx, "operators", node, detail, begin, seconds);
}

static lt_status trace(void *session, lt_timeline *timeline)
{
    const lt_session_spans spans = { timeline, show };
    /* The time of single operators costs a GPU its recordings. */
    if (!lt_timeline_writes(timeline)) return LT_OK;
    return lt_session_profile(lt_depth_session_graph(session), &spans);
}

static lt_status frame(void *session, int i, const lt_view *v)
{
    return v->planes ? lt_depth_planes(session, i, v->planes) : lt_depth_frame(session, i, v->rgb, v->stride);
}

static lt_status encode(void *session, int n, const int32_t *slot, const atomic_int *stop)
{
    return lt_depth_encode(session, n, slot, stop);
}

static lt_status begin(void *session, const int32_t *slot, const int *position, int n, const atomic_int *stop)
{
    return lt_depth_window_begin(session, slot, position, n, stop);
}

static lt_status end(void *session, const float **maps, const atomic_int *stop)
{
    return lt_depth_window_end(session, maps, stop);
}

static const lt_depth_net real = { plan_create, plan_destroy, bytes, host_bytes, batch, network, ring_bytes, open_session, close_session, trace, frame, encode, begin, end };

bool lt_depth_net_is_stub(void)
{
#ifdef LT_FAULTS
    return getenv("LT_DEPTH_STUB") != NULL;
#else
    return false;
#endif
}

const lt_depth_net *lt_depth_net_pick(void)
{
#ifdef LT_FAULTS
    if (lt_depth_net_is_stub()) return &lt_depth_net_stub;
#endif
    return &real;
}
