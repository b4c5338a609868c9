#include "summary_private.h"

#include <longtake/clock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static void add_failure(lt_summary *s, int64_t video, lt_range frames, const char *why)
{
    if (s->n_failures == LT_MOST_FAILURES) {
        s->n_failures_more++;
        return;
    }
    lt_summary_failure *f = &s->failures[s->n_failures++];
    f->video = video;
    f->frames = frames;
    snprintf(f->why, sizeof f->why, "%s", why);
}

/* What earlier runs left of a piece. */
static void count_piece(lt_summary *s, const lt_setup_piece *p)
{
    static const char *const before = "some of these frames had no value in an earlier run: /segments/unreadable_frame and "
                                      "unreadable_reason of the result say which and why";
    const lt_finish *finish = s->s->task->finish;
    lt_summary_video *v = &s->videos[p->video];
    const int64_t frames = p->range.last - p->range.first + 1;
    s->pieces_total++;
    s->frames_total += frames;
    if (p->state != LT_SEGMENT_MISSING) {
        s->pieces_before++;
        s->frames_before += frames;
        if (p->state != LT_SEGMENT_FAILED) return;
        v->failed++;
        v->failed_before = s->failed_before = true;
        add_failure(s, p->video, p->range, before);
        return;
    }
    v->pieces_left++;
    /* What of it is raw already. */
    if (!finish) return;
    s->raw += p->raw_done;
    const lt_range all = finish->numbers(p->range);
    if (p->raw.first == all.first && !p->raw_done) return;
    const lt_range raw = finish->frames((lt_range){ all.first, p->raw_done ? all.last : p->raw.first - 1 }, s->s->videos[p->video].n_frames);
    s->frames_before += raw.last - raw.first + 1;
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
    s->failures = calloc(LT_MOST_FAILURES, sizeof *s->failures);
    if (!s->ranks || !s->videos || !s->shown || !s->failures) LT_FAIL(LT_E_MEMORY, "no memory for the summary");
    const lt_monitor_opts monitor = { s->n_ranks, s->started, setup->settings->monitor, setup->device, setup->compute.device == NULL, setup->log };
    LT_TRY(lt_monitor_create(&monitor, &s->monitor));
    for (int64_t v = 0; v < setup->inputs.n; v++)
        if (setup->videos[v].mine && setup->videos[v].status < 0) add_failure(s, v, (lt_range){ -1, -1 }, setup->videos[v].why);
    for (int64_t i = 0; i < setup->n_pieces; i++)
        if (setup->pieces[i].mine) count_piece(s, &setup->pieces[i]);
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
    lt_summary_video *v = &s->videos[s->s->pieces[piece].video];
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
    const lt_setup_piece *p = &s->s->pieces[piece];
    lt_summary_video *v = &s->videos[p->video];
    v->lost = true;
    v->bad_frames += p->range.last - p->range.first + 1;
    snprintf(v->why, sizeof v->why, "%s", why);
    add_failure(s, p->video, p->range, why);
}

void lt_summary_bad(lt_summary *s, int64_t piece, lt_range frames, int64_t more, const char *why)
{
    const int video = s->s->pieces[piece].video;
    s->videos[video].bad_frames += frames.last - frames.first + 1 + more;
    s->n_failures_more += more;
    add_failure(s, video, frames, why);
}

void lt_summary_merged(lt_summary *s, int64_t video, lt_status st, const char *why)
{
    s->videos[video].merged = st >= 0;
    if (st >= 0 || st == LT_E_ABSENT) return;
    snprintf(s->videos[video].why, sizeof s->videos[video].why, "%s", why);
    add_failure(s, video, (lt_range){ -1, -1 }, why);
}

void lt_summary_state(lt_summary *s, const lt_message *m)
{
    lt_rank_state *state = &s->ranks[m->from].state;
    lt_state_get(m, state);
    lt_monitor_take(s->monitor, m->from, state, lt_seconds());
}

void lt_summary_carrier(lt_summary *s, const char *reason)
{
    snprintf(s->carrier, sizeof s->carrier, "%s", reason);
}

void lt_summary_waited(lt_summary *s, double seconds)
{
    s->waited += seconds;
}

int64_t lt_summary_frames(const lt_summary *s)
{
    int64_t n = 0;
    for (int r = 0; r < s->n_ranks; r++) n += s->ranks[r].state.frames;
    return n;
}

static void rank_words(const lt_summary *s, const lt_rank_state *r, char *text, int size)
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
                                .frames_done = s->frames_before + lt_summary_frames(s),
                                .segments_done = s->pieces_before + s->pieces_now, .segments_total = s->pieces_total,
                                .device_planned = 0, .host_used = 0, .ranks = s->shown };
    for (int64_t v = 0; v < p->inputs.n; v++) {
        if (!p->videos[v].mine || p->videos[v].status < 0) continue;
        out->videos_total++;
        out->videos_done += s->videos[v].pieces_left == 0;
        out->segments_failed += s->videos[v].failed;
    }
    for (int r = 0; r < s->n_ranks; r++) {
        const lt_rank_state *row = &s->ranks[r].state;
        snprintf(s->shown[r].host, sizeof s->shown[r].host, "%s", row->host);
        rank_words(s, row, s->shown[r].state, sizeof s->shown[r].state);
        s->shown[r].frames = row->frames;
        out->device_planned += (int64_t)p->arena_bytes;
        out->device_used += row->memory.device_used;
        out->host_planned += (int64_t)(p->host_bytes + (p->compute.device ? 0 : p->arena_bytes));
        out->host_used += row->memory.host_used;
    }
}

void lt_summary_draw(lt_summary *s, double t)
{
    lt_progress_state state;
    fill_state(s, &state);
    if (lt_progress_take(s->progress, &state, t)) lt_log_redraw(s->s->log);
    lt_monitor_speak(s->monitor, t);
    lt_summary_refresh(s, t);
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
    int64_t n = lt_summary_frames(s);
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
    lt_summary_halos(s, &own, &rank, &file, &wait);
    if (own + rank + file > 0)
        lt_log_debug(p->log, "halo records: %lld here, %lld from other ranks, %lld from files; %.2f s waited for them, segments waited %.1f s for the chain",
                     (long long)own, (long long)rank, (long long)file, wait, s->waited);
    if (s->raw > 0 && code == 0 && !all_merged(s))
        lt_log_info(p->log, "%lld more segments are raw: they wait for those of other shards before them, and are finished by the last shard, or by "
                            "'longtake merge %s'", (long long)s->raw, lt_job_dir(p->job));
    lt_monitor_sum_up(s->monitor);
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
    lt_monitor_destroy(&s->monitor);
    free(s->failures);
    free(s->shown);
    free(s->ranks);
    free(s->videos);
    free(s);
    *summary = NULL;
}
