/* The fake itself: work runs late and in every order that CUDA allows, so that what is missing shows; what would be undefined is reported. */
extern "C" {
#include "check.h"
}
#include "cuda_fake.h"
#include "kernels/launch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace {

enum { N = 1000, SEEDS = 12 };

struct rig {
    cudaStream_t first, second;
    cudaEvent_t  event;
    float       *x, *y, *in, *out;               /* x and y on the device */
};

void restart(const char *words, int seed)
{
    char text[128];
    snprintf(text, sizeof text, "idle=0,seed=%d%s%s", seed, *words ? "," : "", words);
    lt_fake_restart(text);
    lt_fake_forget();
}

rig make(const char *words, int seed)
{
    rig r;
    restart(words, seed);
    assert_int_equal(cudaSetDevice(0), cudaSuccess);
    assert_int_equal(cudaStreamCreateWithFlags(&r.first, cudaStreamNonBlocking), cudaSuccess);
    assert_int_equal(cudaStreamCreateWithFlags(&r.second, cudaStreamNonBlocking), cudaSuccess);
    assert_int_equal(cudaEventCreateWithFlags(&r.event, cudaEventDisableTiming), cudaSuccess);
    assert_int_equal(cudaMalloc(reinterpret_cast<void **>(&r.x), N * sizeof(float)), cudaSuccess);
    assert_int_equal(cudaMalloc(reinterpret_cast<void **>(&r.y), N * sizeof(float)), cudaSuccess);
    assert_int_equal(cudaMallocHost(reinterpret_cast<void **>(&r.in), N * sizeof(float)), cudaSuccess);
    assert_int_equal(cudaHostAlloc(reinterpret_cast<void **>(&r.out), N * sizeof(float), cudaHostAllocDefault), cudaSuccess);
    for (int i = 0; i < N; i++) r.in[i] = static_cast<float>(i * 37 % 101);
    memset(r.out, 0, N * sizeof(float));
    return r;
}

bool is_sum(const float *out, const float *in, float more)
{
    for (int i = 0; i < N; i++)
        if (out[i] != in[i] + more) return false;
    return true;
}

/* Up on one stream, add, down on another: right with both events, else wrong for some seed. */
bool round_trip(int seed, bool first_event, bool host_waits)
{
    rig r = make("", seed);
    assert_int_equal(cudaMemcpyAsync(r.x, r.in, N * sizeof(float), cudaMemcpyHostToDevice, r.first), cudaSuccess);
    assert_int_equal(add_on(r.first, r.x, r.y, 3, N), LT_OK);
    assert_int_equal(lt_fake_waiting(), 2);
    if (first_event) {
        assert_int_equal(cudaEventRecord(r.event, r.first), cudaSuccess);
        assert_int_equal(cudaStreamWaitEvent(r.second, r.event, cudaEventWaitDefault), cudaSuccess);
    }
    assert_int_equal(cudaMemcpyAsync(r.out, r.y, N * sizeof(float), cudaMemcpyDeviceToHost, r.second), cudaSuccess);
    if (host_waits) assert_int_equal(cudaStreamSynchronize(r.second), cudaSuccess);
    const bool right = is_sum(r.out, r.in, 3);
    assert_int_equal(cudaDeviceSynchronize(), cudaSuccess);
    assert_int_equal(lt_fake_waiting(), 0);
    assert_int_equal(lt_fake_reports(), 0);
    return right;
}

void what_is_ordered_is_right(void **)
{
    for (int seed = 0; seed < SEEDS; seed++) assert_true(round_trip(seed, true, true));
}

void a_missing_event_shows(void **)
{
    int wrong = 0;
    for (int seed = 0; seed < SEEDS; seed++) wrong += !round_trip(seed, false, true);
    assert_in_range(wrong, SEEDS / 3, SEEDS);
}

void a_host_that_does_not_wait_sees_nothing(void **)
{
    for (int seed = 0; seed < SEEDS; seed++) assert_false(round_trip(seed, true, false));
}

