/* Pictures, colours, the scale, the sheet, progress, metrics.prom and report.html. */
#include "check.h"

#include <longtake/colour.h>
#include <longtake/file.h>
#include <longtake/metrics.h>
#include <longtake/progress.h>
#include <longtake/sheet.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/longtake-report-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static lt_image *noise(int width, int height)
{
    lt_image *image;
    assert_ok(lt_image_create(width, height, &image));
    uint32_t x = 12345;
    for (int i = 0; i < width * height * 3; i++) image->rgb[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
    return image;
}

static void png_round_trip(void **state)
{
    (void)state;
    lt_image *a = noise(37, 11), *b;
    assert_ok(lt_image_write_png(a, in_folder("a.png")));
    assert_ok(lt_image_read_png(in_folder("a.png"), &b));
    assert_int_equal(b->width, 37);
    assert_int_equal(b->height, 11);
    assert_memory_equal(a->rgb, b->rgb, 37 * 11 * 3);
    lt_image_destroy(&b);
    assert_int_equal(lt_image_read_png(in_folder("none.png"), &b), LT_E_ABSENT);
    assert_null(b);
    lt_image_destroy(&a);
}

/* 5 pixels into 2: each is the mean of 2.5, worked out by hand. */
static void resize_is_the_mean_of_the_area(void **state)
{
    (void)state;
    lt_image *a, *b;
    assert_ok(lt_image_create(5, 1, &a));
    const uint8_t values[5] = { 10, 20, 40, 80, 200 };
    for (int i = 0; i < 5; i++) a->rgb[3 * i] = values[i];
    assert_ok(lt_image_resize(a, 2, 1, &b));
    assert_int_equal(b->rgb[0], 20);                  /* (10 + 20 + 40/2) / 2.5 */
    assert_int_equal(b->rgb[3], 120);                 /* (40/2 + 80 + 200) / 2.5 */
    lt_image_destroy(&b);
    assert_ok(lt_image_resize(a, 10, 3, &b));
    for (int i = 0; i < 30; i++) assert_int_equal(b->rgb[3 * i], values[i % 10 / 2]);
    lt_image_destroy(&b);
    static const int centre[7] = { 0, 1, 1, 2, 3, 3, 4 };       /* the pixel under (i + 1/2) * 5/7 */
    assert_ok(lt_image_resize(a, 7, 1, &b));
    for (int i = 0; i < 7; i++) assert_int_equal(b->rgb[3 * i], values[centre[i]]);
    lt_image_destroy(&b);
    lt_image_destroy(&a);
}

static void text_fits_and_clips(void **state)
{
    (void)state;
    char out[32];
    lt_image *a;
    assert_string_equal(lt_text_fit("abcdefghij", 1, 59, out, sizeof out), "abcdefghij");
    assert_string_equal(lt_text_fit("abcdefghij", 1, 41, out, sizeof out), "abc..ij");
    assert_int_equal(lt_text_width("a\xc3\xa9", 2), 22);
    assert_ok(lt_image_create(9, 9, &a));
    lt_image_text(a, -3, -3, 2, (lt_rgb){ 255, 255, 255 }, "#@~");     /* clipped on all sides */
    lt_image_text(a, 2, 1, 1, (lt_rgb){ 9, 8, 7 }, "");
    lt_image_destroy(&a);
}

/* Corners of the wheel: right is red, length 0 white, beyond the rim darker; opposite directions differ. */
static void flow_colours(void **state)
{
    (void)state;
    const lt_rgb rest = lt_colour_flow(0, 0), right = lt_colour_flow(1, 0), far = lt_colour_flow(2, 0), left = lt_colour_flow(-1, 0);
    assert_true(rest.r == 255 && rest.g == 255 && rest.b == 255);
    assert_true(right.r == 255 && right.g < 30 && right.b < 30);
    assert_true(far.r == 191);
    assert_true(left.r < 30 && left.g > 200 && left.b > 200);
    lt_image *a;
    assert_ok(lt_image_create(2, 1, &a));
    const float flow[4] = { NAN, 0, 3, 0 };
    lt_colour_flow_image(flow, 3, a);
    const lt_rgb absent = lt_colour_absent(0, 0);
    assert_int_equal(a->rgb[0], absent.r);
    assert_int_equal(a->rgb[3], 255);
    assert_int_equal(a->rgb[4], right.g);
    lt_image_destroy(&a);
}

static void quantiles(void **state)
{
    (void)state;
    lt_range_finder *f = malloc(sizeof *f);
    lt_range_init(f);
    assert_true(lt_range_quantile(f, 0.5) == 0);
    for (int i = -500; i <= 500; i++) {
        const float x = (float)i / 10;
        lt_range_add(f, &x, 1);
    }
    const float absent = NAN;
    lt_range_add(f, &absent, 1);
    assert_int_equal(f->n, 1001);
    /* half a bin, 1/64, on either side */
    assert_true(fabsf(lt_range_quantile(f, 0.99f) - 49) < 49.0f / 60);
    assert_true(fabsf(lt_range_quantile(f, 0.1) + 40) < 40.0f / 60);
    assert_true(lt_range_quantile(f, 0.5) == 0);
    assert_true(lt_range_round(3.2f) == 4 && lt_range_round(0.26f) == 0.3f && lt_range_round(81) == 100);
    free(f);
}

static void sheet_of(int width, int height)
{
    lt_sheet *sheet;
    lt_image *cell = noise(width, height), *out;
    const char *columns[] = { "frame", "flow" };
    const lt_legend legend = { LT_LEGEND_FLOW, "flow", 0, 4, "px" };
    const lt_sheet_opts o = { .title = "t", .columns = columns, .n_columns = 2, .aspect_width = width, .aspect_height = height,
                              .legends = &legend, .n_legends = 1, .width = 800 };
    const lt_image *cells[2] = { cell, NULL };
    assert_ok(lt_sheet_create(&o, &sheet));
    assert_ok(lt_sheet_add_row(sheet, "frame 0\n0.000 s", cells));
    assert_ok(lt_sheet_add_row(sheet, "frame 1", cells));
    assert_ok(lt_sheet_render(sheet, &out));
    assert_in_range(out->width, 300, 800);
    assert_in_range(out->height, 100, 1000);
    lt_image_destroy(&out);
    lt_image_destroy(&cell);
    lt_sheet_destroy(&sheet);
}

static void sheets_of_any_shape(void **state)
{
    (void)state;
    sheet_of(1, 1);
    sheet_of(90, 160);
    sheet_of(700, 3);
    sheet_of(2, 900);
}

static char *shown(lt_progress_mode mode, bool utf8, int columns, double rate)
{
    char *text = NULL;
    size_t n = 0;
    lt_progress *p;
    lt_progress_rank ranks[2] = { { .host = "a", .state = "film" }, { .host = "b", .state = "wait" } };
    FILE *out = open_memstream(&text, &n);
    const lt_progress_opts o = { .mode = mode, .out = out, .utf8 = utf8, .columns = columns, .n_ranks = 2, .verbose = true };
    assert_ok(lt_progress_create(&o, &p));
    for (int i = 0; i <= 200; i++) {                   /* 10 s in steps of 50 ms */
        ranks[0].frames = (int64_t)(rate * i * 0.05);
        const lt_progress_state s = { .frames_done = ranks[0].frames, .frames_total = 1000, .segments_total = 9, .videos_total = 1,
                                      .device_planned = 1 << 20, .device_used = 1 << 19, .host_planned = -1, .host_used = -1,
                                      .ranks = ranks };
        lt_progress_update(p, &s, i * 0.05);
    }
    assert_true(fabs(lt_progress_rate(p) - rate) <= 0.02 * rate);
    lt_progress_finish(p, 10);
    lt_progress_destroy(&p);
    fclose(out);
    return text;
}

static void progress_on_a_terminal(void **state)
{
    (void)state;
    char *text = shown(LT_SHOW_BAR, false, 80, 40);
    for (const char *c = text; *c; c++) assert_true((unsigned char)*c < 128);
    assert_non_null(strstr(text, "40% 400/1000  40.0 frames/s  15 s left"));
    assert_non_null(strstr(text, "rank 1@b"));
    assert_non_null(strstr(text, "longtake: 400/1000 frames in 10 s, 40.0 frames/s\n"));
    /* no line is wider than the terminal */
    int width = 0;
    for (const char *c = text; *c; c++) {
        if (*c == '\033') {
            while (*c && !strchr("AJK", *c)) c++;
            continue;
        }
        width = *c == '\n' || *c == '\r' ? 0 : width + 1;
        assert_true(width < 80);
    }
    free(text);
}

static void progress_as_lines(void **state)
{
    (void)state;
    char *text = shown(LT_SHOW_PLAIN, true, 0, 40);
    int lines = 0;
    for (const char *c = text; *c; c++) lines += *c == '\n';
    assert_int_equal(lines, 2 * 3 + 1);                /* at 5 and 10 s, each with two ranks, and the last */
    free(text);
    text = shown(LT_SHOW_JSON, true, 0, 40);
    lines = 0;
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        json_t *o = json_loads(line, 0, NULL);
        assert_non_null(o);
        assert_int_equal(json_integer_value(json_object_get(o, "frames_total")), 1000);
        lines++;
        json_decref(o);
    }
    assert_in_range(lines, 10, 12);
    free(text);
    text = shown(LT_SHOW_NONE, true, 0, 0);
    assert_string_equal(text, "");
    free(text);
}

