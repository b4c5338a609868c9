/* comm/carrier_rule.h -- which way halo records take. Private to src/comm and its tests.
 *
 * in    what each rank is
 * out   MPI or NCCL, and why
 * owns  nothing: a pure function, asked of the same table by every rank, so that all have the same answer */
#ifndef LT_COMM_CARRIER_RULE_H
#define LT_COMM_CARRIER_RULE_H

#include <longtake/carrier.h>

typedef struct {
    int32_t built, cuda, mixed, self;    /* the build has NCCL; it computes on a GPU; lt_carrier_opts */
    char    uuid[LT_DEVICE_UUID];
} lt_carrier_facts;

/* all[n], by rank; `reason` [room] becomes lt_carrier_reason. */
lt_carrier_kind lt_carrier_rule(const lt_carrier_facts *all, int n, char *reason, size_t room);

#endif
