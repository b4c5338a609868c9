#include "summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
    char    host[64];
    int64_t frames, video, piece, planned;
    bool    merging;
    double  wait_decode_s, compute_s;
    int64_t pieces;              /* committed by this rank in this run */
} rank_row;

typedef struct {
    int64_t pieces_left;         /* of this shard */
    int64_t failed;              /* pieces of this shard with unreadable frames */
    bool    merged, lost;
} video_row;

struct lt_summary {
    const lt_setup *s;
    rank_row       *ranks;
    video_row      *videos;
    int             n_ranks;
    int64_t         frames_total, frames_before;     /* of this shard; done by earlier runs */
    int64_t         pieces_total, pieces_before, pieces_now, pieces_failed;
    double          started;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

lt_status lt_summary_create(const lt_setup *setup, lt_summary **out)
{
    lt_status st = LT_OK;
    lt_summary *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) LT_FAIL(LT_E_MEMORY, "no memory for the summary");
    s->s = setup;
    s->started = now();
    s->n_ranks = lt_comm_size(setup->comm);
    s->ranks = calloc((size_t)s->n_ranks, sizeof *s->ranks);
    s->videos = calloc((size_t)setup->inputs.n + 1, sizeof *s->videos);
    if (!s->ranks || !s->videos) LT_FAIL(LT_E_MEMORY, "no memory for the summary");
    for (int64_t i = 0; i < setup->n_pieces; i++) {
        const lt_setup_piece *p = &setup->pieces[i];
        if (!p->mine) continue;
        int64_t frames = p->range.last - p->range.first + 1;
        s->pieces_total++;
        s->frames_total += frames;
        if (p->state == LT_SEGMENT_MISSING) {
            s->videos[p->video].pieces_left++;
            continue;
        }
        s->pieces_before++;
        s->frames_before += frames;
        if (p->state == LT_SEGMENT_FAILED) s->videos[p->video].failed++;
    }
    if (s->pieces_before)
        lt_log_info(setup->log, "%lld of %lld segments are there already; going on with the rest",
                    (long long)s->pieces_before, (long long)s->pieces_total);
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
    s->ranks[rank].pieces++;
    v->pieces_left--;
    if (state == LT_SEGMENT_FAILED) v->failed++;
}

void lt_summary_lost(lt_summary *s, int64_t piece, const char *why)
{
    (void)why;
    s->videos[s->s->pieces[piece].video].lost = true;
}

void lt_summary_merged(lt_summary *s, int64_t video, lt_status st, const char *why)
{
    (void)why;
    s->videos[video].merged = st >= 0;
}

void lt_summary_state(lt_summary *s, const lt_message *m)
{
    rank_row *r = &s->ranks[m->from];
    r->frames = m->n[0];
    r->video = m->n[1];
    r->piece = m->n[2];
    r->merging = m->n[3] != 0;
    r->planned = m->n[4];
    r->wait_decode_s = m->x[0];
    r->compute_s = m->x[1];
    snprintf(r->host, sizeof r->host, "%s", m->text);
}

static int64_t frames_now(const lt_summary *s)
{
    int64_t n = 0;
    for (int r = 0; r < s->n_ranks; r++) n += s->ranks[r].frames;
    return n;
}

void lt_summary_draw(lt_summary *s, double t)
{
    (void)s;
    (void)t;
}

lt_status lt_summary_write(lt_summary *s, int code)
{
    (void)s;
    (void)code;
    return LT_OK;
}

void lt_summary_say(lt_summary *s, int code, const char *stop_reason)
{
    const lt_setup *p = s->s;
    double seconds = now() - s->started;
    int64_t n = frames_now(s);
    for (int64_t v = 0; v < p->inputs.n; v++)
        if (s->videos[v].merged) {
            char path[4096];
            lt_log_info(p->log, "%s -> %s", p->inputs.items[v].path, lt_job_result_path(p->job, p->inputs.items[v].id, path));
        }
    lt_log_info(p->log, "%lld frames in %.1f s (%.2f frames/s), %lld of %lld segments done%s%s", (long long)n, seconds,
                seconds > 0 ? (double)n / seconds : 0, (long long)(s->pieces_before + s->pieces_now),
                (long long)s->pieces_total, code == 75 ? "; stopped early, run the same command again: " : "",
                code == 75 ? stop_reason : "");
}

void lt_summary_destroy(lt_summary **summary)
{
    lt_summary *s = *summary;
    if (!s) return;
    free(s->ranks);
    free(s->videos);
    free(s);
    *summary = NULL;
}
