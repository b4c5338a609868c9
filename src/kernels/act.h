/* kernels/act.h -- activations that follow another operator.
 *
 * in    nothing
 * out   the names
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_ACT_H
#define LONGTAKE_KERNELS_ACT_H

typedef enum {
    LT_ACT_NONE,
    LT_ACT_RELU,                 /* max(x, 0); a NaN stays */
    LT_ACT_GELU,                 /* x/2 (1 + erf(x / sqrt 2)), the exact form */
    LT_ACT_GEGLU                 /* of a pair of halves [v | g]: v * gelu(g); linear only, N is the size of a half */
} lt_act;

#endif
