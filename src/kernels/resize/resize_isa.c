#include "kernels/resize/resize_job.h"
#include "kernels/vec.h"

void LT_ISA_FN(lt_resize_items)(const lt_resize_job *j, int first, int last);

enum { CHUNK = 128 };       /* columns of a plane at a time */

/* Four pixels and where the wanted one lies between them. */
typedef struct {
    const void *p00, *p01, *p10, *p11;
    lt_vec      tx, ux, ty, uy;              /* u = 1 - t */
} square;

static inline lt_vec blend(lt_vec v00, lt_vec v01, lt_vec v10, lt_vec v11, const square *s)
{
    const lt_vec top = v00 * s->ux + v01 * s->tx, bottom = v10 * s->ux + v11 * s->tx;
    return top * s->uy + bottom * s->ty;
}

/* more: what is added, or NULL. */
static inline void pixel(const square *s, int n, lt_dtype from, const void *more, lt_dtype more_type, void *out, lt_dtype to)
{
    int c = 0;
    for (; c + LT_VEC <= n; c += LT_VEC) {
        lt_vec y = blend(lt_vec_get(s->p00, from, c), lt_vec_get(s->p01, from, c), lt_vec_get(s->p10, from, c), lt_vec_get(s->p11, from, c), s);
        if (more) y += lt_vec_get(more, more_type, c);
        lt_vec_put(out, to, c, y);
    }
    if (c < n) {
        const int k = n - c;
        lt_vec y = blend(lt_vec_get_n(s->p00, from, c, k), lt_vec_get_n(s->p01, from, c, k), lt_vec_get_n(s->p10, from, c, k),
                         lt_vec_get_n(s->p11, from, c, k), s);
        if (more) y += lt_vec_get_n(more, more_type, c, k);
        lt_vec_put_n(out, to, c, y, k);
    }
}

/* more: a row of the residual, or NULL. */
static inline void row(const lt_resize_job *j, const char *top, const char *bottom, float ty, const char *more, char *out, lt_dtype from, lt_dtype to)
{
    const lt_tensor *o = &j->a->out, *r = &j->a->in[LT_RESIZE_RESIDUAL];
    const int64_t in_bytes = from == LT_F32 ? 4 : 2, out_bytes = to == LT_F32 ? 4 : 2, step = more ? r->stride[2] * (int64_t)lt_dtype_bytes(r->dtype) : 0;
    for (int64_t i = 0; i < o->dim[2]; i++) {
        const lt_resize_column *c = &j->columns[i];
        const int64_t a = c->first * in_bytes, b = c->second * in_bytes;
        const square s = { top + a, top + b, bottom + a, bottom + b, lt_vec_all(c->t), lt_vec_all(1.f - c->t), lt_vec_all(ty),
                           lt_vec_all(1.f - ty) };
        pixel(&s, (int)o->dim[3], from, more ? more + i * step : NULL, r->dtype, out + i * o->stride[2] * out_bytes, to);
    }
}

static inline float value(const char *p, lt_dtype dtype, int64_t at)
{
    return dtype == LT_F32 ? ((const float *)p)[at] : lt_bf16_to_float(((const uint16_t *)p)[at]);
}

/* One channel: columns are vectors, from values fetched one by one. */
static void plane_row(const lt_resize_job *j, const char *top, const char *bottom, float ty, const char *more, char *out)
{
    const lt_tensor *o = &j->a->out, *r = &j->a->in[LT_RESIZE_RESIDUAL];
    const lt_dtype from = j->a->in[LT_RESIZE_X].dtype;
    float p00[CHUNK], p01[CHUNK], p10[CHUNK], p11[CHUNK], t[CHUNK], y[CHUNK];
    for (int64_t i = 0; i < o->dim[2]; i += CHUNK) {
        const int n = (int)(o->dim[2] - i < CHUNK ? o->dim[2] - i : CHUNK);
        for (int k = 0; k < n; k++) {
            const lt_resize_column *c = &j->columns[i + k];
            p00[k] = value(top, from, c->first);
            p01[k] = value(top, from, c->second);
            p10[k] = value(bottom, from, c->first);
            p11[k] = value(bottom, from, c->second);
            t[k] = c->t;
        }
        for (int k = 0; k < n; k++) {
            const float up = p00[k] * (1.f - t[k]) + p01[k] * t[k], down = p10[k] * (1.f - t[k]) + p11[k] * t[k];
            y[k] = up * (1.f - ty) + down * ty;
        }
        for (int k = 0; more && k < n; k++) y[k] += value(more, r->dtype, (i + k) * r->stride[2]);
        if (o->stride[2] == 1) lt_vec_narrow(y, o->dtype, n, out + i * (int64_t)lt_dtype_bytes(o->dtype));
        else for (int k = 0; k < n; k++) lt_vec_put_n(out, o->dtype, (i + k) * o->stride[2], lt_vec_all(y[k]), 1);
    }
}

static void item(const lt_resize_job *j, int i)
{
    const lt_tensor *x = &j->a->in[LT_RESIZE_X], *add = &j->a->in[LT_RESIZE_RESIDUAL], *o = &j->a->out;
    const int64_t frame = i / o->dim[1], r = i % o->dim[1], row_bytes = x->stride[1] * (int64_t)lt_dtype_bytes(x->dtype);
    int64_t y0, y1;
    float ty;
    lt_resize_taps(x->rows, o->rows, o->row0 + r, &y0, &y1, &ty);
    const char *map = lt_tensor_at(x, frame), *top = map + (y0 - x->row0) * row_bytes, *bottom = map + (y1 - x->row0) * row_bytes;
    char *out = (char *)lt_tensor_at(o, frame) + r * o->stride[1] * (int64_t)lt_dtype_bytes(o->dtype);
    const char *more = add->n_dims ? (const char *)lt_tensor_at(add, frame) + r * add->stride[1] * (int64_t)lt_dtype_bytes(add->dtype) : NULL;
    if (o->dim[3] == 1) plane_row(j, top, bottom, ty, more, out);
    else if (x->dtype == LT_F32 && o->dtype == LT_F32) row(j, top, bottom, ty, more, out, LT_F32, LT_F32);
    else if (x->dtype == LT_F32) row(j, top, bottom, ty, more, out, LT_F32, LT_BF16);
    else if (o->dtype == LT_F32) row(j, top, bottom, ty, more, out, LT_BF16, LT_F32);
    else row(j, top, bottom, ty, more, out, LT_BF16, LT_BF16);
}

void LT_ISA_FN(lt_resize_items)(const lt_resize_job *j, int first, int last)
{
    for (int i = first; i < last; i++) item(j, i);
}
