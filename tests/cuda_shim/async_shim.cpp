#include "async_shim.h"

#include <vector>

namespace lt_shim {

namespace {

enum { THREADS = 1024 };
const uint32_t NO_NUMBERS = 0x7fff7fffu;         /* NaN in f16 and in bf16, two of them */

struct copy {
    land     f;
    void    *tile;
    int      at;
    uint32_t data[4];
    int      group;
};

struct thread_copies {
    uint32_t          block = 0;                 /* block_start of the block they are of */
    int               groups = 0;                /* that have been committed */
    std::vector<copy> on_the_way;
};

thread_copies all[THREADS];

thread_copies &mine()
{
    thread_copies &t = all[here->id];
    if (t.block != block_start) {
        t.block = block_start;
        t.groups = 0;
        t.on_the_way.clear();
    }
    return t;
}

}

void copy_begins(land f, void *tile, int at, const void *from, bool there)
{
    thread_copies &t = mine();
    copy c = { f, tile, at, { 0, 0, 0, 0 }, t.groups };
    const uint32_t poison[4] = { NO_NUMBERS, NO_NUMBERS, NO_NUMBERS, NO_NUMBERS };
    if (at % 4 || (there && reinterpret_cast<uintptr_t>(from) % 16)) {
        report_here("copies 16 bytes from or to an address that is no multiple of 16");
        return;
    }
    for (const copy &other : t.on_the_way)
        if (other.tile == tile && other.at == at) report_here("begins a copy to where another one of its copies is under way");
    if (there) memcpy(c.data, from, sizeof c.data);
    f(tile, at, poison);
    t.on_the_way.push_back(c);
}

void commit()
{
    mine().groups++;
}

void wait_copies(int groups)
{
    thread_copies &t = mine();
    size_t kept = 0;
    for (const copy &c : t.on_the_way) {
        if (c.group < t.groups - groups) c.f(c.tile, c.at, c.data);
        else t.on_the_way[kept++] = c;
    }
    t.on_the_way.resize(kept);
}

}
