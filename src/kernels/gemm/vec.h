/* kernels/gemm/vec.h -- vectors of the ISA level a file is compiled for.
 *
 * in    floats
 * out   LT_VW of them at a time
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_GEMM_VEC_H
#define LONGTAKE_KERNELS_GEMM_VEC_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
enum { LT_VW = 16 };
#elif defined(__AVX2__)
enum { LT_VW = 8 };
#else
enum { LT_VW = 4 };
#endif
#if defined(__AVX2__)
#include <immintrin.h>
#endif

typedef float    vf __attribute__((vector_size(LT_VW * 4)));
typedef int32_t  vi __attribute__((vector_size(LT_VW * 4)));
typedef uint32_t vu __attribute__((vector_size(LT_VW * 4)));
typedef uint16_t vh __attribute__((vector_size(LT_VW * 2)));

#define LT_INLINE static inline __attribute__((always_inline))

LT_INLINE vf v_load(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

LT_INLINE void v_store(float *p, vf v)
{
    memcpy(p, &v, sizeof v);
}

LT_INLINE vf v_set(float x)
{
#if defined(__AVX512F__)
    return _mm512_set1_ps(x);
#elif defined(__AVX2__)
    return _mm256_set1_ps(x);
#else
    return (vf){ x, x, x, x };
#endif
}

/* a b + c, rounded once where the level has FMA. */
LT_INLINE vf v_fma(vf a, vf b, vf c)
{
#if defined(__AVX512F__)
    return _mm512_fmadd_ps(a, b, c);
#elif defined(__AVX2__)
    return _mm256_fmadd_ps(a, b, c);
#else
    return a * b + c;
#endif
}

LT_INLINE vf v_select(vi mask, vf yes, vf no)
{
    return (vf)((mask & (vi)yes) | (~mask & (vi)no));
}

LT_INLINE vf v_load_bf16(const uint16_t *p)
{
    vh h;
    memcpy(&h, p, sizeof h);
    return (vf)(__builtin_convertvector(h, vu) << 16);
}

/* The bits of v as bf16, nearest even, in the upper halves; the lower halves are 0. A NaN stays one. */
LT_INLINE vu v_bf16_bits(vf v)
{
    const vu bits = (vu)v, rounded = bits + 0x7fffu + (bits >> 16 & 1u);
    const vi nan = (vi)((bits & 0x7fffffffu) > 0x7f800000u);
    return (vu)v_select(nan, (vf)(bits | 0x400000u), (vf)rounded) & 0xffff0000u;
}

LT_INLINE void v_store_bf16(uint16_t *p, vf v)
{
    const vh h = __builtin_convertvector(v_bf16_bits(v) >> 16, vh);
    memcpy(p, &h, sizeof h);
}

#endif