/* The next input is uploaded over one that a stream still reads: right where the upload waits for the reader. */
bool overwrites(int seed, bool ordered)
{
    rig r = make("", seed);
    float *more;
    cudaEvent_t uploaded;
    assert_int_equal(cudaEventCreate(&uploaded), cudaSuccess);
    assert_int_equal(cudaMallocHost(reinterpret_cast<void **>(&more), N * sizeof(float)), cudaSuccess);
    for (int i = 0; i < N; i++) more[i] = -1;
    assert_int_equal(cudaMemcpyAsync(r.x, r.in, N * sizeof(float), cudaMemcpyHostToDevice, r.first), cudaSuccess);
    assert_int_equal(cudaEventRecord(uploaded, r.first), cudaSuccess);
    assert_int_equal(cudaStreamWaitEvent(r.second, uploaded, cudaEventWaitDefault), cudaSuccess);
    assert_int_equal(add_on(r.second, r.x, r.y, 1, N), LT_OK);
    assert_int_equal(cudaEventRecord(r.event, r.second), cudaSuccess);
    if (ordered) assert_int_equal(cudaStreamWaitEvent(r.first, r.event, cudaEventWaitDefault), cudaSuccess);
    assert_int_equal(cudaMemcpyAsync(r.x, more, N * sizeof(float), cudaMemcpyHostToDevice, r.first), cudaSuccess);
    assert_int_equal(cudaMemcpyAsync(r.out, r.y, N * sizeof(float), cudaMemcpyDeviceToHost, r.second), cudaSuccess);
    assert_int_equal(cudaStreamSynchronize(r.second), cudaSuccess);
    return is_sum(r.out, r.in, 1);
}

void an_upload_over_what_is_read_shows(void **)
{
    int wrong = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
        assert_true(overwrites(seed, true));
        wrong += !overwrites(seed, false);
    }
    assert_in_range(wrong, 2, SEEDS - 1);
}

void an_event_means_its_last_record_at_the_call(void **)
{
    rig r = make("", 5);
    /* Never recorded: past. */
    assert_int_equal(cudaEventQuery(r.event), cudaSuccess);
    assert_int_equal(cudaStreamWaitEvent(r.second, r.event, cudaEventWaitDefault), cudaSuccess);
    assert_int_equal(lt_fake_waiting(), 0);
    assert_int_equal(cudaMemsetAsync(r.x, 1, N, r.first), cudaSuccess);
    assert_int_equal(cudaEventRecord(r.event, r.first), cudaSuccess);
    assert_int_equal(cudaStreamWaitEvent(r.second, r.event, cudaEventWaitDefault), cudaSuccess);
    /* A later record does not hold back what waited for the one before: else these two streams would wait for each other. */
    assert_int_equal(cudaEventRecord(r.event, r.second), cudaSuccess);
    assert_int_equal(cudaStreamWaitEvent(r.first, r.event, cudaEventWaitDefault), cudaSuccess);
    assert_int_equal(cudaEventSynchronize(r.event), cudaSuccess);
    assert_int_equal(cudaStreamSynchronize(r.first), cudaSuccess);
    assert_int_equal(lt_fake_waiting(), 0);
}

void asking_goes_on(void **)
{
    rig r = make("", 3);
    int asked = 0;
    cudaError_t e;
    for (int i = 0; i < 40; i++) assert_int_equal(add_on(r.first, r.x, r.x, 1, N), LT_OK);
    assert_int_equal(cudaEventRecord(r.event, r.first), cudaSuccess);
    while ((e = cudaEventQuery(r.event)) == cudaErrorNotReady && asked < 100) asked++;
    assert_int_equal(e, cudaSuccess);
    assert_in_range(asked, 4, 41);
    assert_int_equal(cudaGetLastError(), cudaErrorNotReady);
    assert_int_equal(cudaGetLastError(), cudaSuccess);
}

void an_error_that_was_left_fails_the_next_launch(void **)
{
    rig r = make("", 3);
    assert_int_equal(cudaMemsetAsync(r.x, 1, N, r.first), cudaSuccess);
    assert_int_equal(cudaStreamQuery(reinterpret_cast<cudaStream_t>(r.first)) == cudaSuccess, 1);
    assert_int_equal(cudaSetDevice(7), cudaErrorInvalidDevice);
    assert_int_equal(add_on(r.first, r.x, r.y, 1, N), LT_E_DEVICE);
    assert_int_equal(add_on(r.first, r.x, r.y, 1, N), LT_OK);
    assert_int_equal(cudaStreamSynchronize(r.first), cudaSuccess);
}

