#include "kernels/linear/linear_map.h"
#include "kernels/walk.h"

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    const char *why = lt_linear_map_refuse(a);
    (void)m;
    return why ? why : lt_half_refuse(a, lt_linear_map_shape(a).compute);
}

static size_t packed_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_gemm_shape s = lt_linear_map_shape(a);
    return lt_gemm_packed_bytes(&s, m->isa);
}

static void pack(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed)
{
    const lt_gemm_shape s = lt_linear_map_shape(a);
    const lt_gemm_weights raw = lt_linear_map_weights(a, w);
    lt_gemm_pack(&s, m->isa, &raw, packed);
}

static size_t workspace_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_gemm_shape s = lt_linear_map_shape(a);
    return lt_gemm_workspace_bytes(&s, 1, NULL, m);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_linear_map_rows rows;
    const lt_gemm g = lt_linear_map(a, &rows);
    return lt_gemm_run(l, &g);
}

const lt_kernel lt_linear_own = {
    .name = "linear.own", .refuse = refuse, .packed_bytes = packed_bytes, .pack = pack, .workspace_bytes = workspace_bytes,
    .launch = launch,
};
