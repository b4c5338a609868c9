/* GPUs as a device, on the fake runtime of tests/cuda_fake: order, memory, recordings, which GPU a rank gets, and what each failure says. */
#include "../check.h"
#include "cuda_fake.h"

#include "device/probe.h"

#include <longtake/arena.h>
#include <longtake/device.h>
#include <longtake/gpu.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lt_device *gpu(const char *fake)
{
    lt_device *d = NULL;
    lt_fake_restart(fake);
    assert_ok(lt_device_open(LT_BACKEND_CUDA, 0, &d));
    return d;
}

/* Ends a test: everything was given back, and the runtime has nothing to report. */
static void finish(lt_device *d)
{
    lt_fake_counters c;
    lt_device_close(&d);
    lt_fake_count(&c);
    assert_int_equal(c.streams, 0);
    assert_int_equal(c.events, 0);
    assert_int_equal(c.graphs, 0);
    assert_int_equal(c.bytes, 0);
    assert_int_equal(c.pinned_bytes, 0);
    assert_int_equal(c.device_waits, 0);
    if (lt_fake_reports()) fail_msg("%s", lt_fake_report(0));
}

static void says(const char *words)
{
    if (!strstr(lt_error_last()->text, words)) fail_msg("'%s' does not say '%s'", lt_error_last()->text, words);
}

/* ---- what a GPU is ---- */

static void facts(void **state)
{
    (void)state;
    lt_device *d = gpu("gpus=2,sm=86,sms=28,memory=8GiB,name=Fake");
    const lt_device_facts *f = lt_device_get_facts(d);
    lt_device_memory m;
    lt_device *other = NULL, *again = NULL;
    assert_int_equal(f->backend, LT_BACKEND_CUDA);
    assert_int_equal(10 * f->major + f->minor, 86);
    assert_int_equal(f->multiprocessors, 28);
    assert_true(f->memory == (int64_t)8 << 30);
    assert_true(f->driver >= 13000 && f->runtime >= 13000);
    assert_non_null(strstr(f->name, "Fake"));
    assert_int_equal(strncmp(f->uuid, "GPU-", 4), 0);
    assert_int_equal(strlen(f->uuid), 40);
    assert_ok(lt_device_memory_read(d, &m));
    assert_true(m.total == (int64_t)8 << 30 && m.free < m.total && m.free > m.total / 2);
    assert_ok(lt_device_open(LT_BACKEND_CUDA, 1, &other));
    assert_int_equal(lt_device_get_facts(other)->ordinal, 1);
    assert_string_not_equal(lt_device_get_facts(other)->uuid, f->uuid);
    assert_ok(lt_device_open(LT_BACKEND_CUDA, 0, &again));
    assert_string_equal(lt_device_get_facts(again)->uuid, f->uuid);
    lt_device_close(&other);
    lt_device_close(&again);
    finish(d);
}

static void ranks_on_one_gpu_see_it(void **state)
{
    (void)state;
    lt_device *a = gpu("gpus=2,uuid=same"), *b = NULL;
    assert_ok(lt_device_open(LT_BACKEND_CUDA, 1, &b));
    assert_string_equal(lt_device_get_facts(a)->uuid, lt_device_get_facts(b)->uuid);
    lt_device_close(&b);
    finish(a);
}

static void list(void **state)
{
    (void)state;
    lt_gpu g[4];
    int n = -1;
    lt_fake_counters c;
    lt_fake_restart("gpus=3,sm=90,memory=4GiB");
    assert_ok(lt_gpu_list(g, 2, &n));
    assert_int_equal(n, 2);
    assert_ok(lt_gpu_list(g, 4, &n));
    assert_int_equal(n, 3);
    assert_int_equal(10 * g[2].major + g[2].minor, 90);
    assert_true(g[2].memory == (int64_t)4 << 30);
    assert_false(g[2].mig);
    assert_int_equal(g[2].exclusive, 0);
    lt_fake_count(&c);
    assert_int_equal(c.bytes, 0);
    lt_fake_restart("nodevice");
    assert_ok(lt_gpu_list(g, 4, &n));
    assert_int_equal(n, 0);
    lt_fake_restart("driver=12040");
    assert_int_equal(lt_gpu_list(g, 4, &n), LT_E_DEVICE);
    assert_int_equal(n, 0);
}

