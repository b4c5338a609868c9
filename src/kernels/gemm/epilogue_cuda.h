/* kernels/gemm/epilogue_cuda.h -- what follows a library's product where the library cannot do it.
 *
 *     out = residual + gamma[c] * act(product + b[c])              absent parts left out; c: the last dimension
 *
 * in    a product in device memory, f32, bf16 or f16; b and gamma f32
 * out   the result, rounded once to its type
 * owns  nothing
 *
 * In f32, in the order of the formula, GELU in its exact form. Built with LT_CUDA. */
#ifndef LONGTAKE_KERNELS_GEMM_EPILOGUE_CUDA_H
#define LONGTAKE_KERNELS_GEMM_EPILOGUE_CUDA_H

#include <longtake/kernel.h>

#include "kernels/act.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    lt_tensor    product;        /* sizes of out, channels dense; may be out itself */
    lt_tensor    residual;       /* sizes of out, strides 0 allowed, may be out itself; n_dims 0: none */
    lt_tensor    out;
    const float *bias, *gamma;   /* [channels] (GEGLU: bias [2 channels], gates last), NULL: none */
    lt_act       act;            /* GEGLU: the gate of a value lies `channels` further on in the product */
} lt_epilogue_cuda;

/* On the launch's stream. */
LT_NODISCARD lt_status lt_epilogue_cuda_run(const lt_launch *l, const lt_epilogue_cuda *e);

#ifdef __cplusplus
}
#endif
#endif
