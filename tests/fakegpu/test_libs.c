/* linear and convtranspose2d by cuBLASLt, conv2d by cuDNN: what is asked of the libraries, and what comes of it. */
#include "check.h"
#include "cublaslt_fake.h"
#include "cudnn_fake.h"
#include "fakegpu/libs_rig.h"
#include "kernels/gemm/gemm_blocks.h"
#include "kernels/gemm/rows.h"
#include "kernels/gemm_rows.h"

#include <longtake/arena.h>
#include <longtake/rate.h>

#include <cublasLt.h>
#include <cudnn.h>

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

static double conv_allowed(const rig_case *c, double value, double scale)
{
    const lt_conv2d_attr *t = c->attr;
    const double u = t->compute == LT_BF16 ? ldexp(1, -9) : t->compute == LT_F16 ? ldexp(1, -12) : 0;
    /* TF32: each operand by 2^-11. */
    return conv2d_allowed(c, value, scale) + (t->act == LT_ACT_GELU ? 2.26 : 1.13) * u * scale + (t->compute == LT_F32 ? ldexp(1, -10) * scale : 0);
}

static const conv2d_row own_convs[] = {
    { "1x1, nothing after: straight to out",  16, 24, 1, 1, 1, 1, 0, 0, 0, 0,  2, 5, 7, 0, H16, 0, H16, H16, 0, 0 },
    { "3x3, bias and ReLU in place",          16, 24, 3, 3, 1, 1, 1, 1, 1, 1,  2, 5, 7, LT_ACT_RELU, H16, BIAS, H16, H16, 0, 0 },
    { "3x3 stride 2, even height",            16, 24, 3, 3, 2, 1, 1, 1, 1, 1,  2, 6, 7, 0, H16, BIAS, H16, H16, 0, 0 },
    { "dilation 2, GELU",                     16, 24, 3, 3, 1, 2, 2, 2, 2, 2,  2, 6, 7, LT_ACT_GELU, B16, BIAS, B16, B16, 0, 0 },
    { "residual in place: by the scratch",    16, 24, 3, 3, 1, 1, 1, 1, 1, 1,  2, 5, 7, 0, B16, BIAS | RESIDUAL | IN_PLACE, B16, F32, 0, 0 },
    { "f32 out",                              16, 24, 3, 3, 1, 1, 1, 1, 1, 1,  2, 5, 7, 0, B16, BIAS, B16, F32, 0, 0 },
    { "f32 x",                                16, 24, 3, 3, 1, 1, 1, 1, 1, 1,  2, 5, 7, 0, B16, BIAS, F32, B16, 0, 0 },
    { "views",                                16, 24, 3, 3, 1, 1, 1, 1, 1, 1,  2, 5, 7, 0, B16, BIAS | VIEW, B16, B16, 0, 0 },
    { "indexed: gathered and scattered",      16, 24, 3, 3, 1, 1, 1, 1, 1, 1,  3, 5, 7, 0, B16, BIAS | INDEXED, B16, B16, 0, 0 },
    { "band at the top: rows below unpadded", 16, 24, 3, 3, 1, 1, 1, 1, 1, 1,  2, 12, 7, 0, B16, BIAS, B16, B16, 0, 4 },
    { "band in the middle",                   16, 24, 3, 3, 1, 1, 1, 1, 1, 1,  2, 12, 7, 0, B16, BIAS | RESIDUAL, B16, B16, 4, 3 },
    { "band at the bottom",                   16, 24, 3, 3, 1, 1, 1, 1, 1, 1,  2, 12, 7, 0, B16, BIAS, B16, B16, 9, 3 },
    { "band at the top, stride 2",            16, 24, 3, 3, 2, 1, 1, 1, 1, 1,  2, 13, 7, 0, B16, BIAS, B16, B16, 0, 3 },
    { "band at the bottom, stride 2",         16, 24, 3, 3, 2, 1, 1, 1, 1, 1,  2, 13, 7, 0, B16, BIAS, B16, B16, 4, 3 },
    { "edges that differ, stride 2",          16, 24, 3, 2, 2, 1, 0, 0, 1, 1,  1, 8, 9, 0, B16, 0, B16, B16, 0, 0 },
    { "edges that differ, below and right",   16, 24, 2, 4, 1, 1, 0, 0, 1, 2,  1, 8, 9, 0, B16, BIAS, B16, B16, 0, 0 },
    { "f32",                                  16, 24, 3, 3, 1, 1, 1, 1, 1, 1,  2, 5, 7, 0, F32, BIAS, F32, F32, 0, 0 },
};

