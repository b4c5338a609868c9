#include "kernels/gemm/gemm_dnnl.h"

#include <dlfcn.h>
#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

/* Rows of the one shape; bytes of the mark behind what was packed. */
enum { ROWS = 64, MARK = 64 };
enum { PACKED = 0x6c74444e };

/* oneDNN's threads are OpenMP's; we want one in each of ours. It decides when a primitive is made and again when it runs, by a number
 * that each thread has for itself. Its OpenMP is looked up, not linked: longtake uses none. */
typedef struct {
    void (*set)(int);
    int  (*get)(void);
} openmp;

static openmp find_openmp(void)
{
    openmp o;
    *(void **)&o.set = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    *(void **)&o.get = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    return o;
}

/* One thread from here on; returns what was. */
static int one_thread(const openmp *o)
{
    const int was = o->get && o->set ? o->get() : 1;
    if (was > 1) o->set(1);
    return was;
}

static void as_before(const openmp *o, int was)
{
    if (was > 1) o->set(was);
}

/* What describes the product; all NULL at first. */
typedef struct {
    dnnl_engine_t         engine;
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t desc;
} plan;

static void plan_free(plan *p)
{
    if (p->desc) dnnl_primitive_desc_destroy(p->desc);
    if (p->attr) dnnl_primitive_attr_destroy(p->attr);
    if (p->engine) dnnl_engine_destroy(p->engine);
    *p = (plan){ 0 };
}

static dnnl_data_type_t type_of(const lt_gemm_shape *s)
{
    return s->compute == LT_BF16 ? dnnl_bf16 : dnnl_f32;
}

/* false: the library has no such product. */
static bool plan_make(const lt_gemm_shape *s, lt_isa isa, plan *p)
{
    const dnnl_dim_t K = s->taps * s->chan, N = lt_gemm_columns(s, isa);
    const dnnl_dims_t a_dims = { ROWS, K }, b_dims = { K, N }, c_dims = { ROWS, N };
    const openmp o = find_openmp();
    dnnl_memory_desc_t a, b, c;
    dnnl_matmul_desc_t d;
    *p = (plan){ 0 };
    const int was = one_thread(&o);
    const bool good = dnnl_engine_create(&p->engine, dnnl_cpu, 0) == dnnl_success &&
        dnnl_memory_desc_init_by_tag(&a, 2, a_dims, type_of(s), dnnl_ab) == dnnl_success &&
        dnnl_memory_desc_init_by_tag(&b, 2, b_dims, type_of(s), dnnl_format_tag_any) == dnnl_success &&
        dnnl_memory_desc_init_by_tag(&c, 2, c_dims, dnnl_f32, dnnl_ab) == dnnl_success &&
        dnnl_matmul_desc_init(&d, &a, &b, NULL, &c) == dnnl_success && dnnl_primitive_attr_create(&p->attr) == dnnl_success &&
        dnnl_primitive_attr_set_scratchpad_mode(p->attr, dnnl_scratchpad_mode_user) == dnnl_success &&
        dnnl_primitive_desc_create(&p->desc, &d, p->attr, p->engine, NULL) == dnnl_success;
    as_before(&o, was);
    if (!good) plan_free(p);
    return good;
}

static const dnnl_memory_desc_t *part(const plan *p, dnnl_query_t what)
{
    return dnnl_primitive_desc_query_md(p->desc, what, 0);
}

static size_t part_bytes(const plan *p, dnnl_query_t what)
{
    const dnnl_memory_desc_t *md = part(p, what);
    return md ? dnnl_memory_desc_get_size(md) : 0;
}

static size_t round_up(size_t n)
{
    return (n + MARK - 1) / MARK * MARK;
}

const char *lt_gemm_dnnl_refuse(const lt_gemm_shape *s, const lt_machine *m)
{
    plan p;
    if (s->compute != LT_BF16) return "f32, which our own does";
    if (!m->bf16_units) return "a processor without units for bf16";
    if (!plan_make(s, m->isa, &p)) return "the library has no such product";
    plan_free(&p);
    return NULL;
}

size_t lt_gemm_dnnl_packed_bytes(const lt_gemm_shape *s, const lt_machine *m)
{
    plan p;
    if (!plan_make(s, m->isa, &p)) return 0;
    const size_t n = round_up(part_bytes(&p, dnnl_query_weights_md)) + round_up(lt_gemm_after_bytes(s, m->isa)) + MARK;
    plan_free(&p);
    return n;
}

