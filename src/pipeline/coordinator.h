/* pipeline/coordinator.h -- what is done next, and by whom. Lives on rank 0.
 *
 * in    the pieces of this shard and who asks, commits, links, merges or fails
 * out   orders
 * owns  its tables; no I/O, no clock
 *
 * A piece of two steps is made raw first, by anyone at any time, and finished when the piece before it is linked (or, without a chain, raw). */
#ifndef LT_PIPELINE_COORDINATOR_H
#define LT_PIPELINE_COORDINATOR_H

#include <longtake/status.h>

#include <stdint.h>

typedef struct lt_coordinator lt_coordinator;

typedef enum {
    LT_ORDER_WAIT,               /* nothing now, more may come: do not ask again, an order will follow */
    LT_ORDER_PIECE,              /* make piece `index` (of two steps: raw) and commit it */
    LT_ORDER_FINISH,             /* finish raw piece `index` and commit it */
    LT_ORDER_MERGE,              /* merge video `index`, after having finished what can be */
    LT_ORDER_LEAVE               /* nothing will ever come */
} lt_order_kind;

typedef struct {
    lt_order_kind kind;
    int64_t       index;
    int           from;          /* FINISH: the rank that linked the piece before in this run; -1: none did */
} lt_order;

/* What a piece follows in its video. */
typedef enum {
    LT_AFTER_NOTHING,            /* the video begins with it */
    LT_AFTER_PIECE,              /* the piece before it in the list */
    LT_AFTER_DONE,               /* one that is not in the list and is done */
    LT_AFTER_OTHERS              /* one of another shard that is not done: it is not finished by an order */
} lt_after;

typedef struct {
    int      video;
    int64_t  weight;             /* frames */
    uint8_t  done;               /* committed by an earlier run */
    uint8_t  raw;                /* its raw maps are */
    lt_after after;
} lt_piece_info;

typedef struct {
    int two_steps, chained;
} lt_steps;

/* `pieces` of this shard, grouped by video; merge[v] != 0: video v has pieces here and is not finished. */
LT_NODISCARD lt_status lt_coordinator_create(const lt_piece_info *pieces, int64_t n_pieces, const uint8_t *merge,
                                             int n_videos, int n_ranks, lt_steps steps, lt_coordinator **out);

/* `rank` has nothing to do. An order of WAIT is remembered: lt_coordinator_wake gives it later. */
lt_order lt_coordinator_ask(lt_coordinator *c, int rank);

/* A rank that waits and for which there is an order now; -1 when there is none. */
int lt_coordinator_wake(lt_coordinator *c, lt_order *out);

/* The raw maps of piece `index` are on disk, made by `rank`. */
void lt_coordinator_raw(lt_coordinator *c, int64_t index, int rank);

/* The carry of piece `index` is known, at `rank`. */
void lt_coordinator_linked(lt_coordinator *c, int64_t index, int rank);

/* Piece `index` is on disk (ok) or was given up for good (not ok: its video is not merged). */
void lt_coordinator_finished(lt_coordinator *c, int64_t index, int ok);

/* The merge of video `v` ended. */
void lt_coordinator_merged(lt_coordinator *c, int v);

/* No new pieces or merges from now on; who asks is told to leave. */
void lt_coordinator_stop(lt_coordinator *c);

/* Whether anything was not done: a piece not on disk, a merge not made. Pieces given up for good, and those that wait for other shards,
 * do not count. */
int lt_coordinator_unfinished(const lt_coordinator *c);

void lt_coordinator_destroy(lt_coordinator **c);

#endif
