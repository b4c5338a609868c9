/* How a job is cut: every frame once, whatever the lengths, shards and ranks. */
#include "check.h"

#include <longtake/segment.h>

#include <stdlib.h>
#include <string.h>

static void segments_tile_the_video(void **state)
{
    (void)state;
    const lt_grid grid = { 0, 1, 1 }, depth = { 10, 0, 22 };
    for (int64_t n = 0; n < 140; n++)
        for (int64_t want = 1; want < 70; want += 3) {
            int64_t length = lt_segment_length(&grid, want), next = 0;
            for (int64_t k = 0; k < lt_segment_count(n, length); k++) {
                lt_range s = lt_segment_at(n, length, k);
                assert_int_equal(s.first, next);
                assert_true(s.last >= s.first && s.last < n);
                next = s.last + 1;
                lt_range h = lt_segment_needs(&grid, s, n);
                assert_int_equal(h.first, s.first);
                assert_int_equal(h.last, s.last + 1 < n ? s.last + 1 : n - 1);
            }
            assert_int_equal(next, n);
            assert_int_equal(lt_segment_length(&depth, want) % 22, 0);
            assert_true(lt_segment_length(&depth, want) >= want);
        }
}

static void shards_are_contiguous_and_fair(void **state)
{
    (void)state;
    int64_t weight[100];
    int shard[100];
    for (int n = 1; n <= 100; n += 7)
        for (int shards = 1; shards <= 12; shards++) {
            int64_t total = 0, part[12] = { 0 }, most = 0;
            for (int i = 0; i < n; i++) {
                weight[i] = (i * 7919 + 13) % 50;
                total += weight[i] ? weight[i] : 1;
                if (weight[i] > most) most = weight[i];
            }
            lt_shard_cut(weight, n, shards, shard);
            for (int i = 0; i < n; i++) {
                assert_in_range(shard[i], i ? shard[i - 1] : 0, shards - 1);
                part[shard[i]] += weight[i] ? weight[i] : 1;
            }
            /* Cut by the middle, so a shard is off by half an item at each end. */
            for (int s = 0; s < shards; s++) assert_true(part[s] <= total / shards + most + 2);
        }
}

static void shard_text(void **state)
{
    (void)state;
    lt_shard s;
    assert_ok(lt_shard_parse("2/3", &s));
    assert_int_equal(s.index, 2);
    assert_int_equal(s.count, 3);
    static const char *const bad[] = { "3/3", "-1/3", "1", "1/", "/3", "1/0", "1/3x", "a/b", "" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(lt_shard_parse(bad[i], &s), LT_E_USAGE);
    assert_int_equal(lt_shard_parse("3/3", &s), LT_E_USAGE);
    assert_non_null(strstr(lt_error_last()->text, "2/3"));
}

static char *slurm(const char *name)
{
    return !strcmp(name, "SLURM_ARRAY_TASK_ID") ? "5" : !strcmp(name, "SLURM_ARRAY_TASK_COUNT") ? "2" : NULL;
}

static char *slurm_with_count(const char *name)
{
    return !strcmp(name, "LONGTAKE_SHARD_COUNT") ? "8" : slurm(name);
}

static char *slurm_beyond_count(const char *name)
{
    return !strcmp(name, "LONGTAKE_SHARD_COUNT") ? "4" : slurm(name);
}

static char *batch(const char *name)
{
    return !strcmp(name, "AWS_BATCH_JOB_ARRAY_INDEX") ? "1" : !strcmp(name, "AWS_BATCH_JOB_ARRAY_SIZE") ? "4" : NULL;
}

static char *nothing(const char *name)
{
    (void)name;
    return NULL;
}

static void shard_from_launchers(void **state)
{
    (void)state;
    lt_shard s;
    const char *source;
    assert_ok(lt_shard_from_env(slurm, 0, &s, &source));
    assert_int_equal(s.index, 5);
    assert_int_equal(s.count, 0);       /* TASK_COUNT is of one submission */
    assert_string_equal(source, "Slurm");
    assert_ok(lt_shard_from_env(slurm_with_count, 0, &s, &source));
    assert_int_equal(s.index, 5);
    assert_int_equal(s.count, 8);
    assert_int_equal(lt_shard_from_env(slurm_beyond_count, 0, &s, &source), LT_E_USAGE);
    assert_ok(lt_shard_from_env(slurm, 1, &s, &source));
    assert_int_equal(s.index, -1);
    assert_ok(lt_shard_from_env(batch, 0, &s, &source));
    assert_int_equal(s.count, 4);
    assert_ok(lt_shard_from_env(nothing, 0, &s, &source));
    assert_int_equal(s.index, -1);
    assert_int_equal(lt_shard_from_env(slurm_with_count, 1, &s, &source), LT_E_USAGE);
}

static void handout_gives_each_item_once(void **state)
{
    (void)state;
    int64_t weight[60];
    for (int i = 0; i < 60; i++) weight[i] = 1 + i % 5;
    for (int ranks = 1; ranks <= 7; ranks++) {
        lt_handout *h = NULL;
        uint8_t done[60] = { 0 };
        int seen[60] = { 0 };
        done[3] = done[59] = 1;
        assert_ok(lt_handout_create(weight, done, 60, ranks, &h));
        assert_int_equal(lt_handout_left(h), 58);
        for (int k = 0, r = 0; lt_handout_left(h) > 0; k++, r = (k * k + 1) % ranks) {
            int64_t i = lt_handout_next(h, r);
            assert_in_range(i, 0, 59);
            seen[i]++;
        }
        for (int i = 0; i < 60; i++) assert_int_equal(seen[i], !done[i]);
        assert_int_equal(lt_handout_next(h, 0), -1);
        lt_handout_destroy(&h);
    }
}

static void handout_keeps_blocks_and_steals_from_the_far_end(void **state)
{
    (void)state;
    int64_t weight[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
    lt_handout *h = NULL;
    assert_ok(lt_handout_create(weight, NULL, 8, 2, &h));
    for (int i = 0; i < 4; i++) assert_int_equal(lt_handout_next(h, 1), 4 + i);
    assert_int_equal(lt_handout_next(h, 0), 0);
    assert_int_equal(lt_handout_next(h, 1), 3);
    assert_int_equal(lt_handout_next(h, 0), 1);
    assert_int_equal(lt_handout_next(h, 1), 2);
    assert_int_equal(lt_handout_next(h, 0), -1);
    lt_handout_destroy(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_tile_the_video),
        cmocka_unit_test(shards_are_contiguous_and_fair),
        cmocka_unit_test(shard_text),
        cmocka_unit_test(shard_from_launchers),
        cmocka_unit_test(handout_gives_each_item_once),
        cmocka_unit_test(handout_keeps_blocks_and_steals_from_the_far_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
