/* kernels/binary/binary_job.h -- one launch, as its items see it.
 *
 * in    views a, b and out as rows
 * out   rows written
 * owns  nothing */
#ifndef LONGTAKE_KERNELS_BINARY_JOB_H
#define LONGTAKE_KERNELS_BINARY_JOB_H

#include "kernels/binary/binary.h"
#include "kernels/walk.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_BINARY_WALK_A, LT_BINARY_WALK_B, LT_BINARY_WALK_OUT };

typedef struct {
    lt_binary_kind kind;
    lt_isa         isa;
    lt_walk        walk;
} lt_binary_job;

/* in[1], or the weights as a view that repeats. */
lt_tensor lt_binary_second(const lt_args *a);

/* The weight b [C], where in[1] is absent. */
size_t lt_binary_packed_bytes(const lt_args *a, const lt_machine *m);
void lt_binary_pack(const lt_args *a, const lt_machine *m, const lt_weight_data *w, void *packed);

/* Items first .. last - 1, by the version of a level that this processor has. */
void lt_binary_items(lt_isa isa, const lt_binary_job *j, int first, int last);

#ifdef __cplusplus
}
#endif
#endif
