#include "kernels/rig.h"

#include <longtake/arena.h>
#include <longtake/clock.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 1024, WHOLE = 32 };

/* A view and the memory around it. */
typedef struct {
    lt_tensor      t;
    unsigned char *base;          /* n elements, guards and gaps included */
    size_t         n, lead;       /* elements before the first value */
    unsigned char *mine;          /* per element: 1 where the view has a value */
    unsigned char *before;        /* the memory as it was handed to the kernel */
    int32_t       *index;
} array;

typedef struct {
    unsigned char *base, *data;   /* data: n bytes, LT_ARENA_ALIGN, guards on both sides */
    size_t         n;
} block;

/* Everything of one row: inputs, weights. */
typedef struct {
    const rig_case *c;
    array           in[LT_MAX_IN];
    lt_weight_data  w[LT_MAX_WEIGHTS];
    float          *w_data[LT_MAX_WEIGHTS];
    bool            magnitude;    /* which values the arrays were last filled with */
} bench;

/* A kernel made ready on one machine. */
typedef struct {
    const lt_kernel *k;
    lt_machine       m;
    block            packed, workspace;
    void            *state;
} ready;

static void *need(void *p)
{
    if (!p) {
        fprintf(stderr, "rig: no memory\n");
        exit(1);
    }
    return p;
}

static uint32_t hash(uint32_t seed, uint32_t i)
{
    uint32_t h = (seed * 0x9E3779B9u) ^ (i * 0x85EBCA6Bu);
    h = (h ^ (h >> 15)) * 0x2C1B3C6Du;
    h = (h ^ (h >> 12)) * 0x297A2D39u;
    return h ^ (h >> 15);
}

/* About normal, mean 0 and deviation 1: the sum of the four bytes of a hash. */
static float noise(uint32_t seed, uint32_t i)
{
    const uint32_t h = hash(seed, i), f = hash(seed + 77, i);
    const float bytes = (float)((h & 255) + (h >> 8 & 255) + (h >> 16 & 255) + (h >> 24));
    return (bytes + (float)(f >> 8) * (1.f / 16777216.f) - 510.5f) / 147.8f;
}

static float special(uint32_t i, float otherwise)
{
    static const float values[] = { NAN, INFINITY, -INFINITY, 0.f, -0.f, 1e-40f };
    return i % 7 == 3 ? values[i / 7 % 6] : otherwise;
}

static float get(const void *base, lt_dtype dtype, int64_t at)
{
    if (dtype == LT_F32) return ((const float *)base)[at];
    const uint16_t v = ((const uint16_t *)base)[at];
    return dtype == LT_BF16 ? lt_bf16_to_float(v) : lt_half_to_float(v);
}

static void put(void *base, lt_dtype dtype, int64_t at, float value)
{
    if (dtype == LT_F32) ((float *)base)[at] = value;
    else ((uint16_t *)base)[at] = dtype == LT_BF16 ? lt_bf16_from_float(value) : lt_half_from_float(value);
}

/* Where value `flat` (last dimension fastest) lies, in elements from the first of the view's memory. */
static int64_t place(const lt_tensor *t, int64_t flat)
{
    int64_t at = 0;
    for (int d = t->n_dims - 1; d >= 0; d--) {
        const int64_t i = flat % t->dim[d];
        flat /= t->dim[d];
        at += (d == 0 && t->index ? t->index[i] : i) * t->stride[d];
    }
    return at;
}

static void set_strides(const rig_view *v, lt_tensor *t)
{
    int64_t next = 1;
    for (int d = v->n_dims - 1; d >= 0; d--) {
        if (v->strided) {
            t->stride[d] = v->stride[d];
        } else if (!(v->repeat >> d & 1u)) {
            t->stride[d] = next + v->gap[d];
            next = t->stride[d] * v->dim[d];
        }
    }
}

