/* kernels/gemm/gemm_dnnl.h -- the products of kernels/gemm by oneDNN.
 *
 * in    shapes, weights and rows, as for kernels/gemm
 * out   the same results; sums in the library's order, which its one fixed shape (64 rows, one thread) makes the same always
 * owns  a state: the primitive, and for each thread its arguments
 *
 * The type of operands is lt_gemm_shape.compute. Used where the processor has units for bf16; the same code runs in f32 anywhere,
 * which is how it is tested on processors without. */
#ifndef LONGTAKE_KERNELS_GEMM_DNNL_H
#define LONGTAKE_KERNELS_GEMM_DNNL_H

#include "kernels/gemm/gemm.h"

/* NULL, or why not: f32, or a processor without units for bf16. */
const char *lt_gemm_dnnl_refuse(const lt_gemm_shape *s, const lt_machine *m);

size_t lt_gemm_dnnl_packed_bytes(const lt_gemm_shape *s, const lt_machine *m);
void   lt_gemm_dnnl_pack(const lt_gemm_shape *s, const lt_machine *m, const lt_gemm_weights *w, void *packed);
size_t lt_gemm_dnnl_workspace_bytes(const lt_gemm_shape *s, int segs, const lt_machine *m);

LT_NODISCARD lt_status lt_gemm_dnnl_open(const lt_gemm_shape *s, const lt_machine *m, void **state);

/* *state is NULL afterwards; NULL is accepted. */
void lt_gemm_dnnl_close(void **state);

/* g without its product. */
LT_NODISCARD lt_status lt_gemm_dnnl_run(const lt_launch *l, lt_gemm g, void *state);

#endif
