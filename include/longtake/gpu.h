/* longtake/gpu.h -- the GPUs of this machine.
 *
 * in    the CUDA driver, where this build knows it
 * out   what each GPU is
 * owns  nothing: no context is made and no memory taken on any GPU
 *
 * A build with CUDA starts and answers on a machine without a driver. */
#ifndef LONGTAKE_GPU_H
#define LONGTAKE_GPU_H

#include <longtake/status.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    char    name[128];
    int     major, minor;            /* compute capability: sm_<major><minor> */
    int     multiprocessors;
    int64_t memory;                  /* bytes in all */
} lt_gpu;

/* Whether this build has CUDA at all (LT_CUDA of CMake). */
bool lt_gpu_built(void);

/* The first `max` GPUs in CUDA's order, CUDA_VISIBLE_DEVICES applied; *n of them. LT_E_DEVICE, with one sentence, where
 * the build has no CUDA, there is no driver, or it is too old. */
LT_NODISCARD lt_status lt_gpu_list(lt_gpu *out, int max, int *n);

#ifdef __cplusplus
}
#endif
#endif
