#include <longtake/job_status.h>

#include "job.h"

#include <stdio.h>
#include <string.h>

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
