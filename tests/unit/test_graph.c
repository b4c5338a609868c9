/* The builder, what it refuses, what it joins, and the small graphs that show it. The engine on a whole network: tests/models. */
#include "check.h"

#include <longtake/arena.h>
#include <longtake/graph.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const lt_plan_opts plain = { { .isa = LT_ISA_BASE, .n_threads = 1 }, 1, 0, 0, false, false };

static lt_graph *create(void)
{
    lt_graph *g = NULL;
    assert_ok(lt_graph_create(LT_F32, &g));
    return g;
}

/* Weights as a function of name and place. */
static float weight_at(const char *name, int64_t i)
{
    uint32_t h = 2166136261u;
    for (const char *p = name; *p; p++) h = (h ^ (uint8_t)*p) * 16777619u;
    return (float)((h + (uint32_t)i * 2654435761u) >> 20) / 2048.0f - 1.0f;
}

static lt_status read_weight(void *ctx, const char *name, int n_dims, const int64_t *dim, float *out)
{
    (void)ctx;
    int64_t n = 1;
    for (int i = 0; i < n_dims; i++) n *= dim[i];
    for (int64_t i = 0; i < n; i++) out[i] = weight_at(name, i);
    return LT_OK;
}

typedef struct {
    lt_graph   *g;
    lt_plan    *plan;
    lt_arena   *arena;
    lt_session *s;
} running;

static running start(lt_graph *g, const lt_plan_opts *o)
{
    const lt_weight_source source = { NULL, read_weight, NULL };
    running r = { g, NULL, NULL, NULL };
    assert_ok(lt_graph_finish(g));
    assert_ok(lt_graph_plan(g, o, &r.plan));
    assert_ok(lt_arena_create(lt_plan_bytes(r.plan), &r.arena));
    assert_ok(lt_session_create(r.plan, &source, r.arena, NULL, &r.s));
    return r;
}

static void end(running *r)
{
    lt_session_destroy(&r->s);
    lt_arena_destroy(&r->arena);
    lt_plan_destroy(&r->plan);
    lt_graph_destroy(&r->g);
}

static float *values(const running *r, const char *name)
{
    lt_tensor t;
    assert_true(lt_session_tensor(r->s, name, &t));
    return t.data;
}

/* ---- what is refused ---- */

static void test_first_error_names_its_scope(void **state)
{
    (void)state;
    lt_graph *g = create();
    lt_part(g, "encode", LT_CUT_FRAMES);
    lt_val x = lt_input(g, "x", LT_F32, LT_SHAPE(2, 1370, 384));
    lt_scope(g, "blocks.%d", 0);
    lt_scope(g, "attn");
    lt_val qkv = lt_linear(g, x, "qkv", 3 * 384);
    lt_val bad = lt_reshape(g, qkv, LT_SHAPE(2, 1370, 3, 5, 76));
    /* What follows an error does nothing, and does not replace it. */
    assert_int_equal(bad.id, 0);
    assert_int_equal(lt_dim(g, bad, 0), 0);
    bad = lt_linear(g, lt_permute(g, bad, LT_AXES(2, 0, 1, 3, 4)), "proj", 7);
    assert_int_equal(bad.id, 0);
    assert_int_equal(lt_graph_finish(g), LT_E_INTERNAL);
    assert_string_equal(lt_error_last()->text, "in blocks.0.attn: reshape [2,1370,1152] to [2,1370,3,5,76]: 3156480 elements to 3123600");
    lt_graph_destroy(&g);
}

static lt_status built(void (*describe)(lt_graph *g, lt_val x))
{
    lt_graph *g = create();
    lt_val x = lt_input(g, "x", LT_F32, LT_SHAPE(2, 6, 4, 8));
    describe(g, x);
    lt_status st = lt_graph_finish(g);
    lt_graph_destroy(&g);
    return st;
}

static void no_part(lt_graph *g, lt_val x)
{
    lt_linear(g, x, "a", 3);
}

static void open_part(lt_graph *g, lt_val x)
{
    lt_part(g, "p", LT_CUT_FRAMES);
    lt_linear(g, x, "a", 3);
}

