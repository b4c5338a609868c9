#include "kernels/attention/attention_device.cuh"

enum {
    LANES = 32,
    WARPS = 4,                          /* of a block; each has a problem of its own and waits for no other */
    TILE = 32,                          /* queries of a problem, keys and columns at a time */
    LINE = TILE + 1,                    /* rows of a tile lie so far apart that a column of it has no two values in one bank */
    MOST = 2                            /* tiles of columns in registers */
};

static __device__ __forceinline__ float rounded(float x, int dtype)
{
    return dtype == LT_F32 ? x : lt_dev_widen(lt_dev_narrow(x, dtype), dtype);
}

/* A warp has 32 queries of one head of one batch entry and NV tiles of columns of the result. For each tile of keys: lane j has the scores of key j with
 * all queries; they change hands through shared memory; lane i turns those of query i into weights; lane e then adds to column e of all rows. Scores are
 * in units of log2 and the running maximum is the true one rounded up to an integer, so that correcting earlier sums rounds nothing (attention_job.h).
 * Every sum is in the order of d and of the keys: a row's bits depend on its query, the keys and the values. */
template <int NV> static __global__ void __launch_bounds__(WARPS *LANES) attention_kernel(lt_attention_on job, int query_tiles, int compute, int c0)
{
    LT_SHARED(float, left, WARPS * TILE * LINE);          /* queries, then scores and weights: [query][d or key] */
    LT_SHARED(float, right, WARPS * TILE * LINE);         /* keys: [key][d] */
    const float least = -100.0f;
    const int lane = static_cast<int>(threadIdx.x) % LANES, warp = static_cast<int>(threadIdx.x) / LANES, base = warp * TILE * LINE;
    const int64_t item = static_cast<int64_t>(blockIdx.x) * WARPS + warp;
    if (item >= job.n_pairs * query_tiles) return;
    const int64_t pair = item / query_tiles, b = pair / job.n_heads;
    const int h = static_cast<int>(pair % job.n_heads), i0 = static_cast<int>(item % query_tiles) * TILE;
    const int n_keys = lt_dev_n_keys(job);
    float top = -0x1p126f, sum = 0, y[NV][TILE];
#pragma unroll
    for (int v = 0; v < NV; v++)
#pragma unroll
        for (int i = 0; i < TILE; i++) y[v][i] = 0;
    for (int j0 = 0; j0 < n_keys; j0 += TILE) {
        const int n = n_keys - j0 < TILE ? n_keys - j0 : static_cast<int>(TILE);
        float s[TILE];
#pragma unroll
        for (int i = 0; i < TILE; i++) s[i] = 0;
        for (int d0 = 0; d0 < job.d; d0 += TILE) {
            const int depth = job.d - d0 < TILE ? job.d - d0 : static_cast<int>(TILE);
            for (int r = 0; r < TILE; r++) {
                const bool is_query = i0 + r < job.n_queries && lane < depth, is_key = r < n && lane < depth;
                left[base + r * LINE + lane] =
                    is_query ? rounded(lt_dev_get(job.q.data, job.q.dtype, lt_dev_head_row(job.q, b, i0 + r, h) + d0 + lane), compute) * job.factor : 0.0f;
                right[base + r * LINE + lane] =
                    is_key ? rounded(lt_dev_get(job.k.data, job.k.dtype, lt_dev_head_row(job.k, b, j0 + r, h) + d0 + lane), compute) : 0.0f;
            }
            __syncwarp();
            for (int d = 0; d < depth; d++) {
                const float k = right[base + lane * LINE + d];
#pragma unroll
                for (int i = 0; i < TILE; i++) s[i] = fmaf(left[base + i * LINE + d], k, s[i]);
            }
            __syncwarp();
        }
#pragma unroll
        for (int i = 0; i < TILE; i++) left[base + i * LINE + lane] = s[i];
        __syncwarp();
        float most = top;
        for (int j = 0; j < n; j++) {
            const float x = left[base + lane * LINE + j];
            most = x > most ? x : most;
        }
        const float now = ceilf(most), down = top - now, factor = down > least ? lt_dev_exp2(down) : 0.0f;
        sum *= factor;
        for (int j = 0; j < n; j++) {
            const float x = left[base + lane * LINE + j] - now, p = lt_dev_exp2(x < least ? least : x);
            sum += p;
            left[base + lane * LINE + j] = rounded(p, compute);
        }
        top = now;
        __syncwarp();
#pragma unroll
        for (int i = 0; i < TILE; i++) {
            const float f = __shfl_sync(0xffffffffu, factor, i);
#pragma unroll
            for (int v = 0; v < NV; v++) y[v][i] *= f;
        }
        for (int j = 0; j < n; j++) {
            const int64_t row = lt_dev_head_row(job.v, b, j0 + j, h);
            float value[NV];
#pragma unroll
            for (int v = 0; v < NV; v++) {
                const int c = c0 + v * TILE + lane;
                value[v] = c < job.dv ? rounded(lt_dev_get(job.v.data, job.v.dtype, row + c), compute) : 0.0f;
            }
#pragma unroll
            for (int i = 0; i < TILE; i++) {
                const float p = left[base + i * LINE + j];
#pragma unroll
                for (int v = 0; v < NV; v++) y[v][i] = fmaf(p, value[v], y[v][i]);
            }
        }
        __syncwarp();
    }
#pragma unroll
    for (int i = 0; i < TILE; i++) {
        const float all = __shfl_sync(0xffffffffu, sum, i);
        if (i0 + i >= job.n_queries) continue;
#pragma unroll
        for (int v = 0; v < NV; v++) {
            const int c = c0 + v * TILE + lane;
            if (c < job.dv) lt_dev_put(job.out.data, job.out.dtype, lt_dev_head_row(job.out, b, i0 + i, h) + c, y[v][i] / all);
        }
    }
}

static const char *refuse(const lt_args *a, const lt_machine *)
{
    return lt_attention_refuse_cuda(a);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    const int compute = static_cast<const lt_attention_attr *>(a->attr)->compute;
    const lt_attention_on j = lt_attention_on_of(a);
    const int query_tiles = (j.n_queries + TILE - 1) / TILE;
    const unsigned blocks = static_cast<unsigned>((j.n_pairs * query_tiles + WARPS - 1) / WARPS);
    const auto attention_narrow = attention_kernel<1>, attention_wide = attention_kernel<MOST>;
    LT_TRY(lt_cuda_begin(l));
    for (int c = 0; c < j.dv; c += MOST * TILE) {
        if (j.dv - c <= TILE) LT_TRY(LT_CUDA_LAUNCH(attention_narrow, blocks, WARPS * LANES, l->stream, j, query_tiles, compute, c));
        else LT_TRY(LT_CUDA_LAUNCH(attention_wide, blocks, WARPS * LANES, l->stream, j, query_tiles, compute, c));
    }
done:
    return st;
}

const lt_kernel lt_attention_cuda = { "attention.cuda", refuse, nullptr, nullptr, nullptr, nullptr, nullptr, launch, nullptr };
