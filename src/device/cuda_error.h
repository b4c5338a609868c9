/* device/cuda_error.h -- what a failed call of the CUDA runtime means. Built with LT_CUDA. Private to src/device.
 *
 * in    a cudaError_t
 * out   one sentence for the user in the thread's record
 * owns  nothing */
#ifndef LONGTAKE_DEVICE_CUDA_ERROR_H
#define LONGTAKE_DEVICE_CUDA_ERROR_H

#include <longtake/status.h>

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stddef.h>

/* Whether CUDA answers nothing but this error from now on, so that the process must end. */
bool lt_cuda_error_lasts(cudaError_t e);

/* Raises "who: what: sentence", LT_E_MEMORY where memory ran out and LT_E_DEVICE otherwise, and takes the error from CUDA's own record, or the next
 * launch would report it as its own. `what` is what was being done; sm, where not 0, is the GPU's (75 for sm_75). */
LT_NODISCARD lt_status lt_cuda_raise(cudaError_t e, const char *who, const char *what, int sm);

/* "580.65.06", or "" where nothing tells it. Written to `out` [size], which is returned. */
char *lt_cuda_driver_text(char *out, size_t size);

/* "13.0" of CUDA's 13000. */
char *lt_cuda_version_text(int version, char *out, size_t size);

#endif
