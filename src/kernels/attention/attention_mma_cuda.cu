#include "kernels/attention/attention_mma.cuh"

enum { LANES = 32, WARPS = 4, THREADS = WARPS * LANES };

/* How heads of up to DC * 16 values are cut. */
template <int DC> struct cut {
    static constexpr int tiles = DC <= 4 ? 2 : 1;           /* of 16 queries, of a warp */
    static constexpr int queries = WARPS * tiles * 16;      /* of a block of threads */
    static constexpr int keys = DC <= 4 ? 64 : 32;          /* at a time: two times so many, and values, fit into 48 KB */
};

/* A block has 128 (64) queries of one head, a warp 32 (16) of them. While the warps work on a block of keys, the next one is on its way. The order of
 * sums is that of the keys: a row's bits depend on its query, the keys and the values. Two tiles of queries share each fragment of keys and values that
 * is read: with one, shared memory would be the limit and not the tensor cores. */
template <bool BF16, int DC> static __global__ void __launch_bounds__(THREADS, 2) attention_mma(lt_attention_on job, int query_tiles)
{
    constexpr int MT = cut<DC>::tiles, KEYS = cut<DC>::keys, STAGE = KEYS * lt_attention_size<DC>::line;
    LT_SHARED(uint32_t, keys, 2 * STAGE);
    LT_SHARED(uint32_t, values, 2 * STAGE);
    const int thread = static_cast<int>(threadIdx.x), lane = thread % LANES, item = static_cast<int>(blockIdx.x), pair = item / query_tiles;
    const int64_t b = pair / job.n_heads;
    const int h = pair % job.n_heads, i0 = (item % query_tiles * WARPS + thread / LANES) * MT * 16, n = lt_dev_n_keys(job);
    lt_frag_a q[MT][DC];
    lt_frag_c s[MT][KEYS / 8], y[MT][2 * DC] = {};
    lt_attention_rows_state<MT> r;
    lt_dev_copy_rows<DC, KEYS, THREADS>(keys, 0, job.k, job.d, b, h, 0, n, thread);
    lt_dev_copy_rows<DC, KEYS, THREADS>(values, 0, job.v, job.d, b, h, 0, n, thread);
    lt_dev_commit();
    lt_dev_queries(q, job, b, h, i0, lane);
    lt_dev_rows_begin(r);
    for (int j0 = 0; j0 < n; j0 += KEYS) {
        const int now = j0 / KEYS % 2 * STAGE;
        lt_dev_wait_copies<0>();
        __syncthreads();                                /* this block has come to all, and nobody reads the last one any more */
        if (j0 + KEYS < n) {
            lt_dev_copy_rows<DC, KEYS, THREADS>(keys, STAGE - now, job.k, job.d, b, h, j0 + KEYS, n, thread);
            lt_dev_copy_rows<DC, KEYS, THREADS>(values, STAGE - now, job.v, job.d, b, h, j0 + KEYS, n, thread);
            lt_dev_commit();
        }
        if (i0 >= job.n_queries) continue;
        lt_dev_scores<BF16>(s, q, keys, now, lane);
        lt_dev_weights(s, r, job.factor, n - j0, lane);
        lt_dev_correct(y, r);
        lt_dev_add_values<BF16, DC>(y, s, values, now, lane);
    }
    lt_dev_wait_copies<0>();
    lt_dev_put_rows<DC>(job, y, r, b, h, i0, lane);
}

template <bool BF16, int DC> static lt_status launch_of(const lt_launch *l, const lt_attention_on &job)
{
    const auto attention = attention_mma<BF16, DC>;
    const int query_tiles = (job.n_queries + cut<DC>::queries - 1) / cut<DC>::queries;
    return LT_CUDA_LAUNCH(attention, static_cast<unsigned>(job.n_pairs * query_tiles), THREADS, l->stream, job, query_tiles);
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

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    const bool bf16 = static_cast<const lt_attention_attr *>(a->attr)->compute == LT_BF16;
    if (!lt_attention_data_aligned(a)) return lt_attention_cuda.launch(l, a);
    LT_TRY(lt_cuda_begin(l));
    LT_TRY(bf16 ? launch_columns<true>(l, lt_attention_on_of(a)) : launch_columns<false>(l, lt_attention_on_of(a)));
done:
    return st;
}

static const char *refuse(const lt_args *a, const lt_machine *m)
{
    return lt_attention_refuse_mma(a, m);
}

const lt_kernel lt_attention_mma_cuda = { "attention.mma", refuse, nullptr, nullptr, nullptr, nullptr, nullptr, launch, nullptr };
