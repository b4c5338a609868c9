#include "kernels/affine.h"

#include <string.h>

static size_t channels(const lt_args *a)
{
    return (size_t)a->in[0].dim[a->in[0].n_dims - 1];
}

size_t lt_affine_bytes(const lt_args *a, const lt_machine *m)
{
    (void)m;
    return 2 * channels(a) * sizeof(float);
}

void lt_affine_pack(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed)
{
    const size_t n = channels(a);
    (void)m;
    memcpy(packed, w[0].data, n * sizeof(float));
    memcpy((float *)packed + n, w[1].data, n * sizeof(float));
}
