/* The functions of cuda_runtime_api.h. Each enters (engine.h), checks what CUDA checks, and puts work on a stream or waits for it. */
#include "engine.h"

#include <stdio.h>
#include <string.h>

using namespace lt_fake;

namespace {

cudaError_t fail(cudaError_t e)
{
    if (e != cudaSuccess) last_error = e;
    return e;
}

#define LT_ENTER(function)                       \
    locked lock(guard());                        \
    {                                            \
        const cudaError_t e_ = enter(#function); \
        if (e_ != cudaSuccess) return fail(e_);  \
    }
#define LT_CHECK(call)                          \
    do {                                        \
        const cudaError_t e_ = (call);          \
        if (e_ != cudaSuccess) return fail(e_); \
    } while (0)
#define LT_STREAM(s, handle, function)                           \
    LT_CHECK(need_context(current_device));                      \
    lt_fake::stream *const s = stream_of(handle, #function);     \
    if (!s) return fail(cudaErrorInvalidResourceHandle)

int number_of_devices()
{
    return static_cast<int>(now->visible.size());
}

int machine_number(int device)
{
    return now->visible[static_cast<size_t>(device)];
}

bool known(int device)
{
    return device >= 0 && device < number_of_devices();
}

/* Runs it at once where that was asked for. */
cudaError_t put_now(locked &lock, lt_fake::stream *s, node what)
{
    cudaError_t e = put(s, std::move(what));
    if (e == cudaSuccess && now->opt.eager && !s->recording) e = finish(lock, s->last);
    return e;
}

event *event_of(void *handle, const char *function)
{
    for (auto &e : now->events) {
        if (e.get() != handle) continue;
        if (e->live) return e.get();
        complain("%s gets an event that was destroyed", function);
        return nullptr;
    }
    complain("%s gets an event that was never made", function);
    return nullptr;
}

graph *graph_of(void *handle, uint64_t magic, const char *function)
{
    for (auto &g : now->graphs) {
        if (g.get() != handle || g->magic != magic) continue;
        if (g->live) return g.get();
        complain("%s gets a graph that was destroyed", function);
        return nullptr;
    }
    complain("%s gets a graph that was never made", function);
    return nullptr;
}

}

/* ---- the runtime, devices ---- */

cudaError_t cudaGetLastError(void)
{
    const cudaError_t e = last_error;
    locked lock(guard());
    if (!now || now->lost == cudaSuccess) last_error = cudaSuccess;
    return e;
}

cudaError_t cudaPeekAtLastError(void)
{
    return last_error;
}

cudaError_t cudaDriverGetVersion(int *version)
{
    locked lock(guard());
    const cudaError_t e = enter("cudaDriverGetVersion", false);
    *version = now->opt.no_driver ? 0 : now->opt.driver;
    return fail(e);
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    locked lock(guard());
    const cudaError_t e = enter("cudaRuntimeGetVersion", false);
    *version = CUDART_VERSION;
    return fail(e);
}

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = 0;
    LT_ENTER(cudaGetDeviceCount)
    *count = number_of_devices();
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *prop, int device)
{
    char uuid[64];
    LT_ENTER(cudaGetDeviceProperties)
    if (!known(device)) return fail(cudaErrorInvalidDevice);
    memset(prop, 0, sizeof *prop);
    snprintf(prop->name, sizeof prop->name, "%s", now->opt.name.c_str());
    lt_fake_nvml_uuid(machine_number(device), uuid);
    for (int i = 0, at = 4; i < 16; i++, at += 2) {
        unsigned byte;
        if (uuid[at] == '-') at++;
        sscanf(uuid + at, "%2x", &byte);
        prop->uuid.bytes[i] = static_cast<char>(byte);
    }
    prop->totalGlobalMem = now->opt.memory;
    prop->sharedMemPerBlock = 48 << 10;
    prop->sharedMemPerBlockOptin = prop->sharedMemPerMultiprocessor = 227 << 10;
    prop->regsPerBlock = prop->regsPerMultiprocessor = 65536;
    prop->warpSize = 32;
    prop->maxThreadsPerBlock = 1024;
    prop->maxThreadsPerMultiProcessor = 2048;
    prop->maxBlocksPerMultiProcessor = 32;
    prop->maxThreadsDim[0] = prop->maxThreadsDim[1] = 1024;
    prop->maxThreadsDim[2] = 64;
    prop->maxGridSize[0] = 0x7fffffff;
    prop->maxGridSize[1] = prop->maxGridSize[2] = 65535;
    prop->major = now->opt.sm / 10;
    prop->minor = now->opt.sm % 10;
    prop->multiProcessorCount = now->opt.sms;
    prop->pciBusID = machine_number(device) + 1;
    prop->asyncEngineCount = 2;
    prop->unifiedAddressing = prop->canMapHostMemory = prop->concurrentKernels = prop->streamPrioritiesSupported = 1;
    prop->ECCEnabled = 1;
    prop->l2CacheSize = 4 << 20;
    prop->memoryBusWidth = 256;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attr, int device)
{
    LT_ENTER(cudaDeviceGetAttribute)
    if (!known(device)) return fail(cudaErrorInvalidDevice);
    const std::map<int, int> values = {
        { cudaDevAttrComputeCapabilityMajor, now->opt.sm / 10 },
        { cudaDevAttrComputeCapabilityMinor, now->opt.sm % 10 },
        { cudaDevAttrMultiProcessorCount, now->opt.sms },
        { cudaDevAttrMaxThreadsPerBlock, 1024 },
        { cudaDevAttrWarpSize, 32 },
        { cudaDevAttrMaxSharedMemoryPerBlock, 48 << 10 },
        { cudaDevAttrMaxSharedMemoryPerBlockOptin, 227 << 10 },
        { cudaDevAttrMaxSharedMemoryPerMultiprocessor, 227 << 10 },
        { cudaDevAttrClockRate, 1000000 },
        { cudaDevAttrMemoryClockRate, 1000000 },
        { cudaDevAttrGlobalMemoryBusWidth, 256 },
        { cudaDevAttrL2CacheSize, 4 << 20 },
        { cudaDevAttrComputeMode, cudaComputeModeDefault },
        { cudaDevAttrEccEnabled, 1 },
        { cudaDevAttrUnifiedAddressing, 1 },
        { cudaDevAttrAsyncEngineCount, 2 },
        { cudaDevAttrPciBusId, machine_number(device) + 1 },
        { cudaDevAttrPciDeviceId, 0 },
        { cudaDevAttrPciDomainId, 0 },
        { cudaDevAttrIntegrated, 0 },
        { cudaDevAttrMemoryPoolsSupported, 0 },
    };
    const auto found = values.find(attr);
    if (found == values.end()) {
        complain("cudaDeviceGetAttribute is asked for attribute %d, which the fake does not have", attr);
        return fail(cudaErrorNotSupported);
    }
    *value = found->second;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char *id, int n, int device)
{
    LT_ENTER(cudaDeviceGetPCIBusId)
    if (!known(device)) return fail(cudaErrorInvalidDevice);
    if (n < 13) return fail(cudaErrorInvalidValue);
    snprintf(id, static_cast<size_t>(n), "0000:%02X:00.0", machine_number(device) + 1);
    return cudaSuccess;
}

cudaError_t cudaDeviceGetByPCIBusId(int *device, const char *id)
{
    LT_ENTER(cudaDeviceGetByPCIBusId)
    unsigned bus = 0;
    if (sscanf(id, "%*x:%x", &bus) != 1) return fail(cudaErrorInvalidValue);
    for (*device = 0; known(*device); ++*device)
        if (machine_number(*device) + 1 == static_cast<int>(bus)) return cudaSuccess;
    return fail(cudaErrorInvalidDevice);
}

cudaError_t cudaSetDevice(int device)
{
    LT_ENTER(cudaSetDevice)
    if (!known(device)) return fail(cudaErrorInvalidDevice);
    LT_CHECK(need_context(device));
    current_device = device;
    return cudaSuccess;
}

cudaError_t cudaInitDevice(int device, unsigned, unsigned)
{
    LT_ENTER(cudaInitDevice)
    return fail(need_context(device));
}

cudaError_t cudaGetDevice(int *device)
{
    LT_ENTER(cudaGetDevice)
    *device = current_device;
    return cudaSuccess;
}

cudaError_t cudaSetDeviceFlags(unsigned)
{
    LT_ENTER(cudaSetDeviceFlags)
    return cudaSuccess;
}

cudaError_t cudaGetDeviceFlags(unsigned *flags)
{
    LT_ENTER(cudaGetDeviceFlags)
    *flags = 0;
    return cudaSuccess;
}

cudaError_t cudaDeviceSetLimit(enum cudaLimit, size_t)
{
    LT_ENTER(cudaDeviceSetLimit)
    return fail(need_context(current_device));
}

cudaError_t cudaDeviceGetLimit(size_t *value, enum cudaLimit)
{
    LT_ENTER(cudaDeviceGetLimit)
    *value = 1024;
    return fail(need_context(current_device));
}

cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest)
{
    LT_ENTER(cudaDeviceGetStreamPriorityRange)
    LT_CHECK(need_context(current_device));
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize(void)
{
    LT_ENTER(cudaDeviceSynchronize)
    LT_CHECK(need_context(current_device));
    for (auto &s : now->streams)
        if (s->recording) {
            s->recording->invalid = true;
            return fail(cudaErrorStreamCaptureUnsupported);
        }
    now->count.device_waits++;
    for (size_t i = 0; i < now->streams.size(); i++)
        if (now->streams[i]->device == current_device) LT_CHECK(finish(lock, now->streams[i]->last));
    return cudaSuccess;
}

cudaError_t cudaDeviceReset(void)
{
    LT_ENTER(cudaDeviceReset)
    if (waiting()) complain("cudaDeviceReset while work that was put on streams has not run");
    for (auto &s : now->streams) s->live = s->live && s->device != current_device;
    now->legacy[static_cast<size_t>(current_device)] = nullptr;
    for (auto &e : now->events) e->live = e->live && e->device != current_device;
    for (auto &g : now->graphs) g->live = false;
    for (auto &i : now->allocations)
        if (i.second.live && i.second.device == current_device) release(i.second.at, false);
    now->contexts[static_cast<size_t>(current_device)] = false;
    return cudaSuccess;
}

cudaError_t cudaDeviceCanAccessPeer(int *can, int, int)
{
    LT_ENTER(cudaDeviceCanAccessPeer)
    *can = 0;
    return cudaSuccess;
}

/* ---- memory ---- */

cudaError_t cudaMalloc(void **p, size_t n)
{
    LT_ENTER(cudaMalloc)
    LT_CHECK(need_context(current_device));
    LT_CHECK(unsafe());
    return fail(allocate(current_device, n, p));
}

cudaError_t cudaFree(void *p)
{
    LT_ENTER(cudaFree)
    LT_CHECK(need_context(current_device));
    LT_CHECK(unsafe());
    return fail(release(p, false));
}

cudaError_t cudaMallocHost(void **p, size_t n)
{
    LT_ENTER(cudaMallocHost)
    LT_CHECK(need_context(current_device));
    LT_CHECK(unsafe());
    return fail(allocate(-1, n, p));
}

cudaError_t cudaHostAlloc(void **p, size_t n, unsigned)
{
    LT_ENTER(cudaHostAlloc)
    LT_CHECK(need_context(current_device));
    LT_CHECK(unsafe());
    return fail(allocate(-1, n, p));
}

cudaError_t cudaFreeHost(void *p)
{
    LT_ENTER(cudaFreeHost)
    LT_CHECK(unsafe());
    return fail(release(p, true));
}

cudaError_t cudaMemGetInfo(size_t *free, size_t *total)
{
    LT_ENTER(cudaMemGetInfo)
    LT_CHECK(need_context(current_device));
    *total = now->opt.memory;
    *free = now->opt.memory - now->opt.context - now->opt.others;
    for (auto &i : now->allocations)
        if (i.second.live && i.second.device == current_device) *free -= i.second.n;
    return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *out, const void *p)
{
    LT_ENTER(cudaPointerGetAttributes)
    const allocation *a = find(p);
    memset(out, 0, sizeof *out);
    if (!a || !a->live || !covers(a, p, 1)) {
        out->type = cudaMemoryTypeUnregistered;
        out->device = cudaInvalidDeviceId;
        out->hostPointer = const_cast<void *>(p);
        return cudaSuccess;
    }
    out->type = a->device < 0 ? cudaMemoryTypeHost : cudaMemoryTypeDevice;
    out->device = a->device < 0 ? current_device : a->device;
    out->devicePointer = const_cast<void *>(p);
    out->hostPointer = a->device < 0 ? const_cast<void *>(p) : nullptr;
    return cudaSuccess;
}

/* ---- copies ---- */

namespace {

/* Rows of memory. What is staged lies behind it, dense, instead of at `from`. */
struct copy_job {
    char       *to;
    const char *from;
    size_t      to_pitch, from_pitch, width, height;
    bool        staged;
};

size_t extent(size_t pitch, size_t width, size_t height)
{
    return width && height ? pitch * (height - 1) + width : 0;
}

bool alive(const void *p, size_t n)
{
    const allocation *a = find(p);
    return !a || (a->live && covers(a, p, n));
}

int run_copy(void *args)
{
    const copy_job *j = static_cast<const copy_job *>(args);
    const char *from = j->staged ? reinterpret_cast<const char *>(j + 1) : j->from;
    const size_t pitch = j->staged ? j->width : j->from_pitch;
    if (!alive(j->to, extent(j->to_pitch, j->width, j->height)) || (!j->staged && !alive(j->from, extent(j->from_pitch, j->width, j->height)))) {
        complain("a copy runs after its memory was freed");
        return -1;
    }
    for (size_t row = 0; row < j->height; row++) memmove(j->to + row * j->to_pitch, from + row * pitch, j->width);
    return 1;
}

struct fill_job {
    char  *to;
    size_t pitch, width, height;
    int    byte;
};

int run_fill(void *args)
{
    const fill_job *j = static_cast<const fill_job *>(args);
    if (!alive(j->to, extent(j->pitch, j->width, j->height))) {
        complain("a fill runs after its memory was freed");
        return -1;
    }
    for (size_t row = 0; row < j->height; row++) memset(j->to + row * j->pitch, j->byte, j->width);
    return 1;
}

enum place { DEVICE, PINNED, PAGEABLE };

/* Where a side of a copy lies; false where it leaves its allocation, which is reported. */
bool place_of_side(const void *p, size_t n, const char *function, enum place *out)
{
    const allocation *a = find(p);
    *out = !a ? PAGEABLE : a->device < 0 ? PINNED : DEVICE;
    if (!a || (a->live && covers(a, p, n))) return true;
    complain("%s of %zu bytes at %p leaves its allocation of %zu bytes at %p%s", function, n, p, a->n, static_cast<void *>(a->at), a->live ? "" : ", which was freed");
    return false;
}

bool direction_holds(enum cudaMemcpyKind kind, enum place to, enum place from)
{
    switch (kind) {
    case cudaMemcpyHostToHost: return to != DEVICE && from != DEVICE;
    case cudaMemcpyHostToDevice: return to == DEVICE && from != DEVICE;
    case cudaMemcpyDeviceToHost: return to != DEVICE && from == DEVICE;
    case cudaMemcpyDeviceToDevice: return to == DEVICE && from == DEVICE;
    default: return true;
    }
}

/* A copy from pageable memory has its own copy of it from the call on; one to pageable memory returns when it is done. */
cudaError_t copy(locked &lock, const char *function, lt_fake::stream *s, const copy_job &job, enum cudaMemcpyKind kind, bool wait)
{
    enum place to, from;
    copy_job j = job;
    const size_t n = j.width * j.height;
    if (j.height > 1 && (j.width > j.to_pitch || j.width > j.from_pitch)) return cudaErrorInvalidValue;
    if (!n) return cudaSuccess;
    if (!place_of_side(j.to, extent(j.to_pitch, j.width, j.height), function, &to)) return cudaErrorInvalidValue;
    if (!place_of_side(j.from, extent(j.from_pitch, j.width, j.height), function, &from)) return cudaErrorInvalidValue;
    if (!direction_holds(kind, to, from)) {
        complain("%s: its direction is not that of its memory", function);
        return cudaErrorInvalidMemcpyDirection;
    }
    if (s->recording && (wait || to == PAGEABLE || from == PAGEABLE)) {
        s->recording->invalid = true;
        return cudaErrorStreamCaptureUnsupported;
    }
    j.staged = from == PAGEABLE && to == DEVICE;
    node what = make_node(COPY, function, run_copy, j, sizeof j + (j.staged ? n : 0));
    if (j.staged) {
        char *stage = reinterpret_cast<char *>(what.args->data()) + sizeof j;
        for (size_t row = 0; row < j.height; row++) memcpy(stage + row * j.width, j.from + row * j.from_pitch, j.width);
    }
    const cudaError_t e = put_now(lock, s, what);
    now->count.copies++;
    if (e == cudaSuccess && (wait || to == PAGEABLE)) return finish(lock, s->last);
    return e;
}

cudaError_t fill(locked &lock, const char *function, lt_fake::stream *s, const fill_job &j, bool wait)
{
    enum place to;
    if (!j.width || !j.height) return cudaSuccess;
    if (!place_of_side(j.to, extent(j.pitch, j.width, j.height), function, &to)) return cudaErrorInvalidValue;
    if (to == PAGEABLE) {
        complain("%s gets memory that CUDA does not know", function);
        return cudaErrorInvalidValue;
    }
    if (s->recording && wait) return unsafe();
    const cudaError_t e = put_now(lock, s, make_node(FILL, function, run_fill, j));
    now->count.fills++;
    return e == cudaSuccess && wait ? finish(lock, s->last) : e;
}

copy_job rows(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height)
{
    return copy_job{ static_cast<char *>(to), static_cast<const char *>(from), to_pitch, from_pitch, width, height, false };
}

}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, enum cudaMemcpyKind kind, cudaStream_t handle)
{
    LT_ENTER(cudaMemcpyAsync)
    LT_STREAM(s, handle, cudaMemcpyAsync);
    return fail(copy(lock, "cudaMemcpyAsync", s, rows(to, n, from, n, n, 1), kind, false));
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height, enum cudaMemcpyKind kind,
                              cudaStream_t handle)
{
    LT_ENTER(cudaMemcpy2DAsync)
    LT_STREAM(s, handle, cudaMemcpy2DAsync);
    return fail(copy(lock, "cudaMemcpy2DAsync", s, rows(to, to_pitch, from, from_pitch, width, height), kind, false));
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t n, enum cudaMemcpyKind kind)
{
    LT_ENTER(cudaMemcpy)
    LT_CHECK(unsafe());
    LT_STREAM(s, nullptr, cudaMemcpy);
    return fail(copy(lock, "cudaMemcpy", s, rows(to, n, from, n, n, 1), kind, true));
}

