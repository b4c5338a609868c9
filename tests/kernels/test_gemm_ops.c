/* linear, conv2d, convtranspose2d: every candidate against its definition, and the same bits in any batch. */
#include "check.h"

#include "kernels/gemm_rows.h"

#include <string.h>

static void linear_rows_hold(void **state)
{
    (void)state;
    int failed = 0;
    for (size_t i = 0; i < sizeof linear_rows / sizeof *linear_rows; i++) {
        lt_linear_attr attr;
        const rig_case c = linear_case(&linear_rows[i], &lt_linear_own, &attr);
        failed += !rig_check(&c);
    }
    assert_int_equal(failed, 0);
}

static void conv2d_rows_hold(void **state)
{
    (void)state;
    int failed = 0;
    for (size_t i = 0; i < sizeof conv2d_rows / sizeof *conv2d_rows; i++) {
        lt_conv2d_attr attr;
        const rig_case c = conv2d_case(&conv2d_rows[i], &lt_conv2d_own, &attr);
        failed += !rig_check(&c);
    }
    assert_int_equal(failed, 0);
}

static void convtranspose2d_rows_hold(void **state)
{
    (void)state;
    int failed = 0;
    for (size_t i = 0; i < sizeof convtranspose2d_rows / sizeof *convtranspose2d_rows; i++) {
        lt_convtranspose2d_attr attr;
        const rig_case c = convtranspose2d_case(&convtranspose2d_rows[i], &lt_convtranspose2d_own, &attr);
        failed += !rig_check(&c);
    }
    assert_int_equal(failed, 0);
}

static void a_frame_is_the_same_in_any_batch(void **state)
{
    (void)state;
    int failed = 0;
    lt_linear_attr l;
    lt_conv2d_attr c;
    lt_convtranspose2d_attr t;
    for (size_t i = 0; i < sizeof linear_batches / sizeof *linear_batches; i++) {
        const rig_case r = linear_case(&linear_batches[i], &lt_linear_own, &l);
        failed += !rig_independent(&r);
    }
    for (size_t i = 0; i < sizeof conv2d_batches / sizeof *conv2d_batches; i++) {
        const rig_case r = conv2d_case(&conv2d_batches[i], &lt_conv2d_own, &c);
        failed += !rig_independent(&r);
    }
    for (size_t i = 0; i < sizeof convtranspose2d_batches / sizeof *convtranspose2d_batches; i++) {
        const rig_case r = convtranspose2d_case(&convtranspose2d_batches[i], &lt_convtranspose2d_own, &t);
        failed += !rig_independent(&r);
    }
    assert_int_equal(failed, 0);
}

/* Of f16 there are definitions alone: the CPU's versions say that it is for GPUs. */
static void says_no(const rig_case *c, const lt_kernel *k)
{
    const lt_tensor none = { 0 };
    lt_args a = { .attr = c->attr, .in = { none }, .out = lt_tensor_dense(NULL, c->out.dtype, c->out.n_dims, c->out.dim) };
    for (int i = 0; i < LT_MAX_IN; i++)
        if (c->in[i].n_dims) a.in[i] = lt_tensor_dense(NULL, c->in[i].dtype, c->in[i].n_dims, c->in[i].dim);
    const lt_machine m = { .isa = lt_cpu_isa(), .n_threads = 1, .bf16_units = true };
    const char *why = k->refuse(&a, &m);
    if (!why || !strstr(why, "f16")) fail_msg("%s takes f16, or does not name it: %s (%s)", k->name, why ? why : "nothing", c->catches);
}

