#include "kernels/gemm/gemm_place.cuh"

enum {
    ROWS = 64,                  /* of a block */
    COLUMNS = 64,
    DEPTH = 16,                 /* k's in shared memory at a time */
    SIDE = 16,                  /* a block has SIDE * SIDE threads, each 4 rows by 4 columns */
    EACH = ROWS / SIDE,
    THREADS = SIDE * SIDE,
    LINE = ROWS + 1             /* so that a column written by neighbouring threads falls into different banks */
};

/* Columns of the product with those that pad it. With GEGLU each block of columns has 32 values, then the gates of the same outputs. */
static int columns_of(const lt_gemm_shape *s)
{
    const int wanted = s->act == LT_ACT_GEGLU ? 2 * ((s->cols + COLUMNS / 2 - 1) / (COLUMNS / 2) * (COLUMNS / 2)) : s->cols;
    return (wanted + COLUMNS - 1) / COLUMNS * COLUMNS;
}

typedef struct {
    lt_gemm_cuda g;
    int          K, padded, n_rows;
    const char  *w;             /* [group][k][padded] in `compute` */
    const float *b, *gamma;     /* [padded] each, in the order of columns */
} gemm_job;

static __device__ __forceinline__ float operand(float x, int compute)
{
    return compute == LT_F32 ? x : lt_dev_widen(lt_dev_narrow(x, compute), compute);
}

/* Column n of a row: what follows the sum. */
static __device__ __forceinline__ void finish(const gemm_job &job, const lt_gemm_row &r, int group, float y, int column, int n)
{
    const lt_gemm_cuda &g = job.g;
    const int i = (g.base + r.i) * g.step + group / g.step, j = r.j * g.step + group % g.step;
    if (n >= g.shape.cols || i < g.out.row0 || i >= g.out.row0 + g.out.n_rows) return;
    if (g.shape.gamma) y *= job.gamma[column];
    if (g.residual.data) y += lt_dev_get(g.residual.data, g.residual.dtype, lt_dev_gemm_at(g.residual, r.frame, i, j) + n);
    lt_dev_put(g.out.data, g.out.dtype, lt_dev_gemm_at(g.out, r.frame, i, j) + n, y);
}

/* Block (x, y, z) has rows 64 x .., columns 64 y .. of group z. Threads bring 16 k's of the rows and of the matrix to shared memory, then each takes 4 rows
 * by 4 columns further along its chains. */
static __global__ void __launch_bounds__(THREADS) gemm_kernel(gemm_job job)
{
    LT_SHARED(float, left, DEPTH * LINE);
    LT_SHARED(float, right, DEPTH * COLUMNS);
    const lt_gemm_cuda &g = job.g;
    const int t = static_cast<int>(threadIdx.x), tx = t % SIDE, ty = t / SIDE;
    const int row0 = static_cast<int>(blockIdx.x) * ROWS, column0 = static_cast<int>(blockIdx.y) * COLUMNS, group = static_cast<int>(blockIdx.z);
    const int64_t w0 = static_cast<int64_t>(group) * job.K * job.padded + column0;
    lt_gemm_row mine[EACH];
    float sum[EACH][EACH];
#pragma unroll
    for (int r = 0; r < EACH; r++) {
        mine[r] = lt_dev_gemm_row(g, row0 + ty + r * SIDE);
#pragma unroll
        for (int c = 0; c < EACH; c++) sum[r][c] = 0;
    }
    for (int k0 = 0; k0 < job.K; k0 += DEPTH) {
        const int k = k0 + tx, tap = k / g.shape.chan, c = k - tap * g.shape.chan, p = tap / g.kernel_w, q = tap - p * g.kernel_w;
#pragma unroll
        for (int r = 0; r < EACH; r++) {
            const int h = (g.base + mine[r].i) * g.stride - g.top + p * g.dilation, v = mine[r].j * g.stride - g.left + q * g.dilation;
            const bool there = k < job.K && row0 + ty + r * SIDE < job.n_rows && h >= 0 && h < g.x_rows && v >= 0 && v < g.x_columns;
            left[tx * LINE + ty + r * SIDE] = there ? operand(lt_dev_get(g.x.data, g.x.dtype, lt_dev_gemm_at(g.x, mine[r].frame, h, v) + c), g.shape.compute) : 0.0f;
        }
        for (int i = t; i < DEPTH * COLUMNS; i += THREADS)
            right[i] = k0 + i / COLUMNS < job.K
                           ? lt_dev_get(job.w, g.shape.compute, w0 + static_cast<int64_t>(k0 + i / COLUMNS) * job.padded + i % COLUMNS)
                           : 0.0f;
        __syncthreads();
        const int depth = job.K - k0 < DEPTH ? job.K - k0 : static_cast<int>(DEPTH);
        for (int d = 0; d < depth; d++) {
            float x[EACH], w[EACH];
#pragma unroll
            for (int r = 0; r < EACH; r++) x[r] = left[d * LINE + ty + r * SIDE];
#pragma unroll
            for (int i = 0; i < EACH; i++) w[i] = right[d * COLUMNS + tx + i * SIDE];
#pragma unroll
            for (int r = 0; r < EACH; r++)
#pragma unroll
                for (int i = 0; i < EACH; i++) sum[r][i] = fmaf(x[r], w[i], sum[r][i]);
        }
        __syncthreads();
    }
#pragma unroll
    for (int r = 0; r < EACH; r++) {
        if (row0 + ty + r * SIDE >= job.n_rows) continue;
#pragma unroll
        for (int i = 0; i < EACH; i++) {
            const int column = column0 + tx + i * SIDE;
            float y = sum[r][i] + (g.shape.bias ? job.b[column] : 0.0f);
            if (g.shape.act == LT_ACT_GEGLU) {
                if (i >= EACH / 2) continue;
                const float gate = sum[r][i + EACH / 2] + (g.shape.bias ? job.b[column + COLUMNS / 2] : 0.0f);
                finish(job, mine[r], group, y * lt_dev_gelu(gate), column, column0 / 2 + tx + i * SIDE);
            } else {
                y = g.shape.act == LT_ACT_GELU ? lt_dev_gelu(y) : g.shape.act == LT_ACT_RELU ? lt_dev_relu(y) : y;
                finish(job, mine[r], group, y, column, column);
            }
        }
    }
}

