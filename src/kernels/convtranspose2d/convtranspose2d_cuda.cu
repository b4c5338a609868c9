#include "kernels/gemm/gemm_kernels.cuh"
#include "kernels/convtranspose2d/convtranspose2d_map.h"

static lt_gemm_cuda product_of(const lt_args *a)
{
    const lt_tensor *x = &a->in[LT_CONVTRANSPOSE2D_X];
    lt_gemm_cuda g = {};
    g.shape = lt_convtranspose2d_map_shape(a);
    g.packed = a->packed;
    g.x = lt_gemm_cuda_map_of(x);
    g.out = lt_gemm_cuda_map_of(&a->out);
    g.n_frames = a->out.dim[0];
    g.n_h = static_cast<int>(x->dim[1]);
    g.n_w = g.x_columns = static_cast<int>(x->dim[2]);
    g.base = g.x.row0;
    g.x_rows = static_cast<int>(x->rows);
    g.kernel_w = g.stride = g.dilation = 1;
    g.step = static_cast<const lt_convtranspose2d_attr *>(a->attr)->stride;
    return g;
}

LT_GEMM_KERNELS(convtranspose2d, product_of)
