/* NVIDIA GPUs by the CUDA runtime. What the calls mean and may be called when: CUDA Runtime API, CUDA 13 (cuda_runtime_api.h). */
#include "table.h"

#ifdef LT_HAVE_CUDA
#include "cuda_error.h"
#include "facts.h"
#include "probe.h"

#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    lt_atomic_int lost;                  /* the cudaError_t that lasts; 0: none */
    cudaStream_t  quiet;                 /* nothing is ever put on it: asked whether the device still answers */
    lt_nvml      *nvml;
    char          who[160];              /* "GPU 0 (NVIDIA H200)" */
} gpu;

static gpu *gpu_of(const lt_device *d)
{
    return d->own;
}

static int sm_of(const lt_device *d)
{
    return 10 * d->facts.major + d->facts.minor;
}

static lt_status check(const lt_device *d, cudaError_t e, const char *what)
{
    if (e == cudaSuccess) return LT_OK;
    if (lt_cuda_error_lasts(e)) atomic_store(&gpu_of(d)->lost, (int)e);
    return lt_cuda_raise(e, gpu_of(d)->who, what, sm_of(d));
}

/* A device that is lost is not asked again: every later call fails with the error that lost it. */
#define CUDA(d, call, what) LT_TRY_(check(d, atomic_load(&gpu_of(d)->lost) ? (cudaError_t)atomic_load(&gpu_of(d)->lost) : (call), what), #call)

/* A recording in which a call failed is none: the failure is kept for its end. */
static lt_status note(lt_stream *s, lt_status st)
{
    if (st < 0 && s->recording && !s->failure.status) s->failure = *lt_error_last();
    return st;
}

/* For what is given back: nobody waits for the answer, but a loss is noted, and CUDA's record is left clean. */
static void settle(const lt_device *d, cudaError_t e)
{
    if (e == cudaSuccess) return;
    (void)cudaGetLastError();
    if (lt_cuda_error_lasts(e)) atomic_store(&gpu_of(d)->lost, (int)e);
}

/* ---- the device ---- */

static lt_status check_ordinal(int ordinal)
{
    lt_status st = LT_OK;
    int n = 0;
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    LT_TRY(lt_cuda_count(&n));
    if (ordinal < 0 || ordinal >= n)
        LT_FAIL(LT_E_DEVICE, "CUDA: there is no GPU %d: this process sees %d%s%s%s, counted from 0", ordinal, n, visible ? " (CUDA_VISIBLE_DEVICES is '" : "",
                visible ? visible : "", visible ? "')" : "");
done:
    return st;
}

/* Busy and forbidden are one error; the mode of the GPU tells them apart. */
static lt_status raise_open(const lt_device *d, cudaError_t e)
{
    lt_status st = LT_OK;
    int mode = cudaComputeModeDefault;
    if (e != cudaErrorDevicesUnavailable && e != cudaErrorDeviceAlreadyInUse) return check(d, e, "making a context on it");
    (void)cudaGetLastError();
    if (cudaDeviceGetAttribute(&mode, cudaDevAttrComputeMode, d->facts.ordinal) != cudaSuccess) (void)cudaGetLastError();
    if (mode == cudaComputeModeProhibited)
        LT_FAIL(LT_E_DEVICE, "%s: its compute mode is 'prohibited': have it set with nvidia-smi -i %d -c DEFAULT, or use another GPU", gpu_of(d)->who,
                d->facts.ordinal);
    if (mode == cudaComputeModeExclusiveProcess)
        LT_FAIL(LT_E_DEVICE,
                "%s: its compute mode is 'exclusive process' and another process holds it (nvidia-smi shows which): give each rank a GPU of its own, or wait",
                gpu_of(d)->who);
    LT_FAIL(LT_E_DEVICE, "%s: it is busy or unavailable: see with nvidia-smi what runs there, or use another GPU", gpu_of(d)->who);
done:
    return st;
}

static void close_gpu(lt_device *d)
{
    gpu *g = gpu_of(d);
    if (!g) return;
    if (g->quiet) settle(d, cudaStreamDestroy(g->quiet));
    lt_nvml_close(&g->nvml);
    free(g);
    d->own = NULL;
}

