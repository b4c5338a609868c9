#include "kernels/resize/resize.h"
#include "kernels/resize/taps.cuh"

enum { THREADS = 256 };

/* A map; strides in elements. */
typedef struct {
    char          *data;
    const int32_t *index;
    int64_t        stride[3];           /* of frames, rows, columns */
    int            dtype, row0, rows, width;
    bool           quad;
} map;

typedef struct {
    map      x, residual, out;          /* residual: data NULL where none is */
    uint32_t n_threads, channels, quads, out_rows;
} resize_job;

static __device__ __forceinline__ int64_t at(const map &m, int64_t frame, int row, int column)
{
    return (m.index ? m.index[frame] : frame) * m.stride[0] + (row - m.row0) * m.stride[1] + column * m.stride[2];
}

/* One thread has four channels of a pixel of the output. */
static __global__ void resize_kernel(resize_job j)
{
    uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= j.n_threads) return;
    const uint32_t c = i % j.quads * LT_QUAD;
    i /= j.quads;
    const int column = static_cast<int>(i % static_cast<uint32_t>(j.out.width));
    i /= static_cast<uint32_t>(j.out.width);
    const int row = j.out.row0 + static_cast<int>(i % j.out_rows), n = j.channels - c < LT_QUAD ? static_cast<int>(j.channels - c) : static_cast<int>(LT_QUAD);
    const int64_t frame = i / j.out_rows;
    const lt_dev_tap x = lt_dev_tap_of(j.x.width, j.out.width, column), y = lt_dev_tap_of(j.x.rows, j.out.rows, row);
    float v00[LT_QUAD], v01[LT_QUAD], v10[LT_QUAD], v11[LT_QUAD];
    lt_dev_load(j.x.data, j.x.dtype, at(j.x, frame, y.first, x.first) + c, 1, n, j.x.quad, v00);
    lt_dev_load(j.x.data, j.x.dtype, at(j.x, frame, y.first, x.second) + c, 1, n, j.x.quad, v01);
    lt_dev_load(j.x.data, j.x.dtype, at(j.x, frame, y.second, x.first) + c, 1, n, j.x.quad, v10);
    lt_dev_load(j.x.data, j.x.dtype, at(j.x, frame, y.second, x.second) + c, 1, n, j.x.quad, v11);
    for (int k = 0; k < LT_QUAD; k++) v00[k] = lt_dev_between(lt_dev_between(v00[k], v01[k], x.t), lt_dev_between(v10[k], v11[k], x.t), y.t);
    if (j.residual.data) {
        lt_dev_load(j.residual.data, j.residual.dtype, at(j.residual, frame, row, column) + c, 1, n, j.residual.quad, v01);
        for (int k = 0; k < LT_QUAD; k++) v00[k] = __fadd_rn(v00[k], v01[k]);
    }
    lt_dev_store(j.out.data, j.out.dtype, at(j.out, frame, row, column) + c, 1, n, j.out.quad, v00);
}

static const char *refuse(const lt_args *a, const lt_machine *)
{
    const lt_tensor *x = &a->in[LT_RESIZE_X], *r = &a->in[LT_RESIZE_RESIDUAL], *out = &a->out;
    if (x->n_dims != 4 || out->n_dims != 4) return "not maps [N,H,W,C]";
    if (x->dim[3] > 1 && (x->stride[3] != 1 || out->stride[3] != 1)) return "the last dimension is not dense";
    if (r->n_dims && (r->n_dims != 4 || (x->dim[3] > 1 && r->stride[3] != 1))) return "a residual whose last dimension is not dense";
    if (lt_tensor_count(out) >= INT32_MAX) return "2^31 values or more";
    return NULL;
}

static map map_of(const lt_tensor *t)
{
    map m = {};
    m.data = static_cast<char *>(t->data);
    m.index = t->index;
    for (int d = 0; d < 3; d++) m.stride[d] = t->stride[d];
    m.dtype = t->dtype;
    m.row0 = static_cast<int>(t->row0);
    m.rows = static_cast<int>(t->rows);
    m.width = static_cast<int>(t->dim[2]);
    m.quad = lt_cuda_quads(t->data, t->dtype, 1, t->stride, 3);
    return m;
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    resize_job j = {};
    j.x = map_of(&a->in[LT_RESIZE_X]);
    j.out = map_of(&a->out);
    if (a->in[LT_RESIZE_RESIDUAL].n_dims) j.residual = map_of(&a->in[LT_RESIZE_RESIDUAL]);
    j.residual.row0 = j.out.row0;       /* it has the rows that out has */
    j.channels = static_cast<uint32_t>(a->out.dim[3]);
    j.quads = (j.channels + LT_QUAD - 1) / LT_QUAD;
    j.out_rows = static_cast<uint32_t>(a->out.dim[1]);
    j.n_threads = static_cast<uint32_t>(a->out.dim[0]) * j.out_rows * static_cast<uint32_t>(j.out.width) * j.quads;
    LT_TRY(lt_cuda_begin(l));
    LT_TRY(LT_CUDA_LAUNCH(resize_kernel, (j.n_threads + THREADS - 1) / THREADS, THREADS, l->stream, j));
done:
    return st;
}

const lt_kernel lt_resize_cuda = { "resize.cuda", refuse, nullptr, nullptr, nullptr, nullptr, nullptr, launch, nullptr };
