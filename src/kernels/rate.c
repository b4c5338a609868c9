#include <longtake/rate.h>

#include <longtake/clock.h>

#include <dlfcn.h>
#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

/* The library is built with OpenMP; this thread's own setting tells how many threads a call takes. */
static void use_threads(int n)
{
    void (*set)(int) = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    memcpy(&set, &symbol, sizeof set);
    if (set) set(n);
}

typedef struct {
    dnnl_engine_t         engine;
    dnnl_stream_t         stream;
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t      matmul;
    dnnl_memory_t         memory[3];
    void                 *data[3];
} product;

static void destroy(product *p)
{
    for (int i = 0; i < 3; i++) {
        if (p->memory[i]) dnnl_memory_destroy(p->memory[i]);
        free(p->data[i]);
    }
    if (p->matmul) dnnl_primitive_destroy(p->matmul);
    if (p->desc) dnnl_primitive_desc_destroy(p->desc);
    if (p->stream) dnnl_stream_destroy(p->stream);
    if (p->engine) dnnl_engine_destroy(p->engine);
}

static lt_status create(product *p, lt_dtype dtype, int n)
{
    lt_status st = LT_OK;
    const dnnl_dims_t dims = { n, n };
    const dnnl_data_type_t type = dtype == LT_BF16 ? dnnl_bf16 : dnnl_f32;
    dnnl_memory_desc_t md;
    dnnl_matmul_desc_t wanted;
    if (dnnl_engine_create(&p->engine, dnnl_cpu, 0) != dnnl_success || dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags) != dnnl_success ||
        dnnl_memory_desc_init_by_tag(&md, 2, dims, type, dnnl_ab) != dnnl_success || dnnl_matmul_desc_init(&wanted, &md, &md, NULL, &md) != dnnl_success ||
        dnnl_primitive_desc_create(&p->desc, &wanted, NULL, p->engine, NULL) != dnnl_success || dnnl_primitive_create(&p->matmul, p->desc) != dnnl_success)
        LT_FAIL(LT_E_DEVICE, "oneDNN has no %s matrix product on this processor", lt_dtype_name(dtype));
    for (int i = 0; i < 3; i++) {
        const size_t n_bytes = (size_t)n * (size_t)n * lt_dtype_bytes(dtype);
        p->data[i] = aligned_alloc(64, n_bytes + (64 - n_bytes % 64) % 64);
        if (!p->data[i]) LT_FAIL(LT_E_MEMORY, "no memory for matrices of %d x %d", n, n);
        for (size_t k = 0; k < (size_t)n * (size_t)n; k++) {
            const float v = (float)((k * 2654435761u + (size_t)i) % 1000) / 1000.0f - 0.5f;
            if (dtype == LT_BF16) ((uint16_t *)p->data[i])[k] = lt_bf16_from_float(v);
            else ((float *)p->data[i])[k] = v;
        }
        if (dnnl_memory_create(&p->memory[i], &md, p->engine, p->data[i]) != dnnl_success) LT_FAIL(LT_E_DEVICE, "oneDNN cannot use its own matrices");
    }
done:
    return st;
}

lt_status lt_matmul_rate(lt_dtype dtype, int n, int n_threads, int repeats, double *gflops)
{
    lt_status st = LT_OK;
    product p = { 0 };
    *gflops = 0;
    use_threads(n_threads);
    LT_TRY(create(&p, dtype, n));
    const dnnl_exec_arg_t args[] = { { DNNL_ARG_SRC, p.memory[0] }, { DNNL_ARG_WEIGHTS, p.memory[1] }, { DNNL_ARG_DST, p.memory[2] } };
    /* The first call makes what the library keeps for itself. */
    for (int i = 0; i <= repeats; i++) {
        const double before = lt_seconds();
        if (dnnl_primitive_execute(p.matmul, p.stream, 3, args) != dnnl_success || dnnl_stream_wait(p.stream) != dnnl_success)
            LT_FAIL(LT_E_DEVICE, "oneDNN failed at a matrix product");
        const double rate = 2.0 * n * n * (double)n / (lt_seconds() - before) * 1e-9;
        if (i > 0 && rate > *gflops) *gflops = rate;
    }
done:
    destroy(&p);
    return st;
}
