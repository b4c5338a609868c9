#include "kernels/flow_sor/flow_sor.h"
#include "kernels/isa_pick.h"

LT_ISA_DISPATCH(lt_flow_sor, lt_flow_sor_args)

/* Wedges of neighbouring boundaries must not meet: at least 4 * sweeps - 2 rows. */
int lt_flow_sor_band(int sweeps)
{
    return 4 * sweeps > 24 ? 4 * sweeps : 24;
}

int lt_flow_sor_bands(int height, int sweeps)
{
    return (height + lt_flow_sor_band(sweeps) - 1) / lt_flow_sor_band(sweeps);
}
