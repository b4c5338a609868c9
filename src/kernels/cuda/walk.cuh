/* kernels/cuda/walk.cuh -- views of the same sizes walked over on the device, four columns a thread.
 *
 * in    lt_walk of kernels/walk.h
 * out   where the values of a thread lie
 * owns  nothing
 *
 * Thread `flat` of the grid has columns 4 (flat mod quads) .. of row flat / quads; the index tables are read on the device. */
#ifndef LONGTAKE_KERNELS_CUDA_WALK_CUH
#define LONGTAKE_KERNELS_CUDA_WALK_CUH

#include "kernels/cuda/value.cuh"
#include "kernels/walk.h"

enum { LT_CUDA_THREADS = 256 };

typedef struct {
    int            n_dims;                              /* the last one are the columns */
    uint32_t       dim[LT_MAX_DIMS + 1], n_columns, quads, n_threads;
    int64_t        stride[LT_WALK_MAX][LT_MAX_DIMS + 1];
    char          *data[LT_WALK_MAX];
    const int32_t *index[LT_WALK_MAX];
    int            dtype[LT_WALK_MAX];
    bool           quad[LT_WALK_MAX];
} lt_cuda_walk;

/* The values of one thread: of view v from element at[v] on, step[v] apart. */
typedef struct {
    int64_t at[LT_WALK_MAX], step[LT_WALK_MAX];
    int     n;                                          /* 0: the thread has none */
} lt_cuda_place;

/* Why a walk is not taken; NULL: it is. */
static inline const char *lt_cuda_walk_refuse(const lt_tensor *t)
{
    return lt_tensor_count(t) >= INT32_MAX ? "2^31 values or more" : NULL;
}

static inline lt_cuda_walk lt_cuda_walk_make(const lt_walk *w)
{
    lt_cuda_walk c = {};
    c.n_dims = w->n_dims;
    c.n_columns = static_cast<uint32_t>(w->n_columns);
    c.quads = (c.n_columns + LT_QUAD - 1) / LT_QUAD;
    c.n_threads = c.quads * static_cast<uint32_t>(w->n_rows);
    for (int d = 0; d < w->n_dims; d++) c.dim[d] = static_cast<uint32_t>(w->dim[d]);
    for (int v = 0; v < w->n_views; v++) {
        for (int d = 0; d < w->n_dims; d++) c.stride[v][d] = w->stride[v][d];
        c.data[v] = w->data[v];
        c.index[v] = w->index[v];
        c.dtype[v] = w->dtype[v];
        c.quad[v] = lt_cuda_quads(w->data[v], w->dtype[v], w->stride[v][w->n_dims - 1], w->stride[v], w->n_dims - 1);
    }
    return c;
}

static inline unsigned lt_cuda_blocks(int64_t n_threads)
{
    return static_cast<unsigned>((n_threads + LT_CUDA_THREADS - 1) / LT_CUDA_THREADS);
}

LT_CUDA_INLINE lt_cuda_place lt_dev_place(const lt_cuda_walk &w, int n_views)
{
    lt_cuda_place p;
    const uint32_t flat = blockIdx.x * blockDim.x + threadIdx.x;
    uint32_t row = flat / w.quads;
    const uint32_t column = (flat - row * w.quads) * LT_QUAD;
    p.n = 0;
    if (flat >= w.n_threads) return p;
    p.n = w.n_columns - column < LT_QUAD ? static_cast<int>(w.n_columns - column) : static_cast<int>(LT_QUAD);
    for (int v = 0; v < n_views; v++) {
        p.step[v] = w.stride[v][w.n_dims - 1];
        p.at[v] = column * p.step[v];
    }
    for (int d = w.n_dims - 2; d >= 0; d--) {
        const uint32_t outer = d ? row / w.dim[d] : 0, i = row - outer * w.dim[d];
        for (int v = 0; v < n_views; v++) p.at[v] += (d == 0 && w.index[v] ? w.index[v][i] : static_cast<int64_t>(i)) * w.stride[v][d];
        row = outer;
    }
    return p;
}

/* The values of view v there; 0 beyond the last. */
LT_CUDA_INLINE void lt_dev_walk_load(const lt_cuda_walk &w, const lt_cuda_place &p, int v, float x[LT_QUAD])
{
    lt_dev_load(w.data[v], w.dtype[v], p.at[v], p.step[v], p.n, w.quad[v], x);
}

LT_CUDA_INLINE void lt_dev_walk_store(const lt_cuda_walk &w, const lt_cuda_place &p, int v, const float x[LT_QUAD])
{
    lt_dev_store(w.data[v], w.dtype[v], p.at[v], p.step[v], p.n, w.quad[v], x);
}

#endif
