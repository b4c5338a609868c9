#include <longtake/forecast.h>

#include "finish.h"
#include "forecast_rows.h"
#include "inputs.h"
#include "need.h"
#include "total.h"

#include <longtake/align.h>
#include <longtake/place.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a machine that nobody has told us of. */
static const int64_t boundless = INT64_MAX / 4;

static bool on_gpu(const lt_forecast *f)
{
    return f->env.machine.backend == LT_BACKEND_CUDA;
}

/* ---- the device ---- */

static lt_status budget(lt_forecast *f, const lt_settings *s)
{
    lt_status st = LT_OK;
    const lt_budget_opts o = { (int64_t)s->memory_limit, s->memory_fraction, (int64_t)s->host_memory_limit, f->n_ranks };
    f->host_limited = true;
    f->overhead = (int64_t)f->profile.overhead;
    if (!on_gpu(f)) return lt_budget_cpu(&o, &f->budget);
    LT_TRY(lt_budget_gpu(&o, (int64_t)f->profile.memory, (int64_t)f->profile.usable, 1, f->overhead, &f->budget));
    f->host_limited = s->host_memory_limit > 0;
    f->budget.host = f->host_limited ? (int64_t)s->host_memory_limit : boundless;
    f->budget.host_binds = LT_LIMIT_HOST_OPTION;
    f->budget.pool = 2 * boundless;
done:
    return st;
}

static lt_status device(lt_forecast *f, const lt_settings *s)
{
    lt_status st = LT_OK;
    lt_isa isa;
    lt_place place = { .device = NULL };
    const int cpus = lt_cpus_allowed();
    LT_TRY(lt_isa_parse(s->cpu_isa ? s->cpu_isa : "auto", &isa));
    f->n_threads = s->threads > 0 ? (int)s->threads : cpus > f->n_ranks ? cpus / f->n_ranks : 1;
    if (s->device_profile) {
        LT_TRY(lt_profile_read(s->device_profile, &f->profile));
        f->profiled = true;
    }
    place.machine = lt_profile_machine(&f->profile, isa, f->n_threads);
    if (place.machine.backend == LT_BACKEND_CUDA) {
        snprintf(f->device, sizeof f->device, "%s", f->profile.name ? f->profile.name : s->device_profile);
        if (!lt_op_candidates(LT_OP_linear, LT_BACKEND_CUDA)[0])
            LT_FAIL(LT_E_DEVICE, "--device-profile %s: this build of longtake has no CUDA, so it cannot know what its GPU kernels take: use one that has (LT_CUDA=ON)",
                    s->device_profile);
    } else {
        snprintf(f->device, sizeof f->device, "cpu %s", lt_isa_name(isa));
    }
    snprintf(place.kind, sizeof place.kind, "%s", f->device);
    f->env = (lt_task_env){ .settings = s, .precision = LT_F32, .planes = s->decoder == LT_DECODE_NVDEC };
    if (f->env.planes && place.machine.backend == LT_BACKEND_CPU)
        LT_FAIL(LT_E_DEVICE, "--decoder nvdec: its frames stay on a GPU, and this plan is for a CPU: give --device-profile of a GPU, or --decoder cpu");
    if (f->env.planes && !f->task->finish)
        LT_FAIL(LT_E_USAGE, "--decoder nvdec: --task %s takes frames from the CPU's memory: leave it out", f->task->name);
    if (f->task->finish) LT_TRY(lt_place_precision(&place, s, &f->env.precision));
    f->env.machine = place.machine;
    LT_TRY(budget(f, s));
done:
    return st;
}

/* ---- videos ---- */

/* Frames that --start, --end, --fps and --frames leave of so many. */
static int64_t chosen(const lt_settings *s, double n, double fps)
{
    if (fps > 0) {
        const double duration = n / fps, end = s->end > 0 && s->end < duration ? s->end : duration;
        n = end > s->start ? (end - s->start) * fps : 0;
        if (s->fps > 0 && fps > s->fps) n /= rint(fps / s->fps);
    }
    const int64_t all = (int64_t)llrint(n);
    return s->frames > 0 && s->frames < all ? s->frames : all;
}