static void other_shape(lt_graph *g, lt_val x)
{
    lt_part(g, "p", LT_CUT_FRAMES);
    lt_linear(g, x, "a", 3);
    lt_linear(g, x, "a", 4);
    lt_part_end(g);
}

static void bad_slice(lt_graph *g, lt_val x)
{
    lt_slice(g, x, 1, 4, 3);
}

static void bad_axes(lt_graph *g, lt_val x)
{
    lt_permute(g, x, LT_AXES(0, 1, 1, 3));
}

static void bad_repeat(lt_graph *g, lt_val x)
{
    lt_expand(g, x, LT_SHAPE(2, 12, 4, 8));
}

static void bad_groups(lt_graph *g, lt_val x)
{
    lt_part(g, "p", LT_CUT_FRAMES);
    lt_groupnorm_stats(g, x, 3, 1e-6f);
    lt_part_end(g);
}

static void expected_else(lt_graph *g, lt_val x)
{
    lt_expect(g, x, LT_SHAPE(2, 6, 4, 9));
}

static void output_of_view(lt_graph *g, lt_val x)
{
    lt_output(g, lt_reshape(g, x, LT_SHAPE(2, 24, 8)), "y");
}

static void small_map(lt_graph *g, lt_val x)
{
    lt_part(g, "p", LT_CUT_FRAMES);
    lt_conv2d(g, x, "c", &(lt_conv_opts){ .out = 4, .kernel = 7 });
    lt_part_end(g);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        void (*describe)(lt_graph *g, lt_val x);
        const char *says;
    } cases[] = {
        { no_part, "lies in no part" },       { open_part, "is not closed" },          { other_shape, "is used as [3,8] and as [4,8]" },
        { bad_slice, "are not there" },       { bad_axes, "the axes are not those" },  { bad_repeat, "cannot be repeated to [2,12,4,8]" },
        { bad_groups, "do not divide 8" },    { expected_else, "[2,6,4,8] where [2,6,4,9]" },
        { output_of_view, "named once" },     { small_map, "smaller than the kernel" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(built(cases[i].describe), LT_E_INTERNAL);
        if (!strstr(lt_error_last()->text, cases[i].says)) fail_msg("'%s' does not say '%s'", lt_error_last()->text, cases[i].says);
    }
}

/* ---- what is joined ---- */

static lt_graph *block(bool swapped)
{
    lt_graph *g = create();
    lt_val x = lt_input(g, "x", LT_F32, LT_SHAPE(3, 5, 8));
    lt_part(g, "p", LT_CUT_FRAMES);
    lt_val n = lt_layernorm(g, x, "norm", 1e-6f);
    lt_val a = { 0 }, b = { 0 };
    /* The order in which a compiler evaluates two arguments is its own. */
    if (swapped) {
        b = lt_gelu(g, lt_linear(g, n, "right", 8));
        a = lt_linear(g, n, "left", 8);
    } else {
        a = lt_linear(g, n, "left", 8);
        b = lt_gelu(g, lt_linear(g, n, "right", 8));
    }
    lt_probe(g, a, "left");
    lt_val y = lt_add(g, x, lt_scale(g, lt_linear(g, lt_add(g, a, b), "out", 8), "gamma"));
    lt_output(g, y, "y");
    lt_part_end(g);
    assert_ok(lt_graph_finish(g));
    return g;
}

static void test_what_follows_a_product_joins_it(void **state)
{
    (void)state;
    lt_plan_opts o = plain;
    lt_plan *plan = NULL;
    lt_graph *g = block(false);
    assert_ok(lt_graph_plan(g, &o, &plan));
    /* norm; left; right + gelu + (the sum with left); out + gamma + the sum with x. */
    assert_int_equal(lt_plan_nodes(plan), 4);
    lt_plan_destroy(&plan);
    /* What is looked at stays a value of its own: nothing else changes. */
    o.probes = true;
    assert_ok(lt_graph_plan(g, &o, &plan));
    assert_int_equal(lt_plan_nodes(plan), 4);
    lt_plan_destroy(&plan);
    lt_graph_destroy(&g);
}

