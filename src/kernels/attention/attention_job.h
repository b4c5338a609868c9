/* kernels/attention/attention_job.h -- what the fast candidates of attention share: packed keys and values, and the attention of
 * a few queries of one head to them.
 *
 * in    lt_args, and a workspace cut as below
 * out   rows of the output
 * owns  nothing
 *
 * Packed keys of one (b,h): panels of 2 LT_VEC keys, [panel][D][2 LT_VEC], the last one LT_VEC wide where that is enough, keys beyond the
 * last one zero. Packed values: panels of 2 LT_VEC columns, [panel][Tk][2 LT_VEC], the last as above.
 *
 * Queries go in blocks of rows, and these in strips of the level's MR rows. For each block of keys a strip's scores are made,
 * turned into weights, and multiplied with the values while they are in the nearest cache. Scores are in units of log2 (the
 * factor is put into q), and the running maximum is the true one rounded up to an integer: so the correction of what was summed
 * so far is a power of two and rounds nothing, and a weight has the same significand bits whatever the maximum was when it
 * was taken. A row's bits depend on its q, on the keys and values, their number, D and Dv. */
#ifndef LONGTAKE_KERNELS_ATTENTION_JOB_H
#define LONGTAKE_KERNELS_ATTENTION_JOB_H

#include "kernels/attention/attention.h"

enum {
    LT_ATTENTION_ROWS = 96,              /* queries of a block: a multiple of each level's MR */
    LT_ATTENTION_KEYS = 256,             /* keys of a block, at most */
    LT_ATTENTION_LANES = 16              /* of the widest level */
};

/* Sizes do not depend on the ISA level: room for the widest. Floats; each a multiple of 16. */
typedef struct {
    const lt_args *a;
    float         *keys, *values;        /* packed, of `pair_floats` from one (b,h) to the next */
    float         *slots;                /* a block's q, sums and results; `slot_floats` each, one per thread */
    size_t         key_floats, value_floats, slot_floats;
    int64_t        n_heads, n_queries, n_keys, d, dv;
    int64_t        key_block;
    int64_t        pair0;                /* b * n_heads + h of the first packed pair */
    int            query_blocks;         /* of a pair */
    int            key_blocks;           /* of a pair */
} lt_attention_job;

/* Everything of `job` but pair0 and the pointers. n_keys: those that take part now; all of Tk when planning. */
void lt_attention_job_init(const lt_args *a, int64_t n_keys, lt_attention_job *job);

/* Keys that take part now. */
int64_t lt_attention_n_keys(const lt_args *a);

/* NULL, or why neither candidate takes these arguments. */
const char *lt_attention_refuse(const lt_args *a);

/* Packs key blocks from <= i < to of all packed pairs: block i % key_blocks of pair pair0 + i / key_blocks. */
void lt_attention_pack(lt_isa isa, const lt_attention_job *job, int from, int to);

/* Query block `item` % query_blocks of pair pair0 + item / query_blocks, in the memory of slot `slot`. */
void lt_attention_rows(lt_isa isa, const lt_attention_job *job, int slot, int item);

#endif