static void files_for_machines_and_people(void **state)
{
    (void)state;
    char *text;
    lt_image *a = noise(40, 30);
    char sheet[128];
    snprintf(sheet, sizeof sheet, "%s", in_folder("sheet.png"));
    assert_ok(lt_image_write_png(a, sheet));
    const lt_report_video video = { .name = "<b>&\"film", .state = "failed", .why = "it's torn", .result = "film.h5", .frames = 7,
                                    .frames_failed = 1, .width = 4, .height = 3, .seconds = NAN, .sheet = sheet };
    const lt_report_rank rank = { .rank = 0, .host = "a\"\\\n", .device = "cpu", .frames = 7, .segments = 1, .seconds = 2.5,
                                  .wait_seconds = NAN, .planned_bytes = 4096, .observed_bytes = -1, .host_planned = -1, .host_observed = -1 };
    const lt_report r = { .title = "longtake", .ended = "ended", .exit_code = 65, .frames = 7, .frames_failed = 1, .seconds = 3,
                          .frames_per_s = 2.3, .videos = &video, .n_videos = 1, .ranks = &rank, .n_ranks = 1 };
    assert_ok(lt_report_html_write(in_folder("r.html"), &r));
    assert_ok(lt_file_read(in_folder("r.html"), 1 << 20, &text, NULL));
    assert_non_null(strstr(text, "&lt;b&gt;&amp;&quot;film"));
    assert_non_null(strstr(text, "it&#39;s torn"));
    assert_non_null(strstr(text, "data:image/png;base64,iVBORw0KGgo"));
    assert_null(strstr(text, "<b>&"));
    free(text);
    assert_ok(lt_report_metrics_write(in_folder("m.prom"), &r, NULL, 0));
    assert_ok(lt_file_read(in_folder("m.prom"), 1 << 20, &text, NULL));
    assert_non_null(strstr(text, "longtake_frames_total{rank=\"0\",host=\"a\\\"\\\\\\n\"} 7\n"));
    assert_non_null(strstr(text, "longtake_videos{state=\"failed\"} 1\n"));
    assert_null(strstr(text, "observed"));
    assert_null(strstr(text, "wait"));
    assert_string_equal(text + strlen(text) - 6, "# EOF\n");
    free(text);
    lt_image_destroy(&a);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = { "a.png", "sheet.png", "r.html", "m.prom" };
    for (int i = 0; i < 4; i++) unlink(in_folder(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_round_trip), cmocka_unit_test(resize_is_the_mean_of_the_area), cmocka_unit_test(text_fits_and_clips),
        cmocka_unit_test(flow_colours), cmocka_unit_test(quantiles), cmocka_unit_test(sheets_of_any_shape),
        cmocka_unit_test(progress_on_a_terminal), cmocka_unit_test(progress_as_lines), cmocka_unit_test(files_for_machines_and_people),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
