/* linear and convtranspose2d by cuBLASLt: what is asked of the library, and what comes of it. */
#include "check.h"
#include "cublaslt_fake.h"
#include "fakegpu/libs_rig.h"
#include "kernels/gemm_rows.h"

#include <cublasLt.h>

#include <stdlib.h>
#include <string.h>

enum { H16 = LT_F16 };

/* linear.h, where it speaks of linear.cublaslt. */
static double allowed(const rig_case *c, double value, double scale)
{
    const lt_linear_attr *t = c->attr;
    const lt_dtype out = c->in_place ? c->in[c->in_place - 1].dtype : c->out.dtype;
    const double u = t->compute == LT_BF16 ? ldexp(1, -9) : t->compute == LT_F16 ? ldexp(1, -12) : 0;
    const bool after = t->act == LT_ACT_GELU || t->act == LT_ACT_GEGLU || (t->act == LT_ACT_RELU && (t->gamma || c->in[1].n_dims));
    double more = 0;
    if (t->gamma && !after) more += 2 * u;
    if (t->bias && !after && out != LT_F32) more += u;
    if (t->act == LT_ACT_GELU && out != LT_F32 && !c->in[1].n_dims) more += 2.26 * u;
    return linear_allowed(c, value, scale) + more * scale;
}

static const linear_row own_rows[] = {
    { "one matrix of all frames",                    64, 48, 0, F32, BIAS, 2, 5, F32, F32 },
    { "ReLU by the library",                         64, 48, LT_ACT_RELU, F32, BIAS, 2, 5, F32, F32 },
    { "ReLU without bias",                           64, 48, LT_ACT_RELU, F32, 0, 2, 5, F32, F32 },
    { "gamma folded, residual by C in place",        64, 48, 0, F32, BIAS | GAMMA | RESIDUAL | IN_PLACE, 2, 5, F32, F32 },
    { "residual elsewhere",                          64, 48, 0, F32, BIAS | RESIDUAL, 2, 5, F32, F32 },
    { "views: batches",                              60, 48, 0, F32, BIAS | RESIDUAL, 3, 7, F32, F32 },
    { "x and out indexed",                           64, 48, 0, F32, BIAS | INDEXED, 3, 7, F32, F32 },
    { "residual indexed as well",                    64, 48, 0, F32, BIAS | RESIDUAL | INDEXED, 3, 7, F32, F32 },
    { "residual repeated",                           64, 48, 0, F32, BIAS | RESIDUAL | REPEATED, 3, 7, F32, F32 },
    { "GELU in place on what the library wrote",     64, 48, LT_ACT_GELU, F32, BIAS, 2, 9, F32, F32 },
    { "GELU, gamma, residual in place: a scratch",   64, 48, LT_ACT_GELU, F32, BIAS | GAMMA | RESIDUAL | IN_PLACE, 2, 9, F32, F32 },
    { "ReLU before gamma and residual",              64, 48, LT_ACT_RELU, F32, BIAS | GAMMA | RESIDUAL, 2, 9, F32, F32 },
    { "GEGLU",                                       64, 48, LT_ACT_GEGLU, F32, BIAS, 2, 9, F32, F32 },
    { "GEGLU of halves that are no quads",           64, 50, LT_ACT_GEGLU, F32, BIAS, 2, 9, F32, F32 },
    { "bf16 out of f32",                             64, 48, 0, F32, BIAS | GAMMA, 2, 9, F32, B16 },
    { "f32 x, compute bf16: rounded first",          64, 48, 0, B16, BIAS, 2, 9, F32, F32 },
    { "bf16 throughout",                             64, 48, 0, B16, BIAS, 2, 9, B16, B16 },
    { "bf16, GELU",                                  64, 48, LT_ACT_GELU, B16, BIAS, 2, 9, B16, B16 },
    { "bf16, GEGLU",                                 64, 48, LT_ACT_GEGLU, B16, BIAS, 2, 9, B16, B16 },
    { "bf16, f32 residual in place with gamma",      64, 48, 0, B16, BIAS | GAMMA | RESIDUAL | IN_PLACE, 2, 9, B16, F32 },
    { "bf16, bf16 out and bf16 residual",            64, 48, 0, B16, BIAS | RESIDUAL | RESIDUAL_BF16, 2, 9, B16, B16 },
    { "bf16, bf16 out and f32 residual",             64, 48, 0, B16, BIAS | RESIDUAL, 2, 9, B16, B16 },
    { "f16 throughout",                              64, 48, 0, H16, BIAS, 2, 9, H16, H16 },
    { "f16, GELU",                                   64, 48, LT_ACT_GELU, H16, BIAS, 2, 9, H16, H16 },
    { "f16, GEGLU",                                  64, 48, LT_ACT_GEGLU, H16, BIAS, 2, 9, H16, H16 },
    { "f16, f32 residual in place with gamma",       64, 48, 0, H16, BIAS | GAMMA | RESIDUAL | IN_PLACE, 2, 9, H16, F32 },
    { "f32 x, compute f16",                          64, 48, 0, H16, 0, 2, 9, F32, F32 },
    { "f16, indexed",                                64, 48, 0, H16, BIAS | INDEXED, 3, 9, H16, H16 },
};

