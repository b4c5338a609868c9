/* The fortified longjmp takes a jump to another stack for a mistake. */
#undef _FORTIFY_SOURCE

#include "cuda_shim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include <string>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define LT_SHIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LT_SHIM_ASAN 1
#endif
#endif
#ifdef LT_SHIM_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace lt_shim {

thread  *here;
dim3     block_index, block_size, grid_size;
uint32_t block_epoch, block_start;

namespace {

enum { LANES = 32, STACK = 256 * 1024, REPORTS = 64 };
enum state { FRESH, READY, AT_WARP, AT_BLOCK, ENDED };

struct fiber {
    ucontext_t  context;                         /* where it begins */
    jmp_buf     jump;                            /* where it goes on: unlike swapcontext a jump makes no system call */
    bool        begun = false;
    char       *stack = nullptr;
    void       *fake = nullptr;                  /* AddressSanitizer's */
};

struct lane {
    thread      t;
    state       at = FRESH;
    fiber      *f = nullptr;                     /* while it waits */
    op          kind = SYNC;
    unsigned    mask = 0;
    uint64_t    value = 0;
    int         argument = 0, width = LANES;
    warp_body   call = nullptr;
    void       *brought = nullptr;
    const char *file = nullptr;                  /* of the barrier */
    int         line = 0;
};

struct block_run {
    const char         *kernel;
    body                run;
    const void         *closure;
    std::vector<lane>   lanes;
    std::vector<lane *> queue;                   /* lanes of a warp in the order in which they run */
    size_t              next = 0;
    bool                given_up = false;
};

lt_shim_order            order = LT_SHIM_ASCENDING;
uint32_t                 random_state = 1;
uint32_t                 epochs;                 /* the last number that was given */
std::vector<std::string> reports, keys;
std::vector<fiber *>     idle;

/* All fibers of this process, to be freed at its end: also those whose lane was given up. */
struct fibers {
    std::vector<fiber *> all;
    ~fibers()
    {
        for (fiber *f : all) {
            delete[] f->stack;
            delete f;
        }
    }
} made;

jmp_buf                  scheduler;
#ifdef LT_SHIM_ASAN
void                    *scheduler_fake;
const void              *scheduler_stack;
size_t                   scheduler_size;
#endif
lt_shim_submit           submit_hook;
block_run               *now;
lane                    *running;
fiber                   *active;                /* in which it runs */

uint32_t draw(uint32_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return static_cast<uint32_t>((static_cast<uint64_t>(random_state) * n) >> 32);
}

std::vector<int> sequence(int n)
{
    std::vector<int> s(static_cast<size_t>(n));
    for (int i = 0; i < n; i++) s[static_cast<size_t>(i)] = order == LT_SHIM_DESCENDING ? n - 1 - i : i;
    for (int i = n - 1; order == LT_SHIM_RANDOM && i > 0; i--) std::swap(s[static_cast<size_t>(i)], s[draw(static_cast<uint32_t>(i) + 1)]);
    return s;
}

/* `key` says which fault it is; the rest which instance. */
__attribute__((format(printf, 2, 3))) void report(const std::string &key, const char *format, ...)
{
    char text[512];
    va_list args;
    for (const std::string &k : keys)
        if (k == key) return;
    if (reports.size() >= REPORTS) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    keys.push_back(key);
    reports.push_back(std::string(now ? now->kernel : "no kernel") + ": " + text);
}

std::string where(const thread &t)
{
    char text[96];
    snprintf(text, sizeof text, "thread (%u,%u,%u) of block (%u,%u,%u)", t.index.x, t.index.y, t.index.z, block_index.x, block_index.y, block_index.z);
    return text;
}

/* ---- fibers ---- */

void to_scheduler(fiber *from)
{
#ifdef LT_SHIM_ASAN
    __sanitizer_start_switch_fiber(&from->fake, scheduler_stack, scheduler_size);
#endif
    if (!_setjmp(from->jump)) _longjmp(scheduler, 1);
#ifdef LT_SHIM_ASAN
    __sanitizer_finish_switch_fiber(from->fake, &scheduler_stack, &scheduler_size);
#endif
}

void start(lane *l)
{
    l->at = READY;
    running = l;
    here = &l->t;
}

/* A fiber takes one lane after the other: kernels without barriers need no switch from lane to lane. */
void fiber_main(unsigned high, unsigned low)
{
    fiber *f = reinterpret_cast<fiber *>(static_cast<uintptr_t>(high) << 32 | low);
#ifdef LT_SHIM_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_size);
#endif
    for (;;) {
        now->run(now->closure);
        running->at = ENDED;
        if (now->next < now->queue.size() && now->queue[now->next]->at == FRESH) {
            start(now->queue[now->next++]);
        } else {
            idle.push_back(f);
            to_scheduler(f);
        }
    }
}

fiber *take_fiber()
{
    if (!idle.empty()) {
        fiber *f = idle.back();
        idle.pop_back();
        return f;
    }
    fiber *f = new fiber;
    f->stack = new char[STACK];
    made.all.push_back(f);
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = STACK;
    f->context.uc_link = nullptr;
    const uintptr_t p = reinterpret_cast<uintptr_t>(f);
    makecontext(&f->context, reinterpret_cast<void (*)()>(fiber_main), 2, static_cast<unsigned>(p >> 32),
                static_cast<unsigned>(p));
    return f;
}

void resume(lane *l)
{
    active = l->f ? l->f : take_fiber();
    l->f = nullptr;
    start(l);
#ifdef LT_SHIM_ASAN
    __sanitizer_start_switch_fiber(&scheduler_fake, active->stack, STACK);
#endif
    if (!_setjmp(scheduler)) {
        if (active->begun) _longjmp(active->jump, 1);
        active->begun = true;
        setcontext(&active->context);
    }
#ifdef LT_SHIM_ASAN
    __sanitizer_finish_switch_fiber(scheduler_fake, nullptr, nullptr);
#endif
}

/* The running lane waits until the scheduler makes it ready. */
void wait(state at)
{
    running->at = at;
    running->f = active;
    to_scheduler(active);
}

/* ---- warps ---- */

void give_up(block_run *b)
{
    b->given_up = true;
}

/* What lane i of `lanes` gets; all of `mask` are at the same operation. */
uint64_t result_of(lane *const *lanes, int i, unsigned mask)
{
    const lane &l = *lanes[i];
    if (l.kind == SYNC || l.kind == CALL) return 0;
    if (l.kind == BALLOT) {
        uint64_t votes = 0;
        for (int k = 0; k < LANES; k++)
            if (mask >> k & 1u) votes |= (lanes[k]->value & 1u) << k;
        return votes;
    }
    const int first = i / l.width * l.width, at = i - first;
    int from = l.kind == SHFL ? l.argument & (l.width - 1) : l.kind == SHFL_XOR ? at ^ l.argument : l.kind == SHFL_DOWN ? at + l.argument : at - l.argument;
    if (from < 0 || from >= l.width) from = at;
    from += first;
    if (!(mask >> from & 1u)) {
        report("shuffle", "a shuffle of %s reads lane %d, which is not in its mask 0x%08x", where(l.t).c_str(), from, mask);
        return ~UINT64_C(0);
    }
    return lanes[from]->value;
}

/* Whether the lanes of this mask are all at the operation at which lane i is. */
bool complete(block_run *b, lane *const *lanes, int n, int i)
{
    const lane &l = *lanes[i];
    bool here_all = true;
    if (!(l.mask >> i & 1u)) {
        report("mask", "the mask 0x%08x of a warp operation leaves out %s, which makes it", l.mask, where(l.t).c_str());
        give_up(b);
        return false;
    }
    for (int k = 0; k < LANES; k++) {
        if (!(l.mask >> k & 1u)) continue;
        if (k >= n || lanes[k]->at == ENDED || lanes[k]->at == AT_BLOCK) {
            report("absent", "a warp operation of %s names lane %d, which %s", where(l.t).c_str(), k,
                   k >= n ? "the block does not have" : lanes[k]->at == ENDED ? "has ended" : "waits at a barrier");
            give_up(b);
            return false;
        }
        here_all = here_all && lanes[k]->at == AT_WARP && lanes[k]->kind == l.kind && lanes[k]->mask == l.mask &&
                    (l.kind != CALL || lanes[k]->call == l.call);
    }
    return here_all;
}

/* Finishes the operations of a warp for which all their lanes have come. */
void resolve(block_run *b, lane *const *lanes, int n)
{
    bool any = false, waiting = false;
    for (int i = 0; i < n && !b->given_up; i++) {
        if (lanes[i]->at != AT_WARP) continue;
        waiting = true;
        if (!complete(b, lanes, n, i)) continue;
        const unsigned mask = lanes[i]->mask;
        const bool call = lanes[i]->kind == CALL;
        uint64_t results[LANES];
        void *brought[LANES] = {};
        for (int k = 0; k < n; k++) {
            if (!(mask >> k & 1u)) continue;
            results[k] = result_of(lanes, k, mask);
            brought[k] = lanes[k]->brought;
        }
        if (call) lanes[i]->call(brought);
        else epochs++;
        for (int k = 0; k < n; k++) {
            if (!(mask >> k & 1u)) continue;
            lanes[k]->value = results[k];
            if (!call) lanes[k]->t.warp_epoch = epochs;
            lanes[k]->at = READY;
        }
        any = true;
    }
    if (waiting && !any && !b->given_up) {
        report("warp", "lanes of one warp wait at different warp operations, among them %s", where(lanes[0]->t).c_str());
        give_up(b);
    }
}

/* Until each lane has ended or waits at a barrier of the block. */
void run_warp(block_run *b, int first)
{
    const int n = static_cast<int>(b->lanes.size()) - first < LANES ? static_cast<int>(b->lanes.size()) - first : static_cast<int>(LANES);
    lane *lanes[LANES];
    for (int i = 0; i < n; i++) lanes[i] = &b->lanes[static_cast<size_t>(first + i)];
    const std::vector<int> s = sequence(n);
    for (bool again = true; again && !b->given_up;) {
        b->queue.clear();
        b->next = 0;
        for (int i : s)
            if (lanes[i]->at == FRESH || lanes[i]->at == READY) b->queue.push_back(lanes[i]);
        while (b->next < b->queue.size()) resume(b->queue[b->next++]);
        resolve(b, lanes, n);
        again = false;
        for (int i = 0; i < n; i++) again = again || lanes[i]->at == READY;
    }
}

/* After all warps have stopped: whether the block goes on behind a barrier. */
bool pass_barrier(block_run *b)
{
    const lane *waits = nullptr, *ended = nullptr;
    for (const lane &l : b->lanes) {
        if (l.at == ENDED) {
            ended = &l;
        } else if (waits && (waits->line != l.line || strcmp(waits->file, l.file) != 0)) {
            report("two barriers", "%s waits at the barrier %s:%d, %s at %s:%d", where(waits->t).c_str(), waits->file, waits->line,
                   where(l.t).c_str(), l.file, l.line);
            give_up(b);
            return false;
        } else {
            waits = &l;
        }
    }
    if (!waits) return false;
    if (ended) {
        report("barrier", "%s waits at the barrier %s:%d, %s has ended before it", where(waits->t).c_str(), waits->file, waits->line,
               where(ended->t).c_str());
        give_up(b);
        return false;
    }
    block_epoch = ++epochs;
    for (lane &l : b->lanes) {
        l.at = READY;
        l.t.warp_epoch = epochs;
    }
    return true;
}

void run_block(block_run *b, unsigned index)
{
    block_index = dim3(index % grid_size.x, index / grid_size.x % grid_size.y, index / grid_size.x / grid_size.y);
    block_epoch = block_start = ++epochs;
    b->given_up = false;
    for (size_t i = 0; i < b->lanes.size(); i++) {
        const unsigned k = static_cast<unsigned>(i);
        lane l;
        l.t = thread{ dim3(k % block_size.x, k / block_size.x % block_size.y, k / block_size.x / block_size.y), static_cast<int>(k), epochs };
        b->lanes[i] = l;
    }
    const int warps = static_cast<int>((b->lanes.size() + LANES - 1) / LANES);
    do {
        for (int w : sequence(warps))
            if (!b->given_up) run_warp(b, w * LANES);
    } while (!b->given_up && pass_barrier(b));
}

/* ---- shared memory ---- */

stamp stamp_here()
{
    stamp s;
    s.thread = here->id;
    s.block_epoch = block_epoch;
    s.warp_epoch = here->warp_epoch;
    return s;
}

/* Whether nothing orders what is done now after what the stamp says, made by another thread. */
bool unordered(const stamp &s)
{
    if (s.thread < 0 || s.thread == here->id || s.block_epoch != block_epoch) return false;
    return s.thread / LANES != here->id / LANES || s.warp_epoch == here->warp_epoch;
}

void race(const array &a, size_t i, const stamp &other, const char *mine, const char *theirs)
{
    char key[64];
    snprintf(key, sizeof key, "race %p %s %s", static_cast<const void *>(&a), mine, theirs);
    report(key, "race at %s[%zu] (%s:%d): %s %s it, and thread %d %s it, with no barrier between them", a.name, i, a.file, a.line,
           where(*here).c_str(), mine, other.thread, theirs);
}

}

