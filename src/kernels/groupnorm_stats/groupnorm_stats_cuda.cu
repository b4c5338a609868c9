#include "kernels/cuda/rows.cuh"
#include "kernels/groupnorm_stats/groupnorm_stats.h"

enum {
    THREADS = 256,
    PIXELS = 512,               /* of a block, as on the CPU */
    RUN = 64,                   /* values that are added in f32, before they go into a sum in double */
    AT_ONCE = 8,                /* reads under way: alone, each would wait for memory */
    CHANNELS = 2048             /* at most */
};

/* Of a set of values: how many, their mean, the sum of squared deviations from it. */
typedef struct {
    double n, mean, squares;
} moments;

typedef struct {
    lt_cuda_rows x;
    moments     *parts;         /* [frames][n_blocks][groups] */
    float       *out;
    int64_t      out_stride;
    int          n_frames, n_blocks, n_pixels, channels, groups, width;
    float        eps;
} stats_job;

/* Adds the values of `b` to those of `a`, as lt_moments_add of groupnorm_stats_job.h. */
static __device__ __forceinline__ void add(moments *a, const moments &b)
{
    const double n = a->n + b.n, d = b.mean - a->mean;
    a->mean += d * (b.n / n);
    a->squares += b.squares + d * d * (a->n * b.n / n);
    a->n = n;
}

/* One channel over the pixels first, first + step, ... of a block: sums of d = x - shift and of d d. */
static __device__ __forceinline__ void sum_channel(const stats_job &j, int frame, int block, int channel, int first, int step, float shift, double *sum,
                                                   double *squares)
{
    const int p0 = block * PIXELS, end = p0 + PIXELS < j.n_pixels ? p0 + PIXELS : j.n_pixels;
    *sum = *squares = 0;
    const int n = end - p0 > first ? (end - p0 - first + step - 1) / step : 0;
    const int64_t apart = step * j.x.inner_stride, from = lt_dev_row_at(j.x, frame, p0 + first) + channel;
    for (int i = 0; i < n;) {
        float s = 0, q = 0;
        const int last = i + RUN < n ? i + RUN : n;
        for (; i + AT_ONCE <= last; i += AT_ONCE) {
            float x[AT_ONCE];
#pragma unroll
            for (int k = 0; k < AT_ONCE; k++) x[k] = lt_dev_get(j.x.data, j.x.dtype, from + (i + k) * apart);
#pragma unroll
            for (int k = 0; k < AT_ONCE; k++) {
                const float d = x[k] - shift;
                s += d;
                q = fmaf(d, d, q);
            }
        }
        for (; i < last; i++) {
            const float d = lt_dev_get(j.x.data, j.x.dtype, from + i * apart) - shift;
            s += d;
            q = fmaf(d, d, q);
        }
        *sum += static_cast<double>(s);
        *squares += static_cast<double>(q);
    }
}

/* A block has 512 pixels of a frame. Neighbouring threads have neighbouring channels; where there are fewer than threads, several threads share a
 * channel's pixels. Once for the mean of each group, once for deviations from it: nothing cancels. What rounding the mean to f32 leaves is corrected. */
static __global__ void __launch_bounds__(THREADS) parts_kernel(stats_job j)
{
    LT_SHARED(double, sums, CHANNELS);
    LT_SHARED(double, squares, CHANNELS);
    LT_SHARED(float, shift, CHANNELS);
    const int t = static_cast<int>(threadIdx.x), frame = static_cast<int>(blockIdx.x) / j.n_blocks, block = static_cast<int>(blockIdx.x) % j.n_blocks;
    const int shares = j.channels < THREADS ? THREADS / j.channels : 1, n_slots = shares * j.channels;
    const int left = j.n_pixels - block * PIXELS, pixels = left < PIXELS ? left : PIXELS;
    const double n = static_cast<double>(j.width) * pixels;
    for (int pass = 0; pass < 2; pass++) {
        for (int slot = t; slot < n_slots; slot += THREADS) {
            const int channel = slot % j.channels;
            float about = 0;
            double s, q;
            if (pass) about = shift[channel / j.width];
            sum_channel(j, frame, block, channel, slot / j.channels, shares, about, &s, &q);
            sums[slot] = s;
            squares[slot] = q;
        }
        __syncthreads();
        for (int g = t; g < j.groups; g += THREADS) {
            double s = 0, q = 0;
            for (int k = 0; k < shares; k++)
                for (int c = g * j.width; c < (g + 1) * j.width; c++) {
                    s += sums[k * j.channels + c];
                    q += squares[k * j.channels + c];
                }
            const double rest = s / n;
            if (pass == 0) {
                shift[g] = static_cast<float>(rest);
            } else {
                const float about = shift[g];
                j.parts[static_cast<int64_t>(blockIdx.x) * j.groups + g] = moments{ n, static_cast<double>(about) + rest, q - n * rest * rest };
            }
        }
        __syncthreads();
    }
}

