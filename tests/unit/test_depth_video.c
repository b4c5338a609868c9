/* A whole video against the official code: frames, network, windows, alignment and blends together.
 *
 * data/vda holds a clip and what that code makes of it (two windows) with synthetic weights, relative and metric. 1e-4 of the largest value is the bound that this program promises; the official code itself is 3.5e-6 off its own result in f64. */
#include "check.h"

#include <longtake/result.h>
#include <longtake/run.h>

#include <hdf5.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { W = 160, H = 90, N = 40 };
static const double bound = 1e-4;

static void read_golden(bool metric, float *out)
{
    hid_t file = H5Fopen(metric ? "data/vda/vda_vits_video_160x90_N40_size70_seed7_metric.h5" : "data/vda/vda_vits_video_160x90_N40_size70_seed7.h5",
                         H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    hid_t data = H5Dopen2(file, "depth", H5P_DEFAULT);
    assert_true(data >= 0 && H5Dread(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0);
    H5Dclose(data);
    H5Fclose(file);
}

static void run_depth(const char *out, bool metric, char *frames)
{
    char *argv[] = { "longtake", "run", "--task", "depth", "--weights", "synthetic:7", "--input-size", "70", "--segment-frames", "22", "--quiet",
                     "--frames", frames, "--out", (char *)out, "data/vda/scene_160x90_N40_seed7.mkv", metric ? "--metric" : NULL, NULL };
    lt_settings s = { 0 };
    lt_ask ask;
    bool at_once = false;
    assert_ok(lt_log_create(stderr, LT_LOG_ERROR, &s.log));
    assert_ok(lt_settings_read(metric ? 17 : 16, argv, &s, &ask));
    assert_int_equal(lt_run(&s, s.log, &at_once), 0);
    lt_log_destroy(&s.log);
    lt_settings_free(&s);
}

static void compare(bool metric)
{
    char dir[] = "/tmp/longtake-depth-video-XXXXXX", path[64], command[96];
    double worst = 0, largest = 0;
    float *want = malloc((size_t)N * W * H * sizeof *want), *have = malloc((size_t)W * H * sizeof *have);
    lt_result *r = NULL;
    assert_non_null(mkdtemp(dir));
    run_depth(dir, metric, "40");
    read_golden(metric, want);
    snprintf(path, sizeof path, "%s/scene_160x90_N40_seed7.h5", dir);
    assert_ok(lt_result_open(path, &r));
    assert_string_equal(lt_result_info_get(r)->meaningless, "synthetic weights");
    for (int i = 0; i < N; i++) {
        assert_ok(lt_result_read(r, 0, i, have));
        for (int k = 0; k < W * H; k++) {
            const double w = (double)want[(size_t)i * W * H + (size_t)k];
            worst = fmax(worst, fabs((double)have[k] - w));
            largest = fmax(largest, fabs(w));
            assert_true(isfinite(have[k]));
        }
    }
    lt_result_close(&r);
    print_message("%s: largest error %.2e of the largest value\n", metric ? "metric" : "relative", worst / largest);
    assert_true(largest > 0.1);
    assert_true(worst <= bound * largest);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
    free(want);
    free(have);
}

static void relative(void **state)
{
    (void)state;
    compare(false);
}

static void metric(void **state)
{
    (void)state;
    compare(true);
}

/* 23 frames have a second window, of which nothing is shown; 26 are the first whose second window shows one frame. */
static void last_window_shows_nothing(void **state)
{
    (void)state;
    static char *const lengths[] = { "23", "25", "26" };
    float have[W * H];
    for (int i = 0; i < 3; i++) {
        char dir[] = "/tmp/longtake-depth-short-XXXXXX", path[64], command[96];
        const int n = (int)strtol(lengths[i], NULL, 10);
        lt_result *r = NULL;
        assert_non_null(mkdtemp(dir));
        run_depth(dir, true, lengths[i]);
        snprintf(path, sizeof path, "%s/scene_160x90_N40_seed7.h5", dir);
        assert_ok(lt_result_open(path, &r));
        assert_int_equal(lt_result_info_get(r)->n_frames, n);
        for (int f = 0; f < n; f++) {
            assert_ok(lt_result_read(r, 0, f, have));
            for (int k = 0; k < W * H; k++) assert_true(isfinite(have[k]));
        }
        lt_result_close(&r);
        snprintf(command, sizeof command, "rm -r %s", dir);
        assert_int_equal(system(command), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(relative), cmocka_unit_test(metric), cmocka_unit_test(last_window_shows_nothing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