static int refusals;

static int check(const linear_row *r, bool independent, bool tells)
{
    lt_linear_attr attr;
    rig_case c = linear_case(r, libs_rig_candidate(&lt_linear_cublaslt), &attr);
    c.allowed = allowed;
    c.may_refuse = tells;
    c.out.gap[1] = c.out.gap[1] ? 8 : 0;
    if (c.in[1].n_dims && c.in[1].gap[1]) c.in[1].gap[1] = 8;
    if (c.in[0].gap[1]) c.in[0].gap[1] = 8, c.in[0].gap[0] = 16;
    const bool good = independent ? rig_independent(&c) : rig_check(&c);
    const char *log = lt_cublaslt_log();
    if (strstr(log, "refused")) fprintf(stderr, "FAIL the library refused (%s):\n%s", r->catches, log);
    const bool asked = strstr(log, "matmul ") != NULL;
    const int failed = !good || strstr(log, "refused") || (!tells && !asked);
    refusals += !asked;
    lt_cublaslt_forget();
    return failed;
}

static void linear_is_right(void **state)
{
    int failed = 0;
    (void)state;
    refusals = 0;
    for (size_t i = 0; i < sizeof linear_rows / sizeof *linear_rows; i++) failed += check(&linear_rows[i], false, true);
    assert_true(refusals < (int)(sizeof linear_rows / sizeof *linear_rows) - 3);
    for (size_t i = 0; i < sizeof own_rows / sizeof *own_rows; i++) failed += check(&own_rows[i], false, false);
    assert_int_equal(failed, 0);
}

static void linear_is_independent(void **state)
{
    int failed = 0;
    (void)state;
    for (size_t i = 0; i < sizeof own_rows / sizeof *own_rows; i += 3) {
        linear_row r = own_rows[i];
        r.t = 5;
        failed += check(&r, true, false);
    }
    assert_int_equal(failed, 0);
}

