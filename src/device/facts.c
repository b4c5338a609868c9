#include <longtake/gpu.h>

#ifdef LT_HAVE_CUDA
#include "cuda_error.h"
#include "facts.h"
#include "probe.h"

#include <stdio.h>
#include <string.h>

/* Code for sm_XY runs on all sm_XZ with Z >= Y, and PTX is translated for newer GPUs only (CUDA C++ Programming Guide, "Binary Compatibility" and "PTX
 * Compatibility"). sm_90a runs on sm_90 alone, which has no younger sisters. */
int lt_probe_covers(const int *built, int n, int major, int minor)
{
    bool older = n == 0;
    for (int i = 0; i < n; i++) {
        if (built[i] / 100 == major && built[i] / 10 % 10 <= minor) return 1;
        older = older || built[i] < 100 * major + 10 * minor;
    }
    return older ? -1 : 0;
}

lt_status lt_cuda_count(int *n)
{
    *n = 0;
    cudaError_t e = cudaGetDeviceCount(n);
    if (e == cudaSuccess && *n == 0) e = cudaErrorNoDevice;
    return e == cudaSuccess ? LT_OK : lt_cuda_raise(e, "CUDA", "counting the GPUs", 0);
}

/* An instance of a divided GPU is named so by the management library, or by its name for CUDA ("NVIDIA A100-SXM4-40GB MIG 1g.5gb"). */
static void write_uuid(const struct cudaDeviceProp *p, lt_nvml *nvml, char *out, size_t size)
{
    static const unsigned char dashes[] = { 4, 6, 8, 10 };
    char digits[40] = "";
    lt_nvml_facts f;
    for (size_t i = 0, at = 0, k = 0; i < sizeof p->uuid.bytes; i++) {
        if (k < sizeof dashes && i == dashes[k]) digits[at++] = '-', k++;
        snprintf(digits + at, sizeof digits - at, "%02x", (unsigned)(unsigned char)p->uuid.bytes[i]);
        at += 2;
    }
    snprintf(out, size, "MIG-%s", digits);
    lt_nvml_read(nvml, out, &f);
    if (!f.found && !strstr(p->name, " MIG ")) snprintf(out, size, "GPU-%s", digits);
}

lt_status lt_cuda_facts(int ordinal, lt_nvml *nvml, lt_device_facts *out)
{
    struct cudaDeviceProp p;
    cudaError_t e = cudaGetDeviceProperties(&p, ordinal);
    char who[32];
    snprintf(who, sizeof who, "GPU %d", ordinal);
    if (e != cudaSuccess) return lt_cuda_raise(e, who, "reading its properties", 0);
    *out = (lt_device_facts){ .backend = LT_BACKEND_CUDA, .ordinal = ordinal, .major = p.major, .minor = p.minor,
                              .multiprocessors = p.multiProcessorCount, .memory = (int64_t)p.totalGlobalMem };
    snprintf(out->name, sizeof out->name, "%.*s", (int)sizeof out->name - 1, p.name);
    write_uuid(&p, nvml, out->uuid, sizeof out->uuid);
    if ((e = cudaDriverGetVersion(&out->driver)) == cudaSuccess) e = cudaRuntimeGetVersion(&out->runtime);
    if (e != cudaSuccess) return lt_cuda_raise(e, who, "reading the versions of driver and runtime", 0);
    return LT_OK;
}
#else
typedef int lt_no_cuda_facts;       /* ISO C wants a declaration */
#endif
