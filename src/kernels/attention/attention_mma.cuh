/* kernels/attention/attention_mma.cuh -- attention by matrix fragments: what a warp does with 16 or 32 queries and a block of keys.
 *
 * in    queries in registers, keys and values in shared memory, f16 or bf16
 * out   sums in registers; rows of the output
 * owns  nothing
 *
 * Tiles in shared memory: a row of keys or values has DC * 16 columns (D, and zeros), and rows are lt_attention_size::line pairs apart, an odd number of 16
 * bytes: ldmatrix finds no two rows of a matrix in one bank. MT tiles of 16 queries, NT of 8 keys.
 *
 * Scores are in units of log2 and the running maximum is the true one rounded up to an integer (attention_job.h): so correcting what was summed before
 * is exact, and rare. The exponential has the error 2^-18.4 of its own, below the rounding of a weight to f16 (2^-12) or bf16 (2^-9). The sum of weights
 * is of those before rounding, each lane its own columns, the four lanes of a row at the end. */
#ifndef LONGTAKE_KERNELS_ATTENTION_MMA_CUH
#define LONGTAKE_KERNELS_ATTENTION_MMA_CUH

#include "kernels/attention/attention_device.cuh"
#include "kernels/cuda/async.cuh"
#include "kernels/cuda/mma.cuh"

enum { LT_UNIT = 8 };                        /* values of a 16-byte copy */

/* Heads of up to DC * 16 values. */
template <int DC> struct lt_attention_size {
    static constexpr int line = (DC * 2 + 1) * LT_COPY_PAIRS;
};

/* Of the rows g and g + 8 of each tile of queries. */
template <int MT> struct lt_attention_rows_state {
    float top[MT][2], sum[MT][2], factor[MT][2];
};

template <int MT> LT_CUDA_INLINE void lt_dev_rows_begin(lt_attention_rows_state<MT> &r)
{
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            r.top[m][half] = -0x1p126f;
            r.sum[m][half] = 0;
        }
}

/* 2^x for -100 <= x <= 100; at integers exact. */
LT_CUDA_INLINE float lt_dev_exp2_short(float x)
{
    const float shift = 0x1.8p23f, t = x + shift, f = x - (t - shift);
    float p = fmaf(0x1.3a02ccp-7f, f, 0x1.c9fc46p-5f);
    p = fmaf(p, f, 0x1.ec0378p-3f);
    p = fmaf(p, f, 0x1.62e12cp-1f);
    p = fmaf(p, f, 1.0f);
    return __uint_as_float(__float_as_uint(p) + (__float_as_uint(t) << 23));
}

/* Queries i0 .. of one head as A fragments; zeros beyond the last one and beyond D. */
template <int DC, int MT> LT_CUDA_INLINE void lt_dev_queries(lt_frag_a (&q)[MT][DC], const lt_attention_on &job, int64_t b, int h, int i0, int lane)
{
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int row = i0 + m * 16 + lt_frag_a_row(lane, i);
            const uint16_t *from = reinterpret_cast<const uint16_t *>(job.q.data) + (row < job.n_queries ? lt_dev_head_row(job.q, b, row, h) : 0);
#pragma unroll
            for (int c = 0; c < DC; c++) {
                const int column = c * 16 + lt_frag_a_col(lane, i);
                q[m][c].r[i] = row < job.n_queries && column < job.d ? *reinterpret_cast<const uint32_t *>(from + column) : 0u;
            }
        }
}

/* Begins the copies of rows j0 .. j0 + ROWS - 1 of one head to `base`, by THREADS threads; zeros from row n on, and beyond D. */
template <int DC, int ROWS, int THREADS, class S>
LT_CUDA_INLINE void lt_dev_copy_rows(S &tile, int base, const lt_heads &t, int d, int64_t b, int h, int j0, int n, int thread)
{
    static_assert(ROWS * DC * 2 % THREADS == 0, "all threads copy as much");
    const unsigned units = DC * 2, first = static_cast<unsigned>(thread);
    const uint16_t *from = reinterpret_cast<const uint16_t *>(t.data) + lt_dev_head_row(t, b, j0, h);
    if (THREADS % units == 0) {                         /* every thread has a column of its own */
        const int64_t step = THREADS / units * t.stride[1];
        const int row = static_cast<int>(first / units), unit = static_cast<int>(first % units);
        const uint16_t *at = from + row * t.stride[1] + unit * LT_UNIT;
        const int rows = unit * LT_UNIT < d ? n - j0 - row : 0;
#pragma unroll
        for (int i = 0; i < static_cast<int>(ROWS * units / THREADS); i++) {
            const int down = i * static_cast<int>(THREADS / units);
            lt_dev_copy16(tile, base + (row + down) * lt_attention_size<DC>::line + unit * LT_COPY_PAIRS, down < rows ? at + i * step : from, down < rows);
        }
    } else {
#pragma unroll
        for (unsigned i = 0; i < ROWS * units / THREADS; i++) {
            const int row = static_cast<int>((first + i * THREADS) / units), unit = static_cast<int>((first + i * THREADS) % units);
            const bool there = j0 + row < n && unit * LT_UNIT < d;
            lt_dev_copy16(tile, base + row * lt_attention_size<DC>::line + unit * LT_COPY_PAIRS, there ? from + row * t.stride[1] + unit * LT_UNIT : from,
                          there);
        }
    }
}

