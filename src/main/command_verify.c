#include "commands.h"

#include <longtake/pool.h>
#include <longtake/result.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    const lt_settings *s;
    json_t            *rows;     /* --json */
    int                code;
} verify;

static lt_status add_row(verify *v, const char *path, const lt_verify_report *r)
{
    lt_status st = LT_OK;
    json_t *problems = json_array();
    for (int i = 0; i < r->n_problems; i++) json_array_append_new(problems, json_string(r->problems[i]));
    json_t *row = json_pack("{s:s s:b s:b s:I s:I s:I s:I s:s s:o}", "file", path, "ok", r->ok, "complete", r->complete, "frames",
                            (json_int_t)r->n_frames, "failed_segments", (json_int_t)r->n_failed_segments, "missing_segments",
                            (json_int_t)r->n_missing_segments, "unreadable_frames", (json_int_t)r->n_unreadable_frames,
                            "hash", r->hash, "problems", problems);
    if (!row || json_array_append_new(v->rows, row)) LT_FAIL(LT_E_MEMORY, "no memory for the report of %s", path);
done:
    return st;
}

static void say(const verify *v, const char *path, const lt_verify_report *r)
{
    if (v->s->hash) {
        printf("%s  %s\n", r->hash[0] ? r->hash : "-", path);
    } else {
        printf("%s: %s, %lld frames", path, r->ok ? "good" : "BAD", (long long)r->n_frames);
        if (r->n_failed_segments) printf(", %lld failed segments with %lld unreadable frames", (long long)r->n_failed_segments,
                                         (long long)r->n_unreadable_frames);
        if (r->n_missing_segments) printf(", %lld missing segments", (long long)r->n_missing_segments);
        printf("%s%s\n", r->hash[0] ? ", hash " : "", r->hash);
    }
    for (int i = 0; i < r->n_problems; i++) lt_log_error(v->s->log, "%s: %s", path, r->problems[i]);
}

static lt_status verify_file(verify *v, const char *path)
{
    lt_status st = LT_OK;
    lt_verify_report r = { 0 };
    int threads = v->s->threads > 0 ? (int)v->s->threads : lt_cpus_allowed();
    LT_TRY(lt_verify(path, threads, &r));
    if (v->rows) LT_TRY(add_row(v, path, &r));
    else say(v, path, &r);
    if (!r.ok || !r.complete) v->code = lt_exit_worse(v->code, 65);
done:
    lt_verify_report_free(&r);
    return st;
}

/* All results of a job; a video without one is a finding. */
static lt_status verify_job(verify *v, const char *dir)
{
    lt_status st = LT_OK;
    lt_job *job = NULL;
    char **ids = NULL, path[4096];
    int n = 0;
    LT_TRY(lt_job_load(dir, &job));
    LT_TRY(lt_job_videos(job, &ids, &n));
    for (int i = 0; i < n; i++) {
        st = verify_file(v, lt_job_result_path(job, ids[i], path));
        if (st == LT_E_ABSENT) {
            lt_log_error(v->s->log, "%s is not finished: run the job again", path);
            v->code = lt_exit_worse(v->code, 65);
            st = LT_OK;
        }
        LT_TRY(st);
    }
done:
    free(ids);
    lt_job_close(&job);
    return st;
}

int lt_command_verify(const lt_settings *s)
{
    lt_status st = LT_OK;
    verify v = { s, s->json ? json_array() : NULL, 0 };
    for (int i = 0; i < s->inputs.n; i++) {
        struct stat sb;
        const char *path = s->inputs.item[i];
        LT_TRY(stat(path, &sb) == 0 && S_ISDIR(sb.st_mode) ? verify_job(&v, path) : verify_file(&v, path));
    }
    if (v.rows) {
        json_dumpf(v.rows, stdout, JSON_INDENT(2));
        putchar('\n');
    }
done:
    json_decref(v.rows);
    return st < 0 ? (int)st : v.code;
}
