#include "job.h"

#include <stdlib.h>
#include <string.h>

struct lt_cut_table {
    json_t      *run;            /* a reference to the job's settings */
    const char **ids;            /* [n], borrowed from run */
    int64_t     *frames;         /* [n] of each result; 0 where there is no video.json */
    int         *shard;          /* [n] by video */
    int          n, shards;
    int64_t      segment_frames;
    bool         by_segment;
};

static lt_status read_inputs(lt_cut_table *t, const lt_job *job)
{
    lt_status st = LT_OK;
    const json_t *inputs = json_object_get(t->run, "inputs");
    int64_t *bytes = NULL;
    t->n = (int)json_array_size(inputs);
    t->ids = calloc((size_t)t->n + 1, sizeof *t->ids);
    t->frames = calloc((size_t)t->n + 1, sizeof *t->frames);
    t->shard = calloc((size_t)t->n + 1, sizeof *t->shard);
    bytes = calloc((size_t)t->n + 1, sizeof *bytes);
    if (!t->ids || !t->frames || !t->shard || !bytes) LT_FAIL(LT_E_MEMORY, "no memory for %d videos", t->n);
    for (int i = 0; i < t->n; i++) {
        const json_t *in = json_array_get(inputs, (size_t)i);
        json_t *video = NULL;
        t->ids[i] = json_string_value(json_object_get(in, "id"));
        bytes[i] = json_integer_value(json_object_get(in, "size"));
        if (!t->ids[i]) LT_FAIL(LT_E_DATA, "%s/run.json: input %d has no id", lt_job_dir(job), i);
        st = lt_job_get_video(job, t->ids[i], &video);
        if (st < 0 && st != LT_E_ABSENT && st != LT_E_DATA) LT_TRY(st);
        st = LT_OK;
        t->frames[i] = json_integer_value(json_object_get(video, "n_frames"));
        json_decref(video);
    }
    lt_shard_cut(bytes, t->n, t->shards, t->shard);
done:
    free(bytes);
    return st;
}

lt_status lt_cut_table_make(const lt_job *job, lt_cut_table **out)
{
    lt_status st = LT_OK;
    const char *by;
    lt_cut_table *t = calloc(1, sizeof *t);
    *out = NULL;
    if (!t) LT_FAIL(LT_E_MEMORY, "no memory for the cut of a job");
    t->run = json_deep_copy(lt_job_settings(job));
    t->shards = (int)json_integer_value(json_object_get(t->run, "shards"));
    t->segment_frames = json_integer_value(json_object_get(t->run, "segment-frames"));
    by = json_string_value(json_object_get(t->run, "shard-by"));
    t->by_segment = by && !strcmp(by, "segment");
    if (t->shards < 1 || t->segment_frames < 1)
        LT_FAIL(LT_E_DATA, "%s/run.json is not one of longtake's: it has no shards or segment-frames", lt_job_dir(job));
    LT_TRY(read_inputs(t, job));
    *out = t;
    t = NULL;
done:
    lt_cut_table_destroy(&t);
    return st;
}

static int place_of(const lt_cut_table *t, const char *id)
{
    for (int i = 0; i < t->n; i++)
        if (!strcmp(t->ids[i], id)) return i;
    return -1;
}

/* The shard of each segment of the job, in its order. */
static lt_status cut_segments(const lt_cut_table *t, int **out, int64_t *n_out)
{
    lt_status st = LT_OK;
    int64_t n = 0, *weight = NULL;
    int *shard = NULL;
    for (int i = 0; i < t->n; i++) n += lt_segment_count(t->frames[i], t->segment_frames);
    weight = calloc((size_t)n + 1, sizeof *weight);
    shard = calloc((size_t)n + 1, sizeof *shard);
    if (!weight || !shard) LT_FAIL(LT_E_MEMORY, "no memory for %lld segments", (long long)n);
    for (int64_t i = 0, k = 0; i < t->n; i++)
        for (int64_t j = 0; j < lt_segment_count(t->frames[i], t->segment_frames); j++, k++) {
            lt_range r = lt_segment_at(t->frames[i], t->segment_frames, j);
            weight[k] = r.last - r.first + 1;
        }
    lt_shard_cut(weight, n, t->shards, shard);
    *out = shard;
    *n_out = n;
    shard = NULL;
done:
    free(weight);
    free(shard);
    return st;
}

lt_status lt_cut_table_cut(void *table, const char *id, const json_t *video, lt_range **segments, int64_t *n,
                           int **shards)
{
    lt_status st = LT_OK;
    const lt_cut_table *t = table;
    int at = place_of(t, id), *all = NULL;
    int64_t first = 0, total = 0;
    (void)video;
    *n = at < 0 ? 0 : lt_segment_count(t->frames[at], t->segment_frames);
    *segments = calloc((size_t)*n + 1, sizeof **segments);
    *shards = calloc((size_t)*n + 1, sizeof **shards);
    if (!*segments || !*shards) LT_FAIL(LT_E_MEMORY, "no memory for %lld segments", (long long)*n);
    if (at < 0) return LT_OK;
    if (t->by_segment) LT_TRY(cut_segments(t, &all, &total));
    for (int i = 0; i < at; i++) first += lt_segment_count(t->frames[i], t->segment_frames);
    for (int64_t k = 0; k < *n; k++) {
        (*segments)[k] = lt_segment_at(t->frames[at], t->segment_frames, k);
        (*shards)[k] = t->by_segment ? all[first + k] : t->shard[at];
    }
    if (*n == 0) (*shards)[0] = t->by_segment ? 0 : t->shard[at];
done:
    free(all);
    return st;
}

const char *const *lt_cut_table_ids(const lt_cut_table *t, int *n)
{
    *n = t->n;
    return t->ids;
}

int lt_cut_table_shards(const lt_cut_table *t)
{
    return t->shards;
}

void lt_cut_table_destroy(lt_cut_table **table)
{
    lt_cut_table *t = *table;
    if (!t) return;
    json_decref(t->run);
    free(t->ids);
    free(t->frames);
    free(t->shard);
    free(t);
    *table = NULL;
}