static int check_conv(const conv2d_row *row, bool independent, bool tells)
{
    lt_conv2d_attr attr;
    rig_case c = conv2d_case(row, libs_rig_candidate(&lt_conv2d_cudnn), &attr);
    c.allowed = conv_allowed;
    c.may_refuse = tells;
    if (c.in[0].gap[2]) c.in[0].gap[2] = 8, c.in[0].gap[1] = 16, c.out.gap[2] = 8, c.out.gap[0] = 16;
    const bool good = independent ? rig_independent(&c) : rig_check(&c);
    const bool refused = strstr(lt_cudnn_log(), "refused"), asked = strstr(lt_cudnn_log(), "conv ");
    if (refused || (!tells && !asked)) fprintf(stderr, "FAIL %s:\n%s", row->catches, lt_cudnn_log());
    lt_cudnn_forget();
    return !good || refused || (!tells && !asked);
}

static void conv2d_is_right(void **state)
{
    int failed = 0;
    (void)state;
    for (size_t i = 0; i < sizeof conv2d_rows / sizeof *conv2d_rows; i++) failed += check_conv(&conv2d_rows[i], false, true);
    for (size_t i = 0; i < sizeof own_convs / sizeof *own_convs; i++) failed += check_conv(&own_convs[i], false, false);
    libs_rig_machine(true, 90);
    failed += check_conv(&own_convs[sizeof own_convs / sizeof *own_convs - 1], false, false);
    libs_rig_machine(false, 90);
    assert_int_equal(lt_cudnn_descriptors(), 0);
    assert_int_equal(failed, 0);
}

static void conv2d_is_independent(void **state)
{
    int failed = 0;
    (void)state;
    failed += check_conv(&own_convs[1], true, false);
    failed += check_conv(&own_convs[6], true, false);
    failed += check_conv(&own_convs[9], true, false);
    assert_int_equal(failed, 0);
}

/* ---- what is asked of the libraries ---- */

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

/* What a 3x3 convolution of c to f channels in f16 asks of cuDNN, from open to launch; the error's text where it fails. The launch is of rows row0 ..
 * row0 + rows - 1 of a map of n x h x w. */
static char *convolved(int c, int f, int64_t n, int64_t h, int64_t w, int64_t row0, int64_t rows)
{
    const lt_kernel *k = &lt_conv2d_cudnn;
    const lt_conv2d_attr t = { .c_in = c, .c_out = f, .kernel_h = 3, .kernel_w = 3, .stride = 1, .dilation = 1, .groups = 1, .pad_top = 1, .pad_left = 1,
                               .pad_bottom = 1, .pad_right = 1, .compute = LT_F16 };
    const lt_machine m = libs_rig_machine_here();
    lt_launch l = libs_rig_launch();
    void *state = NULL;
    lt_args a = { .attr = &t, .in[0] = lt_tensor_dense(NULL, LT_F16, 4, (int64_t[]){ n, h, w, c }), .out = lt_tensor_dense(NULL, LT_F16, 4, (int64_t[]){ n, rows, w, f }) };
    a.out.row0 = row0;
    a.out.rows = h;
    const size_t size[] = { (size_t)(n * h * w * c) * 2, (size_t)(n * rows * w * f) * 2, k->packed_bytes(&a, &m), k->workspace_bytes(&a, &m) };
    unsigned char *memory[4];
    char *text = NULL;
    for (int i = 0; i < 4; i++) {
        memory[i] = aligned_alloc(256, (size[i] + 255) / 256 * 256);
        memset(memory[i], 0, size[i]);
    }
    lt_cudnn_forget();
    if (k->open(&l, &a, &m, &state) < 0 || k->prepare(&l, &a, state) < 0) text = strdup(lt_error_last()->text);
    const int prepared = lt_cudnn_descriptors();
    a.in[0].data = memory[0];
    a.out.data = memory[1];
    a.packed = memory[2];
    a.state = state;
    l.workspace = memory[3];
    if (!text && (k->launch(&l, &a) < 0 || libs_rig_finish() < 0)) text = strdup(lt_error_last()->text);
    assert_int_equal(lt_cudnn_descriptors(), prepared);          /* a launch leaves none */
    k->close(&state);
    assert_int_equal(lt_cudnn_descriptors(), 0);
    if (!text) text = strdup(lt_cudnn_log());
    for (int i = 0; i < 4; i++) free(memory[i]);
    lt_cudnn_forget();
    return text;
}

