/* tasks/depth_net.h -- the network as the task `depth` sees it: longtake/depth.h as a table. Private to src/tasks.
 *
 * Tests of what surrounds the network need hundreds of windows, which the real one takes hours for. */
#ifndef LT_TASKS_DEPTH_NET_H
#define LT_TASKS_DEPTH_NET_H

#include <longtake/depth.h>
#include <longtake/task.h>

typedef struct {
    lt_status (*plan)(const lt_depth_config *config, void **plan);
    void      (*plan_destroy)(void **plan);
    size_t    (*bytes)(const void *plan);
    size_t    (*host_bytes)(const void *plan);
    int       (*batch)(const void *plan);
    const lt_plan *(*network)(const void *plan);         /* NULL: it has none */
    size_t    (*ring_bytes)(const void *plan);
    lt_status (*open)(const void *plan, lt_weights *weights, lt_arena *arena, lt_pool *pool, void **session);
    void      (*close)(void **session);
    /* Operators are shown from now on; NULL: it has none. */
    lt_status (*trace)(void *session, lt_timeline *timeline);
    lt_status (*frame)(void *session, int i, const lt_view *frame);
    lt_status (*encode)(void *session, int n, const int32_t *slot, const atomic_int *stop);
    lt_status (*begin)(void *session, const int32_t *slot, const int *position, int n, const atomic_int *stop);
    lt_status (*end)(void *session, const float **maps, const atomic_int *stop);
} lt_depth_net;

/* The real one; in builds with LT_FAULTS the stand-in where the environment has LT_DEPTH_STUB. */
const lt_depth_net *lt_depth_net_pick(void);

/* Whether that is the stand-in, which takes no weights. */
bool lt_depth_net_is_stub(void);

#ifdef LT_FAULTS
extern const lt_depth_net lt_depth_net_stub;
#endif

#endif
