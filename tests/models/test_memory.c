/* After the session is made, nothing of ours allocates. Every malloc of this program comes through here, and is told by its caller: our code is
 * linked into the program, a library lies elsewhere. */
#include "check.h"

#include <longtake/arena.h>
#include <longtake/depth.h>
#include <longtake/weights.h>

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

static atomic_int    counting;
static atomic_llong  ours, theirs, theirs_bytes;      /* calls of ours; calls of others; what others hold more than before */

#ifndef SANITIZED
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void  __libc_free(void *p);
extern const char __executable_start, etext;

static void count(const void *caller, long long bytes)
{
    if (!atomic_load(&counting)) return;
    if ((const char *)caller >= &__executable_start && (const char *)caller < &etext) {
        atomic_fetch_add(&ours, 1);
        return;
    }
    atomic_fetch_add(&theirs, 1);
    atomic_fetch_add(&theirs_bytes, bytes);
}

/* None is inlined: the caller is told by the return address. */
__attribute__((noinline)) void *malloc(size_t n)
{
    void *p = __libc_malloc(n);
    count(__builtin_return_address(0), (long long)malloc_usable_size(p));
    return p;
}

__attribute__((noinline)) void *calloc(size_t n, size_t size)
{
    void *p = __libc_calloc(n, size);
    count(__builtin_return_address(0), (long long)malloc_usable_size(p));
    return p;
}

__attribute__((noinline)) void *realloc(void *old, size_t n)
{
    const long long before = (long long)malloc_usable_size(old);
    void *p = __libc_realloc(old, n);
    count(__builtin_return_address(0), (long long)malloc_usable_size(p) - before);
    return p;
}

__attribute__((noinline)) void free(void *p)
{
    if (p) count(__builtin_return_address(0), -(long long)malloc_usable_size(p));
    __libc_free(p);
}
#endif

static void run(lt_dtype precision)
{
    const lt_depth_config c = { .model = "vda-vits", .width = 98, .height = 70, .frames = 5, .slots = 5, .precision = precision,
                                .machine = lt_machine_here(lt_cpu_isa(), 2) };
    static const int32_t slot[] = { 0, 1, 2, 3, 4 };
    static const int position[] = { 0, 1, 2, 3, 4 };
    const float *maps;
    lt_depth_plan *plan = NULL;
    lt_depth_session *s = NULL;
    lt_arena *arena = NULL;
    lt_pool *pool = NULL;
    lt_weights *weights = NULL;
    assert_ok(lt_weights_open("synthetic:7", &weights));
    assert_ok(lt_depth_plan_create(&c, &plan));
    assert_ok(lt_pool_create(2, &pool));
    assert_ok(lt_arena_create(lt_depth_plan_bytes(plan), &arena));
    assert_ok(lt_depth_session_create(plan, weights, arena, pool, &s));
    for (int k = 0; k < lt_depth_plan_batch(plan); k++) {
        float *x = lt_depth_input(s, k);
        for (int i = 0; i < 70 * 98 * 3; i++) x[i] = (float)((i * 7919 + k) % 1000) / 500.0f - 1.0f;
    }
    /* What a library keeps from its first call on each thread is no leak: soon a pass nets to zero. */
    bool settled = false;
    for (int pass = 0; pass < 5 && !settled; pass++) {
        atomic_store(&ours, 0);
        atomic_store(&theirs, 0);
        atomic_store(&theirs_bytes, 0);
        atomic_store(&counting, 1);
        lt_status st = lt_depth_encode(s, 4, slot, NULL);
        if (st >= 0) st = lt_depth_encode(s, 1, slot + 4, NULL);
        if (st >= 0) st = lt_depth_window(s, slot, position, 5, &maps, NULL);
        atomic_store(&counting, 0);
        assert_int_equal(st, LT_OK);
        assert_int_equal(atomic_load(&ours), 0);
        assert_true(atomic_load(&theirs_bytes) < 1 << 20);
        settled = pass > 0 && atomic_load(&theirs_bytes) == 0;
    }
    assert_true(settled);
    lt_depth_session_destroy(&s);
    lt_depth_plan_destroy(&plan);
    lt_arena_destroy(&arena);
    lt_pool_destroy(&pool);
    lt_weights_close(&weights);
}

static void test_nothing_allocates(void **state)
{
    (void)state;
#ifndef SANITIZED
    /* The counter counts: this call is the program's own. */
    atomic_store(&counting, 1);
    void *volatile p = malloc(17);
    atomic_store(&counting, 0);
    assert_int_equal(atomic_load(&ours), 1);
    free(p);
#endif
    run(LT_F32);
    run(LT_BF16);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_nothing_allocates) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
