#include "depth_net.h"

#include <stdlib.h>

bool lt_depth_net_is_stub(void)
{
#ifdef LT_FAULTS
    return getenv("LT_DEPTH_STUB") != NULL;
#else
    return false;
#endif
}

const lt_depth_net *lt_depth_net_pick(void)
{
#ifdef LT_FAULTS
    if (lt_depth_net_is_stub()) return &lt_depth_net_stub;
#endif
    return NULL;
}
