/* kernels/cuda/async.cuh -- copies of 16 bytes from global to shared memory that run while the thread computes; reads of 16 bytes.
 *
 * in    an address in global memory, a multiple of 16 bytes; a place in shared memory of pairs (portable.cuh), a multiple of 4 pairs
 * out   shared memory written, or values read
 * owns  nothing
 *
 * A thread collects copies in a group (lt_dev_commit) and waits for all but the latest groups (lt_dev_wait_copies); what other threads have copied is
 * there after their wait and a barrier. PTX ISA, "cp.async" (sm_80 and later); on sm_75 a copy is done at once, and so a kernel that is right here is
 * right there. Under the shim the place is NaN until the wait. */
#ifndef LONGTAKE_KERNELS_CUDA_ASYNC_CUH
#define LONGTAKE_KERNELS_CUDA_ASYNC_CUH

#include "kernels/cuda/value.cuh"

#ifndef __CUDACC__
#include "async_shim.h"
#endif

enum { LT_COPY_PAIRS = 4 };                     /* of one copy */

/* tile[at .. at + 3] from `from`; zeros where not `there`, and nothing is read. */
template <class S> LT_CUDA_INLINE void lt_dev_copy16(S &tile, int at, const void *from, bool there)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(&tile[at]));
    const int bytes = there ? 16 : 0;           /* src-size: the rest of the 16 is filled with zeros */
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" : : "r"(address), "l"(__cvta_generic_to_global(from)), "r"(bytes) : "memory");
#elif defined(__CUDACC__)
    *reinterpret_cast<uint4 *>(&tile[at]) = there ? *static_cast<const uint4 *>(from) : make_uint4(0, 0, 0, 0);
#else
    lt_shim::copy16(tile, at, from, there);
#endif
}

/* tile[at .. at + 3] at once; at is a multiple of 4. */
template <class S> LT_CUDA_INLINE uint4 lt_dev_read16(S &tile, int at)
{
#ifdef __CUDACC__
    return *reinterpret_cast<const uint4 *>(&tile[at]);
#else
    return lt_shim::read16(tile, at);
#endif
}

/* Ends a group; also one without copies. */
LT_CUDA_INLINE void lt_dev_commit()
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" : : : "memory");
#elif !defined(__CUDACC__)
    lt_shim::commit();
#endif
}

/* Until this thread's copies have come, those of its latest N groups excepted. */
template <int N> LT_CUDA_INLINE void lt_dev_wait_copies()
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" : : "n"(N) : "memory");
#elif !defined(__CUDACC__)
    lt_shim::wait_copies(N);
#endif
}

#endif
