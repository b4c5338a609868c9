#include "kernels/gemm/gemm_cuda.h"
#include "kernels/gemm/gemm_mma_cuda.h"
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

static const char *refuse(const lt_args *a, const lt_machine *)
{
    const char *why = lt_linear_map_refuse(a);
    return why ? why : lt_tensor_count(&a->out) >= INT32_MAX ? "2^31 values or more" : NULL;
}

static size_t packed_bytes(const lt_args *a, const lt_machine *)
{
    const lt_gemm_shape s = lt_linear_map_shape(a);
    return lt_gemm_cuda_packed_bytes(&s);
}

static void pack(const lt_args *a, const lt_machine *, const lt_weight_data *w, void *packed)
{
    const lt_gemm_shape s = lt_linear_map_shape(a);
    const lt_gemm_weights raw = lt_linear_map_weights(a, w);
    lt_gemm_cuda_pack(&s, &raw, packed);
}

static const char *refuse_mma(const lt_args *a, const lt_machine *m)
{
    const char *why = refuse(a, m);
    const lt_gemm_shape s = lt_linear_map_shape(a);
    const lt_gemm_cuda_map x = map_of(&a->in[LT_LINEAR_X]);
    return why ? why : lt_gemm_mma_refuse(&s, &x, m);
}

static size_t packed_bytes_mma(const lt_args *a, const lt_machine *)
{
    const lt_gemm_shape s = lt_linear_map_shape(a);
    return lt_gemm_mma_packed_bytes(&s);
}

static void pack_mma(const lt_args *a, const lt_machine *, const lt_weight_data *w, void *packed)
{
    const lt_gemm_shape s = lt_linear_map_shape(a);
    const lt_gemm_weights raw = lt_linear_map_weights(a, w);
    lt_gemm_mma_pack(&s, &raw, packed);
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

const lt_kernel lt_linear_mma = { "linear.mma", refuse_mma, packed_bytes_mma, pack_mma, nullptr, nullptr, nullptr, launch_mma, nullptr };
const lt_kernel lt_linear_cuda = { "linear.cuda", refuse, packed_bytes, pack, nullptr, nullptr, nullptr, launch, nullptr };
