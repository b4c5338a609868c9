#include "engine.h"

#include "cuda_shim_control.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>

namespace lt_fake {

state                   *now;
thread_local int         current_device;
thread_local cudaError_t last_error = cudaSuccess;
thread_local bool        in_host_function;

namespace {

enum { REPORTS = 64 };
std::vector<std::string> *reports;
std::mutex               *reports_guard;

void at_end()
{
    if (!reports || reports->empty()) return;
    fflush(nullptr);
    fprintf(stderr, "CUDA fake: %zu report%s, see above\n", reports->size(), reports->size() == 1 ? "" : "s");
    _exit(LT_FAKE_EXIT);
}

const char *submit(void *where, const char *kernel, int (*run)(void *args), const void *args, size_t n_bytes);
bool        ending;

/* What runs by itself must not run while the objects of the process are taken down. Registered late, so that it comes first. */
void end_idle()
{
    locked lock(guard());
    ending = true;
}

/* Nothing of this is ever freed: other threads may still be in a call while the process ends. */
struct beginning {
    beginning()
    {
        reports = new std::vector<std::string>;
        reports_guard = new std::mutex;
        atexit(at_end);
        lt_shim_set_submit(submit);
    }
} begin;

}

std::mutex &guard()
{
    static std::mutex *m = new std::mutex;
    return *m;
}

double seconds()
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

uint32_t draw(uint32_t n)
{
    now->random = now->random * 1664525u + 1013904223u;
    return static_cast<uint32_t>((static_cast<uint64_t>(now->random) * n) >> 32);
}

void complain(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    std::lock_guard<std::mutex> lock(*reports_guard);
    if (reports->size() >= REPORTS) return;
    fprintf(stderr, "CUDA fake: %s\n", text);
    reports->push_back(text);
}

/* ---- calls ---- */

namespace {

void count_visible()
{
    const char *list = getenv("CUDA_VISIBLE_DEVICES");
    now->visible.clear();
    if (now->opt.no_device) return;
    if (!list) {
        for (int i = 0; i < now->opt.gpus; i++) now->visible.push_back(i);
        return;
    }
    /* As CUDA: what comes behind the first that is not there does not count. */
    for (std::string rest = list; !rest.empty();) {
        const size_t comma = rest.find(',');
        const std::string word = rest.substr(0, comma);
        int found = -1;
        for (int i = 0; i < now->opt.gpus; i++) {
            char uuid[64];
            lt_fake_nvml_uuid(i, uuid);
            if (word == std::to_string(i) || (word.size() > 4 && strncmp(uuid, word.c_str(), word.size()) == 0)) found = i;
        }
        if (found < 0) return;
        now->visible.push_back(found);
        rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
    }
}

void begin_state(const char *text)
{
    now = new state;
    now->opt = parse(text);
    if (!now->opt.wrong.empty()) complain("LT_FAKE_CUDA has '%s', which cuda_fake.h does not know", now->opt.wrong.c_str());
    count_visible();
    now->contexts.assign(now->visible.size(), false);
    now->legacy.assign(now->visible.size(), nullptr);
    now->random = now->opt.seed * 2654435761u + 1;
    now->last_call = seconds();
    lt_shim_set_order(static_cast<lt_shim_order>(now->opt.seed % LT_SHIM_ORDERS), now->opt.seed);
    watch_faults();
}

}

void ensure()
{
    if (!now) begin_state(getenv("LT_FAKE_CUDA"));
}

cudaError_t planned(const char *function)
{
    for (fault &f : now->opt.faults)
        if (f.function == function && ++f.seen == f.nth) return f.error.empty() ? cudaErrorUnknown : error_of(f.error);
    return cudaSuccess;
}

cudaError_t enter(const char *function, bool fails)
{
    ensure();
    now->last_call = seconds();
    if (in_host_function) {
        complain("%s is called by a host function, which may not", function);
        return cudaErrorNotPermitted;
    }
    if (!fails) return cudaSuccess;
    if (now->opt.no_driver || now->opt.driver < 13000) return cudaErrorInsufficientDriver;
    if (now->visible.empty()) return cudaErrorNoDevice;
    if (now->lost != cudaSuccess) return now->lost;
    return planned(function);
}

cudaError_t need_context(int device)
{
    if (device < 0 || device >= static_cast<int>(now->visible.size())) return cudaErrorInvalidDevice;
    if (now->contexts[static_cast<size_t>(device)]) return cudaSuccess;
    if (now->opt.busy) return cudaErrorDevicesUnavailable;
    if (now->opt.ecc) return cudaErrorECCUncorrectable;
    if (now->opt.context + now->opt.others > now->opt.memory) return cudaErrorMemoryAllocation;
    now->contexts[static_cast<size_t>(device)] = true;
    return cudaSuccess;
}

bool usable_image()
{
    return !now->opt.no_image && now->opt.sm >= 75;
}

cudaError_t unsafe()
{
    bool any = false;
    for (auto &s : now->streams) {
        capture *c = s->recording.get();
        if (!c || c->mode == cudaStreamCaptureModeRelaxed) continue;
        if (c->mode == cudaStreamCaptureModeThreadLocal && c->thread != std::this_thread::get_id()) continue;
        c->invalid = any = true;
    }
    return any ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}

/* ---- streams ---- */

stream *stream_of(void *handle, const char *function)
{
    if (!handle || handle == cudaStreamLegacy) {
        stream *&s = now->legacy[static_cast<size_t>(current_device)];
        if (!s) {
            now->streams.emplace_back(new stream);
            s = now->streams.back().get();
            s->magic = STREAM;
            s->device = current_device;
            s->blocking = true;
        }
        return s;
    }
    for (auto &s : now->streams) {
        if (s.get() != handle) continue;
        if (s->live) return s.get();
        complain("%s gets a stream that was destroyed", function);
        return nullptr;
    }
    complain("%s gets a stream that was never made", function);
    return nullptr;
}

mark place_of(stream *s)
{
    node nothing;
    nothing.name = "an event";
    put(s, nothing);
    return s->last;
}

namespace {

bool is_legacy(const stream *s)
{
    return now->legacy[static_cast<size_t>(s->device)] == s;
}

/* The stream NULL and the blocking streams of its device wait for each other. */
void add_legacy(stream *s, operation *o)
{
    if (!s->blocking) return;
    for (auto &other : now->streams) {
        if (other.get() == s || other->device != s->device || !other->blocking || !other->last || other->last->done) continue;
        if (is_legacy(s) || is_legacy(other.get())) o->waits.push_back(other->last);
    }
}

bool ready(const stream *s)
{
    if (s->queue.empty() || s->busy || s->stalled) return false;
    for (const mark &m : s->queue.front().waits)
        if (!m->done) return false;
    return true;
}

/* Runs the first operation of a stream. Whether it is done. */
bool run_first(locked &lock, stream *s)
{
    operation &o = s->queue.front();
    int done = 1;
    if (!o.begun && o.what.args) o.args = *o.what.args;
    o.begun = true;
    if (o.what.kind == KERNEL && ++now->kernels_ran == static_cast<uint64_t>(now->opt.sticky)) {
        lose(cudaErrorIllegalAddress);
        return true;
    }
    if (o.what.run && o.what.kind == HOST) {
        /* It may wait for a thread that is in a call. */
        s->busy = true;
        close_memory();
        lock.unlock();
        in_host_function = true;
        o.what.run(o.args.data());
        in_host_function = false;
        lock.lock();
        open_memory();
        s->busy = false;
        if (s->queue.empty()) return true;       /* the device was lost */
    } else if (o.what.run) {
        done = o.what.run(o.args.data());
        check_guards(o.what.name.c_str());
    }
    if (done < 0) {
        if (lt_shim_reports())
            for (int i = 0; i < lt_shim_reports(); i++) complain("%s", lt_shim_report(i));
        else complain("%s failed on the device", o.what.name.c_str());
        lt_shim_forget();
        lose(cudaErrorLaunchFailure);
        return true;
    }
    if (!done) {
        s->stalled = true;
        return false;
    }
    now->count.ran++;
    o.place->done = true;
    o.place->at = seconds();
    s->queue.pop_front();
    for (auto &other : now->streams) other->stalled = false;
    return true;
}

/* A stream that must advance before m is past, and can; NULL: none can now. */
stream *needed(const mark &m)
{
    stream *s = m->where;
    if (m->done || s->busy || s->queue.empty()) return nullptr;
    for (const mark &w : s->queue.front().waits)
        if (!w->done) return needed(w);
    return s->stalled ? nullptr : s;
}

void add_needed(const mark &m, std::vector<stream *> *out)
{
    if (m->done || std::find(out->begin(), out->end(), m->where) != out->end()) return;
    out->push_back(m->where);
    for (const operation &o : m->where->queue) {
        for (const mark &w : o.waits) add_needed(w, out);
        if (o.place == m) return;
    }
}

stream *any_ready(const std::vector<stream *> *but)
{
    std::vector<stream *> all;
    for (auto &s : now->streams)
        if (ready(s.get()) && !(but && std::find(but->begin(), but->end(), s.get()) != but->end())) all.push_back(s.get());
    return all.empty() ? nullptr : all[draw(static_cast<uint32_t>(all.size()))];
}

/* In which order streams advance while the host waits for one place. */
enum style { NO_MORE_THAN_NEEDED, ANY, OTHERS_FIRST, STYLES };

stream *pick(style how, const mark &m)
{
    stream *s = nullptr;
    if (how == OTHERS_FIRST) {
        std::vector<stream *> mine;
        add_needed(m, &mine);
        s = any_ready(&mine);
    } else if (how == ANY) {
        s = any_ready(nullptr);
    }
    if (!s) s = needed(m);
    return s ? s : any_ready(nullptr);
}

/* Nothing can run: somebody else must do something. */
void pause_all(locked &lock)
{
    close_memory();
    lock.unlock();
    usleep(200);
    lock.lock();
    open_memory();
    for (auto &s : now->streams) s->stalled = false;
}

}

cudaError_t put(stream *s, node what)
{
    if (s->recording) {
        if (s->recording->invalid) return cudaErrorStreamCaptureInvalidated;
        s->recording->nodes.push_back(std::move(what));
        return cudaSuccess;
    }
    operation o;
    o.what = std::move(what);
    o.place = std::make_shared<marker>();
    o.place->where = s;
    add_legacy(s, &o);
    s->last = o.place;
    s->queue.push_back(std::move(o));
    begin_idle();
    return cudaSuccess;
}

void wait_for(stream *s, const mark &m)
{
    if (m->done) return;
    node nothing;
    nothing.name = "a wait";
    put(s, nothing);
    s->queue.back().waits.push_back(m);
}

cudaError_t finish(locked &lock, const mark &m)
{
    if (!m || m->done) return now->lost;
    const style how = static_cast<style>(draw(STYLES));
    open_memory();
    while (!m->done && now->lost == cudaSuccess) {
        stream *s = pick(how, m);
        if (s) run_first(lock, s);
        else pause_all(lock);
        now->last_call = seconds();
    }
    close_memory();
    return now->lost;
}

void run_some(locked &lock, uint32_t n)
{
    open_memory();
    for (uint32_t i = 0; i < n && now->lost == cudaSuccess && !ending; i++) {
        stream *s = any_ready(nullptr);
        if (!s) break;
        run_first(lock, s);
    }
    for (auto &s : now->streams) s->stalled = false;
    close_memory();
}

int waiting()
{
    size_t n = 0;
    for (auto &s : now->streams) n += s->queue.size();
    return static_cast<int>(n);
}

void lose(cudaError_t e)
{
    now->lost = e;
    for (auto &s : now->streams) {
        for (operation &o : s->queue) o.place->done = true;
        if (!s->busy) s->queue.clear();
        if (s->recording) s->recording->invalid = true;
    }
}

/* A GPU works while the host does something else for long: without this, ranks that wait for each other outside of CUDA would wait for ever. */
void begin_idle()
{
    static bool begun;
    if (begun || now->opt.idle <= 0) return;
    begun = true;
    atexit(end_idle);
    std::thread([] {
        for (;;) {
            usleep(5000);
            locked lock(guard());
            if (ending) return;
            if (now->opt.idle <= 0 || seconds() - now->last_call < now->opt.idle * 1e-3 || !waiting()) continue;
            run_some(lock, 64);
        }
    }).detach();
}

namespace {

const char *submit(void *where, const char *kernel, int (*run)(void *args), const void *args, size_t n_bytes)
{
    locked lock(guard());
    cudaError_t e = enter(kernel);
    if (e == cudaSuccess) e = planned("launch");
    if (e == cudaSuccess) e = need_context(current_device);
    if (e == cudaSuccess && !usable_image()) e = cudaErrorNoKernelImageForDevice;
    stream *s = e == cudaSuccess ? stream_of(where, kernel) : nullptr;
    if (e == cudaSuccess && !s) e = cudaErrorInvalidResourceHandle;
    if (e == cudaSuccess && s->device != current_device) {
        complain("%s is launched on a stream of device %d while device %d is current", kernel, s->device, current_device);
        e = cudaErrorInvalidResourceHandle;
    }
    if (e == cudaSuccess) {
        node what = make_node(KERNEL, kernel, run, *static_cast<const char *>(args), n_bytes);
        memcpy(static_cast<void *>(what.args->data()), args, n_bytes);
        e = put(s, what);
        now->count.launches++;
        if (now->opt.eager && e == cudaSuccess && !s->recording) e = finish(lock, s->last);
    }
    /* What cudaGetLastError() behind the launch would say: also what an earlier call left. */
    if (e == cudaSuccess) e = last_error;
    if (now->lost == cudaSuccess) last_error = cudaSuccess;
    return e == cudaSuccess ? nullptr : cudaGetErrorString(e);
}

}

}