static lt_decoder decoder(const lt_settings *s)
{
    return s->decoder == LT_DECODE_NVDEC ? LT_DECODER_NVDEC : LT_DECODER_CPU;
}

/* What the header says; the index, which reads the whole file, where it does not. */
static lt_status look(const lt_settings *s, const char *path, int max_res, lt_forecast_video *v)
{
    lt_status st = LT_OK;
    lt_media *media = NULL;
    lt_index *index = NULL;
    int64_t *frames = NULL;
    const lt_media_opts opts = { .max_res = max_res, .decoder = decoder(s) };
    LT_TRY(lt_media_open(path, &opts, &media));
    v->info = *lt_media_get_info(media);
    LT_TRY(lt_media_info_check(&v->info, opts.decoder, path));
    if (v->info.duration > 0 && v->info.avg_fps > 0) {
        v->n_frames = chosen(s, v->info.duration * v->info.avg_fps, v->info.avg_fps);
        goto done;
    }
    LT_TRY(lt_media_index(media, NULL, &index));
    LT_TRY(lt_media_select(index, s->start, s->end, s->fps, s->frames, &frames, &v->n_frames));
    v->counted = true;
done:
    free(frames);
    lt_index_destroy(&index);
    lt_media_close(&media);
    return st;
}

static lt_status one_size(lt_forecast *f, const lt_settings *s, int max_res)
{
    lt_status st = LT_OK;
    lt_forecast_video *v;
    char name[48];
    if (!(f->videos = v = calloc(1, sizeof *v))) LT_FAIL(LT_E_MEMORY, "no memory for a plan");
    f->n_videos = 1;
    /* A frame a second. Of the codecs, h264 has the decoder that keeps most frames. */
    v->info = (lt_media_info){ .width = s->size.width, .height = s->size.height, .coded_width = s->size.width, .coded_height = s->size.height, .bit_depth = 8,
                               .duration = (double)s->frames, .avg_fps = 1, .codec = "h264", .pixel_format = "yuv420p" };
    lt_media_scale(max_res, &v->info.width, &v->info.height);
    v->n_frames = s->frames;
    v->counted = true;
    snprintf(name, sizeof name, "%dx%d", s->size.width, s->size.height);
    if (!(v->name = strdup(name))) LT_FAIL(LT_E_MEMORY, "no memory for a plan");
    LT_TRY(lt_media_info_check(&v->info, decoder(s), name));
done:
    return st;
}

static lt_status collect(lt_forecast *f, const lt_settings *s)
{
    lt_status st = LT_OK;
    lt_inputs inputs = { 0 };
    const int max_res = (int)(lt_settings_given(s, "max-res") ? s->max_res : f->task->max_res);
    if (s->size.width) return one_size(f, s, max_res);
    LT_TRY(lt_inputs_collect(s, &inputs));
    if (!(f->videos = calloc((size_t)inputs.n, sizeof *f->videos))) LT_FAIL(LT_E_MEMORY, "no memory for %lld videos", (long long)inputs.n);
    f->n_videos = (int)inputs.n;
    for (int i = 0; i < f->n_videos; i++) {
        lt_forecast_video *v = &f->videos[i];
        if (!(v->name = strdup(inputs.items[i].path))) LT_FAIL(LT_E_MEMORY, "no memory for %lld videos", (long long)inputs.n);
        v->status = look(s, v->name, max_res, v);
        if (v->status == LT_E_DATA || v->status == LT_E_ABSENT) snprintf(v->why, sizeof v->why, "%s", lt_error_last()->text);
        else LT_TRY(v->status);
    }
done:
    lt_inputs_free(&inputs);
    return st;
}

