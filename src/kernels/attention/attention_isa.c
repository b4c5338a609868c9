#include "kernels/attention/attention_job.h"
#include "kernels/attention/attention_vec.h"

#include <math.h>

void LT_ISA_FN(lt_attention_pack)(const lt_attention_job *job, int from, int to);
void LT_ISA_FN(lt_attention_rows)(const lt_attention_job *job, int slot, int item);

enum { NR = 2 * LT_VEC };

_Static_assert((int)LT_ATTENTION_ROWS % MR == 0 && LT_VEC <= LT_ATTENTION_LANES, "blocks are made of whole strips, sizes of the widest vector");

static const float log2_e = 0x1.715476p+0f;

/* Weights below 2^-100 of the largest change no sum; they are kept there so that no exponent leaves its range. */
static const float least = -100;

/* n values of a tensor from element `at` on, widened to f32, rounded to bf16 where the computation is in it. */
static inline void widen(const lt_tensor *t, int64_t at, int64_t n, bool bf16, float *restrict y)
{
    const bool rounds = bf16 && t->dtype == LT_F32;
    int64_t i = 0;
    for (; i + LT_VEC <= n; i += LT_VEC) {
        const lt_vec x = lt_vec_get(t->data, t->dtype, at + i);
        lt_vec_store(y + i, rounds ? bf16_(x) : x);
    }
    for (; i < n; i++) {
        const float x = t->dtype == LT_F32 ? ((const float *)t->data)[at + i] : lt_bf16_to_float(((const uint16_t *)t->data)[at + i]);
        y[i] = rounds ? lt_bf16_to_float(lt_bf16_from_float(x)) : x;
    }
}

static int64_t row_of(const lt_tensor *t, int64_t b, int64_t i, int64_t h)
{
    return b * t->stride[0] + i * t->stride[1] + h * t->stride[2];
}

/* Columns of the panel that begins at column c of n: NR, or LT_VEC where that is enough. */
LT_INLINE int width(int64_t c, int64_t n)
{
    return n - c > LT_VEC ? NR : LT_VEC;
}

/* What a panel has too many is 0: it reaches no result, but arithmetic on what lay there before may be slow. */

/* Keys j0 .. j1 - 1 of one (b,h). j0 is a multiple of NR, and panels follow one another, all but the last NR wide. */
static void pack_keys(const lt_attention_job *job, int64_t b, int64_t h, int64_t j0, int64_t j1, float *keys)
{
    enum { PART = 64 };
    const lt_tensor *k = &job->a->in[LT_ATTENTION_K];
    const bool bf16 = ((const lt_attention_attr *)job->a->attr)->compute == LT_BF16;
    float part[PART];
    for (int64_t c = j0; c < j1; c += NR) {
        const int w = width(c, job->n_keys);
        float *panel = keys + c * job->d;
        for (int64_t d0 = 0; d0 < job->d; d0 += PART) {
            const int64_t n = job->d - d0 < PART ? job->d - d0 : PART;
            for (int j = 0; j < w; j++) {
                if (c + j < j1) widen(k, row_of(k, b, c + j, h) + d0, n, bf16, part);
                else memset(part, 0, (size_t)n * sizeof *part);
                for (int64_t d = 0; d < n; d++) panel[(d0 + d) * w + j] = part[d];
            }
        }
    }
}

static void pack_values(const lt_attention_job *job, int64_t b, int64_t h, int64_t j0, int64_t j1, float *values)
{
    const lt_tensor *v = &job->a->in[LT_ATTENTION_V];
    const bool bf16 = ((const lt_attention_attr *)job->a->attr)->compute == LT_BF16;
    for (int64_t j = j0; j < j1; j++) {
        const int64_t row = row_of(v, b, j, h);
        for (int64_t c = 0; c < job->dv; c += NR) {
            const int w = width(c, job->dv);
            const int64_t n = job->dv - c < w ? job->dv - c : w;
            float *part = values + c * job->n_keys + j * w;
            widen(v, row + c, n, bf16, part);
            for (int64_t i = n; i < w; i++) part[i] = 0;
        }
    }
}

