/* fakegpu/libs_rig.h -- a kernel that calls CUDA's libraries, as a candidate for the rig of tests/kernels.
 *
 * in    an lt_kernel of the CUDA back-end
 * out   an lt_kernel that runs it on a stream of the faked device and waits for it
 * owns  the device and the stream, from libs_rig_open to libs_rig_close */
#ifndef LT_TESTS_LIBS_RIG_H
#define LT_TESTS_LIBS_RIG_H

#include <longtake/kernel.h>

#include "kernels/cuda/libs.h"

void libs_rig_open(void);
void libs_rig_close(void);

/* What the machine says from now on: TF32, compute capability times 10. */
void libs_rig_machine(bool tf32, int sm);

/* The kernel as a candidate. One at a time: the next call makes another of it. */
const lt_kernel *libs_rig_candidate(const lt_kernel *k);

/* Borrowed. */
lt_device *libs_rig_device(void);
lt_stream *libs_rig_stream(void);

/* Stream and handles, for calls past the rig. */
lt_launch  libs_rig_launch(void);
lt_machine libs_rig_machine_here(void);
lt_status  libs_rig_finish(void);

#endif
