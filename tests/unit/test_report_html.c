/* report.html: scales, text from outside, and what plots do with values that nobody should give. */
#include "check.h"

#include <longtake/file.h>
#include <longtake/metrics.h>

#include "report/html.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GIB ((int64_t)1 << 30)

static char path[] = "/tmp/longtake-html-XXXXXX";

static char *page_of(const lt_report *r)
{
    char *text;
    assert_ok(lt_report_html_write(path, r));
    assert_ok(lt_file_read(path, 64 << 20, &text, NULL));
    return text;
}

/* The page of one rank that has these samples. */
static char *page_of_samples(const lt_report_sample *samples, int n, int64_t planned)
{
    const lt_report_rank rank = { .planned_bytes = planned, .observed_bytes = -1, .host_planned = -1, .host_observed = -1,
                                  .samples = samples, .n_samples = n, .seconds = NAN, .wait_seconds = NAN };
    const lt_report r = { .title = "t", .frames = -1, .frames_failed = -1, .seconds = NAN, .frames_per_s = NAN, .ranks = &rank, .n_ranks = 1 };
    return page_of(&r);
}

/* The numbers of the device's line in a page; breaks counts its strokes. */
static int line_of(const char *page, double *numbers, int most, int *breaks)
{
    const char *c = strstr(page, "<path class=\"dev\" d=\"");
    int n = 0;
    *breaks = 0;
    assert_non_null(c);
    for (c += strlen("<path class=\"dev\" d=\""); *c != '"';) {
        char *end;
        if (*c == 'h') {
            c += 2;
            continue;
        }
        if (*c == 'M') ++*breaks, c++;
        assert_true(n < most);
        numbers[n++] = strtod(c, &end);
        assert_true(end > c);
        c = end;
    }
    assert_int_equal(n % 2, 0);
    return n / 2;
}

static void scales_of_bytes(void **state)
{
    (void)state;
    static const struct {
        double      most;
        int         n;
        const char *first, *last;
    } rows[] = {
        { NAN, 6, "200 B", "1200 B" },       /* nothing is known: some scale there must be */
        { -1, 6, "200 B", "1200 B" },
        { 0, 6, "200 B", "1200 B" },
        { 3, 4, "1 B", "4 B" },              /* no parts of bytes */
        { 1.4 * (double)GIB, 3, "0.5 GiB", "1.5 GiB" },
        { 1000.0 * (1 << 20), 6, "200 MiB", "1200 MiB" },
        { 61.0 * (double)GIB, 4, "20 GiB", "80 GiB" },
        { 9223372036854775807.0, 5, "2000000 TiB", "10000000 TiB" },
        { INFINITY, 6, "200 B", "1200 B" },
    };
    char text[32];
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++) {
        const lt_axis a = lt_axis_bytes(rows[i].most, 5);
        assert_string_equal(lt_axis_label(&a, 0, text, sizeof text), "0");
        if (strcmp(lt_axis_label(&a, 1, text, sizeof text), rows[i].first) || a.n != rows[i].n)
            fail_msg("%g: %d marks, the first is %s", rows[i].most, a.n, text);
        assert_string_equal(lt_axis_label(&a, a.n, text, sizeof text), rows[i].last);
        assert_true(!(rows[i].most < 1e30) || rows[i].most < a.top);
    }
}