cudaError_t cudaMemcpy2D(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height, enum cudaMemcpyKind kind)
{
    LT_ENTER(cudaMemcpy2D)
    LT_CHECK(unsafe());
    LT_STREAM(s, nullptr, cudaMemcpy2D);
    return fail(copy(lock, "cudaMemcpy2D", s, rows(to, to_pitch, from, from_pitch, width, height), kind, true));
}

cudaError_t cudaMemsetAsync(void *to, int byte, size_t n, cudaStream_t handle)
{
    LT_ENTER(cudaMemsetAsync)
    LT_STREAM(s, handle, cudaMemsetAsync);
    return fail(fill(lock, "cudaMemsetAsync", s, fill_job{ static_cast<char *>(to), n, n, 1, byte }, false));
}

cudaError_t cudaMemset2DAsync(void *to, size_t pitch, int byte, size_t width, size_t height, cudaStream_t handle)
{
    LT_ENTER(cudaMemset2DAsync)
    LT_STREAM(s, handle, cudaMemset2DAsync);
    return fail(fill(lock, "cudaMemset2DAsync", s, fill_job{ static_cast<char *>(to), pitch, width, height, byte }, false));
}

cudaError_t cudaMemset(void *to, int byte, size_t n)
{
    LT_ENTER(cudaMemset)
    LT_CHECK(unsafe());
    LT_STREAM(s, nullptr, cudaMemset);
    return fail(fill(lock, "cudaMemset", s, fill_job{ static_cast<char *>(to), n, n, 1, byte }, true));
}

