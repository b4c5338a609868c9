#include "kernels/attention/attention_mma.cuh"

/* Attention over time at each pixel: up to 32 queries and keys, and so many problems that what counts is to read q, k and v once. A warp has a problem of
 * its own and waits for no other; neighbouring warps have neighbouring heads, whose rows lie side by side in memory. */

enum { LANES = 32, TIMES = 32, KEY_TILES = TIMES / 8 };

/* How heads of up to DC * 16 values are cut. */
template <int DC> struct cut {
    static constexpr int warps = DC <= 4 ? 4 : 2;           /* of a block: the keys and values of so many problems fit into 48 KB */
    static constexpr int blocks = DC < 4 ? 5 : 4;           /* of a multiprocessor, as registers are to allow */
};

template <bool BF16, int DC> static __global__ void __launch_bounds__(cut<DC>::warps *LANES, cut<DC>::blocks) attention_time(lt_attention_on job)
{
    constexpr int TILE = TIMES * lt_attention_size<DC>::line;
    LT_SHARED(uint32_t, keys, cut<DC>::warps * TILE);
    LT_SHARED(uint32_t, values, cut<DC>::warps * TILE);
    const int lane = static_cast<int>(threadIdx.x) % LANES, warp = static_cast<int>(threadIdx.x) / LANES, base = warp * TILE;
    const int64_t pair = static_cast<int64_t>(blockIdx.x) * cut<DC>::warps + warp, b = pair / job.n_heads;
    const int h = static_cast<int>(pair % job.n_heads), n = lt_dev_n_keys(job);
    if (pair >= job.n_pairs) return;
    lt_dev_copy_rows<DC, TIMES, LANES>(keys, base, job.k, job.d, b, h, 0, n, lane);
    lt_dev_commit();
    lt_dev_copy_rows<DC, TIMES, LANES>(values, base, job.v, job.d, b, h, 0, n, lane);
    lt_dev_commit();
    for (int i0 = 0; i0 < job.n_queries; i0 += 16) {
        lt_frag_a q[1][DC];
        lt_frag_c s[1][KEY_TILES], y[1][2 * DC] = {};
        lt_attention_rows_state<1> r;
        lt_dev_rows_begin(r);
        if (n > 0) {
            lt_dev_queries(q, job, b, h, i0, lane);
            lt_dev_wait_copies<1>();
            __syncwarp();
            lt_dev_scores<BF16>(s, q, keys, base, lane);
            lt_dev_weights(s, r, job.factor, n, lane);
            lt_dev_wait_copies<0>();
            __syncwarp();
            lt_dev_add_values<BF16, DC>(y, s, values, base, lane);
        }
        lt_dev_put_rows<DC>(job, y, r, b, h, i0, lane);
    }
}

template <bool BF16, int DC> static lt_status launch_of(const lt_launch *l, const lt_attention_on &job)
{
    const auto attention = attention_time<BF16, DC>;
    const int warps = cut<DC>::warps;
    return LT_CUDA_LAUNCH(attention, static_cast<unsigned>((job.n_pairs + warps - 1) / warps), warps *LANES, l->stream, job);
}

template <bool BF16> static lt_status launch_columns(const lt_launch *l, const lt_attention_on &job)
{
    switch (lt_attention_columns(job.d)) {
    case 1: return launch_of<BF16, 1>(l, job);
    case 2: return launch_of<BF16, 2>(l, job);
    case 3: return launch_of<BF16, 3>(l, job);
    case 4: return launch_of<BF16, 4>(l, job);
    case 6: return launch_of<BF16, 6>(l, job);
    default: return launch_of<BF16, 8>(l, job);
    }
}

/* ---- f32 ---- */

enum {
    F32_WARPS = 4,
    CHUNK = 32,                         /* columns of q, k or v in shared memory */
    LINE = CHUNK + LT_COPY_PAIRS,       /* rows so far apart that eight of them begin in eight groups of four banks */
    F32_TILE = TIMES * LINE,
    ROWS = 4,                           /* of a lane: queries lane / 4 + 8 k */
    KEYS = 8                            /* of a lane: keys lane % 4 + 4 k; columns of the result 4 (lane % 4) + (0..3, 16..19) */
};

typedef struct {
    float x[4];
} quad;

template <class S> static __device__ __forceinline__ quad quad_at(S &tile, int at)
{
    const uint4 u = lt_dev_read16(tile, at);
    return quad{ { __uint_as_float(u.x), __uint_as_float(u.y), __uint_as_float(u.z), __uint_as_float(u.w) } };
}