static lt_ladder_ask ask_for(const lt_forecast *f, int i, const lt_field *fields, int n_fields)
{
    const lt_forecast_video *v = &f->videos[i];
    return (lt_ladder_ask){ .task = f->task, .env = &f->env, .fields = fields, .n_fields = n_fields, .name = v->name, .info = v->info,
                            .decoder_device = (int64_t)lt_media_info_device_bytes(&v->info, decoder(f->env.settings)), .n_threads = f->n_threads,
                            .ranks = f->n_ranks, .budget = f->budget, .overhead = f->overhead, .quality = true };
}

/* The ladder of a video; those of one size share it. */
static lt_status walk(lt_forecast *f, int i, const lt_ladder_ask *ask)
{
    lt_status st = LT_OK;
    lt_forecast_video *v = &f->videos[i];
    for (int k = 0; k < i; k++) {
        const lt_forecast_video *twin = &f->videos[k];
        if (!twin->ladder.n || !lt_need_same(&twin->info, &v->info)) continue;
        v->ladder = twin->ladder;
        v->status = twin->status;
        /* The sentence begins with the name of the video. */
        if (v->status < 0) snprintf(v->why, sizeof v->why, "%s%s", v->name, twin->why + strlen(twin->name));
        return LT_OK;
    }
    v->status = lt_ladder_walk(ask, &v->ladder);
    if (v->status == LT_E_MEMORY || v->status == LT_E_DATA) snprintf(v->why, sizeof v->why, "%s", lt_error_last()->text);
    else LT_TRY(v->status);
done:
    return st;
}

/* All videos of a job have one quality, the lowest that one of them needs; where that is not the one asked for, all are walked again at it. */
static lt_status walk_all(lt_forecast *f, const lt_field *fields, int n_fields)
{
    lt_status st = LT_OK;
    int level = 0;
    lt_setting x;
    for (int i = 0; i < f->n_videos; i++) {
        const lt_ladder_ask ask = ask_for(f, i, fields, n_fields);
        lt_ladder *l = &f->videos[i].ladder;
        l->chosen = -1;
        if (f->videos[i].status < 0) continue;
        LT_TRY(walk(f, i, &ask));
        if (l->chosen >= 0 && l->candidates[l->chosen].quality > level) level = l->candidates[l->chosen].quality;
    }
    if (!level || f->n_videos < 2) return LT_OK;
    const lt_ladder_ask first = ask_for(f, 0, fields, n_fields);
    if (!lt_ladder_quality(&first, level, &x)) LT_FAIL(LT_E_INTERNAL, "there is no quality %d", level);
    lt_settings room;
    const lt_task_env settled = lt_quality_env(&f->env, &x, &room);
    for (int i = 0; i < f->n_videos; i++) {
        lt_forecast_video *v = &f->videos[i];
        const bool walked = v->ladder.n > 0;
        if (!walked || (v->ladder.chosen >= 0 && v->ladder.candidates[v->ladder.chosen].quality == level)) continue;
        lt_ladder_ask ask = ask_for(f, i, fields, n_fields);
        ask.env = &settled;
        ask.quality = false;
        v->ladder.n = 0;
        v->ladder.chosen = -1;
        v->status = LT_OK;
        LT_TRY(walk(f, i, &ask));
    }
done:
    return st;
}

static const lt_candidate *taken(const lt_forecast_video *v)
{
    return v->ladder.chosen < 0 ? NULL : &v->ladder.candidates[v->ladder.chosen];
}

/* ---- the arena ---- */

