/* longtake/atomic.h -- the integer that says stop, for C and for C++.
 *
 * in    nothing
 * out   a name for an int that one thread sets and another reads
 * owns  nothing */
#ifndef LONGTAKE_ATOMIC_H
#define LONGTAKE_ATOMIC_H

#ifdef __cplusplus
#include <atomic>
typedef std::atomic<int> lt_atomic_int;
#else
#include <stdatomic.h>
typedef atomic_int lt_atomic_int;
#endif

#endif
