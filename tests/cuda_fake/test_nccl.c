/* The fake of NCCL finds what NCCL would answer with a hang or with other bytes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "check.h"

#include <cuda_fake.h>
#include <nccl_fake.h>

#include <nccl.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 1000 };

typedef struct {
    ncclComm_t   comm;
    cudaStream_t stream, other;
    char        *memory;             /* of the device, two blocks */
} rig;

static bool settled(ncclComm_t comm)
{
    ncclResult_t state = ncclInProgress;
    for (int i = 0; i < 5000 && state == ncclInProgress; i++) {
        assert_int_equal(ncclCommGetAsyncError(comm, &state), ncclSuccess);
        usleep(200);
    }
    return state == ncclSuccess;
}

static int open_rig(void **state)
{
    rig *r = *state = calloc(1, sizeof *r);
    ncclUniqueId id;
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    unsetenv("LT_FAKE_NCCL");
    lt_fake_restart("");
    config.blocking = 0;
    assert_int_equal(cudaStreamCreate(&r->stream), cudaSuccess);
    assert_int_equal(cudaStreamCreate(&r->other), cudaSuccess);
    assert_int_equal(cudaMalloc((void **)&r->memory, 2 * N), cudaSuccess);
    assert_int_equal(ncclGetUniqueId(&id), ncclSuccess);
    assert_int_equal(ncclCommInitRankConfig(&r->comm, 1, id, 0, &config), ncclInProgress);
    assert_true(settled(r->comm));
    return 0;
}

static int close_rig(void **state)
{
    rig *r = *state;
    lt_fake_forget();
    if (lt_fake_nccl_open()) ncclCommAbort(r->comm);
    cudaFree(r->memory);
    cudaStreamDestroy(r->stream);
    cudaStreamDestroy(r->other);
    free(r);
    return 0;
}

static void is_reported(const char *words)
{
    assert_int_equal(lt_fake_reports(), 1);
    if (!strstr(lt_fake_report(0), words)) fail_msg("'%s' lacks '%s'", lt_fake_report(0), words);
    lt_fake_forget();
}

static ncclResult_t post(rig *r, size_t out, size_t in, cudaStream_t stream)
{
    ncclGroupStart();
    if (out) (void)ncclSend(r->memory, out, ncclUint8, 0, r->comm, stream);
    if (in) (void)ncclRecv(r->memory + N, in, ncclUint8, 0, r->comm, stream);
    return ncclGroupEnd();
}

static void what_is_right_is_not_reported(void **state)
{
    rig *r = *state;
    char host[N];
    const int before = lt_fake_nccl_groups();
    assert_int_equal(cudaMemset(r->memory, 7, N), cudaSuccess);
    assert_int_equal(cudaDeviceSynchronize(), cudaSuccess);
    assert_int_equal(post(r, N, N, r->stream), ncclInProgress);
    assert_true(settled(r->comm));
    assert_int_equal(cudaStreamSynchronize(r->stream), cudaSuccess);
    assert_int_equal(cudaMemcpy(host, r->memory + N, N, cudaMemcpyDeviceToHost), cudaSuccess);
    for (int i = 0; i < N; i++) assert_int_equal(host[i], 7);
    assert_int_equal(lt_fake_nccl_groups(), before + 1);
    assert_int_equal(ncclCommFinalize(r->comm), ncclInProgress);
    assert_true(settled(r->comm));
    assert_int_equal(ncclCommDestroy(r->comm), ncclSuccess);
    assert_int_equal(lt_fake_reports(), 0);
    ncclResult_t now;
    assert_int_not_equal(ncclCommGetAsyncError(r->comm, &now), ncclSuccess);
    is_reported("gone");
}

static void what_is_wrong_is_reported(void **state)
{
    rig *r = *state;
    char host[N];
    (void)ncclSend(r->memory, N, ncclUint8, 0, r->comm, r->stream);
    is_reported("outside of a group");
    assert_int_equal(post(r, N, 0, r->stream), ncclInvalidUsage);
    is_reported("not received in the same group");
    assert_int_equal(post(r, N, N - 1, r->stream), ncclInvalidUsage);
    is_reported("not received in the same group");
    ncclGroupStart();
    (void)ncclSend(host, N, ncclUint8, 0, r->comm, r->stream);
    (void)ncclGroupEnd();
    is_reported("not in device memory");
    ncclGroupStart();
    (void)ncclSend(r->memory, N, ncclUint8, 1, r->comm, r->stream);
    (void)ncclGroupEnd();
    is_reported("no such peer");
    ncclGroupStart();
    (void)ncclSend(r->memory, N, ncclFloat32, 0, r->comm, r->stream);
    (void)ncclGroupEnd();
    is_reported("type or the count");
    assert_int_equal(post(r, N, N, r->stream), ncclInProgress);
    ncclGroupStart();
    (void)ncclSend(r->memory, N, ncclUint8, 0, r->comm, r->stream);
    (void)ncclGroupEnd();
    is_reported("in progress");
    assert_int_equal(ncclCommDestroy(r->comm), ncclInvalidUsage);
    is_reported("before the farewell");
    assert_true(settled(r->comm));
    ncclGroupStart();
    (void)ncclSend(r->memory, N, ncclUint8, 0, r->comm, r->other);
    (void)ncclGroupEnd();
    is_reported("several streams");
    assert_int_equal(cudaStreamSynchronize(r->stream), cudaSuccess);
}

/* Work that is put on the stream before NCCL has put its own there comes too early. */
static void work_before_it_is_settled_comes_too_early(void **state)
{
    rig *r = *state;
    char *host = NULL;
    assert_int_equal(cudaMallocHost((void **)&host, N), cudaSuccess);
    assert_int_equal(cudaMemset(r->memory, 7, N), cudaSuccess);
    assert_int_equal(cudaMemset(r->memory + N, 1, N), cudaSuccess);
    assert_int_equal(cudaDeviceSynchronize(), cudaSuccess);
    assert_int_equal(post(r, N, N, r->stream), ncclInProgress);
    assert_int_equal(cudaMemcpyAsync(host, r->memory + N, N, cudaMemcpyDeviceToHost, r->stream), cudaSuccess);
    assert_true(settled(r->comm));
    assert_int_equal(cudaStreamSynchronize(r->stream), cudaSuccess);
    assert_int_equal(host[5], 1);
    assert_int_equal(cudaFreeHost(host), cudaSuccess);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_right_is_not_reported, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_reported, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(work_before_it_is_settled_comes_too_early, open_rig, close_rig),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
