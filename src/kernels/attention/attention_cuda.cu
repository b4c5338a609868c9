#include "kernels/attention/attention.h"
#include "kernels/cuda/value.cuh"

enum {
    LANES = 32,
    WARPS = 4,                          /* of a block; each has a problem of its own and waits for no other */
    TILE = 32,                          /* queries of a problem, keys and columns at a time */
    LINE = TILE + 1,                    /* rows of a tile lie so far apart that a column of it has no two values in one bank */
    MOST = 2                            /* tiles of columns in registers */
};

/* [B,T,H,D]; strides in elements. */
typedef struct {
    char   *data;
    int64_t stride[3];
    int     dtype;
} heads;

typedef struct {
    heads          q, k, v, out;
    const int32_t *n_keys;
    int64_t        n_items;
    int            n_queries, n_all, n_heads, d, dv, query_tiles;
    float          scale;
    bool           bf16;
} attention_job;

/* Where the row of an item lies. */
static __device__ __forceinline__ int64_t row_at(const heads &t, int64_t b, int i, int h)
{
    return b * t.stride[0] + i * t.stride[1] + h * t.stride[2];
}

/* 2^x for -100 <= x <= 100; a NaN stays one. The polynomial of attention_vec.h. */
static __device__ __forceinline__ float exp2_of(float x)
{
    const float shift = 0x1.8p23f, t = x + shift, f = x - (t - shift);                   /* t has the nearest integer in its last bits */
    const float c[] = { 0x1.41fbacp-13f, 0x1.5f3e54p-10f, 0x1.3b2d4ep-7f, 0x1.c6aee8p-5f,
                        0x1.ebfbdcp-3f, 0x1.62e430p-1f, 1.0f };
    float p = c[0];
#pragma unroll
    for (int k = 1; k < 7; k++) p = fmaf(p, f, c[k]);
    return x != x ? x : __uint_as_float(__float_as_uint(p) + (__float_as_uint(t) << 23));
}

static __device__ __forceinline__ float rounded(float x, bool bf16)
{
    return bf16 ? lt_dev_from_bf16(lt_dev_to_bf16(x)) : x;
}

/* A warp has 32 queries of one head of one batch entry and NV tiles of columns of the result. For each tile of keys: lane j has the scores of key j with
 * all queries; they change hands through shared memory; lane i turns those of query i into weights; lane e then adds to column e of all rows. Scores are
 * in units of log2 and the running maximum is the true one rounded up to an integer, so that correcting earlier sums rounds nothing (attention_job.h).
 * Every sum is in the order of d and of the keys: a row's bits depend on its query, the keys and the values. */
template <int NV> static __global__ void __launch_bounds__(WARPS *LANES) attention_kernel(attention_job job, int c0)
{
    LT_SHARED(float, left, WARPS * TILE * LINE);          /* queries, then scores and weights: [query][d or key] */
    LT_SHARED(float, right, WARPS * TILE * LINE);         /* keys: [key][d] */
    const float log2_e = 0x1.715476p+0f, least = -100.0f;
    const int lane = static_cast<int>(threadIdx.x) % LANES, warp = static_cast<int>(threadIdx.x) / LANES, base = warp * TILE * LINE;
    const int64_t item = static_cast<int64_t>(blockIdx.x) * WARPS + warp;
    if (item >= job.n_items) return;
    const int64_t pair = item / job.query_tiles, b = pair / job.n_heads;
    const int h = static_cast<int>(pair % job.n_heads), i0 = static_cast<int>(item % job.query_tiles) * TILE;
    const int n_keys = job.n_keys && *job.n_keys < job.n_all ? *job.n_keys : job.n_all;
    const float factor_q = job.scale * log2_e;
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
                    is_query ? rounded(lt_dev_get(job.q.data, job.q.dtype, row_at(job.q, b, i0 + r, h) + d0 + lane), job.bf16) * factor_q : 0.0f;
                right[base + r * LINE + lane] =
                    is_key ? rounded(lt_dev_get(job.k.data, job.k.dtype, row_at(job.k, b, j0 + r, h) + d0 + lane), job.bf16) : 0.0f;
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
        const float now = ceilf(most), down = top - now, factor = down > least ? exp2_of(down) : 0.0f;
        sum *= factor;
        for (int j = 0; j < n; j++) {
            const float x = left[base + lane * LINE + j] - now, p = exp2_of(x < least ? least : x);
            sum += p;
            left[base + lane * LINE + j] = rounded(p, job.bf16);
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
            const int64_t row = row_at(job.v, b, j0 + j, h);
            float value[NV];
#pragma unroll
            for (int v = 0; v < NV; v++) {
                const int c = c0 + v * TILE + lane;
                value[v] = c < job.dv ? rounded(lt_dev_get(job.v.data, job.v.dtype, row + c), job.bf16) : 0.0f;
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
            if (c < job.dv) lt_dev_put(job.out.data, job.out.dtype, row_at(job.out, b, i0 + i, h) + c, y[v][i] / all);
        }
    }
}

