/* graph/session.h -- a plan at work. Private to src/graph: session.c runs it, session_load.c fills it, session_device.c is what a GPU adds.
 *
 * On a GPU the tables lie twice: the caller's on the host, and the device's, which the kernels read. A run copies the first to the second on the
 * stream, out of a ring, since the caller sets the next ones before the copy is done. */
#ifndef LONGTAKE_GRAPH_SESSION_H
#define LONGTAKE_GRAPH_SESSION_H

#include "graph/layers.h"

enum { LT_SESSION_RECORDINGS = 8, LT_SESSION_RING = 8, LT_SESSION_SPANS = 512 };

typedef struct {
    int           from, to;          /* parts */
    int64_t       count;
    lt_recording *recording;
} lt_session_recorded;

/* A launch that was timed and not yet counted. */
typedef struct {
    int    step;
    double flops;
} lt_session_span;

typedef struct {
    lt_device  *device;
    lt_stream  *stream;
    struct lt_cuda_libs *libs;
    int32_t    *ring;                /* pinned, [RING][n_entries] */
    lt_event   *free[LT_SESSION_RING];   /* past when the place can be written */
    int         next;
    lt_session_recorded recorded[LT_SESSION_RECORDINGS];
    int         n_recorded;
    bool        profile;
    lt_event   *base, *mark[LT_SESSION_SPANS + 1];
    double      base_seconds;        /* of longtake/clock.h when `base` was past */
    lt_session_span span[LT_SESSION_SPANS];
    int         n_spans;
} lt_session_gpu;

struct lt_session {
    const lt_plan *plan;
    lt_pool       *pool;
    char          *base;
    int32_t       *indices;          /* [n_entries] the caller's tables */
    int32_t      **tables;           /* [n_tables] the kernels' */
    void         **state;            /* [n_steps] of the kernels */
    double        *seconds;          /* [n_steps] */
    double        *flops;            /* [n_steps] */
    int64_t       *launches;         /* [n_steps] */
    lt_slice_of    slice;
    lt_layers     *layers;           /* NULL: all weights lie in the arena */
    int            to;               /* last part of the run in hand */
    const lt_atomic_int *stop;       /* of the run in hand */
    lt_session_spans spans;          /* span NULL: nobody looks */
    lt_session_gpu *gpu;             /* NULL: the CPU */
};

/* Where and with what step i runs. */
lt_launch lt_session_launch(const lt_session *s, const lt_plan_step *step);

/* ---- session_load.c ---- */

/* Weights into the arena; the kernels' states. */
LT_NODISCARD lt_status lt_session_load(lt_session *s, const lt_weight_source *w);

/* ---- session_device.c ---- */

LT_NODISCARD lt_status lt_session_gpu_create(lt_session *s, lt_device *device);
void lt_session_gpu_destroy(lt_session *s);

/* The caller's tables to the device. */
LT_NODISCARD lt_status lt_session_gpu_tables(lt_session *s);

/* Replays the run, if it is recorded. */
LT_NODISCARD lt_status lt_session_gpu_replay(lt_session *s, int from, int to, int64_t count, bool *done);

/* After a launch of step i was put on the stream. */
LT_NODISCARD lt_status lt_session_gpu_mark(lt_session *s, int step, double flops);

/* What a launch of step i took. */
void lt_session_count(lt_session *s, int step, double flops, double begin, double seconds);

/* Before the first launch that is profiled: what waited between two runs is no operator's. */
LT_NODISCARD lt_status lt_session_gpu_spans(lt_session *s);

/* Counts what was profiled; waits for it. */
LT_NODISCARD lt_status lt_session_gpu_count(lt_session *s);

/* All slices of parts from .. to, put on the stream or done. */
LT_NODISCARD lt_status lt_session_slices(lt_session *s, int from, int to, int64_t count);

/* Entries of part i that a run of `count` (0: all) of them does: all of some slices. */
int64_t lt_session_whole_slices(const lt_session *s, int i, int64_t count);

/* Part of this name, -1: none. */
int lt_session_part(const lt_session *s, const char *name);

#endif
