/* report.html and metrics.prom of a job. */
#include "summary_private.h"

#include "plan_of.h"

#include <longtake/clock.h>
#include <longtake/file.h>
#include <longtake/metrics.h>
#include <longtake/shell.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pictures in report.html, which holds them itself and must stay of a size that a browser opens. */
enum { MOST_SHEETS = 24, MOST_SETTINGS = 32, SETTING_TEXT = 128, COMMAND_TEXT = 64 * 1024 };

/* Seconds from the beginning to the first metrics.prom, and between two. */
static const double first_refresh = 1, refresh = 15;

/* What a report borrows. */
typedef struct {
    lt_report_video   *videos;
    lt_report_rank    *ranks;
    lt_report_stage   *stages;           /* [n_ranks, LT_STAGES] */
    lt_report_failure *failures;
    char             (*paths)[512], (*sheets)[4096];
    char               title[64], shard[32], setting_text[MOST_SETTINGS][SETTING_TEXT];
    lt_report_pair     settings[MOST_SETTINGS + 2], versions[2];
    char              *plan, *command;
    lt_report          report;
} pages;

static const char *video_state(const lt_summary *s, int64_t v)
{
    const lt_setup_video *video = &s->s->videos[v];
    const lt_summary_video *row = &s->videos[v];
    return video->status < 0 || row->lost || row->why[0] ? "failed"
         : row->pieces_left > 0 ? "partial" : row->failed ? "failed" : "done";
}

void lt_summary_halos(const lt_summary *s, int64_t *own, int64_t *rank, int64_t *file, double *seconds)
{
    *own = *rank = *file = 0;
    *seconds = 0;
    for (int r = 0; r < s->n_ranks; r++) {
        const lt_rank_state *state = &s->ranks[r].state;
        *own += state->halo_own;
        *rank += state->halo_rank;
        *file += state->halo_file;
        *seconds += state->stage[LT_WAIT_RECORD];
    }
}

/* ---- the report ---- */

static void fill_rank(const lt_summary *s, int r, lt_report_stage *stages, lt_report_rank *out)
{
    const lt_rank_state *state = &s->ranks[r].state;
    lt_report_stage *waits = stages + LT_STAGES_OF_WORK;
    *out = (lt_report_rank){ .rank = r, .host = state->host, .device = s->s->device, .frames = state->frames, .segments = s->ranks[r].pieces,
                             .planned_bytes = (int64_t)s->s->arena_bytes, .observed_bytes = state->memory.device_used,
                             .host_planned = state->memory.host_planned, .host_observed = lt_monitor_host_most(s->monitor, r), .stages = stages,
                             .waits = waits };
    out->samples = lt_monitor_samples(s->monitor, r, &out->n_samples);
    for (int i = 0; i < LT_STAGES; i++) {
        const bool work = i < LT_STAGES_OF_WORK;
        /* What this task does not do is left out. */
        const bool other = s->s->task->finish ? i == LT_STAGE_FLOW : i == LT_STAGE_PREPARE || i == LT_STAGE_ENCODE || i == LT_STAGE_WINDOW || i == LT_STAGE_FINISH;
        if ((work && other) || (i == LT_WAIT_DEVICE && !s->s->compute.device)) continue;
        const lt_report_stage one = { lt_stage_name((lt_stage)i), state->stage[i] };
        if (work) stages[out->n_stages++] = one;
        else waits[out->n_waits++] = one;
        *(work ? &out->seconds : &out->wait_seconds) += state->stage[i];
    }
}

static void fill_videos(const lt_summary *s, pages *p)
{
    const lt_setup *setup = s->s;
    int n = 0, n_sheets = 0;
    for (int64_t v = 0; v < setup->inputs.n; v++) {
        const lt_setup_video *video = &setup->videos[v];
        const lt_summary_video *row = &s->videos[v];
        if (!video->mine) continue;
        snprintf(p->paths[n], sizeof p->paths[n], "%s.h5", video->input->id);
        const bool sheet = row->merged && n_sheets < MOST_SHEETS;
        if (sheet) snprintf(p->sheets[n_sheets], sizeof p->sheets[n_sheets], "%s/%s.png", lt_job_dir(setup->job), video->input->id);
        p->videos[n] = (lt_report_video){ .name = video->input->id, .state = video_state(s, v), .frames = video->n_frames,
                                          .why = video->why[0] ? video->why : row->why[0] ? row->why : NULL, .result = row->merged ? p->paths[n] : NULL,
                                          .frames_failed = row->failed_before || video->status < 0 ? -1 : row->bad_frames,
                                          .sheet = sheet ? p->sheets[n_sheets] : NULL, .width = video->width, .height = video->height, .seconds = NAN };
        n_sheets += sheet;
        n++;
    }
    p->report.videos = p->videos;
    p->report.n_videos = n;
}

