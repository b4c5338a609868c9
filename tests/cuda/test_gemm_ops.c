/* linear, conv2d and convtranspose2d on CUDA, without tensor cores and with our own kernel for them, under the shim, in the CPU's tables. */
#include "check.h"
#include "cuda/orders.h"
#include "kernels/gemm_rows.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

ORDERS(linear)
ORDERS(conv2d)
ORDERS(convtranspose2d)

/* Batches are cut in many ways, and a GPU's kernel knows neither levels nor threads of the CPU: once is enough, with the rig's last pool. */
static const char *once(const lt_args *a, const lt_machine *m)
{
    (void)a;
    return m->isa != LT_ISA_BASE || m->n_threads != 3 ? "one level of the CPU and one pool stand for all" : NULL;
}

#define TABLE(op)                                                                          \
    static void op##_is_right(void **state)                                                \
    {                                                                                      \
        int failed = 0;                                                                    \
        (void)state;                                                                       \
        orders_of_##op();                                                                  \
        for (size_t i = 0; i < sizeof op##_rows / sizeof *op##_rows; i++) {                \
            lt_##op##_attr attr;                                                           \
            const rig_case c = op##_case(&op##_rows[i], &shimmed_##op, &attr);             \
            failed += !rig_check(&c);                                                      \
        }                                                                                  \
        for (size_t i = 0; i < sizeof op##_f16_rows / sizeof *op##_f16_rows; i++) {        \
            lt_##op##_attr attr;                                                           \
            const rig_case c = op##_case(&op##_f16_rows[i], &shimmed_##op, &attr);         \
            failed += !rig_check(&c);                                                      \
        }                                                                                  \
        lt_kernel alone = lt_##op##_cuda;                                                  \
        alone.refuse = once;                                                               \
        for (size_t i = 0; i < sizeof op##_batches / sizeof *op##_batches; i++) {          \
            lt_##op##_attr attr;                                                           \
            const rig_case c = op##_case(&op##_batches[i], &alone, &attr);                 \
            failed += !rig_independent(&c);                                                \
        }                                                                                  \
        assert_int_equal(failed, 0);                                                       \
    }

TABLE(linear)
TABLE(conv2d)
TABLE(convtranspose2d)

/* ---- tensor cores ---- */

static lt_machine gpu_of(const lt_machine *m, int sm)
{
    lt_machine gpu = *m;
    gpu.backend = LT_BACKEND_CUDA;
    gpu.sm = sm;
    return gpu;
}

