#include "kernels/gemm/gemm_kernels.cuh"
#include "kernels/conv2d/conv2d_map.h"

static lt_gemm_cuda product_of(const lt_args *a)
{
    const lt_conv2d_attr *t = static_cast<const lt_conv2d_attr *>(a->attr);
    const lt_tensor *x = &a->in[LT_CONV2D_X];
    lt_gemm_cuda g = {};
    g.shape = lt_conv2d_map_shape(a);
    g.packed = a->packed;
    g.x = lt_gemm_cuda_map_of(x);
    g.residual = lt_gemm_cuda_map_of(&a->in[LT_CONV2D_RESIDUAL]);
    g.residual.row0 = static_cast<int>(a->out.row0);
    g.out = lt_gemm_cuda_map_of(&a->out);
    g.n_frames = a->out.dim[0];
    g.n_h = static_cast<int>(a->out.dim[1]);
    g.n_w = static_cast<int>(a->out.dim[2]);
    g.base = g.out.row0;
    g.x_rows = static_cast<int>(x->rows);
    g.x_columns = static_cast<int>(x->dim[2]);
    g.kernel_w = t->kernel_w;
    g.stride = t->stride;
    g.dilation = t->dilation;
    g.top = t->pad_top;
    g.left = t->pad_left;
    g.step = 1;
    return g;
}

LT_GEMM_KERNELS(conv2d, product_of)