/* b, f32 [K][N], into the layout of the plan. */
static bool reorder(const plan *p, const lt_gemm_shape *s, lt_isa isa, float *b, void *packed)
{
    const dnnl_dims_t dims = { s->taps * s->chan, lt_gemm_columns(s, isa) };
    dnnl_memory_desc_t plain;
    dnnl_memory_t from = NULL, to = NULL;
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_stream_t stream = NULL;
    bool good = dnnl_memory_desc_init_by_tag(&plain, 2, dims, dnnl_f32, dnnl_ab) == dnnl_success &&
        dnnl_memory_create(&from, &plain, p->engine, b) == dnnl_success &&
        dnnl_memory_create(&to, part(p, dnnl_query_weights_md), p->engine, packed) == dnnl_success &&
        dnnl_reorder_primitive_desc_create(&desc, &plain, p->engine, part(p, dnnl_query_weights_md), p->engine, NULL) == dnnl_success &&
        dnnl_primitive_create(&primitive, desc) == dnnl_success &&
        dnnl_stream_create(&stream, p->engine, dnnl_stream_default_flags) == dnnl_success;
    if (good) {
        const dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, from }, { DNNL_ARG_TO, to } };
        good = dnnl_primitive_execute(primitive, stream, 2, args) == dnnl_success && dnnl_stream_wait(stream) == dnnl_success;
    }
    if (stream) dnnl_stream_destroy(stream);
    if (primitive) dnnl_primitive_destroy(primitive);
    if (desc) dnnl_primitive_desc_destroy(desc);
    if (to) dnnl_memory_destroy(to);
    if (from) dnnl_memory_destroy(from);
    return good;
}

void lt_gemm_dnnl_pack(const lt_gemm_shape *s, const lt_machine *m, const lt_gemm_weights *w, void *packed)
{
    plan p;
    if (!plan_make(s, m->isa, &p)) return;
    const openmp o = find_openmp();
    const size_t K = (size_t)(s->taps * s->chan), after = round_up(part_bytes(&p, dnnl_query_weights_md));
    float *b = malloc(K * (size_t)lt_gemm_columns(s, m->isa) * sizeof *b);
    const int was = one_thread(&o);
    uint32_t *mark = (uint32_t *)(void *)((char *)packed + after + round_up(lt_gemm_after_bytes(s, m->isa)));
    if (b) lt_gemm_fill(s, m->isa, w, b);
    memset(mark, 0, MARK);
    /* A launch looks for the mark, since packing has no other way to say that it failed. */
    *mark = b && reorder(&p, s, m->isa, b, packed) ? PACKED : 0;
    lt_gemm_pack_after(s, m->isa, w, (float *)(void *)((char *)packed + after));
    as_before(&o, was);
    free(b);
    plan_free(&p);
}

size_t lt_gemm_dnnl_workspace_bytes(const lt_gemm_shape *s, int segs, const lt_machine *m)
{
    plan p;
    if (!plan_make(s, m->isa, &p)) return 0;
    const lt_gemm_product product = { .rows = ROWS, .type = s->compute, .scratch_bytes = part_bytes(&p, dnnl_query_scratchpad_md) };
    plan_free(&p);
    return lt_gemm_workspace_bytes(s, segs, &product, m);
}

/* What one thread hands to the library. */
typedef struct {
    dnnl_stream_t stream;
    dnnl_memory_t a, b, c, scratch;
} arguments;

typedef struct {
    plan             plan;
    dnnl_primitive_t primitive;
    openmp           openmp;
    int              n_threads;
    arguments       *of_slot;
    size_t           mark;                /* where it lies in the packed weights */
    lt_gemm_product  product;
} dnnl_state;

static bool arguments_make(const plan *p, arguments *a)
{
    return dnnl_stream_create(&a->stream, p->engine, dnnl_stream_default_flags) == dnnl_success &&
        dnnl_memory_create(&a->a, part(p, dnnl_query_src_md), p->engine, DNNL_MEMORY_NONE) == dnnl_success &&
        dnnl_memory_create(&a->b, part(p, dnnl_query_weights_md), p->engine, DNNL_MEMORY_NONE) == dnnl_success &&
        dnnl_memory_create(&a->c, part(p, dnnl_query_dst_md), p->engine, DNNL_MEMORY_NONE) == dnnl_success &&
        dnnl_memory_create(&a->scratch, part(p, dnnl_query_scratchpad_md), p->engine, DNNL_MEMORY_NONE) == dnnl_success;
}

