/* kernels/cuda/portable.cuh -- what every .cu file of ours is written against.
 *
 * in    nvcc, or a host compiler and the shim of tests/cuda_shim
 * out   LT_SHARED, LT_CUDA_LAUNCH, conversions of f16 and bf16; CUDA's own names for the rest
 * owns  nothing
 *
 * A kernel has no #ifdef: the same text runs on a GPU and, in tests, on a CPU. Arithmetic: files are compiled with -fmad=false, so a + b * c is two
 * roundings as on the CPU and fmaf is one; division and square root are IEEE's; no expf, erff or their kind, which differ from device to device. Sums
 * have an order that sizes fix: so bits are those of the shim.
 *
 * LT_SHARED(float, tile, 32 * 33): an array of shared memory of the block, used by tile[i] alone (no pointers into it), or handed as it is to a function
 * template that takes it as `S &tile`. It begins at a multiple of 16 bytes. Values of f16 and bf16 lie in pairs, LT_SHARED(uint32_t, tile, n): value 2 i in
 * the low half of tile[i]; so are they read and written by 32 bits, copied by 16 bytes (async.cuh) and made fragments of (mma.cuh).
 * LT_CUDA_LAUNCH(kernel, grid, block, stream, arguments...): lt_status. */
#ifndef LONGTAKE_KERNELS_CUDA_PORTABLE_CUH
#define LONGTAKE_KERNELS_CUDA_PORTABLE_CUH

#include <longtake/kernel.h>

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#define LT_SHARED(type, name, n) __shared__ __align__(16) type name[n]
#define LT_CUDA_LAUNCH(kernel, grid, block, stream, ...) \
    (kernel<<<grid, block, 0, static_cast<cudaStream_t>(stream)>>>(__VA_ARGS__), lt_cuda_status(cudaGetLastError(), #kernel))

static inline lt_status lt_cuda_status(cudaError_t e, const char *kernel)
{
    lt_status st = LT_OK;
    if (e != cudaSuccess) LT_FAIL(LT_E_DEVICE, "CUDA: %s was not launched: %s", kernel, cudaGetErrorString(e));
done:
    return st;
}
#else
#include "cuda_shim.h"
#endif

/* Before the launches of an operator: LT_E_STOPPED where the stop flag is up. What is launched runs to its end. */
static inline lt_status lt_cuda_begin(const lt_launch *l)
{
    lt_status st = LT_OK;
    if (l->stop && l->stop->load()) LT_FAIL(LT_E_STOPPED, "stopped in the middle of a window; run again");
done:
    return st;
}

#endif
