#include "kernels/cuda/libs.h"

#ifdef LT_HAVE_CUDA

#include <cublasLt.h>
#include <cudnn.h>

#include <stdlib.h>

struct lt_cuda_libs {
    lt_device       *device;
    cublasLtHandle_t cublaslt;
    cudnnHandle_t    cudnn;
};

static void close_libs(void *kept)
{
    lt_cuda_libs *libs = kept;
    if (libs->cublaslt) cublasLtDestroy(libs->cublaslt);
    if (libs->cudnn) cudnnDestroy(libs->cudnn);
    free(libs);
}

lt_status lt_cuda_libs_of(lt_device *device, lt_cuda_libs **out)
{
    lt_status st = LT_OK;
    *out = NULL;
    if (!device || lt_device_get_facts(device)->backend != LT_BACKEND_CUDA) return LT_OK;
    *out = lt_device_kept(device);
    if (*out) return LT_OK;
    lt_cuda_libs *libs = calloc(1, sizeof *libs);
    if (!libs) LT_FAIL(LT_E_MEMORY, "no memory for the handles of CUDA's libraries");
    libs->device = device;
    lt_device_keep(device, libs, close_libs);
    *out = libs;
done:
    return st;
}

lt_status lt_cuda_libs_cublaslt(lt_cuda_libs *libs, void **handle)
{
    lt_status st = LT_OK;
    *handle = NULL;
    if (!libs->cublaslt) {
        LT_TRY(lt_device_use(libs->device));
        const cublasStatus_t e = cublasLtCreate(&libs->cublaslt);
        if (e != CUBLAS_STATUS_SUCCESS) {
            libs->cublaslt = NULL;
            LT_FAIL(LT_E_DEVICE, "cuBLASLt does not start on GPU %d: %s; LT_KERNELS=-linear.cublaslt,-convtranspose2d.cublaslt does without it",
                    lt_device_get_facts(libs->device)->ordinal, cublasLtGetStatusString(e));
        }
    }
    *handle = libs->cublaslt;
done:
    return st;
}

lt_status lt_cuda_libs_cudnn(lt_cuda_libs *libs, void **handle)
{
    lt_status st = LT_OK;
    *handle = NULL;
    if (!libs->cudnn) {
        LT_TRY(lt_device_use(libs->device));
        const cudnnStatus_t e = cudnnCreate(&libs->cudnn);
        if (e != CUDNN_STATUS_SUCCESS) {
            libs->cudnn = NULL;
            LT_FAIL(LT_E_DEVICE, "cuDNN does not start on GPU %d: %s; LT_KERNELS=-conv2d.cudnn,-attention.cudnn does without it",
                    lt_device_get_facts(libs->device)->ordinal, cudnnGetErrorString(e));
        }
    }
    *handle = libs->cudnn;
done:
    return st;
}

lt_cuda_libs_versions lt_cuda_libs_version(void)
{
    return (lt_cuda_libs_versions){ .cublaslt = (int64_t)cublasLtGetVersion(), .cudnn = (int64_t)cudnnGetVersion() };
}
#endif
