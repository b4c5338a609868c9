/* The store: what is written is what is read, whatever the cut, the threads and the damage. */
#include "store_make.h"

#include <longtake/fault.h>
#include <longtake/file.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[64] = "/tmp/lt-store-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(top) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[200];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", top);
    return system(command);
}

static const char *fresh(char *dir, const char *name)
{
    snprintf(dir, 200, "%s/%s", top, name);
    return dir;
}

/* Temporary files below `dir`. */
static int count_tmp(const char *dir)
{
    int n = 0;
    char path[600];
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat about;
        n += strncmp(e->d_name, ".tmp-", 5) == 0;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (e->d_name[0] != '.' && stat(path, &about) == 0 && S_ISDIR(about.st_mode)) n += count_tmp(path);
    }
    if (d) closedir(d);
    return n;
}

static const lt_merge_opts merge_all = { .n_threads = 2, .software = "longtake 0\nlibav 0" };

static void make_hash(const char *dir, const make_opts *o, char hash[LT_HASH_TEXT])
{
    lt_job *job = NULL;
    char path[LT_PATH_MAX];
    int made;
    assert_ok(make_open(dir, &job));
    assert_ok(make_segments(job, o, &made));
    assert_ok(lt_merge(job, "film", &merge_all));
    assert_ok(lt_result_hash(lt_job_result_path(job, "film", path), 2, hash));
    assert_int_equal(count_tmp(dir), 0);
    lt_job_close(&job);
}

static void values_come_back(void **state)
{
    /* 701 x 523: two chunks down and across for the flow, odd edges. */
    make_opts o = { 701, 523, 5, 2, 2, 1 };
    char dir[200], path[LT_PATH_MAX], hash[LT_HASH_TEXT];
    size_t n = (size_t)o.width * (size_t)o.height;
    void *want[MAKE_FIELDS], *got = malloc(8 * n);
    lt_result *r = NULL;
    (void)state;
    for (int i = 0; i < MAKE_FIELDS; i++) want[i] = malloc(8 * n);
    make_hash(fresh(dir, "values"), &o, hash);
    snprintf(path, sizeof path, "%s/film.h5", dir);
    assert_ok(lt_result_open(path, &r));
    const lt_result_info *info = lt_result_info_get(r);
    assert_int_equal(info->n_frames, 5);
    assert_int_equal(info->n_fields, 3);
    assert_true(info->complete);
    assert_string_equal(info->fields[0].components[1], "y");
    assert_int_equal(info->frame[3], 6);
    assert_true(info->time[3] == 3.0 / 25);
    for (int64_t t = 0; t < 5; t++) {
        make_frame(&o, t, want);
        assert_ok(lt_result_read(r, 0, t, got));
        if (t < 4) assert_memory_equal(got, want[0], 8 * n);
        else for (size_t i = 0; i < 2 * n; i++) assert_int_equal(((uint32_t *)got)[i], 0x7fc00000u);
        assert_ok(lt_result_read(r, 1, t, got));
        for (size_t i = 0; i < n; i++)
            assert_true(((float *)got)[i] == lt_half_to_float(lt_half_from_float(((float *)want[1])[i])));
        assert_ok(lt_result_read(r, 2, t, got));
        assert_memory_equal(got, want[2], n);
    }
    lt_result_close(&r);
    for (int i = 0; i < MAKE_FIELDS; i++) free(want[i]);
    free(got);
}

static void hash_knows_no_segments_or_threads(void **state)
{
    static const struct { int64_t length; int threads, level; } cuts[] = { { 8, 1, 1 }, { 16, 2, 6 }, { 64, 4, 1 } };
    char first[LT_HASH_TEXT], hash[LT_HASH_TEXT], dir[200], name[32];
    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        make_opts o = { 61, 37, 70, cuts[i].length, cuts[i].threads, cuts[i].level };
        snprintf(name, sizeof name, "cut%zu", i);
        make_hash(fresh(dir, name), &o, i ? hash : first);
        if (i) assert_string_equal(hash, first);
    }
    make_opts other = { 61, 37, 69, 8, 1, 1 };
    make_hash(fresh(dir, "other"), &other, hash);
    assert_string_not_equal(hash, first);
}

