/* NCCL itself on one GPU: a communicator of one rank that sends to itself. */
#include "check.h"

#include <longtake/arena.h>
#include <longtake/carrier.h>
#include <longtake/clock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = 48 << 20, TIMEOUT_S = 60 };

typedef struct {
    lt_comm       *comm;
    lt_device     *device;
    lt_arena      *arena;
    lt_carrier    *carrier;
    unsigned char *from, *to;
} rig;

/* NULL where there is no GPU. */
static rig *open_rig(void)
{
    rig *r = calloc(1, sizeof *r);
    if (lt_device_open(LT_BACKEND_CUDA, 0, &r->device) < 0) {
        print_message("%s\n", lt_error_last()->text);
        free(r);
        return NULL;
    }
    assert_ok(lt_comm_open(TIMEOUT_S, &r->comm));
    assert_ok(lt_arena_create_on(r->device, 2 * lt_carrier_device_bytes(ROOM), &r->arena));
    r->from = malloc(ROOM);
    r->to = malloc(ROOM);
    const lt_carrier_opts opts = { .device = r->device, .self = true, .room = ROOM, .staging = lt_arena_at(r->arena, 0), .timeout_s = TIMEOUT_S };
    assert_ok(lt_carrier_open(r->comm, &opts, &r->carrier));
    print_message("%s, %s\n", lt_carrier_reason(r->carrier), lt_device_get_facts(r->device)->name);
    assert_int_equal(lt_carrier_get_kind(r->carrier), LT_CARRIER_NCCL);
    return r;
}

static void close_rig(rig *r)
{
    assert_ok(lt_carrier_close(&r->carrier, true));
    lt_arena_destroy(&r->arena);
    lt_device_close(&r->device);
    lt_comm_close(&r->comm, 1);
    free(r->from);
    free(r->to);
    free(r);
}

static void carry(rig *r, size_t n)
{
    lt_parcel *out = NULL, *in = NULL;
    assert_ok(lt_carrier_send(r->carrier, 0, 1, r->from, n, &out));
    assert_ok(lt_carrier_receive(r->carrier, 0, 1, r->to, n, &in));
    while (out || in) {
        if (out) assert_ok(lt_carrier_look(r->carrier, &out));
        if (in) assert_ok(lt_carrier_look(r->carrier, &in));
        usleep(100);
    }
}

static void blocks_come_as_they_went(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, 255, 256, 100003, 1 << 20, ROOM, 7 };
    rig *r = open_rig();
    if (!r) skip();
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        for (size_t i = 0; i < ROOM; i++) r->from[i] = (unsigned char)((i * 2654435761u + k * 977) >> 13);
        memset(r->to, 0x5a, ROOM);
        const double before = lt_seconds();
        carry(r, sizes[k]);
        print_message("%9zu bytes: %.3f ms\n", sizes[k], 1e3 * (lt_seconds() - before));
        assert_memory_equal(r->to, r->from, sizes[k]);
        for (size_t i = sizes[k]; i < ROOM; i += 4093) assert_int_equal(r->to[i], 0x5a);
        assert_ok(lt_carrier_poll(r->carrier));
    }
    close_rig(r);
}

/* The communicator of a transfer that nobody waits for is given back, and the device still works. */
static void an_abort_comes_back(void **state)
{
    (void)state;
    lt_parcel *out = NULL, *in = NULL;
    rig *r = open_rig();
    if (!r) skip();
    memset(r->from, 3, ROOM);
    assert_ok(lt_carrier_send(r->carrier, 0, 1, r->from, ROOM, &out));
    assert_ok(lt_carrier_receive(r->carrier, 0, 1, r->to, ROOM, &in));
    lt_carrier_abandon(r->carrier, &out);
    lt_carrier_abandon(r->carrier, &in);
    assert_true(lt_carrier_broken(r->carrier));
    assert_ok(lt_carrier_close(&r->carrier, true));
    const lt_carrier_opts opts = { .device = r->device, .self = true, .room = ROOM, .staging = lt_arena_at(r->arena, 0), .timeout_s = TIMEOUT_S };
    assert_ok(lt_carrier_open(r->comm, &opts, &r->carrier));
    carry(r, 1000);
    assert_memory_equal(r->to, r->from, 1000);
    close_rig(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_come_as_they_went),
        cmocka_unit_test(an_abort_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