static void convtranspose2d_is_right(void **state)
{
    int failed = 0;
    (void)state;
    static const convtranspose2d_row own[] = {
        { "stride 2, aligned",                    64, 24, 2, 2, 5, 7, F32, BIAS, F32, F32, 0, 0 },
        { "stride 4, a view",                     64, 16, 4, 2, 5, 7, F32, BIAS | VIEW, F32, F32, 0, 0 },
        { "indexed",                              64, 16, 2, 3, 5, 7, F32, BIAS | INDEXED, F32, F32, 0, 0 },
        { "band that begins within a block",      64, 16, 4, 2, 5, 7, F32, BIAS, F32, F32, 6, 7 },
        { "band within one block",                64, 16, 4, 2, 5, 7, F32, BIAS, F32, F32, 9, 2 },
        { "bf16",                                 64, 16, 2, 2, 5, 7, B16, BIAS, B16, B16, 0, 0 },
        { "f16, a band",                          64, 16, 4, 2, 5, 7, H16, BIAS, H16, H16, 7, 6 },
    };
    const int n = sizeof convtranspose2d_rows / sizeof *convtranspose2d_rows, n_own = sizeof own / sizeof *own;
    for (int i = 0; i < n + n_own; i++) {
        lt_convtranspose2d_attr attr;
        const convtranspose2d_row *row = i < n ? &convtranspose2d_rows[i] : &own[i - n];
        rig_case c = convtranspose2d_case(row, libs_rig_candidate(&lt_convtranspose2d_cublaslt), &attr);
        c.may_refuse = i < n;
        if (c.in[0].gap[2]) c.in[0].gap[2] = 8;
        failed += !rig_check(&c);
        if (strstr(lt_cublaslt_log(), "refused") || (i >= n && !strstr(lt_cublaslt_log(), "matmul"))) {
            fprintf(stderr, "FAIL %s:\n%s", row->catches, lt_cublaslt_log());
            failed++;
        }
        lt_cublaslt_forget();
    }
    lt_convtranspose2d_attr attr;
    rig_case c = convtranspose2d_case(&own[0], libs_rig_candidate(&lt_convtranspose2d_cublaslt), &attr);
    failed += !rig_independent(&c);
    lt_cublaslt_forget();
    assert_int_equal(failed, 0);
}

/* ---- what is asked of the library ---- */

/* The log of a linear's open, prepare and launch. x and out dense [b, t, ..]; residual in place where `residual`. */
static char *asked(const lt_linear_attr *t, lt_dtype in, lt_dtype out, int64_t b, int64_t rows, bool residual)
{
    const lt_kernel *k = &lt_linear_cublaslt;
    const lt_machine m = libs_rig_machine_here();
    lt_launch l = libs_rig_launch();
    void *state = NULL;
    lt_args a = { .attr = t, .in[0] = lt_tensor_dense(NULL, in, 3, (int64_t[]){ b, rows, t->n_in }), .out = lt_tensor_dense(NULL, out, 3, (int64_t[]){ b, rows, t->n_out }) };
    if (residual) a.in[1] = a.out;
    lt_cublaslt_forget();
    const char *why = k->refuse(&a, &m);
    if (why) return strdup(why);
    if (k->open(&l, &a, &m, &state) < 0 || k->prepare(&l, &a, state) < 0) {
        k->close(&state);
        return strdup(lt_error_last()->text);
    }
    k->close(&state);
    return strdup(lt_cublaslt_log());
}

static void the_algorithm_is_chosen_once_by_rule(void **state)
{
    (void)state;
    const lt_linear_attr qkv = { 384, 1152, LT_F16, LT_ACT_NONE, true, false };
    char *log = asked(&qkv, LT_F16, LT_F16, 2, 1370, false);
    assert_string_equal(log, "heuristic f16^T f16 -> f16 m 1152 n 4096 k 384 ld 384 384 1152 1152 bias compute 32f; workspace 33554432 reduction 0 align 16 16 16 16: 1 answers\n"
                             "check f16^T f16 -> f16 m 1152 n 2740 k 384 ld 384 384 1152 1152 bias compute 32f\n");
    free(log);
    const lt_linear_attr proj = { 1024, 1024, LT_BF16, LT_ACT_NONE, true, true };
    log = asked(&proj, LT_BF16, LT_F32, 1, 2443, true);
    assert_string_equal(log, "heuristic bf16^T bf16 -> f32 m 1024 n 4096 k 1024 ld 1024 1024 1024 1024 bias compute 32f; workspace 33554432 reduction 0 align 16 16 16 16: 1 answers\n"
                             "check bf16^T bf16 -> f32 m 1024 n 2443 k 1024 ld 1024 1024 1024 1024 bias compute 32f\n");
    free(log);
    const lt_linear_attr fc1 = { 768, 3072, LT_F16, LT_ACT_GELU, true, false };
    log = asked(&fc1, LT_F16, LT_F16, 4, 1370, false);
    assert_string_equal(log, "heuristic f16^T f16 -> f16 m 3072 n 4096 k 768 ld 768 768 3072 3072 plain compute 32f; workspace 33554432 reduction 0 align 16 16 16 16: 1 answers\n"
                             "check f16^T f16 -> f16 m 3072 n 5480 k 768 ld 768 768 3072 3072 plain compute 32f\n");
    free(log);
}