static void fill_failures(const lt_summary *s, pages *p)
{
    for (int i = 0; i < s->n_failures; i++) {
        const lt_summary_failure *f = &s->failures[i];
        p->failures[i] = (lt_report_failure){ s->s->inputs.items[f->video].id, f->frames.first, f->frames.last, f->why };
    }
    p->report.failures = p->failures;
    p->report.n_failures = s->n_failures;
    p->report.n_failures_more = s->n_failures_more;
    p->report.frames_failed = s->failed_before ? -1 : 0;
    for (int64_t v = 0; v < s->s->inputs.n && !s->failed_before; v++) p->report.frames_failed += s->videos[v].bad_frames;
}

/* A plain value in words; false for lists and objects. */
static bool plain_text(const json_t *x, char *text, int size)
{
    if (json_is_string(x)) snprintf(text, (size_t)size, "%s", json_string_value(x));
    else if (json_is_integer(x)) snprintf(text, (size_t)size, "%lld", (long long)json_integer_value(x));
    else if (json_is_real(x)) snprintf(text, (size_t)size, "%g", json_real_value(x));
    else if (json_is_boolean(x)) snprintf(text, (size_t)size, "%s", json_is_true(x) ? "yes" : "no");
    else return false;
    return true;
}

/* Those of the job, and what is of this run alone. */
static void fill_settings(const lt_summary *s, pages *p)
{
    const char *key;
    const json_t *value;
    int n = 0;
    json_object_foreach((json_t *)(uintptr_t)lt_job_settings(s->s->job), key, value) {
        if (n == MOST_SETTINGS) break;
        if (!plain_text(value, p->setting_text[n], SETTING_TEXT)) continue;
        p->settings[n] = (lt_report_pair){ key, p->setting_text[n] };
        n++;
    }
    snprintf(p->shard, sizeof p->shard, "%d/%d", s->s->shard.index, s->s->shard.count);
    p->settings[n++] = (lt_report_pair){ "shard", p->shard };
    if (s->carrier[0]) p->settings[n++] = (lt_report_pair){ "halo records travel over", s->carrier };
    const lt_report_pair versions[] = { { "media", lt_media_library() }, { "MPI", lt_comm_library() } };
    memcpy(p->versions, versions, sizeof versions);
    p->report.settings = p->settings;
    p->report.n_settings = n;
    p->report.versions = p->versions;
    p->report.n_versions = 2;
}

/* The command line of this process as the system keeps it, as a shell reads it; NULL: not known. */
static char *command_line(void)
{
    char *raw = NULL, *text = NULL;
    size_t n = 0, at = 0;
    if (lt_file_read("/proc/self/cmdline", COMMAND_TEXT, &raw, &n) < 0 || n == 0 || !(text = malloc(5 * n + 8))) goto done;
    for (size_t i = 0; i < n; i += strlen(raw + i) + 1) {
        if (i) text[at++] = ' ';
        at += lt_shell_word(raw + i, text + at, 5 * n + 8 - at);
    }
done:
    lt_error_clear();
    free(raw);
    return text;
}

static void free_pages(pages *p)
{
    free(p->videos);
    free(p->ranks);
    free(p->stages);
    free(p->failures);
    free(p->paths);
    free(p->sheets);
    free(p->plan);
    free(p->command);
}

