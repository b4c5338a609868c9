/* Status, pool and arena: the pieces that everything stands on. */
#include "check.h"

#include <longtake/shell.h>
#include <longtake/arena.h>
#include <longtake/pool.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static lt_status fails(int depth)
{
    lt_status st = LT_OK;
    if (depth == 0) LT_FAIL(LT_E_DATA, "clip %d is bad", 7);
    LT_TRY(fails(depth - 1));
done:
    return st;
}

static void error_record_keeps_the_way_up(void **state)
{
    (void)state;
    assert_int_equal(fails(2), LT_E_DATA);
    lt_error_prefix("rank %d", 1);
    const lt_error *e = lt_error_last();
    assert_string_equal(e->text, "rank 1: clip 7 is bad");
    assert_int_equal(e->n_frames, 3);
    assert_string_equal(e->frames[1].call, "fails(depth - 1)");
}

static void error_may_quote_itself(void **state)
{
    (void)state;
    assert_int_equal(fails(0), LT_E_DATA);
    (void)lt_raise(LT_E_STORE, __FILE__, __LINE__, __func__, "again: %s", lt_error_last()->text);
    assert_string_equal(lt_error_last()->text, "again: clip 7 is bad");
}

static void worst_exit_code_wins(void **state)
{
    (void)state;
    assert_int_equal(lt_exit_worse(65, 75), 75);
    assert_int_equal(lt_exit_worse(74, 75), 74);
    assert_int_equal(lt_exit_worse(69, 74), 69);
    assert_int_equal(lt_exit_worse(0, 65), 65);
    assert_int_equal(lt_exit_worse(70, 69), 70);
    assert_int_equal(lt_exit_code(LT_E_STORE), 74);
}

static void count(void *ctx, int item)
{
    ((int *)ctx)[item] += 1 + item;
}

static void pool_does_each_item_once(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 5; threads++) {
        lt_pool *pool = NULL;
        assert_ok(lt_pool_create(threads, &pool));
        for (int run = 0; run < 200; run++) {
            int seen[97] = { 0 };
            lt_pool_run(pool, 97, count, seen);
            for (int i = 0; i < 97; i++) assert_int_equal(seen[i], 1 + i);
        }
        lt_pool_destroy(&pool);
        assert_null(pool);
    }
}

static void layout_never_overlaps_what_lives_together(void **state)
{
    (void)state;
    uint64_t x = 88172645463325252u;
    for (int round = 0; round < 200; round++) {
        lt_arena_item items[24];
        size_t total = 0, live_most = 0;
        for (int i = 0; i < 24; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            items[i] = (lt_arena_item){ "t", (size_t)(x % 5000), (int)(x >> 20) % 12, 0, 0 };
            if (items[i].first < 0) items[i].first = -items[i].first;
            items[i].last = items[i].first + (int)((x >> 40) % 4);
        }
        assert_ok(lt_arena_layout(items, 24, &total));
        for (int s = 0; s < 16; s++) {
            size_t live = 0;
            for (int i = 0; i < 24; i++)
                if (items[i].first <= s && s <= items[i].last) live += items[i].n_bytes;
            if (live > live_most) live_most = live;
        }
        assert_true(total >= live_most);
        for (int i = 0; i < 24; i++) {
            assert_int_equal(items[i].offset % LT_ARENA_ALIGN, 0);
            assert_true(items[i].offset + items[i].n_bytes <= total);
            for (int j = 0; j < i; j++) {
                if (items[i].first > items[j].last || items[j].first > items[i].last) continue;
                assert_true(items[i].offset + items[i].n_bytes <= items[j].offset ||
                            items[j].offset + items[j].n_bytes <= items[i].offset || !items[i].n_bytes ||
                            !items[j].n_bytes);
            }
        }
    }
}

static void layout_reuses_a_dead_tensors_place(void **state)
{
    (void)state;
    lt_arena_item items[] = { { "a", 1000, 0, 1, 0 }, { "b", 1000, 2, 3, 0 }, { "c", 100, 1, 2, 0 } };
    size_t total = 0;
    assert_ok(lt_arena_layout(items, 3, &total));
    assert_int_equal(items[0].offset, items[1].offset);
    assert_int_equal(total, 1024 + 256);
}

static void layout_refuses_an_overflow(void **state)
{
    (void)state;
    lt_arena_item items[] = { { "a", SIZE_MAX / 3, 0, 1, 0 }, { "b", SIZE_MAX / 3, 0, 1, 0 } };
    size_t total = 0;
    assert_int_equal(lt_arena_layout(items, 2, &total), LT_E_MEMORY);
}

static void arena_starts_as_nan(void **state)
{
    (void)state;
    lt_arena *a = NULL;
    assert_ok(lt_arena_create(4096, &a));
    const float *f = lt_arena_at(a, 4092);
    assert_true(*f != *f);
    assert_int_equal(lt_arena_high_water(a), 0);
    *(unsigned char *)lt_arena_at(a, 1000) = 7;
    *(unsigned char *)lt_arena_at(a, 10) = 7;
    assert_int_equal(lt_arena_high_water(a), 1001);
    lt_arena_destroy(&a);
}

static void words_as_a_shell_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *word, *want;
        size_t      room;
    } rows[] = {
        { "a/b-1.mp4", "a/b-1.mp4", 64 }, { "", "''", 64 },           { "a b", "'a b'", 64 }, { "it's", "'it'\\''s'", 64 }, { "$(rm)", "'$(rm)'", 64 },
        { "abcdefghij", "abcdefg", 8 },   { "abc defgh", "'abc d'", 8 }, { "abc'defgh", "'abc'", 8 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[64];
        const size_t n = lt_shell_word(rows[i].word, out, rows[i].room);
        assert_string_equal(out, rows[i].want);
        assert_int_equal(n, strlen(rows[i].want));
        assert_true(n < rows[i].room);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_as_a_shell_reads_them),
        cmocka_unit_test(error_record_keeps_the_way_up),
        cmocka_unit_test(error_may_quote_itself),
        cmocka_unit_test(worst_exit_code_wins),
        cmocka_unit_test(pool_does_each_item_once),
        cmocka_unit_test(layout_never_overlaps_what_lives_together),
        cmocka_unit_test(layout_reuses_a_dead_tensors_place),
        cmocka_unit_test(layout_refuses_an_overflow),
        cmocka_unit_test(arena_starts_as_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
