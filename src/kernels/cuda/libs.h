/* kernels/cuda/libs.h -- cuBLASLt and cuDNN of one device.
 *
 * in    a device of the CUDA back-end
 * out   their handles, made when they are first asked for
 * owns  the handles; the device keeps them (lt_device_keep) and closes them with itself
 *
 * The first call for a device and for a handle is made while planning, by one thread at a time. Built with LT_CUDA. A handle serves one stream at a time: that of the launch that uses it. */
#ifndef LONGTAKE_KERNELS_CUDA_LIBS_H
#define LONGTAKE_KERNELS_CUDA_LIBS_H

#include <longtake/device.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lt_cuda_libs lt_cuda_libs;

/* Workspace that a library may plan for one call, on any GPU: so a plan needs no device. */
enum { LT_CUDA_WORKSPACE = 32 << 20 };

/* The handles of a device; NULL for the CPU. LT_E_MEMORY. */
LT_NODISCARD lt_status lt_cuda_libs_of(lt_device *device, lt_cuda_libs **out);

/* cublasLtHandle_t, cudnnHandle_t. LT_E_DEVICE with the library's own words where it cannot be made. */
LT_NODISCARD lt_status lt_cuda_libs_cublaslt(lt_cuda_libs *libs, void **handle);
LT_NODISCARD lt_status lt_cuda_libs_cudnn(lt_cuda_libs *libs, void **handle);

/* Versions of the libraries that are loaded, as they count them: 130002, 91900. They are part of a device's kind. */
typedef struct {
    int64_t cublaslt, cudnn;
} lt_cuda_libs_versions;
lt_cuda_libs_versions lt_cuda_libs_version(void);

#ifdef __cplusplus
}
#endif
#endif
