#include "kernels/flow_grow/flow_grow.h"
#include "kernels/isa_pick.h"

LT_ISA_DISPATCH(lt_flow_grow, lt_flow_grow_args)