static void scales_of_seconds(void **state)
{
    (void)state;
    static const struct {
        double      most;
        int         n;
        const char *first, *last;
    } rows[] = {
        { NAN, 5, "0.2 s", "1 s" },
        { -3, 5, "0.0002 s", "0.001 s" },
        { 0, 5, "0.0002 s", "0.001 s" },
        { 0.9, 4, "0.2 s", "0.8 s" },
        { 7, 3, "2 s", "6 s" },
        { 59, 2, "20 s", "40 s" },
        { 150, 5, "30 s", "150 s" },
        { 372, 3, "2 min", "6 min" },
        { 5230, 4, "20 min", "80 min" },
        { 86400, 4, "6 h", "24 h" },
        { 864000, 5, "2 d", "10 d" },
        { INFINITY, 5, "0.2 s", "1 s" },
    };
    char text[32];
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++) {
        const lt_axis a = lt_axis_seconds(rows[i].most, 5);
        if (strcmp(lt_axis_label(&a, 1, text, sizeof text), rows[i].first) || a.n != rows[i].n)
            fail_msg("%g: %d marks, the first is %s", rows[i].most, a.n, text);
        assert_string_equal(lt_axis_label(&a, a.n, text, sizeof text), rows[i].last);
    }
}

static void places_stay_on_the_scale(void **state)
{
    (void)state;
    const lt_axis a = lt_axis_seconds(50, 5);
    assert_true(lt_axis_place(&a, 25) == 50 && lt_axis_place(&a, -1) == 0 && lt_axis_place(&a, 1e300) == 100);
    assert_true(lt_axis_place(&a, NAN) == 0 && lt_axis_place(&a, INFINITY) == 100);
}

static void text_from_outside(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        { "a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#39;" },
        { "\xc3\xbc \xe5\xbd\xb1 \xf0\x9f\x8e\x9e", "\xc3\xbc \xe5\xbd\xb1 \xf0\x9f\x8e\x9e" },
        { "\xff\x41", "\xef\xbf\xbd" "A" },                                  /* no first byte */
        { "\xc3", "\xef\xbf\xbd" },                                         /* ends too early */
        { "\xe5\xbd<", "\xef\xbf\xbd\xef\xbf\xbd&lt;" },                    /* and must not take the bracket with it */
        { "\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd" },                         /* '<' in two bytes */
        { "\xe0\x80\xbc", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },         /* in three */
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },         /* half of a pair */
        { "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xef\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },         /* U+FFFF, which XML forbids */
        { "a\x01\n\x7f.", "a   ." },
        { NULL, "" },
    };
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++) {
        lt_text t = { 0 };
        lt_text_add(&t, "%s", "");
        lt_text_add_html(&t, rows[i].in);
        assert_string_equal(t.bytes, rows[i].out);
        lt_text_free(&t);
    }
    lt_text t = { 0 };
    lt_text_add_html_lines(&t, "a\n<\t");
    assert_string_equal(t.bytes, "a\n&lt; ");
    lt_text_free(&t);
    lt_text_add_url(&t, "a:b/c?d#e%\"\xc3\xbc.h5");         /* else "a:" is a scheme, and all after '?' no part of the name */
    lt_text_add_url(&t, "/x y");
    assert_string_equal(t.bytes, "./a%3Ab/c%3Fd%23e%25%22%C3%BC.h5/x%20y");
    lt_text_free(&t);
}

static void samples_make_a_line_with_gaps(void **state)
{
    (void)state;
    /* top of the scale: 4 GiB; two strokes of two points, and one point alone */
    static const lt_report_sample s[] = { { 0, 0, -1 }, { 10, 3 * GIB, -1 }, { 20, -1, -1 }, { 30, 2 * GIB, -1 }, { 40, 2 * GIB, -1 },
                                          { 50, -1, -1 }, { 60, GIB, -1 }, { 70, -1, -1 }, { 100, -1, -1 } };
    static const double wanted[] = { 0, 1000, 200, 250, 600, 500, 800, 500, 1200, 750 };
    double x[64];
    int strokes;
    char *page = page_of_samples(s, 9, 3 * GIB);
    assert_non_null(strstr(page, ">4 GiB</text>"));
    assert_int_equal(line_of(page, x, 64, &strokes), 5);
    assert_int_equal(strokes, 3);
    for (int i = 0; i < 10; i++)
        if (x[i] != wanted[i]) fail_msg("number %d is %g, not %g", i, x[i], wanted[i]);
    assert_non_null(strstr(page, "1200 750h0\""));
    assert_non_null(strstr(page, "at most 3.00 GiB of 3.00 GiB planned (100 %)"));
    assert_non_null(strstr(page, "The plan was kept."));
    free(page);
}

