#include "infer/flow_run.h"

#include "kernels/flow_check/flow_check.h"
#include "kernels/flow_detail/flow_detail.h"
#include "kernels/flow_edges/flow_edges.h"
#include "kernels/flow_frame/flow_frame.h"
#include "kernels/flow_grow/flow_grow.h"
#include "kernels/flow_halve/flow_halve.h"
#include "kernels/flow_join/flow_join.h"
#include "kernels/flow_median/flow_median.h"
#include "kernels/flow_store/flow_store.h"
#include "kernels/flow_system/flow_system.h"
#include "kernels/flow_tensor/flow_tensor.h"
#include "kernels/flow_warp/flow_warp.h"

#include <string.h>

enum { BAND = 8 };                     /* rows of an item of work */

typedef struct {
    void      (*rows)(lt_isa isa, const void *args, int y0, int y1);
    lt_status (*launch)(void *stream, const void *args);       /* NULL: built without CUDA */
} operator;

#define ROWS(op)                                                             \
    static void op##_rows(lt_isa isa, const void *args, int y0, int y1)      \
    {                                                                        \
        lt_##op(isa, args, y0, y1);                                          \
    }
#ifdef LT_HAVE_CUDA
#define OPERATOR(op)                                                         \
    ROWS(op)                                                                 \
    static lt_status op##_launch(void *stream, const void *args)             \
    {                                                                        \
        return lt_##op##_cuda(stream, args);                                 \
    }                                                                        \
    static const operator op = { op##_rows, op##_launch };
#else
#define OPERATOR(op) ROWS(op) static const operator op = { op##_rows, NULL };
#endif
OPERATOR(flow_check)
OPERATOR(flow_detail)
OPERATOR(flow_edges)
OPERATOR(flow_frame)
OPERATOR(flow_grow)
OPERATOR(flow_halve)
OPERATOR(flow_join)
OPERATOR(flow_median)
OPERATOR(flow_store)
OPERATOR(flow_system)
OPERATOR(flow_tensor)
OPERATOR(flow_warp)
ROWS(flow_sor)

static const operator *const operators[] = {
    [LT_FLOW_CHECK] = &flow_check, [LT_FLOW_DETAIL] = &flow_detail, [LT_FLOW_EDGES] = &flow_edges,   [LT_FLOW_FRAME] = &flow_frame,
    [LT_FLOW_GROW] = &flow_grow,   [LT_FLOW_HALVE] = &flow_halve,   [LT_FLOW_JOIN] = &flow_join,     [LT_FLOW_MEDIAN] = &flow_median,
    [LT_FLOW_STORE] = &flow_store, [LT_FLOW_SYSTEM] = &flow_system, [LT_FLOW_TENSOR] = &flow_tensor, [LT_FLOW_WARP] = &flow_warp,
};

/* One operator over all rows of its output, in bands. */
typedef struct {
    lt_isa      isa;
    const void *args;
    void      (*rows)(lt_isa isa, const void *args, int y0, int y1);
    int         height, band;
} work;

static void item(void *ctx, int i)
{
    const work *w = ctx;
    const int y0 = i * w->band, y1 = y0 + w->band;
    w->rows(w->isa, w->args, y0, y1 < w->height ? y1 : w->height);
}

static void spread(const lt_flow_place *p, void (*rows)(lt_isa, const void *, int, int), const void *args, int height, int band)
{
    work w = { p->isa, args, rows, height, band };
    lt_pool_run(p->pool, (height + band - 1) / band, item, &w);
}

lt_status lt_flow_run(const lt_flow_place *p, lt_flow_op op, const void *args, int height)
{
    if (p->stream) return operators[op]->launch(lt_stream_handle(p->stream), args);
    spread(p, operators[op]->rows, args, height, BAND);
    return LT_OK;
}

lt_status lt_flow_run_sor(const lt_flow_place *p, const lt_flow_sor_args *args, float *spare_u, float *spare_v)
{
#ifdef LT_HAVE_CUDA
    if (p->stream) return lt_flow_sor_cuda(lt_stream_handle(p->stream), args, spare_u, spare_v);
#endif
    (void)spare_u, (void)spare_v;
    lt_flow_sor_args a = *args;
    for (a.phase = 0; a.phase < 2; a.phase++) spread(p, flow_sor_rows, &a, lt_flow_sor_bands(a.height, a.sweeps), 1);
    return LT_OK;
}

lt_status lt_flow_run_zero(const lt_flow_place *p, float *to, size_t n)
{
    if (p->stream) return lt_fill_on_device(p->stream, to, 0, n * sizeof *to);
    memset(to, 0, n * sizeof *to);
    return LT_OK;
}

lt_status lt_flow_run_copy(const lt_flow_place *p, float *to, const float *from, size_t n)
{
    if (p->stream) return lt_copy_on_device(p->stream, to, from, n * sizeof *to);
    memcpy(to, from, n * sizeof *to);
    return LT_OK;
}
