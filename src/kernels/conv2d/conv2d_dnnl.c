#include "kernels/gemm/gemm_dnnl.h"
#include "kernels/conv2d/conv2d_map.h"
#include "kernels/walk.h"

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    const char *why = lt_conv2d_map_refuse(a);
    const lt_gemm_shape s = lt_conv2d_map_shape(a);
    if (!why) why = lt_half_refuse(a, s.compute);
    return why ? why : lt_gemm_dnnl_refuse(&s, m);
}

static size_t packed_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_gemm_shape s = lt_conv2d_map_shape(a);
    return lt_gemm_dnnl_packed_bytes(&s, m);
}

static void pack(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed)
{
    const lt_gemm_shape s = lt_conv2d_map_shape(a);
    const lt_gemm_weights raw = lt_conv2d_map_weights(a, w);
    lt_gemm_dnnl_pack(&s, m, &raw, packed);
}

static size_t workspace_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_gemm_shape s = lt_conv2d_map_shape(a);
    return lt_gemm_dnnl_workspace_bytes(&s, lt_conv2d_map_segs(a), m);
}

static lt_status open_state(const lt_launch *l, const lt_args *a, const lt_machine *m, void **state)
{
    (void)l;
    const lt_gemm_shape s = lt_conv2d_map_shape(a);
    return lt_gemm_dnnl_open(&s, m, state);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    return lt_gemm_dnnl_run(l, lt_conv2d_map(a), a->state);
}

const lt_kernel lt_conv2d_dnnl = {
    .name = "conv2d.dnnl", .refuse = refuse, .packed_bytes = packed_bytes, .pack = pack, .workspace_bytes = workspace_bytes,
    .open = open_state, .close = lt_gemm_dnnl_close, .launch = launch,
};