#define MMA(op)                                                                                \
    static lt_status launch_##op##_mma(const lt_launch *l, const lt_args *a)                   \
    {                                                                                          \
        return orders_launch(&lt_##op##_mma, l, a);                                            \
    }                                                                                          \
    static const char *refuse_##op##_mma(const lt_args *a, const lt_machine *m)                \
    {                                                                                          \
        const lt_machine gpu = gpu_of(m, 80);                                                  \
        return orders_refuse(&lt_##op##_mma, a, &gpu);                                         \
    }                                                                                          \
    static void op##_mma_is_right(void **state)                                                \
    {                                                                                          \
        int failed = 0;                                                                        \
        lt_kernel shimmed = lt_##op##_mma;                                                     \
        lt_##op##_attr attr;                                                                   \
        (void)state;                                                                           \
        shimmed.launch = launch_##op##_mma;                                                    \
        shimmed.refuse = refuse_##op##_mma;                                                    \
        for (size_t i = 0; i < sizeof op##_mma_rows / sizeof *op##_mma_rows; i++) {            \
            const rig_case c = op##_case(&op##_mma_rows[i], &shimmed, &attr);                  \
            failed += !rig_check(&c);                                                          \
        }                                                                                      \
        shimmed = lt_##op##_mma;                                                               \
        shimmed.refuse = once;                                                                 \
        for (size_t i = 0; i < sizeof op##_mma_batches / sizeof *op##_mma_batches; i++) {      \
            const rig_case c = op##_case(&op##_mma_batches[i], &shimmed, &attr);               \
            failed += !rig_independent(&c);                                                    \
        }                                                                                      \
        assert_int_equal(failed, 0);                                                           \
    }

MMA(linear)
MMA(conv2d)
MMA(convtranspose2d)

static lt_args bare_args(const rig_case *c)
{
    lt_args a = { .attr = c->attr, .out = lt_tensor_dense(NULL, c->out.dtype, c->out.n_dims, c->out.dim) };
    for (int i = 0; i < LT_MAX_IN; i++) {
        if (!c->in[i].n_dims) continue;
        a.in[i] = lt_tensor_dense(NULL, c->in[i].dtype, c->in[i].n_dims, c->in[i].dim);
        int64_t next = 1;
        for (int d = c->in[i].n_dims - 1; d >= 0; d--) {
            a.in[i].stride[d] = next + c->in[i].gap[d];
            next = a.in[i].stride[d] * c->in[i].dim[d];
        }
    }
    return a;
}

/* In words, so that a plan takes the next candidate: what tensor cores do not do, and GPUs that have none. */
static void mma_is_refused(void **state)
{
    const lt_machine none = { 0 };
    lt_linear_attr attr;
    (void)state;
    for (size_t i = 0; i < sizeof linear_not_mma_rows / sizeof *linear_not_mma_rows; i++) {
        const rig_case c = linear_case(&linear_not_mma_rows[i], &lt_linear_mma, &attr);
        const lt_args a = bare_args(&c);
        const lt_machine gpu = gpu_of(&none, 90);
        if (!lt_linear_mma.refuse(&a, &gpu)) fail_msg("takes %s", c.catches);
    }
    static const struct {
        int  compute, sm;
        bool taken;
    } gpus[] = { { F16, 70, false }, { F16, 75, true }, { B16, 75, false }, { B16, 80, true }, { F16, 120, true } };
    for (size_t i = 0; i < sizeof gpus / sizeof *gpus; i++) {
        const linear_row r = { "GPUs", 64, 45, 0, gpus[i].compute, BIAS, 1, 5, gpus[i].compute, F32 };
        const rig_case c = linear_case(&r, &lt_linear_mma, &attr);
        const lt_args a = bare_args(&c);
        const lt_machine gpu = gpu_of(&none, gpus[i].sm);
        assert_int_equal(!lt_linear_mma.refuse(&a, &gpu), gpus[i].taken);
    }
}

/* So many rows that tiles are large; the same rows a few at a time, whose tiles are small: the same bits. */
static void large_and_small_tiles_agree(void **state)
{
    enum { ROWS = 128 * 128 - 5, K = 40, N = 72, PART = 500 };
    static const int computes[] = { F16, B16 };
    float *w = malloc(sizeof(float) * N * (K + 1)), *first = malloc(sizeof(float) * ROWS * N), *second = malloc(sizeof(float) * PART * N);
    uint16_t *x = malloc(sizeof(uint16_t) * ROWS * K);
    (void)state;
    assert_true(w && first && second && x);
    for (int i = 0; i < N * (K + 1); i++) w[i] = (float)(i * 7919 % 1009 - 504) * 0.003f;
    for (size_t t = 0; t < sizeof computes / sizeof *computes; t++) {
        const lt_linear_attr attr = { K, N, (lt_dtype)computes[t], LT_ACT_RELU, true, false };
        for (unsigned i = 0; i < ROWS * K; i++) {
            const float v = (float)((int)(i * 6151u % 2003u) - 1001) * 0.0017f;
            x[i] = computes[t] == F16 ? lt_half_from_float(v) : lt_bf16_from_float(v);
        }
        lt_args a = { .attr = &attr, .in = { lt_tensor_dense(x, attr.compute, 2, (int64_t[]){ ROWS, K }) },
                      .out = lt_tensor_dense(first, LT_F32, 2, (int64_t[]){ ROWS, N }) };
        const lt_weight_data data[LT_MAX_WEIGHTS] = { { w, 2, { N, K } }, { w + N * K, 1, { N } } };
        void *packed = malloc(lt_linear_mma.packed_bytes(&a, NULL));
        assert_non_null(packed);
        lt_linear_mma.pack(&a, NULL, data, packed);
        a.packed = packed;
        assert_ok(lt_linear_mma.launch(&(lt_launch){ .isa = LT_ISA_BASE }, &a));
        for (int row = 0; row < ROWS; row += 5 * PART) {
            const int64_t n = ROWS - row < PART ? ROWS - row : PART;
            lt_args part = a;
            part.in[0] = lt_tensor_dense(x + (size_t)row * K, attr.compute, 2, (int64_t[]){ n, K });
            part.out = lt_tensor_dense(second, LT_F32, 2, (int64_t[]){ n, N });
            assert_ok(lt_linear_mma.launch(&(lt_launch){ .isa = LT_ISA_BASE }, &part));
            assert_memory_equal(first + (size_t)row * N, second, (size_t)n * N * sizeof *second);
        }
        free(packed);
    }
    free(w);
    free(first);
    free(second);
    free(x);
}

/* Bytes that end where memory ends: what reads beyond them dies. */
static void *at_the_end(size_t bytes, void **map, size_t *mapped)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (bytes + page - 1) / page * page;
    *mapped = whole + page;
    *map = mmap(NULL, *mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(*map != MAP_FAILED);
    assert_return_code(mprotect((char *)*map + whole, page, PROT_NONE), 0);
    return (char *)*map + (whole - bytes);
}

/* Fewer columns than a block has, and depths that fill no block of k's: beyond the last panel, and beyond the last value of a row, nothing is read. */
static void nothing_is_read_beyond_the_operands(void **state)
{
    static const struct {
        int k, n, act;
    } cases[] = { { 1000, 3, LT_ACT_NONE }, { 1000, 8, LT_ACT_RELU }, { 8, 72, LT_ACT_GELU }, { 1000, 5, LT_ACT_GEGLU }, { 1024, 200, LT_ACT_NONE } };
    enum { ROWS = 67 };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int K = cases[i].k, N = cases[i].n, columns = N * (cases[i].act == LT_ACT_GEGLU ? 2 : 1);
        const lt_linear_attr attr = { K, N, LT_F16, (lt_act)cases[i].act, true, false };
        void *maps[3];
        size_t sizes[3];
        float *w = calloc((size_t)columns * (size_t)(K + 1), sizeof *w);
        uint16_t *x = at_the_end(sizeof *x * (size_t)(ROWS * K), &maps[0], &sizes[0]);
        float *out = at_the_end(sizeof *out * (size_t)(ROWS * N), &maps[1], &sizes[1]);
        assert_non_null(w);
        for (int k = 0; k < columns * (K + 1); k++) w[k] = (float)(k * 7919 % 1009 - 504) * 0.003f;
        for (int k = 0; k < ROWS * K; k++) x[k] = lt_half_from_float((float)(k * 6151 % 2003 - 1001) * 0.0017f);
        lt_args a = { .attr = &attr, .in = { lt_tensor_dense(x, LT_F16, 2, (int64_t[]){ ROWS, K }) },
                      .out = lt_tensor_dense(out, LT_F32, 2, (int64_t[]){ ROWS, N }) };
        const lt_weight_data data[LT_MAX_WEIGHTS] = { { w, 2, { columns, K } }, { w + columns * K, 1, { columns } } };
        void *packed = at_the_end(lt_linear_mma.packed_bytes(&a, NULL), &maps[2], &sizes[2]);
        assert_int_equal((uintptr_t)packed % 16, 0);
        lt_linear_mma.pack(&a, NULL, data, packed);
        a.packed = packed;
        assert_ok(lt_linear_mma.launch(&(lt_launch){ .isa = LT_ISA_BASE }, &a));
        for (int m = 0; m < 3; m++) assert_return_code(munmap(maps[m], sizes[m]), 0);
        free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_is_right),
        cmocka_unit_test(conv2d_is_right),
        cmocka_unit_test(convtranspose2d_is_right),
        cmocka_unit_test(linear_mma_is_right),
        cmocka_unit_test(conv2d_mma_is_right),
        cmocka_unit_test(convtranspose2d_mma_is_right),
        cmocka_unit_test(mma_is_refused),
        cmocka_unit_test(large_and_small_tiles_agree),
        cmocka_unit_test(nothing_is_read_beyond_the_operands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
