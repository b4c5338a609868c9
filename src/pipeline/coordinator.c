#include "coordinator.h"

#include <longtake/segment.h>

#include <stdbool.h>
#include <stdlib.h>

typedef enum { MERGE_NEVER, MERGE_LATER, MERGE_READY, MERGE_GIVEN } merge_state;
typedef enum { STEP_TODO, STEP_GIVEN, STEP_DONE } step;

enum { NOBODY = -1 };

typedef struct {
    int      video;
    lt_after after;
    step     raw, final;
    bool     linked, lost;
    bool     others;             /* it, or one that its chain goes through, waits for another shard */
    int      maker, linker;      /* ranks, NOBODY: in an earlier run */
} piece;

struct lt_coordinator {
    lt_handout  *handout;
    lt_steps     steps;
    piece       *pieces;
    int64_t      n_pieces;
    int64_t     *left;           /* [n_videos] pieces with something to do before the merge */
    merge_state *merge;          /* [n_videos] */
    bool        *waiting;        /* [n_ranks] */
    int          n_videos, n_ranks;
    int64_t      out;            /* orders for pieces given and not finished */
    int          merges_open;    /* READY or GIVEN */
    bool         stopped;
};

static void ready(lt_coordinator *c, int v)
{
    if (c->merge[v] != MERGE_LATER || c->left[v] > 0) return;
    c->merge[v] = MERGE_READY;
    c->merges_open++;
}

/* Whether nothing more of it is done by orders. */
static bool settled(const piece *p)
{
    return p->final == STEP_DONE || (p->others && p->raw == STEP_DONE);
}

static void fill(lt_coordinator *c, const lt_piece_info *info)
{
    for (int64_t i = 0; i < c->n_pieces; i++) {
        piece *p = &c->pieces[i];
        *p = (piece){ .video = info[i].video, .after = info[i].after, .linked = info[i].done, .maker = NOBODY, .linker = NOBODY };
        p->raw = info[i].done || info[i].raw ? STEP_DONE : STEP_TODO;
        p->final = info[i].done ? STEP_DONE : STEP_TODO;
        p->others = c->steps.two_steps && !info[i].done &&
                    (p->after == LT_AFTER_OTHERS || (p->after == LT_AFTER_PIECE && c->steps.chained && c->pieces[i - 1].others));
        if (!settled(p)) c->left[p->video]++;
    }
}

lt_status lt_coordinator_create(const lt_piece_info *pieces, int64_t n_pieces, const uint8_t *merge, int n_videos,
                                int n_ranks, lt_steps steps, lt_coordinator **out)
{
    lt_status st = LT_OK;
    int64_t *weight = calloc((size_t)n_pieces + 1, sizeof *weight);
    uint8_t *made = calloc((size_t)n_pieces + 1, 1);
    lt_coordinator *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c || !weight || !made) LT_FAIL(LT_E_MEMORY, "no memory to hand out work");
    c->n_videos = n_videos;
    c->n_ranks = n_ranks;
    c->steps = steps;
    c->n_pieces = n_pieces;
    c->pieces = calloc((size_t)n_pieces + 1, sizeof *c->pieces);
    c->left = calloc((size_t)n_videos + 1, sizeof *c->left);
    c->merge = calloc((size_t)n_videos + 1, sizeof *c->merge);
    c->waiting = calloc((size_t)n_ranks, sizeof *c->waiting);
    if (!c->pieces || !c->left || !c->merge || !c->waiting) LT_FAIL(LT_E_MEMORY, "no memory to hand out work");
    fill(c, pieces);
    for (int64_t i = 0; i < n_pieces; i++) {
        weight[i] = pieces[i].weight;
        made[i] = c->pieces[i].raw == STEP_DONE;
    }
    LT_TRY(lt_handout_create(weight, made, n_pieces, n_ranks, &c->handout));
    for (int v = 0; v < n_videos; v++) {
        c->merge[v] = merge[v] ? MERGE_LATER : MERGE_NEVER;
        ready(c, v);
    }
    *out = c;
    c = NULL;
done:
    free(weight);
    free(made);
    lt_coordinator_destroy(&c);
    return st;
}

/* Whether piece i can be finished now. */
static bool can_finish(const lt_coordinator *c, int64_t i)
{
    const piece *p = &c->pieces[i];
    if (!c->steps.two_steps || p->raw != STEP_DONE || p->final != STEP_TODO || p->others || p->lost) return false;
    if (p->after != LT_AFTER_PIECE) return true;
    return c->steps.chained ? c->pieces[i - 1].linked : c->pieces[i - 1].raw == STEP_DONE && !c->pieces[i - 1].lost;
}

