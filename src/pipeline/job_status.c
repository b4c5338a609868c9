#include <longtake/job_status.h>

#include "job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Segments that wait raw, of a task of two steps. */
static lt_status count_raw(const lt_job *job, lt_cut_table *table, lt_video_status *v)
{
    lt_status st = LT_OK;
    const lt_task *task = NULL;
    const char *name = json_string_value(json_object_get(lt_job_settings(job), "task"));
    lt_range *pieces = NULL;
    int *shards = NULL;
    int64_t n = 0;
    if (!name || lt_task_named(name, &task) < 0 || !task->finish) {
        lt_error_clear();
        return LT_OK;
    }
    LT_TRY(lt_cut_table_cut(table, v->id, NULL, &pieces, &n, &shards));
    for (int64_t i = 0; i < n; i++) {
        lt_segment_state done_state, raw_state;
        const lt_range numbers = task->finish->numbers(pieces[i]);
        LT_TRY(lt_ledger_scan(job, v->id, &pieces[i], 1, true, &done_state, NULL));
        if (done_state != LT_SEGMENT_MISSING) continue;
        LT_TRY(lt_ledger_raw(job, v->id, &numbers, 1, true, &raw_state, NULL, NULL));
        v->n_raw += raw_state != LT_SEGMENT_MISSING;
    }
done:
    free(pieces);
    free(shards);
    return st;
}

lt_status lt_job_status_read(const lt_job *job, lt_job_status *out, int *n_shards)
{
    lt_status st = LT_OK;
    lt_cut_table *table = NULL;
    int n = 0;
    memset(out, 0, sizeof *out);
    LT_TRY(lt_cut_table_make(job, &table));
    const char *const *ids = lt_cut_table_ids(table, &n);
    *n_shards = lt_cut_table_shards(table);
    LT_TRY(lt_status_scan(job, ids, n, lt_cut_table_cut, table, out));
    for (int i = 0; i < out->n_videos; i++)
        if (out->videos[i].known && out->videos[i].n_missing > 0) LT_TRY(count_raw(job, table, &out->videos[i]));
done:
    lt_cut_table_destroy(&table);
    return st;
}

char *lt_shard_list_text(const int *shards, int n, char *text, int size)
{
    int at = 0;
    text[0] = 0;
    for (int i = 0, j; i < n && at < size - 1; i = j + 1) {
        for (j = i; j + 1 < n && shards[j + 1] == shards[j] + 1; j++) continue;
        const char *comma = i ? "," : "";
        int w = j > i ? snprintf(text + at, (size_t)(size - at), "%s%d-%d", comma, shards[i], shards[j])
                      : snprintf(text + at, (size_t)(size - at), "%s%d", comma, shards[i]);
        at += w > 0 ? w : 0;
    }
    return text;
}
