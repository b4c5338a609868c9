#include "job.h"

#include "finish.h"
#include "need.h"
#include "settle.h"
#include "total.h"

#include <longtake/file.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- what the settings mean ---- */

static lt_status resolve_shard(lt_setup *s)
{
    lt_status st = LT_OK;
    const char *text = s->settings->shard, *source = NULL;
    lt_shard env;
    s->shard = (lt_shard){ 0, 1 };
    if (text && strcmp(text, "auto")) {
        LT_TRY(lt_shard_parse(text, &s->shard));
        return LT_OK;
    }
    LT_TRY(lt_shard_from_env(getenv, !text, &env, &source));
    if (env.index >= 0) {
        s->shard = env;
        return LT_OK;
    }
    if (text) LT_FAIL(LT_E_USAGE, "--shard auto: no launcher names a shard here (no array index in the environment): give --shard i/N");
    LT_TRY(lt_shard_from_env(getenv, 0, &env, &source));
    if (env.index >= 0 && lt_comm_rank(s->comm) == 0)
        lt_log_info(s->log, "%s numbers this task %d; it does the whole job, since --shard auto was not given", source, env.index);
done:
    return st;
}

/* The count that an index without one goes by: that of the job's first run. */
static lt_status shard_count(lt_setup *s, const json_t *run)
{
    lt_status st = LT_OK;
    if (s->shard.count > 0) return LT_OK;
    if (!run) LT_FAIL(LT_E_USAGE, "shard %d of how many? The first run of a job needs the count: give --shard %d/N or set LONGTAKE_SHARD_COUNT",
                      s->shard.index, s->shard.index);
    s->shard.count = (int)json_integer_value(json_object_get(run, "shards"));
    if (s->shard.index >= s->shard.count)
        LT_FAIL(LT_E_USAGE, "shard %d: this job has %d shards, 0 to %d", s->shard.index, s->shard.count, s->shard.count - 1);
done:
    return st;
}

lt_media_opts lt_setup_media(const lt_setup *s)
{
    lt_media_opts o = { 0 };
    o.max_res = (int)s->max_res;
    o.decoder = s->settings->decoder == LT_DECODE_NVDEC ? LT_DECODER_NVDEC : LT_DECODER_CPU;
    return o;
}

int lt_setup_prefetch(const lt_setup *s)
{
    return (int)s->prefetch;
}

lt_writer_opts lt_setup_writer(const lt_setup *s)
{
    size_t most = 0;
    for (int64_t v = 0; v < s->inputs.n; v++) {
        const lt_setup_video *video = &s->videos[v];
        if (video->status < 0 || !video->mine) continue;
        size_t n = lt_need_frame(s->fields, s->n_fields, video->width, video->height, &video->finish);
        if (n > most) most = n;
    }
    return lt_need_writer(s->settings, s->n_threads, most);
}

/* ---- run.json ---- */

static lt_status run_settings(lt_setup *s, const json_t *run, json_t **out)
{
    lt_status st = LT_OK;
    const lt_settings *o = s->settings;
    json_t *ids = json_array();
    char decoder[160];
    *out = NULL;
    snprintf(decoder, sizeof decoder, "%s%s", s->env.planes ? "nvdec, " : "", lt_media_library());
    for (int64_t i = 0; ids && i < s->inputs.n; i++) {
        lt_input *in = &s->inputs.items[i];
        const json_t *before = json_array_get(json_object_get(run, "inputs"), (size_t)i);
        const char *id = json_string_value(json_object_get(before, "id"));
        /* The first run's sizes cut the job for good, or a file that was mended would move its neighbours. */
        in->weight = id && !strcmp(id, in->id) ? json_integer_value(json_object_get(before, "size")) : in->bytes;
        if (json_array_append_new(ids, json_pack("{s:s s:I}", "id", in->id, "size", (json_int_t)in->weight)))
            LT_FAIL(LT_E_USAGE, "%s: the name of a video must be UTF-8: rename it", in->path);
    }
    *out = json_pack("{s:i s:s s:f s:I s:f s:f s:I s:I s:i s:s s:s s:s s:O?}", "format", 1, "task", s->task->name, "fps",
                     o->fps, "max-res", (json_int_t)s->max_res, "start", o->start, "end", o->end, "frames",
                     (json_int_t)o->frames, "segment-frames", (json_int_t)s->segment_frames, "shards", s->shard.count,
                     "shard-by", s->by_segment ? "segment" : "video", "device", s->device, "decoder",
                     decoder, "inputs", ids);
    if (!*out) LT_FAIL(LT_E_MEMORY, "no memory for the settings");
    LT_TRY(s->task->settings(&s->env, *out));
done:
    json_decref(ids);
    if (st < 0) {
        json_decref(*out);
        *out = NULL;
    }
    return st;
}