bool out_of_bounds(const array &a, size_t i)
{
    char key[64];
    snprintf(key, sizeof key, "bounds %p", static_cast<const void *>(&a));
    report(key, "%s takes %s[%lld] of %zu (%s:%d)", where(*here).c_str(), a.name, static_cast<long long>(i), a.n, a.file, a.line);
    return true;
}

void first_read(const array &a, size_t i)
{
    char key[64];
    cell &c = a.cells[i];
    if (!a.name) return;
    if (c.write.thread < 0 || c.write.block_epoch < block_start) {
        snprintf(key, sizeof key, "unwritten %p", static_cast<const void *>(&a));
        report(key, "%s reads %s[%zu], which nobody has written in this block (%s:%d)", where(*here).c_str(), a.name, i, a.file, a.line);
    } else if (unordered(c.write)) {
        race(a, i, c.write, "reads", "wrote");
    }
    const stamp s = stamp_here();
    if (c.read.thread >= 0 && c.read.thread != s.thread) {
        if (c.read.thread / LANES == s.thread / LANES) {
            c.other_lane = c.read;
        } else {
            c.other_warp = c.read;
            c.other_lane = stamp();
        }
    }
    c.read = s;
}

void on_write(const array &a, size_t i)
{
    cell &c = a.cells[i];
    if (!a.name) return;
    if (unordered(c.write)) race(a, i, c.write, "writes", "wrote");
    if (unordered(c.read)) race(a, i, c.read, "writes", "read");
    else if (unordered(c.other_warp)) race(a, i, c.other_warp, "writes", "read");
    else if (unordered(c.other_lane)) race(a, i, c.other_lane, "writes", "read");
    c.write = stamp_here();
}

