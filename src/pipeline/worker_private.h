/* pipeline/worker_private.h -- a worker from inside, for worker.c and worker_*.c.
 *
 * Members are the worker thread's, but for those under `lock` and atomic ones. */
#ifndef LT_PIPELINE_WORKER_PRIVATE_H
#define LT_PIPELINE_WORKER_PRIVATE_H

#include "finish.h"
#include "worker.h"

#include <longtake/clock.h>

#include <pthread.h>

/* HEAD: the tag of what is committed of a piece that was given up. */
enum { LT_WORKER_EVENTS = 256, LT_TAG_HEAD = -1, LT_BAD_RANGES = 8 };

/* The video that is open: media, chosen frames, plan and session. */
typedef struct {
    int64_t   video;             /* -1: none */
    lt_media *media;
    lt_index *index;
    int64_t  *frames;            /* [n] source frame of each result frame */
    int64_t   n;
    int       width, height;     /* of plan and session, which outlive the video */
    void     *plan, *session;
    lt_media_info info;          /* of which plan_text speaks */
    char     *plan_text;         /* what segments are made under; NULL: not known */
} lt_open_video;

/* Frames of a piece that have no value, those that follow each other together. */
typedef struct {
    lt_range frames;
    char     why[LT_RAW_WHY];
} lt_bad_range;

struct lt_worker {
    const lt_setup *s;
    pthread_t       thread;
    bool            started;
    pthread_mutex_t lock;
    pthread_cond_t  given, taken;
    lt_task_order   order;
    bool            has_order;
    lt_news         events[LT_WORKER_EVENTS];
    int             first, n_events;

    lt_pool      *pool;
    lt_arena     *arena;
    lt_writer    *writer;
    lt_open_video open;
    lt_halo_box  *box;
    lt_finishing *finishing;     /* of video `finishing_video`, -1: none */
    int64_t       finishing_video;
    void         *record_place;  /* where the record of the piece in hand is made */
    size_t        writer_bytes;

    uint8_t      *state;         /* [n_pieces] lt_segment_state of what this rank made */

    /* of the piece in hand */
    int64_t    in_hand, n_bad, last_put;     /* last_put: frame, -1: none */
    int64_t   *needs, n_needs, needs_room, at;   /* the frames to be read, chosen ones; the next one */
    int64_t   *sources;          /* [n_needs] the same in the source */
    uint8_t   *fetched;          /* one frame [H,W,3]; NULL until needed */
    lt_nv12    fetched_planes;
    lt_reader *reader;
    lt_frame   held;
    bool       holding;
    lt_segment_part *parts;      /* windows of a raw piece */
    int        n_parts, parts_room;
    lt_bad_range bad[LT_BAD_RANGES];
    int        n_bad_ranges;
    int64_t    n_bad_more;       /* frames of ranges that had no place */
    double     before[LT_STAGES];        /* seconds of each stage when it began */
    double     tallied, named;   /* up to when the time within the task is told apart; seconds of stages that have spans, until then */
    char       software[512];

    /* what of the timeline is a stage of its own */
    int        watch_encode, watch_window, watch_device;
    double     looked;           /* when memory was last looked at */

    atomic_llong frames, video, piece, observed, driver, host_most, reader_bytes;
    atomic_int   merging, ahead;
    atomic_int   halo_own, halo_rank, halo_file;
    _Atomic double stage[LT_STAGES];     /* written by the worker's thread alone */
};

static inline void lt_worker_spend(lt_worker *w, lt_stage stage, double seconds)
{
    w->stage[stage] = w->stage[stage] + seconds;
}

void lt_worker_post(lt_worker *w, const lt_news *e);

/* Most of what the process ever held of the host's memory. */
int64_t lt_worker_host_most(lt_worker *w, int64_t now);

/* Anonymous and shared memory that is planned for the process, the arena of a CPU with it. */
int64_t lt_worker_host_planned(const lt_setup *s);

/* ---- worker_video.c ---- */

/* Opens a video, with a session for frames of its size. */
LT_NODISCARD lt_status lt_worker_open_video(lt_worker *w, int64_t v);
void lt_worker_close_video(lt_worker *w);
void lt_worker_close_session(lt_worker *w);

/* ---- worker_piece.c ---- */

/* Makes a piece; of two steps, its raw maps. */
LT_NODISCARD lt_status lt_worker_make_piece(lt_worker *w, int64_t index);

/* What every row of this rank has. */
void lt_worker_fill_row(lt_worker *w, double seconds, lt_segment_row *row);

/* Begins a list of frames without a value, takes one in, and tells rank 0 of those of a piece. */
void lt_worker_forget_bad(lt_worker *w);
void lt_worker_note_bad(lt_worker *w, int64_t t, const char *why);
void lt_worker_tell_bad(lt_worker *w, int64_t index);

#endif