static bool multiply(void *ctx, int slot, const void *a, const void *b, float *c, void *scratch)
{
    dnnl_state *d = ctx;
    const arguments *m = &d->of_slot[slot];
    const dnnl_exec_arg_t args[] = {
        { DNNL_ARG_SRC, m->a }, { DNNL_ARG_WEIGHTS, m->b }, { DNNL_ARG_DST, m->c }, { DNNL_ARG_SCRATCHPAD, m->scratch },
    };
    const int was = one_thread(&d->openmp);
    const bool good = dnnl_memory_set_data_handle(m->a, (void *)a) == dnnl_success &&
        dnnl_memory_set_data_handle(m->b, (void *)b) == dnnl_success && dnnl_memory_set_data_handle(m->c, c) == dnnl_success &&
        dnnl_memory_set_data_handle(m->scratch, scratch) == dnnl_success &&
        dnnl_primitive_execute(d->primitive, m->stream, 4, args) == dnnl_success && dnnl_stream_wait(m->stream) == dnnl_success;
    as_before(&d->openmp, was);
    return good;
}

lt_status lt_gemm_dnnl_open(const lt_gemm_shape *s, const lt_machine *m, void **state)
{
    lt_status st = LT_OK;
    dnnl_state *d = calloc(1, sizeof *d);
    int was = 1;
    *state = NULL;
    if (!d) LT_FAIL(LT_E_MEMORY, "no memory for a matrix product");
    d->openmp = find_openmp();
    was = one_thread(&d->openmp);
    d->n_threads = m->n_threads;
    d->of_slot = calloc((size_t)m->n_threads, sizeof *d->of_slot);
    if (!d->of_slot) LT_FAIL(LT_E_MEMORY, "no memory for a matrix product");
    if (!plan_make(s, m->isa, &d->plan) || dnnl_primitive_create(&d->primitive, d->plan.desc) != dnnl_success)
        LT_FAIL(LT_E_INTERNAL, "oneDNN has no %s matrix product of %d x %d", lt_dtype_name(s->compute), s->taps * s->chan,
                s->groups * s->cols);
    for (int i = 0; i < m->n_threads; i++)
        if (!arguments_make(&d->plan, &d->of_slot[i])) LT_FAIL(LT_E_MEMORY, "oneDNN has no memory for a matrix product");
    const size_t b = part_bytes(&d->plan, dnnl_query_weights_md);
    d->mark = round_up(b) + round_up(lt_gemm_after_bytes(s, m->isa));
    d->product = (lt_gemm_product){
        .rows = ROWS, .type = s->compute, .b_bytes = b, .scratch_bytes = part_bytes(&d->plan, dnnl_query_scratchpad_md), .ctx = d,
        .multiply = multiply,
    };
    *state = d;
    d = NULL;
done:
    if (*state) as_before(&((dnnl_state *)*state)->openmp, was);
    else if (d) as_before(&d->openmp, was);
    lt_gemm_dnnl_close((void **)&d);
    return st;
}

void lt_gemm_dnnl_close(void **state)
{
    dnnl_state *d = *state;
    if (!d) return;
    for (int i = 0; d->of_slot && i < d->n_threads; i++) {
        const arguments *a = &d->of_slot[i];
        if (a->scratch) dnnl_memory_destroy(a->scratch);
        if (a->c) dnnl_memory_destroy(a->c);
        if (a->b) dnnl_memory_destroy(a->b);
        if (a->a) dnnl_memory_destroy(a->a);
        if (a->stream) dnnl_stream_destroy(a->stream);
    }
    if (d->primitive) dnnl_primitive_destroy(d->primitive);
    plan_free(&d->plan);
    free(d->of_slot);
    free(d);
    *state = NULL;
}

lt_status lt_gemm_dnnl_run(const lt_launch *l, lt_gemm g, void *state)
{
    lt_status st = LT_OK;
    const dnnl_state *d = state;
    g.product = &d->product;
    if (*(const uint32_t *)(const void *)((const char *)g.packed + d->mark) != PACKED)
        LT_FAIL(LT_E_MEMORY, "oneDNN could not pack the weights of a matrix product");
    LT_TRY(lt_gemm_run(l, &g));
done:
    return st;
}
