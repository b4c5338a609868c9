#include "worker_private.h"

#include "need.h"
#include "plan_of.h"

#include <stdlib.h>

void lt_worker_close_session(lt_worker *w)
{
    lt_open_video *o = &w->open;
    if (o->session) w->s->task->close(&o->session);
    if (o->plan) w->s->task->plan_destroy(&o->plan);
    o->width = o->height = 0;
}

void lt_worker_close_video(lt_worker *w)
{
    lt_open_video *o = &w->open;
    lt_media_close(&o->media);
    lt_index_destroy(&o->index);
    free(o->frames);
    free(w->fetched);
    w->fetched = NULL;
    o->frames = NULL;
    o->video = -1;
}

/* A session for frames of this size. Packing a network's weights takes seconds, so videos of one size share it. */
static lt_status open_session(lt_worker *w, const lt_setting *setting, int width, int height)
{
    lt_status st = LT_OK;
    lt_open_video *o = &w->open;
    size_t n_bytes = 0;
    lt_settings room;
    if (o->session && o->width == width && o->height == height) {
        w->s->task->forget(o->session);
        return LT_OK;
    }
    lt_worker_close_session(w);
    const lt_task_env env = lt_setting_env(&w->s->env, setting, &room);
    LT_TRY(w->s->task->plan(&env, width, height, &o->plan, &n_bytes));
    LT_TRY(w->s->task->open(o->plan, &env, w->arena, w->pool, &o->session));
    o->width = width;
    o->height = height;
done:
    if (st < 0) lt_worker_close_session(w);
    return st;
}

static lt_status chosen_frames(lt_open_video *o, const json_t *video)
{
    lt_status st = LT_OK;
    const json_t *frame = json_object_get(video, "frame");
    o->n = json_integer_value(json_object_get(video, "n_frames"));
    o->frames = calloc((size_t)o->n + 1, sizeof *o->frames);
    if (!o->frames) LT_FAIL(LT_E_MEMORY, "no memory for an index of %lld frames", (long long)o->n);
    for (int64_t i = 0; i < o->n; i++)
        o->frames[i] = json_is_array(frame) ? json_integer_value(json_array_get(frame, (size_t)i)) : i;
done:
    return st;
}

/* The plan in words. That it cannot be had is no failure of the job. */
static void describe(lt_worker *w, int64_t v)
{
    lt_open_video *o = &w->open;
    const lt_media_info *info = lt_media_get_info(o->media);
    if (o->plan_text && lt_need_same(&o->info, info)) return;
    free(o->plan_text);
    o->plan_text = NULL;
    o->info = *info;
    if (lt_plan_of_video(w->s, v, info, &o->plan_text) >= 0) return;
    lt_log_debug(w->s->log, "segments are kept without their plan: %s", lt_error_last()->text);
    lt_error_clear();
}

lt_status lt_worker_open_video(lt_worker *w, int64_t v)
{
    lt_status st = LT_OK;
    lt_open_video *o = &w->open;
    const lt_setup_video *video = &w->s->videos[v];
    const lt_media_opts opts = lt_setup_media(w->s);
    const double start = lt_seconds();
    json_t *about = NULL;
    if (o->video == v) return LT_OK;
    lt_worker_close_video(w);
    LT_TRY(lt_job_get_video(w->s->job, video->input->id, &about));
    LT_TRY(lt_media_open(video->input->path, &opts, &o->media));
    lt_media_set_stop(o->media, lt_stop_flag(w->s->stop));
    LT_TRY(lt_index_from_json(json_object_get(about, "index"), &o->index));
    LT_TRY(lt_media_set_index(o->media, o->index));
    if (w->s->env.planes) LT_TRY(lt_media_use_device(o->media, w->s->compute.device, lt_arena_at(w->arena, w->s->reader_at), w->s->reader_bytes));
    LT_TRY(chosen_frames(o, about));
    LT_TRY(open_session(w, &video->setting, video->width, video->height));
    describe(w, v);
    o->video = v;
done:
    json_decref(about);
    lt_worker_spend(w, LT_STAGE_OPEN, lt_seconds() - start);
    if (st < 0) lt_worker_close_video(w);
    return st;
}
