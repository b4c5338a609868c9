#include "kernels/groupnorm_stats/groupnorm_stats_job.h"
#include "kernels/vec.h"

void LT_ISA_FN(lt_groupnorm_stats_items)(const lt_groupnorm_stats_job *j, int first, int last);

enum {
    PATCH = 8192,                                      /* values that are read twice, while they are in a cache */
    STRIP = 4,                                         /* vectors of channels summed at a time */
    PADDED = LT_GROUPNORM_STATS_CHANNELS + 16
};

/* Sums over the pixels of a patch, per channel. */
typedef struct {
    float shift[PADDED], sum[PADDED], squares[PADDED];
} sums;

typedef struct {
    const char *x;
    int64_t     stride;                                /* bytes from pixel to pixel */
    lt_dtype    dtype;
    int         n_pixels, n_channels;
} patch;

/* `n` vectors of channels from c on (the last one of `tail` lanes, where not 0): sums of d = x - shift and of d d. */
static inline void strip(const patch *p, int c, int n, int tail, lt_dtype dtype, sums *s)
{
    lt_vec sum[STRIP] = { 0 }, squares[STRIP] = { 0 }, shift[STRIP];
    for (int k = 0; k < n; k++) shift[k] = lt_vec_load(s->shift + c + k * LT_VEC);
    for (int i = 0; i < p->n_pixels; i++) {
        const char *x = p->x + i * p->stride;
        for (int k = 0; k < n; k++) {
            const lt_vec d = (tail ? lt_vec_get_n(x, dtype, c + k * LT_VEC, tail) : lt_vec_get(x, dtype, c + k * LT_VEC)) - shift[k];
            sum[k] += d;
            squares[k] = lt_vec_fma(d, d, squares[k]);
        }
    }
    for (int k = 0; k < n; k++) {
        lt_vec_store(s->sum + c + k * LT_VEC, sum[k]);
        lt_vec_store(s->squares + c + k * LT_VEC, squares[k]);
    }
}

static inline void strips(const patch *p, lt_dtype dtype, sums *s)
{
    int c = 0;
    for (; c + STRIP * LT_VEC <= p->n_channels; c += STRIP * LT_VEC) strip(p, c, STRIP, 0, dtype, s);
    for (; c + LT_VEC <= p->n_channels; c += LT_VEC) strip(p, c, 1, 0, dtype, s);
    if (c < p->n_channels) strip(p, c, 1, p->n_channels - c, dtype, s);
}

static void sum_up(const patch *p, sums *s)
{
    if (p->dtype == LT_F32) strips(p, LT_F32, s);
    else strips(p, LT_BF16, s);
}

static double total(const float *v, int n)
{
    double t = 0;
    for (int i = 0; i < n; i++) t += (double)v[i];
    return t;
}

/* Once for the mean of each group, once for deviations from it: nothing cancels. What rounding the mean to f32 leaves is corrected. */
static void moments_of(const patch *p, int n_groups, sums *s, lt_moments *out)
{
    const int width = p->n_channels / n_groups;
    const double n = (double)width * p->n_pixels;
    memset(s->shift, 0, (size_t)(p->n_channels + 16) * sizeof *s->shift);
    sum_up(p, s);
    for (int g = 0; g < n_groups; g++) {
        const float mean = (float)(total(s->sum + g * width, width) / n);
        for (int c = g * width; c < (g + 1) * width; c++) s->shift[c] = mean;
    }
    sum_up(p, s);
    for (int g = 0; g < n_groups; g++) {
        const double rest = total(s->sum + g * width, width) / n;
        out[g] = (lt_moments){ n, (double)s->shift[g * width] + rest, total(s->squares + g * width, width) - n * rest * rest };
    }
}

static void item(const lt_groupnorm_stats_job *j, int i)
{
    const lt_groupnorm_stats_attr *attr = j->a->attr;
    const lt_tensor *x = &j->a->in[LT_GROUPNORM_STATS_X];
    const int64_t bytes = (int64_t)lt_dtype_bytes(x->dtype), stride = j->x.inner_stride * bytes;
    const int64_t p0 = i % j->n_blocks * LT_GROUPNORM_STATS_BLOCK;
    const int64_t p1 = p0 + LT_GROUPNORM_STATS_BLOCK < j->x.n_inner ? p0 + LT_GROUPNORM_STATS_BLOCK : j->x.n_inner;
    const char *frame = lt_tensor_at(x, i / j->n_blocks);
    lt_moments *out = j->parts + (int64_t)i * attr->groups, few[LT_GROUPNORM_STATS_CHANNELS];
    const int64_t pixels = attr->channels < PATCH ? PATCH / attr->channels : 1;
    sums s;
    for (int64_t p = p0; p < p1; p += pixels) {
        const patch here = { frame + p * stride, stride, x->dtype, (int)(p + pixels < p1 ? pixels : p1 - p), attr->channels };
        moments_of(&here, attr->groups, &s, p == p0 ? out : few);
        for (int g = 0; g < attr->groups && p > p0; g++) lt_moments_add(&out[g], &few[g]);
    }
}

void LT_ISA_FN(lt_groupnorm_stats_items)(const lt_groupnorm_stats_job *j, int first, int last)
{
    for (int i = first; i < last; i++) item(j, i);
}