static void no_samples_and_one(void **state)
{
    (void)state;
    double x[4];
    int strokes;
    char *page = page_of_samples(NULL, 0, GIB);
    assert_non_null(strstr(page, "not sampled over time"));
    assert_null(strstr(page, "<path"));
    assert_non_null(strstr(page, "<td class=\"n\">1.00 GiB</td><td class=\"n\">-</td><td class=\"n\">-</td>"));
    assert_null(strstr(page, "plan was kept"));
    free(page);
    const lt_report_sample one = { 0, 5, -1 };
    page = page_of_samples(&one, 1, 0);
    assert_int_equal(line_of(page, x, 4, &strokes), 1);
    assert_non_null(strstr(page, "at most 5 B of 0 B planned"));
    assert_non_null(strstr(page, "held more than was planned"));
    free(page);
    const lt_report_sample none = { NAN, 5, 5 };
    page = page_of_samples(&none, 1, 0);
    assert_non_null(strstr(page, "not sampled over time"));
    free(page);
}

/* One sample of 10,000 is high, another low: both are drawn, in few points. */
static void a_spike_survives_ten_thousand_samples(void **state)
{
    (void)state;
    enum { N = 10000 };
    lt_report_sample *s = malloc(N * sizeof *s);
    double *x = malloc(4 * N * sizeof *x), least = 1e9, most = 0;
    int strokes;
    for (int i = 0; i < N; i++) s[i] = (lt_report_sample){ i, GIB + (i * 7919 % 1000) * (GIB / 20000), -1 };
    s[6343].device = 3 * GIB;
    s[2177].device = 0;
    char *page = page_of_samples(s, N, 3 * GIB);
    const int n = line_of(page, x, 4 * N, &strokes);
    assert_int_equal(strokes, 1);
    assert_in_range(n, 400, 2 * 480 + 2);
    for (int i = 0; i < n; i++) {
        if (x[2 * i + 1] < least) least = x[2 * i + 1];
        if (x[2 * i + 1] > most) most = x[2 * i + 1];
        if (i) assert_true(x[2 * i] >= x[2 * i - 2]);
    }
    assert_true(least == 250 && most == 1000);
    assert_true(strlen(page) < 40000);
    free(page);
    free(x);
    free(s);
}

static void time_by_stage(void **state)
{
    (void)state;
    static const lt_report_stage stages[] = { { "encode", 6 }, { "<w>", NAN }, { "write", 2 }, { "encode", 1 } }, waits[] = { { "frames", 1 }, { "store", -1 } };
    const lt_report_rank rank = { .seconds = 9.5, .wait_seconds = 1, .planned_bytes = -1, .observed_bytes = -1, .host_planned = -1,
                                  .host_observed = -1, .stages = stages, .n_stages = 4, .waits = waits, .n_waits = 2 };
    lt_report r = { .title = "t", .frames = -1, .frames_failed = -1, .seconds = NAN, .frames_per_s = NAN, .ranks = &rank, .n_ranks = 1 };
    char *page = page_of(&r);
    /* 7 + 2 + 0.5 that no stage names + 1 of waiting: the scale ends at 10.5 */
    assert_non_null(strstr(page, "<rect class=\"bar c0\" x=\"0%\" y=\"4\" width=\"66.667%\""));
    assert_non_null(strstr(page, "<rect class=\"bar c2\" x=\"66.667%\" y=\"4\" width=\"19.048%\""));
    assert_non_null(strstr(page, "<rect class=\"bar rest\" x=\"85.714%\" y=\"4\" width=\"4.7619%\""));
    assert_non_null(strstr(page, "<rect class=\"bar w0\" x=\"90.476%\" y=\"4\" width=\"9.5238%\""));
    assert_non_null(strstr(page, "<td class=\"n\">7.00 s</td><td class=\"n\">67 %</td>"));
    free(page);
    /* A rank that names nothing has work and waiting. */
    const lt_report_rank plain = { .seconds = 30, .wait_seconds = 10, .planned_bytes = -1, .observed_bytes = -1, .host_planned = -1, .host_observed = -1 };
    r.ranks = &plain;
    page = page_of(&r);
    assert_non_null(strstr(page, "rank 0, work: 30.0 s"));
    assert_non_null(strstr(page, "rank 0, waiting: 10.0 s"));
    free(page);
    /* Nothing was measured: no section. */
    const lt_report_rank nothing = { .seconds = NAN, .wait_seconds = -INFINITY, .planned_bytes = -1, .observed_bytes = -1 };
    r.ranks = &nothing;
    page = page_of(&r);
    assert_null(strstr(page, "id=\"time\""));
    free(page);
}

