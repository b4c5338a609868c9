/* The CUDA kernels of optical flow, under the shim: the bits of their definitions, in every order of blocks, warps and lanes. */
#include "check.h"
#include "cuda_shim_control.h"
#include "kernels/flow_operators.h"

enum { SHIMMED };

#define LAUNCHED(op)                                                                                       \
    static void op##_candidate(const bench *t, const lt_##op##_args *a, int n)                            \
    {                                                                                                      \
        (void)t, (void)n;                                                                                  \
        assert_ok(lt_##op##_cuda(NULL, a));                                                                \
    }
LAUNCHED(flow_check)
LAUNCHED(flow_detail)
LAUNCHED(flow_edges)
LAUNCHED(flow_frame)
LAUNCHED(flow_grow)
LAUNCHED(flow_halve)
LAUNCHED(flow_join)
LAUNCHED(flow_median)
LAUNCHED(flow_store)
LAUNCHED(flow_system)
LAUNCHED(flow_tensor)
LAUNCHED(flow_warp)

static void flow_sor_candidate(bench *t, const lt_flow_sor_args *a)
{
    const size_t lead = 2 * lt_flow_half_stride(t->w) + LT_FLOW_PAD;
    float *u = take(&t->in, half_size(t)) + lead, *v = take(&t->in, half_size(t)) + lead;
    assert_ok(lt_flow_sor_cuda(NULL, a, u, v));
}

static const struct { int w, h; const char *catches; } sizes[] = {
    {   1,   1, "neither neighbour nor warp"                                   },
    {   2,   1, "one of each colour, no second row"                            },
    {   1,   7, "columns only"                                                 },
    {   5,   3, "less than a warp"                                             },
    {  31,  17, "prime sizes: idle lanes and rows"                             },
    {  32,   8, "one block"                                                    },
    {  64,  64, "one tile of the solver, full"                                 },
    {  65,  40, "a tile of one column beyond another"                          },
    {  33,  65, "a tile of one row beyond another; an odd row"                 },
    { 131, 150, "tiles with neighbours on all sides"                           },
};

/* What NaNs and infinities among the inputs give is compared where it is defined: flow that is neither leaves the frame. */
static void warp_strange(bench *t)
{
    const float *first = image(t, 4), *second = image(t, 5);
    float *u = plane(t, 6, -60.f, 60.f), *v = plane(t, 7, -9.f, 9.f), *o[7];
    const size_t n = lt_flow_stride(t->w) * (size_t)t->h - LT_FLOW_PAD;
    for (size_t i = 0; i < n; i += 7) u[i] = i % 3 ? INFINITY : NAN;
    for (size_t i = 3; i < n; i += 11) v[i] = i % 2 ? -INFINITY : NAN;
    for (int k = 0; k < 7; k++) o[k] = out_plane(t);
    const lt_flow_warp_args a = { first, second, u, v, t->w, t->h, { o[0], o[1], o[2] }, { o[3], o[4], o[5] }, o[6] };
    flow_warp_either(t, &a, t->h);
}

static void check_strange(bench *t)
{
    const size_t n = 2 * (size_t)t->w * (size_t)t->h;
    float *there = take(&t->in, n), *back = take(&t->in, n);
    for (uint32_t i = 0; i < n; i++) {
        there[i] = i % 5 == 0 ? NAN : i % 7 == 0 ? INFINITY : 2.f * noise(68, i) - 1.f;
        back[i] = i % 11 == 0 ? NAN : i % 13 == 0 ? -INFINITY : 2.f * noise(69, i) - 1.f;
    }
    const lt_flow_check_args a = { there, back, t->w, t->h, .5f, .01f, (uint8_t *)take(&t->out, n) };
    flow_check_either(t, &a, t->h);
}

/* More half-sweeps than a tile has room for in two passes. */
static void sor_long(bench *t) { sor(t, 21); }

static const struct { const char *name; void (*run)(bench *); const char *catches; } more[] = {
    { "warp",   warp_strange,  "NaN or infinity as a place"                           },
    { "check",  check_strange, "NaN or infinity as a place, or as the flow there"     },
    { "sor",    sor_long,      "passes that do not end where they began"              },
};

static void compare(bench *t, const char *name, void (*op)(bench *), float *expected, const char *catches)
{
    for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++) {
        t->w = sizes[z].w;
        t->h = sizes[z].h;
        run(t, op, DEFINITION);
        memcpy(expected, t->out.mem, 4 * t->out.used);
        for (int order = 0; order < LT_SHIM_ORDERS; order++) {
            lt_shim_set_order((lt_shim_order)order, 5);
            run(t, op, SHIMMED);
            for (size_t i = 0; i < t->out.used; i++)
                if (memcmp(expected + i, t->out.mem + i, 4))
                    fail_msg("%s at %d x %d, order %d: float %zu is %a, not %a (%s; %s)", name, t->w, t->h, order, i,
                             (double)t->out.mem[i], (double)expected[i], catches, sizes[z].catches);
        }
    }
}

static void kernels_are_the_definition(void **state)
{
    const size_t size = 1 << 21;
    bench t = { .in = { malloc(4 * size), 0, size }, .out = { malloc(4 * size), 0, size } };
    float *expected = malloc(4 * size);
    (void)state;
    assert_true(t.in.mem && t.out.mem && expected);
    for (size_t o = 0; o < sizeof operators / sizeof *operators; o++)
        compare(&t, operators[o].name, operators[o].run, expected, operators[o].catches);
    for (size_t o = 0; o < sizeof more / sizeof *more; o++) compare(&t, more[o].name, more[o].run, expected, more[o].catches);
    free(expected);
    free(t.in.mem);
    free(t.out.mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(kernels_are_the_definition) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