static void array_make(const rig_view *v, array *a)
{
    *a = (array){ .t = { .dtype = v->dtype, .n_dims = v->n_dims } };
    if (v->n_dims == 0) return;
    memcpy(a->t.dim, v->dim, sizeof a->t.dim);
    set_strides(v, &a->t);
    a->t.row0 = v->row0;
    a->t.rows = v->rows ? v->rows : v->n_dims > 1 ? v->dim[1] : 1;
    int64_t slots = v->dim[0], extent = 1;
    if (v->indexed) {
        slots += 2;
        slots += slots % 5 == 0;
        a->index = need(malloc((size_t)v->dim[0] * sizeof *a->index));
        for (int64_t i = 0; i < v->dim[0]; i++) a->index[i] = (int32_t)((i * 5 + 2) % slots);
        a->t.index = a->index;
    }
    for (int d = 0; d < v->n_dims; d++) extent += ((d ? v->dim[d] : slots) - 1) * a->t.stride[d];
    const size_t guard = (size_t)((GUARD + 2 * v->dim[v->n_dims - 1] + 127) / 128 * 128), bytes = lt_dtype_bytes(v->dtype);
    a->lead = guard + (size_t)v->shift;
    a->n = a->lead + (size_t)extent + guard;
    a->base = need(aligned_alloc(LT_ARENA_ALIGN, (a->n * bytes + LT_ARENA_ALIGN - 1) / LT_ARENA_ALIGN * LT_ARENA_ALIGN));
    a->before = need(malloc(a->n * bytes));
    a->mine = need(calloc(a->n, 1));
    a->t.data = a->base + a->lead * bytes;
    for (int64_t i = 0, n = lt_tensor_count(&a->t); i < n; i++) a->mine[(int64_t)a->lead + place(&a->t, i)] = 1;
}

static void array_free(array *a)
{
    free(a->base);
    free(a->before);
    free(a->mine);
    free(a->index);
}

/* Guards everywhere, then values (v not NULL) or NaN. */
static void array_fill(array *a, const rig_view *v, uint32_t seed, bool magnitude)
{
    if (a->t.n_dims == 0) return;
    for (size_t i = 0; i < a->n; i++) put(a->base, a->t.dtype, (int64_t)i, (float)(i % 251 + 7));
    for (int64_t i = 0, n = lt_tensor_count(&a->t); i < n; i++) {
        float value = NAN;
        if (v) {
            value = v->mean + (v->dev > 0 ? v->dev : 1.f) * noise(seed, (uint32_t)i);
            if (v->special) value = special((uint32_t)i, value);
            if (magnitude) value = fabsf(value);
        }
        put(a->t.data, a->t.dtype, place(&a->t, i), value);
    }
    memcpy(a->before, a->base, a->n * lt_dtype_bytes(a->t.dtype));
}

/* Whether all but the values (with `all`: everything) is as it was. */
static bool array_kept(const array *a, bool all)
{
    const size_t bytes = lt_dtype_bytes(a->t.dtype);
    if (a->t.n_dims == 0) return true;
    for (size_t i = 0; i < a->n; i++)
        if ((all || !a->mine[i]) && memcmp(a->base + i * bytes, a->before + i * bytes, bytes)) return false;
    return true;
}

static block block_make(size_t n)
{
    const size_t all = (n + 2 * (size_t)GUARD + LT_ARENA_ALIGN - 1) / LT_ARENA_ALIGN * LT_ARENA_ALIGN;
    block b = { need(aligned_alloc(LT_ARENA_ALIGN, all)), NULL, n };
    b.data = b.base + GUARD;
    memset(b.base, 0x5a, GUARD);
    memset(b.data, 0xff, n);
    memset(b.data + n, 0x5a, GUARD);
    return b;
}

static bool block_kept(const block *b)
{
    for (size_t i = 0; i < GUARD; i++)
        if (b->base[i] != 0x5a || b->data[b->n + i] != 0x5a) return false;
    return true;
}

static void bench_fill(bench *b, bool magnitude)
{
    b->magnitude = magnitude;
    for (int i = 0; i < LT_MAX_IN; i++) array_fill(&b->in[i], &b->c->in[i], b->c->seed + 10 + (uint32_t)i, magnitude);
    for (int i = 0; i < LT_MAX_WEIGHTS; i++) {
        const rig_weight *w = &b->c->weights[i];
        int64_t n = w->n_dims > 0;
        for (int d = 0; d < w->n_dims; d++) n *= w->dim[d];
        for (int64_t k = 0; k < n; k++) {
            const float value = w->mean + (w->dev > 0 ? w->dev : 1.f) * noise(b->c->seed + 20 + (uint32_t)i, (uint32_t)k);
            b->w_data[i][k] = magnitude ? fabsf(value) : value;
        }
    }
}

