/* Operators that go value by value or row by row, against their definitions. Tolerances are those of their headers. */
#include "check.h"
#include "kernels/rig.h"

#define PAIR(op) .definition = &lt_##op##_ref, .candidate = &lt_##op##_own
#include "kernels/pointwise_rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS(table) (int)(sizeof(table) / sizeof *(table))

static void tables(void **state)
{
    int failed = 0;
    (void)state;
    failed += rig_table(layernorm_rows, ROWS(layernorm_rows));
    failed += rig_table(stats_rows, ROWS(stats_rows));
    failed += rig_table(groupnorm_rows, ROWS(groupnorm_rows));
    failed += rig_table(binary_rows, ROWS(binary_rows));
    failed += rig_table(unary_rows, ROWS(unary_rows));
    failed += rig_table(copy_rows, ROWS(copy_rows));
    failed += rig_table(resize_rows, ROWS(resize_rows));
    assert_int_equal(failed, 0);
}

/* Vector code that does not read f16 refuses it in words; it must not take it for bf16. */
static void refuses_f16(const rig_case *rows, int n)
{
    for (int i = 0; i < n; i++) {
        const rig_case *c = &rows[i];
        lt_args a = { .attr = c->attr, .out = lt_tensor_dense(NULL, c->out.dtype, c->out.n_dims, c->out.dim) };
        for (int k = 0; k < LT_MAX_IN; k++)
            if (c->in[k].n_dims) a.in[k] = lt_tensor_dense(NULL, c->in[k].dtype, c->in[k].n_dims, c->in[k].dim);
        const char *why = c->candidate->refuse(&a, &(const lt_machine){ .n_threads = 1 });
        if (!why || !strstr(why, "f16")) fail_msg("%s takes f16, or does not name it: %s (%s)", c->candidate->name, why ? why : "nothing", c->catches);
    }
}

static void f16_is_for_gpus(void **state)
{
    (void)state;
    refuses_f16(layernorm_f16_rows, ROWS(layernorm_f16_rows));
    refuses_f16(stats_f16_rows, ROWS(stats_f16_rows));
    refuses_f16(groupnorm_f16_rows, ROWS(groupnorm_f16_rows));
    refuses_f16(resize_f16_rows, ROWS(resize_f16_rows));
}

