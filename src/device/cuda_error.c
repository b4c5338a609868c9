/* The sentences of CUDA's failures. Which of them last: "cudaError_t" in driver_types.h of CUDA 13, where it says that the process must be
 * terminated and relaunched, or that the context or process is in an inconsistent state. */
#include <longtake/gpu.h>

#ifdef LT_HAVE_CUDA
#include "cuda_error.h"
#include "nvml.h"
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    cudaError_t error;
    bool        lasts;
    const char *sentence;
} table[] = {
    { cudaErrorMemoryAllocation, false, "there is not enough memory for it: lower --memory-limit, or end what else runs there" },
    { cudaErrorInitializationError, false, "the driver could not start: see whether nvidia-smi works; after an update of the driver reboot" },
    { cudaErrorStubLibrary, false,
      "the libcuda.so.1 that was found is the toolkit's stub and no driver: take its folder (.../lib64/stubs) out of LD_LIBRARY_PATH" },
    { cudaErrorCallRequiresNewerDriver, false, "the driver is too old for this call: update the NVIDIA driver" },
    { cudaErrorDevicesUnavailable, false,
      "the GPU is busy or may not be used: another process holds it exclusively (nvidia-smi shows which), or its compute mode forbids it" },
    { cudaErrorDeviceAlreadyInUse, false, "another process holds the GPU exclusively (nvidia-smi shows which): wait for it, or use another GPU" },
    { cudaErrorDeviceNotLicensed, false, "this virtual GPU has no licence: its administrator has to give it one" },
    { cudaErrorInvalidDeviceFunction, false, "this build holds no code for the GPU" },
    { cudaErrorNoKernelImageForDevice, false, "this build holds no code for the GPU" },
    { cudaErrorInvalidKernelImage, false, "the GPU code of this build is damaged: build or install longtake again" },
    { cudaErrorInvalidPtx, false, "this build's GPU code cannot be translated for the GPU: build for its architecture" },
    { cudaErrorUnsupportedPtxVersion, false,
      "this build holds code for the GPU only as PTX, of a newer kind than the driver can translate: update the driver, or build for its architecture" },
    { cudaErrorJitCompilerNotFound, false,
      "this build holds code for the GPU only as PTX, and the driver's translator (libnvidia-ptxjitcompiler) is missing: build for its architecture" },
    { cudaErrorJitCompilationDisabled, false,
      "this build holds code for the GPU only as PTX, and CUDA_DISABLE_PTX_JIT forbids its translation: unset it, or build for its architecture" },
    { cudaErrorOperatingSystem, false,
      "the operating system refused a call of the driver: see whether /dev/nvidia* may be opened, and in a container whether GPUs were given to it" },
    { cudaErrorNotPermitted, false, "the operation is not permitted to this process" },
    { cudaErrorSystemNotReady, false, "the GPUs are not ready: nvidia-fabricmanager has to run on this machine (systemctl status nvidia-fabricmanager)" },
    { cudaErrorSystemDriverMismatch, false, "the driver in the kernel and its libraries are of different versions: reboot, or reinstall the driver" },
    { cudaErrorCompatNotSupportedOnDevice, false, "the forward-compatibility package of CUDA does not work on this GPU: update the driver instead" },
    { cudaErrorMpsConnectionFailed, false, "the MPS server does not answer: see whether nvidia-cuda-mps-control runs, or unset CUDA_MPS_PIPE_DIRECTORY" },
    { cudaErrorMpsRpcFailure, true, "the connection to the MPS server broke: run again" },
    { cudaErrorMpsServerNotReady, false, "the MPS server is not ready: run again in a moment" },
    { cudaErrorMpsMaxClientsReached, false, "the MPS server serves as many processes as it can: use fewer ranks" },
    { cudaErrorMpsMaxConnectionsReached, false, "the MPS server serves as many connections as it can: use fewer ranks" },
    { cudaErrorMpsClientTerminated, true, "the MPS server ended this process's work: run again" },
    { cudaErrorECCUncorrectable, true,
      "the GPU's memory has an error that cannot be corrected: results are safe up to the last commit; run again on another GPU, and have this one reset" },
    { cudaErrorNvlinkUncorrectable, true, "a link between GPUs has an error that cannot be corrected: run again without this GPU, and have it reset" },
    { cudaErrorContained, true, "the GPU had an error in its memory, which ended this process's work: run again" },
    { cudaErrorIllegalAddress, true, "work on the GPU read or wrote where nothing is, a fault in longtake or the GPU: please report it; run again" },
    { cudaErrorMisalignedAddress, true, "work on the GPU used a misaligned address, a fault in longtake or the GPU: please report it; run again" },
    { cudaErrorInvalidAddressSpace, true, "work on the GPU used a wrong kind of address, a fault in longtake or the GPU: please report it; run again" },
    { cudaErrorInvalidPc, true, "work on the GPU lost its way, a fault in longtake or the GPU: please report it; run again" },
    { cudaErrorIllegalInstruction, true, "the GPU met an instruction that it does not know, a fault in longtake or the GPU: please report it; run again" },
    { cudaErrorHardwareStackError, true, "a stack on the GPU was destroyed, a fault in longtake or the GPU: please report it; run again" },
    { cudaErrorAssert, true, "a check in work on the GPU failed, a fault in longtake: please report it; run again" },
    { cudaErrorLaunchTimeout, true, "work on the GPU was ended because it took too long: the GPU also drives a display; use one that does not" },
    { cudaErrorLaunchFailure, true,
      "the GPU was lost or work on it failed: see the kernel's log for lines with NVRM: Xid; what is committed is safe, run again" },
    { cudaErrorTensorMemoryLeak, true, "work on the GPU did not give back its tensor memory, a fault in longtake: please report it; run again" },
    { cudaErrorExternalDevice, true, "a device beside the GPU failed and took this process's work with it: run again" },
    { cudaErrorContextIsDestroyed, true, "the GPU's context is gone: another part of this process destroyed it" },
    { cudaErrorCudartUnloading, true, "the process is ending" },
    { cudaErrorUnknown, false, "the GPU failed and the driver does not say why: see the kernel's log for lines with NVRM: Xid; run again" },
    { cudaErrorStreamCaptureInvalidated, false, "the recording was spoilt by a call that failed in it" },
    { cudaErrorStreamCaptureUnsupported, false, "something was put on the stream that cannot be recorded, a fault in longtake: please report it" },
};

