#include "kernels/copy/copy_job.h"
#include "kernels/vec.h"

void LT_ISA_FN(lt_copy_items)(const lt_copy_job *j, int first, int last);

enum { CHUNK = 512 };

/* n values of 2 or 4 bytes, `step` of them apart, to dense ones, and the other way round. */
static inline void gather(const char *p, int64_t step, size_t bytes, int n, char *dense)
{
    for (int i = 0; i < n; i++) memcpy(dense + (size_t)i * bytes, p + i * step * (int64_t)bytes, bytes);
}

static inline void scatter(const char *dense, size_t bytes, int n, int64_t step, char *p)
{
    for (int i = 0; i < n; i++) memcpy(p + i * step * (int64_t)bytes, dense + (size_t)i * bytes, bytes);
}

static void convert(const void *p, lt_dtype from, int n, void *out, lt_dtype to)
{
    float wide[CHUNK];
    if (from == to) memcpy(out, p, (size_t)n * lt_dtype_bytes(to));
    else lt_vec_narrow(lt_vec_widen(p, from, n, wide), to, n, out);
}

static void chunk(const lt_walk *w, char *const at[], int64_t column, int n)
{
    float first[CHUNK], second[CHUNK];
    const lt_dtype from = w->dtype[LT_COPY_WALK_X], to = w->dtype[LT_COPY_WALK_OUT];
    const int64_t in_step = w->stride[LT_COPY_WALK_X][w->n_dims - 1], out_step = w->stride[LT_COPY_WALK_OUT][w->n_dims - 1];
    const void *x = lt_walk_column(w, LT_COPY_WALK_X, at, column);
    void *out = lt_walk_column(w, LT_COPY_WALK_OUT, at, column);
    if (in_step != 1) {
        if (lt_dtype_bytes(from) == 4) gather(x, in_step, 4, n, (char *)first);
        else gather(x, in_step, 2, n, (char *)first);
        x = first;
    }
    if (out_step == 1) {
        convert(x, from, n, out, to);
    } else {
        convert(x, from, n, second, to);
        if (lt_dtype_bytes(to) == 4) scatter((const char *)second, 4, n, out_step, out);
        else scatter((const char *)second, 2, n, out_step, out);
    }
}

void LT_ISA_FN(lt_copy_items)(const lt_copy_job *j, int first, int last)
{
    for (int i = first; i < last; i++) {
        const lt_walk_span s = lt_walk_item(&j->walk, i);
        for (int64_t r = s.first; r < s.last; r++) {
            char *at[LT_WALK_MAX];
            lt_walk_row(&j->walk, r, at);
            for (int64_t c = s.from; c < s.to; c += CHUNK) chunk(&j->walk, at, c, (int)(s.to - c < CHUNK ? s.to - c : CHUNK));
        }
    }
}
