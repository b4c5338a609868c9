#include "kernels/cuda/async.cuh"
#include "kernels/cuda/mma.cuh"
#include "kernels/gemm/gemm_mma_cuda.h"
#include "kernels/gemm/gemm_place.cuh"

enum {
    DEPTH = 32,                 /* k's in shared memory at a time */
    UNIT = 8,                   /* values of one copy, 16 bytes */
    UNITS = DEPTH / UNIT,
    LINE = DEPTH / 2,           /* pairs of a row of x, or of a column of the matrix */
    STAGES = 3,                 /* in shared memory: one is computed with, the others are on their way */
    PANEL = 8,                  /* columns */
    WARP_COLUMNS = 32,
    WARP_ROWS = 2,              /* warps of a block above each other */
    EACH = 2,                   /* copies of a thread in a stage, of x and of the matrix */
    SLAB = 16,                  /* rows of sums that a warp finishes at a time */
    SLAB_LINE = 41,             /* reads of four rows of it fall into different banks */
    ENOUGH = 128                /* blocks */
};

/* A block's tile of the product, ROWS by COLUMNS; a warp has ROWS / 2 by 32. */
template <int ROWS_, int COLUMNS_, bool BF16_> struct tile_of {
    enum {
        ROWS = ROWS_,
        COLUMNS = COLUMNS_,
        ACROSS = COLUMNS / WARP_COLUMNS,            /* warps */
        THREADS = 32 * WARP_ROWS * ACROSS,
        SLABS = ROWS / WARP_ROWS / SLAB,
        BF16 = BF16_
    };
    static_assert(ROWS * UNITS == EACH * THREADS && COLUMNS * UNITS == EACH * THREADS, "each thread copies the same");
    static_assert(THREADS / 32 * SLAB * SLAB_LINE <= STAGES * ROWS * LINE, "slabs lie where x was");
};
typedef tile_of<128, 128, false> large_f16;
typedef tile_of<128, 128, true>  large_bf16;
typedef tile_of<64, 64, false>   small_f16;
typedef tile_of<64, 64, true>    small_bf16;

typedef struct {
    lt_gemm_cuda    g;
    int             K, padded;           /* padded: K up to a multiple of DEPTH */
    int             panels, column_blocks, n_rows;
    bool            aligned, quad, residual_quad;
    const uint16_t *w;
    const float    *b, *gamma;           /* [panels * PANEL] */
} mma_job;

/* What a thread copies of x: the same unit of k's in every stage, of EACH rows. */
typedef struct {
    int64_t at[EACH];                    /* of the first tap, in elements */
    int     h[EACH], v[EACH];
    int     k, c, p, q;                  /* of the unit: tap (p, q), channel c */
} source;

static __device__ __forceinline__ void wrap(const lt_gemm_cuda &g, source *s)
{
    while (s->c >= g.shape.chan) {
        s->c -= g.shape.chan;
        if (++s->q == g.kernel_w) {
            s->q = 0;
            s->p++;
        }
    }
}

static __device__ __forceinline__ source source_of(const mma_job &job, int t, int row0, int rows_apart)
{
    enum { NOWHERE = -(1 << 30) };
    const lt_gemm_cuda &g = job.g;
    source s;
    s.k = s.c = t % UNITS * UNIT;
    s.p = s.q = 0;
    wrap(g, &s);
#pragma unroll
    for (int e = 0; e < EACH; e++) {
        const int row = row0 + t / UNITS + e * rows_apart;
        const bool there = row < job.n_rows;
        const lt_gemm_row r = lt_dev_gemm_row(g, there ? row : 0);
        s.h[e] = there ? (g.base + r.i) * g.stride - g.top : NOWHERE;
        s.v[e] = r.j * g.stride - g.left;
        s.at[e] = there ? lt_dev_gemm_at(g.x, r.frame, s.h[e], s.v[e]) : 0;
    }
    return s;
}

/* Where unit `unit` of row `row` of x lies: an exchange by pairs of rows puts the same unit of eight rows into eight different groups of banks, and all units
 * of two neighbouring rows as well. */