/* A piece that can be finished: one that `rank` or an earlier run made raw, else with `any` someone else's. */
static bool finish_order(lt_coordinator *c, int rank, bool any, lt_order *out)
{
    for (int64_t i = 0; i < c->n_pieces && c->steps.two_steps; i++) {
        piece *p = &c->pieces[i];
        if ((!any && p->maker != rank && p->maker != NOBODY) || !can_finish(c, i)) continue;
        p->final = STEP_GIVEN;
        c->out++;
        *out = (lt_order){ LT_ORDER_FINISH, i, p->after == LT_AFTER_PIECE ? c->pieces[i - 1].linker : NOBODY };
        return true;
    }
    return false;
}

static lt_order next(lt_coordinator *c, int rank)
{
    lt_order o = { LT_ORDER_LEAVE, 0, NOBODY };
    if (c->stopped) return o;
    /* Merges first: they free the disk that segments take. */
    for (int v = 0; v < c->n_videos && c->merges_open > 0; v++)
        if (c->merge[v] == MERGE_READY) {
            c->merge[v] = MERGE_GIVEN;
            return (lt_order){ LT_ORDER_MERGE, v, NOBODY };
        }
    if (finish_order(c, rank, false, &o)) return o;
    int64_t i = lt_handout_next(c->handout, rank);
    if (i >= 0) {
        c->pieces[i].raw = STEP_GIVEN;
        c->out++;
        return (lt_order){ LT_ORDER_PIECE, i, NOBODY };
    }
    if (finish_order(c, rank, true, &o)) return o;
    /* A piece that is out may make more ready; a merge that is out makes nothing new. */
    o.kind = c->out > 0 ? LT_ORDER_WAIT : LT_ORDER_LEAVE;
    return o;
}

lt_order lt_coordinator_ask(lt_coordinator *c, int rank)
{
    lt_order o = next(c, rank);
    c->waiting[rank] = o.kind == LT_ORDER_WAIT;
    return o;
}

int lt_coordinator_wake(lt_coordinator *c, lt_order *out)
{
    for (int r = 0; r < c->n_ranks; r++) {
        if (!c->waiting[r]) continue;
        *out = next(c, r);
        if (out->kind == LT_ORDER_WAIT) return -1;
        c->waiting[r] = false;
        return r;
    }
    return -1;
}

void lt_coordinator_raw(lt_coordinator *c, int64_t index, int rank)
{
    piece *p = &c->pieces[index];
    c->out--;
    p->raw = STEP_DONE;
    p->maker = rank;
    if (settled(p)) c->left[p->video]--;
    ready(c, p->video);
}

void lt_coordinator_linked(lt_coordinator *c, int64_t index, int rank)
{
    c->pieces[index].linked = true;
    c->pieces[index].linker = rank;
}

void lt_coordinator_finished(lt_coordinator *c, int64_t index, int ok)
{
    piece *p = &c->pieces[index];
    c->out--;
    if (ok) {
        c->left[p->video]--;
        p->raw = p->final = STEP_DONE;
        /* Also where another shard did it, and nobody here linked it. */
        p->linked = true;
    } else {
        p->lost = true;
        if (c->merge[p->video] == MERGE_LATER) c->merge[p->video] = MERGE_NEVER;
    }
    ready(c, p->video);
}

void lt_coordinator_merged(lt_coordinator *c, int v)
{
    c->merge[v] = MERGE_NEVER;
    c->merges_open--;
}

void lt_coordinator_stop(lt_coordinator *c)
{
    c->stopped = true;
}

int lt_coordinator_unfinished(const lt_coordinator *c)
{
    bool more = c->out > 0 || c->merges_open > 0 || lt_handout_left(c->handout) > 0;
    bool cut = false;            /* the chain was broken for good further back in the video */
    for (int64_t i = 0; i < c->n_pieces && c->steps.two_steps; i++) {
        const piece *p = &c->pieces[i];
        const bool waits = p->after == LT_AFTER_PIECE && i > 0 && (c->steps.chained || c->pieces[i - 1].lost);
        cut = p->lost || (cut && waits);
        more = more || (!cut && !settled(p));
    }
    return more;
}

void lt_coordinator_destroy(lt_coordinator **c)
{
    if (!*c) return;
    lt_handout_destroy(&(*c)->handout);
    free((*c)->pieces);
    free((*c)->left);
    free((*c)->merge);
    free((*c)->waiting);
    free(*c);
    *c = NULL;
}