/* ---- streams ---- */

cudaError_t cudaStreamCreateWithPriority(cudaStream_t *out, unsigned flags, int priority)
{
    LT_ENTER(cudaStreamCreateWithPriority)
    LT_CHECK(need_context(current_device));
    if (flags != cudaStreamNonBlocking && flags != cudaStreamDefault) return fail(cudaErrorInvalidValue);
    now->streams.emplace_back(new lt_fake::stream);
    lt_fake::stream *s = now->streams.back().get();
    s->magic = STREAM;
    s->device = current_device;
    s->blocking = flags == cudaStreamDefault;
    s->priority = priority;
    *out = reinterpret_cast<cudaStream_t>(s);
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags)
{
    {
        LT_ENTER(cudaStreamCreateWithFlags)
    }
    return cudaStreamCreateWithPriority(out, flags, 0);
}

cudaError_t cudaStreamCreate(cudaStream_t *out)
{
    {
        LT_ENTER(cudaStreamCreate)
    }
    return cudaStreamCreateWithPriority(out, cudaStreamDefault, 0);
}

cudaError_t cudaStreamDestroy(cudaStream_t handle)
{
    LT_ENTER(cudaStreamDestroy)
    if (!handle) return fail(cudaErrorInvalidResourceHandle);
    LT_STREAM(s, handle, cudaStreamDestroy);
    if (s->recording) complain("cudaStreamDestroy of a stream that is being captured");
    s->live = false;                             /* what waits on it still runs, as on a GPU */
    return cudaSuccess;
}

