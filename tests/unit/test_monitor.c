/* What a run shows and keeps of its memory and time: samples in a place of fixed size, lines and warnings, metrics.prom, seconds of spans, rows of old files. */
#include "check.h"

#include "pipeline/monitor.h"
#include "store/layout.h"

#include <longtake/budget.h>
#include <longtake/file.h>
#include <longtake/metrics.h>
#include <longtake/timeline.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int64_t MiB = 1 << 20;

/* ---- samples ---- */

static int64_t largest(const lt_report_sample *list, int n)
{
    int64_t most = 0;
    for (int i = 0; i < n; i++) most = list[i].host > most ? list[i].host : most;
    return most;
}

static void samples_cover_any_run_and_lose_no_peak(void **state)
{
    (void)state;
    static const int counts[] = { 1, 2, 511, 512, 513, 1023, 1024, 5000, 100000 };
    static lt_samples s;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        int n = 0;
        lt_samples_init(&s, 0.5);
        for (int i = 0; i < counts[c]; i++) {
            /* One moment that stands out, wherever it falls. */
            const lt_report_sample now = { 0.25 * i, i, i == counts[c] * 2 / 3 ? 1000000 : i % 97 };
            lt_samples_add(&s, &now);
        }
        const lt_report_sample *list = lt_samples_list(&s, &n);
        assert_in_range(n, 1, LT_SAMPLES + 1);
        if (counts[c] > 4 * LT_SAMPLES) assert_in_range(n, LT_SAMPLES / 2, LT_SAMPLES + 1);
        assert_true(list[0].seconds == 0);
        assert_true(list[n - 1].seconds == 0.25 * (counts[c] - 1));
        assert_int_equal(list[n - 1].device, counts[c] - 1);
        assert_int_equal(largest(list, n), 1000000);
        for (int i = 1; i < n; i++) assert_true(list[i].seconds > list[i - 1].seconds);
        /* Equally far apart, but for the last. */
        for (int i = 2; i < n - 1; i++) assert_true(fabs((list[i].seconds - list[i - 1].seconds) - (list[1].seconds - list[0].seconds)) < 1e-9);
    }
}

/* ---- lines ---- */

typedef struct {
    char       *text;
    size_t      n;
    FILE       *out;
    lt_log     *log;
    lt_monitor *m;
} scene;

static void begin_on(scene *s, int n_ranks, double period, bool one_memory)
{
    *s = (scene){ 0 };
    s->out = open_memstream(&s->text, &s->n);
    assert_ok(lt_log_create(s->out, LT_LOG_INFO, &s->log));
    const lt_monitor_opts o = { n_ranks, 100, period, "gpu", one_memory, s->log };
    assert_ok(lt_monitor_create(&o, &s->m));
}

static void begin(scene *s, int n_ranks, double period)
{
    begin_on(s, n_ranks, period, false);
}

static void end(scene *s)
{
    lt_monitor_destroy(&s->m);
    lt_log_destroy(&s->log);
    fclose(s->out);
    free(s->text);
}

static int count(scene *s, const char *words)
{
    int n = 0;
    fflush(s->out);
    for (const char *at = s->text; at && (at = strstr(at, words)); at++) n++;
    return n;
}

static lt_rank_state rank_on(const char *host, int64_t used)
{
    lt_rank_state r = { .memory = { .device_planned = 300 * MiB, .device_used = 290 * MiB, .driver = -1, .host_planned = 200 * MiB, .host_used = used * MiB,
                                    .host_most = used * MiB,
                                    .limit = 400 * MiB, .under_limit = used * MiB, .binds = LT_LIMIT_HOST_OPTION, .most = 1, .most_bytes = 77 * MiB } };
    snprintf(r.host, sizeof r.host, "%s", host);
    return r;
}

