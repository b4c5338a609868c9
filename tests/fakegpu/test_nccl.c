/* Blocks over NCCL, with tests/cuda_fake in its place: one rank that sends to itself, and its failures. With the argument `ranks` it is a rank of
 * test_carriers.py instead: records go round between all ranks, by turns, until each has what it was promised. */
#include "check.h"

#include <longtake/arena.h>
#include <longtake/carrier.h>
#include <longtake/clock.h>
#include <longtake/halo.h>
#include <pipeline/exchange.h>

#include <cuda_fake.h>
#include <nccl_fake.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = 300000, TIMEOUT_S = 3 };

static unsigned char byte_of(unsigned seed, size_t i)
{
    const uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ seed * UINT64_C(0xd1342543de82ef95);
    return (unsigned char)(x >> 29 ^ x >> 51);
}

static void fill(unsigned char *bytes, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) bytes[i] = byte_of(seed, i);
}

/* ---- one rank ---- */

typedef struct {
    lt_comm       *comm;
    lt_device     *device;
    lt_arena      *arena;
    lt_carrier    *carrier;
    unsigned char *from, *to;
    lt_status      opened;
} rig;

static void open_rig(rig *r, const char *cuda, const char *nccl)
{
    *r = (rig){ 0 };
    setenv("LT_FAKE_NCCL", nccl, 1);
    lt_fake_restart(cuda);
    assert_ok(lt_comm_open(TIMEOUT_S, &r->comm));
    assert_ok(lt_device_open(LT_BACKEND_CUDA, 0, &r->device));
    assert_ok(lt_arena_create_on(r->device, 2 * lt_carrier_device_bytes(ROOM), &r->arena));
    r->from = malloc(ROOM);
    r->to = malloc(ROOM);
    const lt_carrier_opts opts = { .device = r->device, .self = true, .room = ROOM, .staging = lt_arena_at(r->arena, 0), .timeout_s = TIMEOUT_S };
    assert_ok(lt_carrier_open(r->comm, &opts, &r->carrier));
}

static void close_rig(rig *r)
{
    lt_fake_counters counters;
    assert_ok(lt_carrier_close(&r->carrier, true));
    assert_int_equal(lt_fake_nccl_open(), 0);
    lt_arena_destroy(&r->arena);
    lt_fake_count(&counters);
    assert_int_equal(counters.bytes, 0);
    lt_device_close(&r->device);
    lt_fake_count(&counters);
    assert_int_equal(counters.pinned_bytes, 0);
    assert_int_equal(counters.streams, 0);
    assert_int_equal(counters.events, 0);
    lt_comm_close(&r->comm, 1);
    free(r->from);
    free(r->to);
    for (int i = 0; i < lt_fake_reports(); i++) print_error("%s\n", lt_fake_report(i));
    assert_int_equal(lt_fake_reports(), 0);
}

/* The first failure of either side, LT_OK when both are through. */
static lt_status carry(rig *r, size_t n)
{
    lt_status st = LT_OK;
    lt_parcel *out = NULL, *in = NULL;
    LT_TRY(lt_carrier_send(r->carrier, 0, 1, r->from, n, &out));
    LT_TRY(lt_carrier_receive(r->carrier, 0, 1, r->to, n, &in));
    while (out || in) {
        if (out) LT_TRY(lt_carrier_look(r->carrier, &out));
        if (in) LT_TRY(lt_carrier_look(r->carrier, &in));
        usleep(200);
    }
done:
    lt_carrier_abandon(r->carrier, &out);
    lt_carrier_abandon(r->carrier, &in);
    return st;
}