void LT_ISA_FN(lt_attention_pack)(const lt_attention_job *job, int from, int to)
{
    for (int i = from; i < to; i++) {
        const int64_t pair = i / job->key_blocks, j0 = i % job->key_blocks * job->key_block;
        const int64_t j1 = j0 + job->key_block < job->n_keys ? j0 + job->key_block : job->n_keys;
        const int64_t b = (job->pair0 + pair) / job->n_heads, h = (job->pair0 + pair) % job->n_heads;
        pack_keys(job, b, h, j0, j1, job->keys + (size_t)pair * job->key_floats);
        pack_values(job, b, h, j0, j1, job->values + (size_t)pair * job->value_floats);
    }
}

/* c[i][..nv] = (first part of the sum) + sum over l < depth of x[i][l] panel[l][..nv], in order of l. The first part is 0, or
 * c[i] * factor[i]. Constants mr and nv make it a block of registers. */
LT_INLINE void tile(int mr, int nv, int64_t depth, const float *restrict x, int64_t ldx, const float *restrict panel, const float *factor,
                    float *restrict c, int64_t ldc)
{
    lt_vec s[MR][2];
    for (int i = 0; i < mr; i++)
        for (int v = 0; v < nv; v++) s[i][v] = factor ? lt_vec_load(c + i * ldc + v * LT_VEC) * lt_vec_all(factor[i]) : lt_vec_all(0);
    for (int64_t l = 0; l < depth; l++) {
        lt_vec p[2];
        for (int v = 0; v < nv; v++) p[v] = lt_vec_load(panel + l * nv * LT_VEC + v * LT_VEC);
        for (int i = 0; i < mr; i++) {
            const lt_vec xi = lt_vec_all(x[i * ldx + l]);
            for (int v = 0; v < nv; v++) s[i][v] = madd(xi, p[v], s[i][v]);
        }
    }
    for (int i = 0; i < mr; i++)
        for (int v = 0; v < nv; v++) lt_vec_store(c + i * ldc + v * LT_VEC, s[i][v]);
}

/* Every number of rows of a last strip has its code: a row's bits are the same in each. */
static void any_tile(int mr, int w, int64_t depth, const float *x, int64_t ldx, const float *panel, const float *factor, float *c,
                     int64_t ldc)
{
#define LT_TILE(n)                                                                          \
    case n:                                                                                 \
        if (w == NR) tile(n, 2, depth, x, ldx, panel, factor, c, ldc);                      \
        else tile(n, 1, depth, x, ldx, panel, factor, c, ldc);                              \
        break;
    switch (mr) {
        LT_TILE(1) LT_TILE(2) LT_TILE(3) LT_TILE(4) LT_TILE(5) LT_TILE(6)
#if defined(__AVX512F__)
        LT_TILE(7) LT_TILE(8) LT_TILE(9) LT_TILE(10) LT_TILE(11) LT_TILE(12)
#endif
    default: break;
    }
#undef LT_TILE
}

/* One row's scores of a block to weights, in place; those beyond n, up to whole panels, are no keys. Returns what earlier sums are to be
 * multiplied with, a power of two or 0. */
static float weigh(float *s, int64_t n, bool bf16, float *top, float *sum)
{
    const int64_t end = (n + NR - 1) / NR * NR;
    for (int64_t j = n; j < end; j++) s[j] = -INFINITY;
    lt_vec most[2] = { lt_vec_load(s), lt_vec_load(s + LT_VEC) };
    for (int64_t j = NR; j < end; j += NR)
        for (int v = 0; v < 2; v++) most[v] = larger(lt_vec_load(s + j + v * LT_VEC), most[v]);
    const float was = *top, up = ceilf(largest(larger(most[0], most[1]))), now = up > was ? up : was;
    const float factor = was - now > least ? exp2_(lt_vec_all(was - now))[0] : 0;
    const lt_vec shift = lt_vec_all(now);
    lt_vec l[2] = { lt_vec_load(sum) * lt_vec_all(factor), lt_vec_all(0) };
    for (int64_t j = 0; j < end; j += NR)
        for (int v = 0; v < 2; v++) {
            const lt_vec p = exp2_(larger(lt_vec_all(least), lt_vec_load(s + j + v * LT_VEC) - shift));
            l[v] += p;
            lt_vec_store(s + j + v * LT_VEC, bf16 ? bf16_(p) : p);
        }
    *top = now;
    lt_vec_store(sum, l[0] + l[1]);
    return factor;
}

