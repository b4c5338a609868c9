/* Weights that are brought layer by layer on the CPU: the same bits, after a stop and after a failed read too; what has no room says so; the file has no name. */
#include "check.h"

#include <longtake/depth.h>
#include <longtake/fault.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIDE = 70, FRAMES = 4 };

typedef struct {
    lt_depth_plan    *plan;
    lt_depth_session *session;
    lt_arena         *arena;
    lt_pool          *pool;
    lt_weights       *weights;
} network;

static char folder[] = "/tmp/test_layers-XXXXXX";

static lt_status open_network(network *n, bool stream, int micro_batch, const char *scratch)
{
    lt_status st = LT_OK;
    const lt_depth_config c = { .model = "vda-vits", .width = SIDE, .height = SIDE, .frames = FRAMES, .slots = FRAMES, .precision = LT_F32, .micro_batch = micro_batch,
                                .tile = 3, .band = 11, .stream = stream, .scratch = scratch, .machine = lt_machine_here(lt_cpu_isa(), 2) };
    *n = (network){ 0 };
    LT_TRY(lt_weights_open("synthetic:3", &n->weights));
    LT_TRY(lt_depth_plan_create(&c, &n->plan));
    LT_TRY(lt_pool_create(2, &n->pool));
    LT_TRY(lt_arena_create(lt_depth_plan_bytes(n->plan), &n->arena));
    LT_TRY(lt_depth_session_create(n->plan, n->weights, n->arena, n->pool, &n->session));
done:
    return st;
}

static void close_network(network *n)
{
    lt_depth_session_destroy(&n->session);
    lt_depth_plan_destroy(&n->plan);
    lt_arena_destroy(&n->arena);
    lt_pool_destroy(&n->pool);
    lt_weights_close(&n->weights);
}

static lt_status film(network *n, float *out)
{
    lt_status st = LT_OK;
    static const int position[] = { 0, 1, 2, 3 };
    static const int32_t slot[] = { 0, 1, 2, 3 };
    const float *maps;
    const int batch = lt_depth_plan_batch(n->plan);
    for (int first = 0; first < FRAMES; first += batch) {
        const int some = FRAMES - first < batch ? FRAMES - first : batch;
        for (int k = 0; k < some; k++) {
            float *x = lt_depth_input(n->session, k);
            for (int i = 0; i < SIDE * SIDE * 3; i++) x[i] = (float)((i * 7919 + (first + k) * 31) % 1000) / 500.0f - 1.0f;
        }
        LT_TRY(lt_depth_encode(n->session, some, slot + first, NULL));
    }
    LT_TRY(lt_depth_window(n->session, slot, position, FRAMES, &maps, NULL));
    memcpy(out, maps, sizeof(float) * FRAMES * SIDE * SIDE);
done:
    return st;
}

static int entries_of(const char *path)
{
    int n = 0;
    DIR *d = opendir(path);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
    closedir(d);
    return n;
}

static float *want, *got;
static const size_t n_bytes = sizeof(float) * FRAMES * SIDE * SIDE;

static void same_bits_in_less_memory(void **state)
{
    (void)state;
    network n;
    assert_ok(open_network(&n, false, 2, NULL));
    const size_t resident = lt_depth_plan_bytes(n.plan), weights = lt_depth_plan_weight_bytes(n.plan);
    assert_ok(film(&n, want));
    close_network(&n);
    const int files = entries_of("/proc/self/fd");
    for (int batch = 1; batch <= FRAMES; batch += 3) {
        assert_ok(open_network(&n, true, batch, folder));
        assert_int_equal(entries_of(folder), 0);
        assert_int_equal(entries_of("/proc/self/fd"), files + 1);
        assert_true(lt_depth_plan_weight_bytes(n.plan) < weights / 4);
        assert_true(lt_depth_plan_bytes(n.plan) < resident - weights / 2);
        assert_true(lt_plan_streamed_bytes(lt_depth_plan_graph(n.plan)) > weights / 2);
        for (int again = 0; again < 2; again++) {
            memset(got, 0, n_bytes);
            assert_ok(film(&n, got));
            assert_memory_equal(got, want, n_bytes);
        }
        close_network(&n);
        assert_int_equal(entries_of("/proc/self/fd"), files);
    }
}

static void stopped_and_gone_on(void **state)
{
    (void)state;
    network n;
    lt_atomic_int flag = 1;
    const int32_t slot[] = { 0 };
    assert_ok(open_network(&n, true, 1, folder));
    /* At different layers: whatever is on its way then is not what comes next. */
    for (int i = 0; i < 2; i++) {
        float *x = lt_depth_input(n.session, 0);
        for (int k = 0; k < SIDE * SIDE * 3; k++) x[k] = (float)(k % 13);
        assert_int_equal(lt_depth_encode(n.session, 1, slot, &flag), LT_E_STOPPED);
        assert_ok(film(&n, got));
        assert_memory_equal(got, want, n_bytes);
    }
    close_network(&n);
}

static void what_cannot_be_kept_or_read_says_so(void **state)
{
    (void)state;
    network n;
    char text[64];
    assert_int_equal(open_network(&n, true, 2, "/nonexistent"), LT_E_STORE);
    assert_non_null(strstr(lt_error_last()->text, "/nonexistent: no file for streamed weights"));
    assert_non_null(strstr(lt_error_last()->text, "--scratch"));
    close_network(&n);
    for (int k = 1; k <= 40; k += 29) {
        snprintf(text, sizeof text, "write:%d", k);
        lt_fault_set(text);
        assert_int_equal(open_network(&n, true, 2, folder), LT_E_STORE);
        assert_non_null(strstr(lt_error_last()->text, "cannot be written to --scratch: No space left"));
        lt_fault_set(NULL);
        close_network(&n);
    }
    assert_ok(open_network(&n, true, 2, folder));
    for (int k = 1; k <= 20; k += 12) {
        snprintf(text, sizeof text, "read:%d", k);
        lt_fault_set(text);
        assert_int_equal(film(&n, got), LT_E_STORE);
        assert_non_null(strstr(lt_error_last()->text, "cannot be read back from --scratch"));
        lt_fault_set(NULL);
        assert_ok(film(&n, got));
        assert_memory_equal(got, want, n_bytes);
    }
    close_network(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_in_less_memory),
        cmocka_unit_test(stopped_and_gone_on),
        cmocka_unit_test(what_cannot_be_kept_or_read_says_so),
    };
    want = malloc(n_bytes);
    got = malloc(n_bytes);
    if (!want || !got || !mkdtemp(folder)) return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)rmdir(folder);
    free(want);
    free(got);
    return failed;
}