void pageable_memory_is_staged(void **)
{
    rig r = make("", 4);
    float *page = static_cast<float *>(malloc(N * sizeof(float)));
    memcpy(page, r.in, N * sizeof(float));
    assert_int_equal(cudaMemcpyAsync(r.x, page, N * sizeof(float), cudaMemcpyDefault, r.first), cudaSuccess);
    memset(page, 0, N * sizeof(float));          /* the copy has its own by now */
    assert_int_equal(lt_fake_waiting(), 1);
    assert_int_equal(cudaMemcpyAsync(page, r.x, N * sizeof(float), cudaMemcpyDefault, r.first), cudaSuccess);
    assert_int_equal(lt_fake_waiting(), 0);      /* it returns when it is done */
    assert_memory_equal(page, r.in, N * sizeof(float));
    assert_int_equal(cudaMemcpyAsync(r.x, r.in, N * sizeof(float), cudaMemcpyDefault, r.first), cudaSuccess);
    r.in[5] = 77;                                /* pinned memory is read when the copy runs */
    assert_int_equal(cudaMemcpyAsync(page, r.x, N * sizeof(float), cudaMemcpyDefault, r.first), cudaSuccess);
    assert_true(page[5] == 77);
    free(page);
}

void rows_of_memory_are_copied(void **)
{
    rig r = make("", 4);
    float small[3][5], all[6][8];
    for (int i = 0; i < 48; i++) all[i / 8][i % 8] = static_cast<float>(i);
    memset(small, 0, sizeof small);
    assert_int_equal(cudaMemcpyAsync(r.x, all, sizeof all, cudaMemcpyDefault, r.first), cudaSuccess);
    assert_int_equal(cudaMemcpy2DAsync(small, sizeof small[0], r.x + 8 + 2, 16 * sizeof(float), 4 * sizeof(float), 3, cudaMemcpyDefault, r.first), cudaSuccess);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 4; k++) assert_true(small[i][k] == all[2 * i + 1][k + 2]);
        assert_true(small[i][4] == 0);
    }
    assert_int_equal(cudaMemset2DAsync(r.x, 8 * sizeof(float), 0, sizeof(float), 2, r.first), cudaSuccess);
    assert_int_equal(cudaMemcpyAsync(all, r.x, sizeof all, cudaMemcpyDefault, r.first), cudaSuccess);
    assert_true(all[0][0] == 0 && all[0][1] == 1 && all[1][0] == 0 && all[2][0] == 16);
    assert_int_equal(cudaMemcpy2DAsync(r.x, 4, r.in, 8, 8, 2, cudaMemcpyDefault, r.first), cudaErrorInvalidValue);
}

/* ---- captures ---- */

