#include <longtake/gpu.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether the driver's device files were given to this process. */
static bool device_files(void)
{
    return access("/dev/nvidiactl", F_OK) == 0;
}

#ifdef LT_HAVE_CUDA
#include "cuda_error.h"
#include "facts.h"
#include "probe.h"

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

bool lt_gpu_built(void)
{
    return true;
}

lt_status lt_gpu_list(lt_gpu *out, int max, int *n)
{
    lt_status st = LT_OK;
    lt_device_facts f;
    lt_nvml_facts now;
    lt_nvml *nvml = NULL;
    int count = 0, n_built = 0;
    const int *built = lt_probe_architectures(&n_built);
    *n = 0;
    cudaError_t e = cudaGetDeviceCount(&count);
    if (e == cudaErrorNoDevice) count = 0;
    else if (e != cudaSuccess) return lt_cuda_raise(e, "CUDA", "counting the GPUs", 0);
    (void)cudaGetLastError();
    nvml = lt_nvml_open();
    for (int i = 0; i < count && i < max; i++) {
        lt_gpu *g = &out[i];
        int mode = cudaComputeModeDefault;
        LT_TRY(lt_cuda_facts(i, nvml, &f));
        lt_nvml_read(nvml, f.uuid, &now);
        *g = (lt_gpu){ .major = f.major, .minor = f.minor, .multiprocessors = f.multiprocessors, .memory = f.memory, .mig = strncmp(f.uuid, "MIG-", 4) == 0,
                       .code = lt_probe_covers(built, n_built, f.major, f.minor), .free = now.free, .others = now.others >= 0 ? now.others : now.all, .ecc = now.ecc,
                       .ecc_uncorrected = now.ecc_uncorrected };
        for (; g->n_users < now.n_users && g->n_users < LT_GPU_USERS; g->n_users++) {
            g->users[g->n_users].pid = now.users[g->n_users].pid;
            g->users[g->n_users].bytes = now.users[g->n_users].bytes;
        }
        if (cudaDeviceGetAttribute(&mode, cudaDevAttrComputeMode, i) != cudaSuccess) (void)cudaGetLastError();
        g->exclusive = mode == cudaComputeModeProhibited ? 2 : mode != cudaComputeModeDefault;
        snprintf(g->name, sizeof g->name, "%s", f.name);
        snprintf(g->uuid, sizeof g->uuid, "%s", f.uuid);
        *n = i + 1;
    }
done:
    lt_nvml_close(&nvml);
    return st;
}

void lt_gpu_system_read(lt_gpu_system *out)
{
    *out = (lt_gpu_system){ 0 };
    if (cudaDriverGetVersion(&out->driver) != cudaSuccess || cudaRuntimeGetVersion(&out->runtime) != cudaSuccess) (void)cudaGetLastError();
    out->cublaslt.built = CUBLAS_VERSION;
    out->cublaslt.found = (int)cublasLtGetVersion();
    out->cudnn.built = CUDNN_VERSION;
    out->cudnn.found = (int)cudnnGetVersion();
    lt_cuda_driver_text(out->driver_text, sizeof out->driver_text);
    out->architectures = lt_probe_architectures(&out->n_architectures);
}

/* None at all: no driver for this process, or one that finds none. With its device files there and its library not, a driver is broken. */
static bool no_gpu_at_all(cudaError_t e)
{
    int driver = 0;
    if (e == cudaErrorNoDevice) return true;
    if (e != cudaErrorInsufficientDriver) return false;
    if (cudaDriverGetVersion(&driver) != cudaSuccess) (void)cudaGetLastError();
    return driver == 0 && !device_files();
}

lt_status lt_gpu_pick(lt_device_choice choice, int local_rank, int local_size, lt_backend *backend, int *ordinal, char *note, size_t size)
{
    lt_status st = LT_OK;
    int n = 0;
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    *backend = LT_BACKEND_CPU;
    *ordinal = 0;
    *note = 0;
    if (choice == LT_DEVICE_CPU) return LT_OK;
    cudaError_t e = cudaGetDeviceCount(&n);
    if (e == cudaSuccess && n == 0) e = cudaErrorNoDevice;
    if (choice == LT_DEVICE_AUTO && no_gpu_at_all(e)) {
        (void)cudaGetLastError();
        if (e == cudaErrorNoDevice && visible) snprintf(note, size, "no GPU is visible (CUDA_VISIBLE_DEVICES is '%s'): computing on the CPU", visible);
        else snprintf(note, size, "%s: computing on the CPU", e == cudaErrorNoDevice ? "the NVIDIA driver finds no GPU" : "this process has no NVIDIA driver");
        return LT_OK;
    }
    if (e != cudaSuccess) return lt_cuda_raise(e, "CUDA", "counting the GPUs", 0);
    *backend = LT_BACKEND_CUDA;
    *ordinal = local_rank % n;
    /* With one visible GPU each the launcher may have given out different ones. */
    if (n > 1 && local_size > n) snprintf(note, size, "%d ranks share the %d GPUs of this node", local_size, n);
    else if (n > local_size) snprintf(note, size, "%d of the %d GPUs of this node are used: one rank computes on one GPU", local_size, n);
    return st;
}
#else
bool lt_gpu_built(void)
{
    return false;
}

static lt_status raise_not_built(void)
{
    lt_status st = LT_OK;
    LT_FAIL(LT_E_DEVICE, "this build has no CUDA: configure with -DLT_CUDA=ON, or use --device cpu");
done:
    return st;
}

lt_status lt_gpu_list(lt_gpu *out, int max, int *n)
{
    (void)out;
    (void)max;
    *n = 0;
    return raise_not_built();
}

void lt_gpu_system_read(lt_gpu_system *out)
{
    *out = (lt_gpu_system){ 0 };
}

lt_status lt_gpu_pick(lt_device_choice choice, int local_rank, int local_size, lt_backend *backend, int *ordinal, char *note, size_t size)
{
    (void)local_rank;
    (void)local_size;
    *backend = LT_BACKEND_CPU;
    *ordinal = 0;
    *note = 0;
    if (choice == LT_DEVICE_CUDA) return raise_not_built();
    if (choice == LT_DEVICE_AUTO && device_files()) snprintf(note, size, "there is an NVIDIA driver, but this build has no CUDA: computing on the CPU");
    return LT_OK;
}
#endif
