/* Which way halo records take, and what the one without NCCL does. */
#include "check.h"

#include "comm/carrier_rule.h"

#include <stdio.h>
#include <string.h>

enum { RANKS = 4 };

/* Four ranks, each on a GPU of its own. */
static void fill(lt_carrier_facts *all)
{
    for (int r = 0; r < RANKS; r++) {
        all[r] = (lt_carrier_facts){ .built = 1, .cuda = 1 };
        snprintf(all[r].uuid, sizeof all[r].uuid, "GPU-%08x", 0x1234 + r * 77);
    }
}

static void takes(const lt_carrier_facts *all, int n, lt_carrier_kind want, const char *words)
{
    char reason[320];
    assert_int_equal(lt_carrier_rule(all, n, reason, sizeof reason), want);
    if (!strstr(reason, words)) fail_msg("'%s' lacks '%s'", reason, words);
}

static void gpus_of_their_own_take_nccl(void **state)
{
    (void)state;
    lt_carrier_facts all[RANKS];
    fill(all);
    takes(all, RANKS, LT_CARRIER_NCCL, "between 4 GPUs");
    takes(all, 2, LT_CARRIER_NCCL, "between 2 GPUs");
}

static void all_else_takes_mpi(void **state)
{
    (void)state;
    lt_carrier_facts all[RANKS];
    fill(all);
    takes(all, 1, LT_CARRIER_MPI, "one rank");
    all[0].self = 1;
    takes(all, 1, LT_CARRIER_NCCL, "between 1 GPU");
    fill(all);
    all[2].cuda = 0;
    all[2].uuid[0] = 0;
    takes(all, RANKS, LT_CARRIER_MPI, "CPU");
    takes(all, 2, LT_CARRIER_NCCL, "GPU");
    fill(all);
    all[3].built = 0;
    takes(all, RANKS, LT_CARRIER_MPI, "no NCCL");
    fill(all);
    all[1].mixed = 1;
    takes(all, RANKS, LT_CARRIER_MPI, "several kinds");
    fill(all);
    memcpy(all[3].uuid, all[1].uuid, sizeof all[3].uuid);
    takes(all, RANKS, LT_CARRIER_MPI, "ranks 1 and 3 share GPU-");
    takes(all, 3, LT_CARRIER_NCCL, "GPU");
    fill(all);
    snprintf(all[1].uuid, sizeof all[1].uuid, "MIG-0000");
    takes(all, RANKS, LT_CARRIER_MPI, "rank 1 computes on a MIG instance");
}

static void without_a_device_it_is_mpi(void **state)
{
    (void)state;
    lt_comm *comm = NULL;
    lt_carrier *c = NULL;
    const lt_carrier_opts opts = { .room = 1000, .timeout_s = 5 };
    assert_ok(lt_comm_open(5, &comm));
    assert_ok(lt_carrier_open(comm, &opts, &c));
    assert_int_equal(lt_carrier_get_kind(c), LT_CARRIER_MPI);
    assert_false(lt_carrier_takes_turns(c));
    assert_false(lt_carrier_broken(c));
    assert_false(lt_carrier_fell_back(c));
    assert_non_null(strstr(lt_carrier_reason(c), "CPU"));
    assert_ok(lt_carrier_poll(c));
    assert_ok(lt_carrier_close(&c, true));
    assert_null(c);
    assert_ok(lt_carrier_close(&c, true));
    lt_comm_close(&comm, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpus_of_their_own_take_nccl),
        cmocka_unit_test(all_else_takes_mpi),
        cmocka_unit_test(without_a_device_it_is_mpi),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