static void ranks_of_a_host_add_up(void **state)
{
    (void)state;
    scene s;
    static const char *const hosts[] = { "a", "b", "a" };
    begin(&s, 3, 10);
    for (int round = 0; round < 3; round++)
        for (int r = 0; r < 3; r++) {
            /* The middle round is the highest; the ranks of a host have theirs at the same time. */
            lt_rank_state k = rank_on(hosts[r], 100 + 10 * r + (round == 1 ? 50 : 0));
            if (r == 1) k.memory.driver = 700 * MiB;
            lt_monitor_take(s.m, r, &k, 101 + round);
        }
    lt_monitor_speak(s.m, 105);
    assert_int_equal(count(&s, "\n"), 0);
    lt_monitor_speak(s.m, 110);
    assert_int_equal(count(&s, "\n"), 5);
    assert_int_equal(count(&s, "memory of rank 1, gpu: planned 300.0 MiB, now 300.0 MiB, peak 290.0 MiB used; 700.0 MiB by the driver"), 1);
    assert_int_equal(count(&s, "memory of host a, 2 ranks: planned 400.0 MiB, now 220.0 MiB, peak 320.0 MiB\n"), 1);
    assert_int_equal(count(&s, "memory of host b, 1 rank: planned 200.0 MiB, now 110.0 MiB, peak 160.0 MiB\n"), 1);
    lt_monitor_speak(s.m, 119);
    assert_int_equal(count(&s, "\n"), 5);
    lt_monitor_speak(s.m, 120);
    assert_int_equal(count(&s, "\n"), 10);
    lt_monitor_sum_up(s.m);
    assert_int_equal(count(&s, "memory of a rank (3 ranks): device 300.0 MiB planned, 290.0 MiB used at most; host 200.0 MiB planned, 170.0 MiB held at most\n"), 1);
    assert_int_equal(lt_monitor_host_most(s.m, 2), 170 * MiB);
    end(&s);
}

static void no_lines_unless_asked_for_or_before_all_are_heard(void **state)
{
    (void)state;
    scene s;
    const lt_rank_state k = rank_on("a", 100);
    begin(&s, 2, 1);
    lt_monitor_take(s.m, 0, &k, 101);
    lt_monitor_speak(s.m, 105);
    assert_int_equal(count(&s, "\n"), 0);
    lt_monitor_take(s.m, 1, &k, 106);
    lt_monitor_speak(s.m, 106);
    assert_int_equal(count(&s, "\n"), 3);
    end(&s);
    begin(&s, 1, 0);
    lt_monitor_take(s.m, 0, &k, 101);
    lt_monitor_speak(s.m, 1000);
    assert_int_equal(count(&s, "\n"), 0);
    end(&s);
}

static void limits_and_plans_are_told_once_a_host(void **state)
{
    (void)state;
    scene s;
    static const char *const hosts[] = { "a", "b", "a" };
    static const struct {
        int64_t used;
        int     warned, told;
    } steps[] = { { 190, 0, 0 }, { 209, 0, 0 }, { 211, 0, 2 }, { 359, 0, 2 }, { 360, 2, 2 }, { 399, 2, 2 }, { 100, 2, 2 }, { 399, 2, 2 } };
    begin_on(&s, 3, 0, true);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        for (int r = 0; r < 3; r++) {
            const lt_rank_state k = rank_on(hosts[r], steps[i].used);
            lt_monitor_take(s.m, r, &k, 101 + (double)i);
        }
        if (count(&s, "nearly used up") != steps[i].warned || count(&s, "beyond its plan") != steps[i].told)
            fail_msg("at %d MiB:\n%s", (int)steps[i].used, s.text);
    }
    assert_int_equal(count(&s, "warning: host memory is beyond its plan"), 2);
    assert_int_equal(count(&s, "holds 360.0 MiB of the 400.0 MiB that it may (--host-memory-limit); "
                                "the largest part is for frames decoded ahead (77.0 MiB): give a smaller --prefetch"), 2);
    end(&s);
    /* On a GPU it is no fault of ours; unknown figures are no figures. */
    begin(&s, 1, 1);
    lt_rank_state k = rank_on("a", 211);
    lt_monitor_take(s.m, 0, &k, 101);
    assert_int_equal(count(&s, "without what the driver and the libraries of a GPU take"), 1);
    assert_int_equal(count(&s, "warning"), 0);
    end(&s);
    begin_on(&s, 1, 1, true);
    /* Nothing to do, so nothing planned. */
    k.memory.host_planned = k.memory.device_planned = 0;
    lt_monitor_take(s.m, 0, &k, 101);
    lt_monitor_sum_up(s.m);
    assert_int_equal(count(&s, "\n"), 0);
    end(&s);
    begin_on(&s, 1, 1, true);
    k.memory.host_used = k.memory.under_limit = -1;
    lt_monitor_take(s.m, 0, &k, 101);
    assert_int_equal(count(&s, "warning"), 0);
    end(&s);
}