cudaError_t cudaStreamGetPriority(cudaStream_t handle, int *priority)
{
    LT_ENTER(cudaStreamGetPriority)
    LT_STREAM(s, handle, cudaStreamGetPriority);
    *priority = s->priority;
    return cudaSuccess;
}

cudaError_t cudaStreamGetFlags(cudaStream_t handle, unsigned *flags)
{
    LT_ENTER(cudaStreamGetFlags)
    LT_STREAM(s, handle, cudaStreamGetFlags);
    *flags = s->blocking ? cudaStreamDefault : cudaStreamNonBlocking;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle)
{
    LT_ENTER(cudaStreamSynchronize)
    LT_STREAM(s, handle, cudaStreamSynchronize);
    if (s->recording) {
        s->recording->invalid = true;
        return fail(cudaErrorStreamCaptureUnsupported);
    }
    LT_CHECK(unsafe());
    now->count.stream_waits++;
    return fail(finish(lock, s->last));
}

cudaError_t cudaStreamQuery(cudaStream_t handle)
{
    LT_ENTER(cudaStreamQuery)
    LT_STREAM(s, handle, cudaStreamQuery);
    if (s->recording) {
        s->recording->invalid = true;
        return fail(cudaErrorStreamCaptureUnsupported);
    }
    LT_CHECK(unsafe());
    run_some(lock, draw(8) + 1);
    if (now->lost != cudaSuccess) return fail(now->lost);
    return s->queue.empty() ? cudaSuccess : fail(cudaErrorNotReady);
}