static void code(void **state)
{
    (void)state;
    static const int release[] = { 750, 800, 860, 890, 900, 1000, 1200 }, one[] = { 900 };
    static const struct { const int *built; int n, major, minor, covers; const char *catches; } cases[] = {
        { release, 7, 9, 0, 1, "its own" },
        { release, 7, 7, 0, 0, "older than all" },
        { release, 7, 8, 7, 1, "a younger sister of 8.6" },
        { release, 7, 8, 0, 1, "not the younger one" },
        { release, 7, 10, 3, 1, "two digits before the point" },
        { release, 7, 11, 0, -1, "between two families: PTX of older code" },
        { release, 7, 13, 0, -1, "newer than all" },
        { one, 1, 8, 9, 0, "newer code alone" },
        { one, 1, 12, 0, -1, "older code alone" },
        { NULL, 0, 9, 0, -1, "nothing is known" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (lt_probe_covers(cases[i].built, cases[i].n, cases[i].major, cases[i].minor) != cases[i].covers)
            fail_msg("%d.%d: %s", cases[i].major, cases[i].minor, cases[i].catches);
}

/* ---- which one a rank gets ---- */

static const struct {
    const char      *fake;
    lt_device_choice choice;
    int              rank, size;
    lt_status        st;
    lt_backend       backend;
    int              ordinal;
    const char      *note;         /* a part of it, or of the sentence of the failure; "" */
} picks[] = {
    { "gpus=1", LT_DEVICE_AUTO, 0, 1, LT_OK, LT_BACKEND_CUDA, 0, "" },
    { "gpus=1", LT_DEVICE_CUDA, 0, 1, LT_OK, LT_BACKEND_CUDA, 0, "" },
    { "gpus=1", LT_DEVICE_CPU, 0, 1, LT_OK, LT_BACKEND_CPU, 0, "" },
    { "nodriver", LT_DEVICE_CPU, 0, 1, LT_OK, LT_BACKEND_CPU, 0, "" },
    { "gpus=4", LT_DEVICE_AUTO, 2, 4, LT_OK, LT_BACKEND_CUDA, 2, "" },
    { "gpus=4", LT_DEVICE_CUDA, 6, 8, LT_OK, LT_BACKEND_CUDA, 2, "8 ranks share the 4 GPUs" },
    { "gpus=4", LT_DEVICE_AUTO, 1, 2, LT_OK, LT_BACKEND_CUDA, 1, "2 of the 4 GPUs" },
    { "gpus=1", LT_DEVICE_AUTO, 3, 4, LT_OK, LT_BACKEND_CUDA, 0, "" },       /* each may have one of its own */
    { "nodevice", LT_DEVICE_AUTO, 0, 1, LT_OK, LT_BACKEND_CPU, 0, "computing on the CPU" },
    { "nodriver", LT_DEVICE_AUTO, 0, 1, LT_OK, LT_BACKEND_CPU, 0, "computing on the CPU" },
    { "nodevice", LT_DEVICE_CUDA, 0, 1, LT_E_DEVICE, LT_BACKEND_CPU, 0, "no NVIDIA GPU" },
    { "nodriver", LT_DEVICE_CUDA, 0, 1, LT_E_DEVICE, LT_BACKEND_CPU, 0, "NVIDIA driver" },
    { "driver=12040", LT_DEVICE_AUTO, 0, 1, LT_E_DEVICE, LT_BACKEND_CPU, 0, "knows CUDA 12.4" },
    { "driver=12040", LT_DEVICE_CUDA, 0, 1, LT_E_DEVICE, LT_BACKEND_CPU, 0, "knows CUDA 12.4" },
    { "fail=cudaGetDeviceCount:1:cudaErrorSystemNotReady", LT_DEVICE_AUTO, 0, 1, LT_E_DEVICE, LT_BACKEND_CPU, 0, "nvidia-fabricmanager" },
    { "fail=cudaGetDeviceCount:1:cudaErrorInitializationError", LT_DEVICE_AUTO, 0, 1, LT_E_DEVICE, LT_BACKEND_CPU, 0, "reboot" },
};

static void pick(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof picks / sizeof *picks; i++) {
        lt_backend backend = LT_BACKEND_CUDA;
        int ordinal = -1;
        char note[256] = "x";
        lt_fake_restart(picks[i].fake);
        lt_status st = lt_gpu_pick(picks[i].choice, picks[i].rank, picks[i].size, &backend, &ordinal, note, sizeof note);
        const char *said = st < 0 ? lt_error_last()->text : note;
        if (st != picks[i].st || backend != picks[i].backend || (st == LT_OK && ordinal != picks[i].ordinal))
            fail_msg("row %zu (%s): status %d, back-end %d, GPU %d: %s", i, picks[i].fake, st, backend, ordinal, said);
        if (picks[i].note[0] ? !strstr(said, picks[i].note) : said[0]) fail_msg("row %zu (%s): '%s' and not '%s'", i, picks[i].fake, said, picks[i].note);
    }
}

static void visible_devices(void **state)
{
    (void)state;
    lt_backend backend;
    int ordinal = -1;
    char note[256];
    assert_int_equal(setenv("CUDA_VISIBLE_DEVICES", "2", 1), 0);
    lt_fake_restart("gpus=4");
    assert_ok(lt_gpu_pick(LT_DEVICE_AUTO, 3, 4, &backend, &ordinal, note, sizeof note));
    assert_true(backend == LT_BACKEND_CUDA && ordinal == 0);
    setenv("CUDA_VISIBLE_DEVICES", "", 1);
    lt_fake_restart("gpus=4");
    assert_ok(lt_gpu_pick(LT_DEVICE_AUTO, 0, 1, &backend, &ordinal, note, sizeof note));
    assert_int_equal(backend, LT_BACKEND_CPU);
    assert_non_null(strstr(note, "CUDA_VISIBLE_DEVICES is ''"));
    lt_fake_restart("gpus=4");
    assert_int_equal(lt_gpu_pick(LT_DEVICE_CUDA, 0, 1, &backend, &ordinal, note, sizeof note), LT_E_DEVICE);
    says("CUDA_VISIBLE_DEVICES is ''");
    unsetenv("CUDA_VISIBLE_DEVICES");
}

/* ---- opening one that does not work ---- */

static const struct {
    const char *fake;
    int         ordinal;
    const char *says;
} opens[] = {
    { "nodriver", 0, "NVIDIA driver" },
    { "driver=12040", 0, "knows CUDA 12.4, this build needs 13." },
    { "driver=12040", 0, "update the driver" },
    { "nodevice", 0, "nvidia-smi" },
    { "gpus=2", 2, "there is no GPU 2: this process sees 2" },
    { "gpus=2", -1, "there is no GPU -1" },
    { "sm=70", 0, "the GPU is sm_70 and this build holds no code for it" },
    { "noimage", 0, "CMAKE_CUDA_ARCHITECTURES=90" },
    { "busy", 0, "busy" },
    { "ecc", 0, "cannot be corrected" },
    { "fail=cudaFuncGetAttributes:1:cudaErrorUnsupportedPtxVersion", 0, "update the driver, or build for its architecture" },
    { "fail=cudaGetDeviceProperties:1:cudaErrorUnknown", 0, "GPU 0: reading its properties" },
    { "fail=cudaInitDevice:1:cudaErrorOperatingSystem", 0, "/dev/nvidia*" },
    { "fail=cudaInitDevice:1:cudaErrorMemoryAllocation", 0, "not enough memory" },
    { "fail=cudaSetDevice:1:cudaErrorSystemDriverMismatch", 0, "reboot" },
    { "fail=cudaStreamCreateWithFlags:1:cudaErrorLaunchFailure", 0, "NVRM: Xid" },
};

static void opening(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof opens / sizeof *opens; i++) {
        lt_device *d = NULL;
        lt_fake_counters c;
        lt_fake_restart(opens[i].fake);
        lt_status st = lt_device_open(LT_BACKEND_CUDA, opens[i].ordinal, &d);
        if (st != LT_E_DEVICE && st != LT_E_MEMORY) fail_msg("%s: status %d", opens[i].fake, st);
        assert_null(d);
        says(opens[i].says);
        lt_fake_count(&c);
        assert_int_equal(c.streams, 0);
    }
}

