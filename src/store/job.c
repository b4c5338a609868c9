#include "store/job.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { RUN_JSON_MAX = 256 << 20, VIDEO_JSON_MAX = 1 << 30, SHOWN = 120 };

struct lt_job {
    char    dir[LT_PATH_MAX - 512];     /* leaves room for what lies below */
    json_t *settings;
    lt_hash hash;
};

/* Sorted keys and no white space: one text for one value. */
static char *canonical(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

/* A value as a user would write it, cut to a line. */
static void shown(const json_t *value, char text[SHOWN])
{
    char *all = value ? canonical(value) : NULL;
    const char *s = !value ? "nothing" : all ? all : "?";
    if (value && json_is_string(value)) s = json_string_value(value);
    snprintf(text, SHOWN, strlen(s) < SHOWN ? "%s" : "%.100s...", s);
    free(all);
}

static bool same_number(const json_t *a, const json_t *b)
{
    return json_is_number(a) && json_is_number(b) && json_number_value(a) == json_number_value(b);
}

/* The first place, in order of sorted keys, where two values differ; false where they do not. */
static bool differ(const json_t *a, const json_t *b, char *path, size_t room, const json_t **at_a, const json_t **at_b)
{
    size_t n = strlen(path);
    if (json_is_object(a) && json_is_object(b)) {
        const char *key;
        json_t *value, *both = json_object(), *other = (json_t *)b;
        bool found = false;
        json_object_update(both, (json_t *)a);
        json_object_update_missing(both, other);
        json_object_foreach(both, key, value) {
            snprintf(path + n, room - n, "%s%s", n ? "." : "", key);
            found = differ(json_object_get(a, key), json_object_get(b, key), path, room, at_a, at_b);
            if (found) break;
            path[n] = 0;
        }
        json_decref(both);
        return found;
    }
    if (json_is_array(a) && json_is_array(b)) {
        size_t count = json_array_size(a) > json_array_size(b) ? json_array_size(a) : json_array_size(b);
        for (size_t i = 0; i < count; i++) {
            snprintf(path + n, room - n, "[%zu]", i);
            if (differ(json_array_get(a, i), json_array_get(b, i), path, room, at_a, at_b)) return true;
            path[n] = 0;
        }
        return false;
    }
    *at_a = a;
    *at_b = b;
    if (!a || !b) return a != b;
    return !same_number(a, b) && !json_equal(a, b);
}

static lt_status parse(const char *path, const char *text, size_t n, json_t **out)
{
    lt_status st = LT_OK;
    json_error_t error;
    *out = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    if (!*out) LT_FAIL(LT_E_DATA, "%s is damaged: line %d: %s", path, error.line, error.text);
    if (!json_is_object(*out)) {
        json_decref(*out);
        *out = NULL;
        LT_FAIL(LT_E_DATA, "%s is damaged: it is no JSON object", path);
    }
done:
    return st;
}

static lt_status load(const char *path, size_t max, json_t **out)
{
    lt_status st = LT_OK;
    char *text = NULL;
    size_t n = 0;
    *out = NULL;
    LT_TRY(lt_file_read(path, max, &text, &n));
    LT_TRY(parse(path, text, n, out));
done:
    free(text);
    return st;
}

static lt_status job_new(const char *dir, lt_job **out)
{
    lt_status st = LT_OK;
    *out = calloc(1, sizeof **out);
    if (!*out) LT_FAIL(LT_E_MEMORY, "no memory for a job");
    if ((size_t)snprintf((*out)->dir, sizeof (*out)->dir, "%s", dir) >= sizeof (*out)->dir)
        LT_FAIL(LT_E_USAGE, "the name of the output directory is too long: %.200s...", dir);
done:
    return st;
}

/* Takes over a reference of `settings`. */
static lt_status job_settings(lt_job *job, json_t *settings)
{
    lt_status st = LT_OK;
    char *text = canonical(settings);
    job->settings = settings;
    if (!text) LT_FAIL(LT_E_MEMORY, "no memory for the settings of a job");
    job->hash = lt_hash_bytes(text, strlen(text));
done:
    free(text);
    return st;
}

/* Temporary files of killed runs, in the job's folder and in its videos'. */
void lt_job_sweep(const lt_job *job)
{
    char path[LT_PATH_MAX];
    struct stat about;
    DIR *dir = opendir(job->dir);
    lt_tmp_sweep(job->dir);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", job->dir, e->d_name);
        if (lstat(path, &about) != 0 || !S_ISDIR(about.st_mode)) continue;
        lt_tmp_sweep(path);
        strncat(path, "/raw", sizeof path - strlen(path) - 1);
        if (lstat(path, &about) == 0 && S_ISDIR(about.st_mode)) lt_tmp_sweep(path);
    }
    if (dir) closedir(dir);
}

/* Reads back what is in run.json, so that all runs hash the same text. */
static lt_status load_settings(lt_job *job)
{
    lt_status st = LT_OK;
    char path[LT_PATH_MAX];
    json_t *settings = NULL;
    snprintf(path, sizeof path, "%s/run.json", job->dir);
    LT_TRY(load(path, RUN_JSON_MAX, &settings));
    LT_TRY(job_settings(job, settings));
done:
    return st;
}

