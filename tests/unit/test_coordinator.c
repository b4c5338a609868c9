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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_done_once),
        cmocka_unit_test(a_lost_piece_stops_only_its_video),
        cmocka_unit_test(a_stop_sends_everyone_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