static void blocks_come_as_they_went(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, 255, 256, 4096, 100003, ROOM, 7 };
    lt_fake_counters before, after;
    rig r;
    open_rig(&r, "", "");
    assert_int_equal(lt_carrier_get_kind(r.carrier), LT_CARRIER_NCCL);
    assert_true(lt_carrier_takes_turns(r.carrier));
    assert_non_null(strstr(lt_carrier_reason(r.carrier), "NCCL 2."));
    lt_fake_count(&before);
    for (unsigned k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        fill(r.from, ROOM, k);
        memset(r.to, 0x5a, ROOM);
        assert_ok(carry(&r, sizes[k]));
        assert_memory_equal(r.to, r.from, sizes[k]);
        for (size_t i = sizes[k]; i < ROOM; i++) assert_int_equal(r.to[i], 0x5a);
        assert_ok(lt_carrier_poll(r.carrier));
    }
    lt_fake_count(&after);
    assert_int_equal(after.mallocs, before.mallocs);
    assert_int_equal(after.pinned_mallocs, before.pinned_mallocs);
    assert_int_equal(after.stream_waits, before.stream_waits);
    assert_false(lt_carrier_broken(r.carrier));
    close_rig(&r);
}

static void out_of_turn_is_refused(void **state)
{
    (void)state;
    lt_parcel *p = NULL, *q = NULL;
    rig r;
    open_rig(&r, "", "");
    fill(r.from, ROOM, 1);
    assert_int_equal(lt_carrier_send(r.carrier, 0, 1, r.from, ROOM + 1, &p), LT_E_INTERNAL);
    assert_int_equal(lt_carrier_receive(r.carrier, 0, 1, r.to, 5, &p), LT_E_INTERNAL);
    assert_ok(lt_carrier_send(r.carrier, 0, 1, r.from, 5, &p));
    assert_int_equal(lt_carrier_send(r.carrier, 0, 1, r.from, 5, &q), LT_E_INTERNAL);
    assert_false(lt_carrier_broken(r.carrier));
    lt_carrier_abandon(r.carrier, &p);
    assert_true(lt_carrier_broken(r.carrier));
    assert_int_equal(lt_carrier_send(r.carrier, 0, 1, r.from, 5, &p), LT_E_PEER);
    close_rig(&r);
}

/* Each ends within the deadline, says what it was, and leaves nothing behind. */
static void failures_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *cuda, *nccl;
        lt_status   want;
        const char *words;
    } cases[] = {
        { "", "stall:3", LT_E_TIMEOUT, "--peer-timeout" },
        { "", "error:3", LT_E_PEER, "unhandled system error" },
        { "fail=ncclSend:3", "", LT_E_PEER, "LT_FAKE_CUDA" },
        { "fail=ncclRecv:3", "", LT_E_PEER, "internal error" },
        { "fail=ncclGroupEnd:3", "", LT_E_PEER, "a transfer" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double before = lt_seconds();
        rig r;
        open_rig(&r, cases[i].cuda, cases[i].nccl);
        assert_int_equal(lt_carrier_get_kind(r.carrier), LT_CARRIER_NCCL);
        fill(r.from, ROOM, 5);
        assert_ok(carry(&r, 1000));
        assert_int_equal(carry(&r, 2000), cases[i].want);
        if (!strstr(lt_error_last()->text, cases[i].words)) fail_msg("case %zu: %s", i, lt_error_last()->text);
        assert_true(lt_carrier_broken(r.carrier));
        assert_int_equal(carry(&r, 10), LT_E_PEER);
        close_rig(&r);
        assert_true(lt_seconds() - before < 2 * TIMEOUT_S + 10);
    }
}