/* ---- metrics ---- */

/* A line of the text format: the family of a sample; checks what a parser would. */
static void check_text(char *text)
{
    char announced[64][80], family[80] = "", name[80];
    int n = 0;
    bool counter = false, ended = false;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char type[16] = "";
        assert_false(ended);
        if (!strcmp(line, "# EOF")) {
            ended = true;
        } else if (sscanf(line, "# TYPE %79s %15s", name, type) == 2) {
            for (int i = 0; i < n; i++) assert_string_not_equal(announced[i], name);
            assert_in_range(n, 0, 63);
            snprintf(announced[n++], sizeof *announced, "%s", name);
            snprintf(family, sizeof family, "%s", name);
            counter = !strcmp(type, "counter");
            assert_true(counter || !strcmp(type, "gauge"));
        } else if (!strncmp(line, "# HELP ", 7)) {
            assert_int_equal(strncmp(line + 7, family, strlen(family)), 0);
        } else {
            const size_t k = strcspn(line, "{ ");
            char want[96];
            snprintf(want, sizeof want, "%s%s", family, counter ? "_total" : "");
            if (k != strlen(want) || strncmp(line, want, k)) fail_msg("'%s' under %s", line, family);
            char *at = strrchr(line, ' '), *rest = NULL;
            assert_true(isfinite(strtod(at + 1, &rest)));
            assert_int_equal(*rest, 0);
            if (line[k] == '{') assert_int_equal(at[-1], '}');
        }
    }
    assert_true(ended);
}

static void metrics_can_be_parsed(void **state)
{
    (void)state;
    char path[] = "/tmp/longtake-monitor-XXXXXX", *text = NULL;
    const lt_report_stage stages[] = { { "encode", 1.5 }, { "window", 2.25 } }, waits[] = { { "frames", 0.5 }, { "halo record", 0.125 } };
    lt_report_rank ranks[2];
    const lt_report_video video = { .name = "film", .state = "done" };
    for (int r = 0; r < 2; r++)
        ranks[r] = (lt_report_rank){ .rank = r, .host = r ? "two\n\"\\" : "one", .frames = 7 + r, .segments = 1, .seconds = 3.75, .wait_seconds = 0.625,
                                     .planned_bytes = 4096, .observed_bytes = 4000, .host_planned = 8192, .host_observed = 8000 + r, .stages = stages,
                                     .n_stages = 2, .waits = waits, .n_waits = 2 };
    const lt_report report = { .title = "longtake", .exit_code = -1, .frames = 15, .frames_failed = -1, .seconds = 3, .videos = &video, .n_videos = 1,
                               .ranks = ranks, .n_ranks = 2 };
    const lt_metric more[] = {
        { "longtake_queue_depth", LT_METRIC_GAUGE, "a\\b", { "rank", "host", "queue" }, { "0", "one", "frames \"ahead\"" }, 5 },
        { "longtake_queue_depth", LT_METRIC_GAUGE, NULL, { "rank", "host", "queue" }, { "1", "one", "x" }, NAN },
        { "longtake_plain", LT_METRIC_COUNTER, "plain", { NULL }, { NULL }, 6 },
    };
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_ok(lt_report_metrics_write(path, &report, more, 3));
    assert_ok(lt_file_read(path, 1 << 20, &text, NULL));
    assert_non_null(strstr(text, "longtake_stage_seconds_total{rank=\"1\",host=\"two\\n\\\"\\\\\",stage=\"window\"} 2.25\n"));
    assert_non_null(strstr(text, "longtake_waiting_seconds_total{rank=\"0\",host=\"one\",cause=\"halo record\"} 0.125\n"));
    assert_non_null(strstr(text, "longtake_host_observed_bytes{rank=\"1\",host=\"two\\n\\\"\\\\\"} 8001\n"));
    assert_non_null(strstr(text, "longtake_queue_depth{rank=\"0\",host=\"one\",queue=\"frames \\\"ahead\\\"\"} 5\n"));
    assert_non_null(strstr(text, "longtake_plain_total 6\n"));
    /* It runs: there is no exit code. */
    assert_null(strstr(text, "exit_code"));
    check_text(text);
    free(text);
    unlink(path);
}

/* ---- seconds of spans ---- */

