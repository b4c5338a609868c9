#include "kernels/gemm/gemm_item.h"
#include "kernels/gemm/vec.h"

#include <string.h>

/* A tile is MR rows by NV vectors: its sums, a row of the packed panel and one broadcast value fill the registers
 * (16 of them; 32 for AVX-512, where more rows would leave no register for their addresses). */
#if defined(__AVX512F__)
enum { MR = 8, NV = 2 };
#elif defined(__AVX2__)
enum { MR = 6, NV = 2 };
#else
enum { MR = 4, NV = 2 };
#endif
enum { NR = NV * LT_VW };

/* Values of k whose packed rows stay in the first-level cache while the rows of an item pass. */
enum { KC = 256 };

LT_GEMM_LEVEL(base)
LT_GEMM_LEVEL(avx2)
LT_GEMM_LEVEL(avx512)
lt_gemm_tile LT_ISA_FN(lt_gemm_tile)(void);

lt_gemm_tile LT_ISA_FN(lt_gemm_tile)(void)
{
    return (lt_gemm_tile){ MR, NR };
}

LT_INLINE vf load_b(const char *b, int64_t i, bool narrow)
{
    return narrow ? v_load_bf16((const uint16_t *)(const void *)b + i) : v_load((const float *)(const void *)b + i);
}

/* acc[MR][NR] += sum over k0 <= k < k1 of row[k] b[k], the panel b beginning at k = 0. */
LT_INLINE void tile(const lt_gemm_item *item, int row, const char *b, int k0, int k1, bool narrow, float *acc)
{
    vf c[MR][NV];
    for (int r = 0; r < MR; r++)
        for (int v = 0; v < NV; v++) c[r][v] = k0 ? v_load(acc + r * NR + v * LT_VW) : v_set(0);
    const int length = item->seg_length;
    int seg = k0 / length, at = k0 % length;
    for (int k = k0; k < k1; seg++, at = 0) {
        const float *const *rows = item->rows + (int64_t)seg * LT_GEMM_ROWS + row;
        const int n = length - at < k1 - k ? length - at : k1 - k;
        const float *a[MR];
        for (int r = 0; r < MR; r++) a[r] = rows[r] + at;
        const int64_t base = (int64_t)k * NR;
        for (int64_t i = 0; i < n; i++) {
            vf w[NV];
            for (int v = 0; v < NV; v++) w[v] = load_b(b, base + i * NR + v * LT_VW, narrow);
            for (int r = 0; r < MR; r++) {
                const vf x = v_set(a[r][i]);
                for (int v = 0; v < NV; v++) c[r][v] = v_fma(x, w[v], c[r][v]);
            }
        }
        k += n;
    }
    for (int r = 0; r < MR; r++)
        for (int v = 0; v < NV; v++) v_store(acc + r * NR + v * LT_VW, c[r][v]);
}

LT_INLINE void panel(const lt_gemm_item *item, const char *b, int K, bool narrow)
{
    for (int k0 = 0; k0 < K; k0 += KC) {
        const int k1 = K - k0 < KC ? K : k0 + KC;
        for (int row = 0; row < item->n_rows; row += MR)
            tile(item, row, b, k0, k1, narrow, item->slot->acc + (size_t)row * NR);
    }
}

/* e^x for -100 <= x <= 0: 2^n times a polynomial on |r| <= ln 2 / 2, relative error 1e-7. */
LT_INLINE vf exp_negative(vf x)
{
    const vf big = v_set(12582912.f);                    /* 1.5 2^23: adding it rounds to an integer */
    const vf m = v_fma(x, v_set(1.44269504f), big), n = m - big;
    vf r = v_fma(n, v_set(-0.693145752f), x);            /* ln 2 in two parts, the first of few bits */
    r = v_fma(n, v_set(-1.42860677e-6f), r);
    vf p = v_set(1.f / 720);
    p = v_fma(p, r, v_set(1.f / 120));
    p = v_fma(p, r, v_set(1.f / 24));
    p = v_fma(p, r, v_set(1.f / 6));
    p = v_fma(p, r, v_set(0.5f));
    p = v_fma(p, r, v_set(1.f));
    p = v_fma(p, r, v_set(1.f));
    const vi small = (vi)(n < v_set(-126.f));
    const vi scale = ((vi)m - (vi)big + 127) << 23;
    return v_select(small, v_set(0), p * (vf)scale);
}

/* max(x, 0) - |x| Q(|x|), where Q(a) = erfc(a / sqrt 2) / 2 = exp(-a^2 / 2) t P(t), t = 1 / (1 + 0.35 a): no cancellation
 * where x is negative. P is our own least-maximum fit on 0 <= a <= 14, relative error 3.2e-8; beyond, Q is 0 in f32. */
LT_INLINE vf gelu(vf x)
{
    const vf a = (vf)((vi)x & 0x7fffffff), limit = v_set(14.f);
    const vf c = v_select((vi)(a < limit), a, limit);
    const vf t = v_set(1.f) / v_fma(v_set(0.35f), c, v_set(1.f));
    vf p = v_set(-2.914643198e-02f);
    p = v_fma(p, t, v_set(1.439740680e-01f));
    p = v_fma(p, t, v_set(-2.557189789e-01f));
    p = v_fma(p, t, v_set(1.591793266e-01f));
    p = v_fma(p, t, v_set(-2.311320661e-02f));
    p = v_fma(p, t, v_set(1.055093407e-01f));
    p = v_fma(p, t, v_set(1.198325553e-01f));
    p = v_fma(p, t, v_set(1.398619087e-01f));
    p = v_fma(p, t, v_set(1.396214023e-01f));
    const vf q = exp_negative(c * c * v_set(-0.5f)) * t * p;
    const vf positive = v_select((vi)(x < v_set(0)), v_set(0), x);
    return positive - c * q;
}