lt_status lt_job_open(const char *dir, const json_t *settings, lt_job **out)
{
    lt_status st = LT_OK;
    lt_job *job = NULL;
    char path[LT_PATH_MAX], where[512] = "", theirs[SHOWN], ours[SHOWN], *text = NULL;
    json_t *here = NULL;
    const json_t *a = NULL, *b = NULL;
    bool created = false;
    *out = NULL;
    LT_TRY(job_new(dir, &job));
    LT_TRY(lt_file_mkdirs(dir));
    snprintf(path, sizeof path, "%s/run.json", job->dir);
    text = json_dumps(settings, JSON_INDENT(2) | JSON_SORT_KEYS);
    if (!text || !json_is_object(settings)) LT_FAIL(LT_E_INTERNAL, "the settings of a job are no JSON object");
    LT_TRY(lt_file_create(path, text, strlen(text), &created));
    LT_TRY(load_settings(job));
    /* Our own settings take the same way through text, so that 0.1 is the same 0.1. */
    LT_TRY(parse("the settings", text, strlen(text), &here));
    if (differ(job->settings, here, where, sizeof where, &a, &b)) {
        shown(a, theirs);
        shown(b, ours);
        LT_FAIL(LT_E_USAGE, "%s was made with %s=%s, this run has %s=%s: use another --out or the same settings", path, where, theirs,
                where, ours);
    }
    lt_job_sweep(job);
    *out = job;
    job = NULL;
done:
    json_decref(here);
    free(text);
    lt_job_close(&job);
    return st;
}

lt_status lt_job_load(const char *dir, lt_job **out)
{
    lt_status st = LT_OK;
    lt_job *job = NULL;
    *out = NULL;
    LT_TRY(job_new(dir, &job));
    st = load_settings(job);
    if (st == LT_E_ABSENT) LT_FAIL(LT_E_ABSENT, "%s is not a job directory: it has no run.json", dir);
    LT_TRY(st);
    *out = job;
    job = NULL;
done:
    lt_job_close(&job);
    return st;
}

const char *lt_job_dir(const lt_job *job)
{
    return job->dir;
}

const json_t *lt_job_settings(const lt_job *job)
{
    return job->settings;
}

lt_hash lt_job_settings_hash(const lt_job *job)
{
    return job->hash;
}

void lt_job_close(lt_job **job)
{
    if (!*job) return;
    json_decref((*job)->settings);
    free(*job);
    *job = NULL;
}

/* ---- videos ---- */

lt_status lt_video_id_check(const char *id)
{
    lt_status st = LT_OK;
    static const char *const taken[] = { "run.json", "report.html", "metrics.prom", "stop" };
    size_t n = strlen(id);
    bool good = n >= 1 && n <= 200 && id[0] != '.' && (n < 3 || strcmp(id + n - 3, ".h5") != 0);
    for (size_t i = 0; i < n; i++)
        if (id[i] == '/' || (unsigned char)id[i] < 32 || id[i] == 127) good = false;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(id, taken[i]) == 0) good = false;
    if (!good) LT_FAIL(LT_E_USAGE, "'%.220s' cannot name a result: rename the input", id);
done:
    return st;
}

char *lt_job_result_path(const lt_job *job, const char *id, char *path)
{
    snprintf(path, LT_PATH_MAX, "%s/%s.h5", job->dir, id);
    return path;
}

char *lt_job_folder(const lt_job *job, const char *id, char *path)
{
    snprintf(path, LT_PATH_MAX, "%s/%s", job->dir, id);
    return path;
}

char *lt_job_raw_folder(const lt_job *job, const char *id, char *path)
{
    snprintf(path, LT_PATH_MAX, "%s/%s/raw", job->dir, id);
    return path;
}

char *lt_segment_file(const char *folder, lt_range frames, char *path)
{
    snprintf(path, LT_PATH_MAX, "%s/seg-%09lld-%09lld.h5", folder, (long long)frames.first, (long long)frames.last);
    return path;
}

char *lt_job_segment_path(const lt_job *job, const char *id, lt_range frames, char *path)
{
    char folder[LT_PATH_MAX];
    return lt_segment_file(lt_job_folder(job, id, folder), frames, path);
}

static bool all_of(const json_t *list, bool (*is)(const json_t *))
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!is(json_array_get(list, i))) return false;
    return true;
}

static bool is_number(const json_t *v)
{
    return json_is_number(v);
}

static bool is_integer(const json_t *v)
{
    return json_is_integer(v);
}

/* NULL, or the key that the store needs and does not find. */
static const char *lacks(const json_t *video)
{
    const json_t *n = json_object_get(video, "n_frames"), *time = json_object_get(video, "time"), *frame = json_object_get(video, "frame");
    size_t count = json_is_integer(n) && json_integer_value(n) >= 0 ? (size_t)json_integer_value(n) : (size_t)-1;
    if (!json_is_string(json_object_get(video, "name"))) return "name";
    if (!json_is_string(json_object_get(video, "input_hash"))) return "input_hash";
    if (count == (size_t)-1) return "n_frames";
    if (!json_is_integer(json_object_get(video, "width"))) return "width";
    if (!json_is_integer(json_object_get(video, "height"))) return "height";
    if (!json_is_array(time) || json_array_size(time) != count || !all_of(time, is_number)) return "time";
    if (!json_is_null(frame) && (!json_is_array(frame) || json_array_size(frame) != count || !all_of(frame, is_integer))) return "frame";
    return NULL;
}