static __device__ __forceinline__ int left_at(int row, int unit)
{
    return row * LINE + (unit ^ (row / 2 % UNITS)) * LT_COPY_PAIRS;
}

/* Eight values from anywhere. */
template <class S> static __device__ __forceinline__ void copy_by_value(S &tile, int at, const uint16_t *from, bool there)
{
#pragma unroll
    for (int i = 0; i < LT_COPY_PAIRS; i++)
        tile[at + i] = there ? static_cast<uint32_t>(from[2 * i]) | static_cast<uint32_t>(from[2 * i + 1]) << 16 : 0u;
}

/* Begins to bring the next DEPTH k's of the rows to place `stage`; zeros outside the map and beyond K. */
template <class T, class S> static __device__ __forceinline__ void bring_rows(const mma_job &job, source *s, int t, int stage, S &left)
{
    const lt_gemm_cuda &g = job.g;
    const uint16_t *x = static_cast<const uint16_t *>(g.x.data);
    const int dh = s->p * g.dilation, dv = s->q * g.dilation;
    const int64_t further = dh * g.x.stride[1] + dv * g.x.stride[2] + s->c;
#pragma unroll
    for (int e = 0; e < EACH; e++) {
        const int h = s->h[e] + dh, v = s->v[e] + dv, at = stage * T::ROWS * LINE + left_at(t / UNITS + e * (T::THREADS / UNITS), t % UNITS);
        const bool there = s->k < job.K && h >= 0 && h < g.x_rows && v >= 0 && v < g.x_columns;
        const uint16_t *from = there ? x + (s->at[e] + further) : x;
        if (job.aligned) lt_dev_copy16(left, at, from, there);
        else copy_by_value(left, at, from, there);
    }
    s->k += DEPTH;
    s->c += DEPTH;
    wrap(g, s);
}

/* The same of the matrix, whose panels lie in memory as they do in shared memory: for each 8 k's the 8 columns' units, 128 bytes in a row. */
template <class T, class S> static __device__ __forceinline__ void bring_columns(const mma_job &job, int group, int panel0, int chunk, int t, int stage, S &right)
{
    enum { COPIES = DEPTH * PANEL / UNIT };             /* of a panel */
#pragma unroll
    for (int e = 0; e < EACH; e++) {
        const int i = t + e * T::THREADS, panel = panel0 + i / COPIES;
        const bool there = panel < job.panels;
        const int64_t at = ((static_cast<int64_t>(group) * job.panels + panel) * job.padded + chunk * DEPTH) * PANEL + i % COPIES * UNIT;
        lt_dev_copy16(right, stage * T::COLUMNS * LINE + i * LT_COPY_PAIRS, there ? job.w + at : job.w, there);
    }
}

/* sum += the DEPTH k's in place `stage`, for the warp's rows and columns. */
template <class T, class S> static __device__ __forceinline__ void multiply(S &left, S &right, int stage, int row0, int panel0, int lane, lt_frag_c sum[T::SLABS][4])
{
    enum { MATRIX = PANEL * LT_COPY_PAIRS };            /* pairs of 8 k's of a panel */
#pragma unroll
    for (int u = 0; u < UNITS; u += 2) {
        lt_frag_a a[T::SLABS];
        lt_frag_b b[4];
#pragma unroll
        for (int i = 0; i < 4; i += 2) {
            uint32_t r[4];
            const int panel = panel0 + i + lane / 16, unit = u + lane / 8 % 2;
            lt_dev_ldmatrix4(r, right, stage * T::COLUMNS * LINE + (panel * UNITS + unit) * MATRIX + lane % 8 * LT_COPY_PAIRS);
            b[i] = lt_frag_b{ { r[0], r[1] } };
            b[i + 1] = lt_frag_b{ { r[2], r[3] } };
        }
#pragma unroll
        for (int m = 0; m < T::SLABS; m++)
            lt_dev_ldmatrix4(a[m].r, left, stage * T::ROWS * LINE + left_at(row0 + m * SLAB + lt_mat_row(lane), u + lt_mat_col(lane) / UNIT));
#pragma unroll
        for (int m = 0; m < T::SLABS; m++)
#pragma unroll
            for (int i = 0; i < 4; i++) lt_dev_mma(sum[m][i], a[m], b[i], T::BF16);
    }
}

