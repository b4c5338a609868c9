#include <longtake/segment.h>

#include <stdlib.h>

typedef struct {
    int64_t next, end;           /* places in `order` still in this rank's block */
} block;

struct lt_handout {
    int64_t *order;              /* items to do, ascending */
    int64_t  n, left;
    block   *blocks;
    int      n_ranks;
};

lt_status lt_handout_create(const int64_t *weight, const uint8_t *done_items, int64_t n, int n_ranks,
                            lt_handout **out)
{
    lt_status st = LT_OK;
    int64_t *todo = NULL;
    int *owner = NULL;
    lt_handout *h = calloc(1, sizeof *h);
    *out = NULL;
    if (!h) LT_FAIL(LT_E_MEMORY, "no memory to hand out work");
    h->n_ranks = n_ranks;
    h->order = calloc((size_t)n + 1, sizeof *h->order);
    h->blocks = calloc((size_t)n_ranks, sizeof *h->blocks);
    todo = calloc((size_t)n + 1, sizeof *todo);
    owner = calloc((size_t)n + 1, sizeof *owner);
    if (!h->order || !h->blocks || !todo || !owner) LT_FAIL(LT_E_MEMORY, "no memory to hand out %lld segments", (long long)n);
    for (int64_t i = 0; i < n; i++) {
        if (done_items && done_items[i]) continue;
        h->order[h->n] = i;
        todo[h->n++] = weight[i];
    }
    h->left = h->n;
    lt_shard_cut(todo, h->n, n_ranks, owner);
    for (int64_t i = 0, r = 0; r < n_ranks; r++) {
        h->blocks[r].next = i;
        while (i < h->n && owner[i] == r) i++;
        h->blocks[r].end = i;
    }
    *out = h;
    h = NULL;
done:
    free(todo);
    free(owner);
    lt_handout_destroy(&h);
    return st;
}

int64_t lt_handout_next(lt_handout *h, int rank)
{
    block *b = &h->blocks[rank];
    if (h->left == 0) return -1;
    h->left--;
    if (b->next < b->end) return h->order[b->next++];
    block *longest = h->blocks;
    for (int r = 1; r < h->n_ranks; r++)
        if (h->blocks[r].end - h->blocks[r].next > longest->end - longest->next) longest = &h->blocks[r];
    return h->order[--longest->end];
}

int64_t lt_handout_left(const lt_handout *h)
{
    return h->left;
}

void lt_handout_destroy(lt_handout **h)
{
    if (!*h) return;
    free((*h)->order);
    free((*h)->blocks);
    free(*h);
    *h = NULL;
}