/* s = q k for NT * 8 keys from `base` on. */
template <bool BF16, int DC, int MT, int NT, class S>
LT_CUDA_INLINE void lt_dev_scores(lt_frag_c (&s)[MT][NT], const lt_frag_a (&q)[MT][DC], S &keys, int base, int lane)
{
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int n = 0; n < NT; n++) s[m][n] = lt_frag_c{ { 0, 0, 0, 0 } };
#pragma unroll
    for (int c = 0; c < DC; c++)
#pragma unroll
        for (int n = 0; n < NT; n += 2) {
            lt_frag_b k[2];
            lt_frag_b_load2(k, keys, base + n * 8 * lt_attention_size<DC>::line + c * 8, lt_attention_size<DC>::line, lane);
#pragma unroll
            for (int m = 0; m < MT; m++) {
                lt_dev_mma(s[m][n], q[m][c], k[0], BF16);
                lt_dev_mma(s[m][n + 1], q[m][c], k[1], BF16);
            }
        }
}

/* Scores of which the first n columns are keys become weights; r.factor is what earlier sums are to be multiplied by. A row with a score that is NaN or
 * infinite has a NaN for its sum. */
template <int MT, int NT> LT_CUDA_INLINE void lt_dev_weights(lt_frag_c (&s)[MT][NT], lt_attention_rows_state<MT> &r, float factor, int n, int lane)
{
    const float least = -100.0f, infinity = __uint_as_float(0x7f800000u), no_number = __uint_as_float(0x7fffffffu);
    if (n < NT * 8) {
#pragma unroll
        for (int m = 0; m < MT; m++)
#pragma unroll
            for (int t = 0; t < NT; t++)
#pragma unroll
                for (int i = 0; i < 4; i++)
                    if (t * 8 + lt_frag_c_col(lane, i) >= n) s[m][t].r[i] = -infinity;
    }
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float most = -infinity;
#pragma unroll
            for (int t = 0; t < NT; t++) most = lt_dev_larger(most, lt_dev_larger(s[m][t].r[2 * half], s[m][t].r[2 * half + 1]));
            most = lt_dev_larger(most, __shfl_xor_sync(0xffffffffu, most, 1));
            most = lt_dev_larger(most, __shfl_xor_sync(0xffffffffu, most, 2));
            const float now = lt_dev_larger(r.top[m][half], ceilf(most * factor)), down = r.top[m][half] - now;
            const float f = down > least ? lt_dev_exp2_short(down) : 0.0f;
            float sum = now < infinity ? r.sum[m][half] * f : no_number;
#pragma unroll
            for (int t = 0; t < NT; t++)
#pragma unroll
                for (int i = 2 * half; i < 2 * half + 2; i++) {
                    const float p = lt_dev_exp2_short(fmaxf(fmaf(s[m][t].r[i], factor, -now), least));
                    sum += p;
                    s[m][t].r[i] = p;
                }
            r.top[m][half] = now;
            r.sum[m][half] = sum;
            r.factor[m][half] = f;
        }
}

/* y = y * factor, where that changes anything. */
template <int MT, int N> LT_CUDA_INLINE void lt_dev_correct(lt_frag_c (&y)[MT][N], const lt_attention_rows_state<MT> &r)
{
    bool change = false;
#pragma unroll
    for (int m = 0; m < MT; m++) change = change || r.factor[m][0] != 1.0f || r.factor[m][1] != 1.0f;
    if (!__any_sync(0xffffffffu, change)) return;
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int n = 0; n < N; n++)
#pragma unroll
            for (int i = 0; i < 4; i++) y[m][n].r[i] *= r.factor[m][i / 2];
}

