#include "kernels/flow_warp/flow_warp.h"
#include "kernels/isa_pick.h"

LT_ISA_DISPATCH(lt_flow_warp, lt_flow_warp_args)
