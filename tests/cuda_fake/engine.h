/* cuda_fake/engine.h -- what lies under the fake of CUDA's runtime: memory, streams, captures, faults. Private to tests/cuda_fake.
 *
 * All functions are called with the lock of `guard` held, but for those that say so. */
#ifndef LT_TESTS_CUDA_FAKE_ENGINE_H
#define LT_TESTS_CUDA_FAKE_ENGINE_H

#include "cuda_fake.h"

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace lt_fake {

struct allocation {
    char  *base, *at;                            /* the mapping; what the caller got */
    size_t n, mapped;                            /* as asked for; without the page behind it */
    int    device;                               /* -1: pinned memory of the host */
    bool   live;
};

struct stream;

/* A place in a stream: past when what was put there has run. */
struct marker {
    bool    done = false;
    double  at = 0;                              /* seconds, when it was passed */
    stream *where = nullptr;
};
typedef std::shared_ptr<marker> mark;

enum kind { KERNEL, COPY, FILL, HOST, OTHER };

struct node {
    enum kind                     kind = OTHER;
    std::string                   name;
    int                         (*run)(void *) = nullptr;   /* NULL: a place, an event */
    size_t                        n_bytes = 0;
    std::shared_ptr<std::vector<max_align_t>> args;         /* shared by the replays of a graph */
};

struct operation {
    node              what;
    mark              place;
    std::vector<mark> waits;
    std::vector<max_align_t> args;               /* its own copy */
    bool              begun = false;
};

struct capture {
    cudaStreamCaptureMode mode;
    std::thread::id       thread;
    uint64_t              number;
    bool                  invalid = false;
    std::vector<node>     nodes;
};

struct stream {
    uint64_t                   magic;
    int                        device;
    bool                       blocking, live = true, busy = false, stalled = false;
    int                        priority = 0;
    std::deque<operation>      queue;
    mark                       last;
    std::unique_ptr<capture>   recording;
};

struct event {
    uint64_t magic;
    int      device;
    bool     timed, live = true;
    mark     place;
    uint64_t captured = 0;                       /* the number of the capture in which it was recorded */
};

struct graph {
    uint64_t          magic;
    bool              live = true;
    std::vector<node> nodes;
    mark              last;                      /* of an executable one: of its last replay */
};

enum { STREAM = 0x57e4, EVENT = 0xe7e2, GRAPH = 0x64a9, EXEC = 0xe8ec };

struct fault {
    std::string function, error;
    int64_t     nth, seen = 0;
};

struct options {
    int         gpus = 1, sm = 90, sms = 4, driver = 13000;
    size_t      memory = size_t(8) << 30, context = size_t(256) << 20, others = 0;
    std::string name = "Fake";
    bool        no_driver = false, no_device = false, same_uuid = false, busy = false, ecc = false, no_image = false, eager = false;
    uint32_t    seed = 1;
    int         idle = 100;
    int64_t     sticky = 0;
    std::vector<fault> faults;
    std::string wrong;                           /* a word that is none of these */
};
options parse(const char *text);

struct state {
    options                               opt;
    std::vector<int>                      visible;          /* numbers of the machine */
    std::map<uintptr_t, allocation>       allocations;      /* by first address; those that were freed too: addresses are used once */
    std::vector<std::unique_ptr<stream>>  streams;
    std::vector<std::unique_ptr<event>>   events;
    std::vector<std::unique_ptr<graph>>   graphs;
    std::vector<stream *>                 legacy;           /* the stream NULL, by device */
    std::vector<bool>                     contexts;
    lt_fake_counters                      count = {};
    uint64_t                              kernels_ran = 0, captures = 0;
    uint32_t                              random = 1;
    int                                   opened = 0;
    cudaError_t                           lost = cudaSuccess;
    double                                last_call = 0;
};

extern state *now;
std::mutex   &guard();
typedef std::unique_lock<std::mutex> locked;

extern thread_local int         current_device;
extern thread_local cudaError_t last_error;
extern thread_local bool        in_host_function;

double   seconds();
uint32_t draw(uint32_t n);
void     complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
cudaError_t error_of(const std::string &name);

/* What every call does first. `fails` false: calls that work without a driver. */
cudaError_t enter(const char *function, bool fails = true);
cudaError_t planned(const char *function);       /* by fail= alone */
cudaError_t need_context(int device);
cudaError_t unsafe();                            /* whether captures forbid calls that may wait or allocate */
bool        usable_image();

/* ---- memory ---- */

cudaError_t allocate(int device, size_t n, void **out);           /* -1: pinned */
cudaError_t release(void *p, bool pinned);
/* The allocation that holds p; NULL. */
allocation *find(const void *p);
bool        covers(const allocation *a, const void *p, size_t n);
void        open_memory();
void        close_memory();
void        check_guards(const char *after);
void        watch_faults();                      /* SIGSEGV says whose memory it was */
void        forget_memory();

/* ---- streams ---- */

stream *stream_of(void *handle, const char *function);            /* NULL: no such stream, and reported */
cudaError_t put(stream *s, node what);
mark    place_of(stream *s);                     /* a new place at the end of it */
void    wait_for(stream *s, const mark &m);      /* s, not the host */
cudaError_t finish(locked &lock, const mark &m); /* the host waits */
void    run_some(locked &lock, uint32_t n);
int     waiting();
void    lose(cudaError_t e);
void    begin_idle();

template <class A> node make_node(kind k, const char *name, int (*run)(void *), const A &args, size_t n_bytes = sizeof(A))
{
    node what;
    what.kind = k;
    what.name = name;
    what.run = run;
    what.n_bytes = n_bytes;
    what.args = std::make_shared<std::vector<max_align_t>>((n_bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t));
    __builtin_memcpy(static_cast<void *>(what.args->data()), &args, n_bytes < sizeof args ? n_bytes : sizeof args);
    return what;
}

}
#endif