static void one_that_cannot_be_opened_is_mpi(void **state)
{
    (void)state;
    static const struct { const char *cuda, *nccl; } cases[] = {
        { "", "init-fails" }, { "", "init-stalls" }, { "", "stall:1" }, { "", "corrupt:1" }, { "fail=ncclGetUniqueId:1", "" }, { "fail=ncclCommInitRankConfig:1", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig r;
        open_rig(&r, cases[i].cuda, cases[i].nccl);
        assert_int_equal(lt_carrier_get_kind(r.carrier), LT_CARRIER_MPI);
        assert_true(lt_carrier_fell_back(r.carrier));
        assert_false(lt_carrier_takes_turns(r.carrier));
        if (!strstr(lt_carrier_reason(r.carrier), "NCCL cannot be used")) fail_msg("case %zu: %s", i, lt_carrier_reason(r.carrier));
        close_rig(&r);
    }
}

static size_t make_record(void *block, int64_t piece)
{
    const int64_t dim[2] = { 100 + piece % 13, 90 };
    void *data = NULL;
    if (lt_halo_begin(block, ROOM) < 0 || lt_halo_add(block, ROOM, "map", LT_F32, 2, dim, &data) < 0) return 0;
    fill(data, (size_t)(dim[0] * dim[1]) * 4, (unsigned)piece);
    return lt_halo_seal(block);
}

static void damage_on_the_way_is_noticed(void **state)
{
    (void)state;
    rig r;
    open_rig(&r, "", "corrupt:3");
    const size_t n = make_record(r.from, 4);
    assert_true(n > 0);
    assert_ok(carry(&r, n));
    assert_ok(lt_halo_check(r.to, n));
    assert_ok(carry(&r, n));
    assert_int_equal(lt_halo_check(r.to, n), LT_E_DATA);
    close_rig(&r);
}

/* ---- a rank among others ---- */

enum { EXCHANGE = 1, DONE, END, STOP };

typedef struct {
    lt_comm     *comm;
    lt_device   *device;
    lt_arena    *arena;
    lt_carrier  *carrier;
    lt_halo_box *box;
    lt_exchange *exchange;
    int64_t      pieces, next_out, sent, received, expected;
    bool        *here;
    bool         ended, said;
    int          done, code;
} party;

/* Who has piece p and who wants it: circles, and several for one rank at once. */
static int sender(const party *a, int64_t p)
{
    return (int)(p * 7 / 3 % lt_comm_size(a->comm));
}

static int receiver(const party *a, int64_t p)
{
    return (sender(a, p) + 1 + (int)(p / 2 % (lt_comm_size(a->comm) - 1))) % lt_comm_size(a->comm);
}

static lt_status tell_all(party *a, int kind)
{
    lt_status st = LT_OK;
    const lt_message m = { .kind = kind };
    for (int k = 0; k < lt_comm_size(a->comm); k++) LT_TRY(lt_comm_send(a->comm, k, &m));
done:
    return st;
}

static lt_status party_open(party *a, int timeout_s)
{
    lt_status st = LT_OK;
    LT_TRY(lt_comm_open(timeout_s, &a->comm));
    LT_TRY(lt_device_open(LT_BACKEND_CUDA, lt_comm_local_rank(a->comm), &a->device));
    LT_TRY(lt_arena_create_on(a->device, lt_carrier_device_bytes(ROOM), &a->arena));
    LT_TRY(lt_halo_box_create(ROOM, &a->box));
    const lt_carrier_opts opts = { .device = a->device, .room = ROOM, .staging = lt_arena_at(a->arena, 0), .timeout_s = timeout_s };
    LT_TRY(lt_carrier_open(a->comm, &opts, &a->carrier));
    LT_TRY(lt_exchange_create(a->comm, a->carrier, a->box, EXCHANGE, &a->exchange));
    a->here = calloc((size_t)a->pieces, sizeof *a->here);
    for (int64_t p = 0; p < a->pieces; p++) a->expected += receiver(a, p) == lt_comm_rank(a->comm);
done:
    return st;
}

/* The next record of ours, once the one before has left. */
static lt_status offer_next(party *a)
{
    lt_status st = LT_OK;
    while (a->next_out < a->pieces && sender(a, a->next_out) != lt_comm_rank(a->comm)) a->next_out++;
    if (a->next_out == a->pieces || lt_exchange_busy(a->exchange)) return LT_OK;
    const int64_t p = a->next_out++;
    void *place = lt_halo_box_place(a->box, p);
    if (!place) LT_FAIL(LT_E_INTERNAL, "no place for a record");
    lt_halo_box_keep(a->box, p, make_record(place, p));
    a->sent++;
    LT_TRY(lt_exchange_offer(a->exchange, p, receiver(a, p)));
done:
    return st;
}

static lt_status look_at_what_came(party *a)
{
    lt_status st = LT_OK;
    static unsigned char want[ROOM];
    for (int64_t p = 0; p < a->pieces; p++) {
        size_t n = 0;
        if (a->here[p] || receiver(a, p) != lt_comm_rank(a->comm)) continue;
        const void *record = lt_halo_box_take(a->box, p, &n);
        if (!record) continue;
        const size_t wanted = make_record(want, p);
        const bool same = n == wanted && !memcmp(record, want, n);
        lt_status damaged = lt_halo_check(record, n);
        lt_halo_box_give(a->box, p);
        if (damaged < 0) printf("rank %d: record %lld: %s\n", lt_comm_rank(a->comm), (long long)p, lt_error_last()->text);
        else if (!same) LT_FAIL(LT_E_INTERNAL, "record %lld is another one", (long long)p);
        a->here[p] = true;
        a->received++;
    }
done:
    return st;
}

static lt_status party_step(party *a)
{
    lt_status st = LT_OK;
    lt_message m;
    while ((st = lt_comm_receive(a->comm, &m)) == LT_OK) {
        if (m.kind == EXCHANGE) LT_TRY(lt_exchange_hear(a->exchange, &m));
        else if (m.kind == DONE) a->done++;
        else a->ended = true;
        if (m.kind == STOP) a->code = 75;
    }
    LT_TRY(st);
    LT_TRY(lt_exchange_poll(a->exchange));
    LT_TRY(look_at_what_came(a));
    LT_TRY(offer_next(a));
    if (!a->said && a->received == a->expected && a->next_out == a->pieces && (lt_comm_rank(a->comm) == 0 || !lt_exchange_busy(a->exchange))) {
        const lt_message done = { .kind = DONE };
        a->said = true;
        LT_TRY(lt_comm_send(a->comm, 0, &done));
    }
    if (a->done == lt_comm_size(a->comm) && !lt_exchange_busy(a->exchange)) {
        a->done = 0;
        LT_TRY(tell_all(a, END));
    }
    usleep(300);
done:
    return st;
}

/* As src/pipeline/run.c does it: a broken carrier ends the job for all, who agree and leave together. */
static int rank_main(int64_t pieces, int timeout_s)
{
    party a = { .pieces = pieces };
    lt_status st = party_open(&a, timeout_s);
    int agreed = 70;
    while (st >= 0 && !a.ended) {
        st = party_step(&a);
        if (st < 0 && a.carrier && lt_carrier_broken(a.carrier)) {
            printf("rank %d: %s\n", lt_comm_rank(a.comm), lt_error_last()->text);
            a.code = lt_exit_code(st);
            st = tell_all(&a, STOP);
            break;
        }
    }
    if (st < 0) {
        printf("failed: %s\n", lt_error_last()->text);
        fflush(NULL);
        _exit(lt_exit_code(st));
    }
    if (a.code) lt_exchange_abandon(a.exchange);
    printf("rank %d: %s: %lld sent, %lld of %lld received\n", lt_comm_rank(a.comm), lt_carrier_reason(a.carrier), (long long)a.sent, (long long)a.received,
           (long long)a.expected);
    const bool together = lt_agree(a.comm, a.code, &agreed) >= 0;
    if (lt_carrier_close(&a.carrier, together) < 0) {
        printf("rank %d: %s\n", lt_comm_rank(a.comm), lt_error_last()->text);
        fflush(NULL);
        _exit(agreed);
    }
    lt_exchange_destroy(&a.exchange);
    lt_halo_box_destroy(&a.box);
    lt_arena_destroy(&a.arena);
    lt_device_close(&a.device);
    lt_comm_close(&a.comm, together);
    free(a.here);
    fflush(NULL);
    return agreed;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_come_as_they_went),
        cmocka_unit_test(out_of_turn_is_refused),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(one_that_cannot_be_opened_is_mpi),
        cmocka_unit_test(damage_on_the_way_is_noticed),
    };
    if (argc == 4 && !strcmp(argv[1], "ranks")) return rank_main(atoi(argv[2]), atoi(argv[3]));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