static void bench_make(const rig_case *c, bench *b)
{
    *b = (bench){ .c = c };
    for (int i = 0; i < LT_MAX_IN; i++) array_make(&c->in[i], &b->in[i]);
    for (int i = 0; i < LT_MAX_WEIGHTS; i++) {
        const rig_weight *w = &c->weights[i];
        int64_t n = w->n_dims > 0;
        for (int d = 0; d < w->n_dims; d++) n *= w->dim[d];
        if (n == 0) continue;
        b->w_data[i] = need(malloc((size_t)n * sizeof **b->w_data));
        b->w[i].data = b->w_data[i];
        b->w[i].n_dims = w->n_dims;
        memcpy(b->w[i].dim, w->dim, sizeof w->dim);
    }
    bench_fill(b, false);
}

/* The values once more, after a launch that may have written over them. */
static void bench_refill(bench *b, bool magnitude)
{
    if (b->magnitude != magnitude) {
        bench_fill(b, magnitude);
        return;
    }
    for (int i = 0; i < LT_MAX_IN; i++)
        if (b->in[i].base) memcpy(b->in[i].base, b->in[i].before, b->in[i].n * lt_dtype_bytes(b->in[i].t.dtype));
}

static void bench_free(bench *b)
{
    for (int i = 0; i < LT_MAX_IN; i++) array_free(&b->in[i]);
    for (int i = 0; i < LT_MAX_WEIGHTS; i++) free(b->w_data[i]);
}

static lt_args args_of(const bench *b, const lt_tensor *out)
{
    lt_args a = { .attr = b->c->attr, .out = *out };
    for (int i = 0; i < LT_MAX_IN; i++) a.in[i] = b->in[i].t;
    return a;
}

/* What is seen before a launch: no data. */
static lt_args without_data(lt_args a)
{
    for (int i = 0; i < LT_MAX_IN; i++) a.in[i].data = NULL;
    a.out.data = NULL;
    return a;
}

/* NULL, or why the kernel cannot be made ready. */
static const char *ready_make(const lt_kernel *k, lt_machine m, const bench *b, const lt_tensor *out, ready *r)
{
    const lt_args a = args_of(b, out), bare = without_data(a);
    *r = (ready){ .k = k, .m = m };
    const char *why = k->refuse ? k->refuse(&bare, &m) : NULL;
    if (why) return why;
    r->packed = block_make(k->packed_bytes ? k->packed_bytes(&bare, &m) : 0);
    r->workspace = block_make(k->workspace_bytes ? k->workspace_bytes(&bare, &m) : 0);
    if (k->pack) k->pack(&bare, &m, b->w, r->packed.data);
    if (k->open && k->open(&(lt_launch){ .isa = m.isa }, &bare, &m, &r->state) < 0) return lt_error_last()->text;
    return NULL;
}

static void ready_free(ready *r)
{
    if (r->state && r->k->close) r->k->close(&r->state);
    free(r->packed.base);
    free(r->workspace.base);
}

static lt_status ready_launch(const ready *r, const lt_args *a, lt_pool *pool, const atomic_int *stop)
{
    lt_args whole = *a;
    whole.packed = r->packed.data;
    whole.state = r->state;
    const lt_launch l = { pool, r->m.isa, r->workspace.data, stop };
    return r->k->launch(&l, &whole);
}

static bool fail(const bench *b, const ready *r, const char *what)
{
    char in[96], out[96];
    const rig_case *c = b->c;
    const lt_tensor o = { .n_dims = c->in_place ? c->in[c->in_place - 1].n_dims : c->out.n_dims };
    lt_tensor t = o;
    memcpy(t.dim, c->in_place ? c->in[c->in_place - 1].dim : c->out.dim, sizeof t.dim);
    fprintf(stderr, "FAIL %s %s threads %d  %s -> %s  %s  (%s)\n", r->k->name, lt_isa_name(r->m.isa), r->m.n_threads,
            lt_tensor_text(&b->in[0].t, in, sizeof in), lt_tensor_text(&t, out, sizeof out), what, c->catches ? c->catches : "");
    return false;
}