/* ---- order ---- */

enum { N = 4096 };

typedef struct {
    lt_device     *d;
    lt_stream     *up, *down;
    lt_arena      *arena;
    unsigned char *in, *out;      /* pinned, N each */
} rig;

static rig make(const char *fake)
{
    rig r = { .d = gpu(fake) };
    void *in, *out;
    assert_ok(lt_stream_create(r.d, "up", &r.up));
    assert_ok(lt_stream_create(r.d, "down", &r.down));
    assert_ok(lt_arena_create_on(r.d, 4 * N, &r.arena));
    assert_ok(lt_pinned_create(r.d, N, &in));
    assert_ok(lt_pinned_create(r.d, N, &out));
    r.in = in;
    r.out = out;
    memset(out, 0, N);
    return r;
}

static void unmake(rig *r)
{
    void *in = r->in, *out = r->out;
    lt_pinned_destroy(r->d, &in);
    lt_pinned_destroy(r->d, &out);
    lt_arena_destroy(&r->arena);
    lt_stream_destroy(&r->up);
    lt_stream_destroy(&r->down);
    finish(r->d);
}

static void write_pattern(unsigned char *p, unsigned seed)
{
    for (unsigned i = 0; i < N; i++) p[i] = (unsigned char)((i * 2654435761u + seed * 97) >> 13);
}

