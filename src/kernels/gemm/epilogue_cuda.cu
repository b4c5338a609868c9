#include "kernels/cuda/walk.cuh"
#include "kernels/gemm/epilogue_cuda.h"

enum { PRODUCT, OUT, RESIDUAL };

typedef struct {
    lt_cuda_walk w;
    const float *bias, *gamma;
    uint32_t     channels;
    int          act;
    bool         residual;
} epilogue_job;

/* One thread has four values of a row. Where views are dense a row may be many pixels long: the channel is what is left of the column. */
static __global__ void epilogue_kernel(epilogue_job job)
{
    float x[LT_QUAD], gate[LT_QUAD], add[LT_QUAD], y[LT_QUAD];
    const lt_cuda_place p = lt_dev_place(job.w, job.residual ? 3 : 2);
    if (p.n == 0) return;
    const uint32_t flat = blockIdx.x * blockDim.x + threadIdx.x, column = flat % job.w.quads * LT_QUAD;
    const bool gated = job.act == LT_ACT_GEGLU;
    lt_dev_walk_load(job.w, p, PRODUCT, x);
    if (gated)
        lt_dev_load(job.w.data[PRODUCT], job.w.dtype[PRODUCT], p.at[PRODUCT] + job.channels, 1, p.n, job.w.quad[PRODUCT] && job.channels % LT_QUAD == 0, gate);
    if (job.residual) lt_dev_walk_load(job.w, p, RESIDUAL, add);
    uint32_t c = column % job.channels;
#pragma unroll
    for (int k = 0; k < LT_QUAD; k++, c = c + 1 == job.channels ? 0 : c + 1) {
        if (k >= p.n) {
            y[k] = 0;
            continue;
        }
        y[k] = job.bias ? x[k] + job.bias[c] : x[k];
        if (gated) y[k] *= lt_dev_gelu(job.bias ? gate[k] + job.bias[job.channels + c] : gate[k]);
        else y[k] = job.act == LT_ACT_GELU ? lt_dev_gelu(y[k]) : job.act == LT_ACT_RELU ? lt_dev_relu(y[k]) : y[k];
        if (job.gamma) y[k] *= job.gamma[c];
        if (job.residual) y[k] += add[k];
    }
    lt_dev_walk_store(job.w, p, OUT, y);
}

lt_status lt_epilogue_cuda_run(const lt_launch *l, const lt_epilogue_cuda *e)
{
    lt_status st = LT_OK;
    const lt_tensor *views[] = { &e->product, &e->out, &e->residual };
    epilogue_job job = {};
    job.residual = e->residual.n_dims > 0;
    const lt_walk rows = lt_walk_make(job.residual ? 3 : 2, views);
    job.w = lt_cuda_walk_make(&rows);
    job.bias = e->bias;
    job.gamma = e->gamma;
    job.channels = static_cast<uint32_t>(e->out.dim[e->out.n_dims - 1]);
    job.act = e->act;
    LT_TRY(lt_cuda_begin(l));
    LT_TRY(LT_CUDA_LAUNCH(epilogue_kernel, lt_cuda_blocks(job.w.n_threads), LT_CUDA_THREADS, l->stream, job));
done:
    return st;
}