/* Columns c0 .. of the rows of one head; zeros from row n on and beyond column d. */
template <class S>
static __device__ __forceinline__ void copy_chunk(S &tile, int base, const lt_heads &t, int d, int64_t b, int h, int n, int c0, int lane)
{
    const float *from = reinterpret_cast<const float *>(t.data) + lt_dev_head_row(t, b, 0, h);
#pragma unroll
    for (int i = 0; i < TIMES * CHUNK / 4 / LANES; i++) {
        const int c = lane + i * LANES, row = c / (CHUNK / 4), column = c % (CHUNK / 4) * 4;
        const bool there = row < n && c0 + column < d;
        lt_dev_copy16(tile, base + row * LINE + column, there ? from + row * t.stride[1] + c0 + column : from, there);
    }
}

/* The lane's scores, one chunk of columns after the other. */
template <class S>
static __device__ __forceinline__ void scores_f32(float (&s)[ROWS][KEYS], S &left, S &right, int base, const lt_attention_on &job, int64_t b, int h, int n,
                                                  int lane)
{
#pragma unroll
    for (int i = 0; i < ROWS; i++)
#pragma unroll
        for (int j = 0; j < KEYS; j++) s[i][j] = 0;
    for (int c0 = 0; c0 < job.d; c0 += CHUNK) {
        copy_chunk(left, base, job.q, job.d, b, h, job.n_queries, c0, lane);
        copy_chunk(right, base, job.k, job.d, b, h, n, c0, lane);
        lt_dev_commit();
        lt_dev_wait_copies<0>();
        __syncwarp();
        for (int d = 0; d < CHUNK && c0 + d < job.d; d += 4) {
            quad q[ROWS];
#pragma unroll
            for (int i = 0; i < ROWS; i++) q[i] = quad_at(left, base + (lane / 4 + 8 * i) * LINE + d);
#pragma unroll
            for (int j = 0; j < KEYS; j++) {
                const quad k = quad_at(right, base + (lane % 4 + 4 * j) * LINE + d);
#pragma unroll
                for (int i = 0; i < ROWS; i++)
#pragma unroll
                    for (int e = 0; e < 4; e++) s[i][j] = fmaf(q[i].x[e], k.x[e], s[i][j]);
            }
        }
        __syncwarp();
    }
}

/* Weights of the lane's scores into the tile [query][key]; part: one over the sum of a query's weights. */
template <class S>
static __device__ __forceinline__ void weights_f32(const float (&s)[ROWS][KEYS], float (&part)[ROWS], S &tile, int base, float factor, int n, int lane)
{
    const float least = -100.0f, infinity = __uint_as_float(0x7f800000u);
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
        float most = -0x1p126f, sum = 0;
#pragma unroll
        for (int j = 0; j < KEYS; j++)
            if (lane % 4 + 4 * j < n) most = lt_dev_larger(most, s[i][j] * factor);
        most = lt_dev_larger(most, __shfl_xor_sync(0xffffffffu, most, 1));
        most = lt_dev_larger(most, __shfl_xor_sync(0xffffffffu, most, 2));
        const float now = ceilf(most);
#pragma unroll
        for (int j = 0; j < KEYS; j++) {
            const int key = lane % 4 + 4 * j;
            const float p = key < n ? lt_dev_exp2(fmaxf(fmaf(s[i][j], factor, -now), least)) : 0.0f;
            sum += p;
            tile[base + (lane / 4 + 8 * i) * LINE + key] = __float_as_uint(p);
        }
        sum += __shfl_xor_sync(0xffffffffu, sum, 1);
        sum += __shfl_xor_sync(0xffffffffu, sum, 2);
        part[i] = now < infinity ? 1.0f / sum : __uint_as_float(0x7fffffffu);
    }
}

