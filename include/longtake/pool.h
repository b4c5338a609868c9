/* longtake/pool.h -- our own threads, and work spread over them.
 *
 * in    a function and a number of items
 * out   every item done once, in any order, by any thread
 * owns  its threads, from create to destroy; a run allocates nothing
 *
 * One thread at a time calls lt_pool_run on a pool. Results never depend on which thread took which item,
 * since an item may touch only what belongs to it. */
#ifndef LONGTAKE_POOL_H
#define LONGTAKE_POOL_H

#include <longtake/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lt_pool lt_pool;
typedef void (*lt_pool_fn)(void *ctx, int item);

/* A pool of n_threads in all, the caller of lt_pool_run counted in; 1 starts no thread. */
LT_NODISCARD lt_status lt_pool_create(int n_threads, lt_pool **out);

/* Calls fn(ctx, 0) ... fn(ctx, n_items - 1), returns when all have returned. pool NULL: all on the caller. */
void lt_pool_run(lt_pool *pool, int n_items, lt_pool_fn fn, void *ctx);

/* Threads in all; 1 for NULL. */
int lt_pool_threads(const lt_pool *pool);

/* Joins the threads. *pool is NULL afterwards; NULL is accepted. */
void lt_pool_destroy(lt_pool **pool);

/* CPUs this process may run on (its affinity mask and, where set, its cgroup's quota), at least 1. */
int lt_cpus_allowed(void);

#ifdef __cplusplus
}
#endif
#endif