static void geglu_goes_in_blocks(void **state)
{
    (void)state;
    const lt_linear_attr ff = { 256, 1024, LT_F16, LT_ACT_GEGLU, true, false };
    /* 2 x 1024 columns of f32 in 32 MiB: 4096 rows at a time. */
    char *log = asked(&ff, LT_F16, LT_F16, 32, 296, false);
    assert_non_null(strstr(log, "check f16^T f16 -> f32 m 2048 n 4096 k 256 ld 256 256 2048 2048 plain compute 32f\n"
                                "check f16^T f16 -> f32 m 2048 n 4096 k 256 ld 256 256 2048 2048 plain compute 32f\n"
                                "check f16^T f16 -> f32 m 2048 n 1280 k 256 ld 256 256 2048 2048 plain compute 32f\n"));
    free(log);
}

static void tf32_only_where_asked(void **state)
{
    (void)state;
    const lt_linear_attr t = { 384, 384, LT_F32, LT_ACT_NONE, true, false };
    char *log = asked(&t, LT_F32, LT_F32, 1, 8, false);
    assert_null(strstr(log, "tf32"));
    free(log);
    libs_rig_machine(true, 90);
    log = asked(&t, LT_F32, LT_F32, 1, 8, false);
    assert_non_null(strstr(log, "compute tf32"));
    free(log);
    libs_rig_machine(false, 75);
    const lt_linear_attr half = { 384, 384, LT_BF16, LT_ACT_NONE, true, false };
    log = asked(&half, LT_BF16, LT_BF16, 1, 8, false);
    assert_string_equal(log, "a GPU without bf16 units");
    free(log);
    libs_rig_machine(false, 90);
}

/* Which of the heuristic's answers is used, by the launch's line; the error's text where there is none. */
static char *used(const lt_cublaslt_answer *answers, int n)
{
    const lt_kernel *k = &lt_linear_cublaslt;
    const lt_linear_attr t = { 64, 64, LT_F32, LT_ACT_NONE, false, false };
    const lt_machine m = libs_rig_machine_here();
    lt_launch l = libs_rig_launch();
    void *state = NULL;
    static float x[4 * 64] __attribute__((aligned(256))), y[4 * 64] __attribute__((aligned(256))), w[64 * 64];
    lt_args a = { .attr = &t, .in[0] = lt_tensor_dense(x, LT_F32, 2, (int64_t[]){ 4, 64 }), .out = lt_tensor_dense(y, LT_F32, 2, (int64_t[]){ 4, 64 }) };
    const lt_weight_data weights[LT_MAX_WEIGHTS] = { { w, 2, { 64, 64 } } };
    void *packed = aligned_alloc(256, (k->packed_bytes(&a, &m) + 255) / 256 * 256);
    l.workspace = aligned_alloc(256, (k->workspace_bytes(&a, &m) + 255) / 256 * 256);
    k->pack(&a, &m, weights, packed);
    a.packed = packed;
    lt_cublaslt_answers(answers, n, true);
    lt_cublaslt_forget();
    char *text = NULL;
    if (k->open(&l, &a, &m, &state) < 0) text = strdup(lt_error_last()->text);
    a.state = state;
    if (!text && (k->launch(&l, &a) < 0 || libs_rig_finish() < 0)) text = strdup(lt_error_last()->text);
    const char *line = text ? NULL : strstr(lt_cublaslt_log(), "; algo");
    if (!text) text = strndup(line ? line + 2 : "none", line ? strcspn(line, "\n") - 2 : 4);
    k->close(&state);
    lt_cublaslt_answers(NULL, 0, false);
    lt_cublaslt_forget();
    free(packed);
    free(l.workspace);
    return text;
}