#define REFUSES(op)                                                                                    \
    for (size_t i = 0; i < sizeof op##_f16_rows / sizeof *op##_f16_rows; i++) {                        \
        lt_##op##_attr attr;                                                                           \
        rig_case c = op##_case(&op##_f16_rows[i], &lt_##op##_own, &attr);                              \
        says_no(&c, &lt_##op##_own);                                                                   \
        says_no(&c, &lt_##op##_dnnl);                                                                  \
    }

static void f16_is_for_gpus(void **state)
{
    (void)state;
    REFUSES(linear)
    REFUSES(conv2d)
    REFUSES(convtranspose2d)
}

/* The definitions' own rounding, by hand: 1 + 2^-11 is a tie that goes to even, 1 + 3 2^-11 one that goes up; 70000 is infinite. */
static void f16_by_hand(void **state)
{
    static const float w[] = { 1.f + 0x3p-11f, 0.5f };
    static float x[] = { 1.f + 0x1p-11f, 2.f, 70000.f, 1.f }, packed[2], y[2];
    const lt_linear_attr attr = { 2, 1, LT_F16, LT_ACT_NONE, false, false };
    lt_args a = { .attr = &attr, .in = { lt_tensor_dense(x, LT_F32, 2, (int64_t[]){ 2, 2 }) },
                  .out = lt_tensor_dense(y, LT_F32, 2, (int64_t[]){ 2, 1 }), .packed = packed };
    const lt_weight_data data[LT_MAX_WEIGHTS] = { { w, 2, { 1, 2 } } };
    (void)state;
    lt_linear_ref.pack(&a, NULL, data, packed);
    assert_ok(lt_linear_ref.launch(&(lt_launch){ .isa = LT_ISA_BASE }, &a));
    assert_true(y[0] == 1.f + 0x1p-9f + 1.f && isinf(y[1]));
}

/* oneDNN is meant for bf16 on processors with units for it. The same code takes f32 anywhere once it is not asked to refuse. */
static lt_kernel unrefusing(const lt_kernel *k)
{
    lt_kernel copy = *k;
    copy.refuse = NULL;
    return copy;
}

static void library_rows_hold_in_f32(void **state)
{
    (void)state;
    int failed = 0;
    const lt_kernel linear = unrefusing(&lt_linear_dnnl), conv = unrefusing(&lt_conv2d_dnnl), convt = unrefusing(&lt_convtranspose2d_dnnl);
    lt_linear_attr l;
    lt_conv2d_attr c;
    lt_convtranspose2d_attr t;
    for (size_t i = 0; i < sizeof linear_rows / sizeof *linear_rows; i++) {
        const rig_case r = linear_case(&linear_rows[i], &linear, &l);
        if (linear_rows[i].compute == F32) failed += !rig_check(&r);
    }
    for (size_t i = 0; i < sizeof conv2d_rows / sizeof *conv2d_rows; i++) {
        const rig_case r = conv2d_case(&conv2d_rows[i], &conv, &c);
        if (conv2d_rows[i].compute == F32) failed += !rig_check(&r);
    }
    for (size_t i = 0; i < sizeof convtranspose2d_rows / sizeof *convtranspose2d_rows; i++) {
        const rig_case r = convtranspose2d_case(&convtranspose2d_rows[i], &convt, &t);
        if (convtranspose2d_rows[i].compute == F32) failed += !rig_check(&r);
    }
    const rig_case batches = linear_case(&linear_batches[0], &linear, &l);
    failed += !rig_independent(&batches);
    assert_int_equal(failed, 0);
}

/* As meant, where the processor allows it; elsewhere every row is refused. */
static void library_rows_hold_in_bf16(void **state)
{
    (void)state;
    int failed = 0;
    const lt_machine here = lt_machine_here(lt_cpu_isa(), 1);
    lt_linear_attr l;
    lt_conv2d_attr c;
    lt_convtranspose2d_attr t;
    for (size_t i = 0; i < sizeof linear_rows / sizeof *linear_rows; i++) {
        rig_case r = linear_case(&linear_rows[i], &lt_linear_dnnl, &l);
        r.bf16_units = here.bf16_units, r.may_refuse = !here.bf16_units;
        if (linear_rows[i].compute == B16) failed += !rig_check(&r);
    }
    for (size_t i = 0; i < sizeof conv2d_rows / sizeof *conv2d_rows; i++) {
        rig_case r = conv2d_case(&conv2d_rows[i], &lt_conv2d_dnnl, &c);
        r.bf16_units = here.bf16_units, r.may_refuse = !here.bf16_units;
        if (conv2d_rows[i].compute == B16) failed += !rig_check(&r);
    }
    for (size_t i = 0; i < sizeof convtranspose2d_rows / sizeof *convtranspose2d_rows; i++) {
        rig_case r = convtranspose2d_case(&convtranspose2d_rows[i], &lt_convtranspose2d_dnnl, &t);
        r.bf16_units = here.bf16_units, r.may_refuse = !here.bf16_units;
        if (convtranspose2d_rows[i].compute == B16) failed += !rig_check(&r);
    }
    rig_case batches = linear_case(&linear_batches[1], &lt_linear_dnnl, &l);
    batches.bf16_units = here.bf16_units, batches.may_refuse = !here.bf16_units;
    failed += !rig_independent(&batches);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_rows_hold),
        cmocka_unit_test(conv2d_rows_hold),
        cmocka_unit_test(convtranspose2d_rows_hold),
        cmocka_unit_test(a_frame_is_the_same_in_any_batch),
        cmocka_unit_test(library_rows_hold_in_f32),
        cmocka_unit_test(library_rows_hold_in_bf16),
        cmocka_unit_test(f16_is_for_gpus),
        cmocka_unit_test(f16_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