namespace {

struct host_job {
    cudaHostFn_t call;
    void        *data;
};

int run_host(void *args)
{
    const host_job *j = static_cast<const host_job *>(args);
    j->call(j->data);
    return 1;
}

}

cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t call, void *data)
{
    LT_ENTER(cudaLaunchHostFunc)
    LT_STREAM(s, handle, cudaLaunchHostFunc);
    now->count.host_functions++;
    return fail(put_now(lock, s, make_node(HOST, "a host function", run_host, host_job{ call, data })));
}

/* ---- events ---- */

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags)
{
    LT_ENTER(cudaEventCreateWithFlags)
    LT_CHECK(need_context(current_device));
    now->events.emplace_back(new event);
    event *e = now->events.back().get();
    e->magic = EVENT;
    e->device = current_device;
    e->timed = !(flags & cudaEventDisableTiming);
    *out = reinterpret_cast<cudaEvent_t>(e);
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *out)
{
    {
        LT_ENTER(cudaEventCreate)
    }
    return cudaEventCreateWithFlags(out, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t handle)
{
    LT_ENTER(cudaEventDestroy)
    event *e = event_of(handle, "cudaEventDestroy");
    if (!e) return fail(cudaErrorInvalidResourceHandle);
    e->live = false;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t where)
{
    LT_ENTER(cudaEventRecord)
    LT_STREAM(s, where, cudaEventRecord);
    event *e = event_of(handle, "cudaEventRecord");
    if (!e) return fail(cudaErrorInvalidResourceHandle);
    if (e->device != s->device) {
        complain("cudaEventRecord of an event of device %d on a stream of device %d", e->device, s->device);
        return fail(cudaErrorInvalidResourceHandle);
    }
    if (s->recording) {
        if (s->recording->invalid) return fail(cudaErrorStreamCaptureInvalidated);
        e->captured = s->recording->number;
        return cudaSuccess;
    }
    e->captured = 0;
    e->place = place_of(s);
    return now->opt.eager ? fail(finish(lock, e->place)) : cudaSuccess;
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t handle, cudaStream_t where, unsigned flags)
{
    if (flags != cudaEventRecordDefault) return fail(cudaErrorNotSupported);
    return cudaEventRecord(handle, where);
}

namespace {

/* An event that a capture took is none to ask; the capture is spoilt. */
cudaError_t not_captured(const event *e)
{
    if (!e->captured) return cudaSuccess;
    for (auto &s : now->streams)
        if (s->recording && s->recording->number == e->captured) s->recording->invalid = true;
    return cudaErrorCapturedEvent;
}

}

cudaError_t cudaEventQuery(cudaEvent_t handle)
{
    LT_ENTER(cudaEventQuery)
    event *e = event_of(handle, "cudaEventQuery");
    if (!e) return fail(cudaErrorInvalidResourceHandle);
    LT_CHECK(not_captured(e));
    LT_CHECK(unsafe());
    const mark m = e->place;
    if (!m || m->done) return fail(now->lost);
    run_some(lock, draw(8) + 1);
    if (now->lost != cudaSuccess) return fail(now->lost);
    return m->done ? cudaSuccess : fail(cudaErrorNotReady);
}

cudaError_t cudaEventSynchronize(cudaEvent_t handle)
{
    LT_ENTER(cudaEventSynchronize)
    event *e = event_of(handle, "cudaEventSynchronize");
    if (!e) return fail(cudaErrorInvalidResourceHandle);
    LT_CHECK(not_captured(e));
    LT_CHECK(unsafe());
    return fail(finish(lock, e->place));
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from_handle, cudaEvent_t to_handle)
{
    LT_ENTER(cudaEventElapsedTime)
    event *from = event_of(from_handle, "cudaEventElapsedTime"), *to = event_of(to_handle, "cudaEventElapsedTime");
    if (!from || !to || !from->timed || !to->timed || !from->place || !to->place || from->device != to->device)
        return fail(cudaErrorInvalidResourceHandle);
    LT_CHECK(not_captured(from));
    LT_CHECK(not_captured(to));
    if (!from->place->done || !to->place->done) return fail(cudaErrorNotReady);
    *ms = static_cast<float>((to->place->at - from->place->at) * 1e3);
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t where, cudaEvent_t handle, unsigned flags)
{
    LT_ENTER(cudaStreamWaitEvent)
    LT_STREAM(s, where, cudaStreamWaitEvent);
    event *e = event_of(handle, "cudaStreamWaitEvent");
    if (!e) return fail(cudaErrorInvalidResourceHandle);
    if (flags != cudaEventWaitDefault) return fail(cudaErrorNotSupported);
    if (s->recording) {
        if (s->recording->invalid) return fail(cudaErrorStreamCaptureInvalidated);
        if (e->captured == s->recording->number) return cudaSuccess;
        s->recording->invalid = true;
        return fail(cudaErrorStreamCaptureIsolation);
    }
    if (e->captured) {
        complain("cudaStreamWaitEvent would bring a second stream into a capture, which the fake does not have");
        not_captured(e);
        return fail(cudaErrorStreamCaptureUnsupported);
    }
    if (e->place) wait_for(s, e->place);
    return cudaSuccess;
}

/* ---- captures and graphs ---- */

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, enum cudaStreamCaptureMode mode)
{
    LT_ENTER(cudaStreamBeginCapture)
    LT_STREAM(s, handle, cudaStreamBeginCapture);
    if (!handle) return fail(cudaErrorStreamCaptureUnsupported);
    if (s->recording) return fail(cudaErrorIllegalState);
    s->recording.reset(new capture);
    s->recording->mode = mode;
    s->recording->thread = std::this_thread::get_id();
    s->recording->number = ++now->captures;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t *out)
{
    *out = nullptr;
    LT_ENTER(cudaStreamEndCapture)
    LT_STREAM(s, handle, cudaStreamEndCapture);
    if (!s->recording) return fail(cudaErrorIllegalState);
    if (s->recording->mode != cudaStreamCaptureModeRelaxed && s->recording->thread != std::this_thread::get_id()) {
        s->recording->invalid = true;
        return fail(cudaErrorStreamCaptureWrongThread);
    }
    const std::unique_ptr<capture> c = std::move(s->recording);
    if (c->invalid) return fail(cudaErrorStreamCaptureInvalidated);
    now->graphs.emplace_back(new graph);
    graph *g = now->graphs.back().get();
    g->magic = GRAPH;
    g->nodes = std::move(c->nodes);
    now->count.captures++;
    *out = reinterpret_cast<cudaGraph_t>(g);
    return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, enum cudaStreamCaptureStatus *status)
{
    LT_ENTER(cudaStreamIsCapturing)
    LT_STREAM(s, handle, cudaStreamIsCapturing);
    *status = !s->recording ? cudaStreamCaptureStatusNone : s->recording->invalid ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
    return cudaSuccess;
}

