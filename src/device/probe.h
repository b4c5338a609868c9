/* device/probe.h -- what GPU code this build holds. Built with LT_CUDA. Private to src/device.
 *
 * in    nothing
 * out   a kernel that does nothing, and the architectures that this build was compiled for
 * owns  nothing */
#ifndef LONGTAKE_DEVICE_PROBE_H
#define LONGTAKE_DEVICE_PROBE_H

#ifdef __cplusplus
extern "C" {
#endif

/* A kernel to ask the runtime about: it is compiled as all others are, so where it can be loaded they can. */
const void *lt_probe_kernel(void);

/* The architectures as nvcc lists them, 750 for sm_75, ascending; *n of them. None where the compiler does not tell. */
const int *lt_probe_architectures(int *n);

/* Whether code compiled for `built` [n] runs on a GPU of this compute capability: 1 yes; -1 at most as PTX, where the build holds it; 0 no. */
int lt_probe_covers(const int *built, int n, int major, int minor);

#ifdef __cplusplus
}
#endif
#endif