static lt_status open_gpu(lt_device *d, int ordinal)
{
    lt_status st = LT_OK;
    struct cudaFuncAttributes attributes;
    gpu *g = calloc(1, sizeof *g);
    if (!g) LT_FAIL(LT_E_MEMORY, "no memory for a device");
    d->own = g;
    snprintf(g->who, sizeof g->who, "GPU %d", ordinal);
    LT_TRY(check_ordinal(ordinal));
    g->nvml = lt_nvml_open();
    LT_TRY(lt_cuda_facts(ordinal, g->nvml, &d->facts));
    snprintf(g->who, sizeof g->who, "GPU %d (%.127s)", ordinal, d->facts.name);
    /* Threads that wait sleep: the cores are the decoder's. */
    cudaError_t e = cudaInitDevice(ordinal, cudaDeviceScheduleBlockingSync, cudaInitDeviceFlagsAreValid);
    if (e == cudaSuccess) e = cudaSetDevice(ordinal);
    if (e != cudaSuccess) {
        st = raise_open(d, e);
        goto done;
    }
    CUDA(d, cudaFuncGetAttributes(&attributes, lt_probe_kernel()), "loading this build's code");
    CUDA(d, cudaStreamCreateWithFlags(&g->quiet, cudaStreamNonBlocking), "making a stream");
done:
    if (st < 0) close_gpu(d);
    return st;
}

static lt_status use(lt_device *d)
{
    lt_status st = LT_OK;
    CUDA(d, cudaSetDevice(d->facts.ordinal), "binding a thread to it");
done:
    return st;
}

/* Kernels and libraries may have met the error, or another thread: the stream that has nothing to do tells it as well. */
static bool lost(const lt_device *d)
{
    gpu *g = gpu_of(d);
    if (atomic_load(&g->lost)) return true;
    cudaError_t e = cudaStreamQuery(g->quiet);
    settle(d, e);
    if (e == cudaErrorUnknown) atomic_store(&g->lost, (int)e);
    return atomic_load(&g->lost) != 0;
}

static lt_status memory(const lt_device *d, lt_device_memory *out)
{
    lt_status st = LT_OK;
    lt_nvml_facts f;
    size_t n_free = 0, total = 0;
    CUDA(d, cudaSetDevice(d->facts.ordinal), "binding a thread to it");
    CUDA(d, cudaMemGetInfo(&n_free, &total), "reading how much of its memory is free");
    out->total = (int64_t)total;
    out->free = (int64_t)n_free;
    lt_nvml_read(gpu_of(d)->nvml, d->facts.uuid, &f);
    out->process = f.process;
    out->others = f.others;
done:
    return st;
}

/* ---- streams and events ---- */

static lt_status stream_create(lt_stream *s)
{
    lt_status st = LT_OK;
    cudaStream_t own = NULL;
    LT_TRY(use(s->device));
    CUDA(s->device, cudaStreamCreateWithFlags(&own, cudaStreamNonBlocking), "making a stream");
    s->own = own;
done:
    return st;
}

static void stream_destroy(lt_stream *s)
{
    settle(s->device, cudaStreamDestroy(s->own));
}

static lt_status stream_wait(lt_stream *s, lt_event *e)
{
    lt_status st = LT_OK;
    CUDA(s->device, cudaStreamWaitEvent(s->own, e->own, cudaEventWaitDefault), "waiting for an event");
done:
    return note(s, st);
}

static lt_status stream_finish(lt_stream *s)
{
    lt_status st = LT_OK;
    CUDA(s->device, cudaStreamSynchronize(s->own), s->name);
done:
    return st;
}

static lt_status event_create(lt_event *e, bool timed)
{
    lt_status st = LT_OK;
    cudaEvent_t own = NULL;
    LT_TRY(use(e->device));
    CUDA(e->device, cudaEventCreateWithFlags(&own, cudaEventBlockingSync | (timed ? 0 : cudaEventDisableTiming)), "making an event");
    e->own = own;
done:
    return st;
}

static void event_destroy(lt_event *e)
{
    settle(e->device, cudaEventDestroy(e->own));
}

static lt_status event_record(lt_event *e, lt_stream *s)
{
    lt_status st = LT_OK;
    CUDA(e->device, cudaEventRecord(e->own, s->own), "recording an event");
done:
    return note(s, st);
}

static lt_status event_past(lt_event *e, bool *past)
{
    lt_status st = LT_OK;
    cudaError_t is = atomic_load(&gpu_of(e->device)->lost) ? cudaSuccess : cudaEventQuery(e->own);
    *past = is == cudaSuccess;
    if (is == cudaErrorNotReady) {
        (void)cudaGetLastError();
        return LT_OK;
    }
    CUDA(e->device, is, "waiting for its work");
done:
    return st;
}

static lt_status event_seconds(lt_event *from, lt_event *to, double *seconds)
{
    lt_status st = LT_OK;
    float ms = 0;
    CUDA(from->device, cudaEventElapsedTime(&ms, from->own, to->own), "reading the time between two events");
    *seconds = (double)ms / 1000;
done:
    return st;
}

/* ---- memory ---- */

static double mib(size_t n_bytes)
{
    return (double)n_bytes / 1048576;
}