/* All that is known now; code -1: the job runs. */
static lt_status make_pages(const lt_summary *s, int code, pages *p)
{
    lt_status st = LT_OK;
    const size_t n_videos = (size_t)s->s->inputs.n + 1;
    const double seconds = lt_seconds() - s->started;
    *p = (pages){ .videos = calloc(n_videos, sizeof *p->videos), .ranks = calloc((size_t)s->n_ranks, sizeof *p->ranks),
                  .stages = calloc((size_t)s->n_ranks * LT_STAGES, sizeof *p->stages), .failures = calloc(LT_MOST_FAILURES, sizeof *p->failures),
                  .paths = calloc(n_videos, sizeof *p->paths), .sheets = calloc(MOST_SHEETS, sizeof *p->sheets) };
    if (!p->videos || !p->ranks || !p->stages || !p->failures || !p->paths || !p->sheets) LT_FAIL(LT_E_MEMORY, "no memory for the report");
    snprintf(p->title, sizeof p->title, "longtake: %s", s->s->task->name);
    p->report = (lt_report){ .title = p->title, .exit_code = code, .frames = s->frames_total, .frames_before = s->frames_before, .seconds = seconds,
                             .ended = code < 0 ? "running" : code == 0 ? "complete" : code == 75 ? "stopped early" : "ended with failures",
                             .frames_per_s = seconds > 0 ? (double)lt_summary_frames(s) / seconds : NAN, .ranks = p->ranks, .n_ranks = s->n_ranks };
    for (int r = 0; r < s->n_ranks; r++) fill_rank(s, r, &p->stages[r * LT_STAGES], &p->ranks[r]);
    fill_videos(s, p);
    fill_failures(s, p);
    fill_settings(s, p);
done:
    return st;
}

/* ---- metrics.prom ---- */

typedef enum { Q_AHEAD, Q_AHEAD_ROOM, Q_WRITING, Q_WRITING_ROOM, Q_RECORDS, Q_HOST, Q_LIMIT, Q_DRIVER, Q_STORE, N_GAUGES } gauge;

static const struct {
    const char    *family, *help, *label, *value;
    lt_metric_type type;
} gauges[N_GAUGES] = {
    [Q_AHEAD] = { "longtake_queue_depth", "What waits in a queue of a rank now", "queue", "frames decoded ahead", LT_METRIC_GAUGE },
    [Q_WRITING] = { "longtake_queue_depth", "What waits in a queue of a rank now", "queue", "frames to write", LT_METRIC_GAUGE },
    [Q_RECORDS] = { "longtake_queue_depth", "What waits in a queue of a rank now", "queue", "halo records", LT_METRIC_GAUGE },
    [Q_AHEAD_ROOM] = { "longtake_queue_room", "What a queue of a rank holds at most", "queue", "frames decoded ahead", LT_METRIC_GAUGE },
    [Q_WRITING_ROOM] = { "longtake_queue_room", "What a queue of a rank holds at most", "queue", "frames to write", LT_METRIC_GAUGE },
    [Q_HOST] = { "longtake_host_bytes", "Anonymous and shared host memory of a rank now", NULL, NULL, LT_METRIC_GAUGE },
    [Q_LIMIT] = { "longtake_host_limit_bytes", "Host memory that a rank may use, of the limit that is nearest", NULL, NULL, LT_METRIC_GAUGE },
    [Q_DRIVER] = { "longtake_device_driver_bytes", "Device memory of a rank's process by the driver", NULL, NULL, LT_METRIC_GAUGE },
    [Q_STORE] = { "longtake_store_seconds", "Seconds the thread worked that compresses and writes", NULL, NULL, LT_METRIC_COUNTER },
};

/* In the order of families. */
static const gauge order[N_GAUGES] = { Q_AHEAD, Q_WRITING, Q_RECORDS, Q_AHEAD_ROOM, Q_WRITING_ROOM, Q_HOST, Q_LIMIT, Q_DRIVER, Q_STORE };

static double gauge_of(const lt_rank_state *r, gauge g)
{
    switch (g) {
    case Q_AHEAD: return r->ahead;
    case Q_AHEAD_ROOM: return r->room_ahead;
    case Q_WRITING: return r->writing;
    case Q_WRITING_ROOM: return r->room_writing;
    case Q_RECORDS: return r->records;
    case Q_HOST: return r->memory.host_used < 0 ? NAN : (double)r->memory.host_used;
    case Q_LIMIT: return r->memory.limit <= 0 ? NAN : (double)r->memory.limit;
    case Q_DRIVER: return r->memory.driver < 0 ? NAN : (double)r->memory.driver;
    case Q_STORE:
    case N_GAUGES: break;
    }
    return r->store_seconds;
}