static void test_order_is_the_graphs(void **state)
{
    (void)state;
    lt_graph *g[2] = { block(false), block(true) };
    lt_plan *plan[2] = { NULL, NULL };
    for (int i = 0; i < 2; i++) assert_ok(lt_graph_plan(g[i], &plain, &plan[i]));
    assert_int_equal(lt_plan_bytes(plan[0]), lt_plan_bytes(plan[1]));
    assert_int_equal(lt_plan_nodes(plan[0]), lt_plan_nodes(plan[1]));
    for (int i = 0; i < lt_plan_nodes(plan[0]); i++) {
        lt_node_info a, b;
        lt_plan_node(plan[0], i, &a);
        lt_plan_node(plan[1], i, &b);
        assert_string_equal(a.name, b.name);
    }
    for (int i = 0; i < 2; i++) {
        lt_plan_destroy(&plan[i]);
        lt_graph_destroy(&g[i]);
    }
}

/* y = x + gamma * (left + gelu(right)) W + .. by plain loops, in double. */
static void test_joined_is_right(void **state)
{
    (void)state;
    running r = start(block(false), &plain);
    float *x = values(&r, "x");
    for (int i = 0; i < 3 * 5 * 8; i++) x[i] = weight_at("input", i);
    float given[3 * 5 * 8];
    memcpy(given, x, sizeof given);
    assert_ok(lt_session_run(r.s, "p", "p", 0, NULL));
    const float *y = values(&r, "y");
    for (int row = 0; row < 15; row++) {
        double n[8], h[8], mean = 0, var = 0;
        const float *v = given + row * 8;
        for (int c = 0; c < 8; c++) mean += (double)v[c] / 8;
        for (int c = 0; c < 8; c++) var += ((double)v[c] - mean) * ((double)v[c] - mean) / 8;
        for (int c = 0; c < 8; c++)
            n[c] = ((double)v[c] - mean) / sqrt(var + 1e-6) * (double)weight_at("norm.weight", c) + (double)weight_at("norm.bias", c);
        for (int o = 0; o < 8; o++) {
            double left = (double)weight_at("left.bias", o), right = (double)weight_at("right.bias", o);
            for (int c = 0; c < 8; c++) {
                left += n[c] * (double)weight_at("left.weight", o * 8 + c);
                right += n[c] * (double)weight_at("right.weight", o * 8 + c);
            }
            h[o] = left + right * 0.5 * (1 + erf(right / sqrt(2.0)));
        }
        for (int o = 0; o < 8; o++) {
            double out = (double)weight_at("out.bias", o);
            for (int c = 0; c < 8; c++) out += h[c] * (double)weight_at("out.weight", o * 8 + c);
            const double want = (double)v[o] + (double)weight_at("gamma", o) * out;
            /* A few dozen f32 roundings of values up to 30. */
            if (!(fabs(want - (double)y[row * 8 + o]) < 1e-4)) fail_msg("row %d, %d: %g, wanted %g", row, o, (double)y[row * 8 + o], want);
        }
    }
    end(&r);
}

/* What is added to a resized map joins it, on either side of the sum; while the resized map is looked at, it does not. The bits are the same. */
static void test_sum_with_a_resized_map(void **state)
{
    (void)state;
    enum { N = 2 * 9 * 7 * 3 };
    float first[N];
    for (int i = 0; i < 4; i++) {
        const bool left = i & 1, looked_at = i & 2;
        lt_plan_opts o = plain;
        lt_graph *g = create();
        lt_val x = lt_input(g, "x", LT_F32, LT_SHAPE(2, 5, 4, 3)), skip = lt_input(g, "skip", LT_F32, LT_SHAPE(2, 9, 7, 3));
        lt_part(g, "p", LT_CUT_FRAMES);
        lt_val r = lt_resize(g, x, 9, 7);
        lt_probe(g, r, "resized");
        lt_output(g, left ? lt_add(g, r, skip) : lt_add(g, skip, r), "y");
        lt_part_end(g);
        o.probes = looked_at;
        running s = start(g, &o);
        assert_int_equal(lt_plan_nodes(s.plan), looked_at ? 2 : 1);
        float *in = values(&s, "x"), *more = values(&s, "skip");
        for (int k = 0; k < 2 * 5 * 4 * 3; k++) in[k] = weight_at("input", k);
        for (int k = 0; k < N; k++) more[k] = weight_at("skip", k);
        assert_ok(lt_session_run(s.s, "p", "p", 0, NULL));
        if (i == 0) memcpy(first, values(&s, "y"), sizeof first);
        assert_memory_equal(first, values(&s, "y"), sizeof first);
        end(&s);
    }
}

