#include "kernels/flow_tensor/flow_tensor.h"
#include "kernels/isa_pick.h"

LT_ISA_DISPATCH(lt_flow_tensor, lt_flow_tensor_args)