void barrier(const char *file, int line)
{
    running->file = file;
    running->line = line;
    wait(AT_BLOCK);
}

uint64_t warp_op(op kind, unsigned mask, uint64_t value, int argument, int width)
{
    lane *l = running;
    l->kind = kind;
    l->mask = mask;
    l->value = value;
    l->argument = argument;
    l->width = width;
    wait(AT_WARP);
    return l->value;
}

lt_status submit_body(void *stream, const char *kernel, int (*run)(void *args), const void *args, size_t n_bytes)
{
    lt_status st = LT_OK;
    if (!submit_hook) {
        const size_t before = reports.size();
        std::vector<char> copy(static_cast<const char *>(args), static_cast<const char *>(args) + n_bytes);
        if (run(copy.data()) < 0) LT_FAIL(LT_E_INTERNAL, "%s", reports[before].c_str());
    } else {
        const char *why = submit_hook(stream, kernel, run, args, n_bytes);
        if (why) LT_FAIL(LT_E_DEVICE, "CUDA: %s was not launched: %s", kernel, why);
    }
done:
    return st;
}

void warp_call(warp_body f, void *mine)
{
    running->call = f;
    running->brought = mine;
    warp_op(CALL, 0xffffffffu, 0, 0, LANES);
}

void report_here(const char *what)
{
    report(what, "%s %s", where(*here).c_str(), what);
}