/* One kind of device works on a job, unless the user allows more: bits may differ between kinds. */
static lt_status one_kind(lt_setup *s, const json_t *run)
{
    lt_status st = LT_OK;
    int n = lt_comm_size(s->comm), allowed = (s->settings->allow & LT_ALLOW_MIXED_DEVICES) != 0;
    const char *pinned = run ? json_string_value(json_object_get(run, "device")) : NULL;
    char *all = calloc((size_t)n, sizeof s->device);
    if (!all) LT_FAIL(LT_E_MEMORY, "no memory to compare devices");
    LT_TRY(lt_comm_gather_all(s->comm, s->device, sizeof s->device, all));
    for (int r = 1; r < n; r++) {
        const char *other = all + (size_t)r * sizeof s->device;
        if (!strcmp(other, all)) continue;
        s->mixed = true;
        if (!allowed)
            LT_FAIL(LT_E_DEVICE, "rank 0 has '%s' and rank %d '%s', whose results may differ in the last bit: give --cpu-isa of the lower one, or --allow mixed-devices",
                    all, r, other);
    }
    if (pinned && strcmp(pinned, all)) {
        s->mixed = true;
        if (!allowed)
            LT_FAIL(LT_E_DEVICE, "%s was begun on '%s', this is '%s': give --cpu-isa, use such a device, or --allow mixed-devices",
                    s->settings->out, pinned, all);
    }
    snprintf(s->device, sizeof s->device, "%s", pinned ? pinned : all);
done:
    free(all);
    return st;
}

/* A folder that is not one sequence of images is a slip of the command line: said before a job directory is made. */
static lt_status check_folders(const lt_setup *s)
{
    lt_status st = LT_OK;
    struct stat sb;
    for (int64_t v = 0; v < s->inputs.n; v++) {
        lt_media *media = NULL;
        const lt_media_opts opts = { 0 };
        if (stat(s->inputs.items[v].path, &sb) || !S_ISDIR(sb.st_mode)) continue;
        st = lt_media_open(s->inputs.items[v].path, &opts, &media);
        lt_media_close(&media);
        if (st == LT_E_USAGE) LT_TRY(st);
        st = LT_OK;
    }
done:
    return st;
}

static lt_status open_directory(lt_setup *s)
{
    lt_status st = LT_OK;
    lt_job *before = NULL;
    json_t *settings = NULL;
    int64_t wanted = s->settings->segment_frames > 0 ? s->settings->segment_frames : s->task->segment_frames;
    const lt_grid grid = s->task->grid(s->settings);
    s->segment_frames = lt_segment_length(&grid, wanted);
    if (!s->settings->out) LT_FAIL(LT_E_USAGE, "where should the results go? Give --out DIR");
    st = lt_job_load(s->settings->out, &before);
    if (st < 0 && st != LT_E_ABSENT) LT_TRY(st);
    const json_t *run = before ? lt_job_settings(before) : NULL;
    LT_TRY(shard_count(s, run));
    LT_TRY(one_kind(s, run));
    s->by_segment = s->settings->shard_by == LT_SHARD_BY_SEGMENT ||
                    (s->settings->shard_by == LT_SHARD_BY_AUTO && s->inputs.n < 4 * (int64_t)s->shard.count);
    LT_TRY(run_settings(s, run, &settings));
    LT_TRY(lt_job_open(s->settings->out, settings, &s->job));
done:
    lt_job_close(&before);
    json_decref(settings);
    return st;
}

