/* kernels/cuda/value.cuh -- values of f32, bf16 and f16 in device memory, one or four at a time, as f32.
 *
 * in    an address, a type, places in elements
 * out   values, or memory written: rounded to nearest, ties to even
 * owns  nothing
 *
 * The type is an argument, not a template's: all threads of a launch take the same branch, and these kernels wait for memory. */
#ifndef LONGTAKE_KERNELS_CUDA_VALUE_CUH
#define LONGTAKE_KERNELS_CUDA_VALUE_CUH

#include "kernels/cuda/portable.cuh"

#define LT_CUDA_INLINE static __device__ __forceinline__

enum { LT_QUAD = 4 };

LT_CUDA_INLINE float lt_dev_from_bf16(unsigned h)
{
    return __uint_as_float(h << 16);
}

/* A NaN stays one: as lt_bf16_from_float. */
LT_CUDA_INLINE unsigned lt_dev_to_bf16(float x)
{
    const unsigned u = __float_as_uint(x);
    return x != x ? (u >> 16 | 0x40u) : (u + 0x7fffu + (u >> 16 & 1u)) >> 16;
}

LT_CUDA_INLINE float lt_dev_widen(unsigned h, int dtype)
{
    return dtype == LT_BF16 ? lt_dev_from_bf16(h) : __half2float(__ushort_as_half(static_cast<unsigned short>(h)));
}

LT_CUDA_INLINE unsigned lt_dev_narrow(float x, int dtype)
{
    return dtype == LT_BF16 ? lt_dev_to_bf16(x) : __half_as_ushort(__float2half_rn(x));
}

LT_CUDA_INLINE float lt_dev_get(const void *p, int dtype, int64_t i)
{
    return dtype == LT_F32 ? static_cast<const float *>(p)[i] : lt_dev_widen(static_cast<const uint16_t *>(p)[i], dtype);
}

LT_CUDA_INLINE void lt_dev_put(void *p, int dtype, int64_t i, float x)
{
    if (dtype == LT_F32) static_cast<float *>(p)[i] = x;
    else static_cast<uint16_t *>(p)[i] = static_cast<uint16_t>(lt_dev_narrow(x, dtype));
}

/* Four values side by side; p + i is a multiple of four values. */
LT_CUDA_INLINE void lt_dev_get4(const void *p, int dtype, int64_t i, float x[LT_QUAD])
{
    if (dtype == LT_F32) {
        const float4 v = *reinterpret_cast<const float4 *>(static_cast<const float *>(p) + i);
        x[0] = v.x;
        x[1] = v.y;
        x[2] = v.z;
        x[3] = v.w;
    } else {
        const uint2 v = *reinterpret_cast<const uint2 *>(static_cast<const uint16_t *>(p) + i);
        x[0] = lt_dev_widen(v.x & 0xffffu, dtype);
        x[1] = lt_dev_widen(v.x >> 16, dtype);
        x[2] = lt_dev_widen(v.y & 0xffffu, dtype);
        x[3] = lt_dev_widen(v.y >> 16, dtype);
    }
}

LT_CUDA_INLINE void lt_dev_put4(void *p, int dtype, int64_t i, const float x[LT_QUAD])
{
    if (dtype == LT_F32) {
        *reinterpret_cast<float4 *>(static_cast<float *>(p) + i) = make_float4(x[0], x[1], x[2], x[3]);
    } else {
        *reinterpret_cast<uint2 *>(static_cast<uint16_t *>(p) + i) =
            make_uint2(lt_dev_narrow(x[0], dtype) | lt_dev_narrow(x[1], dtype) << 16, lt_dev_narrow(x[2], dtype) | lt_dev_narrow(x[3], dtype) << 16);
    }
}

/* n <= 4 values, `step` elements apart; at once where `quad` says that they lie so (lt_cuda_quads). */
LT_CUDA_INLINE void lt_dev_load(const void *p, int dtype, int64_t i, int64_t step, int n, bool quad, float x[LT_QUAD])
{
    if (quad && n == LT_QUAD) {
        lt_dev_get4(p, dtype, i, x);
    } else {
#pragma unroll
        for (int k = 0; k < LT_QUAD; k++) x[k] = k < n ? lt_dev_get(p, dtype, i + k * step) : 0.0f;
    }
}

LT_CUDA_INLINE void lt_dev_store(void *p, int dtype, int64_t i, int64_t step, int n, bool quad, const float x[LT_QUAD])
{
    if (quad && n == LT_QUAD) {
        lt_dev_put4(p, dtype, i, x);
    } else {
#pragma unroll
        for (int k = 0; k < LT_QUAD; k++)
            if (k < n) lt_dev_put(p, dtype, i + k * step, x[k]);
    }
}

/* The sum over a warp, the same bits in each lane: exchanged additions of pairs. */
LT_CUDA_INLINE float lt_dev_warp_sum(float x)
{
#pragma unroll
    for (int k = 16; k > 0; k /= 2) x += __shfl_xor_sync(0xffffffffu, x, k);
    return x;
}

/* max(x, 0); a NaN stays. */
LT_CUDA_INLINE float lt_dev_relu(float x)
{
    return x <= 0.0f ? 0.0f : x;
}

/* As lt_vec_gelu of kernels/vec.h, the same bits as its levels with FMA. */
LT_CUDA_INLINE float lt_dev_gelu(float x)
{
    const float p[] = { 0.398942262f, 0.0338000506f, 0.00467133522f, 0.000167900245f, 6.30949899e-06f, 2.25648282e-08f };
    const float q[] = { 1.f, 0.251390398f, 0.0286086891f, 0.0018794724f, 7.31573455e-05f, 1.18894479e-06f };
    float t = x > 5.55f ? 5.55f : x;
    t = t < -5.55f ? -5.55f : t;
    const float s = t * t;
    float above = p[5], below = q[5];
#pragma unroll
    for (int k = 4; k >= 0; k--) {
        above = fmaf(above, s, p[k]);
        below = fmaf(below, s, q[k]);
    }
    return fmaf(x, t * (above / below), .5f * x);
}

/* Whether a view's rows can be read four values at a time: columns side by side, and every row begins at a multiple of four values. `data` NULL
 * (when planning) counts as aligned. */
static inline bool lt_cuda_quads(const void *data, int dtype, int64_t column_stride, const int64_t *strides, int n)
{
    const uintptr_t bytes = LT_QUAD * (dtype == LT_F32 ? 4 : 2);
    if (column_stride != 1 || reinterpret_cast<uintptr_t>(data) % bytes) return false;
    for (int i = 0; i < n; i++)
        if (strides[i] % LT_QUAD) return false;
    return true;
}

#endif
