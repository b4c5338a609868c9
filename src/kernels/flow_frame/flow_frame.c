#include "kernels/flow_frame/flow_frame.h"
#include "kernels/isa_pick.h"

LT_ISA_DISPATCH(lt_flow_frame, lt_flow_frame_args)
