/* Raw segments, rows and carries of a segment, its range, and reading them while the writer works. */
#include "check.h"

#include "store/layout.h"

#include <longtake/file.h>
#include <longtake/result.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { W = 9, H = 6 };

static const lt_field field = { .name = "depth", .dtype = LT_F32, .units = "1", .long_name = "depth", .fill = NAN };

static void open_job(const char *dir, lt_job **job)
{
    json_t *settings = json_pack("{s:s s:s}", "task", "depth", "meaningless", "synthetic weights");
    json_t *video = json_pack("{s:s s:s s:i s:i s:i s:[f,f,f,f,f,f,f,f] s:n}", "name", "film", "input_hash", "00", "n_frames", 8, "width", W, "height", H,
                              "time", 0., 1., 2., 3., 4., 5., 6., 7., "frame");
    assert_non_null(settings);
    assert_non_null(video);
    assert_ok(lt_job_open(dir, settings, job));
    assert_ok(lt_job_put_video(*job, "film", video));
    json_decref(settings);
    json_decref(video);
}

static void fill_frame(float *x, int64_t t)
{
    for (int i = 0; i < W * H; i++) x[i] = (float)(t * 10) + 0.25f * (float)i;
}

static lt_writer *new_writer(void)
{
    const lt_writer_opts o = { .n_threads = 1, .max_frame_bytes = W * H * 4, .n_buffers = 2 };
    lt_writer *w = NULL;
    assert_ok(lt_writer_create(&o, &w));
    return w;
}

static void put_all(lt_writer *w, const lt_job *job, lt_range r, bool raw, int64_t bad)
{
    const lt_segment_desc d = { .first = r.first, .last = r.last, .width = W, .height = H, .fields = &field, .n_fields = 1, .raw = raw };
    float x[W * H];
    const void *data[1] = { x };
    assert_ok(lt_writer_begin(w, job, "film", &d));
    for (int64_t t = r.first; t <= r.last; t++) {
        fill_frame(x, t);
        if (t == bad) assert_ok(lt_writer_put_fill(w, t, "it is torn"));
        else assert_ok(lt_writer_put(w, t, data));
    }
}

typedef struct {
    lt_raw        *raw;
    int64_t        index;
    float          x[W * H];
    char           why[LT_RAW_WHY];
    lt_segment_row row;
    char           plan[16];         /* "": none */
} reading;

static lt_status read_one(void *ctx)
{
    reading *r = ctx;
    const lt_status st = lt_raw_read(r->raw, r->index, r->x, W, H, r->why, &r->row);
    const char *plan = lt_raw_plan(r->raw);
    snprintf(r->plan, sizeof r->plan, "%s", plan ? plan : "");
    return st;
}

