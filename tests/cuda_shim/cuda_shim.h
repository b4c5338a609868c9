/* cuda_shim.h -- what our portable CUDA kernels use of CUDA, for a host compiler: their source runs here without a GPU.
 *
 * in    a kernel as a C++ function, a grid, a block
 * out   the memory that the kernel wrote; reports of what would be undefined on a device
 * owns  stacks for the threads of one block, until the process ends
 *
 * Blocks run one after the other. The threads of a block are fibers: a warp runs until each of its lanes has ended or waits at a barrier, then the next
 * warp; lt_shim_set_order says in which order blocks, warps and lanes come. Reported, with the kernel's name and the thread:
 *   - shared memory (LT_SHARED): two threads at one element, one of them writing, without a barrier between them (__syncthreads; of one warp also
 *     __syncwarp, a shuffle or a vote); a read of what nobody wrote in this block; an index beyond the end
 *   - a barrier that some threads of the block do not reach, or two different ones at once
 *   - a warp operation whose mask names lanes that are not there, or a shuffle from a lane that takes no part
 *   - a float4, uint4 or uint2 read or written at once where it is not aligned to its size
 * Not seen: races in global memory, memory beyond an array of global memory (that is AddressSanitizer's), and what only a compiler for a GPU gets
 * wrong. The launching thread does all the work; one launch at a time in a process. */
#ifndef LT_TESTS_CUDA_SHIM_H
#define LT_TESTS_CUDA_SHIM_H

#include "cuda_shim_control.h"

#include <longtake/dtype.h>
#include <longtake/status.h>

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <tuple>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define warpSize 32

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
namespace lt_shim {

/* A fault of the running thread, in words; equal ones are one report. */
void report_here(const char *what);

/* `p`, after a report where it is no multiple of `bytes`. What the compiler knows of the type's alignment is hidden from it: it would leave the check
 * out. */
template <size_t bytes> inline void *aligned(const void *p)
{
    uintptr_t at = reinterpret_cast<uintptr_t>(p);
    __asm__("" : "+r"(at));
    if (at % bytes) report_here("reads or writes a vector at an address that is no multiple of its size");
    return reinterpret_cast<void *>(at);
}

}

struct alignas(16) float4 {
    float x, y, z, w;
    float4() = default;
    float4(float x_, float y_, float z_, float w_) : x(x_), y(y_), z(z_), w(w_) {}
    float4(const float4 &v) { memcpy(static_cast<void *>(this), lt_shim::aligned<16>(&v), sizeof v); }
    float4 &operator=(const float4 &v)
    {
        memmove(lt_shim::aligned<16>(this), lt_shim::aligned<16>(&v), sizeof v);
        return *this;
    }
};
struct alignas(8) uint2 {
    unsigned x, y;
    uint2() = default;
    uint2(unsigned x_, unsigned y_) : x(x_), y(y_) {}
    uint2(const uint2 &v) { memcpy(static_cast<void *>(this), lt_shim::aligned<8>(&v), sizeof v); }
    uint2 &operator=(const uint2 &v)
    {
        memmove(lt_shim::aligned<8>(this), lt_shim::aligned<8>(&v), sizeof v);
        return *this;
    }
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
    uint4() = default;
    uint4(unsigned x_, unsigned y_, unsigned z_, unsigned w_) : x(x_), y(y_), z(z_), w(w_) {}
    uint4(const uint4 &v) { memcpy(static_cast<void *>(this), lt_shim::aligned<16>(&v), sizeof v); }
    uint4 &operator=(const uint4 &v)
    {
        memmove(lt_shim::aligned<16>(this), lt_shim::aligned<16>(&v), sizeof v);
        return *this;
    }
};

static inline float4 make_float4(float x, float y, float z, float w)
{
    return float4(x, y, z, w);
}

static inline uint2 make_uint2(unsigned x, unsigned y)
{
    return uint2(x, y);
}