using namespace lt_fake;

void lt_fake_count(lt_fake_counters *out)
{
    locked lock(guard());
    ensure();
    *out = now->count;
    for (auto &s : now->streams) out->streams += s->live && s.get() != now->legacy[static_cast<size_t>(s->device)];
    for (auto &e : now->events) out->events += e->live;
    for (auto &g : now->graphs) out->graphs += g->live;
}

int lt_fake_reports(void)
{
    std::lock_guard<std::mutex> lock(*reports_guard);
    return static_cast<int>(reports->size());
}

const char *lt_fake_report(int i)
{
    std::lock_guard<std::mutex> lock(*reports_guard);
    return (*reports)[static_cast<size_t>(i)].c_str();
}

void lt_fake_forget(void)
{
    locked lock(guard());
    ensure();
    const lt_fake_counters old = now->count;
    now->count = {};
    now->count.bytes = now->count.peak_bytes = old.bytes;
    now->count.pinned_bytes = old.pinned_bytes;
    std::lock_guard<std::mutex> reports_lock(*reports_guard);
    reports->clear();
}

void lt_fake_restart(const char *text)
{
    locked lock(guard());
    if (now) forget_memory();
    begin_state(text ? text : getenv("LT_FAKE_CUDA"));
    current_device = 0;
    last_error = cudaSuccess;
}