/* One thread has one group of one frame: its blocks, in order. */
static __global__ void finish_kernel(stats_job j)
{
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= j.n_frames * j.groups) return;
    const int frame = i / j.groups, g = i % j.groups;
    const moments *part = j.parts + static_cast<int64_t>(frame) * j.n_blocks * j.groups + g;
    moments all = *part;
    for (int b = 1; b < j.n_blocks; b++) add(&all, part[static_cast<int64_t>(b) * j.groups]);
    float *to = j.out + frame * j.out_stride + 2 * g;
    to[0] = static_cast<float>(all.mean);
    to[1] = static_cast<float>(1 / sqrt(all.squares / all.n + static_cast<double>(j.eps)));
}

static const char *refuse(const lt_args *a, const lt_machine *)
{
    lt_rows rows;
    if (!lt_tensor_rows(&a->in[LT_GROUPNORM_STATS_X], &rows)) return "rows without a common stride";
    if (rows.n_columns > CHANNELS) return "more than 2048 channels";
    return NULL;
}

static int blocks(const lt_args *a)
{
    lt_rows rows;
    return lt_tensor_rows(&a->in[LT_GROUPNORM_STATS_X], &rows) ? static_cast<int>((rows.n_inner + PIXELS - 1) / PIXELS) : 0;
}

static size_t workspace_bytes(const lt_args *a, const lt_machine *)
{
    const lt_groupnorm_stats_attr *attr = static_cast<const lt_groupnorm_stats_attr *>(a->attr);
    return static_cast<size_t>(a->in[LT_GROUPNORM_STATS_X].dim[0]) * static_cast<size_t>(blocks(a) * attr->groups) * sizeof(moments);
}

static lt_status launch(const lt_launch *l, const lt_args *a)
{
    lt_status st = LT_OK;
    lt_rows rows;
    const lt_groupnorm_stats_attr *attr = static_cast<const lt_groupnorm_stats_attr *>(a->attr);
    stats_job j = {};
    j.x = lt_cuda_rows_of(&a->in[LT_GROUPNORM_STATS_X], &rows);
    j.parts = static_cast<moments *>(l->workspace);
    j.out = static_cast<float *>(a->out.data);
    j.out_stride = a->out.stride[0];
    j.n_frames = static_cast<int>(rows.n_outer);
    j.n_blocks = blocks(a);
    j.n_pixels = static_cast<int>(rows.n_inner);
    j.channels = attr->channels;
    j.groups = attr->groups;
    j.width = attr->channels / attr->groups;
    j.eps = attr->eps;
    LT_TRY(lt_cuda_begin(l));
    LT_TRY(LT_CUDA_LAUNCH(parts_kernel, static_cast<unsigned>(j.n_frames * j.n_blocks), THREADS, l->stream, j));
    LT_TRY(LT_CUDA_LAUNCH(finish_kernel, static_cast<unsigned>(j.n_frames * j.groups + THREADS - 1) / THREADS, THREADS, l->stream, j));
done:
    return st;
}

const lt_kernel lt_groupnorm_stats_cuda = { "groupnorm_stats.cuda", refuse, nullptr, nullptr, workspace_bytes, nullptr, nullptr, launch, nullptr };