static void settings_must_match(void **state)
{
    char dir[200];
    lt_job *job = NULL;
    json_t *other = json_pack("{s:s, s:f, s:{s:i}}", "preset", "best", "ratio", 0.1, "flow", "levels", 5);
    (void)state;
    assert_ok(make_open(fresh(dir, "settings"), &job));
    lt_job_close(&job);
    assert_ok(make_open(dir, &job));
    lt_job_close(&job);
    assert_int_equal(lt_job_open(dir, other, &job), LT_E_USAGE);
    assert_non_null(strstr(lt_error_last()->text, "was made with flow.levels=4, this run has flow.levels=5"));
    assert_null(job);
    json_decref(other);
}

static void flip(const char *path, int64_t at)
{
    unsigned char byte;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0 && pread(fd, &byte, 1, at) == 1);
    byte ^= 0x10;
    assert_true(pwrite(fd, &byte, 1, at) == 1);
    close(fd);
}

static void damaged_segment_is_made_again(void **state)
{
    make_opts o = { 61, 37, 20, 8, 2, 1 };
    char dir[200], path[300], hash[LT_HASH_TEXT], want[LT_HASH_TEXT], result[LT_PATH_MAX];
    lt_job *job = NULL;
    int made;
    (void)state;
    make_hash(fresh(dir, "undamaged"), &o, want);
    assert_ok(make_open(fresh(dir, "damage"), &job));
    assert_ok(make_segments(job, &o, &made));
    snprintf(path, sizeof path, "%s/film/seg-000000008-000000015.h5", dir);
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    for (int i = 0; i < 20; i++) {
        if (i == 19) assert_int_equal(truncate(path, about.st_size / 2), 0);
        else flip(path, i == 0 ? 0 : i == 1 ? about.st_size - 1 : about.st_size * i / 19 - 3);
        assert_ok(make_segments(job, &o, &made));
        assert_int_equal(made, 1);
    }
    assert_ok(lt_merge(job, "film", &merge_all));
    assert_ok(lt_result_hash(lt_job_result_path(job, "film", result), 1, hash));
    assert_string_equal(hash, want);
    lt_job_close(&job);
}

static void verify_finds_each_flipped_byte(void **state)
{
    make_opts o = { 61, 37, 6, 8, 2, 1 };
    char dir[200], path[300], hash[LT_HASH_TEXT];
    struct stat about;
    lt_verify_report report;
    (void)state;
    make_hash(fresh(dir, "verify"), &o, hash);
    snprintf(path, sizeof path, "%s/film.h5", dir);
    assert_int_equal(stat(path, &about), 0);
    assert_ok(lt_verify(path, 2, &report));
    assert_true(report.ok && report.complete);
    lt_verify_report_free(&report);
    for (int i = 0; i < 60; i++) {
        int64_t at = about.st_size * i / 60 + i;
        flip(path, at);
        assert_ok(lt_verify(path, 2, &report));
        assert_false(report.ok);
        assert_true(report.n_problems > 0);
        lt_verify_report_free(&report);
        flip(path, at);
    }
}

