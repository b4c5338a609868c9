/* The order of work: each piece once, each merge after its pieces, everyone sent home. */
#include "check.h"

#include "pipeline/coordinator.h"

#include <string.h>

enum { VIDEOS = 5, PER_VIDEO = 7, PIECES = VIDEOS * PER_VIDEO };

static void play(int n_ranks, uint64_t x, int give_up)
{
    lt_piece_info pieces[PIECES];
    uint8_t merge[VIDEOS];
    int made[PIECES] = { 0 }, merged[VIDEOS] = { 0 }, home = 0;
    lt_order doing[8];
    lt_coordinator *c = NULL;
    memset(merge, 1, sizeof merge);
    for (int i = 0; i < PIECES; i++)
        pieces[i] = (lt_piece_info){ .video = i / PER_VIDEO, .weight = 1 + i % 3, .done = i / PER_VIDEO == 2 || i % 11 == 0 };
    assert_ok(lt_coordinator_create(pieces, PIECES, merge, VIDEOS, n_ranks, (lt_steps){ 0, 0 }, &c));
    for (int r = 0; r < n_ranks; r++) doing[r] = lt_coordinator_ask(c, r);
    for (int steps = 0; home < n_ranks; steps++) {
        assert_true(steps < 10000);
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        int r = (int)(x % (uint64_t)n_ranks);
        lt_order o = doing[r], more;
        if (o.kind == LT_ORDER_WAIT) continue;
        if (o.kind == LT_ORDER_LEAVE) {
            doing[r].kind = LT_ORDER_WAIT;
            home++;
            continue;
        }
        if (o.kind == LT_ORDER_PIECE) {
            made[o.index]++;
            lt_coordinator_finished(c, o.index, o.index != give_up);
        } else {
            for (int i = 0; i < PIECES; i++)
                if (pieces[i].video == o.index) assert_true(pieces[i].done || made[i]);
            merged[o.index]++;
            lt_coordinator_merged(c, (int)o.index);
        }
        doing[r] = lt_coordinator_ask(c, r);
        for (int w; (w = lt_coordinator_wake(c, &more)) >= 0;) doing[w] = more;
    }
    assert_false(lt_coordinator_unfinished(c));
    for (int i = 0; i < PIECES; i++) assert_int_equal(made[i], !pieces[i].done);
    for (int v = 0; v < VIDEOS; v++) assert_int_equal(merged[v], give_up < 0 || give_up / PER_VIDEO != v);
    lt_coordinator_destroy(&c);
}

static void all_is_done_once(void **state)
{
    (void)state;
    for (int ranks = 1; ranks <= 8; ranks++)
        for (uint64_t seed = 1; seed < 40; seed++) play(ranks, seed * 0x9E3779B97F4A7C15u, -1);
}

static void a_lost_piece_stops_only_its_video(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 40; seed++) play(3, seed * 0x9E3779B97F4A7C15u, 9);
}

static void a_stop_sends_everyone_home(void **state)
{
    (void)state;
    lt_piece_info pieces[4] = { { .weight = 1 }, { .weight = 1 }, { .weight = 1 }, { .weight = 1 } };
    uint8_t merge = 1;
    lt_coordinator *c = NULL;
    assert_ok(lt_coordinator_create(pieces, 4, &merge, 1, 2, (lt_steps){ 0, 0 }, &c));
    assert_int_equal(lt_coordinator_ask(c, 1).kind, LT_ORDER_PIECE);
    assert_true(lt_coordinator_unfinished(c));
    lt_coordinator_stop(c);
    assert_int_equal(lt_coordinator_ask(c, 0).kind, LT_ORDER_LEAVE);
    assert_int_equal(lt_coordinator_ask(c, 1).kind, LT_ORDER_LEAVE);
    lt_coordinator_destroy(&c);
}