static void spans_are_summed_up_without_a_file(void **state)
{
    (void)state;
    lt_timeline *t = NULL;
    assert_ok(lt_timeline_open(NULL, 0, &t));
    assert_false(lt_timeline_writes(t));
    const int encode = lt_timeline_watch(t, "network", "encode"), window = lt_timeline_watch(t, "network", "window");
    for (int i = 0; i < 8; i++) {
        lt_timeline_span(t, "network", "encode", NULL, i, 0.25);
        lt_timeline_span(t, "other", "encode", "of another track", i, 16);
        lt_timeline_span(t, "network", "window", NULL, i, 0.5);
        lt_timeline_value(t, "a curve", i, 1);
    }
    assert_true(lt_timeline_seconds(t, encode) == 2);
    assert_true(lt_timeline_seconds(t, window) == 4);
    for (int i = 2; i < LT_TIMELINE_SUMS; i++) assert_int_equal(lt_timeline_watch(t, "network", "more"), i);
    assert_int_equal(lt_timeline_watch(t, "network", "more"), -1);
    assert_true(lt_timeline_seconds(t, -1) == 0);
    assert_ok(lt_timeline_close(&t));
    assert_null(t);
    assert_false(lt_timeline_writes(NULL));
}

/* ---- rows ---- */

static hid_t in_memory(void)
{
    const hid_t how = H5Pcreate(H5P_FILE_ACCESS);
    assert_true(H5Pset_fapl_core(how, 1 << 16, 0) >= 0);
    const hid_t file = H5Fcreate("longtake-monitor", H5F_ACC_TRUNC, H5P_DEFAULT, how);
    assert_true(file >= 0);
    H5Pclose(how);
    return file;
}

static void rows_come_back_and_old_files_lack_some(void **state)
{
    (void)state;
    static const char *const later[] = { "host_planned_bytes", "host_observed_bytes", "seconds_decode", "seconds_network", "seconds_store" };
    lt_tables t = { 0 }, back;
    lt_segment_row row;
    lt_segment_row_init(&row);
    row.seconds = 6;
    row.seconds_decode = 1;
    row.seconds_network = 2;
    row.seconds_store = 3;
    row.host_planned_bytes = 5 * MiB;
    row.host_observed_bytes = 4 * MiB;
    assert_ok(lt_tables_add_row(&t, (lt_range){ 0, 4 }, &row, "plan A"));
    assert_ok(lt_tables_add_row(&t, (lt_range){ 5, 9 }, &row, "plan B"));
    assert_ok(lt_tables_add_row(&t, (lt_range){ 10, 11 }, &row, "plan A"));
    const hid_t file = in_memory();
    assert_ok(lt_tables_write(file, &t));
    assert_ok(lt_tables_read(file, &back));
    assert_int_equal(back.n, 3);
    assert_int_equal(back.n_plans, 2);
    assert_string_equal(back.plans[back.row[1].plan], "plan B");
    assert_int_equal(back.row[2].plan, back.row[0].plan);
    assert_true(back.row[1].row.seconds_decode == 1 && back.row[1].row.seconds_network == 2 && back.row[1].row.seconds_store == 3);
    assert_true(back.row[2].row.host_planned_bytes == 5 * MiB && back.row[2].row.host_observed_bytes == 4 * MiB);
    lt_tables_free(&back);
    const hid_t group = H5Gopen2(file, "segments", H5P_DEFAULT);
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) assert_true(H5Ldelete(group, later[i], H5P_DEFAULT) >= 0);
    H5Gclose(group);
    assert_ok(lt_tables_read(file, &back));
    assert_true(back.row[1].row.seconds == 6 && isnan(back.row[1].row.seconds_decode));
    assert_true(isnan(back.row[2].row.seconds_network) && isnan(back.row[0].row.seconds_store));
    assert_true(back.row[2].row.host_planned_bytes == -1 && back.row[2].row.host_observed_bytes == -1);
    lt_tables_free(&back);
    lt_tables_free(&t);
    H5Fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_cover_any_run_and_lose_no_peak),
        cmocka_unit_test(ranks_of_a_host_add_up),
        cmocka_unit_test(no_lines_unless_asked_for_or_before_all_are_heard),
        cmocka_unit_test(limits_and_plans_are_told_once_a_host),
        cmocka_unit_test(metrics_can_be_parsed),
        cmocka_unit_test(spans_are_summed_up_without_a_file),
        cmocka_unit_test(rows_come_back_and_old_files_lack_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
