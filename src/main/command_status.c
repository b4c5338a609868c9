#include "commands.h"

#include <longtake/job_status.h>

#include <jansson.h>
#include <stdio.h>

enum { LIST_TEXT = 65536 };

static json_t *video_row(const lt_video_status *v)
{
    json_t *missing = json_array();
    for (int64_t i = 0; i < v->n_missing; i++)
        json_array_append_new(missing, json_pack("[I I]", (json_int_t)v->missing[i].first, (json_int_t)v->missing[i].last));
    return json_pack("{s:s s:b s:I s:I s:I s:I s:b s:o}", "id", v->id, "known", v->known, "segments", (json_int_t)v->n_segments, "done",
                     (json_int_t)v->n_done, "failed", (json_int_t)v->n_failed, "raw", (json_int_t)v->n_raw, "result", v->has_result, "missing", missing);
}

static void say_json(const lt_job_status *j, int n_shards)
{
    json_t *videos = json_array(), *shards = json_array();
    for (int i = 0; i < j->n_videos; i++) json_array_append_new(videos, video_row(&j->videos[i]));
    for (int i = 0; i < j->n_shards; i++) json_array_append_new(shards, json_integer(j->shards[i]));
    json_t *all = json_pack("{s:o s:i s:o}", "videos", videos, "shards", n_shards, "missing_shards", shards);
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

static void say(const lt_job_status *j, int n_shards)
{
    char list[LIST_TEXT];
    int64_t done = 0, total = 0, results = 0;
    for (int i = 0; i < j->n_videos; i++) {
        const lt_video_status *v = &j->videos[i];
        int64_t have = v->n_done + v->n_failed;
        done += have;
        total += v->n_segments;
        results += v->has_result;
        printf("%s: ", v->id);
        if (!v->known) printf("not looked at yet, or unreadable");
        else printf("%lld of %lld segments%s", (long long)have, (long long)v->n_segments, v->has_result ? ", result made" : "");
        if (v->n_failed) printf(", %lld with unreadable frames", (long long)v->n_failed);
        if (v->n_raw) printf(", %lld raw, to be finished", (long long)v->n_raw);
        for (int64_t k = 0; k < v->n_missing && k < 8; k++)
            printf("%s%lld-%lld", k ? ", " : "; missing frames ", (long long)v->missing[k].first, (long long)v->missing[k].last);
        printf("%s\n", v->n_missing > 8 ? ", ..." : "");
    }
    printf("%lld of %lld segments, %lld of %d results\n", (long long)done, (long long)total, (long long)results, j->n_videos);
    if (n_shards > 1)
        printf("missing shards: %s\n", j->n_shards ? lt_shard_list_text(j->shards, j->n_shards, list, sizeof list) : "none");
}

int lt_command_status(const lt_settings *s)
{
    lt_status st = LT_OK;
    lt_job *job = NULL;
    lt_job_status status = { 0 };
    int n_shards = 0;
    LT_TRY(lt_job_load(s->inputs.item[0], &job));
    LT_TRY(lt_job_status_read(job, &status, &n_shards));
    if (status.warnings) lt_log_warn(s->log, "%s", status.warnings);
    if (s->json) say_json(&status, n_shards);
    else say(&status, n_shards);
done:
    lt_job_status_free(&status);
    lt_job_close(&job);
    return (int)st;
}
