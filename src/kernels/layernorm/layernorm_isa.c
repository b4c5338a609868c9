#include "kernels/layernorm/layernorm_job.h"
#include "kernels/vec.h"

#include <math.h>

void LT_ISA_FN(lt_layernorm_items)(const lt_layernorm_job *j, int first, int last);

enum { SUMS = 4 };          /* vectors of partial sums: additions do not wait for each other */

/* Lanes below n: x - mean; the others 0. */
static inline lt_vec centred(lt_vec x, lt_vec mean, int n)
{
    float d[LT_VEC] = { 0 };
    const lt_vec all = x - mean;
    for (int i = 0; i < n; i++) d[i] = all[i];
    return lt_vec_load(d);
}

static inline float sum_of(const lt_vec s[SUMS])
{
    return lt_vec_sum((s[0] + s[1]) + (s[2] + s[3]));
}

static inline float mean_of(const void *x, lt_dtype dtype, int n)
{
    lt_vec s[SUMS] = { 0 };
    int c = 0;
    for (; c + SUMS * LT_VEC <= n; c += SUMS * LT_VEC)
        for (int k = 0; k < SUMS; k++) s[k] += lt_vec_get(x, dtype, c + k * LT_VEC);
    for (; c + LT_VEC <= n; c += LT_VEC) s[0] += lt_vec_get(x, dtype, c);
    if (c < n) s[1] += lt_vec_get_n(x, dtype, c, n - c);
    return sum_of(s) / (float)n;
}

static inline float variance_of(const void *x, lt_dtype dtype, int n, lt_vec mean)
{
    lt_vec s[SUMS] = { 0 };
    int c = 0;
    for (; c + SUMS * LT_VEC <= n; c += SUMS * LT_VEC)
        for (int k = 0; k < SUMS; k++) {
            const lt_vec d = lt_vec_get(x, dtype, c + k * LT_VEC) - mean;
            s[k] = lt_vec_fma(d, d, s[k]);
        }
    for (; c + LT_VEC <= n; c += LT_VEC) {
        const lt_vec d = lt_vec_get(x, dtype, c) - mean;
        s[0] = lt_vec_fma(d, d, s[0]);
    }
    if (c < n) {
        const lt_vec d = centred(lt_vec_get_n(x, dtype, c, n - c), mean, n - c);
        s[1] = lt_vec_fma(d, d, s[1]);
    }
    return sum_of(s) / (float)n;
}

static inline void row(const lt_args *a, const void *x, const float *add, void *out, lt_dtype from, lt_dtype to)
{
    const lt_layernorm_attr *attr = a->attr;
    const int n = attr->channels;
    const float *w = a->packed, *b = w + n;
    const lt_vec mean = lt_vec_all(mean_of(x, from, n));
    const lt_vec scale = lt_vec_all(1.f / sqrtf(variance_of(x, from, n, mean) + attr->eps));
    int c = 0;
    for (; c + LT_VEC <= n; c += LT_VEC) {
        lt_vec y = lt_vec_fma((lt_vec_get(x, from, c) - mean) * scale, lt_vec_load(w + c), lt_vec_load(b + c));
        if (add) y += lt_vec_load(add + c);
        lt_vec_put(out, to, c, y);
    }
    if (c < n) {
        const int k = n - c;
        lt_vec y = lt_vec_fma((lt_vec_get_n(x, from, c, k) - mean) * scale, lt_vec_get_n(w, LT_F32, c, k), lt_vec_get_n(b, LT_F32, c, k));
        if (add) y += lt_vec_get_n(add, LT_F32, c, k);
        lt_vec_put_n(out, to, c, y, k);
    }
}

void LT_ISA_FN(lt_layernorm_items)(const lt_layernorm_job *j, int first, int last)
{
    const lt_tensor *x = &j->a->in[LT_LAYERNORM_X], *add = &j->a->in[LT_LAYERNORM_ADD], *out = &j->a->out;
    const int64_t end = last * j->rows_per_item < j->n_rows ? last * j->rows_per_item : j->n_rows;
    int64_t r = first * j->rows_per_item, outer = r / j->x.n_inner, inner = r % j->x.n_inner;
    for (; r < end; r++) {
        const void *from = lt_row_at(x, &j->x, outer, inner);
        const float *more = add->n_dims ? lt_row_at(add, &j->add, outer, inner) : NULL;
        void *to = lt_row_at(out, &j->out, outer, inner);
        if (x->dtype == LT_F32 && out->dtype == LT_F32) row(j->a, from, more, to, LT_F32, LT_F32);
        else if (x->dtype == LT_F32) row(j->a, from, more, to, LT_F32, LT_BF16);
        else if (out->dtype == LT_F32) row(j->a, from, more, to, LT_BF16, LT_F32);
        else row(j->a, from, more, to, LT_BF16, LT_BF16);
        if (++inner == j->x.n_inner) inner = 0, outer++;
    }
}
