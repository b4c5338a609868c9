#include "kernels/conv2d/conv2d.h"
#include "kernels/gemm/ref.h"

static int64_t sums_of(const lt_conv2d_attr *t)
{
    return (int64_t)(t->c_in / t->groups) * t->kernel_h * t->kernel_w;
}

static size_t packed_bytes(const lt_args *a, const lt_machine *m)
{
    const lt_conv2d_attr *t = a->attr;
    (void)m;
    return sizeof(float) * (size_t)(t->c_out * (sums_of(t) + t->bias));
}

static void pack(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed)
{
    const lt_conv2d_attr *t = a->attr;
    (void)m;
    float *p = lt_ref_pack(packed, &w[LT_CONV2D_W]);
    if (t->bias) lt_ref_pack(p, &w[LT_CONV2D_B]);
}

static int64_t element(const lt_tensor *t, int64_t i, int64_t j, int64_t c)
{
    return i * t->stride[1] + j * t->stride[2] + c * t->stride[3];
}

/* sum over p, q, c for output (i, j, f), i counted in the whole map. */
static double sum(const lt_args *a, int64_t n, int64_t i, int64_t j, int f)
{
    const lt_conv2d_attr *t = a->attr;
    const lt_tensor *x = &a->in[LT_CONV2D_X];
    const int per_group = t->c_in / t->groups, c0 = f / (t->c_out / t->groups) * per_group;
    const float *w = (const float *)a->packed + f * sums_of(t);
    double s = 0;
    for (int c = 0; c < per_group; c++)
        for (int p = 0; p < t->kernel_h; p++)
            for (int q = 0; q < t->kernel_w; q++, w++) {
                const int64_t h = i * t->stride - t->pad_top + p * t->dilation;
                const int64_t v = j * t->stride - t->pad_left + q * t->dilation;
                if (h < 0 || h >= x->rows || v < 0 || v >= x->dim[2]) continue;
                const double value = lt_ref_get(lt_tensor_at(x, n), x->dtype, element(x, h - x->row0, v, c0 + c));
                s += lt_ref_operand(value, t->compute) * lt_ref_operand(*w, t->compute);
            }
    return s;
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    const lt_conv2d_attr *t = a->attr;
    const lt_tensor *y = &a->out, *r = &a->in[LT_CONV2D_RESIDUAL];
    const float *b = (const float *)a->packed + t->c_out * sums_of(t);
    (void)l;
    for (int64_t n = 0; n < y->dim[0]; n++)
        for (int64_t i = 0; i < y->dim[1]; i++)
            for (int64_t j = 0; j < y->dim[2]; j++)
                for (int f = 0; f < t->c_out; f++) {
                    double s = lt_ref_act(sum(a, n, y->row0 + i, j, f) + (t->bias ? b[f] : 0), t->act);
                    if (r->n_dims) s += lt_ref_get(lt_tensor_at(r, n), r->dtype, element(r, i, j, f));
                    lt_ref_set(lt_tensor_at(y, n), y->dtype, element(y, i, j, f), s);
                }
    return LT_OK;
}

const lt_kernel lt_conv2d_ref = { .name = "conv2d.ref", .packed_bytes = packed_bytes, .pack = pack, .launch = launch };