/* ---- views, states, tables ---- */

/* [T,P,3,H,D] taken apart, its first two dimensions exchanged, and put together again. */
static void test_views(void **state)
{
    (void)state;
    enum { T = 3, P = 4, H = 2, D = 5 };
    lt_graph *g = create();
    lt_val x = lt_input(g, "x", LT_F32, LT_SHAPE(T, P, 3 * H * D));
    lt_val parts = lt_reshape(g, x, LT_SHAPE(T, P, 3, H, D));
    lt_val second = lt_permute(g, lt_select(g, parts, 2, 1), LT_AXES(1, 0, 2, 3));
    lt_expect(g, second, LT_SHAPE(P, T, H, D));
    lt_part(g, "p", LT_CUT_FRAMES);
    lt_val y = lt_relu(g, lt_contiguous(g, lt_slice(g, second, 3, 1, 3)));
    lt_output(g, lt_add(g, y, y), "y");
    lt_part_end(g);
    running r = start(g, &plain);
    float *in = values(&r, "x");
    for (int i = 0; i < T * P * 3 * H * D; i++) in[i] = (float)i;
    assert_ok(lt_session_run(r.s, "p", "p", 0, NULL));
    const float *out = values(&r, "y");
    for (int p = 0; p < P; p++)
        for (int t = 0; t < T; t++)
            for (int h = 0; h < H; h++)
                for (int d = 0; d < 3; d++)
                    assert_true(out[((p * T + t) * H + h) * 3 + d] == 2 * (float)((((t * P + p) * 3 + 1) * H + h) * D + d + 1));
    end(&r);
}

/* Rows go to the slots that a table names, and come back from those that another does. */
static void test_states(void **state)
{
    (void)state;
    lt_graph *g = create();
    lt_val x = lt_input(g, "x", LT_F32, LT_SHAPE(2, 3, 4)), ring = lt_state(g, "ring", LT_F32, LT_SHAPE(5, 3, 4));
    lt_part(g, "put", LT_CUT_FRAMES);
    lt_scatter(g, ring, "to", lt_relu(g, x));
    lt_part_end(g);
    lt_part(g, "take", LT_CUT_FRAMES);
    lt_val taken = lt_gather(g, ring, "from", 3);
    lt_output(g, lt_add(g, taken, taken), "y");
    lt_part_end(g);
    running r = start(g, &plain);
    int64_t n;
    int32_t *to = lt_session_table(r.s, "to", &n), *from;
    assert_int_equal(n, 2);
    from = lt_session_table(r.s, "from", &n);
    assert_int_equal(n, 3);
    assert_null(lt_session_table(r.s, "nowhere", &n));
    float *in = values(&r, "x");
    for (int call = 0; call < 2; call++) {
        for (int i = 0; i < 24; i++) in[i] = (float)(100 * call + i);
        to[0] = call ? 1 : 4;
        to[1] = call ? 0 : 2;
        assert_ok(lt_session_run(r.s, "put", "put", 0, NULL));
    }
    /* Slot 4: first row of the first call; 0: second row of the second; 2: second row of the first. */
    from[0] = 4;
    from[1] = 0;
    from[2] = 2;
    assert_ok(lt_session_run(r.s, "take", "take", 0, NULL));
    const float *y = values(&r, "y");
    for (int i = 0; i < 12; i++) {
        assert_true(y[i] == 2 * (float)i);
        assert_true(y[12 + i] == 2 * (float)(112 + i));
        assert_true(y[24 + i] == 2 * (float)(12 + i));
    }
    /* Two of the three. */
    from[0] = 2;
    assert_ok(lt_session_run(r.s, "take", "take", 2, NULL));
    assert_true(y[0] == 24 && y[12] == 224 && y[24] == 24);
    end(&r);
}

