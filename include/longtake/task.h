/* longtake/task.h -- what a user can ask for.
 *
 * in    settings, frames of a video
 * out   fields of a result, frame by frame
 * owns  a session its state; the arena, the pool and the frames are borrowed
 *
 * A task knows its stages, grids and fields and nothing of files, ranks or storage: the pipeline pulls frames for
 * it and takes what it puts. A piece is a run of consecutive frames of one video; what is put for a frame does not
 * depend on the piece it is made in. */
#ifndef LONGTAKE_TASK_H
#define LONGTAKE_TASK_H

#include <longtake/arena.h>
#include <longtake/cpu.h>
#include <longtake/field.h>
#include <longtake/pool.h>
#include <longtake/segment.h>
#include <longtake/settings.h>
#include <longtake/status.h>

#include <jansson.h>
#include <stdatomic.h>

enum { LT_TASK_FIELDS = 8 };

/* A frame as the pipeline hands it over. */
typedef struct {
    const uint8_t *rgb;          /* [H,W,3]; NULL for an unreadable frame */
    size_t         stride;       /* bytes from row to row */
    const char    *why;          /* of an unreadable frame: one sentence */
} lt_view;

/* How a task reaches the outside. Each may fail, and then the piece fails with it. */
typedef struct {
    void *ctx;
    /* Frame t of the chosen frames; t rises from call to call. Borrowed until the next pull. */
    lt_status (*pull)(void *ctx, int64_t t, lt_view *out);
    /* data[f]: field f of frame t, float fields as f32, [H,W] or [H,W,C]; NULL: fill. Copied before it returns. */
    lt_status (*put)(void *ctx, int64_t t, const void *const *data);
    /* Frame t has no value: `why` NULL where that is so by definition, else the sentence of a failure. */
    lt_status (*put_fill)(void *ctx, int64_t t, const char *why);
    const atomic_int *stop;      /* not 0: return LT_E_STOPPED soon */
} lt_task_io;

typedef struct {
    lt_task_kind kind;
    const char  *name;
    /* The grid of the segments under these settings. */
    lt_grid (*grid)(const lt_settings *s);
    /* The fields of the result, for a video of any size; out [LT_TASK_FIELDS]. */
    lt_status (*fields)(const lt_settings *s, lt_field *out, int *n);
    /* Adds to `into` the settings of this task that change bits. */
    lt_status (*settings)(const lt_settings *s, json_t *into);
    /* A plan for one size of frame: bytes of device memory. Touches no device. */
    lt_status (*plan)(const lt_settings *s, int width, int height, void **plan, size_t *n_bytes);
    void (*plan_destroy)(void **plan);
    /* A session of a plan inside an arena of at least its bytes, for one video. */
    lt_status (*open)(const void *plan, lt_arena *arena, lt_pool *pool, lt_isa isa, void **session);
    void (*close)(void **session);
    /* The frames that run() will pull for this piece; what the session still holds need not be read again. */
    lt_range (*needs)(const void *session, lt_range piece, int64_t n_frames);
    /* Makes all frames of a piece, in rising order. */
    lt_status (*run)(void *session, lt_range piece, int64_t n_frames, const lt_task_io *io);
} lt_task;

/* The task of an lt_task_kind. LT_E_USAGE for one that this version does not have. */
LT_NODISCARD lt_status lt_task_find(int kind, const lt_task **out);

#endif