static void more_stages_than_colours(void **state)
{
    (void)state;
    enum { N = 60 };
    char names[N][8];
    lt_report_stage stages[N];
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "s%d", i);
        stages[i] = (lt_report_stage){ names[i], 1 };
    }
    const lt_report_rank rank = { .seconds = N, .wait_seconds = NAN, .planned_bytes = -1, .observed_bytes = -1, .host_planned = -1,
                                  .host_observed = -1, .stages = stages, .n_stages = N };
    const lt_report r = { .title = "t", .frames = -1, .frames_failed = -1, .seconds = NAN, .frames_per_s = NAN, .ranks = &rank, .n_ranks = 1 };
    char *page = page_of(&r);
    assert_non_null(strstr(page, "rank 0, s22: 1.00 s"));
    assert_non_null(strstr(page, "rank 0, all others: 37.0 s"));
    assert_null(strstr(page, "rank 0, s23"));
    free(page);
}

static void failures_and_the_plan(void **state)
{
    (void)state;
    static const lt_report_failure failures[] = { { "a<b", 12, 18, "it's torn" }, { "whole", -1, -1, "gone" }, { "one", 7, 7, "x" } };
    lt_report r = { .title = "t", .frames = -1, .frames_failed = -1, .seconds = NAN, .frames_per_s = NAN, .failures = failures, .n_failures = 3,
                    .n_failures_more = 41, .plan = "weights <3 GiB\nring" };
    char *page = page_of(&r);
    assert_non_null(strstr(page, "a&lt;b</td><td class=\"n\">12 to 18</td><td class=\"why\">it&#39;s torn</td>"));
    assert_non_null(strstr(page, "whole</td><td class=\"n\">all</td>"));
    assert_non_null(strstr(page, "one</td><td class=\"n\">7</td>"));
    assert_non_null(strstr(page, "<p>and 41 more.</p>"));
    assert_non_null(strstr(page, "<pre>weights &lt;3 GiB\nring</pre>"));
    free(page);
    r.n_failures = 0;
    page = page_of(&r);
    assert_non_null(strstr(page, "There are 41 failures that are not listed."));
    free(page);
    r.n_failures_more = 0;
    r.plan = NULL;
    page = page_of(&r);
    assert_null(strstr(page, "What failed"));
    assert_null(strstr(page, "<details"));
    free(page);
}

static int make_file(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scales_of_bytes), cmocka_unit_test(scales_of_seconds), cmocka_unit_test(places_stay_on_the_scale),
        cmocka_unit_test(text_from_outside), cmocka_unit_test(samples_make_a_line_with_gaps), cmocka_unit_test(no_samples_and_one),
        cmocka_unit_test(a_spike_survives_ten_thousand_samples), cmocka_unit_test(time_by_stage),
        cmocka_unit_test(more_stages_than_colours), cmocka_unit_test(failures_and_the_plan),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