LT_INLINE vf activate(vf x, lt_act act)
{
    if (act == LT_ACT_RELU) return v_select((vi)(x < v_set(0)), v_set(0), x);
    return act == LT_ACT_GELU ? gelu(x) : x;
}

/* n values of a row from sums c: what follows the sum, then the store. n < LT_VW at the last columns only. */
LT_INLINE void finish_vector(const lt_gemm *g, vf y, const float *gamma, void *out, const void *residual, int at, int n)
{
    float full[LT_VW];
    uint16_t half[LT_VW];
    if (residual) {
        vf r;
        if (g->residual == LT_BF16) {
            const uint16_t *p = (const uint16_t *)residual + at;
            if (n < LT_VW) p = memcpy(memset(half, 0, sizeof half), p, (size_t)n * sizeof *p);
            r = v_load_bf16(p);
        } else {
            const float *p = (const float *)residual + at;
            if (n < LT_VW) p = memcpy(memset(full, 0, sizeof full), p, (size_t)n * sizeof *p);
            r = v_load(p);
        }
        y = gamma ? v_fma(v_load(gamma), y, r) : y + r;
    } else if (gamma) {
        y *= v_load(gamma);
    }
    if (g->out == LT_BF16) {
        uint16_t *p = (uint16_t *)out + at;
        v_store_bf16(n < LT_VW ? half : p, y);
        if (n < LT_VW) memcpy(p, half, (size_t)n * sizeof *p);
    } else {
        float *p = (float *)out + at;
        v_store(n < LT_VW ? full : p, y);
        if (n < LT_VW) memcpy(p, full, (size_t)n * sizeof *p);
    }
}

/* Panel `index` of the item from acc, whose rows are `stride` apart. */
LT_INLINE void finish(const lt_gemm_item *item, int index, lt_act act)
{
    const lt_gemm *g = item->gemm;
    const bool gated = act == LT_ACT_GEGLU;
    const int width = gated ? NR / 2 : NR, at = index % item->group_panels * width, left = g->shape.cols - at;
    const float *bias = item->bias ? item->bias + (size_t)index * NR : NULL;
    const float *gamma = item->gamma ? item->gamma + (size_t)index * NR : NULL;
    const lt_gemm_slot *s = item->slot;
    for (int r = 0; r < item->n_rows; r++) {
        if (!s->out[r]) continue;
        const float *c = s->acc + (size_t)r * NR;
        for (int v = 0; v < width && v < left; v += LT_VW) {
            vf y = v_load(c + v);
            if (bias) y += v_load(bias + v);
            if (gated) {
                vf gate = v_load(c + width + v);
                if (bias) gate += v_load(bias + width + v);
                y *= gelu(gate);
            } else {
                y = activate(y, act);
            }
            finish_vector(g, y, gamma ? gamma + v : NULL, s->out[r], s->residual[r], at + v,
                          left - v < LT_VW ? left - v : LT_VW);
        }
    }
}

void LT_ISA_FN(lt_gemm_item)(const lt_gemm_item *item)
{
    const lt_gemm *g = item->gemm;
    const lt_gemm_shape *s = &g->shape;
    const bool narrow = s->compute == LT_BF16;
    const int K = s->taps * s->chan;
    const size_t bytes = (size_t)K * NR * (narrow ? 2 : 4);
    int group = -1;
    for (int p = item->panel0; p < item->panel1; p++) {
        if (group != p / item->group_panels) {
            group = p / item->group_panels;
            g->rows_out(g->ctx, group, item->row, item->n_rows, item->slot->out, item->slot->residual);
        }
        if (narrow) panel(item, item->b + (size_t)p * bytes, K, true);
        else panel(item, item->b + (size_t)p * bytes, K, false);
        switch (s->act) {
        case LT_ACT_NONE: finish(item, p, LT_ACT_NONE); break;
        case LT_ACT_RELU: finish(item, p, LT_ACT_RELU); break;
        case LT_ACT_GELU: finish(item, p, LT_ACT_GELU); break;
        case LT_ACT_GEGLU: finish(item, p, LT_ACT_GEGLU); break;
        }
    }
}

void LT_ISA_FN(lt_gemm_gather)(const void *const *table, lt_dtype dtype, int segs, int length, int n_rows, bool round,
                               float *out)
{
    for (int r = 0; r < n_rows; r++)
        for (int s = 0; s < segs; s++, out += length) {
            const void *from = table[(size_t)s * LT_GEMM_ROWS + (size_t)r];
            int i = 0;
            if (dtype == LT_BF16) {
                const uint16_t *p = from;
                for (; i + LT_VW <= length; i += LT_VW) v_store(out + i, v_load_bf16(p + i));
                for (; i < length; i++) out[i] = lt_bf16_to_float(p[i]);
            } else if (round) {
                const float *p = from;
                for (; i + LT_VW <= length; i += LT_VW) v_store(out + i, (vf)v_bf16_bits(v_load(p + i)));
                for (; i < length; i++) out[i] = lt_bf16_to_float(lt_bf16_from_float(p[i]));
            } else {
                memcpy(out, from, (size_t)length * sizeof *out);
            }
        }
}