/* What the definition gives: dense f32, to be freed; NULL where it fails. */
static float *define(bench *b, bool magnitude)
{
    const rig_case *c = b->c;
    const rig_view *v = c->in_place ? &c->in[c->in_place - 1] : &c->out;
    lt_tensor out = lt_tensor_dense(NULL, LT_F32, v->n_dims, v->dim);
    float *values = need(malloc((size_t)lt_tensor_count(&out) * sizeof *values));
    for (int64_t i = 0; i < lt_tensor_count(&out); i++) values[i] = NAN;
    out.data = values;
    out.row0 = v->row0;
    if (v->rows) out.rows = v->rows;
    ready r;
    bench_refill(b, magnitude);
    const char *why = ready_make(c->definition, (lt_machine){ .isa = LT_ISA_BASE, .n_threads = 1 }, b, &out, &r);
    if (!why) {
        const lt_args a = args_of(b, &out);
        if (ready_launch(&r, &a, NULL, NULL) < 0) why = lt_error_last()->text;
    }
    if (why) {
        fail(b, &r, why);
        free(values);
        values = NULL;
    }
    ready_free(&r);
    return values;
}

static double half_unit(lt_dtype dtype, double value)
{
    int e;
    if (dtype == LT_F32) return 0;
    frexp(fabs(value) * (1 + 1. / 256), &e);
    return dtype == LT_BF16 ? ldexp(1, e - 9) : fmax(ldexp(1, e - 12), ldexp(1, -25));
}

/* Each value of out against the definition's. */
static bool compare(const bench *b, const ready *r, const lt_tensor *out, const float *want, const float *magnitude)
{
    const int64_t n = lt_tensor_count(out);
    double worst = 0, limit = 0, largest = 0;
    int64_t n_bad = 0, where = -1;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(want[i])) largest = fmax(largest, fabs((double)want[i]));
    for (int64_t i = 0; i < n; i++) {
        const float got = get(out->data, out->dtype, place(out, i));
        float rounded = want[i];
        put(&rounded, out->dtype, 0, want[i]);
        rounded = get(&rounded, out->dtype, 0);
        const double error = fabs((double)got - (double)want[i]);
        const double allowed = b->c->allowed ? b->c->allowed(b->c, want[i], magnitude ? (double)magnitude[i] : largest) +
                                                   half_unit(out->dtype, want[i]) : 0;
        bool bad;
        if (isnan(rounded) || isnan(got)) bad = !isnan(rounded) || !isnan(got);
        else if (isinf(rounded) || isinf(got) || !b->c->allowed) bad = memcmp(&got, &rounded, sizeof got) != 0;
        else bad = !(error <= allowed);
        if (!bad) continue;
        const double excess = isfinite(error) ? error - allowed : INFINITY;
        if (n_bad++ == 0 || excess > worst - limit) worst = error, limit = allowed, where = i;
    }
    if (n_bad == 0) return true;
    char text[200];
    snprintf(text, sizeof text, "%lld of %lld values, worst %.3g allowed %.3g at %lld: %.9g, should be %.9g", (long long)n_bad, (long long)n,
             worst, limit, (long long)where, (double)get(out->data, out->dtype, place(out, where)), (double)want[where]);
    return fail(b, r, text);
}

/* Whether nothing was written where it does not belong. */
static bool clean(const bench *b, const ready *r, const array *out, const unsigned char *packed)
{
    bool good = true;
    for (int i = 0; i < LT_MAX_IN; i++)
        if (!array_kept(&b->in[i], b->c->in_place != i + 1)) good = fail(b, r, b->c->in_place == i + 1 ? "wrote outside its output" : "wrote to an input");
    if (out && !array_kept(out, false)) good = fail(b, r, "wrote outside its output");
    if (!block_kept(&r->workspace)) good = fail(b, r, "wrote outside its workspace");
    if (!block_kept(&r->packed) || memcmp(packed, r->packed.data, r->packed.n)) good = fail(b, r, "wrote to its weights, or packed more than it said");
    return good;
}

/* Told to stop before it begins: says so, and has computed nothing. */
static bool stops(const bench *b, const ready *r, const lt_args *a, lt_pool *pool, const array *out)
{
    const size_t bytes = out->n * lt_dtype_bytes(out->t.dtype);
    unsigned char *was = need(malloc(bytes));
    atomic_int stop = 1;
    for (int64_t i = 0, n = lt_tensor_count(&out->t); i < n; i++) put(out->t.data, out->t.dtype, place(&out->t, i), NAN);
    memcpy(was, out->base, bytes);
    bool good = ready_launch(r, a, pool, &stop) == LT_E_STOPPED || fail(b, r, "did not return LT_E_STOPPED when told to stop");
    if (memcmp(was, out->base, bytes)) good = fail(b, r, "went on when told to stop");
    free(was);
    return good;
}

