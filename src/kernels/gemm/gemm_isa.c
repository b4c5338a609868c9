#include "kernels/gemm/gemm_item.h"
#include "kernels/vec.h"

#define INLINE static inline __attribute__((always_inline))

/* A tile is MR rows by NV vectors: its sums, a row of the packed panel and one broadcast value fill the registers
 * (16 of them; 32 for AVX-512, where more rows would leave no register for their addresses). */
#if defined(__AVX512F__)
enum { MR = 8, NV = 2 };
#elif defined(__AVX2__)
enum { MR = 6, NV = 2 };
#else
enum { MR = 4, NV = 2 };
#endif
enum { NR = NV * LT_VEC };

/* Values of k whose packed rows, 24 KiB, stay in the first-level cache while the rows of an item pass. */
enum { KC = 6144 / NR };

LT_GEMM_LEVEL(base)
LT_GEMM_LEVEL(avx2)
LT_GEMM_LEVEL(avx512)
lt_gemm_tile LT_ISA_FN(lt_gemm_tile)(void);

lt_gemm_tile LT_ISA_FN(lt_gemm_tile)(void)
{
    return (lt_gemm_tile){ MR, NR };
}

/* a b + c, rounded once where the level has an instruction for it. */
INLINE lt_vec mul_add(lt_vec a, lt_vec b, lt_vec c)
{
#if LT_VEC > 4
    return lt_vec_fma(a, b, c);
#else
    return a * b + c;
#endif
}

/* acc[MR][NR] += sum over k0 <= k < k1 of row[k] b[k], the panel b beginning at k = 0. */
INLINE void tile(const lt_gemm_item *item, int row, const char *b, int k0, int k1, bool narrow, float *acc)
{
    lt_vec c[MR][NV];
    for (int r = 0; r < MR; r++)
        for (int v = 0; v < NV; v++) c[r][v] = k0 ? lt_vec_load(acc + r * NR + v * LT_VEC) : lt_vec_all(0);
    const int length = item->seg_length;
    int seg = k0 / length, at = k0 % length;
    for (int k = k0; k < k1; seg++, at = 0) {
        const float *const *rows = item->rows + (int64_t)seg * LT_GEMM_ROWS + row;
        const int n = length - at < k1 - k ? length - at : k1 - k;
        const float *a[MR];
        for (int r = 0; r < MR; r++) a[r] = rows[r] + at;
        const int64_t base = (int64_t)k * NR;
        for (int64_t i = 0; i < n; i++) {
            lt_vec w[NV];
            for (int v = 0; v < NV; v++) w[v] = lt_vec_get(b, narrow ? LT_BF16 : LT_F32, base + i * NR + v * LT_VEC);
            for (int r = 0; r < MR; r++) {
                const lt_vec x = lt_vec_all(a[r][i]);
                for (int v = 0; v < NV; v++) c[r][v] = mul_add(x, w[v], c[r][v]);
            }
        }
        k += n;
    }
    for (int r = 0; r < MR; r++)
        for (int v = 0; v < NV; v++) lt_vec_store(acc + r * NR + v * LT_VEC, c[r][v]);
}

INLINE void panel(const lt_gemm_item *item, const char *b, int K, bool narrow)
{
    for (int k0 = 0; k0 < K; k0 += KC) {
        const int k1 = K - k0 < KC ? K : k0 + KC;
        for (int row = 0; row < item->n_rows; row += MR)
            tile(item, row, b, k0, k1, narrow, item->slot->acc + (size_t)row * NR);
    }
}

INLINE lt_vec activate(lt_vec x, lt_act act)
{
    return act == LT_ACT_RELU ? lt_vec_relu(x) : act == LT_ACT_GELU ? lt_vec_gelu(x) : x;
}

/* n values of a row from column `at` on: what follows the activation, and the store. */
INLINE void finish_vector(const lt_gemm *g, lt_vec y, const float *gamma, void *out, const void *residual, int at, int n)
{
    if (gamma) y *= lt_vec_load(gamma);
    if (residual) y += n < LT_VEC ? lt_vec_get_n(residual, g->residual, at, n) : lt_vec_get(residual, g->residual, at);
    if (n < LT_VEC) lt_vec_put_n(out, g->out, at, y, n);
    else lt_vec_put(out, g->out, at, y);
}

