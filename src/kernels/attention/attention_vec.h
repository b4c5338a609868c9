/* kernels/attention/attention_vec.h -- what attention does with the vectors of kernels/vec.h.
 *
 * in    the ISA level a source is compiled for
 * out   MR, so many rows by two vectors that the registers are full of sums; the exponential
 * owns  nothing
 *
 * Only for sources named *_isa.c. */
#ifndef LONGTAKE_KERNELS_ATTENTION_VEC_H
#define LONGTAKE_KERNELS_ATTENTION_VEC_H

#include "kernels/vec.h"

#if defined(__AVX512F__)
enum { MR = 12 };
#else
enum { MR = 6 };
#endif

#define LT_INLINE static inline __attribute__((always_inline))

/* a * b + c: fused where there is an instruction for it; else two roundings, since lt_vec_fma then takes the way over double, too slow
 * for the innermost loop. */
LT_INLINE lt_vec madd(lt_vec a, lt_vec b, lt_vec c)
{
#if defined(__AVX2__)
    return lt_vec_fma(a, b, c);
#else
    return a * b + c;
#endif
}

/* The larger; b where one of them is a NaN. */
LT_INLINE lt_vec larger(lt_vec a, lt_vec b)
{
#if defined(__AVX512F__)
    return (lt_vec)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (lt_vec)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return lt_vec_pick(a > b, a, b);
#endif
}

/* 2^x for -100 <= x <= 100 within 1.3 * 2^-24 of it (2.3 without FMA); a NaN stays one. 2^x = 2^n 2^f, n the nearest integer: f is
 * exact, its power a polynomial of least relative error (1 at 0; found by us by reweighted least squares), n goes into the exponent. */
LT_INLINE lt_vec exp2_(lt_vec x)
{
    const lt_vec shift = lt_vec_all(0x1.8p23f);
    const lt_vec t = x + shift, f = x - (t - shift);
    lt_vec p = lt_vec_all(0x1.41fbacp-13f);
    p = madd(p, f, lt_vec_all(0x1.5f3e54p-10f));
    p = madd(p, f, lt_vec_all(0x1.3b2d4ep-7f));
    p = madd(p, f, lt_vec_all(0x1.c6aee8p-5f));
    p = madd(p, f, lt_vec_all(0x1.ebfbdcp-3f));
    p = madd(p, f, lt_vec_all(0x1.62e430p-1f));
    p = madd(p, f, lt_vec_all(1.0f));
    return (lt_vec)((lt_vec_u)p + ((lt_vec_u)t << 23));
}

/* Rounded to bf16, nearest even; a NaN stays one. */
LT_INLINE lt_vec bf16_(lt_vec x)
{
    const lt_vec_u u = (lt_vec_u)x;
    return lt_vec_pick(x != x, x, (lt_vec)((u + 0x7fffu + (u >> 16 & 1u)) & 0xffff0000u));
}

LT_INLINE float largest(lt_vec v)
{
    float m = v[0];
    for (int i = 1; i < LT_VEC; i++) m = v[i] > m ? v[i] : m;
    return m;
}

#endif