/* Four columns of a row: what follows their sums y (and those of their gates). column: among those of the matrix; n: among the outputs. */
static __device__ __forceinline__ void finish(const mma_job &job, int row, int group, int column, int n, float y[LT_QUAD], const float gate[LT_QUAD])
{
    const lt_gemm_cuda &g = job.g;
    const lt_gemm_row r = lt_dev_gemm_row(g, row);
    const int i = (g.base + r.i) * g.step + group / g.step, j = r.j * g.step + group % g.step;
    const int left = g.shape.cols - n, wanted = left < LT_QUAD ? left : static_cast<int>(LT_QUAD);
    float more[LT_QUAD];
    if (wanted <= 0 || i < g.out.row0 || i >= g.out.row0 + g.out.n_rows) return;
    if (g.shape.bias) {
        lt_dev_get4(job.b, LT_F32, column, more);
        for (int k = 0; k < LT_QUAD; k++) y[k] += more[k];
    }
    if (g.shape.act == LT_ACT_GEGLU) {
        for (int k = 0; k < LT_QUAD; k++) y[k] *= lt_dev_gelu(gate[k] + (g.shape.bias ? job.b[column + PANEL + k] : 0.0f));
    } else if (g.shape.act != LT_ACT_NONE) {
        for (int k = 0; k < LT_QUAD; k++) y[k] = g.shape.act == LT_ACT_GELU ? lt_dev_gelu(y[k]) : lt_dev_relu(y[k]);
    }
    if (g.shape.gamma) {
        lt_dev_get4(job.gamma, LT_F32, column, more);
        for (int k = 0; k < LT_QUAD; k++) y[k] *= more[k];
    }
    if (g.residual.data) {
        lt_dev_load(g.residual.data, g.residual.dtype, lt_dev_gemm_at(g.residual, r.frame, i, j) + n, 1, wanted, job.residual_quad, more);
        for (int k = 0; k < LT_QUAD; k++) y[k] += more[k];
    }
    lt_dev_store(g.out.data, g.out.dtype, lt_dev_gemm_at(g.out, r.frame, i, j) + n, 1, wanted, job.quad, y);
}

/* 16 rows of a warp's sums from shared memory, eight lanes a row (of GEGLU four): so neighbouring lanes write neighbouring columns. */
template <class S> static __device__ __forceinline__ void finish_slab(const mma_job &job, S &sums, int base, int row0, int column0, int group, int lane)
{
    const bool gated = job.g.shape.act == LT_ACT_GEGLU;
    const int quads = gated ? WARP_COLUMNS / 8 : WARP_COLUMNS / 4;
#pragma unroll 1
    for (int item = lane; item < SLAB * quads; item += 32) {
        const int r = item / quads, quad = item % quads, c = gated ? quad / 2 * 2 * PANEL + quad % 2 * LT_QUAD : quad * LT_QUAD;
        const int column = column0 + c, n = gated ? column / (2 * PANEL) * PANEL + column % PANEL : column;
        float y[LT_QUAD], gate[LT_QUAD] = { 0, 0, 0, 0 };
        if (row0 + r >= job.n_rows) continue;
        for (int k = 0; k < LT_QUAD; k++) y[k] = __uint_as_float(sums[base + r * SLAB_LINE + c + k]);
        if (gated)
            for (int k = 0; k < LT_QUAD; k++) gate[k] = __uint_as_float(sums[base + r * SLAB_LINE + c + PANEL + k]);
        finish(job, row0 + r, group, column, n, y, gate);
    }
}