static void is_pattern(const unsigned char *p, unsigned seed)
{
    for (unsigned i = 0; i < N; i++)
        if (p[i] != (unsigned char)((i * 2654435761u + seed * 97) >> 13)) fail_msg("byte %u is not that of pattern %u", i, seed);
}

/* Up on one stream, down on another, held together by an event; whatever order the runtime takes. A second event keeps the next upload from what is still
 * being fetched. */
static void events_hold_streams_together(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 8; seed++) {
        char fake[32];
        lt_event *there = NULL, *fetched = NULL;
        snprintf(fake, sizeof fake, "idle=0,seed=%u", seed);
        rig r = make(fake);
        assert_ok(lt_event_create(r.d, false, &there));
        assert_ok(lt_event_create(r.d, false, &fetched));
        for (unsigned k = 0; k < 4; k++) {
            write_pattern(r.in, k);
            assert_ok(lt_stream_wait(r.up, fetched));
            assert_ok(lt_copy_to_device(r.up, lt_arena_at(r.arena, 0), r.in, N));
            assert_ok(lt_copy_on_device(r.up, lt_arena_at(r.arena, 2 * N), lt_arena_at(r.arena, 0), N));
            assert_ok(lt_event_record(there, r.up));
            assert_ok(lt_stream_wait(r.down, there));
            assert_ok(lt_copy_to_host(r.down, r.out, lt_arena_at(r.arena, 2 * N), N));
            assert_ok(lt_event_record(fetched, r.down));
            assert_ok(lt_event_wait(fetched, 20, NULL));
            is_pattern(r.out, k);
        }
        lt_event_destroy(&there);
        lt_event_destroy(&fetched);
        unmake(&r);
    }
}

/* Nothing runs before it is waited for, so a call that waited in secret would show. */
static void copies_return_at_once(void **state)
{
    (void)state;
    lt_fake_counters before, after;
    rig r = make("idle=0");
    lt_fake_count(&before);
    write_pattern(r.in, 1);
    assert_ok(lt_copy_to_device(r.up, lt_arena_at(r.arena, 0), r.in, N));
    assert_ok(lt_fill_on_device(r.up, lt_arena_at(r.arena, 2 * N), 7, N));
    assert_ok(lt_copy_to_host(r.down, r.out, lt_arena_at(r.arena, 3 * N), N));
    lt_fake_count(&after);
    assert_int_equal(lt_fake_waiting(), 3);
    assert_int_equal(after.ran, before.ran);
    assert_int_equal(after.stream_waits, before.stream_waits);
    assert_ok(lt_stream_finish(r.up));
    assert_ok(lt_stream_finish(r.down));
    assert_int_equal(lt_fake_waiting(), 0);
    assert_int_equal(r.out[17], 0xFF);
    unmake(&r);
}

static void rows(void **state)
{
    (void)state;
    enum { W = 37, H = 11, FROM = 64, TO = 48 };
    rig r = make(NULL);
    write_pattern(r.in, 5);
    assert_ok(lt_fill_on_device(r.up, lt_arena_at(r.arena, 0), 0x5A, N));
    assert_ok(lt_copy_rows_to_device(r.up, lt_arena_at(r.arena, 0), TO, r.in, FROM, W, H));
    assert_ok(lt_copy_rows_to_device(r.up, lt_arena_at(r.arena, 0), TO, r.in, FROM, W, 0));
    assert_ok(lt_copy_to_host(r.up, r.out, lt_arena_at(r.arena, 0), N));
    assert_ok(lt_stream_finish(r.up));
    for (size_t i = 0; i < N; i++) {
        const size_t y = i / TO, x = i % TO;
        if (r.out[i] != (y < H && x < W ? r.in[y * FROM + x] : 0x5A)) fail_msg("row %zu, byte %zu", y, x);
    }
    unmake(&r);
}

