#include "summary.h"

#include <longtake/clock.h>
#include <longtake/metrics.h>
#include <longtake/progress.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Pictures in report.html, which holds them itself and must stay of a size that a browser opens. */
enum { MOST_SHEETS = 24 };

typedef struct {
    char    host[64];
    int64_t frames, video, piece, observed, host_used;
    bool    merging;
    double  wait_decode_s, compute_s, wait_halo_s;
    int64_t halo_rank, halo_own, halo_file;
    int64_t pieces;              /* committed by this rank in this run */
} rank_row;

typedef struct {
    int64_t pieces_left;         /* of this shard */
    int64_t failed;              /* pieces of this shard with unreadable frames */
    bool    merged, lost;
    char    why[LT_WHY];
} video_row;

struct lt_summary {
    const lt_setup *s;
    rank_row       *ranks;
    video_row      *videos;
    int             n_ranks;
    int64_t         frames_total, frames_before;     /* of this shard; done by earlier runs */
    int64_t         pieces_total, pieces_before, pieces_now, pieces_failed;
    int64_t         raw;                 /* pieces whose raw maps are there and that are not finished */
    double          started, waited;     /* waited: sum over pieces of the time from raw to their turn */
    char             carrier[320];
    lt_progress      *progress;
    lt_progress_rank *shown;     /* [n_ranks] */
};

static lt_status start_progress(lt_summary *s)
{
    static const lt_progress_mode modes[] = { [LT_PROGRESS_AUTO] = LT_SHOW_AUTO, [LT_PROGRESS_BAR] = LT_SHOW_BAR,
                                              [LT_PROGRESS_PLAIN] = LT_SHOW_PLAIN, [LT_PROGRESS_JSON] = LT_SHOW_JSON,
                                              [LT_PROGRESS_NONE] = LT_SHOW_NONE };
    lt_status st = LT_OK;
    const lt_settings *o = s->s->settings;
    lt_progress_opts p = { .mode = modes[o->progress], .out = o->progress == LT_PROGRESS_JSON ? stdout : stderr,
                           .n_ranks = s->n_ranks, .verbose = o->verbose, .utf8 = lt_progress_utf8() };
    if (o->quiet && o->progress == LT_PROGRESS_AUTO) p.mode = LT_SHOW_NONE;
    p.tty = isatty(fileno(p.out)) == 1;
    LT_TRY(lt_progress_create(&p, &s->progress));
    lt_log_set_bar(s->s->log, lt_progress_hide, lt_progress_show, s->progress);
done:
    return st;
}

lt_status lt_summary_create(const lt_setup *setup, lt_summary **out)
{
    lt_status st = LT_OK;
    lt_summary *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for the summary");
    s->s = setup;
    s->started = lt_seconds();
    s->n_ranks = lt_comm_size(setup->comm);
    s->ranks = calloc((size_t)s->n_ranks, sizeof *s->ranks);
    s->videos = calloc((size_t)setup->inputs.n + 1, sizeof *s->videos);
    s->shown = calloc((size_t)s->n_ranks, sizeof *s->shown);
    if (!s->ranks || !s->videos || !s->shown) LT_FAIL(LT_E_MEMORY, "no memory for the summary");
    for (int64_t i = 0; i < setup->n_pieces; i++) {
        const lt_setup_piece *p = &setup->pieces[i];
        if (!p->mine) continue;
        int64_t frames = p->range.last - p->range.first + 1;
        s->pieces_total++;
        s->frames_total += frames;
        if (p->state == LT_SEGMENT_MISSING) {
            s->videos[p->video].pieces_left++;
            /* What of it is raw already. */
            if (!setup->task->finish) continue;
            s->raw += p->raw_done;
            const lt_range all = setup->task->finish->numbers(p->range);
            if (p->raw.first == all.first && !p->raw_done) continue;
            const lt_range raw = setup->task->finish->frames((lt_range){ all.first, p->raw_done ? all.last : p->raw.first - 1 },
                                                             setup->videos[p->video].n_frames);
            s->frames_before += raw.last - raw.first + 1;
            continue;
        }
        s->pieces_before++;
        s->frames_before += frames;
        if (p->state == LT_SEGMENT_FAILED) s->videos[p->video].failed++;
    }
    if (s->pieces_before)
        lt_log_info(setup->log, "%lld of %lld segments are there already; going on with the rest",
                    (long long)s->pieces_before, (long long)s->pieces_total);
    LT_TRY(start_progress(s));
    *out = s;
    s = NULL;
done:
    lt_summary_destroy(&s);
    return st;
}

