#include "total.h"

#include <longtake/arena.h>

static void most(int64_t *of, int64_t n)
{
    if (n > *of) *of = n;
}

/* A place behind what is there. */
static int64_t behind(lt_total *t, int64_t n_bytes)
{
    const int64_t at = (int64_t)lt_arena_padded((size_t)t->arena);
    if (n_bytes) t->arena = at + n_bytes;
    return at;
}

void lt_total_add(lt_total *t, const lt_need *need)
{
    most(&t->plan, need->plan);
    most(&t->staging, need->staging);
    most(&t->reader, need->reader);
    most(&t->decoder, need->decoder);
    most(&t->host, need->host);
    t->arena = t->plan;
    t->staging_at = behind(t, t->staging);
    t->reader_at = behind(t, t->reader);
}

lt_status lt_total_check(const lt_total *t, const lt_budget *budget)
{
    lt_status st = LT_OK;
    char need[32], have[32];
    const int64_t all = t->arena + t->decoder;
    if (all > budget->device)
        LT_FAIL(LT_E_MEMORY, "the videos of this job together need %s of device memory and %s may be used (%s): raise that limit, or do those of one size by themselves",
                lt_bytes_text(all, need, sizeof need), lt_bytes_text(budget->device, have, sizeof have), lt_limit_text(budget->device_binds));
done:
    return st;
}
