#include "plan_of.h"

#include "forecast_rows.h"

#include <longtake/plan_text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SIZES = 8 };

static lt_status add_video(const lt_media_info *info, lt_forecast *f)
{
    lt_status st = LT_OK;
    lt_forecast_video *v = &f->videos[f->n_videos];
    char name[64];
    v->ladder.chosen = -1;
    v->info = *info;
    snprintf(name, sizeof name, "%dx%d", info->coded_width, info->coded_height);
    if (!(v->name = strdup(name))) LT_FAIL(LT_E_MEMORY, "no memory for a plan");
    f->n_videos++;
done:
    return st;
}

static int64_t device_bytes(const lt_forecast_video *v)
{
    return v->ladder.candidates[v->ladder.chosen].need.device;
}

/* As lt_setup_make walked it: what of quality is given up was settled before. */
static lt_status walk(const lt_setup *s, int64_t video, lt_forecast *f)
{
    lt_status st = LT_OK;
    lt_forecast_video *v = &f->videos[f->n_videos - 1];
    const lt_ladder_ask ask = { .task = s->task, .env = &s->env, .fields = s->fields, .n_fields = s->n_fields, .name = v->name, .info = v->info,
                                .decoder_device = s->videos[video].need.decoder, .n_threads = s->n_threads, .ranks = lt_comm_size(s->comm),
                                .budget = s->least, .overhead = s->overhead };
    LT_TRY(lt_ladder_walk(&ask, &v->ladder));
    if (f->largest < 0 || device_bytes(v) > device_bytes(&f->videos[f->largest])) f->largest = f->n_videos - 1;
done:
    return st;
}

static lt_status begin(const lt_setup *s, int n_videos, lt_forecast *f)
{
    lt_status st = LT_OK;
    *f = (lt_forecast){ .task = s->task, .env = s->env, .budget = s->least, .host_limited = true, .overhead = s->overhead, .n_ranks = lt_comm_size(s->comm),
                        .n_threads = s->n_threads, .largest = -1 };
    snprintf(f->device, sizeof f->device, "%s", s->device);
    if (!(f->videos = calloc((size_t)n_videos, sizeof *f->videos))) LT_FAIL(LT_E_MEMORY, "no memory for a plan");
done:
    return st;
}

static lt_status print(const lt_setup *s, lt_forecast *f, char **text)
{
    lt_status st = LT_OK;
    size_t n = 0;
    char bytes[32];
    FILE *out = NULL;
    LT_TRY(lt_forecast_arena(f));
    if (!(out = open_memstream(text, &n))) LT_FAIL(LT_E_MEMORY, "no memory for a plan");
    lt_plan_print(f, 0, out);
    if ((int64_t)s->arena_bytes != f->arena)
        fprintf(out, "the arena of the job is that of its largest video: %s (%lld bytes)\n", lt_bytes_text((int64_t)s->arena_bytes, bytes, sizeof bytes),
                (long long)s->arena_bytes);
    if (s->settings == &s->settled)
        fprintf(out, "memory is short for the model, input size or precision that were asked for: those above were taken for all videos of the job\n");
    const int bad = ferror(out);
    if (fclose(out) != 0 || bad) {
        free(*text);
        *text = NULL;
        LT_FAIL(LT_E_MEMORY, "no memory for a plan");
    }
done:
    return st;
}

lt_status lt_plan_of_video(const lt_setup *s, int64_t video, const lt_media_info *info, char **text)
{
    lt_status st = LT_OK;
    lt_forecast f;
    *text = NULL;
    LT_TRY(begin(s, 1, &f));
    LT_TRY(add_video(info, &f));
    LT_TRY(walk(s, video, &f));
    LT_TRY(print(s, &f, text));
done:
    lt_forecast_free(&f);
    return st;
}

/* Whether frames of a video's size are in the list. */
static bool listed(const lt_forecast *f, const lt_setup_video *v)
{
    for (int i = 0; i < f->n_videos; i++) {
        const lt_forecast_video *have = &f->videos[i];
        if (have->info.width == v->width && have->info.height == v->height && have->ladder.candidates[have->ladder.chosen].need.host == v->need.host) return true;
    }
    return false;
}

lt_status lt_plan_of_job(const lt_setup *s, char **text)
{
    lt_status st = LT_OK;
    lt_forecast f;
    const lt_media_opts opts = lt_setup_media(s);
    lt_media *media = NULL;
    *text = NULL;
    LT_TRY(begin(s, MOST_SIZES, &f));
    for (int64_t v = 0; v < s->inputs.n && f.n_videos < MOST_SIZES; v++) {
        const lt_setup_video *video = &s->videos[v];
        if (!video->mine || video->status < 0 || listed(&f, video)) continue;
        LT_TRY(lt_media_open(video->input->path, &opts, &media));
        LT_TRY(add_video(lt_media_get_info(media), &f));
        LT_TRY(walk(s, v, &f));
        lt_media_close(&media);
    }
    if (f.largest >= 0) LT_TRY(print(s, &f, text));
done:
    lt_media_close(&media);
    lt_forecast_free(&f);
    return st;
}
