/* longtake/sweep.h -- a network at every limit that matters, from too little memory to plenty.
 *
 * in    what the ladder is asked for (longtake/ladder.h), weights, a device
 * out   limits; at each of them what is planned, and what a run of drawn frames really did
 * owns  nothing
 *
 * The limits come from the bytes of the ladder's own candidates, whatever rungs it has: one below the least, one at each rung that can be taken, some
 * between two of them, one above the first. A point is planned by lt_ladder_walk, which `plan` and `run` ask too, and then run in an arena of no
 * more than the limit. */
#ifndef LONGTAKE_SWEEP_H
#define LONGTAKE_SWEEP_H

#include <longtake/hash.h>
#include <longtake/ladder.h>

#include <stdatomic.h>

enum { LT_SWEEP_MAX = LT_LADDER_MAX + 8, LT_SWEEP_WHY = 640 };

typedef struct {
    int64_t      limit;              /* bytes of device memory that may be planned: --memory-limit less the fixed overhead */
    bool         fits;               /* what the plan says */
    int          rung;               /* of the ladder; where nothing fits, the one that takes least */
    lt_candidate candidate;          /* it */
    char         why[LT_SWEEP_WHY];  /* why not; "" */
    /* of a run; 0 where nothing fits */
    int64_t      observed;           /* lt_arena_high_water */
    int          frames;             /* new ones in `seconds` */
    double       seconds, flops;
    lt_hash      hash;               /* of all maps, of those that were not timed too */
} lt_sweep_point;

/* What points are run with. */
typedef struct {
    const lt_ladder_ask *ask;        /* of a task of two steps; env->weights are those of its model */
    lt_pool             *pool;
    lt_device           *device;     /* NULL: the CPU */
    const atomic_int    *stop;
    int                  timed;      /* windows that are timed, one behind another as in a run, after a first one that is not; 0: that first one alone */
} lt_sweep;

/* Limits, rising, out [LT_SWEEP_MAX]; returns how many in *n. The first is too little for every rung. `between` of the widest gaps between two rungs
 * have a point in their middle. Uses nothing of ask->budget. */
LT_NODISCARD lt_status lt_sweep_limits(const lt_ladder_ask *ask, int between, int64_t *out, int *n);

/* What is planned at a limit. Only the device's memory is short: host and pool of ask->budget are not asked. */
LT_NODISCARD lt_status lt_sweep_plan(const lt_ladder_ask *ask, int64_t limit, lt_sweep_point *out);

/* Operations of the run of a planned point, a multiply-add counted as two: of all windows; *timed (may be NULL): of those that are timed. */
LT_NODISCARD lt_status lt_sweep_work(const lt_sweep *sweep, const lt_sweep_point *point, double *all, double *timed);

/* Runs a planned point on drawn frames, the same at every point of a size. Where nothing fits it tries the rung that takes least in an arena as large as the
 * limit, which has to be refused. LT_E_INTERNAL, one sentence, where the plan is contradicted: what fits does not run, what does not fit does, or the
 * bytes held are not those planned. LT_E_STOPPED soon after *stop is not 0. */
LT_NODISCARD lt_status lt_sweep_run(const lt_sweep *sweep, lt_sweep_point *point);

/* LT_E_INTERNAL, one sentence, unless two points that ran gave the same maps. */
LT_NODISCARD lt_status lt_sweep_same(const lt_ladder_ask *ask, const lt_sweep_point *a, const lt_sweep_point *b);

#endif