static void event_states(void **state)
{
    (void)state;
    rig r = make("idle=0");
    lt_event *e = NULL, *a = NULL, *b = NULL;
    bool past = false;
    double seconds = -1;
    assert_ok(lt_event_create(r.d, false, &e));
    assert_ok(lt_event_create(r.d, true, &a));
    assert_ok(lt_event_create(r.d, true, &b));
    assert_ok(lt_event_past(e, &past));
    assert_true(past);
    assert_ok(lt_event_wait(e, 1, NULL));
    assert_ok(lt_stream_wait(r.up, e));
    assert_ok(lt_event_record(a, r.up));
    for (int i = 0; i < 64; i++) assert_ok(lt_fill_on_device(r.up, lt_arena_at(r.arena, 0), i, N));
    assert_ok(lt_event_record(e, r.up));
    assert_ok(lt_event_record(b, r.up));
    assert_ok(lt_event_past(e, &past));
    assert_false(past);
    assert_ok(lt_event_wait(b, 20, NULL));
    assert_ok(lt_event_past(e, &past));
    assert_true(past);
    assert_ok(lt_event_seconds(a, b, &seconds));
    assert_true(seconds >= 0);
    lt_event_destroy(&e);
    lt_event_destroy(&a);
    lt_event_destroy(&b);
    unmake(&r);
}

static int when_it_is_let(void *args)
{
    return atomic_load(*(atomic_int **)args);
}

/* Work that does not come to its end: the wait has a deadline, and hears the stop flag. */
static void waits_end(void **state)
{
    (void)state;
    rig r = make(NULL);
    lt_event *e = NULL;
    lt_atomic_int stop = 1;
    atomic_int done = 0, *let = &done;
    assert_ok(lt_event_create(r.d, false, &e));
    assert_int_equal(lt_fake_enqueue(lt_stream_handle(r.up), "endless", when_it_is_let, &let, sizeof let), cudaSuccess);
    assert_ok(lt_event_record(e, r.up));
    assert_int_equal(lt_event_wait(e, 0.05, NULL), LT_E_TIMEOUT);
    says("did not answer");
    assert_int_equal(lt_event_wait(e, 0, &stop), LT_E_STOPPED);
    atomic_store(&done, 1);
    atomic_store(&stop, 0);
    assert_ok(lt_event_wait(e, 20, &stop));
    lt_event_destroy(&e);
    unmake(&r);
}

/* ---- memory ---- */

static void one_allocation(void **state)
{
    (void)state;
    enum { BYTES = 5000001, USED = 3456789 };
    lt_fake_counters c;
    lt_device *d = gpu(NULL);
    lt_arena *a = NULL;
    lt_stream *s = NULL;
    assert_ok(lt_arena_create_on(d, BYTES, &a));
    lt_fake_count(&c);
    assert_int_equal(c.mallocs, 1);
    assert_int_equal(c.peak_bytes, BYTES);
    assert_ptr_equal(lt_arena_device(a), d);
    assert_int_equal(lt_arena_size(a), BYTES);
    assert_true(lt_fake_is_device(lt_arena_at(a, 0), BYTES));
    assert_int_equal(lt_arena_high_water(a), 0);
    assert_ok(lt_stream_create(d, "test", &s));
    assert_ok(lt_fill_on_device(s, lt_arena_at(a, USED - 1), 0, 1));
    assert_ok(lt_stream_finish(s));
    assert_int_equal(lt_arena_high_water(a), USED);
    assert_ok(lt_fill_on_device(s, lt_arena_at(a, BYTES - 1), 0, 1));
    assert_ok(lt_stream_finish(s));
    assert_int_equal(lt_arena_high_water(a), BYTES);
    lt_stream_destroy(&s);
    lt_arena_destroy(&a);
    lt_fake_count(&c);
    assert_int_equal(c.frees, 1);
    finish(d);
}