lt_status lt_job_put_video(const lt_job *job, const char *id, const json_t *video)
{
    lt_status st = LT_OK;
    static const char *const keys[] = { "input_hash", "n_frames", "width", "height" };
    char path[LT_PATH_MAX], theirs[SHOWN], ours[SHOWN], *text = NULL;
    json_t *there = NULL;
    bool created = false;
    LT_TRY(lt_video_id_check(id));
    const char *missing = lacks(video);
    if (missing) LT_FAIL(LT_E_INTERNAL, "the facts of the video '%s' lack a valid '%s'", id, missing);
    LT_TRY(lt_file_mkdirs(lt_job_folder(job, id, path)));
    strncat(path, "/video.json", sizeof path - strlen(path) - 1);
    text = json_dumps(video, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text) LT_FAIL(LT_E_MEMORY, "no memory for the facts of the video '%s'", id);
    LT_TRY(lt_file_create(path, text, strlen(text), &created));
    if (created) goto done;
    LT_TRY(load(path, VIDEO_JSON_MAX, &there));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *a = json_object_get(there, keys[i]), *b = json_object_get(video, keys[i]);
        if (a && json_equal(a, b)) continue;
        shown(a, theirs);
        shown(b, ours);
        LT_FAIL(LT_E_USAGE, "%s is not the file this job began with: %s is %s, it was %s: use another --out, or remove %s/%s and %s/%s.h5",
                json_string_value(json_object_get(video, "name")), keys[i], ours, theirs, job->dir, id, job->dir, id);
    }
done:
    json_decref(there);
    free(text);
    return st;
}

lt_status lt_job_get_video(const lt_job *job, const char *id, json_t **video)
{
    lt_status st = LT_OK;
    char path[LT_PATH_MAX];
    *video = NULL;
    LT_TRY(lt_video_id_check(id));
    lt_job_folder(job, id, path);
    strncat(path, "/video.json", sizeof path - strlen(path) - 1);
    LT_TRY(load(path, VIDEO_JSON_MAX, video));
    const char *missing = lacks(*video);
    if (missing) {
        json_decref(*video);
        *video = NULL;
        LT_FAIL(LT_E_DATA, "%s is damaged: it lacks a valid '%s'", path, missing);
    }
done:
    return st;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Calls for each video of the directory; counts where `list` is NULL. */
static void each_video(const lt_job *job, DIR *dir, char **list, char *room, int *n, size_t *bytes)
{
    char path[LT_PATH_MAX];
    struct stat about;
    int max = *n;
    size_t left = *bytes;
    *n = 0;
    *bytes = 0;
    rewinddir(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        size_t length = strlen(e->d_name) + 1;
        if (lt_video_id_check(e->d_name) < 0) continue;
        snprintf(path, sizeof path, "%s/%s/video.json", job->dir, e->d_name);
        if (stat(path, &about) < 0 || !S_ISREG(about.st_mode)) continue;
        /* A video that appeared since the count waits for the next look. */
        if (list && (*n >= max || *bytes + length > left)) break;
        if (list) list[*n] = memcpy(room + *bytes, e->d_name, length);
        *bytes += length;
        ++*n;
    }
}

lt_status lt_job_videos(const lt_job *job, char ***ids, int *n)
{
    lt_status st = LT_OK;
    size_t bytes = 0;
    DIR *dir = opendir(job->dir);
    *ids = NULL;
    *n = 0;
    if (!dir) LT_FAIL(LT_E_STORE, "cannot read the directory %s", job->dir);
    each_video(job, dir, NULL, NULL, n, &bytes);
    char **list = malloc(((size_t)*n + 1) * sizeof *list + bytes);
    if (!list) LT_FAIL(LT_E_MEMORY, "no memory to list %s", job->dir);
    each_video(job, dir, list, (char *)(list + *n + 1), n, &bytes);
    qsort(list, (size_t)*n, sizeof *list, by_bytes);
    *ids = list;
done:
    if (dir) closedir(dir);
    return st;
}

/* ---- segments ---- */

const char *lt_segment_state_name(lt_segment_state state)
{
    return state == LT_SEGMENT_DONE ? "done" : state == LT_SEGMENT_FAILED ? "failed" : "missing";
}

void lt_segment_row_init(lt_segment_row *row)
{
    *row = (lt_segment_row){ .rank = -1, .scale = NAN, .shift = NAN, .det = NAN, .residual = NAN, .anchor = -1,
                             .planned_bytes = -1, .observed_bytes = -1, .host_planned_bytes = -1, .host_observed_bytes = -1, .seconds = NAN,
                             .seconds_decode = NAN, .seconds_network = NAN, .seconds_store = NAN, .state = LT_SEGMENT_DONE };
}