static lt_status pinned(lt_device *d, size_t n_bytes, void **out)
{
    lt_status st = LT_OK;
    LT_TRY(use(d));
    cudaError_t e = cudaMallocHost(out, n_bytes ? n_bytes : 1);
    if (e == cudaErrorMemoryAllocation) {
        (void)cudaGetLastError();
        LT_FAIL(LT_E_MEMORY, "%s: the system does not lock %.1f MiB of host memory for its copies: lower --host-memory-limit, or free memory", gpu_of(d)->who,
                mib(n_bytes));
    }
    CUDA(d, e, "locking host memory for its copies");
done:
    if (st < 0) *out = NULL;
    return st;
}

static void unpin(lt_device *d, void *p)
{
    settle(d, cudaFreeHost(p));
}

static lt_status allocate(lt_device *d, size_t n_bytes, void **out)
{
    lt_status st = LT_OK;
    size_t n_free = 0, total = 0;
    LT_TRY(use(d));
    cudaError_t e = cudaMalloc(out, n_bytes);
    if (e == cudaErrorMemoryAllocation) {
        (void)cudaGetLastError();
        if (cudaMemGetInfo(&n_free, &total) != cudaSuccess) (void)cudaGetLastError();
        LT_FAIL(LT_E_MEMORY,
                "%s: the plan needs %.1f MiB (%zu bytes) in one piece, and %.1f MiB are free there now: lower --memory-limit, or end what else runs on it",
                gpu_of(d)->who, mib(n_bytes), n_bytes, mib(n_free));
    }
    CUDA(d, e, "taking its memory");
done:
    if (st < 0) *out = NULL;
    return st;
}

static void release(lt_device *d, void *p)
{
    settle(d, cudaFree(p));
}

static lt_status copy(lt_stream *s, void *to, size_t to_stride, const void *from, size_t from_stride, size_t row_bytes, size_t n_rows)
{
    lt_status st = LT_OK;
    if (!row_bytes || !n_rows) return LT_OK;
    if (n_rows == 1 || (to_stride == row_bytes && from_stride == row_bytes))
        CUDA(s->device, cudaMemcpyAsync(to, from, row_bytes * n_rows, cudaMemcpyDefault, s->own), s->name);
    else
        CUDA(s->device, cudaMemcpy2DAsync(to, to_stride, from, from_stride, row_bytes, n_rows, cudaMemcpyDefault, s->own), s->name);
done:
    return note(s, st);
}

static lt_status fill(lt_stream *s, void *to, int byte, size_t n_bytes)
{
    lt_status st = LT_OK;
    if (!n_bytes) return LT_OK;
    CUDA(s->device, cudaMemsetAsync(to, byte, n_bytes, s->own), s->name);
done:
    return note(s, st);
}

/* ---- recordings ---- */

/* Of this thread alone: others may go on to allocate and to make streams. */
static lt_status recording_begin(lt_stream *s)
{
    lt_status st = LT_OK;
    CUDA(s->device, cudaStreamBeginCapture(s->own, cudaStreamCaptureModeThreadLocal), "beginning a recording");
    s->recording = true;
    s->failure.status = LT_OK;
done:
    return st;
}

static lt_status recording_end(lt_stream *s, lt_recording *r)
{
    lt_status st = LT_OK;
    cudaGraph_t graph = NULL;
    cudaGraphExec_t own = NULL;
    s->recording = false;
    CUDA(s->device, cudaStreamEndCapture(s->own, &graph), "ending a recording");
    if (s->failure.status) goto done;
    CUDA(s->device, cudaGraphInstantiate(&own, graph, 0), "making a recording");
    r->own = own;
    CUDA(s->device, cudaGraphUpload(own, s->own), "uploading a recording");
done:
    if (graph) settle(s->device, cudaGraphDestroy(graph));
    if (st < 0 && own) settle(s->device, cudaGraphExecDestroy(own));
    if (s->failure.status) {
        lt_error_set(&s->failure);
        st = s->failure.status;
    }
    return st;
}

static lt_status recording_run(lt_recording *r, lt_stream *s)
{
    lt_status st = LT_OK;
    CUDA(s->device, cudaGraphLaunch(r->own, s->own), "running a recording");
done:
    return st;
}

static void recording_destroy(lt_recording *r)
{
    settle(r->device, cudaGraphExecDestroy(r->own));
}

const lt_device_table lt_device_cuda = { open_gpu, close_gpu, use, lost, memory, stream_create, stream_destroy, stream_wait, stream_finish, event_create,
                                         event_destroy, event_record, event_past, event_seconds, pinned, unpin, allocate, release, copy, fill,
                                         recording_begin, recording_end, recording_run, recording_destroy };
#endif
