/* kernels/vec.h -- vectors as wide as the ISA level that a file is compiled for.
 *
 * in    f32, bf16 or f16 values in memory, any alignment
 * out   lt_vec, LT_VEC floats, and the same memory types back
 * owns  nothing
 *
 * For *_isa.c files only. Arithmetic is written with operators and is never fused; lt_vec_fma is. Values beyond the end of a row are never
 * read or written: the _n forms take how many there are, and give 0 for the rest. */
#ifndef LONGTAKE_KERNELS_VEC_H
#define LONGTAKE_KERNELS_VEC_H

#include <longtake/dtype.h>

#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define LT_VEC 16
#elif defined(__AVX2__)
#define LT_VEC 8
#else
#define LT_VEC 4
#endif

typedef float    lt_vec __attribute__((vector_size(4 * LT_VEC)));
typedef int32_t  lt_vec_i __attribute__((vector_size(4 * LT_VEC)));
typedef uint32_t lt_vec_u __attribute__((vector_size(4 * LT_VEC)));
typedef uint16_t lt_vec_h __attribute__((vector_size(2 * LT_VEC)));

static inline lt_vec lt_vec_all(float x)
{
    return x - (lt_vec){ 0 };
}

static inline lt_vec lt_vec_load(const float *p)
{
    lt_vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void lt_vec_store(float *p, lt_vec v)
{
    memcpy(p, &v, sizeof v);
}

/* a where the lane of m is -1, b where it is 0 (what a comparison gives). */
static inline lt_vec lt_vec_pick(lt_vec_i m, lt_vec a, lt_vec b)
{
    return (lt_vec)((m & (lt_vec_i)a) | (~m & (lt_vec_i)b));
}

/* a b + c with one rounding. Without an instruction for it, in double: the product is exact, the sum is rounded twice. */
static inline lt_vec lt_vec_fma(lt_vec a, lt_vec b, lt_vec c)
{
#if defined(__AVX512F__)
    return (lt_vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (lt_vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    lt_vec y;
    for (int i = 0; i < LT_VEC; i++) y[i] = (float)((double)a[i] * (double)b[i] + (double)c[i]);
    return y;
#endif
}

/* The sum of the lanes: halves added until one is left. */
static inline float lt_vec_sum(lt_vec v)
{
    float x[LT_VEC];
    memcpy(x, &v, sizeof x);
    for (int n = LT_VEC / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++) x[i] += x[i + n];
    return x[0];
}

static inline lt_vec lt_vec_from_bf16(lt_vec_h h)
{
    return (lt_vec)(__builtin_convertvector(h, lt_vec_u) << 16);
}

/* Nearest, ties to even; a NaN stays one: as lt_bf16_from_float. */
static inline lt_vec_h lt_vec_to_bf16(lt_vec v)
{
    const lt_vec_u bits = (lt_vec_u)v;
    const lt_vec_u rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16, quiet = bits >> 16 | 0x40u;
    const lt_vec_u nan = (lt_vec_u)(v != v);
    return __builtin_convertvector((nan & quiet) | (~nan & rounded), lt_vec_h);
}

/* LT_VEC values of a type at p, from element i on. */
static inline lt_vec lt_vec_get(const void *p, lt_dtype dtype, int64_t i)
{
    if (dtype == LT_F32) return lt_vec_load((const float *)p + i);
    lt_vec_h h;
    memcpy(&h, (const uint16_t *)p + i, sizeof h);
    return lt_vec_from_bf16(h);
}

static inline void lt_vec_put(void *p, lt_dtype dtype, int64_t i, lt_vec v)
{
    if (dtype == LT_F32) {
        lt_vec_store((float *)p + i, v);
    } else {
        const lt_vec_h h = lt_vec_to_bf16(v);
        memcpy((uint16_t *)p + i, &h, sizeof h);
    }
}

/* The first n < LT_VEC of them; 0 in the other lanes. */
static inline lt_vec lt_vec_get_n(const void *p, lt_dtype dtype, int64_t i, int n)
{
    float x[LT_VEC] = { 0 };
    for (int k = 0; k < n; k++) x[k] = dtype == LT_F32 ? ((const float *)p)[i + k] : lt_bf16_to_float(((const uint16_t *)p)[i + k]);
    return lt_vec_load(x);
}

static inline void lt_vec_put_n(void *p, lt_dtype dtype, int64_t i, lt_vec v, int n)
{
    float x[LT_VEC];
    lt_vec_store(x, v);
    for (int k = 0; k < n; k++) {
        if (dtype == LT_F32) ((float *)p)[i + k] = x[k];
        else ((uint16_t *)p)[i + k] = lt_bf16_from_float(x[k]);
    }
}

#if defined(__AVX2__)
#define LT_VEC_F16 8
static inline void lt_vec_from_f16(const uint16_t *p, float *out)
{
    _mm256_storeu_ps(out, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)));
}

static inline void lt_vec_to_f16(const float *p, uint16_t *out)
{
    _mm_storeu_si128((__m128i *)out, _mm256_cvtps_ph(_mm256_loadu_ps(p), _MM_FROUND_TO_NEAREST_INT));
}
#else
#define LT_VEC_F16 1
static inline void lt_vec_from_f16(const uint16_t *p, float *out) { *out = lt_half_to_float(*p); }
static inline void lt_vec_to_f16(const float *p, uint16_t *out) { *out = lt_half_from_float(*p); }
#endif

/* n values in f32: where they lie, if that is what they are; else widened into buffer [n]. */
static inline const float *lt_vec_widen(const void *p, lt_dtype dtype, int n, float *buffer)
{
    const uint16_t *h = p;
    int i = 0;
    if (dtype == LT_F32) return p;
    if (dtype == LT_BF16) {
        for (; i + LT_VEC <= n; i += LT_VEC) lt_vec_store(buffer + i, lt_vec_get(p, LT_BF16, i));
        for (; i < n; i++) buffer[i] = lt_bf16_to_float(h[i]);
    } else {
        for (; i + LT_VEC_F16 <= n; i += LT_VEC_F16) lt_vec_from_f16(h + i, buffer + i);
        for (; i < n; i++) buffer[i] = lt_half_to_float(h[i]);
    }
    return buffer;
}

/* n values rounded to the type of out; of f32 nothing is to be done where they are in place. */
static inline void lt_vec_narrow(const float *p, lt_dtype dtype, int n, void *out)
{
    uint16_t *h = out;
    int i = 0;
    if (dtype == LT_F32) {
        if (p != out) memcpy(out, p, (size_t)n * sizeof *p);
    } else if (dtype == LT_BF16) {
        for (; i + LT_VEC <= n; i += LT_VEC) lt_vec_put(out, LT_BF16, i, lt_vec_load(p + i));
        for (; i < n; i++) h[i] = lt_bf16_from_float(p[i]);
    } else {
        for (; i + LT_VEC_F16 <= n; i += LT_VEC_F16) lt_vec_to_f16(p + i, h + i);
        for (; i < n; i++) h[i] = lt_half_from_float(p[i]);
    }
}

/* max(x, 0); a NaN stays. */
static inline lt_vec lt_vec_relu(lt_vec x)
{
    return lt_vec_pick(x <= 0.f, (lt_vec){ 0 }, x);
}

/* x/2 (1 + erf(x / sqrt 2)), within 2^-22 |x|. The half error function is taken as x P(x^2) / Q(x^2), fitted by us to its error relative to
 * max(0.15, itself) over 0 .. 5.55, where it is exactly 1/2 in f32 at each level; beyond it stays there. */
static inline lt_vec lt_vec_gelu(lt_vec x)
{
    static const float p[] = { 0.398942262f, 0.0338000506f, 0.00467133522f, 0.000167900245f, 6.30949899e-06f, 2.25648282e-08f };
    static const float q[] = { 1.f, 0.251390398f, 0.0286086891f, 0.0018794724f, 7.31573455e-05f, 1.18894479e-06f };
    const lt_vec end = lt_vec_all(5.55f);
    lt_vec t = lt_vec_pick(x > end, end, x);
    t = lt_vec_pick(x < -end, -end, t);
    const lt_vec s = t * t;
    lt_vec above = lt_vec_all(p[5]), below = lt_vec_all(q[5]);
    for (int k = 4; k >= 0; k--) {
        above = lt_vec_fma(above, s, lt_vec_all(p[k]));
        below = lt_vec_fma(below, s, lt_vec_all(q[k]));
    }
    return lt_vec_fma(x, t * (above / below), lt_vec_all(.5f) * x);
}

#endif