/* Sizes of a network of 32 frames of 518 x 518, for rig_time. */
static const rig_case timed_rows[] = {
    { "vits", LAYERNORM(384), .in = { { 3, { 4, 1370, 384 }, LT_F32 } }, .out = { 3, { 4, 1370, 384 }, LT_F32 } },
    { "motion module, with positions", LAYERNORM(64),
      .in = { { 3, { 32, 1369, 64 }, LT_F32 }, { 3, { 32, 1369, 64 }, LT_F32, .repeat = 2 } },
      .out = { 3, { 32, 1369, 64 }, LT_F32 } },
    { "192 channels", STATS(192, 32), .in = { { 3, { 8, 1369, 192 }, LT_F32 } }, .out = { 3, { 8, 32, 2 }, LT_F32 } },
    { "64 channels", STATS(64, 32), .in = { { 3, { 4, 21904, 64 }, LT_F32 } }, .out = { 3, { 4, 32, 2 }, LT_F32 } },
    { "64 channels", GROUPNORM(64, 32), .in = { { 3, { 4, 21904, 64 }, LT_F32 }, { 3, { 4, 32, 2 }, LT_F32 } },
      .out = { 3, { 4, 21904, 64 }, LT_F32 } },
    { "in place", ADD, .in = { { 3, { 4, 21904, 64 }, LT_F32 }, { 3, { 4, 21904, 64 }, LT_F32 } }, .in_place = 1 },
    { "by channel", MUL, .in = { { 3, { 4, 1370, 384 }, LT_F32 } }, .out = { 3, { 4, 1370, 384 }, LT_F32 }, .weights = { { 1, { 384 } } } },
    { "in place", UNARY(RELU, NULL), .in = { { 3, { 4, 21904, 64 }, LT_F32 } }, .in_place = 1 },
    { "gelu", UNARY(GELU, unary_allowed), .in = { { 3, { 4, 1370, 1536 }, LT_F32 } }, .out = { 3, { 4, 1370, 1536 }, LT_F32 } },
    { "geglu, f32 to bf16", UNARY(GEGLU, unary_allowed), .in = { { 3, { 32, 342, 512 }, LT_F32 } },
      .out = { 3, { 32, 342, 256 }, LT_BF16 } },
    { "x2", RESIZE, .in = { { 4, { 1, 148, 148, 64 }, LT_F32 } }, .out = { 4, { 1, 296, 296, 64 }, LT_F32 } },
    { "to the frame", RESIZE, .in = { { 4, { 1, 296, 296, 32 }, LT_F32 } }, .out = { 4, { 1, 518, 518, 32 }, LT_F32 } },
    { "depth maps", RESIZE, .in = { { 4, { 4, 518, 518, 1 }, LT_F32 } }, .out = { 4, { 4, 720, 1280, 1 }, LT_F32 } },
    { "dense, to bf16", COPY, .in = { { 3, { 4, 21904, 64 }, LT_F32 } }, .out = { 3, { 4, 21904, 64 }, LT_BF16 } },
    { "heads and tokens", COPY, .in = { { 4, { 4, 6, 1370, 64 }, LT_F32, .strided = true, .stride = { 1370 * 384, 64, 384, 1 } } },
      .out = { 4, { 4, 6, 1370, 64 }, LT_F32 } },
    { "channels first to last", COPY,
      .in = { { 4, { 4, 518, 518, 3 }, LT_F32, .strided = true, .stride = { 3 * 518 * 518, 518, 1, 518 * 518 } } },
      .out = { 4, { 4, 518, 518, 3 }, LT_F32 } },
};

/* The error that unary.h promises, relative to |x|, all over where gelu is neither 0 nor x. */
static void gelu_error(void **state)
{
    enum { N = 200003 };
    static float x[N], y[N];
    const int64_t dim[] = { N };
    const lt_unary_attr attr = { LT_ACT_GELU };
    const lt_args a = { .attr = &attr, .in = { lt_tensor_dense(x, LT_F32, 1, dim) }, .out = lt_tensor_dense(y, LT_F32, 1, dim) };
    (void)state;
    for (int i = 0; i < N; i++) x[i] = -9.f + 18.f * (float)i / (float)(N - 1);
    for (int isa = LT_ISA_BASE; isa <= (int)lt_cpu_isa(); isa++) {
        assert_ok(lt_unary_own.launch(&(lt_launch){ .isa = (lt_isa)isa }, &a));
        assert_true(y[0] == 0.f && y[1] == 0.f && y[N - 1] == x[N - 1]);
        for (int i = 0; i < N; i++) {
            const double t = (double)x[i], should = t / 2 * (1 + erf(t / sqrt(2)));
            if (!(fabs((double)y[i] - should) <= 0x1p-22 * fabs(t)))
                fail_msg("%s: gelu(%.9g) = %.9g, should be %.9g", lt_isa_name((lt_isa)isa), t, (double)y[i], should);
        }
    }
}

/* A definition's output for f32 inputs and raw weights, all dense and of the same sizes [1,dim0,dim1]; stats [1,G,2] as they are. */
static void define(const lt_kernel *k, const void *attr, const float *x, int rows, int columns, const float *second, const int64_t *second_dim,
                   const float *const weights[2], float *out)
{
    const int64_t dim[] = { 1, rows, columns };
    float packed[64];
    lt_args a = { .attr = attr, .in = { lt_tensor_dense((void *)(uintptr_t)x, LT_F32, 3, dim) }, .out = lt_tensor_dense(out, LT_F32, 3, dim),
                  .packed = packed };
    if (second) a.in[1] = lt_tensor_dense((void *)(uintptr_t)second, LT_F32, 3, second_dim);
    const lt_weight_data w[LT_MAX_WEIGHTS] = { { weights[0], 1, { columns } }, { weights[1], 1, { columns } } };
    if (k->pack) k->pack(&a, NULL, w, packed);
    assert_ok(k->launch(&(lt_launch){ .isa = LT_ISA_BASE }, &a));
}

