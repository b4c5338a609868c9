/* infer/flow_run.h -- the operators of optical flow, run on the CPU or put on a stream. Private to src/infer.
 *
 * in    an operator and its arguments
 * out   its whole output: at once on the CPU, in the order of the stream on CUDA
 * owns  nothing */
#ifndef LONGTAKE_INFER_FLOW_RUN_H
#define LONGTAKE_INFER_FLOW_RUN_H

#include "kernels/flow_sor/flow_sor.h"

#include <longtake/cpu.h>
#include <longtake/device.h>
#include <longtake/pool.h>
#include <longtake/status.h>

typedef enum {
    LT_FLOW_CHECK, LT_FLOW_DETAIL, LT_FLOW_EDGES, LT_FLOW_FRAME, LT_FLOW_GROW, LT_FLOW_HALVE, LT_FLOW_JOIN, LT_FLOW_MEDIAN, LT_FLOW_STORE,
    LT_FLOW_SYSTEM, LT_FLOW_TENSOR, LT_FLOW_WARP
} lt_flow_op;

typedef struct {
    lt_pool   *pool;       /* CPU; NULL: the caller's thread */
    lt_isa     isa;
    lt_stream *stream;     /* CUDA; NULL: the CPU */
} lt_flow_place;

/* `args` is lt_flow_<op>_args; `height` rows of output. It is read before the call returns. */
LT_NODISCARD lt_status lt_flow_run(const lt_flow_place *p, lt_flow_op op, const void *args, int height);

/* All sweeps. The spare halves are those of lt_flow_sor_cuda; NULL on the CPU. */
LT_NODISCARD lt_status lt_flow_run_sor(const lt_flow_place *p, const lt_flow_sor_args *args, float *spare_u, float *spare_v);

LT_NODISCARD lt_status lt_flow_run_zero(const lt_flow_place *p, float *to, size_t n);
LT_NODISCARD lt_status lt_flow_run_copy(const lt_flow_place *p, float *to, const float *from, size_t n);

#endif
