#include <longtake/pool.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* How often a waiting thread looks before it sleeps. A kernel of a small pyramid level takes tens of
 * microseconds, less than a wake-up; longer waits must leave the core to other processes. */
enum { SPINS = 2000 };

struct lt_pool {
    pthread_mutex_t lock;
    pthread_cond_t  work, idle;
    pthread_t      *threads;
    int             n_threads, n_started;
    atomic_uint     epoch;          /* one more for every run */
    atomic_int      next;           /* the first item nobody has taken */
    atomic_int      busy;           /* workers that have not finished this epoch */
    atomic_bool     quit;
    int             n_items;
    lt_pool_fn      fn;
    void           *ctx;
};

static void relax(void)
{
#if defined(__x86_64__)
    _mm_pause();
#endif
}

static void take_items(lt_pool *p)
{
    for (;;) {
        int i = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
        if (i >= p->n_items) return;
        p->fn(p->ctx, i);
    }
}

static void *worker(void *arg)
{
    lt_pool *p = arg;
    unsigned seen = 0;
    for (;;) {
        for (int i = 0; i < SPINS && atomic_load(&p->epoch) == seen && !atomic_load(&p->quit); i++) relax();
        if (atomic_load(&p->epoch) == seen && !atomic_load(&p->quit)) {
            pthread_mutex_lock(&p->lock);
            while (atomic_load(&p->epoch) == seen && !atomic_load(&p->quit)) pthread_cond_wait(&p->work, &p->lock);
            pthread_mutex_unlock(&p->lock);
        }
        if (atomic_load(&p->quit)) return NULL;
        seen = atomic_load(&p->epoch);
        take_items(p);
        if (atomic_fetch_sub(&p->busy, 1) == 1) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->idle);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

lt_status lt_pool_create(int n_threads, lt_pool **out)
{
    lt_status st = LT_OK;
    lt_pool *p = calloc(1, sizeof *p);
    *out = NULL;
    if (!p) LT_FAIL(LT_E_MEMORY, "no memory for a thread pool");
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->idle, NULL);
    p->n_threads = n_threads < 1 ? 1 : n_threads;
    p->threads = calloc((size_t)p->n_threads, sizeof *p->threads);
    if (!p->threads) LT_FAIL(LT_E_MEMORY, "no memory for a thread pool");
    for (; p->n_started < p->n_threads - 1; p->n_started++)
        if (pthread_create(&p->threads[p->n_started], NULL, worker, p))
            LT_FAIL(LT_E_MEMORY, "cannot start thread %d of %d: use fewer --threads or raise the limit of processes",
                    p->n_started + 1, p->n_threads - 1);
    *out = p;
    p = NULL;
done:
    lt_pool_destroy(&p);
    return st;
}

void lt_pool_run(lt_pool *p, int n_items, lt_pool_fn fn, void *ctx)
{
    if (!p || p->n_started == 0 || n_items <= 1) {
        for (int i = 0; i < n_items; i++) fn(ctx, i);
        return;
    }
    p->fn = fn;
    p->ctx = ctx;
    p->n_items = n_items;
    atomic_store(&p->next, 0);
    atomic_store(&p->busy, p->n_started);
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->epoch, 1);
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    take_items(p);
    for (int i = 0; i < SPINS && atomic_load(&p->busy) > 0; i++) relax();
    if (atomic_load(&p->busy) > 0) {
        pthread_mutex_lock(&p->lock);
        while (atomic_load(&p->busy) > 0) pthread_cond_wait(&p->idle, &p->lock);
        pthread_mutex_unlock(&p->lock);
    }
}

int lt_pool_threads(const lt_pool *pool)
{
    return pool ? pool->n_threads : 1;
}

void lt_pool_destroy(lt_pool **pool)
{
    lt_pool *p = *pool;
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->quit, 1);
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->n_started; i++) pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->idle);
    pthread_mutex_destroy(&p->lock);
    free(p->threads);
    free(p);
    *pool = NULL;
}

/* CPUs granted by a cgroup v2 quota ("max 100000" or "<quota> <period>"), or -1 where there is none. */
static int cgroup_cpus(void)
{
    long long quota, period;
    int cpus = -1;
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r");
    if (!f) return -1;
    if (fscanf(f, "%lld %lld", &quota, &period) == 2 && period > 0) cpus = (int)((quota + period - 1) / period);
    fclose(f);
    return cpus;
}

int lt_cpus_allowed(void)
{
    cpu_set_t set;
    int n = 1, quota = cgroup_cpus();
    if (sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
    if (quota > 0 && quota < n) n = quota;
    return n < 1 ? 1 : n;
}
