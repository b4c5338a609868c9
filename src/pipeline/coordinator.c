#include "coordinator.h"

#include <longtake/segment.h>

#include <stdbool.h>
#include <stdlib.h>

typedef enum { MERGE_NEVER, MERGE_LATER, MERGE_READY, MERGE_GIVEN } merge_state;

struct lt_coordinator {
    lt_handout  *handout;
    int         *video_of;       /* [n_pieces] */
    int64_t     *left;           /* [n_videos] pieces not on disk */
    merge_state *merge;          /* [n_videos] */
    bool        *waiting;        /* [n_ranks] */
    int          n_videos, n_ranks;
    int64_t      out;            /* pieces handed out and not finished */
    int          merges_open;    /* READY or GIVEN */
    bool         stopped;
};

static void ready(lt_coordinator *c, int v)
{
    if (c->merge[v] != MERGE_LATER || c->left[v] > 0) return;
    c->merge[v] = MERGE_READY;
    c->merges_open++;
}

lt_status lt_coordinator_create(const lt_piece_info *pieces, int64_t n_pieces, const uint8_t *merge, int n_videos,
                                int n_ranks, lt_coordinator **out)
{
    lt_status st = LT_OK;
    int64_t *weight = calloc((size_t)n_pieces + 1, sizeof *weight);
    uint8_t *done_pieces = calloc((size_t)n_pieces + 1, 1);
    lt_coordinator *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c || !weight || !done_pieces) LT_FAIL(LT_E_MEMORY, "no memory to hand out work");
    c->n_videos = n_videos;
    c->n_ranks = n_ranks;
    c->video_of = calloc((size_t)n_pieces + 1, sizeof *c->video_of);
    c->left = calloc((size_t)n_videos + 1, sizeof *c->left);
    c->merge = calloc((size_t)n_videos + 1, sizeof *c->merge);
    c->waiting = calloc((size_t)n_ranks, sizeof *c->waiting);
    if (!c->video_of || !c->left || !c->merge || !c->waiting) LT_FAIL(LT_E_MEMORY, "no memory to hand out work");
    for (int64_t i = 0; i < n_pieces; i++) {
        weight[i] = pieces[i].weight;
        done_pieces[i] = pieces[i].done;
        c->video_of[i] = pieces[i].video;
        if (!pieces[i].done) c->left[pieces[i].video]++;
    }
    LT_TRY(lt_handout_create(weight, done_pieces, n_pieces, n_ranks, &c->handout));
    for (int v = 0; v < n_videos; v++) {
        c->merge[v] = merge[v] ? MERGE_LATER : MERGE_NEVER;
        ready(c, v);
    }
    *out = c;
    c = NULL;
done:
    free(weight);
    free(done_pieces);
    lt_coordinator_destroy(&c);
    return st;
}

static lt_order next(lt_coordinator *c, int rank)
{
    if (c->stopped) return (lt_order){ LT_ORDER_LEAVE, 0 };
    /* Merges first: they free the disk that segments take. */
    for (int v = 0; v < c->n_videos && c->merges_open > 0; v++)
        if (c->merge[v] == MERGE_READY) {
            c->merge[v] = MERGE_GIVEN;
            return (lt_order){ LT_ORDER_MERGE, v };
        }
    int64_t i = lt_handout_next(c->handout, rank);
    if (i >= 0) {
        c->out++;
        return (lt_order){ LT_ORDER_PIECE, i };
    }
    /* A piece that is out may make a merge ready; a merge that is out makes nothing new. */
    return (lt_order){ c->out > 0 ? LT_ORDER_WAIT : LT_ORDER_LEAVE, 0 };
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

void lt_coordinator_finished(lt_coordinator *c, int64_t index, int ok)
{
    int v = c->video_of[index];
    c->out--;
    if (ok) c->left[v]--;
    else if (c->merge[v] == MERGE_LATER) c->merge[v] = MERGE_NEVER;
    ready(c, v);
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
    return c->out > 0 || c->merges_open > 0 || lt_handout_left(c->handout) > 0;
}

void lt_coordinator_destroy(lt_coordinator **c)
{
    if (!*c) return;
    lt_handout_destroy(&(*c)->handout);
    free((*c)->video_of);
    free((*c)->left);
    free((*c)->merge);
    free((*c)->waiting);
    free(*c);
    *c = NULL;
}