static void raw_segments_are_read_back_while_writing(void **state)
{
    (void)state;
    char dir[] = "/tmp/longtake-raw-XXXXXX", command[64];
    lt_job *job = NULL;
    lt_segment_row row;
    lt_segment_state st = LT_SEGMENT_DONE;
    int64_t next = 0;
    reading r = { 0 };
    float want[W * H];
    const lt_range whole = { 64, 191 }, head = { 64, 127 }, tail = { 128, 191 };
    assert_non_null(mkdtemp(dir));
    open_job(dir, &job);
    lt_writer *w = new_writer();
    lt_segment_row_init(&row);
    assert_ok(lt_ledger_raw(job, "film", &whole, 1, false, &st, &next, NULL));
    assert_int_equal(st, LT_SEGMENT_MISSING);
    assert_int_equal(next, 64);
    put_all(w, job, head, true, -1);
    lt_segment_part parts[2] = { { { 64, 95 }, row, "plan B" }, { { 96, 127 }, row, "plan B" } };
    parts[0].row.anchor = 0;
    parts[1].row.anchor = 17;
    assert_ok(lt_writer_parts(w, parts, 2, NULL));
    assert_ok(lt_writer_commit(w, &row));
    assert_ok(lt_writer_flush(w));
    assert_ok(lt_ledger_raw(job, "film", &whole, 1, false, &st, &next, NULL));
    assert_int_equal(st, LT_SEGMENT_MISSING);
    assert_int_equal(next, 128);
    put_all(w, job, tail, true, 140);
    assert_ok(lt_writer_commit(w, &row));
    /* A segment is in hand while others are read. */
    put_all(w, job, (lt_range){ 0, 3 }, false, -1);
    assert_ok(lt_raw_create(job, "film", &r.raw));
    for (r.index = 64; r.index < 192; r.index += 17) {
        fill_frame(want, r.index);
        assert_ok(lt_writer_call(w, read_one, &r));
        assert_memory_equal(r.x, want, sizeof want);
        assert_string_equal(r.why, "");
        assert_int_equal(r.row.anchor, r.index < 96 ? 0 : r.index < 128 ? 17 : -1);
        assert_string_equal(r.plan, r.index < 128 ? "plan B" : "");
    }
    r.index = 140;
    assert_ok(lt_writer_call(w, read_one, &r));
    assert_string_equal(r.why, "it is torn");
    assert_true(isnan(r.x[5]));
    r.index = 200;
    assert_int_equal(lt_writer_call(w, read_one, &r), LT_E_ABSENT);
    assert_non_null(strstr(lt_error_last()->text, "200"));
    assert_ok(lt_ledger_raw(job, "film", &whole, 1, false, &st, &next, NULL));
    assert_int_equal(st, LT_SEGMENT_FAILED);
    lt_raw_destroy(&r.raw);
    lt_writer_destroy(&w);
    lt_job_close(&job);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void rows_carry_and_range_reach_the_result(void **state)
{
    (void)state;
    char dir[] = "/tmp/longtake-raw-XXXXXX", command[64], path[LT_PATH_MAX], *text = NULL;
    lt_job *job = NULL;
    lt_result *result = NULL;
    lt_segment_row row;
    lt_verify_report report = { 0 };
    const lt_merge_opts opts = { .n_threads = 1 };
    assert_non_null(mkdtemp(dir));
    open_job(dir, &job);
    lt_writer *w = new_writer();
    lt_segment_row_init(&row);
    put_all(w, job, (lt_range){ 0, 31 }, true, -1);
    assert_ok(lt_writer_commit(w, &row));
    put_all(w, job, (lt_range){ 0, 3 }, false, 2);
    lt_segment_part parts[2] = { { { 0, 1 }, row, NULL }, { { 2, 3 }, row, "plan B" } };
    parts[0].row.scale = 1;
    parts[1].row.scale = 1.25;
    assert_ok(lt_writer_parts(w, parts, 2, "a carry"));
    assert_ok(lt_writer_commit(w, &row));
    put_all(w, job, (lt_range){ 4, 7 }, false, -1);
    assert_ok(lt_writer_commit(w, &row));
    assert_ok(lt_writer_flush(w));
    assert_ok(lt_segment_carry(job, "film", (lt_range){ 0, 3 }, &text));
    assert_string_equal(text, "a carry");
    free(text);
    assert_int_equal(lt_segment_carry(job, "film", (lt_range){ 4, 7 }, &text), LT_E_ABSENT);
    assert_int_equal(lt_segment_carry(job, "film", (lt_range){ 8, 9 }, &text), LT_E_ABSENT);
    lt_writer_destroy(&w);
    assert_ok(lt_merge(job, "film", &opts));
    lt_job_result_path(job, "film", path);
    assert_ok(lt_verify(path, 1, &report));
    assert_true(report.ok);
    /* Rows 0-1, 2-3 (failed, for frame 2) and 4-7. */
    assert_int_equal(report.n_failed_segments, 1);
    assert_int_equal(report.n_unreadable_frames, 1);
    lt_verify_report_free(&report);
    lt_tables tables;
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_ok(lt_tables_read(file, &tables));
    assert_int_equal(tables.n, 3);
    assert_true(tables.row[0].plan == -1 && tables.row[1].plan == 0 && tables.row[2].plan == -1);
    assert_string_equal(tables.plans[0], "plan B");
    lt_tables_free(&tables);
    H5Fclose(file);
    assert_ok(lt_result_open(path, &result));
    const lt_result_info *info = lt_result_info_get(result);
    assert_true(info->range[0][0] == 0 && info->range[0][1] == 70 + 0.25 * (W * H - 1));
    assert_string_equal(info->meaningless, "synthetic weights");
    lt_result_close(&result);
    /* Neither segments nor raw ones are left, nor the folder of these. */
    snprintf(path, sizeof path, "%s/film/raw", dir);
    assert_int_not_equal(access(path, F_OK), 0);
    lt_job_close(&job);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_segments_are_read_back_while_writing),
        cmocka_unit_test(rows_carry_and_range_reach_the_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