static void the_engine_is_chosen_once_by_rule(void **state)
{
    (void)state;
    char *log = convolved(64, 128, 2, 20, 12, 0, 20);
    assert_string_equal(log, "heuristic A: 2 answers\n"
                             "conv f16 [2,20,12,64] by 15360 768 64 -> [2,20,12,128] by 30720 1536 128 kernel 3x3 pad 1 1 stride 1 dilation 1 engine 7 2=3 14=4\n");
    free(log);
    /* The first rows of two maps, put together in the workspace; one more row is computed than asked for, there too. */
    log = convolved(64, 128, 2, 20, 12, 0, 6);
    assert_string_equal(log, "heuristic A: 2 answers\n"
                             "conv f16 [2,7,12,64] by 5376 768 64 -> [2,7,12,128] by 10752 1536 128 kernel 3x3 pad 1 1 stride 1 dilation 1 engine 7 2=3 14=4\n");
    free(log);
    log = convolved(64, 128, 1, 20, 12, 8, 6);
    assert_string_equal(log, "heuristic A: 2 answers\n"
                             "conv f16 [1,8,12,64] by 15360 768 64 -> [1,6,12,128] by 9216 1536 128 kernel 3x3 pad 0 1 stride 1 dilation 1 engine 7 2=3 14=4\n");
    free(log);
}

#define NOTE(name) (1u << CUDNN_NUMERICAL_NOTE_##name)

static void engines_that_could_change_bits_are_passed_over(void **state)
{
    (void)state;
    static const struct {
        const char     *catches;
        lt_cudnn_engine first;
    } rows[] = {
        { "order of sums",            { .index = 1, .numerical = NOTE(NONDETERMINISTIC) } },
        { "Winograd",                 { .index = 1, .numerical = NOTE(WINOGRAD) | NOTE(TENSOR_CORE) } },
        { "Winograd of 4x4",          { .index = 1, .numerical = NOTE(WINOGRAD_TILE_4x4) } },
        { "FFT",                      { .index = 1, .numerical = NOTE(FFT) } },
        { "sums of 16 bits",          { .index = 1, .numerical = NOTE(REDUCED_PRECISION_REDUCTION) | NOTE(TENSOR_CORE) } },
        { "rounded operands",         { .index = 1, .numerical = NOTE(DOWN_CONVERT_INPUTS) } },
        { "split sums",               { .index = 1, .n_knobs = 1, .knob = { CUDNN_KNOB_TYPE_SPLIT_K }, .value = { 4 } } },
        { "sums split by blocks",     { .index = 1, .n_knobs = 1, .knob = { CUDNN_KNOB_TYPE_SPLIT_K_SLC }, .value = { 2 } } },
        { "sums split as blocks fit", { .index = 1, .n_knobs = 1, .knob = { CUDNN_KNOB_TYPE_STREAM_K }, .value = { 1 } } },
        { "workspace",                { .index = 1, .workspace = 64 << 20 } },
        { "no maps in bands",         { .index = 1, .padded_only = true } },
        { "compiled at run time",     { .index = 1, .behavior = 1u << CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const lt_cudnn_engine engines[] = { rows[i].first, { .index = 2, .numerical = NOTE(TENSOR_CORE) | NOTE(STRICT_NAN_PROP) } };
        lt_cudnn_engines(engines, 2);
        char *log = convolved(16, 16, 1, 4, 4, 0, 4);
        if (!strstr(log, " engine 2\n")) fail_msg("%s: %s", rows[i].catches, log);
        free(log);
        /* Alone it is refused in one sentence, unless it is only slow to start. */
        lt_cudnn_engines(&rows[i].first, 1);
        log = convolved(16, 16, 1, 4, 4, 0, 4);
        if (rows[i].first.behavior ? !strstr(log, " engine 1\n") : !strstr(log, "LT_KERNELS=-conv2d.cudnn")) fail_msg("%s alone: %s", rows[i].catches, log);
        free(log);
    }
    const lt_cudnn_engine late[] = { { .index = 1, .numerical = NOTE(FFT) }, { .index = 3, .fallback = true } };
    lt_cudnn_engines(late, 2);
    char *log = convolved(16, 16, 1, 4, 4, 0, 4);
    assert_non_null(strstr(log, "heuristic fallback: 1 answers\nconv f16 [1,4,4,16] by 256 64 16 -> [1,4,4,16] by 256 64 16 kernel 3x3 pad 1 1 stride 1 dilation 1 engine 3\n"));
    free(log);
    lt_cudnn_engines(NULL, 0);
}

static void maps_that_the_engine_does_not_take_are_found_before_a_run(void **state)
{
    (void)state;
    const lt_cudnn_engine engine = { .index = 1, .most_frames = 8 };
    lt_cudnn_engines(&engine, 1);
    char *text = convolved(16, 16, 9, 4, 4, 0, 4);
    assert_non_null(strstr(text, "does not take maps of 9 x 4 x 4"));
    assert_non_null(strstr(text, "LT_KERNELS=-conv2d.cudnn"));
    free(text);
    lt_cudnn_engines(NULL, 0);
}

/* ---- blocks ---- */

static void blocks_have_every_row_once(void **state)
{
    enum { B = 5, T = 7, C = 4 };
    static const int32_t index[] = { 4, 0, 6, 2, 5 };
    static const int64_t limits[] = { 0, 1, 3, 7, 15, 34, 35, 100 };
    static float values[8 * 100];
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        lt_tensor x = lt_tensor_dense(values, LT_F32, 3, (int64_t[]){ B, T, C }), y = x;
        if (kind >= 1) x.stride[0] = 40;                       /* no longer one matrix */
        if (kind == 2) x.index = index;
        const lt_tensor *views[] = { &x, &y };
        const lt_blocks b = lt_blocks_make(2, views);
        assert_int_equal(b.n_outer, kind == 0 ? 1 : B);
        for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
            const void *wanted[B * T];
            lt_rows rows;
            lt_block at;
            int n = 0;
            assert_true(lt_tensor_rows(&x, &rows));
            lt_gemm_rows(&x, &rows, 0, B * T, wanted);
            for (bool more = lt_blocks_first(&b, limits[k], &at); more; more = lt_blocks_next(&b, limits[k], &at)) {
                const lt_tensor part = lt_blocks_part(&b, 0, &at), other = lt_blocks_part(&b, 1, &at);
                assert_true(limits[k] == 0 || at.n_o * at.n_i <= limits[k]);
                assert_true(at.n_o * at.n_i <= lt_blocks_rows(&b, limits[k]));
                for (int64_t o = 0; o < at.n_o; o++)
                    for (int64_t i = 0; i < at.n_i; i++, n++) {
                        assert_true(n < B * T);
                        assert_ptr_equal((float *)lt_tensor_at(&part, o) + i * part.stride[1], wanted[n]);
                        assert_ptr_equal((float *)lt_tensor_at(&other, o) + i * other.stride[1], values + n * C);
                    }
            }
            assert_int_equal(n, B * T);
        }
    }
}