cudaError_t cudaThreadExchangeStreamCaptureMode(enum cudaStreamCaptureMode *mode)
{
    (void)mode;
    LT_ENTER(cudaThreadExchangeStreamCaptureMode)
    complain("cudaThreadExchangeStreamCaptureMode, which the fake does not have");
    return fail(cudaErrorNotSupported);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t handle, unsigned long long)
{
    LT_ENTER(cudaGraphInstantiate)
    graph *g = graph_of(handle, GRAPH, "cudaGraphInstantiate");
    if (!g) return fail(cudaErrorInvalidValue);
    now->graphs.emplace_back(new graph);
    graph *exec = now->graphs.back().get();
    exec->magic = EXEC;
    exec->nodes = g->nodes;
    *out = reinterpret_cast<cudaGraphExec_t>(exec);
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *out, cudaGraph_t handle, unsigned long long flags)
{
    return cudaGraphInstantiate(out, handle, flags);
}

cudaError_t cudaGraphUpload(cudaGraphExec_t handle, cudaStream_t where)
{
    LT_ENTER(cudaGraphUpload)
    LT_STREAM(s, where, cudaGraphUpload);
    if (!graph_of(handle, EXEC, "cudaGraphUpload")) return fail(cudaErrorInvalidValue);
    if (s->recording) return fail(cudaErrorStreamCaptureUnsupported);
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t handle, cudaStream_t where)
{
    LT_ENTER(cudaGraphLaunch)
    LT_STREAM(s, where, cudaGraphLaunch);
    graph *g = graph_of(handle, EXEC, "cudaGraphLaunch");
    if (!g) return fail(cudaErrorInvalidValue);
    if (s->recording) {
        complain("cudaGraphLaunch in a capture, which the fake does not have");
        s->recording->invalid = true;
        return fail(cudaErrorStreamCaptureUnsupported);
    }
    if (!usable_image()) return fail(cudaErrorNoKernelImageForDevice);
    now->count.graph_launches++;
    if (g->last) wait_for(s, g->last);           /* two replays of one graph never overlap */
    for (const node &n : g->nodes) LT_CHECK(put(s, n));
    g->last = place_of(s);
    return now->opt.eager ? fail(finish(lock, g->last)) : cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t handle, cudaGraphNode_t *nodes, size_t *n)
{
    LT_ENTER(cudaGraphGetNodes)
    graph *g = graph_of(handle, GRAPH, "cudaGraphGetNodes");
    if (!g || nodes) return fail(cudaErrorInvalidValue);
    *n = g->nodes.size();
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t handle)
{
    LT_ENTER(cudaGraphDestroy)
    graph *g = graph_of(handle, GRAPH, "cudaGraphDestroy");
    if (!g) return fail(cudaErrorInvalidValue);
    g->live = false;
    g->nodes.clear();
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t handle)
{
    LT_ENTER(cudaGraphExecDestroy)
    graph *g = graph_of(handle, EXEC, "cudaGraphExecDestroy");
    if (!g) return fail(cudaErrorInvalidValue);
    g->live = false;
    g->nodes.clear();
    return cudaSuccess;
}