void a_graph_runs_again_with_what_lies_there(void **)
{
    for (int seed = 0; seed < SEEDS; seed++) {
        rig r = make("", seed);
        cudaGraph_t graph;
        cudaGraphExec_t exec;
        size_t n;
        enum cudaStreamCaptureStatus status;
        assert_int_equal(cudaStreamBeginCapture(r.first, cudaStreamCaptureModeThreadLocal), cudaSuccess);
        assert_int_equal(cudaMemcpyAsync(r.x, r.in, N * sizeof(float), cudaMemcpyDefault, r.first), cudaSuccess);
        assert_int_equal(add_on(r.first, r.x, r.y, 2, N), LT_OK);
        assert_int_equal(cudaMemcpyAsync(r.out, r.y, N * sizeof(float), cudaMemcpyDefault, r.first), cudaSuccess);
        assert_int_equal(cudaStreamIsCapturing(r.first, &status), cudaSuccess);
        assert_int_equal(status, cudaStreamCaptureStatusActive);
        assert_int_equal(cudaStreamEndCapture(r.first, &graph), cudaSuccess);
        assert_int_equal(cudaGraphGetNodes(graph, nullptr, &n), cudaSuccess);
        assert_int_equal(n, 3);
        assert_int_equal(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
        assert_int_equal(cudaGraphDestroy(graph), cudaSuccess);
        assert_int_equal(cudaGraphUpload(exec, r.first), cudaSuccess);
        assert_int_equal(cudaDeviceSynchronize(), cudaSuccess);
        assert_true(r.out[3] == 0);              /* recorded, not run */
        for (int k = 0; k < 3; k++) {
            r.in[9] = static_cast<float>(k);
            assert_int_equal(cudaGraphLaunch(exec, k % 2 ? r.first : r.second), cudaSuccess);
            if (k == 1) continue;                /* two at once, on two streams: one after the other all the same */
            assert_int_equal(cudaStreamSynchronize(k % 2 ? r.first : r.second), cudaSuccess);
            assert_true(is_sum(r.out, r.in, 2));
        }
        assert_int_equal(cudaGraphExecDestroy(exec), cudaSuccess);
        assert_int_equal(lt_fake_reports(), 0);
    }
}

/* `call` in a capture of this mode fails so, and the capture ends without a graph. */
void refused(const char *what, enum cudaStreamCaptureMode mode, cudaError_t (*call)(rig *r), cudaError_t expected)
{
    rig r = make("", 1);
    cudaGraph_t graph = nullptr;
    assert_int_equal(cudaStreamBeginCapture(r.first, mode), cudaSuccess);
    const cudaError_t e = call(&r);
    if (e != expected) fail_msg("%s: %s", what, cudaGetErrorName(e));
    const cudaError_t end = cudaStreamEndCapture(r.first, &graph);
    if (end != cudaErrorStreamCaptureInvalidated || graph) fail_msg("%s: the capture ends with %s", what, cudaGetErrorName(end));
    (void)cudaGetLastError();
    assert_int_equal(add_on(r.first, r.x, r.y, 1, N), LT_OK);       /* the stream is an ordinary one again */
    assert_int_equal(cudaStreamSynchronize(r.first), cudaSuccess);
    lt_fake_forget();
}

void calls_that_a_capture_forbids_are_refused(void **)
{
    const enum cudaStreamCaptureMode local = cudaStreamCaptureModeThreadLocal, relaxed = cudaStreamCaptureModeRelaxed;
    const cudaError_t no = cudaErrorStreamCaptureUnsupported;
    refused("wait for it", relaxed, [](rig *r) { return cudaStreamSynchronize(r->first); }, no);
    refused("ask it", relaxed, [](rig *r) { return cudaStreamQuery(r->first); }, no);
    refused("wait for another", local, [](rig *r) { return cudaStreamSynchronize(r->second); }, no);
    refused("wait for all", relaxed, [](rig *) { return cudaDeviceSynchronize(); }, no);
    refused("allocate", local, [](rig *r) { return cudaMalloc(reinterpret_cast<void **>(&r->y), 4); }, no);
    refused("free", local, [](rig *r) { return cudaFree(r->y); }, no);
    refused("pinned", local, [](rig *r) { return cudaMallocHost(reinterpret_cast<void **>(&r->y), 4); }, no);
    refused("ask an event", local, [](rig *r) { return cudaEventQuery(r->event); }, no);
    refused("copy at once", local, [](rig *r) { return cudaMemcpy(r->x, r->in, 4, cudaMemcpyDefault); }, no);
    refused("pageable", relaxed, [](rig *r) { float page = 1; return cudaMemcpyAsync(r->x, &page, 4, cudaMemcpyDefault, r->first); }, no);
    refused("an event of it", relaxed, [](rig *r) {
        cudaEventRecord(r->event, r->first);
        return cudaEventQuery(r->event);
    }, cudaErrorCapturedEvent);
    refused("an event of before", relaxed, [](rig *r) {
        cudaEventRecord(r->event, r->second);
        return cudaStreamWaitEvent(r->first, r->event, cudaEventWaitDefault);
    }, cudaErrorStreamCaptureIsolation);
    refused("a second stream", relaxed, [](rig *r) {
        cudaEventRecord(r->event, r->first);
        return cudaStreamWaitEvent(r->second, r->event, cudaEventWaitDefault);
    }, no);
}

cudaError_t malloc_in_a_thread(void **p)
{
    cudaError_t e = cudaSuccess;
    std::thread([&] { e = cudaMalloc(p, 64); }).join();
    return e;
}

void another_thread_may_allocate_while_one_captures(void **)
{
    rig r = make("", 1);
    cudaGraph_t graph;
    void *p = nullptr;
    assert_int_equal(cudaStreamBeginCapture(r.first, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    assert_int_equal(malloc_in_a_thread(&p), cudaSuccess);
    assert_int_equal(cudaStreamEndCapture(r.first, &graph), cudaSuccess);
    assert_int_equal(cudaGraphDestroy(graph), cudaSuccess);
    assert_int_equal(cudaStreamBeginCapture(r.first, cudaStreamCaptureModeGlobal), cudaSuccess);
    assert_int_equal(malloc_in_a_thread(&p), cudaErrorStreamCaptureUnsupported);
    assert_int_equal(cudaStreamEndCapture(r.first, &graph), cudaErrorStreamCaptureInvalidated);
}

/* ---- faults ---- */

/* The first report has these words; all are forgotten. */
void assert_reported(const char *words)
{
    const bool found = lt_fake_reports() > 0 && strstr(lt_fake_report(0), words);
    if (!found) fail_msg("not reported: %s; %d reports, first: %s", words, lt_fake_reports(), lt_fake_reports() ? lt_fake_report(0) : "none");
    lt_fake_forget();
}

void what_is_wrong_is_reported(void **)
{
    rig r = make("", 2);
    float small[4] = { 0 };
    assert_int_equal(cudaMemcpyAsync(r.x + N - 2, small, sizeof small, cudaMemcpyDefault, r.first), cudaErrorInvalidValue);
    assert_reported("leaves its allocation of 4000 bytes");
    assert_int_equal(cudaMemcpyAsync(r.x, r.y, 4, cudaMemcpyHostToDevice, r.first), cudaErrorInvalidMemcpyDirection);
    assert_reported("direction");
    assert_int_equal(cudaMemsetAsync(small, 0, 4, r.first), cudaErrorInvalidValue);
    assert_reported("memory that CUDA does not know");
    assert_int_equal(cudaFree(r.in), cudaErrorInvalidValue);
    assert_reported("memory of the other kind");
    assert_int_equal(cudaFree(r.y + 1), cudaErrorInvalidValue);
    assert_reported("no such memory");
    assert_int_equal(cudaFree(r.y), cudaSuccess);
    assert_int_equal(lt_fake_reports(), 0);
    assert_int_equal(cudaFree(r.y), cudaErrorInvalidValue);
    assert_reported("already freed");
    assert_int_equal(cudaMemcpyAsync(r.y, small, sizeof small, cudaMemcpyDefault, r.first), cudaErrorInvalidValue);
    assert_reported("which was freed");
    assert_int_equal(cudaEventDestroy(r.event), cudaSuccess);
    assert_int_equal(cudaEventRecord(r.event, r.first), cudaErrorInvalidResourceHandle);
    assert_reported("an event that was destroyed");
    assert_int_equal(cudaStreamDestroy(r.second), cudaSuccess);
    assert_int_equal(add_on(r.second, r.x, r.x, 1, 4), LT_E_DEVICE);
    assert_reported("a stream that was destroyed");
    assert_int_equal(cudaMemsetAsync(r.x, 0, 4, r.first), cudaSuccess);
    assert_int_equal(cudaFree(r.x), cudaSuccess);
    assert_reported("work that was put on streams has not run");
}

void a_kernel_that_writes_too_far_is_reported(void **)
{
    rig r = make("", 2);
    assert_int_equal(add_on(r.first, r.x, r.x, 1, N + 1), LT_OK);
    assert_int_equal(lt_fake_reports(), 0);
    assert_int_equal(cudaStreamSynchronize(r.first), cudaSuccess);
    assert_reported("add_kernel wrote outside of an allocation of 4000 bytes of device memory");
}

void a_race_in_a_kernel_loses_the_device(void **)
{
    rig r = make("", 2);
    assert_int_equal(race_on(r.first, r.x), LT_OK);
    assert_int_equal(cudaStreamSynchronize(r.first), cudaErrorLaunchFailure);
    assert_reported("race at tile");
    assert_int_equal(cudaMemsetAsync(r.x, 0, 4, r.first), cudaErrorLaunchFailure);
}

/* How a child ends that does this. */
int end_of(void (*call)(rig *r), const char *words)
{
    int status;
    const pid_t child = fork();
    if (child == 0) {
        close(STDERR_FILENO);
        rig r = make(words, 2);
        call(&r);
        exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    /* The sanitizer ends the process in its own way. */
    if (WIFEXITED(status) && WEXITSTATUS(status) && WEXITSTATUS(status) != LT_FAKE_EXIT) return -SIGSEGV;
#endif
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void the_host_may_not_touch_device_memory(void **)
{
    const auto nothing = [](rig *) {};
    const auto read = [](rig *r) { exit(r->x[0] > 1); };
    const auto write = [](rig *r) { memset(r->x, 0, 4); };
    const auto beyond = [](rig *r) {
        (void)add_on(r->first, r->x, r->x, 1, 3 * N);
        cudaStreamSynchronize(r->first);
    };
    const auto freed = [](rig *r) {
        float *x = r->in;
        cudaFreeHost(r->in);
        x[0] = 1;
    };
    const auto open = [](rig *r) {
        lt_fake_open();
        r->x[0] = 1;
        lt_fake_close();
    };
    const auto reported = [](rig *r) { cudaFree(r->x + 1); };
    assert_int_equal(end_of(nothing, ""), 0);
    assert_int_equal(end_of(read, ""), -SIGSEGV);
    assert_int_equal(end_of(write, ""), -SIGSEGV);
    assert_int_equal(end_of(beyond, ""), -SIGSEGV);
    assert_int_equal(end_of(freed, ""), -SIGSEGV);
    assert_int_equal(end_of(open, ""), 0);
    assert_int_equal(end_of(reported, ""), LT_FAKE_EXIT);
}

void faults_come_when_they_are_asked_for(void **)
{
    rig r = make("fail=cudaMemsetAsync:2:cudaErrorLaunchTimeout,fail=launch:3,fail=cudaEventQuery:1:cudaErrorECCUncorrectable", 2);
    assert_int_equal(cudaMemsetAsync(r.x, 0, 4, r.first), cudaSuccess);
    assert_int_equal(cudaMemsetAsync(r.x, 0, 4, r.first), cudaErrorLaunchTimeout);
    assert_int_equal(cudaMemsetAsync(r.x, 0, 4, r.first), cudaSuccess);
    assert_int_equal(cudaGetLastError(), cudaErrorLaunchTimeout);
    assert_int_equal(add_on(r.first, r.x, r.y, 1, N), LT_OK);
    assert_int_equal(add_on(r.first, r.x, r.y, 1, N), LT_OK);
    assert_int_equal(add_on(r.first, r.x, r.y, 1, N), LT_E_DEVICE);
    assert_non_null(strstr(lt_error_last()->text, "unknown error"));
    assert_int_equal(cudaEventQuery(r.event), cudaErrorECCUncorrectable);
    assert_int_equal(cudaStreamSynchronize(r.first), cudaSuccess);
    restart("nonsense=3", 1);
    lt_fake_restart("nonsense=3");
    int n;
    assert_int_equal(cudaGetDeviceCount(&n), cudaSuccess);
    assert_reported("'nonsense=3'");
}

void a_device_that_is_lost_stays_lost(void **)
{
    rig r = make("sticky=2", 2);
    assert_int_equal(add_on(r.first, r.x, r.y, 1, N), LT_OK);
    assert_int_equal(cudaStreamSynchronize(r.first), cudaSuccess);
    assert_int_equal(add_on(r.first, r.x, r.y, 1, N), LT_OK);
    assert_int_equal(cudaMemcpyAsync(r.out, r.y, 4, cudaMemcpyDefault, r.first), cudaSuccess);
    assert_int_equal(cudaStreamSynchronize(r.first), cudaErrorIllegalAddress);
    assert_int_equal(cudaGetLastError(), cudaErrorIllegalAddress);
    assert_int_equal(cudaGetLastError(), cudaErrorIllegalAddress);
    assert_int_equal(cudaEventQuery(r.event), cudaErrorIllegalAddress);
    assert_int_equal(cudaFree(r.x), cudaErrorIllegalAddress);
    assert_int_equal(add_on(r.first, r.x, r.y, 1, N), LT_E_DEVICE);
    assert_int_equal(lt_fake_reports(), 0);
}

void devices_are_as_asked_for(void **)
{
    int n = -1;
    size_t free, total;
    void *p;
    struct cudaDeviceProp a, b;
    restart("nodriver", 1);
    assert_int_equal(cudaGetDeviceCount(&n), cudaErrorInsufficientDriver);
    assert_int_equal(cudaDriverGetVersion(&n), cudaSuccess);
    assert_int_equal(n, 0);
    restart("driver=12080", 1);
    assert_int_equal(cudaGetDeviceCount(&n), cudaErrorInsufficientDriver);
    assert_int_equal(cudaDriverGetVersion(&n), cudaSuccess);
    assert_int_equal(n, 12080);
    restart("nodevice", 1);
    assert_int_equal(cudaGetDeviceCount(&n), cudaErrorNoDevice);
    restart("busy", 1);
    assert_int_equal(cudaGetDeviceCount(&n), cudaSuccess);
    assert_int_equal(cudaSetDevice(0), cudaErrorDevicesUnavailable);
    restart("gpus=3,sm=120,sms=7,memory=1GiB,context=100MiB,others=24MiB,name=Two Words", 1);
    assert_int_equal(cudaGetDeviceCount(&n), cudaSuccess);
    assert_int_equal(n, 3);
    assert_int_equal(cudaGetDeviceProperties(&a, 0), cudaSuccess);
    assert_int_equal(cudaGetDeviceProperties(&b, 2), cudaSuccess);
    assert_string_equal(a.name, "Two Words");
    assert_true(a.major == 12 && a.minor == 0 && a.multiProcessorCount == 7 && a.totalGlobalMem == 1u << 30);
    assert_memory_not_equal(&a.uuid, &b.uuid, sizeof a.uuid);
    assert_int_equal(cudaSetDevice(3), cudaErrorInvalidDevice);
    assert_int_equal(cudaMalloc(&p, 800u << 20), cudaSuccess);
    assert_int_equal(cudaMemGetInfo(&free, &total), cudaSuccess);
    assert_int_equal(free, 100u << 20);
    assert_int_equal(cudaMalloc(&p, 101u << 20), cudaErrorMemoryAllocation);
    assert_int_equal(cudaSetDevice(1), cudaSuccess);
    assert_int_equal(cudaMemGetInfo(&free, &total), cudaSuccess);
    assert_int_equal(free, 900u << 20);
    setenv("CUDA_VISIBLE_DEVICES", "2,0,9,1", 1);
    restart("gpus=3", 1);
    unsetenv("CUDA_VISIBLE_DEVICES");
    assert_int_equal(cudaGetDeviceCount(&n), cudaSuccess);
    assert_int_equal(n, 2);
    assert_int_equal(cudaGetDeviceProperties(&a, 0), cudaSuccess);
    assert_memory_equal(&a.uuid, &b.uuid, sizeof a.uuid);
    restart("gpus=2,uuid=same", 1);
    assert_int_equal(cudaGetDeviceProperties(&a, 0), cudaSuccess);
    assert_int_equal(cudaGetDeviceProperties(&b, 1), cudaSuccess);
    assert_memory_equal(&a.uuid, &b.uuid, sizeof a.uuid);
    rig r = make("noimage", 1);
    assert_int_equal(add_on(r.first, r.x, r.y, 1, N), LT_E_DEVICE);
    assert_non_null(strstr(lt_error_last()->text, "no kernel image"));
    lt_fake_forget();
}

void times_are_of_when_work_ran(void **)
{
    rig r = make("", 2);
    cudaEvent_t from, to;
    float ms = -1;
    assert_int_equal(cudaEventCreate(&from), cudaSuccess);
    assert_int_equal(cudaEventCreate(&to), cudaSuccess);
    assert_int_equal(cudaEventRecord(from, r.first), cudaSuccess);
    assert_int_equal(add_on(r.first, r.x, r.y, 1, N), LT_OK);
    assert_int_equal(cudaEventRecord(to, r.first), cudaSuccess);
    assert_int_equal(cudaEventElapsedTime(&ms, from, to), cudaErrorNotReady);
    assert_int_equal(cudaEventSynchronize(to), cudaSuccess);
    assert_int_equal(cudaEventElapsedTime(&ms, from, to), cudaSuccess);
    assert_true(ms > 0);
    assert_int_equal(cudaEventElapsedTime(&ms, from, r.event), cudaErrorInvalidResourceHandle);
    (void)cudaGetLastError();
}

/* ---- what libraries put on streams ---- */

struct slow_job {
    int *called, times;
};

int slow(void *args)
{
    slow_job *j = static_cast<slow_job *>(args);
    ++*j->called;
    return --j->times == 0;
}

void work_of_libraries_is_asked_until_it_is_done(void **)
{
    for (int seed = 0; seed < SEEDS; seed++) {
        rig r = make("", seed);
        int called = 0;
        const slow_job j = { &called, 3 };
        assert_int_equal(lt_fake_enqueue(r.first, "slow", slow, &j, sizeof j), cudaSuccess);
        assert_int_equal(add_on(r.second, r.x, r.y, 1, N), LT_OK);
        assert_int_equal(called, 0);
        assert_int_equal(cudaStreamSynchronize(r.second), cudaSuccess);
        assert_int_equal(cudaStreamSynchronize(r.first), cudaSuccess);
        assert_int_equal(called, 3);
    }
}

void waiting_work_runs_by_itself_after_a_while(void **)
{
    rig r = make("", 1);
    lt_fake_restart("idle=20");
    assert_int_equal(cudaStreamCreate(&r.first), cudaSuccess);
    int called = 0;
    const slow_job j = { &called, 2 };
    assert_int_equal(lt_fake_enqueue(r.first, "slow", slow, &j, sizeof j), cudaSuccess);
    for (int i = 0; i < 2000 && lt_fake_waiting(); i++) usleep(5000);
    assert_int_equal(lt_fake_waiting(), 0);
    lt_fake_restart("idle=0");
}

void everything_is_counted(void **)
{
    rig r = make("", 1);
    lt_fake_counters c;
    lt_fake_count(&c);
    assert_int_equal(c.mallocs, 2);
    assert_int_equal(c.bytes, 2 * N * sizeof(float));
    assert_int_equal(c.pinned_mallocs, 2);
    assert_int_equal(c.streams, 2);
    assert_int_equal(c.events, 1);
    assert_int_equal(add_on(r.first, r.x, r.y, 1, N), LT_OK);
    assert_int_equal(cudaMemcpyAsync(r.out, r.y, 4, cudaMemcpyDefault, r.first), cudaSuccess);
    assert_int_equal(cudaStreamSynchronize(r.first), cudaSuccess);
    assert_int_equal(cudaFree(r.x), cudaSuccess);
    lt_fake_count(&c);
    assert_true(c.launches == 1 && c.copies == 1 && c.ran == 2 && c.frees == 1 && c.stream_waits == 1 && c.device_waits == 0);
    assert_int_equal(c.bytes, N * sizeof(float));
    assert_int_equal(c.peak_bytes, 2 * N * sizeof(float));
}

void fresh_memory_is_poisoned(void **)
{
    rig r = make("", 1);
    unsigned char bytes[16], expected[16];
    memset(expected, 0xA5, sizeof expected);
    assert_int_equal(cudaMemcpy(bytes, r.y + 40, sizeof bytes, cudaMemcpyDeviceToHost), cudaSuccess);
    assert_memory_equal(bytes, expected, sizeof bytes);
}

}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_ordered_is_right),
        cmocka_unit_test(a_missing_event_shows),
        cmocka_unit_test(a_host_that_does_not_wait_sees_nothing),
        cmocka_unit_test(an_upload_over_what_is_read_shows),
        cmocka_unit_test(an_event_means_its_last_record_at_the_call),
        cmocka_unit_test(asking_goes_on),
        cmocka_unit_test(an_error_that_was_left_fails_the_next_launch),
        cmocka_unit_test(pageable_memory_is_staged),
        cmocka_unit_test(rows_of_memory_are_copied),
        cmocka_unit_test(a_graph_runs_again_with_what_lies_there),
        cmocka_unit_test(calls_that_a_capture_forbids_are_refused),
        cmocka_unit_test(another_thread_may_allocate_while_one_captures),
        cmocka_unit_test(what_is_wrong_is_reported),
        cmocka_unit_test(a_kernel_that_writes_too_far_is_reported),
        cmocka_unit_test(a_race_in_a_kernel_loses_the_device),
        cmocka_unit_test(the_host_may_not_touch_device_memory),
        cmocka_unit_test(faults_come_when_they_are_asked_for),
        cmocka_unit_test(a_device_that_is_lost_stays_lost),
        cmocka_unit_test(devices_are_as_asked_for),
        cmocka_unit_test(times_are_of_when_work_ran),
        cmocka_unit_test(work_of_libraries_is_asked_until_it_is_done),
        cmocka_unit_test(waiting_work_runs_by_itself_after_a_while),
        cmocka_unit_test(everything_is_counted),
        cmocka_unit_test(fresh_memory_is_poisoned),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
