/* The CPU as a device, which GPU a rank gets where there is none, and what a rank on a GPU may plan. */
#include "check.h"

#include <longtake/arena.h>
#include <longtake/budget.h>
#include <longtake/device.h>
#include <longtake/gpu.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GUARD = 64, GUARD_BYTE = 0x5A };

static lt_device *cpu(void)
{
    lt_device *d = NULL;
    assert_ok(lt_device_open(LT_BACKEND_CPU, 0, &d));
    return d;
}

static void facts(void **state)
{
    (void)state;
    lt_device *d = cpu();
    lt_device_memory m = { 0, 0, 0, 0 };
    const lt_device_facts *f = lt_device_get_facts(d);
    assert_int_equal(f->backend, LT_BACKEND_CPU);
    assert_string_equal(f->uuid, "");
    assert_ok(lt_device_use(d));
    assert_false(lt_device_lost(d));
    assert_ok(lt_device_memory_read(d, &m));
    assert_true(m.total == -1 && m.free == -1 && m.process == -1 && m.others == -1);
    lt_device_close(&d);
    assert_null(d);
    lt_device_close(&d);
}

static void close_kept(void *kept)
{
    ++*(int *)kept;
}

static void kept_is_closed_once(void **state)
{
    (void)state;
    lt_device *d = cpu();
    int closed = 0;
    assert_null(lt_device_kept(d));
    lt_device_keep(d, &closed, close_kept);
    assert_ptr_equal(lt_device_kept(d), &closed);
    assert_int_equal(closed, 0);
    lt_device_close(&d);
    assert_int_equal(closed, 1);
}

static void events(void **state)
{
    (void)state;
    lt_device *d = cpu();
    lt_stream *s = NULL;
    lt_event *a = NULL, *b = NULL;
    lt_atomic_int stop = 1;
    bool past = false;
    double seconds = -1;
    assert_ok(lt_stream_create(d, "test", &s));
    assert_null(lt_stream_handle(s));
    assert_ok(lt_event_create(d, true, &a));
    assert_ok(lt_event_create(d, true, &b));
    assert_ok(lt_stream_wait(s, a));
    assert_ok(lt_event_past(a, &past));
    assert_true(past);
    assert_ok(lt_event_record(a, s));
    nanosleep(&(struct timespec){ 0, 3000000 }, NULL);
    assert_ok(lt_event_record(b, s));
    assert_ok(lt_event_wait(b, 1, &stop));
    assert_ok(lt_event_seconds(a, b, &seconds));
    assert_true(seconds >= 0.002 && seconds < 60);
    assert_ok(lt_event_seconds(b, a, &seconds));
    assert_true(seconds < 0);
    assert_ok(lt_stream_finish(s));
    lt_event_destroy(&a);
    lt_event_destroy(&b);
    lt_stream_destroy(&s);
    assert_true(!a && !b && !s);
    lt_event_destroy(&a);
    lt_stream_destroy(&s);
    lt_device_close(&d);
}

/* A buffer of n bytes of pinned memory, all GUARD_BYTE, with room behind for a guard. */
static unsigned char *buffer(lt_device *d, size_t n)
{
    void *p = NULL;
    assert_ok(lt_pinned_create(d, n + GUARD, &p));
    memset(p, GUARD_BYTE, n + GUARD);
    return p;
}

static void whole(const unsigned char *p, size_t from)
{
    for (size_t i = from; i < from + GUARD; i++)
        if (p[i] != GUARD_BYTE) fail_msg("byte %zu behind the end was written", i - from);
}