/* Kernels of the shim are functions of the host: any address is one. */
cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *out, const void *)
{
    LT_ENTER(cudaFuncGetAttributes)
    LT_CHECK(need_context(current_device));
    memset(out, 0, sizeof *out);
    if (!usable_image()) return fail(cudaErrorNoKernelImageForDevice);
    out->maxThreadsPerBlock = 1024;
    out->binaryVersion = out->ptxVersion = now->opt.sm;
    return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void *, enum cudaFuncAttribute, int)
{
    LT_ENTER(cudaFuncSetAttribute)
    return fail(need_context(current_device));
}

cudaError_t cudaProfilerStart(void)
{
    return cudaSuccess;
}

cudaError_t cudaProfilerStop(void)
{
    return cudaSuccess;
}

/* ---- what NVML says; its library calls these ---- */

int lt_fake_nvml_devices(void)
{
    locked lock(guard());
    enter("NVML", false);
    return now->opt.no_driver || now->opt.no_device ? 0 : now->opt.gpus;
}

int lt_fake_nvml_driver(void)
{
    locked lock(guard());
    enter("NVML", false);
    return now->opt.no_driver ? 0 : now->opt.driver;
}

/* Called with the lock held too. */
void lt_fake_nvml_uuid(int device, char out[64])
{
    const unsigned d = now && now->opt.same_uuid ? 0 : static_cast<unsigned>(device);
    snprintf(out, 64, "GPU-%08x-fa4e-fa4e-fa4e-%012x", 0x10a9 + d * 0x1000, 0x7a4e + d);
}

void lt_fake_nvml_name(int, char out[64])
{
    locked lock(guard());
    snprintf(out, 64, "%s", now->opt.name.c_str());
}

unsigned long long lt_fake_nvml_ecc_errors(void)
{
    locked lock(guard());
    return now->opt.ecc;
}

size_t lt_fake_nvml_memory(int device, size_t *process, size_t *others)
{
    locked lock(guard());
    *process = 0;
    *others = now->opt.others;
    for (int d = 0; d < number_of_devices(); d++) {
        if (machine_number(d) != device || !now->contexts[static_cast<size_t>(d)]) continue;
        *process += now->opt.context;
        for (auto &i : now->allocations)
            if (i.second.live && i.second.device == d) *process += i.second.n;
    }
    return now->opt.memory;
}