namespace lt_shim {

/* A thread of the block that runs. Epochs are numbers that grow from barrier to barrier, over all blocks and launches of a process, which has fewer
 * than 2^32. */
struct thread {
    dim3     index;
    int      id;
    uint32_t warp_epoch;
};

extern thread  *here;
extern dim3     block_index, block_size, grid_size;
extern uint32_t block_epoch, block_start;        /* since the last barrier; since the block began */

enum op { SYNC, SHFL, SHFL_XOR, SHFL_DOWN, SHFL_UP, BALLOT, CALL };

typedef void (*body)(const void *closure);
lt_status launch_body(const char *kernel, dim3 grid, dim3 block, body run, const void *closure);
void      barrier(const char *file, int line);
uint64_t  warp_op(op kind, unsigned mask, uint64_t value, int argument, int width);

/* An operation of the whole warp: once all 32 lanes have come to it with the same `f`, f gets what each of them brought, in the order of lanes. Unlike a
 * shuffle it orders no accesses to memory. */
typedef void (*warp_body)(void *const *brought);
void warp_call(warp_body f, void *mine);

/* Runs it at once, or gives it to the hook. */
lt_status submit_body(void *stream, const char *kernel, int (*run)(void *args), const void *args, size_t n_bytes);

/* A launch with its arguments by value, as CUDA takes them. */
template <class... P> struct call {
    const char *name;
    dim3        grid, block;
    void      (*kernel)(P...);
    std::tuple<P...> arguments;

    static void thread_main(const void *closure)
    {
        const call *c = static_cast<const call *>(closure);
        std::apply(c->kernel, c->arguments);
    }
    static int run(void *args)
    {
        const call *c = static_cast<const call *>(args);
        return launch_body(c->name, c->grid, c->block, thread_main, c) < 0 ? -1 : 1;
    }
};

template <class... P, class... A> lt_status launch(const char *name, dim3 grid, dim3 block, void *stream, void (*kernel)(P...), A... arguments)
{
    static_assert((std::is_trivially_copyable<P>::value && ...), "a kernel's arguments are copied byte by byte");
    const call<P...> c{ name, grid, block, kernel, std::tuple<P...>(arguments...) };
    return submit_body(stream, name, call<P...>::run, &c, sizeof c);
}

template <class T> T exchange(op kind, unsigned mask, T value, int argument, int width)
{
    uint64_t bits = 0;
    static_assert(sizeof value <= sizeof bits, "shuffled values have 8 bytes at most");
    memcpy(&bits, &value, sizeof value);
    bits = warp_op(kind, mask, bits, argument, width);
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Who touched an element last, and when. */
struct stamp {
    int      thread = -1;
    uint32_t block_epoch = 0, warp_epoch = 0;
};

/* The last write, and three reads: the last one, the last of another warp, the last of another lane of the same warp. */
struct cell {
    stamp write, read, other_warp, other_lane;
};

struct array {
    const char *name, *file;
    int         line;
    size_t      n;
    cell       *cells;
};

void first_read(const array &a, size_t i);
void on_write(const array &a, size_t i);
bool out_of_bounds(const array &a, size_t i);

/* Whether a read of the running thread adds nothing to what is known of an element: its own read of now is the last one, or two warps have read it since
 * the barrier, or two lanes of this warp since theirs, and so any write is a race already. */
static inline bool read_is_known(const cell &c)
{
    if (c.read.block_epoch != block_epoch) return false;
    if (c.read.thread == here->id && c.read.warp_epoch == here->warp_epoch) return true;
    if (c.other_warp.block_epoch == block_epoch) return true;
    return c.other_lane.block_epoch == block_epoch && c.read.thread / 32 == here->id / 32 && c.read.warp_epoch == here->warp_epoch &&
           c.other_lane.warp_epoch == here->warp_epoch;
}

/* Reads are most of what a kernel does: those that are no fault and tell nothing new end here. */
static inline void on_read(const array &a, size_t i)
{
    const cell &c = a.cells[i];
    const bool ordered = c.write.block_epoch >= block_start && (c.write.block_epoch < block_epoch || c.write.thread == here->id);
    if (!ordered || !read_is_known(c)) first_read(a, i);
}

template <class T> class element {
public:
    element(const array &a, size_t i, T *value) : a_(a), i_(i), value_(value) {}
    operator T() const
    {
        on_read(a_, i_);
        return *value_;
    }
    T operator=(T x)
    {
        on_write(a_, i_);
        return *value_ = x;
    }
    T operator=(const element &other) { return *this = static_cast<T>(other); }
    T operator+=(T x) { return *this = static_cast<T>(static_cast<T>(*this) + x); }
    T operator*=(T x) { return *this = static_cast<T>(static_cast<T>(*this) * x); }
    element(const element &) = default;

private:
    const array &a_;
    size_t       i_;
    T           *value_;
};

template <class T, size_t N> class shared {
public:
    shared(const char *name, const char *file, int line) : a_{ name, file, line, N, cells_ } {}
    element<T> operator[](long long i)
    {
        const size_t at = static_cast<size_t>(i);
        if (at < N || !out_of_bounds(a_, at)) return element<T>(a_, at, &values_[at]);
        return element<T>(nowhere_, 0, &nothing_);
    }

private:
    T     values_[N], nothing_;
    cell  cells_[N], nowhere_cell_;
    array a_, nowhere_{ nullptr, nullptr, 0, 0, &nowhere_cell_ };
};

}

#define threadIdx (lt_shim::here->index)
#define blockIdx  lt_shim::block_index
#define blockDim  lt_shim::block_size
#define gridDim   lt_shim::grid_size

#define LT_SHARED(type, name, n) static lt_shim::shared<type, (n)> name(#name, __FILE__, __LINE__)
#define LT_CUDA_LAUNCH(kernel, grid, block, stream, ...) \
    lt_shim::launch(#kernel, grid, block, stream, kernel, __VA_ARGS__)

#define __syncthreads() lt_shim::barrier(__FILE__, __LINE__)

static inline void __syncwarp(unsigned mask = 0xffffffffu)
{
    lt_shim::warp_op(lt_shim::SYNC, mask, 0, 0, 32);
}

template <class T> static inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32)
{
    return lt_shim::exchange(lt_shim::SHFL, mask, value, lane, width);
}

template <class T> static inline T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32)
{
    return lt_shim::exchange(lt_shim::SHFL_XOR, mask, value, lanes, width);
}