/* One kernel on one machine. *refused: it did not take the arguments. */
static bool check_on(bench *b, const lt_kernel *k, lt_isa isa, int n_threads, const float *want, const float *magnitude, bool *refused)
{
    const rig_case *c = b->c;
    array own = { 0 };
    lt_pool *pool = NULL;
    ready r;
    bool good = false;
    if (!c->in_place) {
        array_make(&c->out, &own);
        array_fill(&own, NULL, 0, false);
    }
    const lt_tensor *out = c->in_place ? &b->in[c->in_place - 1].t : &own.t;
    const lt_machine m = { .isa = isa, .n_threads = n_threads, .bf16_units = c->bf16_units };
    bench_refill(b, false);
    unsigned char *packed = NULL;
    const char *why = ready_make(k, m, b, out, &r);
    *refused = why && !r.packed.base;
    if (why) {
        good = *refused && k != c->definition ? true : fail(b, &r, why);
    } else {
        const lt_args a = args_of(b, out);
        packed = need(malloc(r.packed.n + 1));
        memcpy(packed, r.packed.data, r.packed.n);
        good = lt_pool_create(n_threads, &pool) >= 0 && ready_launch(&r, &a, pool, NULL) >= 0 ? true : fail(b, &r, lt_error_last()->text);
        good = good && compare(b, &r, out, want, magnitude);
        good = clean(b, &r, c->in_place ? NULL : &own, packed) && good;
        if (k != c->definition) good = stops(b, &r, &a, pool, c->in_place ? &b->in[c->in_place - 1] : &own) && good;
    }
    lt_pool_destroy(&pool);
    free(packed);
    ready_free(&r);
    array_free(&own);
    return good;
}

bool rig_check(const rig_case *c)
{
    bench b;
    bool good, refused, taken = false;
    bench_make(c, &b);
    float *magnitude = c->magnitude ? define(&b, true) : NULL, *want = define(&b, false);
    good = want && (magnitude || !c->magnitude);
    if (good) good = check_on(&b, c->definition, LT_ISA_BASE, 1, want, magnitude, &refused);
    for (int isa = LT_ISA_BASE; good && isa <= (int)lt_cpu_isa(); isa++)
        for (int threads = 1; threads <= 2; threads++) {
            good = check_on(&b, c->candidate, (lt_isa)isa, threads, want, magnitude, &refused) && good;
            taken = taken || !refused;
        }
    if (good && !taken && !c->may_refuse) {
        fprintf(stderr, "FAIL %s refuses at every level  (%s)\n", c->candidate->name, c->catches ? c->catches : "");
        good = false;
    }
    free(magnitude);
    free(want);
    bench_free(&b);
    return good;
}

int rig_table(const rig_case *rows, int n)
{
    int failed = 0;
    for (int i = 0; i < n; i++) failed += !(rig_check(&rows[i]) && (!rows[i].independent || rig_independent(&rows[i])));
    return failed;
}

/* Entries first .. first + n - 1 of dimension 0. */
static lt_tensor slice(lt_tensor t, int64_t first, int64_t n)
{
    if (t.index) t.index += first;
    else t.data = lt_tensor_at(&t, first);
    t.dim[0] = n;
    return t;
}

/* The candidate over all 32 in slices of `step`; the bytes of its output are left in `out`. */
static bool run_sliced(bench *b, const ready *r, const lt_tensor *out, lt_pool *pool, int64_t step)
{
    for (int64_t i = 0; i < WHOLE; i += step) {
        const int64_t n = step < WHOLE - i ? step : WHOLE - i;
        lt_args a = args_of(b, out);
        for (int k = 0; k < LT_MAX_IN; k++)
            if (a.in[k].n_dims && a.in[k].dim[0] == WHOLE) a.in[k] = slice(a.in[k], i, n);
        a.out = slice(a.out, i, n);
        if (ready_launch(r, &a, pool, NULL) < 0) return fail(b, r, lt_error_last()->text);
    }
    return true;
}

