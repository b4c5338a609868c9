#include "kernels/unary/unary_job.h"
#include "kernels/vec.h"

void LT_ISA_FN(lt_unary_items)(const lt_unary_job *j, int first, int last);

enum { CHUNK = 512 };

static inline lt_vec of(lt_act act, lt_vec x)
{
    return act == LT_ACT_GELU || act == LT_ACT_GEGLU ? lt_vec_gelu(x) : act == LT_ACT_RELU ? lt_vec_relu(x) : x;
}

/* y may be x. */
static inline void apply(lt_act act, const float *x, int n, float *y)
{
    int i = 0;
    for (; i + LT_VEC <= n; i += LT_VEC) lt_vec_store(y + i, of(act, lt_vec_load(x + i)));
    if (i < n) lt_vec_put_n(y, LT_F32, i, of(act, lt_vec_get_n(x, LT_F32, i, n - i)), n - i);
}

static void chunk(const lt_unary_job *j, const void *x, lt_dtype from, int n, void *out, lt_dtype to)
{
    float x_buffer[CHUNK], gate_buffer[CHUNK], y[CHUNK];
    const float *v = lt_vec_widen(x, from, n, x_buffer);
    if (j->act == LT_ACT_GEGLU) {
        const float *gate = lt_vec_widen((const char *)x + j->gate * (int64_t)lt_dtype_bytes(from), from, n, gate_buffer);
        apply(LT_ACT_GELU, gate, n, y);
        for (int i = 0; i < n; i++) y[i] = v[i] * y[i];
    } else if (j->act == LT_ACT_GELU) {
        apply(LT_ACT_GELU, v, n, y);
    } else if (j->act == LT_ACT_RELU) {
        apply(LT_ACT_RELU, v, n, y);
    } else {
        memcpy(y, v, (size_t)n * sizeof *y);
    }
    lt_vec_narrow(y, to, n, out);
}

void LT_ISA_FN(lt_unary_items)(const lt_unary_job *j, int first, int last)
{
    const lt_walk *w = &j->walk;
    for (int i = first; i < last; i++) {
        const lt_walk_span s = lt_walk_item(w, i);
        for (int64_t r = s.first; r < s.last; r++) {
            char *at[LT_WALK_MAX];
            lt_walk_row(w, r, at);
            for (int64_t c = s.from; c < s.to; c += CHUNK)
                chunk(j, lt_walk_column(w, LT_UNARY_WALK_X, at, c), w->dtype[LT_UNARY_WALK_X], (int)(s.to - c < CHUNK ? s.to - c : CHUNK),
                      lt_walk_column(w, LT_UNARY_WALK_OUT, at, c), w->dtype[LT_UNARY_WALK_OUT]);
        }
    }
}
