#include "kernels/binary/binary_job.h"
#include "kernels/vec.h"

void LT_ISA_FN(lt_binary_items)(const lt_binary_job *j, int first, int last);

enum { CHUNK = 512 };

/* n values of a view from a place on, widened, and repeated where the view says so. */
static const float *values(const lt_walk *w, int view, char *const at[], int64_t column, int n, float *buffer)
{
    const void *p = lt_walk_column(w, view, at, column);
    if (w->stride[view][w->n_dims - 1] || n == 1) return lt_vec_widen(p, w->dtype[view], n, buffer);
    const float all = *lt_vec_widen(p, w->dtype[view], 1, buffer);
    for (int i = 0; i < n; i++) buffer[i] = all;
    return buffer;
}

static void chunk(const lt_binary_job *j, char *const at[], int64_t column, int n)
{
    float a_buffer[CHUNK], b_buffer[CHUNK], y[CHUNK];
    const lt_walk *w = &j->walk;
    const float *a = values(w, LT_BINARY_WALK_A, at, column, n, a_buffer);
    const float *b = values(w, LT_BINARY_WALK_B, at, column, n, b_buffer);
    if (j->kind == LT_BINARY_ADD)
        for (int i = 0; i < n; i++) y[i] = a[i] + b[i];
    else
        for (int i = 0; i < n; i++) y[i] = a[i] * b[i];
    lt_vec_narrow(y, w->dtype[LT_BINARY_WALK_OUT], n, lt_walk_column(w, LT_BINARY_WALK_OUT, at, column));
}

void LT_ISA_FN(lt_binary_items)(const lt_binary_job *j, int first, int last)
{
    for (int i = first; i < last; i++) {
        const lt_walk_span s = lt_walk_item(&j->walk, i);
        for (int64_t r = s.first; r < s.last; r++) {
            char *at[LT_WALK_MAX];
            lt_walk_row(&j->walk, r, at);
            for (int64_t c = s.from; c < s.to; c += CHUNK) chunk(j, at, c, (int)(s.to - c < CHUNK ? s.to - c : CHUNK));
        }
    }
}
