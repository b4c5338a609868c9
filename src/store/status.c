#include "store/job.h"

#include <longtake/result.h>

#include <stdlib.h>
#include <string.h>

static int by_number(const void *a, const void *b)
{
    return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

static lt_status add_shard(lt_job_status *out, int shard)
{
    lt_status st = LT_OK;
    for (int i = 0; i < out->n_shards; i++)
        if (out->shards[i] == shard) goto done;
    int *more = realloc(out->shards, ((size_t)out->n_shards + 1) * sizeof *more);
    if (!more) LT_FAIL(LT_E_MEMORY, "no memory for the status of a job");
    out->shards = more;
    out->shards[out->n_shards++] = shard;
done:
    return st;
}

static void add_missing(lt_video_status *v, lt_range r)
{
    if (v->n_missing > 0 && v->missing[v->n_missing - 1].last + 1 == r.first) v->missing[v->n_missing - 1].last = r.last;
    else v->missing[v->n_missing++] = r;
}

static lt_status scan_video(const lt_job *job, const char *id, lt_cut_fn cut, void *ctx, lt_video_status *v, lt_job_status *out)
{
    lt_status st = LT_OK;
    json_t *video = NULL;
    lt_range *segments = NULL;
    lt_segment_state *states = NULL;
    int *shards = NULL;
    char *warnings = NULL;
    int64_t n = 0;
    if (!(v->id = strdup(id))) LT_FAIL(LT_E_MEMORY, "no memory for the status of a job");
    st = lt_job_get_video(job, id, &video);
    v->known = st >= 0;
    if (st < 0 && st != LT_E_ABSENT) LT_TRY(st);
    LT_TRY(cut(ctx, id, video, &segments, &n, &shards));
    if (!v->known && n == 0) {
        if (shards) LT_TRY(add_shard(out, shards[0]));
        goto done;
    }
    v->n_segments = n;
    states = calloc((size_t)n + 1, sizeof *states);
    v->missing = calloc((size_t)n + 1, sizeof *v->missing);
    if (!states || !v->missing) LT_FAIL(LT_E_MEMORY, "no memory for the status of a job");
    LT_TRY(lt_ledger_scan(job, id, segments, n, true, states, &warnings));
    v->has_result = lt_ledger_has_result(job, id);
    for (int64_t i = 0; i < n; i++) {
        v->n_done += states[i] == LT_SEGMENT_DONE;
        v->n_failed += states[i] == LT_SEGMENT_FAILED;
        if (states[i] != LT_SEGMENT_MISSING) continue;
        add_missing(v, segments[i]);
        if (shards) LT_TRY(add_shard(out, shards[i]));
    }
    if (warnings && !out->warnings) {
        out->warnings = warnings;
        warnings = NULL;
    } else if (warnings) {
        size_t a = strlen(out->warnings), b = strlen(warnings);
        char *more = realloc(out->warnings, a + b + 2);
        if (!more) LT_FAIL(LT_E_MEMORY, "no memory for the status of a job");
        more[a] = '\n';
        memcpy(more + a + 1, warnings, b + 1);
        out->warnings = more;
    }
done:
    free(warnings);
    free(shards);
    free(states);
    free(segments);
    json_decref(video);
    return st;
}

lt_status lt_status_scan(const lt_job *job, const char *const *ids, int n_ids, lt_cut_fn cut, void *ctx, lt_job_status *out)
{
    lt_status st = LT_OK;
    char **found = NULL;
    memset(out, 0, sizeof *out);
    if (!ids) {
        LT_TRY(lt_job_videos(job, &found, &n_ids));
        ids = (const char *const *)found;
    }
    out->videos = calloc((size_t)n_ids + 1, sizeof *out->videos);
    if (!out->videos) LT_FAIL(LT_E_MEMORY, "no memory for the status of a job");
    for (int i = 0; i < n_ids; i++) {
        out->n_videos = i + 1;
        LT_TRY(scan_video(job, ids[i], cut, ctx, &out->videos[i], out));
    }
    if (out->n_shards) qsort(out->shards, (size_t)out->n_shards, sizeof *out->shards, by_number);
done:
    free(found);
    if (st < 0) lt_job_status_free(out);
    return st;
}

void lt_job_status_free(lt_job_status *status)
{
    for (int i = 0; i < status->n_videos; i++) {
        free(status->videos[i].id);
        free(status->videos[i].missing);
    }
    free(status->videos);
    free(status->shards);
    free(status->warnings);
    memset(status, 0, sizeof *status);
}