/* Two steps: raw in any order, finished only after the piece before is linked; a run that finds some of it done; shards. */
static void play_steps(int n_ranks, uint64_t x, int chained, int others)
{
    lt_piece_info pieces[PIECES];
    uint8_t merge[VIDEOS];
    int raw[PIECES], linked[PIECES], finished[PIECES], orders[PIECES] = { 0 }, merged[VIDEOS] = { 0 }, home = 0;
    struct {
        lt_order order;
        int      phase;
    } doing[8];
    lt_coordinator *c = NULL;
    memset(merge, 1, sizeof merge);
    for (int i = 0; i < PIECES; i++) {
        const int first = i % PER_VIDEO == 0, done = i / PER_VIDEO == 2 || (i % PER_VIDEO < 2 && i / PER_VIDEO == 3);
        pieces[i] = (lt_piece_info){ .video = i / PER_VIDEO, .weight = 1 + i % 3, .done = done, .raw = done || i % 5 == 0,
                                     .after = !first ? LT_AFTER_PIECE : others && i / PER_VIDEO == 1 ? LT_AFTER_OTHERS : LT_AFTER_NOTHING };
        raw[i] = pieces[i].raw;
        finished[i] = linked[i] = done;
    }
    assert_ok(lt_coordinator_create(pieces, PIECES, merge, VIDEOS, n_ranks, (lt_steps){ 1, chained }, &c));
    for (int r = 0; r < n_ranks; r++) doing[r].order = lt_coordinator_ask(c, r), doing[r].phase = 0;
    for (int steps = 0; home < n_ranks; steps++) {
        assert_true(steps < 10000);
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        const int r = (int)(x % (uint64_t)n_ranks);
        const lt_order o = doing[r].order;
        lt_order more;
        if (o.kind == LT_ORDER_WAIT) continue;
        if (o.kind == LT_ORDER_LEAVE) {
            doing[r].order.kind = LT_ORDER_WAIT;
            home++;
            continue;
        }
        if (o.kind == LT_ORDER_PIECE) {
            assert_false(raw[o.index]);
            raw[o.index] = 1;
            lt_coordinator_raw(c, o.index, r);
        } else if (o.kind == LT_ORDER_FINISH && doing[r].phase == 0) {
            const int first = o.index % PER_VIDEO == 0;
            orders[o.index]++;
            assert_true(raw[o.index]);
            if (!first) assert_true(chained ? linked[o.index - 1] : raw[o.index - 1]);
            if (!first && o.from >= 0) assert_true(linked[o.index - 1]);
            linked[o.index] = 1;
            doing[r].phase = 1;
            lt_coordinator_linked(c, o.index, r);
        } else if (o.kind == LT_ORDER_FINISH) {
            finished[o.index] = 1;
            doing[r].phase = 0;
            lt_coordinator_finished(c, o.index, 1);
        } else {
            for (int i = 0; i < PIECES; i++)
                if (pieces[i].video == o.index) assert_true(finished[i] || (others && o.index == 1 && raw[i]));
            merged[o.index]++;
            lt_coordinator_merged(c, (int)o.index);
        }
        if (doing[r].phase == 0) doing[r].order = lt_coordinator_ask(c, r);
        for (int w; (w = lt_coordinator_wake(c, &more)) >= 0;) doing[w].order = more, doing[w].phase = 0;
    }
    assert_false(lt_coordinator_unfinished(c));
    for (int i = 0; i < PIECES; i++) {
        const int blocked = others && i / PER_VIDEO == 1 && (chained || i % PER_VIDEO == 0);
        assert_true(raw[i]);
        assert_int_equal(orders[i], !pieces[i].done && !blocked);
    }
    for (int v = 0; v < VIDEOS; v++) assert_int_equal(merged[v], 1);
    lt_coordinator_destroy(&c);
}

static void two_steps_are_done_in_order(void **state)
{
    (void)state;
    for (int ranks = 1; ranks <= 8; ranks++)
        for (uint64_t seed = 1; seed < 40; seed++)
            for (int k = 0; k < 4; k++) play_steps(ranks, seed * 0x9E3779B97F4A7C15u, k & 1, k >> 1);
}

/* What a rank has just made raw it finishes itself, and raw work comes before the finishing of others'. */
static void who_made_it_finishes_it(void **state)
{
    (void)state;
    const lt_piece_info pieces[4] = { { .weight = 1 }, { .weight = 1, .after = LT_AFTER_PIECE }, { .weight = 1, .after = LT_AFTER_PIECE },
                                      { .weight = 1, .after = LT_AFTER_PIECE } };
    const uint8_t merge = 1;
    lt_coordinator *c = NULL;
    assert_ok(lt_coordinator_create(pieces, 4, &merge, 1, 2, (lt_steps){ 1, 1 }, &c));
    lt_order o = lt_coordinator_ask(c, 0);
    assert_int_equal(o.index, 0);
    o = lt_coordinator_ask(c, 1);
    assert_int_equal(o.index, 2);
    lt_coordinator_raw(c, 0, 0);
    lt_coordinator_raw(c, 2, 1);
    o = lt_coordinator_ask(c, 1);
    assert_int_equal(o.kind, LT_ORDER_PIECE);
    assert_int_equal(o.index, 3);
    o = lt_coordinator_ask(c, 0);
    assert_int_equal(o.kind, LT_ORDER_FINISH);
    assert_int_equal(o.index, 0);
    lt_coordinator_stop(c);
    assert_true(lt_coordinator_unfinished(c));
    lt_coordinator_destroy(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_done_once),
        cmocka_unit_test(a_lost_piece_stops_only_its_video),
        cmocka_unit_test(a_stop_sends_everyone_home),
        cmocka_unit_test(two_steps_are_done_in_order),
        cmocka_unit_test(who_made_it_finishes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
