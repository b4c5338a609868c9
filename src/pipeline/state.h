/* pipeline/state.h -- what a rank does and holds now, as it tells rank 0. Private to src/pipeline.
 *
 * in    a worker's counters
 * out   one message
 * owns  nothing */
#ifndef LT_PIPELINE_STATE_H
#define LT_PIPELINE_STATE_H

#include <longtake/comm.h>
#include <longtake/progress.h>

#include <string.h>

/* Where the seconds of a worker's thread go: first what is work, then what is waiting. */
typedef enum {
    LT_STAGE_OPEN,               /* opening videos, reading weights */
    LT_STAGE_PREPARE,            /* frames into the network's form, and what is not told apart below */
    LT_STAGE_ENCODE,             /* depth: frames through the encoder */
    LT_STAGE_WINDOW,             /* depth: motion, refinement and tail of windows */
    LT_STAGE_FLOW,               /* flow: all of it */
    LT_STAGE_FINISH,             /* depth: scale, shift, blending, resizing */
    LT_STAGE_MERGE,
    LT_STAGES_OF_WORK,
    LT_WAIT_FRAMES = LT_STAGES_OF_WORK,      /* for the decoder */
    LT_WAIT_DEVICE,              /* for maps that a GPU still computes */
    LT_WAIT_STORE,               /* for the writer */
    LT_WAIT_RECORD,              /* for a halo record on its way */
    LT_WAIT_ORDERS,              /* for something to do */
    LT_STAGES
} lt_stage;

/* "encode", "frames". */
const char *lt_stage_name(lt_stage stage);

/* Parts of host memory that are told apart. */
typedef enum { LT_HOLDS_NOTHING, LT_HOLDS_AHEAD, LT_HOLDS_WRITING, LT_HOLDS_RECORDS, LT_HOLDERS } lt_holder;

/* Memory of a rank. -1: not known. */
typedef struct {
    int64_t device_planned, device_used;     /* of the arena; used: at most so far */
    int64_t driver;                          /* GPU: all that this process has there, by the driver */
    int64_t host_planned, host_used, host_most;      /* anonymous and shared memory of the process; planned: 0 where there is nothing to do; used: now;
                                                        most: so far, as the rank saw it */
    int64_t limit, under_limit;              /* the host limit that is nearest, and what counts against it now */
    int32_t binds;                           /* lt_limit: where it comes from */
    int32_t most;                            /* lt_holder: its largest part that is told apart */
    int64_t most_bytes;
} lt_rank_memory;

typedef struct {
    int64_t        frames, video, piece;     /* made so far; in hand, -1: none */
    int32_t        merging;
    int32_t        halo_own, halo_rank, halo_file;       /* records that were here, came from another rank, were read from files */
    int32_t        ahead, room_ahead;        /* frames decoded ahead now, and at most */
    int32_t        writing, room_writing;    /* frames on their way to the disk */
    int32_t        records;                  /* halo records held */
    lt_rank_memory memory;
    double         stage[LT_STAGES];         /* seconds */
    double         store_seconds;            /* the writer's thread worked */
    char           host[LT_PROGRESS_NAME];
} lt_rank_state;

_Static_assert(sizeof(lt_rank_state) < sizeof ((lt_message *)0)->text, "a state travels in the text of a message");

static inline void lt_state_put(const lt_rank_state *s, lt_message *m)
{
    memcpy(m->text, s, sizeof *s);
}

static inline void lt_state_get(const lt_message *m, lt_rank_state *s)
{
    memcpy(s, m->text, sizeof *s);
}

#endif
