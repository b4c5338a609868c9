#include <longtake/gpu.h>

#ifdef LT_HAVE_CUDA
#include <cuda_runtime_api.h>

#include <stdio.h>

bool lt_gpu_built(void)
{
    return true;
}

lt_status lt_gpu_list(lt_gpu *out, int max, int *n)
{
    lt_status st = LT_OK;
    int count = 0;
    *n = 0;
    cudaError_t e = cudaGetDeviceCount(&count);
    if (e == cudaErrorNoDevice) return LT_OK;
    if (e != cudaSuccess) LT_FAIL(LT_E_DEVICE, "CUDA: %s: install or update the NVIDIA driver, or use --device cpu", cudaGetErrorString(e));
    for (int i = 0; i < count && i < max; i++) {
        struct cudaDeviceProp p;
        e = cudaGetDeviceProperties(&p, i);
        if (e != cudaSuccess) LT_FAIL(LT_E_DEVICE, "CUDA: GPU %d: %s", i, cudaGetErrorString(e));
        lt_gpu *g = &out[(*n)++];
        snprintf(g->name, sizeof g->name, "%s", p.name);
        g->major = p.major;
        g->minor = p.minor;
        g->multiprocessors = p.multiProcessorCount;
        g->memory = (int64_t)p.totalGlobalMem;
    }
done:
    return st;
}
#else
bool lt_gpu_built(void)
{
    return false;
}

lt_status lt_gpu_list(lt_gpu *out, int max, int *n)
{
    lt_status st = LT_OK;
    (void)out;
    (void)max;
    *n = 0;
    LT_FAIL(LT_E_DEVICE, "this build has no CUDA: configure with -DLT_CUDA=ON, or use --device cpu");
done:
    return st;
}
#endif
