#include "table.h"

#include <longtake/arena.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct lt_arena {
    unsigned char *base;
    size_t         n_bytes;
    lt_device     *device;         /* NULL: the host's memory */
    lt_stream     *stream;         /* of what the arena itself asks its device */
};

/* Bytes read back at once to find the high-water mark. */
enum { LOOK = 1 << 20 };

typedef struct {
    lt_arena_item *item;
    int            place;          /* in the caller's list */
} entry;

size_t lt_arena_padded(size_t n_bytes)
{
    return (n_bytes + LT_ARENA_ALIGN - 1) / LT_ARENA_ALIGN * LT_ARENA_ALIGN;
}

/* Largest first; equal sizes by place, so that the order is total and the layout the same everywhere. */
static int by_size(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->item->n_bytes != y->item->n_bytes) return x->item->n_bytes < y->item->n_bytes ? 1 : -1;
    return x->place < y->place ? -1 : 1;
}

/* The start of the smallest gap of at least `need` bytes among those of `placed`, sorted by offset, that are alive at some time with `it`; else the end. */
static size_t best_gap(const lt_arena_item *const *placed, int n, const lt_arena_item *it, size_t need)
{
    size_t end = 0, best = SIZE_MAX, at = 0;
    for (int i = 0; i < n; i++) {
        if (placed[i]->first > it->last || it->first > placed[i]->last) continue;
        size_t start = placed[i]->offset, stop = start + lt_arena_padded(placed[i]->n_bytes);
        if (start >= end && start - end >= need && start - end < best) {
            best = start - end;
            at = end;
        }
        if (stop > end) end = stop;
    }
    return best == SIZE_MAX ? end : at;
}

/* Puts `it` where its offset belongs among n that are sorted by theirs. */
static void insert(const lt_arena_item **placed, int n, const lt_arena_item *it)
{
    int low = 0, high = n;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (placed[middle]->offset <= it->offset) low = middle + 1;
        else high = middle;
    }
    memmove(placed + low + 1, placed + low, (size_t)(n - low) * sizeof *placed);
    placed[low] = it;
}

lt_status lt_arena_layout(lt_arena_item *items, int n, size_t *n_bytes)
{
    lt_status st = LT_OK;
    size_t total = 0, sum = 0;
    entry *order = calloc((size_t)n + 1, sizeof *order);
    const lt_arena_item **placed = calloc((size_t)n + 1, sizeof *placed);
    if (!order || !placed) LT_FAIL(LT_E_MEMORY, "no memory to plan %d tensors", n);
    for (int i = 0; i < n; i++) {
        order[i] = (entry){ &items[i], i };
        if (items[i].n_bytes > SIZE_MAX / 2 - sum - LT_ARENA_ALIGN)
            LT_FAIL(LT_E_MEMORY, "the plan needs more memory than an address can name (at %s)", items[i].name);
        sum += lt_arena_padded(items[i].n_bytes);
    }
    qsort(order, (size_t)n, sizeof *order, by_size);
    for (int i = 0; i < n; i++) {
        lt_arena_item *it = order[i].item;
        it->offset = best_gap(placed, i, it, lt_arena_padded(it->n_bytes));
        insert(placed, i, it);
        if (it->offset + lt_arena_padded(it->n_bytes) > total) total = it->offset + lt_arena_padded(it->n_bytes);
    }
    *n_bytes = total;
done:
    free(order);
    free(placed);
    return st;
}

/* Host memory, large pages where the system leaves the choice to us: rows of a map lie in many small ones. A refusal changes nothing. */
static lt_status map(lt_arena *a)
{
    lt_status st = LT_OK;
    void *base = mmap(NULL, a->n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        LT_FAIL(LT_E_MEMORY, "cannot allocate the planned %zu bytes: lower --memory-limit or free memory", a->n_bytes);
    a->base = base;
    (void)madvise(base, a->n_bytes, MADV_HUGEPAGE);
    memset(a->base, 0xFF, a->n_bytes);
done:
    return st;
}

static lt_status allocate(lt_arena *a)
{
    lt_status st = LT_OK;
    void *base = NULL;
    LT_TRY(lt_stream_create(a->device, "arena", &a->stream));
    LT_TRY(lt_device_allocate(a->device, a->n_bytes, &base));
    a->base = base;
    LT_TRY(lt_fill_on_device(a->stream, base, 0xFF, a->n_bytes));
    LT_TRY(lt_stream_finish(a->stream));
done:
    return st;
}

lt_status lt_arena_create_on(lt_device *device, size_t n_bytes, lt_arena **out)
{
    lt_status st = LT_OK;
    lt_arena *a = calloc(1, sizeof *a);
    *out = NULL;
    if (!a) LT_FAIL(LT_E_MEMORY, "no memory for an arena");
    a->n_bytes = n_bytes ? n_bytes : 1;
    a->device = device && lt_device_get_facts(device)->backend != LT_BACKEND_CPU ? device : NULL;
    LT_TRY(a->device ? allocate(a) : map(a));
    *out = a;
    a = NULL;
done:
    lt_arena_destroy(&a);
    return st;
}

lt_status lt_arena_create(size_t n_bytes, lt_arena **out)
{
    return lt_arena_create_on(NULL, n_bytes, out);
}

lt_device *lt_arena_device(const lt_arena *arena)
{
    return arena->device;
}

void *lt_arena_at(const lt_arena *arena, size_t offset)
{
    return arena->base + offset;
}

size_t lt_arena_size(const lt_arena *arena)
{
    return arena->n_bytes;
}

static size_t used(const unsigned char *p, size_t n)
{
    while (n > 0 && p[n - 1] == 0xFF) n--;
    return n;
}

static size_t used_on_device(const lt_arena *a)
{
    unsigned char *part = malloc(LOOK);
    size_t n = a->n_bytes, found = 0;
    while (part && n > 0 && !found) {
        const size_t some = n < LOOK ? n : LOOK;
        if (lt_copy_to_host(a->stream, part, a->base + n - some, some) < 0 || lt_stream_finish(a->stream) < 0) break;
        found = used(part, some);
        n -= some;
    }
    free(part);
    return found ? n + found : 0;
}

size_t lt_arena_high_water(const lt_arena *arena)
{
    return arena->device ? used_on_device(arena) : used(arena->base, arena->n_bytes);
}

void lt_arena_destroy(lt_arena **arena)
{
    lt_arena *a = *arena;
    if (!a) return;
    if (a->device) lt_device_release(a->device, a->base);
    else if (a->base) munmap(a->base, a->n_bytes);
    lt_stream_destroy(&a->stream);
    free(a);
    *arena = NULL;
}