/* y += weights v, for NT * 8 rows of values from `base` on. */
template <bool BF16, int DC, int MT, int NT, class S>
LT_CUDA_INLINE void lt_dev_add_values(lt_frag_c (&y)[MT][2 * DC], const lt_frag_c (&s)[MT][NT], S &values, int base, int lane)
{
#pragma unroll
    for (int t = 0; t < NT; t += 2) {
        lt_frag_a p[MT];
#pragma unroll
        for (int m = 0; m < MT; m++) p[m] = lt_frag_a_of(s[m][t], s[m][t + 1], BF16);
#pragma unroll
        for (int c = 0; c < DC; c++) {
            lt_frag_b v[2];
            lt_frag_b_load2_trans(v, values, base + t * 8 * lt_attention_size<DC>::line + c * 8, lt_attention_size<DC>::line, lane);
#pragma unroll
            for (int m = 0; m < MT; m++) {
                lt_dev_mma(y[m][2 * c], p[m], v[0], BF16);
                lt_dev_mma(y[m][2 * c + 1], p[m], v[1], BF16);
            }
        }
    }
}

/* A lane's pairs of one row of the output, of which the first column is at `to`; times `part`. */
template <int DTYPE, int N>
LT_CUDA_INLINE void lt_dev_put_pairs(char *to, const lt_frag_c (&y)[N], int half, float part, int dv, int lane)
{
#pragma unroll
    for (int n = 0; n < N; n++) {
        const int column = n * 8 + lt_frag_c_col(lane, 0);
        const float left = y[n].r[2 * half] * part, right = y[n].r[2 * half + 1] * part;
        if (column >= dv) continue;
        if (DTYPE == LT_F32) *reinterpret_cast<uint2 *>(to + column * 4) = make_uint2(__float_as_uint(left), __float_as_uint(right));
        else *reinterpret_cast<uint32_t *>(to + column * 2) = lt_dev_pack2(left, right, DTYPE == LT_BF16);
    }
}

/* Rows i0 .. of the output. */
template <int DC, int MT>
LT_CUDA_INLINE void lt_dev_put_rows(const lt_attention_on &job, const lt_frag_c (&y)[MT][2 * DC], const lt_attention_rows_state<MT> &r, int64_t b, int h,
                                    int i0, int lane)
{
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float sum = r.sum[m][half];
            sum += __shfl_xor_sync(0xffffffffu, sum, 1);
            sum += __shfl_xor_sync(0xffffffffu, sum, 2);
            const float part = 1.0f / sum;
            const int row = i0 + m * 16 + lt_frag_c_row(lane, 2 * half);
            if (row >= job.n_queries) continue;
            const int64_t at = lt_dev_head_row(job.out, b, row, h);
            if (job.out.dtype == LT_F32) lt_dev_put_pairs<LT_F32>(job.out.data + at * 4, y[m], half, part, job.dv, lane);
            else if (job.out.dtype == LT_F16) lt_dev_put_pairs<LT_F16>(job.out.data + at * 2, y[m], half, part, job.dv, lane);
            else lt_dev_put_pairs<LT_BF16>(job.out.data + at * 2, y[m], half, part, job.dv, lane);
        }
}

/* ---- on the host ---- */

/* NULL, or why no kernel of fragments takes these arguments. */
static inline const char *lt_attention_refuse_mma(const lt_args *a, const lt_machine *m)
{
    const lt_attention_attr *attr = static_cast<const lt_attention_attr *>(a->attr);
    const char *why = lt_attention_refuse_cuda(a);
    const int64_t d = a->in[LT_ATTENTION_Q].dim[3];
    if (why) return why;
    if (attr->compute == LT_F32) return "made for f16 and bf16";
    if (!lt_cuda_has_mma(m, attr->compute == LT_BF16)) return "the GPU has no matrix products in this type";
    for (int i = LT_ATTENTION_Q; i <= LT_ATTENTION_V; i++) {
        if (a->in[i].dtype != attr->compute) return "q, k and v must have the type of the computation";
        if (!lt_attention_rows_aligned(&a->in[i], LT_UNIT)) return "rows of q, k and v must begin at a multiple of 16 bytes";
    }
    if (!lt_attention_rows_aligned(&a->out, LT_UNIT)) return "rows of the output must begin at a multiple of 8 values";
    if (d % LT_UNIT || d > 128 || a->out.dim[3] != d) return "made for heads of 8, 16, ... 128 values, the same number for q and v";
    if (!(attr->scale > 0)) return "the scale must be positive";
    return NULL;
}

/* Columns of a head in units of 16, of those for which there is a kernel. */
static inline int lt_attention_columns(int d)
{
    const int n = (d + 15) / 16;
    return n <= 4 ? n : n <= 6 ? 6 : 8;
}

#endif
