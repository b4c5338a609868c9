/* A small job with values that are a function of (seed, field, frame, place). */
#ifndef LT_TESTS_STORE_MAKE_H
#define LT_TESTS_STORE_MAKE_H

#include "check.h"

#include <longtake/result.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const make_xy[] = { "x", "y" };
static const lt_field make_fields[] = {
    { "flow", LT_F32, 2, make_xy, "pixel", "forward flow", NAN },
    { "depth", LT_F16, 0, NULL, "1", "relative depth", NAN },
    { "occluded", LT_U8, 0, NULL, "1", "occlusion", 255 },
};
enum { MAKE_FIELDS = 3 };

typedef struct {
    int     width, height;
    int64_t n_frames, length;       /* of the video; of a segment */
    int     n_threads, level;
} make_opts;

static inline float make_value(int field, int64_t t, size_t i)
{
    uint32_t x = (uint32_t)(i * 2654435761u) ^ (uint32_t)(t * 40503 + field * 977 + 1);
    x ^= x >> 15, x *= 2246822519u, x ^= x >> 13;
    return sinf((float)(i % 977) * 0.01f + (float)t) * 8 + (float)(x & 1023u) / 512.0f;
}

static inline void make_frame(const make_opts *o, int64_t t, void *out[MAKE_FIELDS])
{
    size_t n = (size_t)o->width * (size_t)o->height;
    for (size_t i = 0; i < 2 * n; i++) ((float *)out[0])[i] = make_value(0, t, i);
    for (size_t i = 0; i < n; i++) ((float *)out[1])[i] = make_value(1, t, i);
    for (size_t i = 0; i < n; i++) ((uint8_t *)out[2])[i] = make_value(2, t, i) > 0;
}

static inline size_t make_bytes(const make_opts *o)
{
    return (size_t)o->width * (size_t)o->height * 13;
}

static inline json_t *make_video(const make_opts *o)
{
    json_t *time = json_array(), *frame = json_array();
    for (int64_t t = 0; t < o->n_frames; t++) {
        json_array_append_new(time, json_real((double)t / 25));
        json_array_append_new(frame, json_integer(2 * t));
    }
    return json_pack("{s:s, s:s, s:I, s:i, s:i, s:o, s:o}", "name", "film.mp4", "input_hash", "abc", "n_frames",
                     (json_int_t)o->n_frames, "width", o->width, "height", o->height, "time", time, "frame", frame);
}

static inline lt_status make_open(const char *dir, lt_job **job)
{
    json_t *settings = json_pack("{s:s, s:f, s:{s:i}}", "preset", "best", "ratio", 0.1, "flow", "levels", 4);
    lt_status st = lt_job_open(dir, settings, job);
    json_decref(settings);
    return st;
}

/* Writes the segments that the ledger does not have; counts them. The last frame's flow is fill by definition. */
static inline lt_status make_segments(lt_job *job, const make_opts *o, int *made)
{
    lt_status st = LT_OK;
    lt_writer *w = NULL;
    void *data[MAKE_FIELDS];
    size_t n = (size_t)o->width * (size_t)o->height;
    json_t *video = make_video(o);
    for (int i = 0; i < MAKE_FIELDS; i++) data[i] = malloc(8 * n);
    lt_writer_opts wo = { .n_threads = o->n_threads, .level = o->level, .max_frame_bytes = make_bytes(o), .n_buffers = 3 };
    *made = 0;
    LT_TRY(lt_job_put_video(job, "film", video));
    LT_TRY(lt_writer_create(&wo, &w));
    for (int64_t k = 0; k < lt_segment_count(o->n_frames, o->length); k++) {
        lt_range r = lt_segment_at(o->n_frames, o->length, k);
        lt_segment_state state;
        lt_segment_row row;
        LT_TRY(lt_ledger_scan(job, "film", &r, 1, false, &state, NULL));
        if (state != LT_SEGMENT_MISSING) continue;
        lt_segment_desc d = { r.first, r.last, o->width, o->height, make_fields, MAKE_FIELDS, "plan A", k, false };
        LT_TRY(lt_writer_begin(w, job, "film", &d));
        for (int64_t t = r.first; t <= r.last; t++) {
            make_frame(o, t, data);
            const void *put[MAKE_FIELDS] = { t == o->n_frames - 1 ? NULL : data[0], data[1], data[2] };
            LT_TRY(lt_writer_put(w, t, put));
        }
        lt_segment_row_init(&row);
        row.rank = 0;
        snprintf(row.device, sizeof row.device, "cpu");
        row.seconds = 1.5;
        LT_TRY(lt_writer_commit(w, &row));
        ++*made;
    }
    LT_TRY(lt_writer_flush(w));
done:
    lt_writer_destroy(&w);
    for (int i = 0; i < MAKE_FIELDS; i++) free(data[i]);
    json_decref(video);
    return st;
}

#endif