lt_status lt_forecast_arena(lt_forecast *f)
{
    lt_status st = LT_OK;
    const lt_forecast_video *v = &f->videos[f->largest];
    const lt_candidate *c = taken(v);
    lt_settings room;
    const lt_task_env env = lt_setting_env(&f->env, &c->setting, &room);
    lt_total all = { 0 };
    size_t n_bytes = 0;
    for (int i = 0; i < f->n_videos; i++)
        if (taken(&f->videos[i])) lt_total_add(&all, &taken(&f->videos[i])->need);
    LT_TRY(f->task->plan(&env, v->info.width, v->info.height, &f->plan, &n_bytes));
    if (f->task->layout) f->task->layout(f->plan, &f->layout);
    if (f->layout.network) lt_forecast_network(f);
    else lt_forecast_add(f, LT_ROW_BUFFERS, "", (int64_t)n_bytes);
    lt_forecast_add(f, LT_ROW_RING, "", (int64_t)f->layout.ring_bytes);
    lt_forecast_add(f, LT_ROW_STAGING, "", all.staging);
    lt_forecast_add(f, LT_ROW_READER, "", all.reader);
    lt_forecast_add(f, LT_ROW_DECODER, "", all.decoder);
    lt_forecast_add(f, LT_ROW_OVERHEAD, "", f->overhead);
    f->arena = all.arena;
    f->host = all.host;
    f->staging_at = all.staging_at;
    f->reader_at = all.reader_at;
    LT_TRY(lt_total_check(&all, &f->budget));
    f->fits = true;
done:
    return st;
}

/* ---- who does what ---- */

typedef struct {
    int      video, owner;
    lt_range range;
} piece;

static double piece_work(const lt_forecast *f, const piece *p, bool follows)
{
    const lt_range numbers = f->task->finish ? f->task->finish->numbers(p->range) : p->range;
    const lt_media_info *a = &f->videos[p->video].info, *b = &f->videos[f->largest].info;
    /* The plan in hand is that of the largest; work of other sizes goes by their pixels. */
    const double scale = (double)a->width * a->height / ((double)b->width * b->height);
    return scale * f->task->work(f->plan, numbers, f->videos[p->video].n_frames, follows);
}

/* Ranks that are equally fast, each taking its next segment in turn. */
static lt_status share(lt_forecast *f, piece *pieces, const int64_t *weight)
{
    lt_status st = LT_OK;
    lt_handout *h = NULL;
    int64_t *last = calloc((size_t)f->n_ranks, sizeof *last);
    if (!last) LT_FAIL(LT_E_MEMORY, "no memory for %d ranks", f->n_ranks);
    LT_TRY(lt_handout_create(weight, NULL, f->n_segments, f->n_ranks, &h));
    for (int r = 0; r < f->n_ranks; r++) last[r] = -2;
    for (int r = 0; lt_handout_left(h) > 0; r = (r + 1) % f->n_ranks) {
        const int64_t i = lt_handout_next(h, r);
        lt_forecast_rank *rank = &f->ranks[r];
        if (i < 0) continue;
        pieces[i].owner = r;
        rank->segments++;
        rank->frames += weight[i];
        if (f->task->work) rank->flops += piece_work(f, &pieces[i], last[r] == i - 1 && pieces[last[r]].video == pieces[i].video);
        last[r] = i;
    }
    for (int64_t i = 1; i < f->n_segments; i++)
        if (pieces[i].video == pieces[i - 1].video && pieces[i].owner != pieces[i - 1].owner) f->ranks[pieces[i].owner].halos++;
done:
    lt_handout_destroy(&h);
    free(last);
    return st;
}

static lt_status segments(lt_forecast *f, const lt_settings *s)
{
    lt_status st = LT_OK;
    const lt_grid grid = f->task->grid(s);
    int64_t *weight = NULL, n = 0;
    piece *pieces = NULL;
    f->segment_frames = lt_segment_length(&grid, s->segment_frames > 0 ? s->segment_frames : f->task->segment_frames);
    for (int v = 0; v < f->n_videos; v++)
        if (taken(&f->videos[v])) f->n_segments += lt_segment_count(f->videos[v].n_frames, f->segment_frames);
    weight = calloc((size_t)f->n_segments + 1, sizeof *weight);
    pieces = calloc((size_t)f->n_segments + 1, sizeof *pieces);
    f->ranks = calloc((size_t)f->n_ranks, sizeof *f->ranks);
    if (!weight || !pieces || !f->ranks) LT_FAIL(LT_E_MEMORY, "no memory for %lld segments", (long long)f->n_segments);
    for (int v = 0; v < f->n_videos; v++) {
        if (!taken(&f->videos[v])) continue;
        for (int64_t k = 0; k < lt_segment_count(f->videos[v].n_frames, f->segment_frames); k++, n++) {
            pieces[n] = (piece){ v, 0, lt_segment_at(f->videos[v].n_frames, f->segment_frames, k) };
            weight[n] = pieces[n].range.last - pieces[n].range.first + 1;
            f->n_frames += weight[n];
        }
    }
    if (n) LT_TRY(share(f, pieces, weight));
done:
    free(weight);
    free(pieces);
    return st;
}