/* Panel `index` of the item from its sums c, rows `stride` apart. */
INLINE void finish(const lt_gemm_item *item, int index, lt_act act, const float *c, size_t stride)
{
    const lt_gemm *g = item->gemm;
    const bool gated = act == LT_ACT_GEGLU;
    const int width = gated ? NR / 2 : NR, at = index % item->group_panels * width, left = g->shape.cols - at;
    const float *bias = item->bias ? item->bias + (size_t)index * NR : NULL;
    const float *gamma = item->gamma ? item->gamma + (size_t)index * NR : NULL;
    const lt_gemm_slot *s = item->slot;
    for (int r = 0; r < item->n_rows; r++, c += stride) {
        if (!s->out[r]) continue;
        for (int v = 0; v < width && v < left; v += LT_VEC) {
            lt_vec y = lt_vec_load(c + v);
            if (bias) y += lt_vec_load(bias + v);
            if (gated) {
                lt_vec gate = lt_vec_load(c + width + v);
                if (bias) gate += lt_vec_load(bias + width + v);
                y *= lt_vec_gelu(gate);
            } else {
                y = activate(y, act);
            }
            finish_vector(g, y, gamma ? gamma + v : NULL, s->out[r], s->residual[r], at + v,
                          left - v < LT_VEC ? left - v : LT_VEC);
        }
    }
}

static void finish_panel(const lt_gemm_item *item, int index, const float *c, size_t stride)
{
    switch (item->gemm->shape.act) {
    case LT_ACT_NONE: finish(item, index, LT_ACT_NONE, c, stride); break;
    case LT_ACT_RELU: finish(item, index, LT_ACT_RELU, c, stride); break;
    case LT_ACT_GELU: finish(item, index, LT_ACT_GELU, c, stride); break;
    case LT_ACT_GEGLU: finish(item, index, LT_ACT_GEGLU, c, stride); break;
    }
}

/* The addresses of the rows in the group of panel p, where it is another than *group. */
static void enter_group(const lt_gemm_item *item, int p, int *group)
{
    const lt_gemm *g = item->gemm;
    if (*group == p / item->group_panels) return;
    *group = p / item->group_panels;
    g->rows_out(g->ctx, *group, item->row, item->n_rows, item->slot->out, item->slot->residual);
}

void LT_ISA_FN(lt_gemm_item)(const lt_gemm_item *item)
{
    const lt_gemm_shape *s = &item->gemm->shape;
    const bool narrow = s->compute == LT_BF16;
    const int K = s->taps * s->chan;
    const size_t bytes = (size_t)K * NR * (narrow ? 2 : 4);
    int group = -1;
    for (int p = item->panel0; p < item->panel1; p++) {
        enter_group(item, p, &group);
        if (narrow) panel(item, item->b + (size_t)p * bytes, K, true);
        else panel(item, item->b + (size_t)p * bytes, K, false);
        finish_panel(item, p, item->slot->acc, NR);
    }
}

void LT_ISA_FN(lt_gemm_finish)(const lt_gemm_item *item)
{
    int group = -1;
    for (int p = item->panel0; p < item->panel1; p++) {
        enter_group(item, p, &group);
        finish_panel(item, p, item->slot->acc + (size_t)p * NR, (size_t)item->panel1 * NR);
    }
}

void LT_ISA_FN(lt_gemm_gather)(const void *const *table, lt_dtype from, int segs, int length, int n_rows, bool round, lt_dtype to,
                               void *panel_rows)
{
    int64_t at = 0;
    for (int r = 0; r < n_rows; r++)
        for (int s = 0; s < segs; s++, at += length) {
            const void *piece = table[(size_t)s * LT_GEMM_ROWS + (size_t)r];
            for (int i = 0; i < length; i += LT_VEC) {
                const int n = length - i;
                lt_vec x = n < LT_VEC ? lt_vec_get_n(piece, from, i, n) : lt_vec_get(piece, from, i);
                if (round) x = lt_vec_from_bf16(lt_vec_to_bf16(x));
                if (n < LT_VEC) lt_vec_put_n(panel_rows, to, at + i, x, n);
                else lt_vec_put(panel_rows, to, at + i, x);
            }
        }
}
