#include "state.h"

const char *lt_stage_name(lt_stage stage)
{
    static const char *const names[LT_STAGES] = {
        [LT_STAGE_OPEN] = "open", [LT_STAGE_PREPARE] = "prepare", [LT_STAGE_ENCODE] = "encode", [LT_STAGE_WINDOW] = "window", [LT_STAGE_FLOW] = "flow",
        [LT_STAGE_FINISH] = "finish", [LT_STAGE_MERGE] = "merge", [LT_WAIT_FRAMES] = "frames", [LT_WAIT_DEVICE] = "device", [LT_WAIT_STORE] = "store",
        [LT_WAIT_RECORD] = "halo record", [LT_WAIT_ORDERS] = "orders",
    };
    return names[stage];
}