void lt_summary_committed(lt_summary *s, int rank, int64_t piece, int state)
{
    video_row *v = &s->videos[s->s->pieces[piece].video];
    s->pieces_now++;
    if (s->s->task->finish) s->raw--;
    s->ranks[rank].pieces++;
    v->pieces_left--;
    if (state == LT_SEGMENT_FAILED) v->failed++;
}

void lt_summary_raw(lt_summary *s)
{
    s->raw++;
}

void lt_summary_lost(lt_summary *s, int64_t piece, const char *why)
{
    video_row *v = &s->videos[s->s->pieces[piece].video];
    v->lost = true;
    snprintf(v->why, sizeof v->why, "%s", why);
}

void lt_summary_merged(lt_summary *s, int64_t video, lt_status st, const char *why)
{
    s->videos[video].merged = st >= 0;
    if (st < 0 && st != LT_E_ABSENT) snprintf(s->videos[video].why, sizeof s->videos[video].why, "%s", why);
}

void lt_summary_state(lt_summary *s, const lt_message *m)
{
    rank_row *r = &s->ranks[m->from];
    r->frames = m->n[0];
    r->video = m->n[1];
    r->piece = m->n[2];
    r->merging = m->n[3] != 0;
    r->observed = m->n[4];
    r->host_used = m->n[5];
    r->wait_decode_s = m->x[0];
    r->compute_s = m->x[1];
    r->wait_halo_s = m->x[2];
    r->halo_rank = m->n[6];
    r->halo_own = m->n[7] >> 32;
    r->halo_file = m->n[7] & 0xffffffff;
    snprintf(r->host, sizeof r->host, "%s", m->text);
}

void lt_summary_carrier(lt_summary *s, const char *reason)
{
    snprintf(s->carrier, sizeof s->carrier, "%s", reason);
}

void lt_summary_waited(lt_summary *s, double seconds)
{
    s->waited += seconds;
}

static int64_t frames_now(const lt_summary *s)
{
    int64_t n = 0;
    for (int r = 0; r < s->n_ranks; r++) n += s->ranks[r].frames;
    return n;
}

static void rank_words(const lt_summary *s, const rank_row *r, char *text, int size)
{
    const lt_setup *p = s->s;
    if (r->merging && r->video >= 0) snprintf(text, (size_t)size, "%s, merging", p->inputs.items[r->video].id);
    else if (r->piece >= 0)
        snprintf(text, (size_t)size, "%s %lld-%lld", p->inputs.items[p->pieces[r->piece].video].id,
                 (long long)p->pieces[r->piece].range.first, (long long)p->pieces[r->piece].range.last);
    else snprintf(text, (size_t)size, "waiting");
}

static void fill_state(lt_summary *s, lt_progress_state *out)
{
    const lt_setup *p = s->s;
    *out = (lt_progress_state){ .frames_total = s->frames_total, .frames_before = s->frames_before,
                                .frames_done = s->frames_before + frames_now(s),
                                .segments_done = s->pieces_before + s->pieces_now, .segments_total = s->pieces_total,
                                .device_planned = 0, .host_used = 0, .ranks = s->shown };
    for (int64_t v = 0; v < p->inputs.n; v++) {
        if (!p->videos[v].mine || p->videos[v].status < 0) continue;
        out->videos_total++;
        out->videos_done += s->videos[v].pieces_left == 0;
        out->segments_failed += s->videos[v].failed;
    }
    for (int r = 0; r < s->n_ranks; r++) {
        const rank_row *row = &s->ranks[r];
        snprintf(s->shown[r].host, sizeof s->shown[r].host, "%s", row->host);
        rank_words(s, row, s->shown[r].state, sizeof s->shown[r].state);
        s->shown[r].frames = row->frames;
        out->device_planned += (int64_t)p->arena_bytes;
        out->device_used += row->observed;
        out->host_planned += (int64_t)(p->host_bytes + (p->compute.device ? 0 : p->arena_bytes));
        out->host_used += row->host_used;
    }
}

void lt_summary_draw(lt_summary *s, double t)
{
    lt_progress_state state;
    fill_state(s, &state);
    if (lt_progress_take(s->progress, &state, t)) lt_log_redraw(s->s->log);
}

