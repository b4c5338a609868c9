#include "align/align_cuda.h"
#include "align/align_item.h"
#include "kernels/resize/taps.cuh"

enum {
    THREADS = 256,
    SUM_THREADS = 32,                   /* four blocks of pixels, eight lanes each */
    SUM_BLOCKS = SUM_THREADS / LT_FIT_LANES
};

/* blockIdx.x is the row: of blocks there may be 2^31 along x, but 65,535 along y. */
static __global__ void resize_kernel(const float *src, int net_w, int net_h, float *dst, int w, int h)
{
    const int x = static_cast<int>(blockIdx.y * THREADS + threadIdx.x), y = static_cast<int>(blockIdx.x);
    if (x >= w || y >= h) return;
    const lt_dev_tap across = lt_dev_tap_of(net_w, w, x), down = lt_dev_tap_of(net_h, h, y);
    const float *p = src + static_cast<int64_t>(down.first) * net_w, *q = src + static_cast<int64_t>(down.second) * net_w;
    const float above = lt_dev_between(p[across.first], p[across.second], across.t), below = lt_dev_between(q[across.first], q[across.second], across.t);
    dst[static_cast<int64_t>(y) * w + x] = lt_dev_between(above, below, down.t);
}

/* ((0+4)+(2+6))+((1+5)+(3+7)) of eight lanes, in each of them. */
static __device__ __forceinline__ double join(double x)
{
    for (int k = LT_FIT_LANES / 2; k > 0; k /= 2) x = __dadd_rn(x, __shfl_xor_sync(0xffffffffu, x, k));
    return x;
}

/* A thread is one lane of one block of pixels. Products of two f32 are exact in f64. */
static __global__ void __launch_bounds__(SUM_THREADS) sum_kernel(const float *c, const float *r, int64_t n, int64_t block, lt_fit_sums *sums)
{
    const int which = static_cast<int>(blockIdx.x) * SUM_BLOCKS + static_cast<int>(threadIdx.x) / LT_FIT_LANES;
    const int lane = static_cast<int>(threadIdx.x) % LT_FIT_LANES;
    const int64_t first = which * block, last = first + block < n ? first + block : n;
    lt_fit_sums s = {};
    for (int64_t i = first + lane; i < last; i += LT_FIT_LANES) {
        const double x = static_cast<double>(c[i]), y = static_cast<double>(r[i]);
        s.cc = __dadd_rn(s.cc, __dmul_rn(x, x));
        s.c = __dadd_rn(s.c, x);
        s.cr = __dadd_rn(s.cr, __dmul_rn(x, y));
        s.r = __dadd_rn(s.r, y);
        s.rr = __dadd_rn(s.rr, __dmul_rn(y, y));
    }
    s.cc = join(s.cc);
    s.c = join(s.c);
    s.cr = join(s.cr);
    s.r = join(s.r);
    s.rr = join(s.rr);
    s.n = first < last ? static_cast<double>(last - first) : 0;
    if (lane == 0) sums[which] = s;
}

/* The blocks by a binary tree: i and i + 1, then i and i + 2, ... A thread has one block and one of the sums. */
static __global__ void __launch_bounds__(LT_FIT_BLOCKS) tree_kernel(const lt_fit_sums *blocks, lt_fit_sums *out)
{
    LT_SHARED(double, sums, LT_FIT_BLOCKS);
    const int i = static_cast<int>(threadIdx.x);
    const double mine[] = { blocks[i].cc, blocks[i].c, blocks[i].cr, blocks[i].r, blocks[i].rr, blocks[i].n };
    double all[6];
    for (int k = 0; k < 6; k++) {
        sums[i] = mine[k];
        __syncthreads();
        for (int step = 1; step < LT_FIT_BLOCKS; step *= 2) {
            if (i % (2 * step) == 0) sums[i] = __dadd_rn(sums[i], sums[i + step]);
            __syncthreads();
        }
        all[k] = i == 0 ? static_cast<double>(sums[0]) : 0;
        __syncthreads();
    }
    if (i == 0) *out = lt_fit_sums{ all[0], all[1], all[2], all[3], all[4], all[5] };
}

static __global__ void apply_kernel(const float *src, float scale, float shift, float *dst, int64_t n)
{
    const int64_t i = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
    if (i < n) dst[i] = lt_dev_relu(__fadd_rn(__fmul_rn(src[i], scale), shift));
}

static __global__ void blend_kernel(const float *a, float wa, const float *b, float wb, float *dst, int64_t n)
{
    const int64_t i = static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x;
    if (i < n) dst[i] = __fadd_rn(__fmul_rn(a[i], wa), __fmul_rn(b[i], wb));
}

static unsigned blocks_of(int64_t n)
{
    return static_cast<unsigned>((n + THREADS - 1) / THREADS);
}

lt_status lt_depth_resize_cuda(void *stream, const float *src, int net_w, int net_h, float *dst, int w, int h)
{
    return LT_CUDA_LAUNCH(resize_kernel, dim3(static_cast<unsigned>(h), blocks_of(w)), THREADS, stream, src, net_w, net_h, dst, w, h);
}

lt_status lt_fit_sum_cuda(void *stream, const float *c, const float *r, int64_t n, lt_fit_sums *blocks, lt_fit_sums *out)
{
    lt_status st = LT_OK;
    const int64_t share = (n + LT_FIT_BLOCKS - 1) / LT_FIT_BLOCKS, block = (share + LT_FIT_LANES - 1) / LT_FIT_LANES * LT_FIT_LANES;
    LT_TRY(LT_CUDA_LAUNCH(sum_kernel, LT_FIT_BLOCKS / SUM_BLOCKS, SUM_THREADS, stream, c, r, n, block, blocks));
    LT_TRY(LT_CUDA_LAUNCH(tree_kernel, 1, LT_FIT_BLOCKS, stream, blocks, out));
done:
    return st;
}

lt_status lt_depth_apply_cuda(void *stream, const float *src, float scale, float shift, float *dst, int64_t n)
{
    return LT_CUDA_LAUNCH(apply_kernel, blocks_of(n), THREADS, stream, src, scale, shift, dst, n);
}

lt_status lt_depth_blend_cuda(void *stream, const float *a, float wa, const float *b, float wb, float *dst, int64_t n)
{
    return LT_CUDA_LAUNCH(blend_kernel, blocks_of(n), THREADS, stream, a, wa, b, wb, dst, n);
}