/* Definitions, which share packing and attributes with the fast versions, against numbers worked out by hand. */
static void by_hand(void **state)
{
    static const float x[] = { 1, 5, -2, 2 }, w[] = { 2, 3 }, b[] = { 10, 20 }, stats[] = { 1, .5f, -1, 2 }, more[] = { 100, 200, 300, 400 };
    const float *const affine[2] = { w, b };
    const int64_t stats_dim[] = { 1, 2, 2 };
    float y[4];
    (void)state;
    define(&lt_layernorm_ref, &(const lt_layernorm_attr){ 2, 0.f }, x, 2, 2, more, stats_dim, affine, y);
    assert_true(y[0] == 108 && y[1] == 223 && y[2] == 308 && y[3] == 423);                  /* (x - mean) / dev is -1, 1 */
    define(&lt_layernorm_ref, &(const lt_layernorm_attr){ 2, 12.f }, x, 2, 2, NULL, NULL, affine, y);
    assert_true(y[0] == 9 && y[1] == 21.5f && y[2] == 9 && y[3] == 21.5f);                  /* variance 4 and eps 12: -1/2, 1/2 */
    define(&lt_groupnorm_ref, &(const lt_groupnorm_attr){ 2, 2 }, x, 2, 2, stats, stats_dim, affine, y);
    assert_true(y[0] == 10 && y[1] == 56 && y[2] == 7 && y[3] == 38);
    define(&lt_binary_ref, &(const lt_binary_attr){ LT_BINARY_MUL }, x, 2, 2, NULL, NULL, affine, y);
    assert_true(y[0] == 2 && y[1] == 15 && y[2] == -4 && y[3] == 6);
    define(&lt_binary_ref, &(const lt_binary_attr){ LT_BINARY_ADD }, x, 2, 2, more, stats_dim, affine, y);
    assert_true(y[0] == 101 && y[1] == 205 && y[2] == 298 && y[3] == 402);
    define(&lt_unary_ref, &(const lt_unary_attr){ LT_ACT_RELU }, x, 2, 2, NULL, NULL, affine, y);
    assert_true(y[0] == 1 && y[1] == 5 && y[2] == 0 && y[3] == 2);
    define(&lt_unary_ref, &(const lt_unary_attr){ LT_ACT_GELU }, x, 2, 2, NULL, NULL, affine, y);
    assert_true(fabs((double)y[0] - .841344746068543) < 1e-7 && fabs((double)y[2] + .0455002638963584) < 1e-8);  /* x times the normal distribution at x */
}

/* A map 2 x 2 to 3 x 3, statistics of two groups, and a pair of halves: sizes differ, so by themselves. */
static void by_hand_other_sizes(void **state)
{
    static float x[] = { 0, 4, 8, 20 }, y[9];
    lt_args a = { .attr = &(const lt_resize_attr){ LT_RESIZE_BILINEAR_CORNERS }, .in = { lt_tensor_dense(x, LT_F32, 4, (int64_t[]){ 1, 2, 2, 1 }) },
                  .out = lt_tensor_dense(y, LT_F32, 4, (int64_t[]){ 1, 3, 3, 1 }) };
    static const float middle[] = { 0, 2, 4, 4, 8, 12, 8, 14, 20 };
    (void)state;
    assert_ok(lt_resize_ref.launch(&(lt_launch){ .isa = LT_ISA_BASE }, &a));
    assert_memory_equal(y, middle, sizeof middle);
    a = (lt_args){ .attr = &(const lt_groupnorm_stats_attr){ 2, 2, 0.f }, .in = { lt_tensor_dense(x, LT_F32, 3, (int64_t[]){ 1, 2, 2 }) },
                   .out = lt_tensor_dense(y, LT_F32, 3, (int64_t[]){ 1, 2, 2 }) };
    assert_ok(lt_groupnorm_stats_ref.launch(&(lt_launch){ .isa = LT_ISA_BASE }, &a));
    assert_true(y[0] == 4 && y[1] == .25f && y[2] == 12 && y[3] == .125f);
    a = (lt_args){ .attr = &(const lt_unary_attr){ LT_ACT_GEGLU }, .in = { lt_tensor_dense(x, LT_F32, 3, (int64_t[]){ 1, 1, 4 }) },
                   .out = lt_tensor_dense(y, LT_F32, 3, (int64_t[]){ 1, 1, 2 }) };
    assert_ok(lt_unary_ref.launch(&(lt_launch){ .isa = LT_ISA_BASE }, &a));
    assert_true(y[0] == 0 && y[1] == 80);
}

