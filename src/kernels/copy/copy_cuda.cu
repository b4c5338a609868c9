#include "kernels/copy/copy.h"
#include "kernels/cuda/walk.cuh"

enum { X, OUT };

/* One thread has four values of a row of the output, whose order the grid follows: writes are side by side, reads may be anywhere. */
static __global__ void copy_kernel(lt_cuda_walk w)
{
    float x[LT_QUAD];
    const lt_cuda_place p = lt_dev_place(w, 2);
    if (p.n == 0) return;
    lt_dev_walk_load(w, p, X, x);
    lt_dev_walk_store(w, p, OUT, x);
}

static const char *refuse(const lt_args *a, const lt_machine *)
{
    return lt_cuda_walk_refuse(&a->out);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    const lt_tensor *views[] = { &a->in[LT_COPY_X], &a->out };
    const lt_walk rows = lt_walk_make(2, views);
    const lt_cuda_walk w = lt_cuda_walk_make(&rows);
    LT_TRY(lt_cuda_begin(l));
    LT_TRY(LT_CUDA_LAUNCH(copy_kernel, lt_cuda_blocks(w.n_threads), LT_CUDA_THREADS, l->stream, w));
done:
    return st;
}

const lt_kernel lt_copy_cuda = { "copy.cuda", refuse, nullptr, nullptr, nullptr, nullptr, nullptr, launch, nullptr };
