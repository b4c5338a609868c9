/* Every operator of optical flow against its definition, bit by bit, at each ISA level of this machine and with several
 * numbers of threads and rows per item. */
#include "check.h"
#include "kernels/flow_operators.h"

#include <stdio.h>

typedef struct {
    const bench *t;
    const void  *args;
    void       (*fast)(lt_isa, const void *, int, int);
    int          n, band;
} job;

static void piece(void *ctx, int i)
{
    const job *j = ctx;
    const int y0 = i * j->band, y1 = y0 + j->band < j->n ? y0 + j->band : j->n;
    j->fast((lt_isa)j->t->isa, j->args, y0, y1);
}

static void spread(const bench *t, void (*fast)(lt_isa, const void *, int, int), const void *args, int n, int band)
{
    job j = { t, args, fast, n, band };
    lt_pool_run(t->pool, (n + band - 1) / band, piece, &j);
}

#define ROWS(op)                                                                                          \
    static void op##_rows(lt_isa isa, const void *args, int y0, int y1) { lt_##op(isa, args, y0, y1); }  \
    static void op##_candidate(const bench *t, const lt_##op##_args *a, int n)                           \
    {                                                                                                     \
        spread(t, op##_rows, a, n, t->band);                                                              \
    }
ROWS(flow_check)
ROWS(flow_detail)
ROWS(flow_edges)
ROWS(flow_frame)
ROWS(flow_grow)
ROWS(flow_halve)
ROWS(flow_join)
ROWS(flow_median)
ROWS(flow_store)
ROWS(flow_system)
ROWS(flow_tensor)
ROWS(flow_warp)

static void sor_rows(lt_isa isa, const void *args, int b0, int b1)
{
    lt_flow_sor(isa, args, b0, b1);
}

static void flow_sor_candidate(bench *t, const lt_flow_sor_args *a)
{
    lt_flow_sor_args b = *a;
    for (; b.phase < 2; b.phase++) spread(t, sor_rows, &b, lt_flow_sor_bands(t->h, b.sweeps), 1);
}

static const struct { int w, h; const char *catches; } sizes[] = {
    {   1,   1, "neither neighbour nor vector"                             },
    {   2,   1, "one of each colour, no second row"                        },
    {   1,   7, "columns only"                                             },
    {   5,   3, "shorter than a vector"                                    },
    {  31,  17, "prime sizes: vectors and a rest"                          },
    {  64,  40, "chunks that end with the row; two bands of the solver"    },
    {  65,  73, "a chunk of one pixel; bands with a short last one"        },
    { 131, 150, "several chunks and bands"                                 },
};

static void fast_is_the_definition(void **state)
{
    (void)state;
    static const struct { int threads, band; } spreads[] = { { 1, 1000 }, { 2, 8 }, { 3, 1 }, { 5, 3 } };
    const size_t size = 1 << 21;
    bench t = { .in = { malloc(4 * size), 0, size }, .out = { malloc(4 * size), 0, size } };
    float *expected = malloc(4 * size);
    assert_true(t.in.mem && t.out.mem && expected);
    for (size_t k = 0; k < sizeof spreads / sizeof *spreads; k++) {
        assert_ok(lt_pool_create(spreads[k].threads, &t.pool));
        t.band = spreads[k].band;
        for (size_t o = 0; o < sizeof operators / sizeof *operators; o++)
            for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++) {
                t.w = sizes[z].w;
                t.h = sizes[z].h;
                run(&t, operators[o].run, DEFINITION);
                memcpy(expected, t.out.mem, 4 * t.out.used);
                for (int isa = LT_ISA_BASE; isa <= (int)lt_cpu_isa(); isa++) {
                    run(&t, operators[o].run, isa);
                    size_t i = 0;
                    while (i < t.out.used && !memcmp(expected + i, t.out.mem + i, 4)) i++;
                    if (i < t.out.used)
                        fail_msg("%s at %d x %d, %s, %d threads: float %zu is %a, not %a (%s; %s)", operators[o].name, t.w, t.h,
                                 lt_isa_name((lt_isa)isa), spreads[k].threads, i, (double)t.out.mem[i], (double)expected[i],
                                 operators[o].catches, sizes[z].catches);
                }
            }
        lt_pool_destroy(&t.pool);
    }
    free(expected);
    free(t.in.mem);
    free(t.out.mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(fast_is_the_definition) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