/* A block has a tile of one group; blocks that are next to each other have the same rows. Copies of the stages to come run while one is computed with. */
template <class T> static __global__ void __launch_bounds__(T::THREADS, 2) gemm_mma_kernel(mma_job job)
{
    LT_SHARED(uint32_t, left, STAGES * T::ROWS * LINE);
    LT_SHARED(uint32_t, right, STAGES * T::COLUMNS * LINE);
    const int t = static_cast<int>(threadIdx.x), lane = t % 32, warp = t / 32, block = static_cast<int>(blockIdx.x);
    const int column_block = block % job.column_blocks, group = block / job.column_blocks % job.g.shape.groups;
    const int row0 = block / job.column_blocks / job.g.shape.groups * T::ROWS, panel0 = column_block * (T::COLUMNS / PANEL);
    const int warp_row = warp / T::ACROSS * (T::ROWS / WARP_ROWS), warp_column = warp % T::ACROSS * WARP_COLUMNS;
    const int n_chunks = job.padded / DEPTH;
    source s = source_of(job, t, row0, T::THREADS / UNITS);
    lt_frag_c sum[T::SLABS][4];
#pragma unroll
    for (int m = 0; m < T::SLABS; m++)
#pragma unroll
        for (int i = 0; i < 4; i++) sum[m][i] = lt_frag_c{ { 0, 0, 0, 0 } };
    for (int chunk = 0; chunk < STAGES - 1; chunk++) {
        if (chunk < n_chunks) {
            bring_rows<T>(job, &s, t, chunk, left);
            bring_columns<T>(job, group, panel0, chunk, t, chunk, right);
        }
        lt_dev_commit();
    }
    int stage = 0, next = STAGES - 1;
#pragma unroll 1
    for (int chunk = 0; chunk < n_chunks; chunk++) {
        lt_dev_wait_copies<STAGES - 2>();
        __syncthreads();                    /* this stage is there, and nobody reads the one before any more */
        if (chunk + STAGES - 1 < n_chunks) {
            bring_rows<T>(job, &s, t, next, left);
            bring_columns<T>(job, group, panel0, chunk + STAGES - 1, t, next, right);
        }
        lt_dev_commit();
        __syncwarp();                       /* after wrap(), whose turns may differ from lane to lane: products need the warp whole */
        multiply<T>(left, right, stage, warp_row, warp_column / PANEL, lane, sum);
        stage = stage + 1 == STAGES ? 0 : stage + 1;
        next = next + 1 == STAGES ? 0 : next + 1;
    }
    __syncthreads();                        /* x is done with: sums lie there now */
    const int base = warp * SLAB * SLAB_LINE;
#pragma unroll
    for (int m = 0; m < T::SLABS; m++) {
#pragma unroll
        for (int i = 0; i < 4; i++)
#pragma unroll
            for (int k = 0; k < 4; k++)
                left[base + lt_frag_c_row(lane, k) * SLAB_LINE + i * PANEL + lt_frag_c_col(lane, k)] = __float_as_uint(sum[m][i].r[k]);
        __syncwarp();
        finish_slab(job, left, base, row0 + warp_row + m * SLAB, panel0 * PANEL + warp_column, group, lane);
        __syncwarp();
    }
}

/* ---- the host's side ---- */

static int padded_of(const lt_gemm_shape *s)
{
    return (s->taps * s->chan + DEPTH - 1) / DEPTH * DEPTH;
}

static int panels_of(const lt_gemm_shape *s)
{
    return (s->cols + PANEL - 1) / PANEL * (s->act == LT_ACT_GEGLU ? 2 : 1);
}

static size_t matrix_values(const lt_gemm_shape *s)
{
    return static_cast<size_t>(s->groups) * static_cast<size_t>(panels_of(s)) * PANEL * static_cast<size_t>(padded_of(s));
}

size_t lt_gemm_mma_packed_bytes(const lt_gemm_shape *s)
{
    return matrix_values(s) * sizeof(uint16_t) + 2 * static_cast<size_t>(panels_of(s)) * PANEL * sizeof(float);
}

/* The output of a column of the matrix, and whether it is its gate; false: the column only pads. */
static bool output_of(const lt_gemm_shape *s, int column, int *n, bool *gate)
{
    const int panel = column / PANEL;
    const bool gated = s->act == LT_ACT_GEGLU;
    *gate = gated && panel % 2;
    *n = gated ? panel / 2 * PANEL + column % PANEL : column;
    return *n < s->cols;
}