#define USED(text, ...)                                                                  \
    do {                                                                                 \
        const lt_cublaslt_answer answers_[] = { __VA_ARGS__ };                           \
        char *used_ = used(answers_, sizeof answers_ / sizeof *answers_);                \
        assert_string_equal(used_, text);                                                \
        free(used_);                                                                     \
    } while (0)

static void answers_that_could_change_bits_are_passed_over(void **state)
{
    (void)state;
    USED("algo 0 split 1 reduction 0 workspace 33554432", { .split_k = 1 }, { .split_k = 1 });
    USED("algo 1 split 1 reduction 0 workspace 33554432", { .split_k = 3, .reduction = CUBLASLT_REDUCTION_SCHEME_INPLACE }, { .split_k = 1 });
    USED("algo 1 split 1 reduction 0 workspace 33554432", { .split_k = 1, .reduction = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE }, { .split_k = 1 });
    USED("algo 1 split 1 reduction 0 workspace 33554432", { .split_k = 1, .workspace = 64 << 20 }, { .split_k = 1 });
    USED("algo 1 split 1 reduction 0 workspace 33554432", { .split_k = 1, .flags = CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_TF32 | CUBLASLT_NUMERICAL_IMPL_FLAGS_HMMA }, { .split_k = 1 });
    USED("algo 1 split 1 reduction 0 workspace 33554432", { .split_k = 1, .flags = CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_16F }, { .split_k = 1 });
    USED("algo 2 split 0 reduction 0 workspace 33554432", { .split_k = 1, .no_batches = true }, { .split_k = 1, .no_out_of_place = true }, { .split_k = 0 }, { .split_k = 1 });
    /* None as it is: the first without its split. */
    USED("algo 0 split 1 reduction 0 workspace 33554432", { .split_k = 3, .reduction = CUBLASLT_REDUCTION_SCHEME_INPLACE }, { .split_k = 2, .reduction = CUBLASLT_REDUCTION_SCHEME_INPLACE });
    const lt_cublaslt_answer none[] = { { .split_k = 3, .reduction = CUBLASLT_REDUCTION_SCHEME_INPLACE, .fixed_split = true } };
    char *text = used(none, 1);
    assert_non_null(strstr(text, "LT_KERNELS=-linear.cublaslt"));
    free(text);
}

static void sizes_that_the_algorithm_does_not_take_are_found_before_a_run(void **state)
{
    (void)state;
    const lt_cublaslt_answer answers[] = { { .split_k = 1, .most_rows = 5000 } };
    const lt_linear_attr t = { 384, 384, LT_F32, LT_ACT_NONE, true, false };
    lt_cublaslt_answers(answers, 1, false);
    char *text = asked(&t, LT_F32, LT_F32, 4, 1370, false);
    assert_non_null(strstr(text, "does not take 1 x 5480 rows"));
    assert_non_null(strstr(text, "LT_KERNELS=-linear.cublaslt"));
    free(text);
    lt_cublaslt_answers(NULL, 0, false);
}

static int set_up(void **state)
{
    (void)state;
    libs_rig_open();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    libs_rig_close();
    lt_cublaslt_forget();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_is_right),
        cmocka_unit_test(linear_is_independent),
        cmocka_unit_test(convtranspose2d_is_right),
        cmocka_unit_test(the_algorithm_is_chosen_once_by_rule),
        cmocka_unit_test(geglu_goes_in_blocks),
        cmocka_unit_test(tf32_only_where_asked),
        cmocka_unit_test(answers_that_could_change_bits_are_passed_over),
        cmocka_unit_test(sizes_that_the_algorithm_does_not_take_are_found_before_a_run),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
