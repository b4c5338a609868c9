/* make_report DIR -- writes reports of runs that never were, as pages to be looked at and parsed:
 * one.html, a CPU with a failed video; four.html, GPUs with a stopped job; many.html, 70 ranks with 10,000 samples each;
 * awkward.html, values that nobody should give; empty.html, nothing at all. */
#include <longtake/image.h>
#include <longtake/metrics.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LONG = 10000, SHORT = 240, MANY = 70 };

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
#define MIB ((int64_t)1 << 20)
#define GIB ((int64_t)1 << 30)

static const char *folder;

static double noise(uint32_t *x)
{
    return (double)((*x = *x * 1664525u + 1013904223u) >> 8) / (1 << 24);
}

/* The device's memory is taken at once and stays; the host's rises with the ring of frames and wavers. */
static lt_report_sample *samples_of(int n, double seconds, int64_t device, int64_t host, uint32_t seed)
{
    lt_report_sample *s = malloc((size_t)n * sizeof *s);
    if (!s) exit(70);
    for (int i = 0; i < n; i++) {
        const double part = (double)i / (n - 1), rise = part < 0.12 ? part / 0.12 : 1;
        s[i] = (lt_report_sample){ .seconds = part * seconds,
                                   .device = part < 0.02 ? 0 : part < 0.05 ? device / 3 : device,
                                   .host = (int64_t)((0.25 + 0.6 * rise + 0.15 * rise * noise(&seed)) * (double)host) };
        if (part > 0.97) s[i].device = device / 3;
    }
    return s;
}

static void check(lt_status st)
{
    if (st >= 0) return;
    fprintf(stderr, "%s\n", lt_error_last()->text);
    exit(70);
}

static void write_page(const char *name, const lt_report *r)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.html", folder, name);
    check(lt_report_html_write(path, r));
}

static const lt_report_pair settings[] = {
    { "task", "depth" }, { "model", "vda-small" }, { "precision", "f32" }, { "size", "924x518" }, { "segment frames", "128" }, { "shard", "0/1" },
};
static const lt_report_pair versions[] = { { "longtake", "0.6.0" }, { "media", "libavcodec 59.37.100" }, { "MPI", "Open MPI 4.1.4" } };
static const char plan[] =
    "depth with vda-small, 924x518, f32, 32 frames a window\n\n"
    "rung               device       why not\n"
    "as asked           7.91 GiB     more than the limit of 5.60 GiB\n"
    "micro-batch 8      6.02 GiB     more than the limit of 5.60 GiB\n"
    "micro-batch 4      5.07 GiB     taken\n\n"
    "weights 94.6 MiB   activations 4.21 GiB   workspace 612 MiB   frame ring 168 MiB\n";

static void write_one(const char *sheet)
{
    lt_report_sample *s = samples_of(SHORT, 372, 1460 * MIB, 690 * MIB, 1);
    static const lt_report_stage stages[] = { { "decode", 21.4 }, { "encode", 148.2 }, { "decode depth", 96.7 }, { "align", 9.1 }, { "write", 30.8 } };
    static const lt_report_stage waits[] = { { "frames", 24.5 }, { "store", 7.2 } };
    static const lt_report_video videos[] = {
        { .name = "harbour.mp4", .state = "done", .result = "harbour.mp4.h5", .frames = 1440, .frames_failed = 0, .width = 1920, .height = 1080, .seconds = 246.1 },
        { .name = "torn.mkv", .state = "failed", .why = "frame 377 cannot be decoded: the file ends in the middle of a packet", .frames = 512,
          .frames_failed = 135, .width = 1280, .height = 720, .seconds = 71.9 },
    };
    lt_report_video shown[2] = { videos[0], videos[1] };
    shown[0].sheet = sheet;
    const lt_report_failure failures[] = { { "torn.mkv", 377, 511, "frame 377 cannot be decoded: the file ends in the middle of a packet" } };
    const lt_report_rank rank = { .rank = 0, .host = "nimbus", .device = "cpu, 16 threads, avx2", .frames = 1817, .segments = 15, .seconds = 318.6, .wait_seconds = 31.7,
                                  .planned_bytes = 1460 * MIB, .observed_bytes = 1460 * MIB, .host_planned = 742 * MIB, .host_observed = 690 * MIB,
                                  .samples = s, .n_samples = SHORT, .stages = stages, .n_stages = COUNT(stages), .waits = waits, .n_waits = COUNT(waits) };
    const lt_report r = { .title = "longtake: depth", .command = "longtake run --task depth --out out harbour.mp4 torn.mkv", .ended = "ended with failures",
                          .exit_code = 65, .frames = 1952, .frames_before = -1, .frames_failed = 135, .seconds = 372, .frames_per_s = 4.88,
                          .videos = shown, .n_videos = 2, .ranks = &rank, .n_ranks = 1, .failures = failures, .n_failures = 1, .plan = plan,
                          .settings = settings, .n_settings = COUNT(settings), .versions = versions, .n_versions = COUNT(versions) };
    write_page("one", &r);
    free(s);
}

