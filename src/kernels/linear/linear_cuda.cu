#include "kernels/gemm/gemm_kernels.cuh"
#include "kernels/linear/linear_map.h"

/* Rows [outer, inner] as a map of one row per frame. */
static lt_gemm_cuda_map map_of(const lt_tensor *t)
{
    lt_gemm_cuda_map m = {};
    lt_rows rows;
    if (t->n_dims == 0 || !lt_tensor_rows(t, &rows)) return m;
    m.data = t->data;
    m.index = t->index;
    m.stride[0] = t->n_dims > 1 ? t->stride[0] : 0;
    m.stride[2] = rows.inner_stride;
    m.dtype = t->dtype;
    m.n_rows = 1;
    return m;
}

static lt_gemm_cuda product_of(const lt_args *a)
{
    lt_rows rows;
    lt_gemm_cuda g = {};
    if (!lt_tensor_rows(&a->out, &rows)) return g;            /* refused before */
    g.shape = lt_linear_map_shape(a);
    g.packed = a->packed;
    g.x = map_of(&a->in[LT_LINEAR_X]);
    g.residual = map_of(&a->in[LT_LINEAR_RESIDUAL]);
    g.out = map_of(&a->out);
    g.n_frames = rows.n_outer;
    g.n_h = g.x_rows = 1;
    g.n_w = g.x_columns = static_cast<int>(rows.n_inner);
    g.kernel_w = g.stride = g.dilation = g.step = 1;
    return g;
}

LT_GEMM_KERNELS(linear, product_of)
