/* pipeline/worker.h -- the thread of a rank that decodes, computes and hands to the writer.
 *
 * in    orders, one at a time
 * out   events: asked, committed, merged, failed
 * owns  the arena, the pool, the writer, the open video; borrows the set-up
 *
 * Two threads: the owner gives orders and takes events; the worker (and the writer's store thread) does the rest. */
#ifndef LT_PIPELINE_WORKER_H
#define LT_PIPELINE_WORKER_H

#include "coordinator.h"
#include "halo_box.h"
#include "job.h"
#include "state.h"

typedef struct lt_worker lt_worker;

typedef enum {
    LT_EVENT_ASK,                /* wants an order */
    LT_EVENT_RAW,                /* the raw maps of piece `index` are on disk */
    LT_EVENT_LINKED,             /* the carry of piece `index` is known */
    LT_EVENT_COMMITTED,          /* piece `index` is on disk; state DONE or FAILED */
    LT_EVENT_BROKEN,             /* a commit failed: the job must end; LEFT will say why */
    LT_EVENT_BAD,                /* frames `range` of piece `index` have no value: text; `frames` more of it are not told one by one */
    LT_EVENT_LOST,               /* piece `index` cannot be made: status, text; the worker goes on */
    LT_EVENT_MERGED,             /* the merge of video `index` ended: status, text; LT_E_ABSENT: other shards are not done */
    LT_EVENT_LEFT                /* the worker has ended: status 0, LT_E_STOPPED, or what ends the job, with text */
} lt_news_kind;

typedef struct {
    lt_news_kind kind;
    int64_t       index;
    lt_status     status;
    int           state;         /* lt_segment_state */
    int64_t       frames;        /* of a committed piece */
    lt_range      range;         /* BAD */
    lt_carry      carry;         /* LINKED */
    char          text[LT_WHY];
} lt_news;

/* What a worker is told. */
typedef struct {
    lt_order order;              /* index is that of lt_setup.pieces or videos */
    lt_carry carry;              /* FINISH: of the piece before, where it is known */
} lt_task_order;

/* `box` is borrowed; NULL where the task has one step. */
LT_NODISCARD lt_status lt_worker_create(const lt_setup *setup, lt_halo_box *box, lt_worker **out);

/* Device memory for halo records on their way, at lt_setup.staging_at of the arena. */
void *lt_worker_staging(const lt_worker *w);

/* Answers an ASK. */
void lt_worker_give(lt_worker *w, lt_task_order order);

/* The next event, or false when there is none now. */
bool lt_worker_event(lt_worker *w, lt_news *out);

/* What it does and holds now; at any time, by one thread. */
void lt_worker_look(lt_worker *w, lt_rank_state *out);

/* Sends the worker home and joins it; what it has in hand it finishes, unless the stop flag is up. *w is NULL afterwards; NULL is accepted. */
void lt_worker_destroy(lt_worker **w);

#endif