int lt_fake_waiting(void)
{
    locked lock(guard());
    ensure();
    return waiting();
}

void lt_fake_open(void)
{
    locked lock(guard());
    ensure();
    open_memory();
}

void lt_fake_close(void)
{
    locked lock(guard());
    close_memory();
}

cudaError_t lt_fake_enqueue(void *where, const char *name, int (*run)(void *args), const void *args, size_t n_bytes)
{
    locked lock(guard());
    cudaError_t e = enter(name);
    stream *s = e == cudaSuccess ? stream_of(where, name) : nullptr;
    if (e == cudaSuccess && !s) e = cudaErrorInvalidResourceHandle;
    if (e == cudaSuccess) {
        node what = make_node(OTHER, name, run, *static_cast<const char *>(args), n_bytes);
        memcpy(static_cast<void *>(what.args->data()), args, n_bytes);
        e = put(s, what);
        if (now->opt.eager && e == cudaSuccess && !s->recording) e = finish(lock, s->last);
    }
    return e;
}

const char *lt_fake_fault(const char *function)
{
    locked lock(guard());
    ensure();
    for (fault &f : now->opt.faults)
        if (f.function == function && ++f.seen == f.nth) return f.error.c_str();
    return nullptr;
}

void lt_fake_complain(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    complain("%s", text);
}

int lt_fake_is_device(const void *p, size_t n_bytes)
{
    locked lock(guard());
    ensure();
    const allocation *a = find(p);
    return a && a->live && a->device >= 0 && covers(a, p, n_bytes);
}

int lt_fake_capturing(void *where)
{
    locked lock(guard());
    ensure();
    stream *s = stream_of(where, "lt_fake_capturing");
    return s && s->recording;
}
