/* longtake/task.h -- what a user can ask for.
 *
 * in    settings, frames of a video
 * out   fields of a result, frame by frame
 * owns  a session its state; the arena, the pool and the frames are borrowed
 *
 * A task knows its stages, grids and fields and nothing of files, ranks or storage: the pipeline pulls frames for
 * it and takes what it puts. A piece is a run of consecutive frames of one video; what is put for a frame does not
 * depend on the piece it is made in.
 *
 * A task of one step puts the frames of a piece (flow). A task of two steps (depth) first makes raw maps, which depend on source frames
 * alone and are numbered by a grid of its own, and then finishes the frames of a piece out of them and of the carry of the
 * piece before. The first step needs a session with weights; the second one needs nothing but the raw maps. */
#ifndef LONGTAKE_TASK_H
#define LONGTAKE_TASK_H

#include <longtake/arena.h>
#include <longtake/cpu.h>
#include <longtake/field.h>
#include <longtake/kernel.h>
#include <longtake/pool.h>
#include <longtake/segment.h>
#include <longtake/settings.h>
#include <longtake/status.h>
#include <longtake/store.h>
#include <longtake/timeline.h>
#include <longtake/weights.h>
#include <longtake/yuv.h>

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { LT_TASK_FIELDS = 8 };

/* What the pipeline knows of a job before its first video. Borrowed. */
typedef struct {
    const lt_settings *settings;
    lt_machine         machine;
    lt_weights        *weights;      /* NULL where the task takes none */
    lt_hash            weights_hash;
    lt_dtype           precision;    /* of the settings, `auto` resolved */
    bool               planes;       /* frames come as planes of a decoder on the GPU */
    const char        *scratch;      /* directory of what weights are streamed from on a CPU; NULL: TMPDIR */
    lt_timeline       *timeline;     /* of --trace; NULL: nobody looks */
} lt_task_env;

/* A frame as the pipeline hands it over. */
typedef struct {
    const uint8_t *rgb;          /* [H,W,3]; NULL for an unreadable frame and for planes */
    size_t         stride;       /* bytes from row to row */
    const lt_nv12 *planes;       /* in the memory of the GPU, where --decoder nvdec decodes; NULL otherwise */
    const char    *why;          /* of an unreadable frame: one sentence */
} lt_view;

/* How a task reaches the outside. Each may fail, and then the piece fails with it. */
typedef struct {
    void *ctx;
    /* Frame t of the chosen frames; t rises from call to call and is one of needs(). Borrowed until the next pull or fetch. */
    lt_status (*pull)(void *ctx, int64_t t, lt_view *out);
    /* The same out of the row, which costs a seek. */
    lt_status (*fetch)(void *ctx, int64_t t, lt_view *out);
    /* data[f]: field f of frame t, float fields as f32, [H,W] or [H,W,C]; NULL: fill. Copied before it returns. */
    lt_status (*put)(void *ctx, int64_t t, const void *const *data);
    /* Frame t has no value: `why` NULL where that is so by definition, else the sentence of a failure. */
    lt_status (*put_fill)(void *ctx, int64_t t, const char *why);
    /* Of two steps: the window whose maps follow has `anchor` at position 0, -1: none. */
    lt_status (*window)(void *ctx, int64_t number, int64_t anchor);
    const atomic_int *stop;      /* not 0: return LT_E_STOPPED soon */
} lt_task_io;

/* What passes from a piece to the next one, beside maps. */
typedef struct {
    double  scale, shift;            /* of the last window */
    double  anchor_scale, anchor_shift;
    int64_t anchor;                  /* number of the raw map that is the anchor; -1: none so far */
    int32_t firm;                    /* whether it stays the anchor; else it serves only where the last window has no values */
    int32_t good, known;             /* whether the last window has values; whether any of this is known */
} lt_carry;

/* The second step: what it is about. */
typedef struct {
    int     width, height, net_width, net_height;
    int64_t n_frames, anchor_frame;
    bool    metric;
} lt_finish_config;

typedef struct {
    void *ctx;
    /* Raw map `number` into out [net_height,net_width]; why [LT_RAW_WHY] is not empty where it has no value. *anchor: the frame that its
     * window has at position 0. */
    lt_status (*map)(void *ctx, int64_t number, float *out, char *why, int64_t *anchor);
    /* The carry for the next piece; called once, before the first frame is put. */
    lt_status (*linked)(void *ctx, const lt_carry *carry);
    /* [n] rows of /segments, before the first frame is put. */
    lt_status (*rows)(void *ctx, const lt_segment_part *parts, int n);
    lt_status (*put)(void *ctx, int64_t t, const void *const *data);
    lt_status (*put_fill)(void *ctx, int64_t t, const char *why);
    /* A sentence for the user. */
    void (*warn)(void *ctx, const char *text);
    const atomic_int *stop;
} lt_finish_io;

