#include <longtake/rate.h>

#include <longtake/arena.h>
#include <longtake/clock.h>
#include <longtake/pool.h>

#include <string.h>

typedef struct {
    char  *from, *to;
    size_t n_bytes;
    int    n_parts;
} copy;

static void copy_part(void *ctx, int part)
{
    const copy *c = ctx;
    const size_t begin = c->n_bytes / (size_t)c->n_parts * (size_t)part;
    const size_t end = part + 1 == c->n_parts ? c->n_bytes : begin + c->n_bytes / (size_t)c->n_parts;
    memcpy(c->to + begin, c->from + begin, end - begin);
}

lt_status lt_copy_rate(size_t n_bytes, int n_threads, int repeats, double *gbytes)
{
    lt_status st = LT_OK;
    lt_arena *arena = NULL;
    lt_pool *pool = NULL;
    const size_t half = lt_arena_padded(n_bytes);
    *gbytes = 0;
    LT_TRY(lt_pool_create(n_threads, &pool));
    LT_TRY(lt_arena_create(2 * half, &arena));
    copy c = { lt_arena_at(arena, 0), lt_arena_at(arena, half), n_bytes, n_threads };
    /* The first one touches the pages. */
    for (int i = 0; i <= repeats; i++) {
        const double before = lt_seconds();
        lt_pool_run(pool, n_threads, copy_part, &c);
        const double rate = 2e-9 * (double)n_bytes / (lt_seconds() - before);
        if (i > 0 && rate > *gbytes) *gbytes = rate;
    }
done:
    lt_arena_destroy(&arena);
    lt_pool_destroy(&pool);
    return st;
}

lt_status lt_copy_rate_on(lt_device *device, size_t n_bytes, int repeats, double *gbytes)
{
    lt_status st = LT_OK;
    lt_arena *arena = NULL;
    lt_stream *stream = NULL;
    lt_event *before = NULL, *after = NULL;
    const size_t half = lt_arena_padded(n_bytes);
    *gbytes = 0;
    LT_TRY(lt_arena_create_on(device, 2 * half, &arena));
    LT_TRY(lt_stream_create(device, "copy rate", &stream));
    LT_TRY(lt_event_create(device, true, &before));
    LT_TRY(lt_event_create(device, true, &after));
    for (int i = 0; i <= repeats; i++) {
        double seconds = 0;
        LT_TRY(lt_event_record(before, stream));
        LT_TRY(lt_copy_on_device(stream, lt_arena_at(arena, half), lt_arena_at(arena, 0), n_bytes));
        LT_TRY(lt_event_record(after, stream));
        LT_TRY(lt_stream_finish(stream));
        LT_TRY(lt_event_seconds(before, after, &seconds));
        const double rate = seconds > 0 ? 2e-9 * (double)n_bytes / seconds : 0;
        if (i > 0 && rate > *gbytes) *gbytes = rate;
    }
done:
    lt_stream_settle(stream);
    lt_event_destroy(&before);
    lt_event_destroy(&after);
    lt_stream_destroy(&stream);
    lt_arena_destroy(&arena);
    return st;
}
