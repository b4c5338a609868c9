/* Memory of the fake: mappings whose addresses are used once, out of reach while nothing runs. */
#include "engine.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

namespace lt_fake {

namespace {

/* A guard that a kernel reads, adds to and writes must change: so it is no huge number and no NaN in any type. */
enum { POISON = 0xA5, GUARD = 0x3F, ALIGN = 256 };

size_t page()
{
    return static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Why the process dies, where it touched memory of ours. Nothing is locked: the thread may be in a call. */
void on_fault(int number, siginfo_t *info, void *)
{
    char text[256];
    int n = 0;
    const allocation *a = now ? find(info->si_addr) : nullptr;
    if (a) {
        const long long at = static_cast<const char *>(info->si_addr) - a->at;
        const char *what = !a->live ? "that was freed" : at < 0 || at >= static_cast<long long>(a->n) ? "beyond its end" : now->opened ? "" : "by the host";
        n = snprintf(text, sizeof text, "CUDA fake: access to %s memory %s: byte %lld of an allocation of %zu\n", a->device < 0 ? "pinned" : "device", what, at, a->n);
    }
    if (n > 0 && write(STDERR_FILENO, text, static_cast<size_t>(n)) < 0) n = 0;
    signal(number, SIG_DFL);     /* the instruction is tried again */
}

bool equal(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (static_cast<unsigned char>(p[i]) != GUARD) return false;
    return true;
}

bool guards_hold(const allocation &a)
{
    return equal(a.base, static_cast<size_t>(a.at - a.base)) && equal(a.at + a.n, static_cast<size_t>(a.base + a.mapped - a.at) - a.n);
}

void fill_guards(const allocation &a)
{
    memset(a.base, GUARD, static_cast<size_t>(a.at - a.base));
    memset(a.at + a.n, GUARD, static_cast<size_t>(a.base + a.mapped - a.at) - a.n);
}

void protect(const allocation &a, int how)
{
    mprotect(a.base, a.mapped, how);
}

}

void watch_faults()
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    struct sigaction act = {};
    act.sa_sigaction = on_fault;
    act.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &act, nullptr);
#endif
}

allocation *find(const void *p)
{
    auto i = now->allocations.upper_bound(reinterpret_cast<uintptr_t>(p));
    if (i == now->allocations.begin()) return nullptr;
    allocation &a = (--i)->second;
    return static_cast<const char *>(p) < a.base + a.mapped + page() ? &a : nullptr;
}

bool covers(const allocation *a, const void *p, size_t n)
{
    const char *c = static_cast<const char *>(p);
    return c >= a->at && n <= a->n && static_cast<size_t>(c - a->at) <= a->n - n;
}

cudaError_t allocate(int device, size_t n, void **out)
{
    *out = nullptr;
    if (n == 0) return cudaSuccess;
    const size_t taken = now->opt.context + now->opt.others;
    if (device >= 0 && (taken > now->opt.memory || n > now->opt.memory - taken || now->count.bytes > now->opt.memory - taken - n)) return cudaErrorMemoryAllocation;
    allocation a = {};
    a.mapped = round_up(n, page());
    a.n = n;
    a.device = device;
    a.live = true;
    void *p = mmap(nullptr, a.mapped + page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return cudaErrorMemoryAllocation;
    a.base = static_cast<char *>(p);
    a.at = a.base + (a.mapped - round_up(n, ALIGN));         /* so that the page behind begins soon behind its end */
    protect(a, PROT_READ | PROT_WRITE);
    if (device >= 0) memset(a.at, POISON, n);
    fill_guards(a);
    if (device >= 0 && !now->opened) protect(a, PROT_NONE);
    now->allocations[reinterpret_cast<uintptr_t>(a.base)] = a;
    *out = a.at;
    if (device >= 0) {
        now->count.mallocs++;
        now->count.bytes += n;
        if (now->count.bytes > now->count.peak_bytes) now->count.peak_bytes = now->count.bytes;
    } else {
        now->count.pinned_mallocs++;
        now->count.pinned_bytes += n;
    }
    return cudaSuccess;
}

cudaError_t release(void *p, bool pinned)
{
    const char *call = pinned ? "cudaFreeHost" : "cudaFree";
    if (!p) return cudaSuccess;
    allocation *a = find(p);
    if (!a || a->at != p || !a->live || (a->device < 0) != pinned) {
        complain("%s gets %p, which is %s", call, p, !a || a->at != p ? "no such memory" : !a->live ? "already freed" : "memory of the other kind");
        return cudaErrorInvalidValue;
    }
    if (waiting()) complain("%s frees %zu bytes while work that was put on streams has not run", call, a->n);
    open_memory();
    if (!guards_hold(*a)) complain("%s finds that %zu bytes were overrun", call, a->n);
    close_memory();
    a->live = false;
    /* The addresses stay taken. */
    mmap(a->base, a->mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (pinned) {
        now->count.pinned_bytes -= a->n;
    } else {
        now->count.frees++;
        now->count.bytes -= a->n;
    }
    return cudaSuccess;
}

void open_memory()
{
    if (now->opened++) return;
    for (auto &i : now->allocations)
        if (i.second.live && i.second.device >= 0) protect(i.second, PROT_READ | PROT_WRITE);
}

void close_memory()
{
    if (--now->opened) return;
    for (auto &i : now->allocations)
        if (i.second.live && i.second.device >= 0) protect(i.second, PROT_NONE);
}

void check_guards(const char *after)
{
    for (auto &i : now->allocations) {
        if (!i.second.live || guards_hold(i.second)) continue;
        complain("%s wrote outside of an allocation of %zu bytes of %s memory", after, i.second.n, i.second.device < 0 ? "pinned" : "device");
        fill_guards(i.second);
    }
}

void forget_memory()
{
    for (auto &i : now->allocations) munmap(i.second.base, i.second.mapped + page());
    now->allocations.clear();
}

}
