#include "kernels/flow_edges/flow_edges.h"
#include "kernels/isa_pick.h"

LT_ISA_DISPATCH(lt_flow_edges, lt_flow_edges_args)
