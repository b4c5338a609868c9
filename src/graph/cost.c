#include "graph/graph.h"

#include "kernels/attention/attention.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/convtranspose2d/convtranspose2d.h"
#include "kernels/linear/linear.h"

/* What counts: matrix products, convolutions and the two products of attention. Everything else is small and moves memory. */
double lt_node_flops(lt_op op, const lt_args *a)
{
    const double out = (double)lt_tensor_count(&a->out);
    switch (op) {
    case LT_OP_linear: {
        const lt_linear_attr *l = a->attr;
        return 2 * out * l->n_in * (l->act == LT_ACT_GEGLU ? 2 : 1);
    }
    case LT_OP_conv2d: {
        const lt_conv2d_attr *c = a->attr;
        return 2 * out * c->kernel_h * c->kernel_w * (c->c_in / c->groups);
    }
    case LT_OP_convtranspose2d:
        return 2 * out * ((const lt_convtranspose2d_attr *)a->attr)->c_in;
    case LT_OP_attention: {
        const lt_tensor *q = &a->in[LT_ATTENTION_Q], *k = &a->in[LT_ATTENTION_K], *v = &a->in[LT_ATTENTION_V];
        return 2.0 * (double)(q->dim[0] * q->dim[1] * q->dim[2]) * (double)k->dim[1] * (double)(q->dim[3] + v->dim[3]);
    }
    default:
        return 0;
    }
}
