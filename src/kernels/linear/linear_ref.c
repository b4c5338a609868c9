#include "kernels/gemm/ref.h"
#include "kernels/gemm/rows.h"
#include "kernels/linear/linear.h"

static int64_t sums_of(const lt_linear_attr *t)
{
    return t->act == LT_ACT_GEGLU ? 2 * (int64_t)t->n_out : t->n_out;
}

static size_t packed_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_linear_attr *t = a->attr;
    (void)m;
    return sizeof(float) * (size_t)(sums_of(t) * (t->n_in + t->bias) + (t->gamma ? t->n_out : 0));
}

static void pack(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed)
{
    const lt_linear_attr *t = a->attr;
    (void)m;
    float *p = lt_ref_pack(packed, &w[LT_LINEAR_W]);
    if (t->bias) p = lt_ref_pack(p, &w[LT_LINEAR_B]);
    if (t->gamma) lt_ref_pack(p, &w[LT_LINEAR_GAMMA]);
}

/* sum_k x[k] W[n,k] + b[n] */
static double sum(const lt_linear_attr *t, const void *x, lt_dtype dtype, const float *w, int64_t n)
{
    double s = t->bias ? w[sums_of(t) * t->n_in + n] : 0;
    for (int64_t k = 0; k < t->n_in; k++)
        s += lt_ref_operand(lt_ref_get(x, dtype, k), t->compute) * lt_ref_operand(w[n * t->n_in + k], t->compute);
    return s;
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    const lt_linear_attr *t = a->attr;
    const lt_tensor *x = &a->in[LT_LINEAR_X], *r = &a->in[LT_LINEAR_RESIDUAL];
    const float *w = a->packed, *gamma = w + sums_of(t) * (t->n_in + t->bias);
    lt_rows xr, rr, yr;
    (void)l;
    lt_tensor_rows(x, &xr);
    lt_tensor_rows(&a->out, &yr);
    if (r->n_dims) lt_tensor_rows(r, &rr);
    for (int64_t row = 0; row < yr.n_outer * yr.n_inner; row++) {
        const void *from, *add = NULL, *to;
        lt_gemm_rows(x, &xr, row, 1, &from);
        lt_gemm_rows(&a->out, &yr, row, 1, &to);
        if (r->n_dims) lt_gemm_rows(r, &rr, row, 1, &add);
        for (int64_t n = 0; n < t->n_out; n++) {
            double y = sum(t, from, x->dtype, w, n);
            y = t->act == LT_ACT_GEGLU ? y * lt_ref_act(sum(t, from, x->dtype, w, n + t->n_out), t->act) : lt_ref_act(y, t->act);
            if (t->gamma) y *= gamma[n];
            if (add) y += lt_ref_get(add, r->dtype, n);
            lt_ref_set((void *)to, a->out.dtype, n, y);
        }
    }
    return LT_OK;
}

const lt_kernel lt_linear_ref = { .name = "linear.ref", .packed_bytes = packed_bytes, .pack = pack, .launch = launch };
