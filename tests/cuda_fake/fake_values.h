/* cuda_fake/fake_values.h -- single values as the faked libraries read and write them.
 *
 * in    arrays of CUDA_R_32F, CUDA_R_16F, CUDA_R_16BF
 * out   values
 * owns  nothing */
#ifndef LT_TESTS_FAKE_VALUES_H
#define LT_TESTS_FAKE_VALUES_H

#include <longtake/dtype.h>

#include <library_types.h>

#include <string.h>

static inline double fake_get(const void *p, int type, int64_t i)
{
    if (type == CUDA_R_32F) return (double)((const float *)p)[i];
    const uint16_t h = ((const uint16_t *)p)[i];
    return (double)(type == CUDA_R_16BF ? lt_bf16_to_float(h) : lt_half_to_float(h));
}

static inline void fake_set(void *p, int type, int64_t i, double x)
{
    if (type == CUDA_R_32F) ((float *)p)[i] = (float)x;
    else ((uint16_t *)p)[i] = type == CUDA_R_16BF ? lt_bf16_from_float((float)x) : lt_half_from_float((float)x);
}

/* Ten bits of the fraction are kept, the rest is rounded to nearest. */
static inline double fake_tf32(double x)
{
    const float f = (float)x;
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    u = (u + 0x0fffu + (u >> 13 & 1u)) & ~0x1fffu;
    float y;
    memcpy(&y, &u, sizeof y);
    return (double)y;
}

#endif