static void write_four(void)
{
    lt_report_sample *s[4];
    lt_report_rank ranks[4];
    lt_report_stage stages[4][4], waits[4][3];
    for (int i = 0; i < 4; i++) {
        const double slow = 1 + 0.07 * i;
        s[i] = samples_of(SHORT, 5230, 4900 * MIB + i * 40 * MIB, 1500 * MIB + i * 130 * MIB, (uint32_t)i);
        for (int j = 90; i == 2 && j < 120; j++) s[i][j].device = -1;
        stages[i][0] = (lt_report_stage){ "encode", 2310 * slow };
        stages[i][1] = (lt_report_stage){ "decode depth", 1240 * slow };
        stages[i][2] = (lt_report_stage){ "align", 205 };
        stages[i][3] = (lt_report_stage){ "write", 330 * slow };
        waits[i][0] = (lt_report_stage){ "frames", 440 - 95 * i };
        waits[i][1] = (lt_report_stage){ "other ranks", 120 * (3 - i) };
        waits[i][2] = (lt_report_stage){ "store", 60 };
        ranks[i] = (lt_report_rank){ .rank = i, .host = i < 2 ? "gpu-a" : "gpu-b", .device = "NVIDIA RTX 4050 Laptop", .frames = 20100 - 900 * i, .segments = 160 - 7 * i,
                                     .seconds = 4200 * slow, .wait_seconds = 700 - 120 * i, .planned_bytes = 5020 * MIB, .observed_bytes = 4900 * MIB + i * 40 * MIB,
                                     .host_planned = i == 3 ? 1700 * MIB : 2 * GIB, .host_observed = 1500 * MIB + i * 130 * MIB, .samples = s[i], .n_samples = SHORT,
                                     .stages = stages[i], .n_stages = 4, .waits = waits[i], .n_waits = 3 };
    }
    static const lt_report_video videos[] = {
        { .name = "day-1/morning.mp4", .state = "done", .result = "day-1/morning.mp4.h5", .frames = 54000, .frames_failed = 0, .width = 1920, .height = 1080, .seconds = NAN },
        { .name = "day-1/evening.mp4", .state = "partial", .frames = 54000, .frames_failed = 0, .width = 1920, .height = 1080, .seconds = NAN },
        { .name = "day-2/noon.mp4", .state = "missing", .frames = -1, .frames_failed = -1, .seconds = NAN },
    };
    const lt_report r = { .title = "longtake: depth", .command = "mpirun -n 4 longtake run --task depth --memory-limit 5.6GiB --out out day-1 day-2",
                          .ended = "stopped: signal TERM", .exit_code = 75, .frames = 108000, .frames_before = 31200, .frames_failed = 0, .seconds = 5230,
                          .frames_per_s = 14.1, .videos = videos, .n_videos = 3, .ranks = ranks, .n_ranks = 4, .plan = plan,
                          .settings = settings, .n_settings = COUNT(settings), .versions = versions, .n_versions = COUNT(versions) };
    write_page("four", &r);
    for (int i = 0; i < 4; i++) free(s[i]);
}

