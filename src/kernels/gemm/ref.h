/* kernels/gemm/ref.h -- what the definitions of linear, conv2d and convtranspose2d share.
 *
 * in    single values
 * out   single values
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_GEMM_REF_H
#define LONGTAKE_KERNELS_GEMM_REF_H

#include <longtake/kernel.h>

#include "kernels/act.h"

/* Element i of an array of f32, bf16 or f16. */
double lt_ref_get(const void *p, lt_dtype dtype, int64_t i);

/* Stores x, rounded to the type (by way of f32). */
void lt_ref_set(void *p, lt_dtype dtype, int64_t i, double x);

/* An operand as `compute` sees it: f32, or rounded to bf16 or f16. */
double lt_ref_operand(double x, lt_dtype compute);

/* GELU for LT_ACT_GEGLU, which is a gate's. */
double lt_ref_act(double x, lt_act act);

/* Copies a raw weight (nothing where absent) and returns where it ends. */
float *lt_ref_pack(float *to, const lt_weight_data *w);

#endif
