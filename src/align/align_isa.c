#include "align/align_item.h"

#include "kernels/resize/resize.h"
#include "kernels/vec.h"

#include <string.h>

void LT_ISA_FN(lt_align_resize)(const lt_resize_job *a, int y0, int y1);
void LT_ISA_FN(lt_align_sum)(const lt_fit_job *a, int y0, int y1);
void LT_ISA_FN(lt_align_apply)(const lt_map_job *a, int y0, int y1);
void LT_ISA_FN(lt_align_blend)(const lt_map_job *a, int y0, int y1);

/* ---- resize ---- */

typedef struct {
    int32_t first[LT_ALIGN_COLUMNS], second[LT_ALIGN_COLUMNS];
    float   t[LT_ALIGN_COLUMNS], left[LT_ALIGN_COLUMNS];
    float   row[2][LT_ALIGN_COLUMNS];    /* source rows, already across */
    int64_t held[2];                     /* which; -1: none */
} columns;

static void across(columns *c, int slot, const float *src, int64_t row, int width, int n)
{
    const float *x = src + row * width;
    for (int i = 0; i < n; i++) c->row[slot][i] = x[c->first[i]] * c->left[i] + x[c->second[i]] * c->t[i];
    c->held[slot] = row;
}

/* Source row `row` across, in the slot that does not hold `keep`. */
static int row_of(columns *c, const lt_resize_job *a, int64_t row, int64_t keep, int n)
{
    for (int slot = 0; slot < 2; slot++)
        if (c->held[slot] == row) return slot;
    const int slot = c->held[0] == keep ? 1 : 0;
    across(c, slot, a->src, row, a->src_w, n);
    return slot;
}

static void resize_tile(const lt_resize_job *a, int y0, int y1, int x0, int n)
{
    columns c = { .held = { -1, -1 } };
    for (int i = 0; i < n; i++) {
        int64_t first, second;
        lt_resize_taps(a->src_w, a->w, x0 + i, &first, &second, &c.t[i]);
        c.first[i] = (int32_t)first;
        c.second[i] = (int32_t)second;
        c.left[i] = 1.0f - c.t[i];
    }
    for (int y = y0; y < y1; y++) {
        int64_t first, second;
        float t;
        lt_resize_taps(a->src_h, a->h, y, &first, &second, &t);
        const int top = row_of(&c, a, first, second, n), bottom = row_of(&c, a, second, first, n);
        const float *p = c.row[top], *q = c.row[bottom], above = 1.0f - t;
        float *to = a->dst + (int64_t)y * a->w + x0;
        for (int i = 0; i < n; i++) to[i] = p[i] * above + q[i] * t;
    }
}

void LT_ISA_FN(lt_align_resize)(const lt_resize_job *a, int y0, int y1)
{
    for (int item = y0; item < y1; item++) {
        const int first = item * LT_ALIGN_ROWS, last = first + LT_ALIGN_ROWS < a->h ? first + LT_ALIGN_ROWS : a->h;
        for (int x = 0; x < a->w; x += LT_ALIGN_COLUMNS)
            resize_tile(a, first, last, x, a->w - x < LT_ALIGN_COLUMNS ? a->w - x : LT_ALIGN_COLUMNS);
    }
}

/* ---- sums ---- */

enum { DOUBLES = LT_VEC / 2, PARTS = LT_FIT_LANES / DOUBLES };

typedef float  narrow __attribute__((vector_size(4 * DOUBLES)));
typedef double wide __attribute__((vector_size(8 * DOUBLES)));

typedef struct {
    wide cc[PARTS], c[PARTS], cr[PARTS], r[PARTS], rr[PARTS];
} lanes;

static inline wide widen(const float *x)
{
    narrow v;
    memcpy(&v, x, sizeof v);
    return __builtin_convertvector(v, wide);
}

static inline void add(lanes *s, const float *c_, const float *r_)
{
    for (int p = 0; p < PARTS; p++) {
        const wide c = widen(c_ + p * DOUBLES), r = widen(r_ + p * DOUBLES);
        s->cc[p] += c * c;
        s->c[p] += c;
        s->cr[p] += c * r;
        s->r[p] += r;
        s->rr[p] += r * r;
    }
}

static double fold(const wide *lane)
{
    double l[LT_FIT_LANES];
    memcpy(l, lane, sizeof l);
    return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
}

/* Products of two f32 are exact in f64: only the additions round. A block that ends within a group is filled up with zeros, which change nothing:
 * no sum is ever -0. */
void LT_ISA_FN(lt_align_sum)(const lt_fit_job *a, int y0, int y1)
{
    for (int item = y0; item < y1; item++) {
        const int64_t first = item * a->block, last = first + a->block < a->n ? first + a->block : a->n;
        float c[LT_FIT_LANES] = { 0 }, r[LT_FIT_LANES] = { 0 };
        lanes s = { 0 };
        int64_t i = first;
        for (; i + LT_FIT_LANES <= last; i += LT_FIT_LANES) add(&s, a->c + i, a->r + i);
        for (int l = 0; i + l < last; l++) {
            c[l] = a->c[i + l];
            r[l] = a->r[i + l];
        }
        add(&s, c, r);
        a->sum[item] = (lt_fit_sums){ fold(s.cc), fold(s.c), fold(s.cr), fold(s.r), fold(s.rr), first < last ? (double)(last - first) : 0 };
    }
}

/* ---- values ---- */

static int64_t run_end(const lt_map_job *a, int item)
{
    const int64_t end = (int64_t)(item + 1) * LT_ALIGN_RUN;
    return end < a->n ? end : a->n;
}

void LT_ISA_FN(lt_align_apply)(const lt_map_job *a, int y0, int y1)
{
    const lt_vec scale = lt_vec_all(a->scale), shift = lt_vec_all(a->shift);
    for (int item = y0; item < y1; item++) {
        const int64_t end = run_end(a, item);
        int64_t i = (int64_t)item * LT_ALIGN_RUN;
        for (; i + LT_VEC <= end; i += LT_VEC) lt_vec_store(a->dst + i, lt_vec_relu(lt_vec_load(a->a + i) * scale + shift));
        for (; i < end; i++) {
            const float v = a->a[i] * a->scale + a->shift;
            a->dst[i] = v <= 0.0f ? 0.0f : v;
        }
    }
}

void LT_ISA_FN(lt_align_blend)(const lt_map_job *a, int y0, int y1)
{
    const lt_vec wa = lt_vec_all(a->scale), wb = lt_vec_all(a->shift);
    for (int item = y0; item < y1; item++) {
        const int64_t end = run_end(a, item);
        int64_t i = (int64_t)item * LT_ALIGN_RUN;
        for (; i + LT_VEC <= end; i += LT_VEC) lt_vec_store(a->dst + i, lt_vec_load(a->a + i) * wa + lt_vec_load(a->b + i) * wb);
        for (; i < end; i++) a->dst[i] = a->a[i] * a->scale + a->b[i] * a->shift;
    }
}
