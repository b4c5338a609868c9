/* main/bench.h -- what the parts of `bench` share. Private to src/main.
 *
 * in    settings
 * out   one measurement, its figures as JSON; a sweep; a comparison
 * owns  a bench all that it opened, until lt_bench_close */
#ifndef LT_MAIN_BENCH_H
#define LT_MAIN_BENCH_H

#include <longtake/depth.h>
#include <longtake/place.h>
#include <longtake/timeline.h>

#include <jansson.h>

/* NEW_FRAMES: of a window that follows another one; what is counted as frames/s everywhere. */
enum { LT_BENCH_NEW_FRAMES = 22, LT_BENCH_STAGES = 32, LT_BENCH_SHOWN = 4, LT_BENCH_TIMED_GPU = 4, LT_BENCH_RATE_CPU = 4096, LT_BENCH_RATE_GPU = 8192 };

typedef struct {
    const char *name;
    double      seconds, flops;
} lt_bench_stage;

typedef struct {
    const lt_settings *s;
    lt_place           compute;
    lt_depth_config    config;
    char               model[32];
    lt_depth_plan     *plan;
    lt_depth_session  *session;
    lt_arena          *arena;
    lt_pool           *pool;
    lt_weights        *weights;
    lt_timeline       *timeline;
    uint8_t           *rgb[LT_BENCH_SHOWN];                   /* GPU: what is uploaded */
    int                timed;                                 /* windows behind the first */
    double             start_s, first_s, window_s, rate;      /* session made, first window, one more window; GFLOP/s of the machine */
    double             operator_s;                            /* of one window, the sum of its operators */
    double             flops;                                 /* of that one more window */
    double            *node_seconds, *node_flops;             /* [nodes] of it */
    lt_bench_stage     stages[LT_BENCH_STAGES];
    int                n_stages;
} lt_bench;

/* Measures a bench whose session is open; fills all figures from `timed` on. */
LT_NODISCARD lt_status lt_bench_measure(lt_bench *b);

/* GFLOP/s of the machine: one large product by the library. */
LT_NODISCARD lt_status lt_bench_rate(const lt_place *place, lt_dtype precision, double *gflops);

/* To standard output. */
LT_NODISCARD lt_status lt_bench_print(const json_t *figures);

/* The file of --compare. LT_E_USAGE where it cannot be read, LT_E_DATA where it is not what `bench --json` writes. *out is the caller's. */
LT_NODISCARD lt_status lt_bench_old(const char *path, json_t **out);

/* LT_E_USAGE, one sentence, unless the old one is of this task, model, size and precision. */
LT_NODISCARD lt_status lt_bench_comparable(const char *path, const json_t *old, const lt_bench *b);

/* Prints every figure that both have, and new / old; under --json an object. `now` and `old` are what `bench --json` writes. Where machine, device or threads
 * differ it warns. */
LT_NODISCARD lt_status lt_bench_compare(const lt_settings *s, const json_t *old, const json_t *now);

/* bench --sweep. */
LT_NODISCARD lt_status lt_bench_sweep(const lt_settings *s);

#endif
