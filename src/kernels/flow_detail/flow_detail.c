#include "kernels/flow_detail/flow_detail.h"
#include "kernels/isa_pick.h"

LT_ISA_DISPATCH(lt_flow_detail, lt_flow_detail_args)
