/* device/facts.h -- what a GPU is, without a context on it. Built with LT_CUDA. Private to src/device.
 *
 * in    the CUDA runtime, and the management library where it is there
 * out   facts
 * owns  nothing */
#ifndef LONGTAKE_DEVICE_FACTS_H
#define LONGTAKE_DEVICE_FACTS_H

#include "nvml.h"

#include <longtake/device.h>

/* How many GPUs this process sees; more than 0, or LT_E_DEVICE with one sentence that says why there is none. */
LT_NODISCARD lt_status lt_cuda_count(int *n);

/* Those of GPU `ordinal`; nvml may be NULL. LT_E_DEVICE. */
LT_NODISCARD lt_status lt_cuda_facts(int ordinal, lt_nvml *nvml, lt_device_facts *out);

#endif