lt_gemm_cuda_map lt_gemm_cuda_map_of(const lt_tensor *t)
{
    lt_gemm_cuda_map m = {};
    if (t->n_dims == 0) return m;
    m.data = t->data;
    m.index = t->index;
    for (int d = 0; d < 3; d++) m.stride[d] = t->stride[d];
    m.dtype = t->dtype;
    m.row0 = static_cast<int>(t->row0);
    m.n_rows = static_cast<int>(t->dim[1]);
    return m;
}

static size_t matrix_bytes(const lt_gemm_shape *s)
{
    return static_cast<size_t>(s->groups) * static_cast<size_t>(s->taps * s->chan) * static_cast<size_t>(columns_of(s)) * lt_dtype_bytes(s->compute);
}

size_t lt_gemm_cuda_packed_bytes(const lt_gemm_shape *s)
{
    return matrix_bytes(s) + 2 * static_cast<size_t>(columns_of(s)) * sizeof(float);
}

/* The output of a column, and whether it is a gate; false: the column only pads. */
static bool output_of(const lt_gemm_shape *s, int column, int *n, bool *gate)
{
    const int half = COLUMNS / 2;
    *gate = s->act == LT_ACT_GEGLU && column % COLUMNS >= half;
    *n = s->act == LT_ACT_GEGLU ? column / COLUMNS * half + column % half : column;
    return *n < s->cols;
}

void lt_gemm_cuda_pack(const lt_gemm_shape *s, const lt_gemm_weights *w, void *packed)
{
    const int padded = columns_of(s), K = s->taps * s->chan;
    float *b = reinterpret_cast<float *>(static_cast<char *>(packed) + matrix_bytes(s)), *gamma = b + padded;
    for (int column = 0; column < padded; column++) {
        int n;
        bool gate;
        const bool real = output_of(s, column, &n, &gate);
        b[column] = real && s->bias ? w->bias[n + (gate ? s->cols : 0)] : 0.0f;
        gamma[column] = real && s->gamma ? w->gamma[n] : 0.0f;
        for (int64_t i = 0; i < static_cast<int64_t>(s->groups) * K; i++) {
            const int64_t g = i / K, k = i % K, at = g * w->group + n * w->col + k / s->chan * w->tap + k % s->chan * w->chan + (gate ? w->gate : 0);
            const float x = real ? w->data[at] : 0.0f;
            if (s->compute == LT_F32) static_cast<float *>(packed)[i * padded + column] = x;
            else static_cast<uint16_t *>(packed)[i * padded + column] = s->compute == LT_BF16 ? lt_bf16_from_float(x) : lt_half_from_float(x);
        }
    }
}

lt_status lt_gemm_cuda_run(const lt_launch *l, const lt_gemm_cuda *g)
{
    lt_status st = LT_OK;
    gemm_job job = {};
    job.g = *g;
    job.K = g->shape.taps * g->shape.chan;
    job.padded = columns_of(&g->shape);
    job.n_rows = static_cast<int>(g->n_frames * g->n_h * g->n_w);
    job.w = static_cast<const char *>(g->packed);
    job.b = reinterpret_cast<const float *>(job.w + matrix_bytes(&g->shape));
    job.gamma = job.b + job.padded;
    const dim3 grid(static_cast<unsigned>((job.n_rows + ROWS - 1) / ROWS), static_cast<unsigned>(job.padded / COLUMNS), static_cast<unsigned>(g->shape.groups));
    LT_TRY(lt_cuda_begin(l));
    LT_TRY(LT_CUDA_LAUNCH(gemm_kernel, grid, THREADS, l->stream, job));
done:
    return st;
}