/* ---- recordings, and the yardstick ---- */

/* A linear with GEGLU (a product, then our own kernel) and a convolution, recorded on memory of the device and replayed on other values: what a replay
 * gives is what a launch gives. */
static void what_is_recorded_can_be_replayed(void **state)
{
    enum { ROWS = 6, K = 16, N = 8, H = 4, W = 5, C = 8, BYTES = 1 << 16 };
    static uint16_t values[ROWS * K + H * W * C], launched[ROWS * N + H * W * C], replayed[ROWS * N + H * W * C];
    static float weights[2 * N * K + C * C * 9];
    const lt_linear_attr geglu = { K, N, LT_F16, LT_ACT_GEGLU, false, false };
    const lt_conv2d_attr conv = { .c_in = C, .c_out = C, .kernel_h = 3, .kernel_w = 3, .stride = 1, .dilation = 1, .groups = 1, .pad_top = 1, .pad_left = 1,
                                  .pad_bottom = 1, .pad_right = 1, .compute = LT_F16, .act = LT_ACT_RELU };
    const lt_machine m = libs_rig_machine_here();
    const lt_kernel *kernel[] = { &lt_linear_cublaslt, &lt_conv2d_cudnn };
    lt_launch l = libs_rig_launch();
    lt_arena *arena;
    lt_recording *recording;
    lt_stream *s = libs_rig_stream();
    lt_args a[2] = { { .attr = &geglu }, { .attr = &conv } };
    (void)state;
    for (int i = 0; i < 2 * N * K + C * C * 9; i++) weights[i] = (float)(i * 37 % 29 - 14) / 16;
    const lt_weight_data w[2][LT_MAX_WEIGHTS] = { { { weights, 2, { 2 * N, K } } }, { { weights + 2 * N * K, 4, { C, C, 3, 3 } } } };
    static unsigned char packed[2][BYTES];
    a[0].in[0] = lt_tensor_dense(NULL, LT_F16, 2, (int64_t[]){ ROWS, K });
    a[0].out = lt_tensor_dense(NULL, LT_F16, 2, (int64_t[]){ ROWS, N });
    a[1].in[0] = lt_tensor_dense(NULL, LT_F16, 4, (int64_t[]){ 1, H, W, C });
    a[1].out = a[1].in[0];
    size_t most = 0;
    for (int i = 0; i < 2; i++) most = kernel[i]->workspace_bytes(&a[i], &m) > most ? kernel[i]->workspace_bytes(&a[i], &m) : most;
    assert_int_equal(lt_arena_create_on(libs_rig_device(), 4 * BYTES + most, &arena), LT_OK);
    char *base = lt_arena_at(arena, 0);
    for (int i = 0; i < 2; i++) {
        assert_true(kernel[i]->packed_bytes(&a[i], &m) <= BYTES);
        assert_int_equal(kernel[i]->open(&l, &a[i], &m, &a[i].state), LT_OK);
        assert_int_equal(kernel[i]->prepare(&l, &a[i], a[i].state), LT_OK);
        kernel[i]->pack(&a[i], &m, w[i], packed[i]);
        assert_int_equal(lt_copy_to_device(s, base + i * BYTES, packed[i], BYTES), LT_OK);
        a[i].packed = base + i * BYTES;
    }
    a[0].in[0].data = base + 2 * BYTES;
    a[1].in[0].data = base + 2 * BYTES + ROWS * K * 2;
    a[0].out.data = base + 3 * BYTES;
    a[1].out.data = base + 3 * BYTES + ROWS * N * 2;
    l.workspace = base + 4 * BYTES;
    assert_int_equal(lt_recording_begin(s), LT_OK);
    for (int i = 0; i < 2; i++) assert_int_equal(kernel[i]->launch(&l, &a[i]), LT_OK);
    assert_int_equal(lt_recording_end(s, &recording), LT_OK);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) values[i] = lt_half_from_float((float)((int)(i * 53 % 61) - 30 - round) / 8);
        for (int replay = 0; replay < 2; replay++) {
            assert_int_equal(lt_copy_to_device(s, base + 2 * BYTES, values, sizeof values), LT_OK);
            assert_int_equal(lt_fill_on_device(s, base + 3 * BYTES, 0xff, sizeof launched), LT_OK);
            if (replay) assert_int_equal(lt_recording_run(recording, s), LT_OK);
            else for (int i = 0; i < 2; i++) assert_int_equal(kernel[i]->launch(&l, &a[i]), LT_OK);
            assert_int_equal(lt_copy_to_host(s, replay ? replayed : launched, base + 3 * BYTES, sizeof launched), LT_OK);
            assert_int_equal(lt_stream_finish(s), LT_OK);
        }
        assert_memory_equal(launched, replayed, sizeof launched);
        for (size_t i = 0; i < sizeof launched / sizeof *launched; i++) assert_true(isfinite(lt_half_to_float(launched[i])));
        if (round == 0) memset(replayed, 0, sizeof replayed);
    }
    lt_recording_destroy(&recording);
    for (int i = 0; i < 2; i++) kernel[i]->close(&a[i].state);
    lt_arena_destroy(&arena);
    lt_cublaslt_forget();
    lt_cudnn_forget();
}

