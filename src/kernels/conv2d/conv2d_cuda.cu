#include "kernels/gemm/gemm_cuda.h"
#include "kernels/gemm/gemm_mma_cuda.h"
#include "kernels/conv2d/conv2d_map.h"

static const char *refuse(const lt_args *a, const lt_machine *)
{
    const char *why = lt_conv2d_map_refuse(a);
    return why ? why : lt_tensor_count(&a->out) >= INT32_MAX ? "2^31 values or more" : NULL;
}

static size_t packed_bytes(const lt_args *a, const lt_machine *)
{
    const lt_gemm_shape s = lt_conv2d_map_shape(a);
    return lt_gemm_cuda_packed_bytes(&s);
}

static void pack(const lt_args *a, const lt_machine *, const lt_weight_data *w, void *packed)
{
    const lt_gemm_shape s = lt_conv2d_map_shape(a);
    const lt_gemm_weights raw = lt_conv2d_map_weights(a, w);
    lt_gemm_cuda_pack(&s, &raw, packed);
}

static const char *refuse_mma(const lt_args *a, const lt_machine *m)
{
    const char *why = refuse(a, m);
    const lt_gemm_shape s = lt_conv2d_map_shape(a);
    const lt_gemm_cuda_map x = lt_gemm_cuda_map_of(&a->in[LT_CONV2D_X]);
    return why ? why : lt_gemm_mma_refuse(&s, &x, m);
}

static size_t packed_bytes_mma(const lt_args *a, const lt_machine *)
{
    const lt_gemm_shape s = lt_conv2d_map_shape(a);
    return lt_gemm_mma_packed_bytes(&s);
}

static void pack_mma(const lt_args *a, const lt_machine *, const lt_weight_data *w, void *packed)
{
    const lt_gemm_shape s = lt_conv2d_map_shape(a);
    const lt_gemm_weights raw = lt_conv2d_map_weights(a, w);
    lt_gemm_mma_pack(&s, &raw, packed);
}

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

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    const lt_gemm_cuda g = product_of(a);
    return lt_gemm_cuda_run(l, &g);
}

static lt_status launch_mma(const lt_launch *l, const lt_args *a)
{
    const lt_gemm_cuda g = product_of(a);
    return lt_gemm_mma_run(l, &g);
}

const lt_kernel lt_conv2d_mma = { "conv2d.mma", refuse_mma, packed_bytes_mma, pack_mma, nullptr, nullptr, nullptr, launch_mma, nullptr };
const lt_kernel lt_conv2d_cuda = { "conv2d.cuda", refuse, packed_bytes, pack, nullptr, nullptr, nullptr, launch, nullptr };
