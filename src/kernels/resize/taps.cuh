/* kernels/resize/taps.cuh -- the formula of kernels/resize/resize.h on the device.
 *
 * in    sizes and a place
 * out   source places and a weight; four values joined: the bits of the definition
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_RESIZE_TAPS_CUH
#define LONGTAKE_KERNELS_RESIZE_TAPS_CUH

#include "kernels/cuda/value.cuh"

typedef struct {
    int   first, second;
    float t;
} lt_dev_tap;

/* As lt_resize_taps. */
LT_CUDA_INLINE lt_dev_tap lt_dev_tap_of(int n_in, int n_out, int i)
{
    lt_dev_tap r;
    const float scale = n_out > 1 ? __fdiv_rn(static_cast<float>(n_in - 1), static_cast<float>(n_out - 1)) : 0.0f;
    const float at = __fmul_rn(scale, static_cast<float>(i));
    r.first = static_cast<int>(at);
    r.second = r.first + 1 < n_in ? r.first + 1 : n_in - 1;
    r.t = __fsub_rn(at, static_cast<float>(r.first));
    return r;
}

/* a (1 - t) + b t, each operation rounded. */
LT_CUDA_INLINE float lt_dev_between(float a, float b, float t)
{
    return __fadd_rn(__fmul_rn(a, __fsub_rn(1.0f, t)), __fmul_rn(b, t));
}

#endif
