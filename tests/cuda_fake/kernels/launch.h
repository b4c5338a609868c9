/* cuda_fake/kernels/launch.h -- kernels for the tests of the fake. CUDA's headers and the shim's do not go into one file.
 *
 * in    a stream, addresses of the device
 * out   launches
 * owns  nothing */
#ifndef LT_TESTS_CUDA_FAKE_LAUNCH_H
#define LT_TESTS_CUDA_FAKE_LAUNCH_H

#include <longtake/status.h>

/* y[i] = x[i] + more */
lt_status add_on(void *stream, const float *x, float *y, float more, int n);

/* Two threads write one element of shared memory. */
lt_status race_on(void *stream, float *y);

#endif
