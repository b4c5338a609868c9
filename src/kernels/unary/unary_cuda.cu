#include "kernels/cuda/walk.cuh"
#include "kernels/unary/unary.h"

enum { X, OUT };

/* One thread has four values of a row. gate: columns from a value to its gate; GEGLU only. */
static __global__ void unary_kernel(lt_cuda_walk w, int act, int64_t gate)
{
    float x[LT_QUAD], y[LT_QUAD];
    const lt_cuda_place p = lt_dev_place(w, 2);
    if (p.n == 0) return;
    lt_dev_walk_load(w, p, X, x);
    if (act == LT_ACT_GEGLU) {
        lt_dev_load(w.data[X], w.dtype[X], p.at[X] + gate, p.step[X], p.n, w.quad[X] && gate % LT_QUAD == 0, y);
        for (int k = 0; k < LT_QUAD; k++) y[k] = x[k] * lt_dev_gelu(y[k]);
    } else {
        for (int k = 0; k < LT_QUAD; k++) y[k] = act == LT_ACT_GELU ? lt_dev_gelu(x[k]) : act == LT_ACT_RELU ? lt_dev_relu(x[k]) : x[k];
    }
    lt_dev_walk_store(w, p, OUT, y);
}

static const char *refuse(const lt_args *a, const lt_machine *)
{
    lt_rows rows;
    if (!lt_tensor_rows(&a->in[LT_UNARY_X], &rows) || !lt_tensor_rows(&a->out, &rows)) return "rows without a common stride";
    return lt_cuda_walk_refuse(&a->out);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    lt_tensor x = a->in[LT_UNARY_X];
    const int act = static_cast<const lt_unary_attr *>(a->attr)->act;
    if (act == LT_ACT_GEGLU) x.dim[x.n_dims - 1] /= 2;
    const int64_t gate = act == LT_ACT_GEGLU ? x.dim[x.n_dims - 1] : 0;
    const lt_tensor *views[] = { &x, &a->out };
    const lt_walk rows = lt_walk_make(2, views);
    const lt_cuda_walk w = lt_cuda_walk_make(&rows);
    LT_TRY(lt_cuda_begin(l));
    LT_TRY(LT_CUDA_LAUNCH(unary_kernel, lt_cuda_blocks(w.n_threads), LT_CUDA_THREADS, l->stream, w, act, gate));
done:
    return st;
}

const lt_kernel lt_unary_cuda = { "unary.cuda", refuse, nullptr, nullptr, nullptr, nullptr, nullptr, launch, nullptr };
