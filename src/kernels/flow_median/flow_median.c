#include "kernels/flow_median/flow_median.h"
#include "kernels/isa_pick.h"

LT_ISA_DISPATCH(lt_flow_median, lt_flow_median_args)
