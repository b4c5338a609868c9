#include "device/probe.h"

#ifdef __CUDACC__
static __global__ void probe(void)
{
}
#else
static void probe(void)
{
}
#endif

extern "C" const void *lt_probe_kernel(void)
{
    return reinterpret_cast<const void *>(&probe);
}

extern "C" const int *lt_probe_architectures(int *n)
{
#ifdef __CUDA_ARCH_LIST__
    static const int built[] = { __CUDA_ARCH_LIST__ };
    *n = (int)(sizeof built / sizeof *built);
    return built;
#else
    *n = 0;
    return nullptr;
#endif
}
