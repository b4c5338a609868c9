#include "kernels/flow_join/flow_join.h"
#include "kernels/isa_pick.h"

LT_ISA_DISPATCH(lt_flow_join, lt_flow_join_args)
