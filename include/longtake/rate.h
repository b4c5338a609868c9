/* longtake/rate.h -- how fast this machine multiplies matrices and copies memory, as a yardstick.
 *
 * in    a type and a number of threads
 * out   GFLOP/s of oneDNN, or on a GPU of cuBLASLt, on one large square product; GB/s of a copy
 * owns  nothing */
#ifndef LONGTAKE_RATE_H
#define LONGTAKE_RATE_H

#include <longtake/device.h>
#include <longtake/dtype.h>
#include <longtake/status.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* n^3 product of `dtype` (LT_F32, LT_BF16) by the library in one call with its own threads, the best of `repeats`. A measurement for people to read:
 * nothing is chosen by it. LT_E_DEVICE where the library cannot do it here. */
LT_NODISCARD lt_status lt_matmul_rate(lt_dtype dtype, int n, int n_threads, int repeats, double *gflops);

/* The same of cuBLASLt on a GPU (also LT_F16; f32: without TF32), by its clock, with the algorithm that its heuristic names for this size. It allocates
 * two matrices and a workspace beside the arena and gives them back. n is a multiple of 8. */
LT_NODISCARD lt_status lt_matmul_rate_on(lt_device *device, lt_dtype dtype, int n, int repeats, double *gflops);

/* The same of f32 whose operands may be rounded to TF32. */
LT_NODISCARD lt_status lt_matmul_rate_tf32(lt_device *device, int n, int repeats, double *gflops);

/* GB/s (10^9 bytes) of a copy of n_bytes, read and written bytes both counted, the best of `repeats`; takes twice n_bytes while it runs. In host memory by
 * n_threads threads, and n_bytes should be several times what the caches hold; `_on` within the memory of a GPU. */
LT_NODISCARD lt_status lt_copy_rate(size_t n_bytes, int n_threads, int repeats, double *gbytes);
LT_NODISCARD lt_status lt_copy_rate_on(lt_device *device, size_t n_bytes, int repeats, double *gbytes);

#ifdef __cplusplus
}
#endif
#endif