static void the_yardstick_is_one_square_product(void **state)
{
    double gflops = 0;
    (void)state;
    lt_cublaslt_forget();
    assert_int_equal(lt_matmul_rate_on(libs_rig_device(), LT_F16, 64, 2, &gflops), LT_OK);
    const char *log = lt_cublaslt_log();
    assert_non_null(strstr(log, "heuristic f16^T f16 -> f16 m 64 n 64 k 64"));
    int n = 0;
    for (const char *at = log; (at = strstr(at, "matmul f16^T f16 -> f16 m 64 n 64 k 64 ld 64 64 64 64 plain compute 32f alpha 1 beta 0;")); at++) n++;
    assert_int_equal(n, 3);
    assert_true(gflops > 0);
    lt_cublaslt_forget();
    assert_int_equal(lt_matmul_rate_on(libs_rig_device(), LT_F16, 60, 2, &gflops), LT_E_DEVICE);
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
        cmocka_unit_test(conv2d_is_right),
        cmocka_unit_test(conv2d_is_independent),
        cmocka_unit_test(the_algorithm_is_chosen_once_by_rule),
        cmocka_unit_test(geglu_goes_in_blocks),
        cmocka_unit_test(tf32_only_where_asked),
        cmocka_unit_test(answers_that_could_change_bits_are_passed_over),
        cmocka_unit_test(sizes_that_the_algorithm_does_not_take_are_found_before_a_run),
        cmocka_unit_test(the_engine_is_chosen_once_by_rule),
        cmocka_unit_test(engines_that_could_change_bits_are_passed_over),
        cmocka_unit_test(maps_that_the_engine_does_not_take_are_found_before_a_run),
        cmocka_unit_test(blocks_have_every_row_once),
        cmocka_unit_test(what_is_recorded_can_be_replayed),
        cmocka_unit_test(the_yardstick_is_one_square_product),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
