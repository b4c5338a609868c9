#include "kernels/groupnorm/groupnorm_job.h"
#include "kernels/vec.h"

void LT_ISA_FN(lt_groupnorm_items)(const lt_groupnorm_job *j, int first, int last);

/* Per channel of one frame: y = (x - mean) scale + b. */
typedef struct {
    float mean[LT_GROUPNORM_CHANNELS], scale[LT_GROUPNORM_CHANNELS];
} factors;

static void prepare(const lt_args *a, const float *stats, factors *f)
{
    const lt_groupnorm_attr *attr = a->attr;
    const float *w = a->packed;
    const int width = attr->channels / attr->groups;
    for (int g = 0; g < attr->groups; g++)
        for (int c = g * width; c < (g + 1) * width; c++) {
            f->mean[c] = stats[2 * g];
            f->scale[c] = stats[2 * g + 1] * w[c];
        }
}

static inline void row(const void *x, lt_dtype from, const factors *f, const float *b, int n, void *out, lt_dtype to)
{
    int c = 0;
    for (; c + LT_VEC <= n; c += LT_VEC)
        lt_vec_put(out, to, c, lt_vec_fma(lt_vec_get(x, from, c) - lt_vec_load(f->mean + c), lt_vec_load(f->scale + c), lt_vec_load(b + c)));
    if (c < n) {
        const int k = n - c;
        const lt_vec d = lt_vec_get_n(x, from, c, k) - lt_vec_get_n(f->mean, LT_F32, c, k);
        lt_vec_put_n(out, to, c, lt_vec_fma(d, lt_vec_get_n(f->scale, LT_F32, c, k), lt_vec_get_n(b, LT_F32, c, k)), k);
    }
}

static void item(const lt_groupnorm_job *j, int i)
{
    const lt_groupnorm_attr *attr = j->a->attr;
    const lt_tensor *x = &j->a->in[LT_GROUPNORM_X], *out = &j->a->out;
    const int n = attr->channels;
    const int64_t frame = i / j->n_blocks, first = i % j->n_blocks * j->rows_per_item;
    const int64_t last = first + j->rows_per_item < j->x.n_inner ? first + j->rows_per_item : j->x.n_inner;
    const float *b = (const float *)j->a->packed + n;
    factors f;
    prepare(j->a, lt_tensor_at(&j->a->in[LT_GROUPNORM_STATS], frame), &f);
    for (int64_t r = first; r < last; r++) {
        const void *from = lt_row_at(x, &j->x, frame, r);
        void *to = lt_row_at(out, &j->out, frame, r);
        if (x->dtype == LT_F32 && out->dtype == LT_F32) row(from, LT_F32, &f, b, n, to, LT_F32);
        else if (x->dtype == LT_F32) row(from, LT_F32, &f, b, n, to, LT_BF16);
        else if (out->dtype == LT_F32) row(from, LT_BF16, &f, b, n, to, LT_F32);
        else row(from, LT_BF16, &f, b, n, to, LT_BF16);
    }
}

void LT_ISA_FN(lt_groupnorm_items)(const lt_groupnorm_job *j, int first, int last)
{
    for (int i = first; i < last; i++) item(j, i);
}