void lt_gemm_mma_pack(const lt_gemm_shape *s, const lt_gemm_weights *w, void *packed)
{
    const int K = s->taps * s->chan, padded = padded_of(s), columns = panels_of(s) * PANEL;
    uint16_t *to = static_cast<uint16_t *>(packed);
    float *b = reinterpret_cast<float *>(to + matrix_values(s)), *gamma = b + columns;
    for (int column = 0; column < columns; column++) {
        int n;
        bool gate;
        const bool real = output_of(s, column, &n, &gate);
        b[column] = real && s->bias ? w->bias[n + (gate ? s->cols : 0)] : 0.0f;
        gamma[column] = real && s->gamma ? w->gamma[n] : 0.0f;
        for (int group = 0; group < s->groups; group++)
            for (int k = 0; k < padded; k++) {
                const int64_t at = group * w->group + n * w->col + k / s->chan * w->tap + k % s->chan * w->chan + (gate ? w->gate : 0);
                const float x = real && k < K ? w->data[at] : 0.0f;
                const int64_t place = (static_cast<int64_t>(group) * columns / PANEL + column / PANEL) * padded * PANEL +
                                      static_cast<int64_t>(k / UNIT) * (PANEL * UNIT) + column % PANEL * UNIT + k % UNIT;
                to[place] = s->compute == LT_BF16 ? lt_bf16_from_float(x) : lt_half_from_float(x);
            }
    }
}

const char *lt_gemm_mma_refuse(const lt_gemm_shape *s, const lt_gemm_cuda_map *x, const lt_machine *m)
{
    if (s->compute != LT_F16 && s->compute != LT_BF16) return "computes in f16 and bf16 only";
    if (!lt_cuda_has_mma(m, s->compute == LT_BF16)) return "no such units in this GPU";
    if (x->dtype != s->compute) return "x is not of the type that is computed in";
    if (s->chan % UNIT) return "channels that are no multiple of 8";
    for (int d = 0; d < 3; d++)
        if (x->stride[d] % UNIT) return "pixels that are no multiple of 16 bytes apart";
    return nullptr;
}

template <class T> static lt_status launch(const lt_launch *l, mma_job *job)
{
    lt_status st = LT_OK;
    job->column_blocks = (job->panels * PANEL + T::COLUMNS - 1) / T::COLUMNS;
    const unsigned blocks = static_cast<unsigned>((job->n_rows + T::ROWS - 1) / T::ROWS * job->g.shape.groups * job->column_blocks);
    LT_TRY(lt_cuda_begin(l));
    LT_TRY(LT_CUDA_LAUNCH(gemm_mma_kernel<T>, blocks, T::THREADS, l->stream, *job));
done:
    return st;
}

static bool is_large(const mma_job *job)
{
    const int columns = job->panels * PANEL;
    const int64_t blocks = static_cast<int64_t>((job->n_rows + large_f16::ROWS - 1) / large_f16::ROWS) * job->g.shape.groups *
                           ((columns + large_f16::COLUMNS - 1) / large_f16::COLUMNS);
    return columns > small_f16::COLUMNS && blocks >= ENOUGH;
}

lt_status lt_gemm_mma_run(const lt_launch *l, const lt_gemm_cuda *g)
{
    mma_job job = {};
    const lt_gemm_shape *s = &g->shape;
    const bool bf16 = s->compute == LT_BF16;
    job.g = *g;
    job.K = s->taps * s->chan;
    job.padded = padded_of(s);
    job.panels = panels_of(s);
    job.n_rows = static_cast<int>(g->n_frames * g->n_h * g->n_w);
    job.aligned = reinterpret_cast<uintptr_t>(g->x.data) % 16 == 0;
    job.quad = lt_cuda_quads(g->out.data, g->out.dtype, 1, g->out.stride, 3);
    job.residual_quad = lt_cuda_quads(g->residual.data, g->residual.dtype, 1, g->residual.stride, 3);
    job.w = static_cast<const uint16_t *>(g->packed);
    job.b = reinterpret_cast<const float *>(job.w + matrix_values(s));
    job.gamma = job.b + job.panels * PANEL;
    if (is_large(&job)) return bf16 ? launch<large_bf16>(l, &job) : launch<large_f16>(l, &job);
    return bf16 ? launch<small_bf16>(l, &job) : launch<small_f16>(l, &job);
}
