#include "kernels/affine.h"
#include "kernels/cuda/rows.cuh"
#include "kernels/groupnorm/groupnorm.h"

enum { THREADS = 256 };

typedef struct {
    lt_cuda_rows x, out;
    const float *stats, *w, *b;
    uint32_t     n_threads, n_inner, n, quads, width;      /* n: columns; width: of a group */
    uint32_t     groups;
} groupnorm_job;

/* One thread has four channels of a pixel. */
static __global__ void groupnorm_kernel(groupnorm_job j)
{
    const uint32_t flat = blockIdx.x * blockDim.x + threadIdx.x, row = flat / j.quads, c = (flat - row * j.quads) * LT_QUAD;
    if (flat >= j.n_threads) return;
    const uint32_t frame = row / j.n_inner, pixel = row - frame * j.n_inner;
    const int n = j.n - c < LT_QUAD ? static_cast<int>(j.n - c) : static_cast<int>(LT_QUAD);
    const bool whole = j.n % LT_QUAD == 0;
    float x[LT_QUAD], w[LT_QUAD], b[LT_QUAD];
    lt_dev_load(j.x.data, j.x.dtype, lt_dev_row_at(j.x, frame, pixel) + c, 1, n, j.x.quad, x);
    lt_dev_load(j.w, LT_F32, c, 1, n, true, w);
    lt_dev_load(j.b, LT_F32, c, 1, n, whole, b);
    uint32_t group = c / j.width, next = (group + 1) * j.width;         /* the channel with which the next group begins */
    for (int k = 0; k < n; k++) {
        if (c + static_cast<uint32_t>(k) == next) {
            group++;
            next += j.width;
        }
        const float *s = j.stats + (frame * j.groups + group) * 2;
        x[k] = fmaf((x[k] - s[0]) * s[1], w[k], b[k]);
    }
    lt_dev_store(j.out.data, j.out.dtype, lt_dev_row_at(j.out, frame, pixel) + c, 1, n, j.out.quad, x);
}

static const char *refuse(const lt_args *a, const lt_machine *)
{
    lt_rows rows;
    if (!lt_tensor_rows(&a->in[LT_GROUPNORM_X], &rows) || !lt_tensor_rows(&a->out, &rows)) return "rows without a common stride";
    if (lt_tensor_count(&a->out) >= INT32_MAX) return "2^31 values or more";
    return NULL;
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    lt_rows rows, other;
    groupnorm_job j = {};
    j.x = lt_cuda_rows_of(&a->in[LT_GROUPNORM_X], &rows);
    j.out = lt_cuda_rows_of(&a->out, &other);
    j.n = static_cast<uint32_t>(rows.n_columns);
    j.quads = (j.n + LT_QUAD - 1) / LT_QUAD;
    j.n_inner = static_cast<uint32_t>(rows.n_inner);
    j.n_threads = static_cast<uint32_t>(rows.n_outer * rows.n_inner) * j.quads;
    j.groups = static_cast<uint32_t>(static_cast<const lt_groupnorm_attr *>(a->attr)->groups);
    j.width = j.n / j.groups;
    j.stats = static_cast<const float *>(a->in[LT_GROUPNORM_STATS].data);
    j.w = static_cast<const float *>(a->packed);
    j.b = j.w + j.n;
    LT_TRY(lt_cuda_begin(l));
    LT_TRY(LT_CUDA_LAUNCH(groupnorm_kernel, (j.n_threads + THREADS - 1) / THREADS, THREADS, l->stream, j));
done:
    return st;
}

const lt_kernel lt_groupnorm_cuda = { "groupnorm.cuda", refuse, lt_affine_bytes, lt_affine_pack, nullptr, nullptr, nullptr, launch, nullptr };