/* ---- videos ---- */

/* What one rank finds out about a video and tells the others. */
typedef struct {
    int32_t status, width, height;
    int64_t n_frames;
    lt_setting setting;
    lt_need need;
    char    why[LT_WHY];         /* with status LT_OK: what is wrong with a video that can be done all the same */
} probe;

/* The way in which a video of this size fits: what `plan` says. */
static lt_status fits(lt_setup *s, lt_media *media, const char *path, probe *p)
{
    lt_status st = LT_OK;
    lt_ladder *l = calloc(1, sizeof *l);
    const lt_ladder_ask ask = { .task = s->task, .env = &s->env, .fields = s->fields, .n_fields = s->n_fields, .name = path,
                                .info = *lt_media_get_info(media), .decoder_device = (int64_t)lt_media_device_bytes(media),
                                .n_threads = s->n_threads, .ranks = lt_comm_size(s->comm), .budget = s->least, .overhead = s->overhead };
    if (!l) LT_FAIL(LT_E_MEMORY, "no memory for a plan");
    LT_TRY(lt_ladder_walk(&ask, l));
    p->setting = l->candidates[l->chosen].setting;
    p->need = l->candidates[l->chosen].need;
done:
    free(l);
    return st;
}

static int64_t modified_ns(const char *path)
{
    struct stat sb;
    return stat(path, &sb) ? 0 : (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec;
}

/* The chosen frames and their times as JSON; `frame` is null where every frame is chosen. */
static lt_status describe_frames(const lt_index *index, const int64_t *frames, int64_t n, json_t **time, json_t **frame)
{
    lt_status st = LT_OK;
    bool all = n == index->n_frames;
    *time = json_array();
    *frame = all ? json_null() : json_array();
    if (!*time || !*frame) LT_FAIL(LT_E_MEMORY, "no memory for an index of %lld frames", (long long)n);
    for (int64_t i = 0; i < n; i++) {
        if (json_array_append_new(*time, json_real(index->time[frames[i]])) ||
            (!all && json_array_append_new(*frame, json_integer(frames[i]))))
            LT_FAIL(LT_E_MEMORY, "no memory for an index of %lld frames", (long long)n);
    }
done:
    return st;
}

/* A damaged container gives what it still has; the user must hear of it. */
static void note_damage(const char *path, const char *damage, probe *p)
{
    if (damage && *damage) snprintf(p->why, sizeof p->why, "%s: %s: frames may be missing from it", path, damage);
}

static lt_status put_video(lt_setup *s, const lt_input *in, const lt_media_info *info, const lt_index *index, probe *p)
{
    lt_status st = LT_OK;
    const lt_settings *o = s->settings;
    int64_t *frames = NULL, n = 0;
    json_t *time = NULL, *frame = NULL, *video = NULL, *facts = NULL;
    const lt_hash hash = { index->hash[0], index->hash[1] };
    char text[LT_HASH_TEXT];
    LT_TRY(lt_media_select(index, o->start, o->end, o->fps, o->frames, &frames, &n));
    if (n == 0) LT_FAIL(LT_E_DATA, "%s: no frame lies between --start and --end", in->path);
    LT_TRY(describe_frames(index, frames, n, &time, &frame));
    if (!(facts = lt_media_info_to_json(info))) LT_FAIL(LT_E_MEMORY, "no memory for the index of %s", in->path);
    video = json_pack("{s:s s:s s:I s:I s:s s:I s:i s:i s:O s:O s:O s:o}", "name", in->path, "path", in->path, "bytes",
                      (json_int_t)in->bytes, "modified_ns", (json_int_t)modified_ns(in->path), "input_hash",
                      lt_hash_text(hash, text), "n_frames", (json_int_t)n, "width", info->width, "height", info->height,
                      "time", time, "frame", frame, "media", facts, "index", lt_index_to_json(index));
    if (!video) LT_FAIL(LT_E_MEMORY, "no memory for the index of %s", in->path);
    LT_TRY(lt_job_put_video(s->job, in->id, video));
    note_damage(in->path, index->damage, p);
    p->n_frames = n;
done:
    free(frames);
    json_decref(time);
    json_decref(frame);
    json_decref(facts);
    json_decref(video);
    return st;
}

/* Whether video.json is there and the file looks untouched since; then it need not be read again. */
static lt_status known(lt_setup *s, const lt_input *in, probe *p, bool *yes)
{
    lt_status st = LT_OK;
    json_t *video = NULL;
    *yes = false;
    st = lt_job_get_video(s->job, in->id, &video);
    if (st == LT_E_ABSENT || st == LT_E_DATA) {
        st = LT_OK;
        goto done;
    }
    LT_TRY(st);
    if (json_integer_value(json_object_get(video, "bytes")) == in->bytes && in->bytes > 0 &&
        json_integer_value(json_object_get(video, "modified_ns")) == modified_ns(in->path)) {
        p->n_frames = json_integer_value(json_object_get(video, "n_frames"));
        note_damage(in->path, json_string_value(json_object_get(json_object_get(video, "index"), "damage")), p);
        *yes = true;
    }
done:
    json_decref(video);
    return st;
}

static lt_status look_at(lt_setup *s, const lt_input *in, probe *p)
{
    lt_status st = LT_OK;
    lt_media *media = NULL;
    lt_index *index = NULL;
    bool old = false;
    const lt_media_opts opts = lt_setup_media(s);
    LT_TRY(lt_video_id_check(in->id));
    LT_TRY(lt_media_open(in->path, &opts, &media));
    const lt_media_info *info = lt_media_get_info(media);
    LT_TRY(lt_media_info_check(info, opts.decoder, in->path));
    p->width = info->width;
    p->height = info->height;
    LT_TRY(fits(s, media, in->path, p));
    LT_TRY(known(s, in, p, &old));
    if (!old) {
        LT_TRY(lt_media_index(media, lt_stop_flag(s->stop), &index));
        LT_TRY(put_video(s, in, info, index, p));
    }
done:
    lt_index_destroy(&index);
    lt_media_close(&media);
    return st;
}

/* Each rank looks at every n-th video; a bad one is a finding, other failures end the job. */
static lt_status look_at_mine(lt_setup *s, probe *mine)
{
    lt_status st = LT_OK;
    int r = lt_comm_rank(s->comm), n = lt_comm_size(s->comm);
    for (int64_t v = r, i = 0; v < s->inputs.n; v += n, i++) {
        probe *p = &mine[i];
        if (!s->videos[v].mine) continue;
        if (atomic_load(lt_stop_flag(s->stop))) LT_FAIL(LT_E_STOPPED, "stopped while the inputs were looked at");
        st = look_at(s, &s->inputs.items[v], p);
        if (st == LT_E_DATA || st == LT_E_MEMORY || st == LT_E_ABSENT) {
            p->status = st;
            snprintf(p->why, sizeof p->why, "%s", lt_error_last()->text);
            st = LT_OK;
        }
        LT_TRY(st);
    }
done:
    return st;
}

/* What the second step is about, from what all shards and `merge` know: run.json and the video's size and length. */
static lt_status finish_config(const lt_setup *s, lt_setup_video *video)
{
    return s->task->finish->config(lt_job_settings(s->job), video->width, video->height, video->n_frames, &video->finish);
}

static lt_status look_at_all(lt_setup *s)
{
    lt_status st = LT_OK;
    int size = lt_comm_size(s->comm);
    int64_t each = (s->inputs.n + size - 1) / size;
    probe *mine = calloc((size_t)each, sizeof *mine), *all = calloc((size_t)(each * size), sizeof *all);
    if (!mine || !all) LT_FAIL(LT_E_MEMORY, "no memory for %lld videos", (long long)s->inputs.n);
    st = look_at_mine(s, mine);
    LT_TRY(lt_agree_status(s->comm, st));
    LT_TRY(lt_comm_gather_all(s->comm, mine, (size_t)each * sizeof *mine, all));
    for (int64_t v = 0; v < s->inputs.n; v++) {
        const probe *p = &all[v % size * each + v / size];
        lt_setup_video *video = &s->videos[v];
        video->status = (lt_status)p->status;
        memcpy(video->why, p->why, sizeof video->why);
        video->width = p->width;
        video->height = p->height;
        video->n_frames = p->status < 0 ? 0 : p->n_frames;
        video->setting = p->setting;
        video->need = p->need;
        video->finish = p->need.finish;
        if (s->task->finish && p->status >= 0) LT_TRY(finish_config(s, video));
    }
done:
    free(mine);
    free(all);
    return st;
}

/* Whole videos by the bytes of their files; by segment, every shard looks at every video. */
static lt_status share_videos(lt_setup *s)
{
    lt_status st = LT_OK;
    int64_t *bytes = calloc((size_t)s->inputs.n, sizeof *bytes);
    int *shard = calloc((size_t)s->inputs.n, sizeof *shard);
    s->videos = calloc((size_t)s->inputs.n, sizeof *s->videos);
    if (!bytes || !shard || !s->videos) LT_FAIL(LT_E_MEMORY, "no memory for %lld videos", (long long)s->inputs.n);
    for (int64_t v = 0; v < s->inputs.n; v++) bytes[v] = s->inputs.items[v].weight;
    lt_shard_cut(bytes, s->inputs.n, s->shard.count, shard);
    for (int64_t v = 0; v < s->inputs.n; v++) {
        s->videos[v].input = &s->inputs.items[v];
        s->videos[v].mine = s->by_segment || shard[v] == s->shard.index;
    }
done:
    free(bytes);
    free(shard);
    return st;
}

/* ---- pieces ---- */

static lt_status cut(lt_setup *s)
{
    lt_status st = LT_OK;
    int64_t n = 0, *weight = NULL;
    int *shard = NULL;
    for (int64_t v = 0; v < s->inputs.n; v++) {
        s->videos[v].first_piece = n;
        s->videos[v].n_pieces = lt_segment_count(s->videos[v].n_frames, s->segment_frames);
        n += s->videos[v].n_pieces;
    }
    s->n_pieces = n;
    s->pieces = calloc((size_t)n + 1, sizeof *s->pieces);
    weight = calloc((size_t)n + 1, sizeof *weight);
    shard = calloc((size_t)n + 1, sizeof *shard);
    if (!s->pieces || !weight || !shard) LT_FAIL(LT_E_MEMORY, "no memory for %lld segments", (long long)n);
    for (int64_t v = 0, i = 0; v < s->inputs.n; v++)
        for (int64_t k = 0; k < s->videos[v].n_pieces; k++, i++) {
            lt_range r = lt_segment_at(s->videos[v].n_frames, s->segment_frames, k);
            s->pieces[i] = (lt_setup_piece){ .video = (int)v, .range = r, .mine = s->videos[v].mine, .state = LT_SEGMENT_MISSING };
            if (s->task->finish) s->pieces[i].raw = s->task->finish->numbers(r);
            weight[i] = r.last - r.first + 1;
        }
    lt_shard_cut(weight, n, s->by_segment ? s->shard.count : 1, shard);
    for (int64_t i = 0; i < n && s->by_segment; i++) s->pieces[i].mine = shard[i] == s->shard.index;
    for (int64_t v = 0; v < s->inputs.n && s->by_segment; v++) {
        bool mine = s->videos[v].status < 0;
        for (int64_t k = 0; k < s->videos[v].n_pieces; k++) mine |= s->pieces[s->videos[v].first_piece + k].mine;
        s->videos[v].mine = mine;
    }
done:
    free(weight);
    free(shard);
    return st;
}

static void tell_warnings(const lt_setup *s, char *warnings)
{
    for (char *line = warnings, *rest; line && *line; line = rest) {
        rest = strchr(line, '\n');
        if (rest) *rest++ = 0;
        else rest = line + strlen(line);
        lt_log_warn(s->log, "%s", line);
    }
}

/* What earlier runs left of a piece. */
typedef struct {
    int64_t next;                /* the first frame to make; 0 and state 0: another rank looked */
    int64_t state;               /* lt_segment_state */
    int64_t raw_next, raw_done;  /* of two steps: the first number to make; whether all are */
} progress;

/* What earlier runs left of the first step of pieces that are not done. */
static lt_status scan_raw(lt_setup *s, int64_t v, progress *found)
{
    lt_status st = LT_OK;
    const lt_setup_video *video = &s->videos[v];
    for (int64_t i = video->first_piece; i < video->first_piece + video->n_pieces; i++) {
        lt_segment_state state;
        char *warnings = NULL;
        if (!s->pieces[i].mine || found[i].state != LT_SEGMENT_MISSING) continue;
        st = lt_ledger_raw(s->job, video->input->id, &s->pieces[i].raw, 1, false, &state, &found[i].raw_next, &warnings);
        tell_warnings(s, warnings);
        free(warnings);
        LT_TRY(st);
        found[i].raw_done = state != LT_SEGMENT_MISSING;
    }
done:
    return st;
}

/* Marks what earlier runs committed of one video. */
static lt_status scan_video(lt_setup *s, int64_t v, progress *found)
{
    lt_status st = LT_OK;
    const lt_setup_video *video = &s->videos[v];
    char *warnings = NULL;
    lt_range *ranges = calloc((size_t)video->n_pieces + 1, sizeof *ranges);
    lt_segment_state *states = calloc((size_t)video->n_pieces + 1, sizeof *states);
    int64_t *next = calloc((size_t)video->n_pieces + 1, sizeof *next);
    if (!ranges || !states || !next) LT_FAIL(LT_E_MEMORY, "no memory for %lld segments", (long long)video->n_pieces);
    for (int64_t k = 0; k < video->n_pieces; k++) ranges[k] = s->pieces[video->first_piece + k].range;
    LT_TRY(lt_ledger_reach(s->job, video->input->id, ranges, video->n_pieces, false, states, next, &warnings));
    tell_warnings(s, warnings);
    for (int64_t k = 0; k < video->n_pieces; k++) found[video->first_piece + k] = (progress){ .next = next[k], .state = states[k] };
    if (s->task->finish) LT_TRY(scan_raw(s, v, found));
done:
    free(next);
    free(ranges);
    free(states);
    free(warnings);
    return st;
}

static lt_status scan_all(lt_setup *s)
{
    lt_status st = LT_OK;
    int r = lt_comm_rank(s->comm), size = lt_comm_size(s->comm);
    const size_t row = (size_t)s->n_pieces + 1;
    progress *mine = calloc(row, sizeof *mine), *all = calloc(row * (size_t)size, sizeof *all);
    if (!mine || !all) LT_FAIL(LT_E_MEMORY, "no memory for %lld segments", (long long)s->n_pieces);
    for (int64_t v = r; v < s->inputs.n && st >= 0; v += size)
        if (s->videos[v].mine && s->videos[v].n_pieces) st = scan_video(s, v, mine);
    LT_TRY(lt_agree_status(s->comm, st));
    LT_TRY(lt_comm_gather_all(s->comm, mine, row * sizeof *mine, all));
    for (int64_t i = 0; i < s->n_pieces; i++)
        for (int k = 0; k < size; k++) {
            const progress *p = &all[(size_t)k * row + (size_t)i];
            if (p->raw_done) s->pieces[i].raw_done = true;
            if (p->raw_next > s->pieces[i].raw.first) s->pieces[i].raw.first = p->raw_next;
            if (p->state) s->pieces[i].state = (uint8_t)p->state;
            /* The second step always makes whole pieces. */
            else if (s->task->finish) continue;
            /* A stopped run committed the head of this one; the rest is a piece of its own. */
            else if (p->next > s->pieces[i].range.first) s->pieces[i].range.first = p->next;
        }
done:
    free(mine);
    free(all);
    return st;
}

static lt_status sum_up(lt_setup *s)
{
    lt_status st = LT_OK;
    lt_total all = { 0 };
    s->prefetch = s->settings->prefetch;
    for (int64_t v = 0; v < s->inputs.n; v++) {
        const lt_setup_video *video = &s->videos[v];
        if (video->status < 0 || !video->mine) continue;
        lt_total_add(&all, &video->need);
        const size_t record = s->task->finish ? lt_finishing_record_bytes(&video->finish) : 0;
        if (record > s->record_bytes) s->record_bytes = record;
        if (video->setting.prefetch < s->prefetch) s->prefetch = video->setting.prefetch;
    }
    s->arena_bytes = (size_t)all.arena;
    s->host_bytes = (size_t)all.host;
    s->staging_at = (size_t)all.staging_at;
    s->reader_at = (size_t)all.reader_at;
    s->reader_bytes = (size_t)all.reader;
    LT_TRY(lt_total_check(&all, &s->budget));
done:
    return st;
}

/* ---- all of it ---- */

/* Of a device whose memory several ranks share each has its part. A video is planned for the rank that may use least, since any may come to do it. */
static lt_status share_device(lt_setup *s)
{
    lt_status st = LT_OK;
    const int n = lt_comm_size(s->comm);
    char mine[LT_DEVICE_UUID] = "", *all = calloc((size_t)n, sizeof mine);
    lt_budget *budgets = calloc((size_t)n, sizeof *budgets);
    int sharing = 0;
    if (!all || !budgets) LT_FAIL(LT_E_MEMORY, "no memory for %d ranks", n);
    if (s->compute.device) snprintf(mine, sizeof mine, "%s", lt_device_get_facts(s->compute.device)->uuid);
    LT_TRY(lt_comm_gather_all(s->comm, mine, sizeof mine, all));
    for (int r = 0; r < n; r++) sharing += !strcmp(all + (size_t)r * sizeof mine, mine);
    if (s->compute.device) st = lt_place_budget(&s->compute, s->settings, sharing, lt_comm_local_size(s->comm));
    LT_TRY(lt_agree_status(s->comm, st));
    s->budget = s->least = s->compute.budget;
    if (s->compute.device) s->overhead = lt_device_overhead(lt_device_get_facts(s->compute.device));
    LT_TRY(lt_comm_gather_all(s->comm, &s->budget, sizeof s->budget, budgets));
    for (int r = 0; r < n; r++) lt_budget_least(&s->least, &budgets[r]);
done:
    free(budgets);
    free(all);
    return st;
}

static lt_status resolve_device(lt_setup *s)
{
    lt_status st = LT_OK;
    LT_TRY(lt_place_open(s->settings, lt_comm_local_rank(s->comm), lt_comm_local_size(s->comm), &s->compute));
    if (s->compute.note[0] && lt_comm_rank(s->comm) == 0) lt_log_info(s->log, "%s", s->compute.note);
    s->isa = s->compute.isa;
    s->n_threads = s->compute.n_threads;
    snprintf(s->device, sizeof s->device, "%s", s->compute.kind);
    if (s->settings->decoder == LT_DECODE_NVDEC && !s->compute.device)
        LT_FAIL(LT_E_DEVICE, "--decoder nvdec: its frames stay on a GPU, and this rank computes on the CPU: give --device cuda, or --decoder cpu");
    if (s->settings->decoder == LT_DECODE_NVDEC && !s->task->finish)
        LT_FAIL(LT_E_USAGE, "--decoder nvdec: --task %s takes frames from the CPU's memory: leave it out", s->task->name);
done:
    return st;
}

static lt_status open_weights(lt_setup *s)
{
    lt_status st = LT_OK;
    const lt_settings *o = s->settings;
    s->env = (lt_task_env){ .settings = o };
    s->max_res = lt_settings_given(o, "max-res") ? o->max_res : s->task->max_res;
    s->env.precision = LT_F32;
    if (s->task->finish) LT_TRY(lt_place_precision(&s->compute, o, &s->env.precision));
    s->env.machine = s->compute.machine;
    s->env.planes = o->decoder == LT_DECODE_NVDEC;
    s->env.scratch = o->scratch ? o->scratch : o->out;
    if (!s->task->takes_weights || !s->task->takes_weights()) goto done;
    if (!o->weights)
        LT_FAIL(LT_E_USAGE, "--task %s needs the weights of its model: give --weights FILE (longtake models list says where to get them), or "
                            "--weights synthetic:7 to try the program out", s->task->name);
    LT_TRY(lt_weights_open(o->weights, &s->weights));
    s->env.weights = s->weights;
    if (s->task->fit) LT_TRY(s->task->fit(&s->env));
done:
    /* A checkpoint is no input of the job that could be left out. */
    if (st == LT_E_DATA || st == LT_E_ABSENT) st = lt_raise(LT_E_USAGE, __FILE__, __LINE__, __func__, "--weights: %s", lt_error_last()->text);
    return st;
}

/* [collective] One rank reads the whole file, since all of them together would read it as many times. */
static lt_status hash_weights(lt_setup *s)
{
    lt_status st = LT_OK;
    lt_hash *all = calloc((size_t)lt_comm_size(s->comm), sizeof *all), mine = { 0, 0 };
    if (!all) st = lt_raise(LT_E_MEMORY, __FILE__, __LINE__, __func__, "no memory for %d ranks", lt_comm_size(s->comm));
    else if (s->weights && lt_comm_rank(s->comm) == 0) st = lt_weights_hash(s->weights, &mine);
    LT_TRY(lt_agree_status(s->comm, st));
    LT_TRY(lt_comm_gather_all(s->comm, &mine, sizeof mine, all));
    s->env.weights_hash = all[0];
    if (s->weights && lt_weights_is_synthetic(s->weights) && lt_comm_rank(s->comm) == 0)
        lt_log_warn(s->log, "meaningless: synthetic weights: the result has the shape of depth and is none");
done:
    free(all);
    return st;
}

lt_status lt_setup_make(const lt_settings *settings, lt_log *log, lt_comm *comm, lt_stop *stop, lt_setup *out)
{
    lt_status st = LT_OK;
    lt_setup *s = out;
    memset(s, 0, sizeof *s);
    s->settings = settings;
    s->log = log;
    s->comm = comm;
    s->stop = stop;
    if ((st = lt_task_find(settings->task, &s->task)) >= 0 && (st = s->task->fields(settings, s->fields, &s->n_fields)) >= 0 &&
        (st = resolve_shard(s)) >= 0 && (st = resolve_device(s)) >= 0)
        st = open_weights(s);
    if (st >= 0) st = lt_inputs_collect(settings, &s->inputs);
    if (st >= 0) st = check_folders(s);
    LT_TRY(lt_agree_status(comm, st));
    LT_TRY(share_device(s));
    LT_TRY(hash_weights(s));
    LT_TRY(lt_settle(s));
    st = open_directory(s);
    LT_TRY(lt_agree_status(comm, st));
    LT_TRY(share_videos(s));
    LT_TRY(look_at_all(s));
    LT_TRY(cut(s));
    LT_TRY(scan_all(s));
    LT_TRY(lt_agree_status(comm, sum_up(s)));
done:
    return st;
}

void lt_setup_free(lt_setup *s)
{
    lt_job_close(&s->job);
    lt_inputs_free(&s->inputs);
    lt_weights_close(&s->weights);
    lt_place_close(&s->compute);
    free(s->videos);
    free(s->pieces);
    memset(s, 0, sizeof *s);
}
