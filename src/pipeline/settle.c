#include "settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lt_ladder_ask ask_for(const lt_setup *s)
{
    return (lt_ladder_ask){ .task = s->task, .env = &s->env, .fields = s->fields, .n_fields = s->n_fields, .name = "", .n_threads = s->n_threads,
                            .ranks = lt_comm_size(s->comm), .budget = s->least, .overhead = s->overhead, .quality = true };
}

/* The lowest quality that a video of this rank's share needs; those that cannot be read or fit in none fail later, by themselves. */
static lt_status level_of_mine(const lt_setup *s, int32_t *level)
{
    lt_status st = LT_OK;
    lt_ladder *l = calloc(1, sizeof *l);
    lt_ladder_ask ask = ask_for(s);
    const lt_media_opts opts = lt_setup_media(s);
    *level = 0;
    if (!l) LT_FAIL(LT_E_MEMORY, "no memory for a plan");
    for (int64_t v = lt_comm_rank(s->comm); v < s->inputs.n; v += lt_comm_size(s->comm)) {
        lt_media *media = NULL;
        if (atomic_load(lt_stop_flag(s->stop))) LT_FAIL(LT_E_STOPPED, "stopped while the inputs were looked at");
        st = lt_media_open(s->inputs.items[v].path, &opts, &media);
        if (st >= 0) {
            ask.info = *lt_media_get_info(media);
            ask.decoder_device = (int64_t)lt_media_device_bytes(media);
            st = lt_ladder_walk(&ask, l);
            if (st >= 0 && l->candidates[l->chosen].quality > *level) *level = l->candidates[l->chosen].quality;
        }
        lt_media_close(&media);
        if (st < 0) lt_error_clear();
        st = LT_OK;
    }
done:
    free(l);
    return st;
}

/* The quality that the job was begun with, where it is one of these; else -1. */
static int level_of_job(const lt_setup *s, const json_t *run)
{
    lt_setting x;
    const lt_ladder_ask ask = ask_for(s);
    const char *model = json_string_value(json_object_get(run, "model")), *precision = json_string_value(json_object_get(run, "precision"));
    const int64_t size = json_integer_value(json_object_get(run, "input-size"));
    for (int i = 0; model && precision && lt_ladder_quality(&ask, i, &x); i++) {
        const char *name = lt_model_choice_name(x.model);
        const size_t n = strlen(name), m = strlen(model);
        if (m >= n && !strcmp(model + m - n, name) && x.input_size == size && !strcmp(precision, lt_dtype_name(x.precision))) return i;
    }
    return -1;
}

static lt_status level_of_all(const lt_setup *s, int *level)
{
    lt_status st = LT_OK;
    lt_job *before = NULL;
    const int n = lt_comm_size(s->comm);
    int32_t mine = 0, *all = calloc((size_t)n, sizeof *all);
    if (!all) LT_FAIL(LT_E_MEMORY, "no memory for %d ranks", n);
    st = s->settings->out ? lt_job_load(s->settings->out, &before) : LT_E_ABSENT;
    /* What is wrong with a directory is told by who opens it. */
    if (st < 0) lt_error_clear();
    *level = before ? level_of_job(s, lt_job_settings(before)) : -1;
    st = *level < 0 ? level_of_mine(s, &mine) : LT_OK;
    if (*level >= 0) mine = (int32_t)*level;
    LT_TRY(lt_agree_status(s->comm, st));
    LT_TRY(lt_comm_gather_all(s->comm, &mine, sizeof mine, all));
    *level = 0;
    for (int r = 0; r < n; r++)
        if (all[r] > *level) *level = all[r];
done:
    lt_job_close(&before);
    free(all);
    return st;
}

static void tell(const lt_setup *s, const lt_setting *x)
{
    char text[160];
    if (lt_comm_rank(s->comm) == 0)
        lt_log_warn(s->log, "memory is short: %s instead of what was asked for", lt_setting_text(s->task, x, text, sizeof text));
}

lt_status lt_settle(lt_setup *s)
{
    lt_status st = LT_OK;
    lt_setting x;
    int level = 0;
    const lt_ladder_ask ask = ask_for(s);
    if (!lt_ladder_quality(&ask, 1, &x)) return LT_OK;
    LT_TRY(level_of_all(s, &level));
    if (level == 0 || !lt_ladder_quality(&ask, level, &x)) goto done;
    tell(s, &x);
    const bool other = x.model != s->settings->model;
    s->env = lt_quality_env(&s->env, &x, &s->settled);
    s->settings = &s->settled;
    if (other && s->task->fit && s->weights) st = s->task->fit(&s->env);
    if (st < 0)
        st = lt_raise(LT_E_USAGE, __FILE__, __LINE__, __func__, "memory is short and --allow model takes %s: give its checkpoint to --weights (%s)",
                      lt_model_choice_name(x.model), lt_error_last()->text);
    LT_TRY(lt_agree_status(s->comm, st));
done:
    return st;
}
