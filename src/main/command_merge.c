#include "commands.h"

#include <longtake/media.h>
#include <longtake/merge.h>
#include <longtake/pool.h>
#include <longtake/result.h>

#include <stdlib.h>

/* Merges one video. Missing segments are a finding, not a failure of the command. */
static lt_status merge_one(const lt_settings *s, const lt_job *job, const char *id, int *code)
{
    lt_status st = LT_OK;
    char path[4096];
    const lt_merge_opts opts = { s->partial, s->keep_segments, s->threads > 0 ? (int)s->threads : lt_cpus_allowed(),
                                 lt_media_library() };
    st = lt_job_merge(job, id, &opts, (int)s->compression, s->log);
    if (st == LT_E_ABSENT || st == LT_E_DATA) {
        lt_log_error(s->log, "%s", lt_error_last()->text);
        *code = lt_exit_worse(*code, st == LT_E_ABSENT ? 75 : 65);
        return LT_OK;
    }
    LT_TRY(st);
    lt_log_info(s->log, "%s -> %s", id, lt_job_result_path(job, id, path));
done:
    return st;
}

int lt_command_merge(const lt_settings *s)
{
    lt_status st = LT_OK;
    int code = 0, n = 0;
    lt_job *job = NULL;
    char **all = NULL;
    LT_TRY(lt_job_load(s->inputs.item[0], &job));
    if (s->inputs.n == 1) LT_TRY(lt_job_videos(job, &all, &n));
    for (int i = 0; i < n; i++) LT_TRY(merge_one(s, job, all[i], &code));
    for (int i = 1; i < s->inputs.n; i++) LT_TRY(merge_one(s, job, s->inputs.item[i], &code));
    if (s->inputs.n == 1 && n == 0) LT_FAIL(LT_E_ABSENT, "%s holds no video yet: run the job first", s->inputs.item[0]);
done:
    free(all);
    lt_job_close(&job);
    return st < 0 ? (int)st : code;
}