/* Samples of one family follow each other, so ranks are within. */
static int add_gauges(const lt_summary *s, char (*number)[12], lt_metric *out)
{
    int n = 0;
    for (int first = 0, last; first < N_GAUGES; first = last) {
        for (last = first; last < N_GAUGES && !strcmp(gauges[order[last]].family, gauges[order[first]].family);) last++;
        for (int r = 0; r < s->n_ranks; r++)
            for (int i = first; i < last; i++) {
                const gauge g = order[i];
                out[n++] = (lt_metric){ gauges[g].family, gauges[g].type, gauges[g].help, { "rank", "host", gauges[g].label },
                                        { number[r], s->ranks[r].state.host, gauges[g].value }, gauge_of(&s->ranks[r].state, g) };
            }
    }
    return n;
}

static int add_chain(const lt_summary *s, lt_metric *out)
{
    int64_t own, rank, file;
    double seconds;
    const char *family = "longtake_halo_records", *help = "boundary records of segments, by the way they came";
    lt_summary_halos(s, &own, &rank, &file, &seconds);
    const lt_metric more[] = {
        { .family = family, .type = LT_METRIC_COUNTER, .help = help, .label = { "way" }, .value = { "process" }, .x = (double)own },
        { .family = family, .type = LT_METRIC_COUNTER, .help = help, .label = { "way" }, .value = { "rank" }, .x = (double)rank },
        { .family = family, .type = LT_METRIC_COUNTER, .help = help, .label = { "way" }, .value = { "file" }, .x = (double)file },
        { .family = "longtake_halo_wait_seconds", .type = LT_METRIC_GAUGE, .help = "ranks waiting for a record on its way", .x = seconds },
        { .family = "longtake_chain_wait_seconds", .type = LT_METRIC_GAUGE, .help = "segments waiting raw for the one before, summed", .x = s->waited },
        { .family = "longtake_raw_segments", .type = LT_METRIC_GAUGE, .help = "segments that are raw and wait for their turn", .x = (double)s->raw },
    };
    memcpy(out, more, sizeof more);
    return (int)(sizeof more / sizeof *more);
}

static lt_status write_metrics(const lt_summary *s, const lt_report *report)
{
    lt_status st = LT_OK;
    char path[4096], suffix[32] = "";
    int n = 0;
    lt_metric *more = calloc((size_t)s->n_ranks * N_GAUGES + 16, sizeof *more);
    char (*number)[12] = calloc((size_t)s->n_ranks, sizeof *number);
    if (!more || !number) LT_FAIL(LT_E_MEMORY, "no memory for metrics.prom");
    for (int r = 0; r < s->n_ranks; r++) snprintf(number[r], sizeof number[r], "%d", r);
    n = add_gauges(s, number, more);
    if (s->s->task->finish) n += add_chain(s, more + n);
    if (s->s->shard.count > 1) snprintf(suffix, sizeof suffix, "-%d", s->s->shard.index);
    snprintf(path, sizeof path, "%s/metrics%s.prom", lt_job_dir(s->s->job), suffix);
    LT_TRY(lt_report_metrics_write(path, report, more, n));
done:
    free(more);
    free(number);
    return st;
}

void lt_summary_refresh(lt_summary *s, double now)
{
    lt_status st;
    pages p;
    if (now < (s->refreshed > 0 ? s->refreshed + refresh : s->started + first_refresh)) return;
    s->refreshed = now;
    st = make_pages(s, -1, &p);
    if (st >= 0) st = write_metrics(s, &p.report);
    if (st < 0) lt_log_debug(s->s->log, "metrics.prom is not written anew: %s", lt_error_last()->text);
    if (st < 0) lt_error_clear();
    free_pages(&p);
}

lt_status lt_summary_write(lt_summary *s, int code)
{
    lt_status st = LT_OK;
    pages p;
    char path[4096], suffix[32] = "";
    LT_TRY(make_pages(s, code, &p));
    /* A report without a plan is a report all the same. */
    if (lt_plan_of_job(s->s, &p.plan) < 0) lt_error_clear();
    p.report.plan = p.plan;
    p.report.command = p.command = command_line();
    if (s->s->shard.count > 1) snprintf(suffix, sizeof suffix, "-%d", s->s->shard.index);
    snprintf(path, sizeof path, "%s/report%s.html", lt_job_dir(s->s->job), suffix);
    LT_TRY(lt_report_html_write(path, &p.report));
    LT_TRY(write_metrics(s, &p.report));
done:
    free_pages(&p);
    return st;
}