static bool independent_at(bench *b, lt_isa isa, bool *refused)
{
    static const int64_t steps[] = { WHOLE, 1, 2, 4, 8, 5 };
    const rig_case *c = b->c;
    array own = { 0 };
    bool good = true;
    if (!c->in_place) array_make(&c->out, &own);
    array *out = c->in_place ? &b->in[c->in_place - 1] : &own;
    const size_t bytes = out->n * lt_dtype_bytes(out->t.dtype);
    unsigned char *first = NULL;
    for (int threads = 1; threads <= 3 && good; threads++) {
        ready r;
        lt_pool *pool = NULL;
        const char *why = ready_make(c->candidate, (lt_machine){ isa, threads, c->bf16_units }, b, &out->t, &r);
        *refused = why && !r.packed.base;
        if (why && !*refused) good = fail(b, &r, why);
        if (!why && lt_pool_create(threads, &pool) < 0) good = fail(b, &r, lt_error_last()->text);
        for (int s = 0; !why && good && s < (int)(sizeof steps / sizeof *steps); s++) {
            bench_refill(b, false);
            if (!c->in_place) array_fill(&own, NULL, 0, false);
            good = run_sliced(b, &r, &out->t, pool, steps[s]);
            if (!first) memcpy(first = need(malloc(bytes)), out->base, bytes);
            char text[80];
            snprintf(text, sizeof text, "slices of %d: other bits than whole, 1 thread", (int)steps[s]);
            if (good && memcmp(first, out->base, bytes)) good = fail(b, &r, text);
        }
        lt_pool_destroy(&pool);
        ready_free(&r);
    }
    free(first);
    array_free(&own);
    return good;
}

bool rig_independent(const rig_case *c)
{
    bench b;
    rig_case grown = *c;
    bool good = true, refused = false, taken = false;
    const int64_t own = c->in_place ? c->in[c->in_place - 1].dim[0] : c->out.dim[0];
    for (int i = 0; i < LT_MAX_IN; i++)
        if (grown.in[i].n_dims && grown.in[i].dim[0] == own) grown.in[i].dim[0] = WHOLE;
    grown.out.dim[0] = WHOLE;
    bench_make(&grown, &b);
    for (int isa = LT_ISA_BASE; isa <= (int)lt_cpu_isa(); isa++) {
        good = independent_at(&b, (lt_isa)isa, &refused) && good;
        taken = taken || !refused;
    }
    if (!taken && !c->may_refuse) {
        fprintf(stderr, "FAIL %s refuses at every level  (%s)\n", c->candidate->name, c->catches ? c->catches : "");
        good = false;
    }
    bench_free(&b);
    return good;
}

static size_t bytes_of(const array *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n; i++) n += a->mine[i];
    return n * lt_dtype_bytes(a->t.dtype);
}

static void time_with(bench *b, const array *out, int n_threads)
{
    enum { RUNS_MS = 300 };
    ready r;
    lt_pool *pool = NULL;
    size_t bytes = bytes_of(out);
    double best = INFINITY;
    for (int i = 0; i < LT_MAX_IN; i++) bytes += bytes_of(&b->in[i]);
    const char *why = ready_make(b->c->candidate, (lt_machine){ lt_cpu_isa(), n_threads, b->c->bf16_units }, b, &out->t, &r);
    if (!why && lt_pool_create(n_threads, &pool) >= 0) {
        const lt_args a = args_of(b, &out->t);
        const double end = lt_seconds() + RUNS_MS * 1e-3;
        do {
            const double start = lt_seconds();
            if (ready_launch(&r, &a, pool, NULL) < 0) why = lt_error_last()->text;
            best = fmin(best, lt_seconds() - start);
        } while (!why && lt_seconds() < end);
    }
    char in[96], to[96];
    printf("%-22s %-7s %d  %-20s -> %-20s ", b->c->candidate->name, lt_isa_name(lt_cpu_isa()), n_threads,
           lt_tensor_text(&b->in[0].t, in, sizeof in), lt_tensor_text(&out->t, to, sizeof to));
    if (why) printf("%s\n", why);
    else printf("%9.3f ms %7.2f GB/s  %s\n", best * 1e3, (double)bytes / best * 1e-9, b->c->catches ? b->c->catches : "");
    lt_pool_destroy(&pool);
    ready_free(&r);
}

void rig_time(const rig_case *rows, int n)
{
    if (!getenv("LT_RIG_TIME")) return;
    for (int i = 0; i < n; i++) {
        bench b;
        array own = { 0 };
        bench_make(&rows[i], &b);
        if (!rows[i].in_place) array_make(&rows[i].out, &own);
        for (int threads = 1; threads <= 2; threads++) time_with(&b, rows[i].in_place ? &b.in[rows[i].in_place - 1] : &own, threads);
        array_free(&own);
        bench_free(&b);
    }
}
