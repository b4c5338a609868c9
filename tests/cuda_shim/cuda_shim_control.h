/* cuda_shim_control.h -- the order in which the shim runs a kernel, and what it found.
 *
 * in    an order
 * out   reports, in words
 * owns  the reports, until they are forgotten */
#ifndef LT_TESTS_CUDA_SHIM_CONTROL_H
#define LT_TESTS_CUDA_SHIM_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { LT_SHIM_ASCENDING, LT_SHIM_DESCENDING, LT_SHIM_RANDOM, LT_SHIM_ORDERS } lt_shim_order;

/* Blocks, warps of a block and lanes of a warp come in this order; `seed` is read by LT_SHIM_RANDOM alone, which draws anew for each block. */
void lt_shim_set_order(lt_shim_order order, uint32_t seed);

/* Reports since the last lt_shim_forget: equal faults of one array or barrier in one launch are one report; 64 are kept. A launch with a report returns
 * LT_E_INTERNAL. */
int lt_shim_reports(void);
const char *lt_shim_report(int i);
void lt_shim_forget(void);

/* Takes launches instead of running them at once: `run(args)` runs the kernel on a copy of the n_bytes at args, as often as is wanted, and returns 1,
 * or -1 where the shim has reports of it. Returns NULL, or why there is no launch. NULL for the hook: launches run at once, as at first. */
typedef const char *(*lt_shim_submit)(void *stream, const char *kernel, int (*run)(void *args), const void *args, size_t n_bytes);
void lt_shim_set_submit(lt_shim_submit submit);

#ifdef __cplusplus
}
#endif
#endif