static void gaps_are_missing_and_fill(void **state)
{
    make_opts o = { 61, 37, 20, 8, 2, 1 };
    char dir[200], path[LT_PATH_MAX];
    lt_job *job = NULL;
    lt_result *r = NULL;
    lt_verify_report report;
    int made;
    float value[61 * 37 * 2];
    lt_merge_opts partial = merge_all;
    partial.partial = true;
    (void)state;
    assert_ok(make_open(fresh(dir, "gaps"), &job));
    assert_ok(make_segments(job, &o, &made));
    snprintf(path, sizeof path, "%s/film/seg-000000008-000000015.h5", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(lt_merge(job, "film", &merge_all), LT_E_ABSENT);
    assert_non_null(strstr(lt_error_last()->text, "8-15"));
    assert_ok(lt_merge(job, "film", &partial));
    assert_ok(lt_verify(lt_job_result_path(job, "film", path), 2, &report));
    assert_true(report.ok);
    assert_false(report.complete);
    assert_int_equal(report.n_missing_segments, 1);
    lt_verify_report_free(&report);
    assert_ok(lt_result_open(path, &r));
    assert_ok(lt_result_read(r, 0, 9, value));
    assert_true(isnan(value[5]));
    lt_result_close(&r);
    assert_ok(make_segments(job, &o, &made));
    assert_int_equal(made, 1);
    assert_ok(lt_merge(job, "film", &merge_all));
    lt_job_close(&job);
}

#ifdef LT_FAULTS
static lt_status whole_job(const char *dir, const make_opts *o)
{
    lt_status st = LT_OK;
    lt_job *job = NULL;
    int made;
    LT_TRY(make_open(dir, &job));
    LT_TRY(make_segments(job, o, &made));
    LT_TRY(lt_merge(job, "film", &merge_all));
done:
    lt_job_close(&job);
    return st;
}

static void every_foreign_call_may_fail(void **state)
{
    static const char *const kinds[] = { "h5", "open", "write", "fsync", "rename", "link", "mkdir" };
    make_opts o = { 31, 17, 4, 2, 1, 1 };
    char dir[200], want[LT_HASH_TEXT], hash[LT_HASH_TEXT], path[300], spec[32];
    (void)state;
    make_hash(fresh(dir, "faultless"), &o, want);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        /* Every call at first, then in growing steps: hundreds of them are alike. */
        for (int k = 1;; k += 1 + k / 12) {
            char name[32];
            snprintf(name, sizeof name, "fault-%s-%d", kinds[i], k);
            snprintf(spec, sizeof spec, "%s:%d", kinds[i], k);
            fresh(dir, name);
            lt_fault_set(spec);
            lt_status st = whole_job(dir, &o);
            bool reached = lt_fault_count(kinds[i]) >= k;
            lt_fault_set(NULL);
            if (st < 0) assert_true(st == LT_E_STORE || st == LT_E_DATA || st == LT_E_ABSENT);
            if (count_tmp(dir) != 0) fail_msg("%s left a temporary file", spec);
            assert_ok(whole_job(dir, &o));
            snprintf(path, sizeof path, "%s/film.h5", dir);
            assert_ok(lt_result_hash(path, 1, hash));
            assert_string_equal(hash, want);
            if (!reached) break;
        }
    }
}
#endif

static void kills_lose_nothing(void **state)
{
    make_opts o = { 61, 37, 64, 4, 2, 1 };
    char dir[200], want[LT_HASH_TEXT], hash[LT_HASH_TEXT], path[LT_PATH_MAX];
    struct stat before[16], after;
    lt_job *job = NULL;
    int made, kept = 0, longest = 5000;
    (void)state;
    make_hash(fresh(dir, "unkilled"), &o, want);
    fresh(dir, "killed");
    for (int k = 0; k < 30; k++) {
        for (int i = 0; i < 16; i++) {
            snprintf(path, sizeof path, "%s/film/seg-%09d-%09d.h5", dir, 4 * i, 4 * i + 3);
            if (stat(path, &before[i]) < 0) before[i].st_ino = 0;
        }
        pid_t pid = fork();
        if (pid == 0) {
            lt_job *mine = NULL;
            _exit(make_open(dir, &mine) < 0 || make_segments(mine, &o, &made) < 0);
        }
        /* A loaded machine gets as far as a first commit only when it is given longer. */
        usleep((useconds_t)(500 + k * 7919 % longest));
        if (kept == 0) longest += longest / 4;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        for (int i = 0; i < 16; i++) {
            if (before[i].st_ino == 0) continue;
            snprintf(path, sizeof path, "%s/film/seg-%09d-%09d.h5", dir, 4 * i, 4 * i + 3);
            assert_int_equal(stat(path, &after), 0);
            assert_true(after.st_ino == before[i].st_ino && after.st_mtim.tv_nsec == before[i].st_mtim.tv_nsec);
            kept++;
        }
    }
    assert_true(kept > 0);
    assert_ok(make_open(dir, &job));
    assert_int_equal(count_tmp(dir), 0);
    assert_ok(make_segments(job, &o, &made));
    assert_ok(lt_merge(job, "film", &merge_all));
    assert_ok(lt_result_hash(lt_job_result_path(job, "film", path), 1, hash));
    assert_string_equal(hash, want);
    lt_job_close(&job);
}

static void two_may_merge_and_eight_may_begin(void **state)
{
    make_opts o = { 61, 37, 40, 4, 1, 1 };
    char dir[200], hash[LT_HASH_TEXT], path[300];
    int status, made, bad = 0;
    (void)state;
    fresh(dir, "together");
    for (int i = 0; i < 8; i++)
        if (fork() == 0) {
            lt_job *job = NULL;
            _exit(make_open(dir, &job) < 0 || (i < 2 && (make_segments(job, &o, &made) < 0 || lt_merge(job, "film", &merge_all) < 0)));
        }
    while (wait(&status) > 0) bad += status != 0;
    assert_int_equal(bad, 0);
    snprintf(path, sizeof path, "%s/film.h5", dir);
    assert_ok(lt_result_hash(path, 1, hash));
    assert_int_equal(count_tmp(dir), 0);
}