static void too_much(void **state)
{
    (void)state;
    lt_device *d = gpu("memory=1GiB,context=256MiB,others=256MiB");
    lt_arena *a = NULL;
    void *p = &p;
    assert_int_equal(lt_arena_create_on(d, (size_t)600 << 20, &a), LT_E_MEMORY);
    assert_null(a);
    says("600.0 MiB (629145600 bytes)");
    says("512.0 MiB are free");
    assert_false(lt_device_lost(d));
    assert_ok(lt_arena_create_on(d, (size_t)400 << 20, &a));
    lt_arena_destroy(&a);
    finish(d);
    d = gpu("fail=cudaMallocHost:1:cudaErrorMemoryAllocation");
    assert_int_equal(lt_pinned_create(d, 3 << 20, &p), LT_E_MEMORY);
    assert_null(p);
    says("3.0 MiB of host memory");
    finish(d);
}

/* ---- recordings ---- */

static void recordings(void **state)
{
    (void)state;
    rig r = make("idle=0");
    lt_recording *rec = NULL;
    lt_fake_counters c;
    void *a = lt_arena_at(r.arena, 0), *b = lt_arena_at(r.arena, N);
    write_pattern(r.in, 1);
    assert_ok(lt_recording_begin(r.up));
    assert_ok(lt_copy_to_device(r.up, a, r.in, N));
    assert_ok(lt_copy_on_device(r.up, b, a, N));
    assert_ok(lt_copy_to_host(r.up, r.out, b, N));
    assert_ok(lt_recording_end(r.up, &rec));
    assert_ok(lt_stream_finish(r.up));
    assert_int_equal(r.out[100], 0);                     /* recorded and not run */
    for (unsigned k = 2; k < 5; k++) {
        write_pattern(r.in, k);
        assert_ok(lt_recording_run(rec, k & 1 ? r.up : r.down));
        assert_ok(lt_stream_finish(k & 1 ? r.up : r.down));
        is_pattern(r.out, k);
    }
    lt_fake_count(&c);
    assert_int_equal(c.captures, 1);
    assert_int_equal(c.graph_launches, 3);
    lt_recording_destroy(&rec);
    assert_null(rec);
    lt_recording_destroy(&rec);
    unmake(&r);
}

/* The n-th copy fails in a recording: its end says so and gives none, and the stream serves on. The arena's first fill is no copy. */
static void a_recording_that_fails(void **state)
{
    (void)state;
    rig r = make("fail=cudaMemcpyAsync:2:cudaErrorInvalidValue,fail=cudaGraphInstantiate:2:cudaErrorMemoryAllocation");
    lt_recording *rec = NULL;
    write_pattern(r.in, 3);
    assert_ok(lt_recording_begin(r.up));
    assert_ok(lt_copy_to_device(r.up, lt_arena_at(r.arena, 0), r.in, N));
    assert_int_equal(lt_copy_to_device(r.up, lt_arena_at(r.arena, 0), r.in, N), LT_E_DEVICE);
    says("cudaErrorInvalidValue");
    lt_error_clear();
    assert_int_equal(lt_recording_end(r.up, &rec), LT_E_DEVICE);
    assert_null(rec);
    says("cudaErrorInvalidValue");
    assert_ok(lt_recording_begin(r.up));
    assert_int_equal(lt_recording_end(r.up, &rec), LT_OK);
    lt_recording_destroy(&rec);
    assert_ok(lt_recording_begin(r.up));
    assert_int_equal(lt_recording_end(r.up, &rec), LT_E_MEMORY);
    assert_null(rec);
    assert_ok(lt_copy_to_device(r.up, lt_arena_at(r.arena, 0), r.in, N));
    assert_ok(lt_copy_to_host(r.up, r.out, lt_arena_at(r.arena, 0), N));
    assert_ok(lt_stream_finish(r.up));
    is_pattern(r.out, 3);
    assert_false(lt_device_lost(r.d));
    unmake(&r);
}

