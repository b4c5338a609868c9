/* kernels/affine.h -- the weights of normalisations: a factor and an offset per channel.
 *
 * in    raw weights w [C] and b [C]
 * out   packed: w, then b, f32
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_AFFINE_H
#define LONGTAKE_KERNELS_AFFINE_H

#include <longtake/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* C is the last size of in[0]. For lt_kernel's packed_bytes and pack. */
size_t lt_affine_bytes(const lt_args *a, const lt_machine *m);
void lt_affine_pack(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed);

#ifdef __cplusplus
}
#endif
#endif
