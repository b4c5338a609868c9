#include "kernels/convtranspose2d/convtranspose2d.h"
#include "kernels/gemm/ref.h"

static int64_t weights_of(const lt_convtranspose2d_attr *t)
{
    return (int64_t)t->c_in * t->c_out * t->stride * t->stride;
}

static size_t packed_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_convtranspose2d_attr *t = a->attr;
    (void)m;
    return sizeof(float) * (size_t)(weights_of(t) + (t->bias ? t->c_out : 0));
}

static void pack(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed)
{
    const lt_convtranspose2d_attr *t = a->attr;
    (void)m;
    float *p = lt_ref_pack(packed, &w[LT_CONVTRANSPOSE2D_W]);
    if (t->bias) lt_ref_pack(p, &w[LT_CONVTRANSPOSE2D_B]);
}

/* Output (i, j, f), i counted in the whole map. */
static double value(const lt_args *a, int64_t n, int64_t i, int64_t j, int f)
{
    const lt_convtranspose2d_attr *t = a->attr;
    const lt_tensor *x = &a->in[LT_CONVTRANSPOSE2D_X];
    const float *w = a->packed;
    const int s = t->stride;
    const void *frame = lt_tensor_at(x, n);
    double sum = t->bias ? w[weights_of(t) + f] : 0;
    for (int c = 0; c < t->c_in; c++) {
        const int64_t at = (i / s - x->row0) * x->stride[1] + j / s * x->stride[2] + c * x->stride[3];
        sum += lt_ref_operand(lt_ref_get(frame, x->dtype, at), t->compute) *
               lt_ref_operand(w[(((int64_t)c * t->c_out + f) * s + i % s) * s + j % s], t->compute);
    }
    return sum;
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    const lt_convtranspose2d_attr *t = a->attr;
    const lt_tensor *y = &a->out;
    (void)l;
    for (int64_t n = 0; n < y->dim[0]; n++)
        for (int64_t i = 0; i < y->dim[1]; i++)
            for (int64_t j = 0; j < y->dim[2]; j++)
                for (int f = 0; f < t->c_out; f++)
                    lt_ref_set(lt_tensor_at(y, n), y->dtype, i * y->stride[1] + j * y->stride[2] + f * y->stride[3],
                               value(a, n, y->row0 + i, j, f));
    return LT_OK;
}

const lt_kernel lt_convtranspose2d_ref = {
    .name = "convtranspose2d.ref", .packed_bytes = packed_bytes, .pack = pack, .launch = launch,
};
