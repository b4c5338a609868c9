/* async_shim.h -- what kernels/cuda/async.cuh is on the host.
 *
 * in    copies and groups of the running thread
 * out   shared memory of the shim: NaN when a copy begins, the data when the thread waits for it
 * owns  copies that are under way, until their block has ended
 *
 * Both are writes of the thread to the place: a race with either is reported as any other. Reading before the wait gives NaN (in f16 and bf16). Reported
 * besides: addresses that are no multiple of 16 bytes, and a place that another copy of the thread under way is to fill. */
#ifndef LT_TESTS_ASYNC_SHIM_H
#define LT_TESTS_ASYNC_SHIM_H

#include "cuda_shim.h"

namespace lt_shim {

typedef void (*land)(void *tile, int at, const uint32_t data[4]);

void copy_begins(land f, void *tile, int at, const void *from, bool there);
void commit();
void wait_copies(int groups);

template <size_t N> void land_in(void *tile, int at, const uint32_t data[4])
{
    shared<uint32_t, N> &to = *static_cast<shared<uint32_t, N> *>(tile);
    for (int i = 0; i < 4; i++) to[at + i] = data[i];
}

template <size_t N> void copy16(shared<uint32_t, N> &tile, int at, const void *from, bool there)
{
    copy_begins(land_in<N>, &tile, at, from, there);
}

template <size_t N> uint4 read16(shared<uint32_t, N> &tile, int at)
{
    if (at % 4) report_here("reads 16 bytes from an address that is no multiple of 16");
    return uint4(tile[at], tile[at + 1], tile[at + 2], tile[at + 3]);
}

}

#endif
