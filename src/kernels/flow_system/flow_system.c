#include "kernels/flow_system/flow_system.h"
#include "kernels/isa_pick.h"

LT_ISA_DISPATCH(lt_flow_system, lt_flow_system_args)