static void full_disk_is_told_and_survived(void **state)
{
    make_opts o = { 301, 237, 20, 8, 1, 1 };
    char dir[200], hash[LT_HASH_TEXT];
    (void)state;
    fresh(dir, "full");
    pid_t pid = fork();
    if (pid == 0) {
        /* A limit on the size of files: the write fails with EFBIG as it would with ENOSPC. */
        struct rlimit limit = { 1 << 20, 1 << 20 };
        lt_job *job = NULL;
        int made;
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        if (make_open(dir, &job) < 0) _exit(1);
        lt_status st = make_segments(job, &o, &made);
        lt_job_close(&job);
        _exit(!(st == LT_E_STORE && strstr(lt_error_last()->text, "File too large") && strstr(lt_error_last()->text, "seg-") &&
                count_tmp(dir) == 0));
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    make_hash(dir, &o, hash);
}

static void unreadable_frames_are_listed(void **state)
{
    char dir[200], path[LT_PATH_MAX];
    uint8_t pixels[12] = { 1, 2, 3 };
    const lt_field field = { "mask", LT_U8, 0, NULL, "1", "mask", 255 };
    make_opts o = { 4, 3, 3, 3, 1, 1 };
    json_t *video = make_video(&o);
    lt_job *job = NULL;
    lt_writer *w = NULL;
    lt_segment_row row;
    lt_segment_state seen;
    lt_verify_report report;
    lt_range r = { 0, 2 };
    lt_writer_opts wo = { .n_threads = 1, .max_frame_bytes = 12, .n_buffers = 1 };
    lt_segment_desc d = { 0, 2, 4, 3, &field, 1, NULL, 7, false };
    const void *data[] = { pixels };
    (void)state;
    assert_ok(make_open(fresh(dir, "unreadable"), &job));
    assert_ok(lt_job_put_video(job, "film", video));
    assert_ok(lt_writer_create(&wo, &w));
    assert_ok(lt_writer_begin(w, job, "film", &d));
    assert_ok(lt_writer_put(w, 2, data));
    assert_ok(lt_writer_put(w, 0, data));
    lt_segment_row_init(&row);
    assert_int_equal(lt_writer_commit(w, &row), LT_E_INTERNAL);
    assert_ok(lt_writer_put_fill(w, 1, "the packet is corrupt"));
    assert_ok(lt_writer_commit(w, &row));
    assert_ok(lt_writer_flush(w));
    lt_writer_destroy(&w);
    assert_ok(lt_ledger_scan(job, "film", &r, 1, false, &seen, NULL));
    assert_int_equal(seen, LT_SEGMENT_FAILED);
    assert_ok(lt_merge(job, "film", &merge_all));
    assert_ok(lt_ledger_scan(job, "film", &r, 1, false, &seen, NULL));
    assert_int_equal(seen, LT_SEGMENT_FAILED);
    assert_ok(lt_verify(lt_job_result_path(job, "film", path), 1, &report));
    assert_true(report.ok);
    assert_int_equal(report.n_unreadable_frames, 1);
    assert_int_equal(report.n_failed_segments, 1);
    lt_verify_report_free(&report);
    lt_job_close(&job);
    json_decref(video);
}

static void halves_round_to_even(void **state)
{
    static const struct { uint32_t bits; uint16_t half; } known[] = {
        { 0x3f800000, 0x3c00 }, { 0x3f801000, 0x3c00 }, { 0x3f801001, 0x3c01 }, { 0x3f803000, 0x3c02 }, { 0x477fefff, 0x7bff },
        { 0x477ff000, 0x7c00 }, { 0x33000000, 0x0000 }, { 0x33000001, 0x0001 }, { 0x387fe000, 0x0400 }, { 0x387fdfff, 0x03ff },
        { 0x80000000, 0x8000 }, { 0xff800000, 0xfc00 }, { 0x7fc00000, 0x7e00 }, { 0x33c00000, 0x0002 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        float v;
        memcpy(&v, &known[i].bits, 4);
        assert_int_equal(lt_half_from_float(v), known[i].half);
    }
    for (uint32_t h = 0; h < 65536; h++)
        if ((h & 0x7c00) != 0x7c00 || (h & 0x3ff) == 0) assert_int_equal(lt_half_from_float(lt_half_to_float((uint16_t)h)), h);
}

/* Writes frames first to stop - 1 of segment first..last and commits them as a head (stop <= last) or whole. */
static void write_part(lt_job *job, const make_opts *o, int64_t first, int64_t last, int64_t stop)
{
    lt_writer *w = NULL;
    lt_segment_row row;
    void *data[MAKE_FIELDS];
    const lt_writer_opts wo = { .n_threads = 2, .level = 1, .max_frame_bytes = make_bytes(o), .n_buffers = 2 };
    const lt_segment_desc d = { first, last, o->width, o->height, make_fields, MAKE_FIELDS, "plan A", 5, false };
    for (int i = 0; i < MAKE_FIELDS; i++) data[i] = malloc(8 * (size_t)o->width * (size_t)o->height);
    assert_ok(lt_writer_create(&wo, &w));
    assert_ok(lt_writer_begin(w, job, "film", &d));
    for (int64_t t = first; t < stop; t++) {
        make_frame(o, t, data);
        const void *put[MAKE_FIELDS] = { t == o->n_frames - 1 ? NULL : data[0], data[1], data[2] };
        assert_ok(lt_writer_put(w, t, put));
    }
    lt_segment_row_init(&row);
    assert_int_equal(lt_writer_commit_head(w, stop, -1, &row), LT_E_INTERNAL);       /* frame `stop` was not put */
    if (stop <= last) assert_ok(lt_writer_commit_head(w, stop - 1, -1, &row));
    else assert_ok(lt_writer_commit(w, &row));
    assert_ok(lt_writer_flush(w));
    lt_writer_destroy(&w);
    for (int i = 0; i < MAKE_FIELDS; i++) free(data[i]);
}

static void a_segment_given_up_keeps_its_head(void **state)
{
    (void)state;
    const make_opts o = { 37, 23, 20, 16, 2, 1 };
    const lt_range cut[2] = { { 0, 15 }, { 16, 19 } };
    char dir[2][200], want[LT_HASH_TEXT], have[LT_HASH_TEXT], path[LT_PATH_MAX];
    lt_job *job[2] = { NULL, NULL };
    int made = 0;
    for (int i = 0; i < 2; i++) {
        assert_ok(make_open(fresh(dir[i], i ? "head" : "whole"), &job[i]));
    }
    const lt_merge_opts merge = { false, false, 1, NULL };
    assert_ok(make_segments(job[0], &o, &made));
    assert_ok(lt_merge(job[0], "film", &merge));
    assert_ok(lt_result_hash(lt_job_result_path(job[0], "film", path), 1, want));

    json_t *video = make_video(&o);
    assert_ok(lt_job_put_video(job[1], "film", video));
    json_decref(video);
    lt_segment_state states[2];
    int64_t next[2];
    const int64_t stops[4] = { 5, 6, 16, 20 }, starts[4] = { 0, 5, 6, 16 };
    for (int i = 0; i < 4; i++) {
        assert_ok(lt_ledger_reach(job[1], "film", cut, 2, false, states, next, NULL));
        assert_int_equal(next[i == 3], starts[i]);
        assert_int_equal(states[0], i == 3 ? LT_SEGMENT_DONE : LT_SEGMENT_MISSING);
        write_part(job[1], &o, starts[i], cut[i == 3].last, stops[i]);
    }
    assert_ok(lt_ledger_reach(job[1], "film", cut, 2, false, states, next, NULL));
    assert_int_equal(states[1], LT_SEGMENT_DONE);
    assert_ok(lt_merge(job[1], "film", &merge));
    assert_ok(lt_result_hash(lt_job_result_path(job[1], "film", path), 1, have));
    assert_string_equal(want, have);
    for (int i = 0; i < 2; i++) lt_job_close(&job[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_round_to_even),
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(hash_knows_no_segments_or_threads),
        cmocka_unit_test(settings_must_match),
        cmocka_unit_test(unreadable_frames_are_listed),
        cmocka_unit_test(damaged_segment_is_made_again),
        cmocka_unit_test(gaps_are_missing_and_fill),
        cmocka_unit_test(verify_finds_each_flipped_byte),
        cmocka_unit_test(full_disk_is_told_and_survived),
        cmocka_unit_test(two_may_merge_and_eight_may_begin),
        cmocka_unit_test(a_segment_given_up_keeps_its_head),
        cmocka_unit_test(kills_lose_nothing),
#ifdef LT_FAULTS
        cmocka_unit_test(every_foreign_call_may_fail),
#endif
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