/* ---- the files ---- */

static const char *video_state(const lt_summary *s, int64_t v)
{
    const lt_setup_video *video = &s->s->videos[v];
    const video_row *row = &s->videos[v];
    return video->status < 0 || row->lost || row->why[0] ? "failed"
         : row->pieces_left > 0 ? "partial" : row->failed ? "failed" : "done";
}

/* Halo records by the way they came; metrics.prom has the same. */
static void count_halos(const lt_summary *s, int64_t *own, int64_t *rank, int64_t *file, double *seconds)
{
    *own = *rank = *file = 0;
    *seconds = 0;
    for (int r = 0; r < s->n_ranks; r++) {
        *own += s->ranks[r].halo_own;
        *rank += s->ranks[r].halo_rank;
        *file += s->ranks[r].halo_file;
        *seconds += s->ranks[r].wait_halo_s;
    }
}

static lt_status write_both(lt_summary *s, const lt_report *report)
{
    lt_status st = LT_OK;
    const lt_setup *p = s->s;
    char path[4096], suffix[32] = "";
    if (p->shard.count > 1) snprintf(suffix, sizeof suffix, "-%d", p->shard.index);
    snprintf(path, sizeof path, "%s/report%s.html", lt_job_dir(p->job), suffix);
    LT_TRY(lt_report_html_write(path, report));
    snprintf(path, sizeof path, "%s/metrics%s.prom", lt_job_dir(p->job), suffix);
    int64_t own, rank, file;
    double seconds;
    count_halos(s, &own, &rank, &file, &seconds);
    const char *family = "longtake_halo_records", *help = "boundary records of segments, by the way they came";
    const lt_metric more[] = {
        { .family = family, .type = LT_METRIC_COUNTER, .help = help, .label = { "way" }, .value = { "process" }, .x = (double)own },
        { .family = family, .type = LT_METRIC_COUNTER, .help = help, .label = { "way" }, .value = { "rank" }, .x = (double)rank },
        { .family = family, .type = LT_METRIC_COUNTER, .help = help, .label = { "way" }, .value = { "file" }, .x = (double)file },
        { .family = "longtake_halo_wait_seconds", .type = LT_METRIC_GAUGE, .help = "ranks waiting for a record on its way", .x = seconds },
        { .family = "longtake_chain_wait_seconds", .type = LT_METRIC_GAUGE, .help = "segments waiting raw for the one before, summed", .x = s->waited },
    };
    LT_TRY(lt_report_metrics_write(path, report, more, p->task->finish ? (int)(sizeof more / sizeof *more) : 0));
done:
    return st;
}

static void fill_rank(const lt_summary *s, int r, lt_report_rank *out)
{
    const rank_row *row = &s->ranks[r];
    *out = (lt_report_rank){ .rank = r, .host = row->host, .device = s->s->device, .frames = row->frames,
                             .segments = row->pieces, .seconds = row->compute_s, .wait_seconds = row->wait_decode_s,
                             .planned_bytes = (int64_t)s->s->arena_bytes, .observed_bytes = row->observed };
}