/* What failed while recording is told, not that the recording is spoilt by it. */
static void a_recording_that_is_spoilt(void **state)
{
    (void)state;
    rig r = make("fail=cudaStreamEndCapture:1:cudaErrorStreamCaptureInvalidated");
    lt_recording *rec = NULL;
    assert_ok(lt_recording_begin(r.up));
    const lt_status st = lt_raise(LT_E_MEMORY, __FILE__, __LINE__, __func__, "the cause of it");
    assert_int_equal(lt_recording_finish(r.up, st, &rec), LT_E_MEMORY);
    assert_null(rec);
    says("the cause of it");
    /* The fake's fault comes before the call does anything: the recording is still open. */
    assert_ok(lt_recording_end(r.up, &rec));
    lt_recording_destroy(&rec);
    unmake(&r);
}

/* Another thread makes streams and memory while this one records. */
static void *beside(void *device)
{
    lt_device *d = device;
    lt_stream *s = NULL;
    void *p = NULL;
    bool ok = lt_device_use(d) == LT_OK && lt_stream_create(d, "beside", &s) == LT_OK && lt_pinned_create(d, 100, &p) == LT_OK && lt_stream_finish(s) == LT_OK;
    lt_pinned_destroy(d, &p);
    lt_stream_destroy(&s);
    return ok ? d : NULL;
}

static void others_go_on_while_one_records(void **state)
{
    (void)state;
    rig r = make(NULL);
    lt_recording *rec = NULL;
    pthread_t thread;
    void *ok = NULL;
    assert_ok(lt_recording_begin(r.up));
    assert_int_equal(pthread_create(&thread, NULL, beside, r.d), 0);
    pthread_join(thread, &ok);
    assert_ptr_equal(ok, r.d);
    assert_ok(lt_recording_end(r.up, &rec));
    lt_recording_destroy(&rec);
    unmake(&r);
}

/* ---- failures while it runs ---- */

static int fail_for_good(void *args)
{
    (void)args;
    return -1;
}

/* After the loss every call fails with the same error and none is made of the runtime; what is destroyed then does no harm. */
static void lost(void **state)
{
    (void)state;
    lt_fake_counters before, after;
    rig r = make("idle=0");
    lt_event *e = NULL;
    lt_stream *s = NULL;
    lt_arena *a = NULL;
    lt_recording *rec = NULL;
    lt_device_memory m;
    void *p = NULL;
    bool past;
    assert_ok(lt_event_create(r.d, false, &e));
    assert_ok(lt_event_record(e, r.up));
    assert_false(lt_device_lost(r.d));
    assert_int_equal(lt_fake_enqueue(lt_stream_handle(r.up), "broken", fail_for_good, &p, sizeof p), cudaSuccess);
    assert_int_equal(lt_stream_finish(r.up), LT_E_DEVICE);
    says("GPU 0");
    says("what is committed is safe, run again");
    assert_true(lt_device_lost(r.d));
    lt_fake_count(&before);
    assert_int_equal(lt_stream_finish(r.down), LT_E_DEVICE);
    assert_int_equal(lt_copy_to_device(r.up, lt_arena_at(r.arena, 0), r.in, N), LT_E_DEVICE);
    assert_int_equal(lt_copy_to_host(r.up, r.out, lt_arena_at(r.arena, 0), N), LT_E_DEVICE);
    assert_int_equal(lt_fill_on_device(r.up, lt_arena_at(r.arena, 0), 1, N), LT_E_DEVICE);
    assert_int_equal(lt_event_record(e, r.up), LT_E_DEVICE);
    assert_int_equal(lt_event_past(e, &past), LT_E_DEVICE);
    assert_int_equal(lt_event_wait(e, 1, NULL), LT_E_DEVICE);
    assert_int_equal(lt_stream_wait(r.up, e), LT_E_DEVICE);
    assert_int_equal(lt_recording_begin(r.up), LT_E_DEVICE);
    assert_int_equal(lt_recording_end(r.up, &rec), LT_E_DEVICE);
    assert_int_equal(lt_stream_create(r.d, "late", &s), LT_E_DEVICE);
    assert_int_equal(lt_arena_create_on(r.d, 100, &a), LT_E_DEVICE);
    assert_int_equal(lt_pinned_create(r.d, 100, &p), LT_E_DEVICE);
    assert_int_equal(lt_device_memory_read(r.d, &m), LT_E_DEVICE);
    assert_int_equal(lt_device_use(r.d), LT_E_DEVICE);
    says("what is committed is safe, run again");
    assert_int_equal(lt_arena_high_water(r.arena), 0);
    assert_true(!s && !a && !p && !rec);
    lt_fake_count(&after);
    assert_memory_equal(&before, &after, sizeof before);
    p = r.in;
    lt_pinned_destroy(r.d, &p);
    lt_event_destroy(&e);
    lt_arena_destroy(&r.arena);
    lt_stream_destroy(&r.up);
    lt_stream_destroy(&r.down);
    lt_device_close(&r.d);
    assert_int_equal(lt_fake_reports(), 1);              /* that the work failed, and nothing else */
    lt_fake_forget();
}