template <class T> static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32)
{
    return lt_shim::exchange(lt_shim::SHFL_DOWN, mask, value, static_cast<int>(delta), width);
}

template <class T> static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32)
{
    return lt_shim::exchange(lt_shim::SHFL_UP, mask, value, static_cast<int>(delta), width);
}

static inline unsigned __ballot_sync(unsigned mask, int predicate)
{
    return static_cast<unsigned>(lt_shim::warp_op(lt_shim::BALLOT, mask, predicate != 0, 0, 32));
}

static inline int __any_sync(unsigned mask, int predicate)
{
    return __ballot_sync(mask, predicate) != 0;
}

static inline int __all_sync(unsigned mask, int predicate)
{
    return __ballot_sync(mask, predicate) == mask;
}

template <class T> static inline T __ldg(const T *p)
{
    return *p;
}

static inline float __fmul_rn(float a, float b)
{
    return a * b;
}

static inline float __fadd_rn(float a, float b)
{
    return a + b;
}

static inline float __fsub_rn(float a, float b)
{
    return a - b;
}

static inline float __fdiv_rn(float a, float b)
{
    return a / b;
}

static inline float __fmaf_rn(float a, float b, float c)
{
    return fmaf(a, b, c);
}

static inline float __fsqrt_rn(float a)
{
    return sqrtf(a);
}

static inline double __dmul_rn(double a, double b)
{
    return a * b;
}

static inline double __dadd_rn(double a, double b)
{
    return a + b;
}

static inline double __dsub_rn(double a, double b)
{
    return a - b;
}

static inline double __ddiv_rn(double a, double b)
{
    return a / b;
}

static inline float __uint_as_float(unsigned u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline unsigned __float_as_uint(float f)
{
    unsigned u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* Half precision by its bits, as portable.cuh uses it. */
struct __half {
    uint16_t bits;
};

static inline __half __ushort_as_half(uint16_t bits)
{
    return __half{ bits };
}

static inline uint16_t __half_as_ushort(__half h)
{
    return h.bits;
}

static inline float __half2float(__half h)
{
    return lt_half_to_float(h.bits);
}

static inline __half __float2half_rn(float f)
{
    return __half{ lt_half_from_float(f) };
}

/* bfloat16 likewise. */
struct __nv_bfloat16 {
    uint16_t bits;
};

static inline __nv_bfloat16 __ushort_as_bfloat16(uint16_t bits)
{
    return __nv_bfloat16{ bits };
}

static inline uint16_t __bfloat16_as_ushort(__nv_bfloat16 h)
{
    return h.bits;
}

static inline float __bfloat162float(__nv_bfloat16 h)
{
    return lt_bf16_to_float(h.bits);
}

static inline __nv_bfloat16 __float2bfloat16_rn(float f)
{
    return __nv_bfloat16{ lt_bf16_from_float(f) };
}

#endif