static void test_joined_maps(void **state)
{
    (void)state;
    lt_graph *g = create();
    lt_val x = lt_input(g, "x", LT_F32, LT_SHAPE(3, 4, 5));
    lt_part(g, "p", LT_CUT_FRAMES);
    lt_val token = lt_add(g, lt_expand(g, lt_param(g, "token", LT_SHAPE(1, 1, 5)), LT_SHAPE(3, 1, 5)), lt_param(g, "place", LT_SHAPE(1, 1, 5)));
    lt_output(g, lt_relu(g, lt_concat(g, token, lt_relu(g, x), 1)), "y");
    lt_part_end(g);
    running r = start(g, &plain);
    float *in = values(&r, "x");
    for (int i = 0; i < 60; i++) in[i] = (float)(i - 20);
    assert_ok(lt_session_run(r.s, "p", "p", 0, NULL));
    const float *y = values(&r, "y");
    for (int t = 0; t < 3; t++)
        for (int c = 0; c < 5; c++) {
            assert_true(y[t * 25 + c] == fmaxf(weight_at("token", c) + weight_at("place", c), 0));
            for (int p = 0; p < 4; p++) assert_true(y[t * 25 + 5 + p * 5 + c] == fmaxf((float)((t * 4 + p) * 5 + c - 20), 0));
        }
    end(&r);
}

/* Convolutions and resizes by bands of rows give the bits of the whole, though neighbours' rows are made again. */
static void test_bands(void **state)
{
    (void)state;
    enum { H = 17, W = 6, C = 3 };
    float *whole = NULL;
    static const int64_t bands[] = { 0, 1, 4, 50 };
    for (size_t i = 0; i < sizeof bands / sizeof *bands; i++) {
        lt_plan_opts o = plain;
        lt_graph *g = create();
        lt_val x = lt_input(g, "x", LT_F32, LT_SHAPE(2, H, W, C));
        lt_part(g, "p", LT_CUT_ROWS);
        lt_val a = lt_conv2d(g, x, "a", &(lt_conv_opts){ .out = 4, .kernel = 3, .pad = 1 });
        lt_val b = lt_conv_transpose2d(g, x, "b", 4, 2);
        lt_val c = lt_add(g, lt_resize(g, a, 2 * H, 2 * W), b);
        c = lt_conv2d(g, lt_relu(g, c), "c", &(lt_conv_opts){ .out = 2, .kernel = 3, .pad = 1, .stride = 2 });
        lt_output(g, lt_resize(g, c, 50, 11), "y");
        lt_part_end(g);
        o.band = bands[i];
        running r = start(g, &o);
        float *in = values(&r, "x");
        for (int k = 0; k < 2 * H * W * C; k++) in[k] = weight_at("input", k);
        assert_ok(lt_session_run(r.s, "p", "p", 0, NULL));
        const size_t n = (size_t)2 * 50 * 11 * 2 * sizeof(float);
        if (!whole) {
            whole = malloc(n);
            assert_non_null(whole);
            memcpy(whole, values(&r, "y"), n);
        }
        assert_memory_equal(values(&r, "y"), whole, n);
        end(&r);
    }
    free(whole);
}

/* A sum whose second operand repeats a part of the first may not be written over it. */
static void test_no_overwriting_what_is_read_elsewhere(void **state)
{
    (void)state;
    lt_graph *g = create();
    lt_val x = lt_input(g, "x", LT_F32, LT_SHAPE(2, 4, 3));
    lt_part(g, "p", LT_CUT_FRAMES);
    lt_val y = lt_relu(g, x);
    lt_val z = lt_add(g, y, lt_slice(g, y, 1, 0, 1));
    lt_output(g, lt_relu(g, z), "out");
    lt_part_end(g);
    running r = start(g, &plain);
    float *in = values(&r, "x");
    for (int i = 0; i < 24; i++) in[i] = (float)(i + 1);
    assert_ok(lt_session_run(r.s, "p", "p", 0, NULL));
    const float *out = values(&r, "out");
    for (int i = 0; i < 24; i++) assert_true(out[i] == (float)(i + 1) + (float)(i / 12 * 12 + i % 3 + 1));
    end(&r);
}