/* Work of a library or a kernel fails, of which no call here has heard yet. */
static void lost_to_somebody_else(void **state)
{
    (void)state;
    rig r = make("idle=0");
    void *p = NULL;
    assert_int_equal(lt_fake_enqueue(lt_stream_handle(r.up), "broken", fail_for_good, &p, sizeof p), cudaSuccess);
    assert_int_not_equal(cudaStreamSynchronize(lt_stream_handle(r.up)), cudaSuccess);
    assert_true(lt_device_lost(r.d));
    assert_int_equal(lt_stream_finish(r.down), LT_E_DEVICE);
    lt_arena_destroy(&r.arena);
    lt_stream_destroy(&r.up);
    lt_stream_destroy(&r.down);
    lt_device_close(&r.d);
    assert_int_equal(lt_fake_reports(), 1);
    lt_fake_forget();
}

/* An error of one call alone does not stick: neither here nor in CUDA's record, where the next launch would find it. */
static void one_call_fails(void **state)
{
    (void)state;
    rig r = make("fail=cudaMemcpyAsync:1:cudaErrorInvalidValue,fail=cudaStreamSynchronize:2:cudaErrorUnknown");
    write_pattern(r.in, 9);
    assert_int_equal(lt_copy_to_device(r.up, lt_arena_at(r.arena, 0), r.in, N), LT_E_DEVICE);
    says("GPU 0 (");
    says(": up: ");
    assert_int_equal(cudaPeekAtLastError(), cudaSuccess);
    assert_false(lt_device_lost(r.d));
    assert_ok(lt_copy_to_device(r.up, lt_arena_at(r.arena, 0), r.in, N));
    assert_int_equal(lt_stream_finish(r.up), LT_E_DEVICE);
    says("NVRM: Xid");
    assert_false(lt_device_lost(r.d));
    assert_ok(lt_copy_to_host(r.up, r.out, lt_arena_at(r.arena, 0), N));
    assert_ok(lt_stream_finish(r.up));
    is_pattern(r.out, 9);
    unmake(&r);
}

/* A wait that is not over is no error either. */
static void not_ready_leaves_no_mark(void **state)
{
    (void)state;
    rig r = make("idle=0");
    lt_event *e = NULL;
    bool past = true;
    assert_ok(lt_event_create(r.d, false, &e));
    for (int i = 0; i < 64; i++) assert_ok(lt_fill_on_device(r.up, lt_arena_at(r.arena, 0), i, N));
    assert_ok(lt_event_record(e, r.up));
    assert_ok(lt_event_past(e, &past));
    assert_false(past);
    assert_int_equal(cudaPeekAtLastError(), cudaSuccess);
    assert_false(lt_device_lost(r.d));
    assert_int_equal(cudaPeekAtLastError(), cudaSuccess);
    assert_ok(lt_event_wait(e, 20, NULL));
    lt_event_destroy(&e);
    unmake(&r);
}

int main(void)
{
    unsetenv("CUDA_VISIBLE_DEVICES");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts), cmocka_unit_test(ranks_on_one_gpu_see_it), cmocka_unit_test(list), cmocka_unit_test(code), cmocka_unit_test(pick),
        cmocka_unit_test(visible_devices), cmocka_unit_test(opening), cmocka_unit_test(events_hold_streams_together),
        cmocka_unit_test(copies_return_at_once), cmocka_unit_test(rows), cmocka_unit_test(event_states), cmocka_unit_test(waits_end),
        cmocka_unit_test(one_allocation), cmocka_unit_test(too_much), cmocka_unit_test(recordings), cmocka_unit_test(a_recording_that_fails),
        cmocka_unit_test(a_recording_that_is_spoilt),
        cmocka_unit_test(others_go_on_while_one_records), cmocka_unit_test(lost), cmocka_unit_test(lost_to_somebody_else),
        cmocka_unit_test(one_call_fails), cmocka_unit_test(not_ready_leaves_no_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
