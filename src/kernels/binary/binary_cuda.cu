#include "kernels/binary/binary_job.h"
#include "kernels/cuda/walk.cuh"

/* One thread has four values of a row. */
static __global__ void binary_kernel(lt_cuda_walk w, int kind)
{
    float a[LT_QUAD], b[LT_QUAD], y[LT_QUAD];
    const lt_cuda_place p = lt_dev_place(w, 3);
    if (p.n == 0) return;
    lt_dev_walk_load(w, p, LT_BINARY_WALK_A, a);
    lt_dev_walk_load(w, p, LT_BINARY_WALK_B, b);
    for (int k = 0; k < LT_QUAD; k++) y[k] = kind == LT_BINARY_ADD ? a[k] + b[k] : a[k] * b[k];
    lt_dev_walk_store(w, p, LT_BINARY_WALK_OUT, y);
}

static const char *refuse(const lt_args *a, const lt_machine *)
{
    return lt_cuda_walk_refuse(&a->out);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    const lt_tensor second = lt_binary_second(a);
    const lt_tensor *views[] = { &a->in[LT_BINARY_A], &second, &a->out };
    const lt_walk rows = lt_walk_make(3, views);
    const lt_cuda_walk w = lt_cuda_walk_make(&rows);
    const int kind = static_cast<const lt_binary_attr *>(a->attr)->kind;
    LT_TRY(lt_cuda_begin(l));
    LT_TRY(LT_CUDA_LAUNCH(binary_kernel, lt_cuda_blocks(w.n_threads), LT_CUDA_THREADS, l->stream, w, kind));
done:
    return st;
}

const lt_kernel lt_binary_cuda = { "binary.cuda", refuse, lt_binary_packed_bytes, lt_binary_pack, nullptr, nullptr, nullptr, launch, nullptr };