static void copies(void **state)
{
    (void)state;
    enum { W = 13, H = 5, FROM = 17, TO = 29 };
    lt_device *d = cpu();
    lt_stream *s = NULL;
    assert_ok(lt_stream_create(d, "test", &s));
    unsigned char *from = buffer(d, FROM * H), *to = buffer(d, TO * H), *back = buffer(d, TO * H);
    assert_int_equal((uintptr_t)to % 64, 0);
    for (size_t i = 0; i < FROM * H; i++) from[i] = (unsigned char)(i * 37 + 11);
    assert_ok(lt_copy_rows_to_device(s, to, TO, from, FROM, W, H));
    assert_ok(lt_stream_finish(s));
    for (size_t y = 0; y < H; y++)
        for (size_t x = 0; x < TO; x++)
            if (to[y * TO + x] != (x < W ? from[y * FROM + x] : GUARD_BYTE)) fail_msg("row %zu, byte %zu", y, x);
    assert_ok(lt_copy_on_device(s, back, to, TO * H));
    assert_memory_equal(back, to, TO * H);
    assert_ok(lt_fill_on_device(s, to, 0xC3, TO * H - 1));
    assert_true(to[0] == 0xC3 && to[TO * H - 2] == 0xC3 && to[TO * H - 1] == back[TO * H - 1]);
    assert_ok(lt_copy_to_device(s, to, from, FROM * H));
    assert_ok(lt_copy_to_host(s, back, to, FROM * H));
    assert_memory_equal(back, from, FROM * H);
    whole(from, FROM * H);
    whole(to, TO * H);
    whole(back, TO * H);
    void *p = from, *q = to, *r = back;
    lt_pinned_destroy(d, &p);
    lt_pinned_destroy(d, &q);
    lt_pinned_destroy(d, &r);
    assert_true(!p && !q && !r);
    lt_pinned_destroy(d, &p);
    lt_stream_destroy(&s);
    lt_device_close(&d);
}

static void nothing_is_recorded(void **state)
{
    (void)state;
    lt_device *d = cpu();
    lt_stream *s = NULL;
    lt_recording *r = NULL;
    assert_ok(lt_stream_create(d, "test", &s));
    assert_int_equal(lt_recording_begin(s), LT_E_DEVICE);
    assert_int_equal(lt_recording_end(s, &r), LT_E_DEVICE);
    assert_null(r);
    lt_recording_destroy(&r);
    lt_stream_destroy(&s);
    lt_device_close(&d);
}

static void arena_on_a_cpu_is_the_hosts(void **state)
{
    (void)state;
    lt_device *d = cpu();
    lt_arena *a = NULL;
    assert_ok(lt_arena_create_on(d, 100000, &a));
    assert_null(lt_arena_device(a));
    assert_int_equal(lt_arena_high_water(a), 0);
    *(unsigned char *)lt_arena_at(a, 12344) = 7;
    assert_int_equal(lt_arena_high_water(a), 12345);
    lt_arena_destroy(&a);
    lt_device_close(&d);
}

static void the_cpu_when_asked_for(void **state)
{
    (void)state;
    lt_backend backend = LT_BACKEND_CUDA;
    int ordinal = -1;
    char note[128] = "x";
    assert_ok(lt_gpu_pick(LT_DEVICE_CPU, 3, 4, &backend, &ordinal, note, sizeof note));
    assert_true(backend == LT_BACKEND_CPU && ordinal == 0);
    assert_string_equal(note, "");
}

static void a_build_without_cuda_says_so(void **state)
{
    (void)state;
    lt_backend backend = LT_BACKEND_CUDA;
    lt_device *d = NULL;
    lt_gpu gpu;
    lt_gpu_system sys;
    int n = -1;
    char note[128];
    if (lt_gpu_built()) skip();
    assert_int_equal(lt_gpu_pick(LT_DEVICE_CUDA, 0, 1, &backend, &n, note, sizeof note), LT_E_DEVICE);
    assert_non_null(strstr(lt_error_last()->text, "this build has no CUDA"));
    assert_ok(lt_gpu_pick(LT_DEVICE_AUTO, 0, 1, &backend, &n, note, sizeof note));
    assert_int_equal(backend, LT_BACKEND_CPU);
    assert_int_equal(lt_gpu_list(&gpu, 1, &n), LT_E_DEVICE);
    assert_int_equal(n, 0);
    assert_int_equal(lt_device_open(LT_BACKEND_CUDA, 0, &d), LT_E_DEVICE);
    assert_null(d);
    lt_gpu_system_read(&sys);
    assert_true(sys.driver == 0 && sys.n_architectures == 0);
}

