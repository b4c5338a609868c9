#include "kernels/flow_check/flow_check.h"
#include "kernels/isa_pick.h"

LT_ISA_DISPATCH(lt_flow_check, lt_flow_check_args)