/* ---- disk and time ---- */

static void disk(lt_forecast *f, const lt_field *fields, int n_fields)
{
    for (int v = 0; v < f->n_videos; v++) {
        const lt_candidate *c = taken(&f->videos[v]);
        const lt_media_info *i = &f->videos[v].info;
        int64_t frame = 0;
        if (!c) continue;
        for (int k = 0; k < n_fields; k++) frame += (int64_t)(lt_field_values(&fields[k], i->width, i->height) * lt_dtype_bytes(fields[k].dtype));
        f->result_bytes += frame * f->videos[v].n_frames;
        if (f->task->finish)
            f->segment_bytes += lt_window_count(f->videos[v].n_frames) * LT_WINDOW_FRAMES * c->need.finish.net_width * c->need.finish.net_height * 4;
    }
    /* Final segments hold the same values as the result, and go when it is written and checked; raw ones with them. */
    f->segment_bytes += f->result_bytes;
    f->peak_bytes = f->result_bytes + f->segment_bytes;
}

static void work(lt_forecast *f)
{
    double most = 0;
    for (int r = 0; r < f->n_ranks; r++) {
        f->flops += f->ranks[r].flops;
        if (f->ranks[r].flops > most) most = f->ranks[r].flops;
    }
    const lt_dtype type = taken(&f->videos[f->largest])->setting.precision;
    const double rate = f->profiled ? lt_profile_rate(&f->profile, type, f->env.machine.tf32) : 0;
    if (rate > 0) f->seconds = most / (rate * 1e12);
}

/* ---- all of it ---- */

lt_status lt_forecast_make(const lt_settings *s, lt_forecast *f)
{
    lt_status st = LT_OK;
    lt_field fields[LT_TASK_FIELDS];
    int n_fields = 0, bad = -1;
    memset(f, 0, sizeof *f);
    f->largest = -1;
    f->n_ranks = (int)s->ranks;
    LT_TRY(lt_task_find(s->task, &f->task));
    LT_TRY(f->task->fields(s, fields, &n_fields));
    LT_TRY(device(f, s));
    LT_TRY(collect(f, s));
    LT_TRY(walk_all(f, fields, n_fields));
    for (int i = 0; i < f->n_videos; i++) {
        const lt_candidate *c;
        if (f->videos[i].status < 0 && (bad < 0 || f->videos[i].status == LT_E_MEMORY)) bad = i;
        if ((c = taken(&f->videos[i])) && (f->largest < 0 || c->need.plan > taken(&f->videos[f->largest])->need.plan)) f->largest = i;
    }
    if (f->largest < 0) LT_FAIL(f->videos[bad].status, "%s", f->videos[bad].why);
    LT_TRY(lt_forecast_arena(f));
    f->halo_bytes = f->task->finish ? (int64_t)lt_finishing_record_bytes(&taken(&f->videos[f->largest])->need.finish) : 0;
    LT_TRY(segments(f, s));
    disk(f, fields, n_fields);
    work(f);
done:
    return st;
}

void lt_forecast_free(lt_forecast *f)
{
    if (f->plan) f->task->plan_destroy(&f->plan);
    for (int i = 0; i < f->n_videos; i++) free(f->videos[i].name);
    free(f->videos);
    free(f->ranks);
    lt_profile_free(&f->profile);
    memset(f, 0, sizeof *f);
}