/* One chunk of columns of the result, both tiles being there. */
template <class S>
static __device__ __forceinline__ void values_f32(const float (&part)[ROWS], S &left, S &right, int base, const lt_attention_on &job, int64_t b, int h,
                                                  int n, int c0, int lane)
{
    float y[ROWS][KEYS] = {};
    for (int j = 0; j < n; j += 4) {
        quad p[ROWS];
#pragma unroll
        for (int i = 0; i < ROWS; i++) p[i] = quad_at(left, base + (lane / 4 + 8 * i) * LINE + j);
#pragma unroll
        for (int k = 0; k < 4; k++)
#pragma unroll
            for (int u = 0; u < 2; u++) {
                const quad v = quad_at(right, base + (j + k) * LINE + u * 16 + lane % 4 * 4);
#pragma unroll
                for (int i = 0; i < ROWS; i++)
#pragma unroll
                    for (int e = 0; e < 4; e++) y[i][u * 4 + e] = fmaf(p[i].x[k], v.x[e], y[i][u * 4 + e]);
            }
    }
#pragma unroll
    for (int i = 0; i < ROWS; i++) {
        const int row = lane / 4 + 8 * i;
#pragma unroll
        for (int u = 0; u < 2; u++) {
            const int column = c0 + u * 16 + lane % 4 * 4;
            if (row >= job.n_queries || column >= job.dv) continue;
#pragma unroll
            for (int e = 0; e < 4; e++) y[i][u * 4 + e] *= part[i];
            lt_dev_put4(job.out.data, job.out.dtype, lt_dev_head_row(job.out, b, row, h) + column, y[i] + u * 4);
        }
    }
}

/* The same in f32, by FMA: a lane has 4 x 8 scores, then 4 rows and 8 columns of the result, so that a value read from shared memory is used 4 or 8
 * times. Weights lie where the queries lay. */
static __global__ void __launch_bounds__(F32_WARPS *LANES, 4) attention_time_f32(lt_attention_on job)
{
    LT_SHARED(uint32_t, left, F32_WARPS * F32_TILE);
    LT_SHARED(uint32_t, right, F32_WARPS * F32_TILE);
    const int lane = static_cast<int>(threadIdx.x) % LANES, warp = static_cast<int>(threadIdx.x) / LANES, base = warp * F32_TILE;
    const int64_t pair = static_cast<int64_t>(blockIdx.x) * F32_WARPS + warp, b = pair / job.n_heads;
    const int h = static_cast<int>(pair % job.n_heads), n = lt_dev_n_keys(job);
    float s[ROWS][KEYS], part[ROWS];
    if (pair >= job.n_pairs) return;
    scores_f32(s, left, right, base, job, b, h, n, lane);
    copy_chunk(right, base, job.v, job.dv, b, h, n, 0, lane);
    lt_dev_commit();
    weights_f32(s, part, left, base, job.factor, n, lane);
    for (int c0 = 0; c0 < job.dv; c0 += CHUNK) {
        lt_dev_wait_copies<0>();
        __syncwarp();
        values_f32(part, left, right, base, job, b, h, n, c0, lane);
        __syncwarp();
        if (c0 + CHUNK < job.dv) copy_chunk(right, base, job.v, job.dv, b, h, n, c0 + CHUNK, lane);
        lt_dev_commit();
    }
}

static lt_status launch_f32(const lt_launch *l, const lt_attention_on &job)
{
    return LT_CUDA_LAUNCH(attention_time_f32, static_cast<unsigned>((job.n_pairs + F32_WARPS - 1) / F32_WARPS), F32_WARPS *LANES, l->stream, job);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    const int compute = static_cast<const lt_attention_attr *>(a->attr)->compute;
    const lt_attention_on job = lt_attention_on_of(a);
    if (!lt_attention_data_aligned(a)) return lt_attention_cuda.launch(l, a);
    LT_TRY(lt_cuda_begin(l));
    LT_TRY(compute == LT_F32 ? launch_f32(l, job) : compute == LT_BF16 ? launch_columns<true>(l, job) : launch_columns<false>(l, job));
done:
    return st;
}

static const char *refuse_f32(const lt_args *a)
{
    for (int i = LT_ATTENTION_Q; i <= LT_ATTENTION_V; i++) {
        if (a->in[i].dtype != LT_F32) return "q, k and v must have the type of the computation";
        if (a->in[i].dim[3] % 4 || !lt_attention_rows_aligned(&a->in[i], 4)) return "rows of q, k and v must be whole units of 16 bytes";
    }
    return lt_attention_rows_aligned(&a->out, 4) ? NULL : "rows of the output must begin at a multiple of 4 values";
}

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    const char *why = lt_attention_refuse_cuda(a);
    if (why) return why;
    if (a->out.dim[1] > TIMES || a->in[LT_ATTENTION_K].dim[1] > TIMES) return "made for 32 queries and keys at most";
    return static_cast<const lt_attention_attr *>(a->attr)->compute == LT_F32 ? refuse_f32(a) : lt_attention_refuse_mma(a, m);
}

const lt_kernel lt_attention_time_cuda = { "attention.time", refuse, nullptr, nullptr, nullptr, nullptr, nullptr, launch, nullptr };