/* MiB throughout; a reserve of 128 MiB of what is free is left. */
static const struct {
    int         limit;
    double      fraction;
    int         total, free, ranks, overhead, device;
    const char *says, *catches;
} budgets[] = {
    { 0, 0.9, 8000, 8000, 1, 640, 6560, NULL, "the fraction binds, and theirs is taken from it" },
    { 0, 0, 8000, 8000, 1, 640, 6560, NULL, "no fraction: nine tenths" },
    { 0, 0.5, 8000, 8000, 1, 640, 3360, NULL, "another fraction" },
    { 3000, 0.9, 8000, 8000, 1, 640, 2360, NULL, "the limit is of all that the rank takes" },
    { 9000, 0.9, 8000, 8000, 1, 640, 6560, NULL, "a limit beyond the fraction does not raise it" },
    { 0, 0.9, 8000, 3128, 1, 640, 2360, NULL, "what is free binds, less the reserve" },
    { 3000, 0.9, 8000, 2128, 1, 640, 1360, NULL, "and binds more than the limit" },
    { 0, 0.9, 8000, 8000, 2, 640, 2960, NULL, "two ranks share the fraction" },
    { 0, 0.9, 8000, 4128, 2, 640, 1360, NULL, "and what is free" },
    { 3000, 0.9, 8000, 8000, 2, 640, 2360, NULL, "the limit is each rank's" },
    { 0, 0.9, 8000, 8000, 0, 640, 6560, NULL, "no number of ranks: one" },
    { 600, 0.9, 8000, 8000, 1, 640, 0, "600.0 MiB of the GPU's memory (--memory-limit)", "a limit below theirs" },
    { 640, 0.9, 8000, 8000, 1, 640, 0, "(--memory-limit)", "a limit that leaves nothing" },
    { 0, 0.05, 8000, 8000, 1, 640, 0, "(--memory-fraction)", "a fraction below theirs" },
    { 0, 0.9, 8000, 500, 1, 640, 0, "(what is free there)", "others have taken nearly all" },
    { 0, 0.9, 8000, 100, 1, 640, 0, "end what else runs on it", "less is free than the reserve" },
};

static void budget(void **state)
{
    (void)state;
    const int64_t mib = 1 << 20;
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        lt_budget b;
        const lt_budget_opts o = { budgets[i].limit * mib, budgets[i].fraction, 0, 1 };
        lt_status st = lt_budget_gpu(&o, budgets[i].total * mib, budgets[i].free * mib, budgets[i].ranks, budgets[i].overhead * mib, &b);
        if (st != (budgets[i].says ? LT_E_MEMORY : LT_OK)) fail_msg("%s: status %d: %s", budgets[i].catches, st, lt_error_last()->text);
        if (budgets[i].says && !strstr(lt_error_last()->text, budgets[i].says)) fail_msg("%s: %s", budgets[i].catches, lt_error_last()->text);
        if (b.device / mib != budgets[i].device) fail_msg("%s: %lld MiB", budgets[i].catches, (long long)(b.device / mib));
        if (st < 0) continue;
        assert_true(b.host > 0);
        assert_true(b.pool == b.device + b.host);
    }
}

static void overhead(void **state)
{
    (void)state;
    const lt_device_facts none = { .backend = LT_BACKEND_CPU }, small = { .backend = LT_BACKEND_CUDA, .major = 8, .minor = 9 },
                          large = { .backend = LT_BACKEND_CUDA, .major = 9, .minor = 0 };
    assert_int_equal(lt_device_overhead(&none), 0);
    assert_true(lt_device_overhead(&small) > 256 << 20);
    assert_true(lt_device_overhead(&large) > lt_device_overhead(&small));
}

static void host_memory(void **state)
{
    (void)state;
    lt_host_memory m;
    assert_ok(lt_host_memory_read(&m));
    assert_true(m.total > 0 && m.available > 0 && m.available <= m.total);
    assert_true(m.cgroup_limit == -1 || m.cgroup_limit >= m.total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts), cmocka_unit_test(kept_is_closed_once), cmocka_unit_test(events), cmocka_unit_test(copies),
        cmocka_unit_test(nothing_is_recorded), cmocka_unit_test(arena_on_a_cpu_is_the_hosts), cmocka_unit_test(the_cpu_when_asked_for),
        cmocka_unit_test(a_build_without_cuda_says_so), cmocka_unit_test(budget), cmocka_unit_test(overhead), cmocka_unit_test(host_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