lt_status lt_summary_write(lt_summary *s, int code)
{
    lt_status st = LT_OK;
    const lt_setup *p = s->s;
    int n = 0, n_sheets = 0;
    char device[96], frames[32], shards[32];
    lt_report_video *videos = calloc((size_t)p->inputs.n + 1, sizeof *videos);
    lt_report_rank *ranks = calloc((size_t)s->n_ranks, sizeof *ranks);
    char (*paths)[512] = calloc((size_t)p->inputs.n + 1, sizeof *paths), (*sheets)[4096] = calloc((size_t)p->inputs.n + 1, sizeof *sheets);
    if (!sheets || !videos || !ranks || !paths) LT_FAIL(LT_E_MEMORY, "no memory for the report");
    for (int64_t v = 0; v < p->inputs.n; v++) {
        const lt_setup_video *video = &p->videos[v];
        if (!video->mine) continue;
        snprintf(paths[n], sizeof paths[n], "%s.h5", video->input->id);
        snprintf(sheets[n], sizeof sheets[n], "%s/%s.png", lt_job_dir(p->job), video->input->id);
        videos[n] = (lt_report_video){ .name = video->input->id, .state = video_state(s, v), .frames = video->n_frames,
                                       .why = video->why[0] ? video->why : s->videos[v].why[0] ? s->videos[v].why : NULL,
                                       .result = s->videos[v].merged ? paths[n] : NULL, .frames_failed = -1,
                                       .sheet = s->videos[v].merged && n_sheets++ < MOST_SHEETS ? sheets[n] : NULL, .width = video->width, .height = video->height, .seconds = NAN };
        n++;
    }
    for (int r = 0; r < s->n_ranks; r++) fill_rank(s, r, &ranks[r]);
    snprintf(device, sizeof device, "%s", p->device);
    snprintf(frames, sizeof frames, "%lld", (long long)p->segment_frames);
    snprintf(shards, sizeof shards, "%d/%d", p->shard.index, p->shard.count);
    const lt_report_pair settings[] = { { "task", p->task->name }, { "device", device }, { "segment-frames", frames }, { "shard", shards },
                                         { "halo records travel over", s->carrier } };
    const lt_report_pair versions[] = { { "media", lt_media_library() }, { "MPI", lt_comm_library() } };
    const double seconds = lt_seconds() - s->started;
    lt_report report = { .title = "longtake", .ended = code == 0 ? "complete" : code == 75 ? "stopped early" : "ended with failures",
                         .exit_code = code, .frames = s->frames_total, .frames_before = s->frames_before, .frames_failed = -1,
                         .seconds = seconds, .frames_per_s = seconds > 0 ? (double)frames_now(s) / seconds : NAN,
                         .videos = videos, .n_videos = n, .ranks = ranks, .n_ranks = s->n_ranks,
                         .settings = settings, .n_settings = s->carrier[0] ? 5 : 4, .versions = versions, .n_versions = 2 };
    LT_TRY(write_both(s, &report));
done:
    free(videos);
    free(ranks);
    free(paths);
    free(sheets);
    return st;
}

/* Whether every video of this shard has its result: then this shard was the last one. */
static bool all_merged(const lt_summary *s)
{
    bool all = true;
    for (int64_t v = 0; v < s->s->inputs.n; v++)
        if (s->s->videos[v].mine && s->s->videos[v].status >= 0) all = all && s->videos[v].merged;
    return all;
}

void lt_summary_say(lt_summary *s, int code, const char *stop_reason)
{
    const lt_setup *p = s->s;
    double seconds = lt_seconds() - s->started;
    int64_t n = frames_now(s);
    lt_progress_state state;
    fill_state(s, &state);
    (void)lt_progress_take(s->progress, &state, lt_seconds());
    lt_log_set_bar(p->log, NULL, NULL, NULL);
    lt_progress_finish(s->progress, lt_seconds());
    for (int64_t v = 0; v < p->inputs.n; v++)
        if (s->videos[v].merged) {
            char path[4096];
            lt_log_info(p->log, "%s -> %s", p->inputs.items[v].path, lt_job_result_path(p->job, p->inputs.items[v].id, path));
        }
    int64_t own, rank, file;
    double wait;
    count_halos(s, &own, &rank, &file, &wait);
    if (own + rank + file > 0)
        lt_log_debug(p->log, "halo records: %lld here, %lld from other ranks, %lld from files; %.2f s waited for them, segments waited %.1f s for the chain",
                     (long long)own, (long long)rank, (long long)file, wait, s->waited);
    if (s->raw > 0 && code == 0 && !all_merged(s))
        lt_log_info(p->log, "%lld more segments are raw: they wait for those of other shards before them, and are finished by the last shard, or by "
                            "'longtake merge %s'", (long long)s->raw, lt_job_dir(p->job));
    lt_log_info(p->log, "%lld frames in %.1f s (%.2f frames/s), %lld of %lld segments done%s%s", (long long)n, seconds,
                seconds > 0 ? (double)n / seconds : 0, (long long)(s->pieces_before + s->pieces_now),
                (long long)s->pieces_total, code == 75 ? "; stopped early, run the same command again: " : "",
                code == 75 ? stop_reason : "");
}

void lt_summary_destroy(lt_summary **summary)
{
    lt_summary *s = *summary;
    if (!s) return;
    if (s->progress) lt_log_set_bar(s->s->log, NULL, NULL, NULL);
    lt_progress_destroy(&s->progress);
    free(s->shown);
    free(s->ranks);
    free(s->videos);
    free(s);
    *summary = NULL;
}