static bool plain(const lt_tensor *t)
{
    return t->n_dims == 4 && !t->index && (t->stride[3] == 1 || t->dim[3] == 1) && (t->dtype == LT_F32 || t->dtype == LT_BF16);
}

static const char *refuse(const lt_args *a, const lt_machine *)
{
    const lt_attention_attr *attr = static_cast<const lt_attention_attr *>(a->attr);
    if (attr->compute != LT_F32 && attr->compute != LT_BF16) return "computes in f32 or bf16 only";
    for (int i = LT_ATTENTION_Q; i <= LT_ATTENTION_V; i++)
        if (!plain(&a->in[i])) return "q, k and v must be f32 or bf16 of four dimensions, the last dense, without index";
    if (!plain(&a->out)) return "the output must be f32 or bf16 of four dimensions, the last dense, without index";
    return NULL;
}

static heads heads_of(const lt_tensor *t)
{
    return heads{ static_cast<char *>(t->data), { t->stride[0], t->stride[1], t->stride[2] }, t->dtype };
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    const lt_attention_attr *attr = static_cast<const lt_attention_attr *>(a->attr);
    attention_job j = {};
    j.q = heads_of(&a->in[LT_ATTENTION_Q]);
    j.k = heads_of(&a->in[LT_ATTENTION_K]);
    j.v = heads_of(&a->in[LT_ATTENTION_V]);
    j.out = heads_of(&a->out);
    j.n_keys = attr->n_keys;
    j.n_queries = static_cast<int>(a->out.dim[1]);
    j.n_all = static_cast<int>(a->in[LT_ATTENTION_K].dim[1]);
    j.n_heads = static_cast<int>(a->out.dim[2]);
    j.d = static_cast<int>(a->in[LT_ATTENTION_Q].dim[3]);
    j.dv = static_cast<int>(a->out.dim[3]);
    j.query_tiles = (j.n_queries + TILE - 1) / TILE;
    j.n_items = a->out.dim[0] * j.n_heads * j.query_tiles;
    j.scale = attr->scale;
    j.bf16 = attr->compute == LT_BF16;
    const unsigned blocks = static_cast<unsigned>((j.n_items + WARPS - 1) / WARPS);
    const auto attention_narrow = attention_kernel<1>, attention_wide = attention_kernel<MOST>;
    LT_TRY(lt_cuda_begin(l));
    for (int c = 0; c < j.dv; c += MOST * TILE) {
        if (j.dv - c <= TILE) LT_TRY(LT_CUDA_LAUNCH(attention_narrow, blocks, WARPS * LANES, l->stream, j, c));
        else LT_TRY(LT_CUDA_LAUNCH(attention_wide, blocks, WARPS * LANES, l->stream, j, c));
    }
done:
    return st;
}

const lt_kernel lt_attention_cuda = { "attention.cuda", refuse, nullptr, nullptr, nullptr, nullptr, nullptr, launch, nullptr };