lt_status launch_body(const char *kernel, dim3 grid, dim3 block, body run, const void *closure)
{
    lt_status st = LT_OK;
    block_run b{ kernel, run, closure, {}, {} };
    const size_t before = reports.size(), n_threads = static_cast<size_t>(block.x) * block.y * block.z;
    now = &b;
    keys.clear();
    grid_size = grid;
    block_size = block;
    if (n_threads < 1 || n_threads > 1024 || block.z > 64) report("block", "a block of %ux%ux%u threads", block.x, block.y, block.z);
    else if (grid.x < 1 || grid.x > 0x7fffffffu || grid.y < 1 || grid.y > 65535 || grid.z < 1 || grid.z > 65535)
        report("grid", "a grid of %ux%ux%u blocks", grid.x, grid.y, grid.z);
    else {
        b.lanes.resize(n_threads);
        for (int i : sequence(static_cast<int>(grid.x * grid.y * grid.z))) run_block(&b, static_cast<unsigned>(i));
    }
    now = nullptr;
    if (reports.size() > before) LT_FAIL(LT_E_INTERNAL, "%s", reports[before].c_str());
done:
    return st;
}

}

void lt_shim_set_order(lt_shim_order order, uint32_t seed)
{
    lt_shim::order = order;
    lt_shim::random_state = seed * 2654435761u + 1;
}

int lt_shim_reports(void)
{
    return static_cast<int>(lt_shim::reports.size());
}

const char *lt_shim_report(int i)
{
    return lt_shim::reports[static_cast<size_t>(i)].c_str();
}

void lt_shim_forget(void)
{
    lt_shim::reports.clear();
}

void lt_shim_set_submit(lt_shim_submit submit)
{
    lt_shim::submit_hook = submit;
}
