#include "kernels/flow_store/flow_store.h"
#include "kernels/isa_pick.h"

LT_ISA_DISPATCH(lt_flow_store, lt_flow_store_args)