/* Some channels of a band are rows of the same map. */
static void test_views_of_bands(void **state)
{
    (void)state;
    float whole[2 * 9 * 5 * 3];
    for (int64_t band = 0; band < 4; band++) {
        lt_plan_opts o = plain;
        lt_graph *g = create();
        lt_val x = lt_input(g, "x", LT_F32, LT_SHAPE(2, 9, 5, 3));
        lt_part(g, "p", LT_CUT_ROWS);
        lt_val a = lt_conv2d(g, x, "a", &(lt_conv_opts){ .out = 6, .kernel = 3, .pad = 1 });
        lt_output(g, lt_conv2d(g, lt_slice(g, a, 3, 1, 4), "b", &(lt_conv_opts){ .out = 3, .kernel = 3, .pad = 1 }), "y");
        lt_part_end(g);
        o.band = band;
        running r = start(g, &o);
        float *in = values(&r, "x");
        for (int i = 0; i < 2 * 9 * 5 * 3; i++) in[i] = weight_at("input", i);
        assert_ok(lt_session_run(r.s, "p", "p", 0, NULL));
        if (band == 0) memcpy(whole, values(&r, "y"), sizeof whole);
        assert_memory_equal(values(&r, "y"), whole, sizeof whole);
        end(&r);
    }
}

/* Attention reads no table of rows: the plan says so, not a wrong result. */
static void test_refused_while_planning(void **state)
{
    (void)state;
    lt_plan *plan = NULL;
    lt_graph *g = create();
    lt_val q = lt_input(g, "q", LT_F32, LT_SHAPE(2, 4, 1, 8)), ring = lt_state(g, "ring", LT_F32, LT_SHAPE(5, 4, 1, 8));
    lt_part(g, "p", LT_CUT_FRAMES);
    lt_val k = lt_gather(g, ring, "t", 2);
    lt_output(g, lt_attend(g, q, k, k, 1.0f), "y");
    lt_part_end(g);
    assert_ok(lt_graph_finish(g));
    assert_int_equal(lt_graph_plan(g, &plain, &plan), LT_E_INTERNAL);
    assert_non_null(strstr(lt_error_last()->text, "no kernel takes this attention"));
    assert_null(plan);
    lt_graph_destroy(&g);
}

/* f16 is built like bf16; on the CPU a plan names it. */
static void test_f16_is_for_gpus(void **state)
{
    (void)state;
    lt_graph *g = NULL;
    lt_plan *plan = NULL;
    assert_ok(lt_graph_create(LT_F16, &g));
    lt_part(g, "encode", LT_CUT_FRAMES);
    lt_val x = lt_input(g, "x", LT_F32, LT_SHAPE(2, 5, 16));
    lt_val y = lt_linear(g, lt_layernorm(g, x, "norm", 1e-6f), "fc", 24);
    lt_output(g, lt_add(g, x, lt_linear(g, y, "back", 16)), "y");
    lt_part_end(g);
    assert_ok(lt_graph_finish(g));
    assert_int_equal(lt_graph_plan(g, &plain, &plan), LT_E_INTERNAL);
    assert_non_null(strstr(lt_error_last()->text, "f16"));
    lt_plan_destroy(&plan);
    lt_graph_destroy(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_error_names_its_scope), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_follows_a_product_joins_it), cmocka_unit_test(test_order_is_the_graphs),
        cmocka_unit_test(test_joined_is_right), cmocka_unit_test(test_sum_with_a_resized_map), cmocka_unit_test(test_views), cmocka_unit_test(test_states),
        cmocka_unit_test(test_joined_maps), cmocka_unit_test(test_bands),
        cmocka_unit_test(test_no_overwriting_what_is_read_elsewhere), cmocka_unit_test(test_views_of_bands),
        cmocka_unit_test(test_refused_while_planning), cmocka_unit_test(test_f16_is_for_gpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
