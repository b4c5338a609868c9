/* kernels/attention/attention_vec.h -- the vector of one ISA level, and what attention does with it.
 *
 * in    the level a source is compiled for
 * out   vf, VL lanes of f32; vi, as many of int32; MR rows by two vectors fill the registers as accumulators
 * owns  nothing
 *
 * Only for sources named *_isa.c. Without FMA a product is rounded before it is added: bits differ between base and the rest. */
#ifndef LONGTAKE_KERNELS_ATTENTION_VEC_H
#define LONGTAKE_KERNELS_ATTENTION_VEC_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
enum { VL = 16, MR = 12 };
#elif defined(__AVX2__)
enum { VL = 8, MR = 6 };
#else
enum { VL = 4, MR = 6 };
#endif

typedef float   vf __attribute__((vector_size(4 * VL)));
typedef int32_t vi __attribute__((vector_size(4 * VL)));

#define LT_INLINE static inline __attribute__((always_inline))

LT_INLINE vf load(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

LT_INLINE void store(float *p, vf v)
{
    memcpy(p, &v, sizeof v);
}

LT_INLINE vf same(float x)
{
#if defined(__AVX512F__)
    return (vf)_mm512_set1_ps(x);
#elif defined(__AVX2__)
    return (vf)_mm256_set1_ps(x);
#else
    return (vf){ x, x, x, x };
#endif
}

/* a * b + c */
LT_INLINE vf fma_(vf a, vf b, vf c)
{
#if defined(__AVX512F__)
    return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

/* The larger; b where one of them is a NaN. */
LT_INLINE vf larger(vf a, vf b)
{
#if defined(__AVX512F__)
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(__AVX2__)
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#else
    const vi take = a > b;
    return (vf)(((vi)a & take) | ((vi)b & ~take));
#endif
}

/* 2^x for -100 <= x <= 2^20 within 1.3 * 2^-24 of it; a NaN stays one. 2^x = 2^n 2^f, n the nearest integer: f is exact, its
 * power a polynomial of least relative error (1 at 0, found by reweighted least squares), n goes into the exponent. */
LT_INLINE vf exp2_(vf x)
{
    const vf shift = same(0x1.8p23f);
    const vf t = x + shift, f = x - (t - shift);
    vf p = same(0x1.41fbacp-13f);
    p = fma_(p, f, same(0x1.5f3e54p-10f));
    p = fma_(p, f, same(0x1.3b2d4ep-7f));
    p = fma_(p, f, same(0x1.c6aee8p-5f));
    p = fma_(p, f, same(0x1.ebfbdcp-3f));
    p = fma_(p, f, same(0x1.62e430p-1f));
    p = fma_(p, f, same(1.0f));
    return (vf)((vi)p + ((vi)t << 23));
}

/* Rounded to bf16, nearest even; a NaN stays one. */
LT_INLINE vf bf16_(vf x)
{
    const vi u = (vi)x, nan = x != x, odd = (u >> 16) & 1;
    const vi r = (u + (0x7fff + odd)) & (vi)((vi){ 0 } - 0x10000);
    return (vf)((r & ~nan) | (u & nan));
}

LT_INLINE float largest(vf v)
{
    float m = v[0];
    for (int i = 1; i < VL; i++) m = v[i] > m ? v[i] : m;
    return m;
}

/* Lanes summed by halves. */
LT_INLINE float total(vf v)
{
    float s[VL];
    memcpy(s, &v, sizeof s);
    for (int n = VL / 2; n; n /= 2)
        for (int i = 0; i < n; i++) s[i] += s[i + n];
    return s[0];
}

#endif
