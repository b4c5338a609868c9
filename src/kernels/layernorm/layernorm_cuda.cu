#include "kernels/affine.h"
#include "kernels/cuda/rows.cuh"
#include "kernels/layernorm/layernorm.h"

enum { WARPS = 8, LANES = 32 };

typedef struct {
    lt_cuda_rows x, add, out;           /* add: data NULL where none is */
    const float *w, *b;
    int64_t      n_rows, n_inner;
    int          n;                     /* columns */
    float        eps;
} layernorm_job;

/* A warp has a row. Lane l sums columns 4 l .. 4 l + 3, then those 128 further: 128 partial sums, whose order the number of columns fixes. */
static __global__ void __launch_bounds__(WARPS *LANES) layernorm_kernel(layernorm_job j)
{
    const int lane = static_cast<int>(threadIdx.x) % LANES;
    const int64_t row = static_cast<int64_t>(blockIdx.x) * WARPS + threadIdx.x / LANES;
    if (row >= j.n_rows) return;
    const int64_t outer = row / j.n_inner, inner = row - outer * j.n_inner;
    const int64_t x_at = lt_dev_row_at(j.x, outer, inner), out_at = lt_dev_row_at(j.out, outer, inner);
    float s[LT_QUAD] = { 0, 0, 0, 0 }, x[LT_QUAD];
    for (int c = lane * LT_QUAD; c < j.n; c += LANES * LT_QUAD) {
        lt_dev_load(j.x.data, j.x.dtype, x_at + c, 1, j.n - c < LT_QUAD ? j.n - c : LT_QUAD, j.x.quad, x);
        for (int k = 0; k < LT_QUAD; k++) s[k] += x[k];
    }
    const float mean = lt_dev_warp_sum((s[0] + s[1]) + (s[2] + s[3])) / static_cast<float>(j.n);
    for (int k = 0; k < LT_QUAD; k++) s[k] = 0;
    for (int c = lane * LT_QUAD; c < j.n; c += LANES * LT_QUAD) {
        const int n = j.n - c < LT_QUAD ? j.n - c : LT_QUAD;
        lt_dev_load(j.x.data, j.x.dtype, x_at + c, 1, n, j.x.quad, x);
        for (int k = 0; k < LT_QUAD; k++) {
            const float d = k < n ? x[k] - mean : 0.0f;
            s[k] = fmaf(d, d, s[k]);
        }
    }
    const float var = lt_dev_warp_sum((s[0] + s[1]) + (s[2] + s[3])) / static_cast<float>(j.n), scale = 1.0f / sqrtf(var + j.eps);
    for (int c = lane * LT_QUAD; c < j.n; c += LANES * LT_QUAD) {
        const int n = j.n - c < LT_QUAD ? j.n - c : LT_QUAD;
        float w[LT_QUAD], b[LT_QUAD], add[LT_QUAD] = { 0, 0, 0, 0 };
        lt_dev_load(j.x.data, j.x.dtype, x_at + c, 1, n, j.x.quad, x);
        lt_dev_load(j.w, LT_F32, c, 1, n, true, w);
        lt_dev_load(j.b, LT_F32, c, 1, n, j.n % LT_QUAD == 0, b);
        if (j.add.data) lt_dev_load(j.add.data, j.add.dtype, lt_dev_row_at(j.add, outer, inner) + c, 1, n, j.add.quad, add);
        for (int k = 0; k < LT_QUAD; k++) x[k] = fmaf((x[k] - mean) * scale, w[k], b[k]) + add[k];
        lt_dev_store(j.out.data, j.out.dtype, out_at + c, 1, n, j.out.quad, x);
    }
}

static const char *refuse(const lt_args *a, const lt_machine *)
{
    lt_rows rows;
    if (!lt_tensor_rows(&a->in[LT_LAYERNORM_X], &rows) || !lt_tensor_rows(&a->out, &rows)) return "rows without a common stride";
    if (a->in[LT_LAYERNORM_ADD].n_dims && !lt_tensor_rows(&a->in[LT_LAYERNORM_ADD], &rows)) return "added rows without a common stride";
    return NULL;
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    lt_rows rows, other;
    layernorm_job j = {};
    j.x = lt_cuda_rows_of(&a->in[LT_LAYERNORM_X], &rows);
    j.out = lt_cuda_rows_of(&a->out, &other);
    if (a->in[LT_LAYERNORM_ADD].n_dims) j.add = lt_cuda_rows_of(&a->in[LT_LAYERNORM_ADD], &other);
    j.n = static_cast<int>(rows.n_columns);
    j.n_inner = rows.n_inner;
    j.n_rows = rows.n_outer * rows.n_inner;
    j.w = static_cast<const float *>(a->packed);
    j.b = j.w + j.n;
    j.eps = static_cast<const lt_layernorm_attr *>(a->attr)->eps;
    LT_TRY(lt_cuda_begin(l));
    LT_TRY(LT_CUDA_LAUNCH(layernorm_kernel, static_cast<unsigned>((j.n_rows + WARPS - 1) / WARPS), WARPS * LANES, l->stream, j));
done:
    return st;
}

const lt_kernel lt_layernorm_cuda = { "layernorm.cuda", refuse, lt_affine_bytes, lt_affine_pack, nullptr, nullptr, nullptr, launch, nullptr };
