/* kernels/rig.h -- the shared rig in which every operator's table of tests runs.
 *
 * in    rows: definition, candidate, attributes, descriptions of views and weights, the error that is allowed, what the row catches
 * out   true, or FAIL lines on stderr: kernel, level, sizes, worst error, what is allowed there, and what the row catches
 * owns  what it allocates, for the length of a call
 *
 * Inputs are a function of (seed, index). Every array lies between finite guards longer than a row, the gaps of a padded view are
 * such guards too; outputs start as NaN, the workspace is exactly as long as asked for and starts as garbage. Each row runs at every ISA
 * level of this processor. The definition writes dense f32; it is also run as a candidate, so its own strides are proved as well. */
#ifndef LT_TESTS_KERNELS_RIG_H
#define LT_TESTS_KERNELS_RIG_H

#include <longtake/kernel.h>

/* What a row does not name is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

typedef struct {
    int      n_dims;                  /* 0: absent */
    int64_t  dim[LT_MAX_DIMS];
    lt_dtype dtype;
    int64_t  gap[LT_MAX_DIMS];        /* elements added to the stride of a dimension: a padded view, or a view into a larger array */
    unsigned repeat;                  /* bit d: stride 0 along dimension d */
    bool     strided;                 /* take the strides of `stride` instead of gap and repeat: permuted views */
    int64_t  stride[LT_MAX_DIMS];
    int      shift;                   /* elements off the alignment of LT_ARENA_ALIGN */
    bool     indexed;                 /* dimension 0 by a table, out of order and with unused rows */
    int64_t  row0, rows;              /* a band; rows 0: the whole map */
    float    mean, dev;               /* of the values (inputs); dev 0: 1 */
    bool     special;                 /* NaN, infinities, both zeros and a subnormal among the values */
} rig_view;

typedef struct {
    int     n_dims;                   /* 0: absent */
    int64_t dim[LT_MAX_DIMS];
    float   mean, dev;                /* dev 0: 1 */
} rig_weight;

typedef struct rig_case rig_case;

/* The absolute error allowed where the definition gives `value`. `scale`: with `magnitude` what the definition gives when every input and weight
 * is replaced by its absolute value (a sum of products becomes the sum of their magnitudes); else the largest |value| of the output.
 * Half a unit of a bf16 or f16 output is added by the rig. */
typedef double (*rig_allowed)(const rig_case *c, double value, double scale);

struct rig_case {
    const char      *catches;         /* what goes wrong where this row fails */
    const lt_kernel *definition, *candidate;
    const void      *attr;
    rig_view         in[LT_MAX_IN], out;
    int              in_place;        /* k + 1: out is in[k] itself, `out` is not read; 0: an array of its own */
    rig_weight       weights[LT_MAX_WEIGHTS];
    rig_allowed      allowed;         /* NULL: exact to the bit */
    bool             magnitude;
    bool             may_refuse;      /* a candidate that refuses at every level passes */
    bool             bf16_units;      /* what lt_machine.bf16_units says */
    bool             independent;     /* rig_table runs rig_independent as well */
    uint32_t         seed;
};

/* One row: the definition and the candidate at every level with pools of 1 and 2 threads. */
bool rig_check(const rig_case *c);

/* The candidate over dimension 0 = 32 (inputs of out's own dimension 0 grow and are cut with it): whole, in slices of 1, 2, 4, 8 and 5,
 * with pools of 1, 2 and 3 threads: the same bits. At every level. */
bool rig_independent(const rig_case *c);

/* rig_check of n rows, and rig_independent of those that ask for it; how many failed. */
int rig_table(const rig_case *rows, int n);

/* With LT_RIG_TIME in the environment: prints the best time of a launch and the bytes of its views per second, at the highest level with 1 and
 * 2 threads, for each of n rows. Without: does nothing. Nothing is asserted. */
void rig_time(const rig_case *rows, int n);

#endif
