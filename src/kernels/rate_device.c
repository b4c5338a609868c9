#include <longtake/rate.h>

lt_status lt_matmul_rate_on(lt_device *device, lt_dtype dtype, int n, int repeats, double *gflops)
{
    lt_status st = LT_OK;
    (void)dtype;
    (void)n;
    (void)repeats;
    *gflops = 0;
    LT_FAIL(LT_E_DEVICE, "there is no rate of %s", lt_device_get_facts(device)->name);
done:
    return st;
}