/* The second step of a task. */
typedef struct {
    /* The numbers of the raw maps of whole windows that make these frames, and back. */
    lt_range (*numbers)(lt_range frames);
    lt_range (*frames)(lt_range numbers, int64_t n_frames);
    /* Whether a piece can be finished only when the one before has its carry. */
    bool (*chained)(const lt_finish_config *c);
    /* What run.json says. */
    lt_status (*config)(const json_t *run, int width, int height, int64_t n_frames, lt_finish_config *out);
    /* The fields of the result, out [LT_TASK_FIELDS]. */
    lt_status (*fields)(const json_t *run, lt_field *out, int *n);
    /* The maps of the window with this number that the piece after it needs, rising; out [LT_HALO_MAPS]; returns how many. */
    int (*halo)(const lt_finish_config *c, int64_t number_before, int64_t *out);
    size_t (*bytes)(const lt_finish_config *c);
    lt_status (*open)(const lt_finish_config *c, lt_pool *pool, lt_isa isa, void **finisher);
    void (*close)(void **finisher);
    /* Makes all frames of a piece, in rising order; `before` is the carry of the piece before. */
    lt_status (*run)(void *finisher, lt_range piece, const lt_carry *before, const lt_finish_io *io);
} lt_finish;

enum { LT_HALO_MAPS = 16 };

/* One way to run a network in less memory than the way before it: more time, the same bits. 0: all at once. */
typedef struct {
    const char *gives_up;            /* "micro-batch" */
    int         micro_batch, tile, band;
    bool        stream;              /* weights are brought layer by layer */
} lt_task_rung;

/* What a plan lays out. Borrowed from it. */
typedef struct {
    const lt_arena_item *items;      /* of its part of the arena, which begins at 0 */
    int                  n_items;
    const struct lt_plan *network;   /* whose items these are (longtake/graph.h); NULL: of no network */
    size_t               ring_bytes; /* behind them: frames on their way to a GPU */
} lt_task_layout;

typedef struct {
    lt_task_kind kind;
    const char  *name;
    int64_t      segment_frames, max_res;      /* where the user says nothing */
    bool       (*takes_weights)(void);         /* NULL: no */
    /* The grid of the segments under these settings. */
    lt_grid (*grid)(const lt_settings *s);
    /* The fields of the result, for a video of any size; out [LT_TASK_FIELDS]. */
    lt_status (*fields)(const lt_settings *s, lt_field *out, int *n);
    /* Adds to `into` the settings of this task that change bits. */
    lt_status (*settings)(const lt_task_env *env, json_t *into);
    /* Whether env->weights are those of the model; LT_E_DATA with one message. NULL: the task takes none. */
    lt_status (*fit)(const lt_task_env *env);
    /* A plan for one size of frame: bytes of device memory. Touches no device. Borrows env. */
    lt_status (*plan)(const lt_task_env *env, int width, int height, void **plan, size_t *n_bytes);
    void (*plan_destroy)(void **plan);
    /* The ways to run it on such a machine, from the one that is best where memory is plenty to the least; returns how many. NULL: one way only. */
    int (*rungs)(const lt_machine *m, const lt_task_rung **out);
    void (*layout)(const void *plan, lt_task_layout *out);
    /* Floating-point operations of run() for this piece, a multiply-add counted as two; `follows`: the session has just made the piece before. NULL: not
     * counted. */
    double (*work)(const void *plan, lt_range piece, int64_t n_frames, bool follows);
    /* Bytes of host memory that a session takes beside; NULL: next to none. */
    size_t (*host_bytes)(const void *plan);
    /* A session of a plan inside an arena of at least its bytes, for one video. */
    lt_status (*open)(const void *plan, const lt_task_env *env, lt_arena *arena, lt_pool *pool, void **session);
    void (*close)(void **session);
    /* What the session holds of a video is forgotten: the next piece is of another video of the same size. */
    void (*forget)(void *session);
    /* The frames that run() may pull for this piece, rising, into `out` [frames of the piece + LT_NEEDS_MORE]; *n of them. */
    void (*needs)(const void *session, lt_range piece, int64_t n_frames, int64_t *out, int64_t *n);
    /* Makes all frames of a piece (of two steps: all maps of these numbers), in rising order. */
    lt_status (*run)(void *session, lt_range piece, int64_t n_frames, const lt_task_io *io);
    /* The second step; NULL: there is none. */
    const lt_finish *finish;
    /* Of two steps: the fields of a raw map, and its size. */
    lt_status (*raw)(const lt_task_env *env, int width, int height, lt_field *field, int *net_width, int *net_height);
} lt_task;

enum { LT_NEEDS_MORE = 64 };

/* The task of an lt_task_kind. LT_E_USAGE for one that this version does not have. */
LT_NODISCARD lt_status lt_task_find(int kind, const lt_task **out);
LT_NODISCARD lt_status lt_task_named(const char *name, const lt_task **out);

#endif