/* Places within the map, in order, and a weight that never reaches the third. */
static void resize_taps(void **state)
{
    static const int64_t sizes[] = { 1, 2, 3, 7, 37, 518, 1000, 1999 };
    (void)state;
    for (int n_in = 0; n_in < ROWS(sizes); n_in++)
        for (int n_out = 0; n_out < ROWS(sizes); n_out++)
            for (int64_t i = 0; i < sizes[n_out]; i++) {
                int64_t first, second;
                float t;
                lt_resize_taps(sizes[n_in], sizes[n_out], i, &first, &second, &t);
                const double place = sizes[n_out] > 1 ? (double)i * (double)(sizes[n_in] - 1) / (double)(sizes[n_out] - 1) : 0;
                assert_true(first >= 0 && second < sizes[n_in] && (second == first + 1 || (second == first && second == sizes[n_in] - 1)));
                assert_true(t >= 0.f && t < 1.f && fabs((double)first + (double)t - place) <= 0x1p-22 * place);
            }
}

/* Bands of a map, from bands of the input that hold no row more than is read, put together: the map. */
static void resize_bands(void **state)
{
    enum { N = 2, H = 13, W = 7, C = 11, HO = 31, WO = 10, BAND = 8 };
    static float x[N * H * W * C], whole[N * HO * WO * C], cut[N * HO * WO * C], workspace[1024];
    const lt_resize_attr attr = { LT_RESIZE_BILINEAR_CORNERS };
    const lt_launch l = { .isa = lt_cpu_isa(), .workspace = workspace };
    lt_args a = { .attr = &attr, .in = { lt_tensor_dense(x, LT_F32, 4, (int64_t[]){ N, H, W, C }) },
                  .out = lt_tensor_dense(whole, LT_F32, 4, (int64_t[]){ N, HO, WO, C }) };
    (void)state;
    for (int i = 0; i < N * H * W * C; i++) x[i] = (float)(i * 7919 % 1009) * 0.37f;
    assert_true(lt_resize_own.workspace_bytes(&a, NULL) <= sizeof workspace);
    assert_ok(lt_resize_own.launch(&l, &a));
    a.out.data = cut;
    for (int r = 0; r < HO; r += BAND) {
        const int n = r + BAND < HO ? BAND : HO - r;
        int64_t first, last, other;
        float t;
        lt_resize_taps(H, HO, r, &first, &other, &t);
        lt_resize_taps(H, HO, r + n - 1, &other, &last, &t);
        a.in[0].data = x + first * W * C;
        a.in[0].row0 = first;
        a.in[0].dim[1] = last - first + 1;
        a.out.data = cut + (int64_t)r * WO * C;
        a.out.row0 = r;
        a.out.dim[1] = n;
        assert_ok(lt_resize_own.launch(&l, &a));
    }
    assert_memory_equal(whole, cut, sizeof whole);
}

int main(void)
{
    rig_time(timed_rows, ROWS(timed_rows));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),    cmocka_unit_test(by_hand_other_sizes), cmocka_unit_test(tables),
        cmocka_unit_test(f16_is_for_gpus), cmocka_unit_test(gelu_error), cmocka_unit_test(resize_taps), cmocka_unit_test(resize_bands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