/* A block's memory: queries [rows][d], results [rows][ldy], sums by lanes [rows][LT_VEC], maxima [rows]. */
typedef struct {
    float  *q, *y, *sum, *top;
    int64_t ldy;
    int     rows;
    bool    bf16;
} block;

static void strip(const lt_attention_job *job, const block *k, int r, int64_t j0, const float *keys, const float *values)
{
    enum { LD = LT_ATTENTION_KEYS + 16 };          /* rows that do not fall on the same lines of the cache */
    float s[MR * LD] __attribute__((aligned(64))), factor[MR];
    const int mr = k->rows - r < MR ? k->rows - r : MR;
    const int64_t n = job->n_keys - j0 < job->key_block ? job->n_keys - j0 : job->key_block;
    for (int64_t c = 0; c < n; c += NR)
        any_tile(mr, width(c, n), job->d, k->q + r * job->d, job->d, keys + (j0 + c) * job->d, NULL, s + c, LD);
    for (int i = 0; i < mr; i++) factor[i] = weigh(s + i * LD, n, k->bf16, k->top + r + i, k->sum + (r + i) * LT_VEC);
    for (int64_t c = 0; c < job->dv; c += NR) {
        const int w = width(c, job->dv);
        any_tile(mr, w, n, s, LD, values + c * job->n_keys + j0 * w, factor, k->y + r * k->ldy + c, k->ldy);
    }
}

/* n values of y, which has whole vectors, divided by the sum of their weights. */
static void narrow(const lt_tensor *t, int64_t at, int64_t n, const float *y, float sum)
{
    int64_t i = 0;
    for (; i + LT_VEC <= n; i += LT_VEC) lt_vec_put(t->data, t->dtype, at + i, lt_vec_load(y + i) / lt_vec_all(sum));
    if (i < n) lt_vec_put_n(t->data, t->dtype, at + i, lt_vec_load(y + i) / lt_vec_all(sum), (int)(n - i));
}

void LT_ISA_FN(lt_attention_rows)(const lt_attention_job *job, int slot, int item)
{
    const lt_attention_attr *attr = job->a->attr;
    const lt_tensor *q = &job->a->in[LT_ATTENTION_Q];
    const int64_t pair = item / job->query_blocks, i0 = (int64_t)(item % job->query_blocks) * LT_ATTENTION_ROWS;
    const int64_t b = (job->pair0 + pair) / job->n_heads, h = (job->pair0 + pair) % job->n_heads;
    const int rows = (int)(job->n_queries - i0 < LT_ATTENTION_ROWS ? job->n_queries - i0 : LT_ATTENTION_ROWS);
    const float *keys = job->keys + (size_t)pair * job->key_floats, *values = job->values + (size_t)pair * job->value_floats;
    block k = { .rows = rows, .ldy = (job->dv + LT_VEC - 1) / LT_VEC * LT_VEC, .bf16 = attr->compute == LT_BF16 };
    k.y = job->slots + (size_t)slot * job->slot_floats;
    k.sum = k.y + rows * k.ldy;
    k.top = k.sum + rows * LT_VEC;
    k.q = k.top + (rows + 15) / 16 * 16;
    memset(k.y, 0, (size_t)(k.top - k.y) * sizeof *k.y);
    for (int i = 0; i < rows; i++) {
        float *row = k.q + i * job->d;
        k.top[i] = -0x1p126f;
        widen(q, row_of(q, b, i0 + i, h), job->d, k.bf16, row);
        for (int64_t d = 0; d < job->d; d++) row[d] *= attr->scale * log2_e;
    }
    for (int64_t j = 0; j < job->n_keys; j += job->key_block)
        for (int r = 0; r < rows; r += MR) strip(job, &k, r, j, keys, values);
    for (int i = 0; i < rows; i++)
        narrow(&job->a->out, row_of(&job->a->out, b, i0 + i, h), job->dv, k.y + i * k.ldy, lt_vec_sum(lt_vec_load(k.sum + i * LT_VEC)));
}