bool lt_cuda_error_lasts(cudaError_t e)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].error == e) return table[i].lasts;
    return false;
}

char *lt_cuda_version_text(int version, char *out, size_t size)
{
    snprintf(out, size, "%d.%d", version / 1000, version % 1000 / 10);
    return out;
}

char *lt_cuda_driver_text(char *out, size_t size)
{
    char line[256] = "";
    lt_nvml *nvml = lt_nvml_open();
    lt_nvml_driver(nvml, out, size);
    lt_nvml_close(&nvml);
    if (*out) return out;
    /* "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  ..."; the number is the first word that begins with a digit and has a point. */
    FILE *f = fopen("/proc/driver/nvidia/version", "r");
    if (!f) return out;
    if (!fgets(line, sizeof line, f)) line[0] = 0;
    fclose(f);
    for (char *save = NULL, *word = strtok_r(line, " \t\n", &save); word; word = strtok_r(NULL, " \t\n", &save))
        if (*word >= '0' && *word <= '9' && strchr(word, '.')) {
            snprintf(out, size, "%s", word);
            break;
        }
    return out;
}

/* No driver at all, or one of an older CUDA: the runtime has one error for both. */
static lt_status raise_driver(const char *who)
{
    lt_status st = LT_OK;
    char has[16], needs[16], text[64];
    int version = 0;
    if (cudaDriverGetVersion(&version) != cudaSuccess) version = 0;
    lt_cuda_driver_text(text, sizeof text);
    lt_cuda_version_text(CUDART_VERSION, needs, sizeof needs);
    if (!version && !*text)
        LT_FAIL(LT_E_DEVICE, "%s: there is no NVIDIA driver: install it, in a container start it with GPUs (docker run --gpus all), or use --device cpu", who);
    if (!version)
        LT_FAIL(LT_E_DEVICE,
                "%s: the NVIDIA driver %s is loaded, but its library libcuda.so.1 was not found: in a container start it with GPUs (docker run --gpus all), "
                "otherwise install it, or use --device cpu",
                who, text);
    LT_FAIL(LT_E_DEVICE, "%s: the NVIDIA driver%s%s knows CUDA %s, this build needs %s: update the driver (%s), or use --device cpu", who, *text ? " " : "", text,
            lt_cuda_version_text(version, has, sizeof has), needs, "580 or later for CUDA 13");
done:
    return st;
}

static lt_status raise_architecture(const char *who, int sm)
{
    lt_status st = LT_OK;
    char list[128] = "";
    int n = 0;
    const int *built = lt_probe_architectures(&n);
    for (int i = 0, at = 0; i < n && at < (int)sizeof list; i++)
        at += snprintf(list + at, sizeof list - (size_t)at, "%ssm_%d", i ? ", " : "", built[i] / 10);
    LT_FAIL(LT_E_DEVICE, "%s: the GPU is sm_%d and this build holds no code for it (it has %s): build with -DCMAKE_CUDA_ARCHITECTURES=%d, or use --device cpu",
            who, sm, n ? list : "none", sm);
done:
    return st;
}

static lt_status raise_absent(const char *who)
{
    lt_status st = LT_OK;
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    if (visible)
        LT_FAIL(LT_E_DEVICE, "%s: this process sees no GPU: CUDA_VISIBLE_DEVICES is '%s': mend or unset it, or use --device cpu", who, visible);
    LT_FAIL(LT_E_DEVICE, "%s: the driver finds no NVIDIA GPU in this machine: see whether nvidia-smi lists one, or use --device cpu", who);
done:
    return st;
}

lt_status lt_cuda_raise(cudaError_t e, const char *who, const char *what, int sm)
{
    lt_status st = LT_OK;
    (void)cudaGetLastError();
    if (e == cudaErrorInsufficientDriver) return raise_driver(who);
    if (e == cudaErrorNoDevice) return raise_absent(who);
    if (sm && (e == cudaErrorNoKernelImageForDevice || e == cudaErrorInvalidDeviceFunction)) return raise_architecture(who, sm);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].error == e)
            LT_FAIL(e == cudaErrorMemoryAllocation ? LT_E_MEMORY : LT_E_DEVICE, "%s: %s: %s (%s)", who, what, table[i].sentence, cudaGetErrorName(e));
    LT_FAIL(LT_E_DEVICE, "%s: %s: %s (%s)", who, what, cudaGetErrorString(e), cudaGetErrorName(e));
done:
    return st;
}
#else
typedef int lt_no_cuda_error;      /* ISO C wants a declaration */
#endif