static void write_many(void)
{
    lt_report_sample *s[3];
    lt_report_rank ranks[MANY];
    lt_report_stage stages[MANY][4];
    char hosts[MANY][16];
    for (int i = 0; i < 3; i++) s[i] = samples_of(LONG, 86000, 61 * GIB + i * GIB, 17 * GIB + i * GIB, 40u + (uint32_t)i);
    for (int i = 0; i < MANY; i++) {
        snprintf(hosts[i], sizeof hosts[i], "node-%02d", i / 8);
        stages[i][0] = (lt_report_stage){ "encode", 41000 + 130 * (i * 37 % 50) };
        stages[i][1] = (lt_report_stage){ "decode depth", 22000 };
        stages[i][2] = (lt_report_stage){ "write", 4100 + 90 * (i * 11 % 23) };
        stages[i][3] = (lt_report_stage){ "frames", 9000 - 120 * (i * 37 % 50) };
        ranks[i] = (lt_report_rank){ .rank = i, .host = hosts[i], .device = "NVIDIA H100", .frames = 301000 + 113 * i, .segments = 2351, .seconds = 76000,
                                     .wait_seconds = 9000, .planned_bytes = 64 * GIB, .observed_bytes = 61 * GIB + i % 3 * GIB, .host_planned = 22 * GIB,
                                     .host_observed = -1, .samples = s[i % 3], .n_samples = LONG, .stages = stages[i], .n_stages = 3, .waits = &stages[i][3], .n_waits = 1 };
    }
    const lt_report r = { .title = "longtake: depth", .ended = "complete", .exit_code = 0, .frames = 21000000, .frames_before = 0, .frames_failed = 0, .seconds = 86123,
                          .frames_per_s = 243.9, .ranks = ranks, .n_ranks = MANY, .settings = settings, .n_settings = COUNT(settings) };
    write_page("many", &r);
    for (int i = 0; i < 3; i++) free(s[i]);
}

static void write_awkward(void)
{
    static const char name[] = "<script>alert(\"1\")</script> & 'ü' 影片 \xff\xc0\x80 \x01]]>--><svg onload=x>";
    const lt_report_sample samples[] = { { NAN, 5, 5 }, { -1, 5, 5 }, { 0, -1, -1 }, { 1, INT64_MAX, 0 }, { 0.5, 7, 7 }, { 2, -1, 3 * GIB }, { INFINITY, 9, 9 } };
    const lt_report_sample single = { 0, 77 * MIB, -1 };
    const lt_report_stage stages[] = { { name, NAN }, { "a", -3 }, { NULL, 2 }, { name, INFINITY }, { name, 0.25 } };
    const lt_report_rank ranks[] = {
        { .rank = 0, .host = name, .device = NULL, .frames = -1, .segments = -1, .seconds = NAN, .wait_seconds = INFINITY, .planned_bytes = 0, .observed_bytes = INT64_MAX,
          .host_planned = -1, .host_observed = -1, .samples = samples, .n_samples = COUNT(samples), .stages = stages, .n_stages = COUNT(stages) },
        { .rank = 1, .seconds = -5, .wait_seconds = NAN, .planned_bytes = 1, .observed_bytes = -1, .host_planned = 0, .host_observed = 0, .samples = &single, .n_samples = 1 },
    };
    const lt_report_video video = { .name = name, .state = "failed", .why = name, .result = "a:b?c#\"d%.h5", .frames = INT64_MAX, .frames_failed = -1, .width = -1, .seconds = INFINITY };
    const lt_report_failure failures[] = { { name, -1, -1, name }, { NULL, 5, 5, NULL }, { "z", 0, INT64_MAX, "long" } };
    const lt_report_pair pair = { name, name };
    const lt_report r = { .title = name, .command = name, .ended = name, .exit_code = 70, .frames = -1, .frames_before = INT64_MAX, .frames_failed = INT64_MAX, .seconds = NAN,
                          .frames_per_s = INFINITY, .videos = &video, .n_videos = 1, .ranks = ranks, .n_ranks = 2, .failures = failures, .n_failures = 3,
                          .n_failures_more = 4000000000, .plan = name, .settings = &pair, .n_settings = 1 };
    write_page("awkward", &r);
}

static void write_empty(void)
{
    const lt_report r = { .title = "longtake", .frames = -1, .frames_failed = -1, .seconds = NAN, .frames_per_s = NAN };
    write_page("empty", &r);
}

int main(int argc, char **argv)
{
    char sheet[512];
    lt_image *image;
    if (argc != 2) return 64;
    folder = argv[1];
    snprintf(sheet, sizeof sheet, "%s/sheet.png", folder);
    check(lt_image_create(1200, 300, &image));
    for (int i = 0; i < 1200 * 300; i++) {
        image->rgb[3 * i] = (uint8_t)(i % 1200 * 255 / 1200);
        image->rgb[3 * i + 1] = (uint8_t)(i / 1200 * 255 / 300);
        image->rgb[3 * i + 2] = 110;
    }
    check(lt_image_write_png(image, sheet));
    lt_image_destroy(&image);
    write_one(sheet);
    write_four();
    write_many();
    write_awkward();
    write_empty();
    return 0;
}
