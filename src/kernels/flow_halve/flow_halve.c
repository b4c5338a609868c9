#include "kernels/flow_halve/flow_halve.h"
#include "kernels/isa_pick.h"

LT_ISA_DISPATCH(lt_flow_halve, lt_flow_halve_args)
