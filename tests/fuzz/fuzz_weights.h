/* What the fuzzers of checkpoint readers share: any bytes end in tensors that can all be read, or in LT_E_DATA with a sentence. */
#ifndef LT_TESTS_FUZZ_WEIGHTS_H
#define LT_TESTS_FUZZ_WEIGHTS_H

#include <longtake/weights.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

enum { FUZZ_VALUES = 1 << 16 };       /* larger tensors are not read: a stride of 0 makes any number of values of one */

static inline void fuzz_check(lt_status st)
{
    if (st == LT_OK || st == LT_E_MEMORY) return;
    if (st != LT_E_DATA || strlen(lt_error_last()->text) < 10) abort();
}

static inline void fuzz_checkpoint(const uint8_t *data, size_t n_bytes)
{
    char path[64];
    lt_weights *w = NULL;
    static float values[FUZZ_VALUES];
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, data, n_bytes) != (ssize_t)n_bytes) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    fuzz_check(lt_weights_open(path, &w));
    for (int64_t i = 0; w && i < lt_weights_count(w); i++) {
        const lt_weight_info *x = lt_weights_at(w, i);
        int64_t n = 1;
        for (int d = 0; d < x->n_dims; d++) n *= x->dim[d];
        if (lt_weights_find(w, x->name) != x) abort();
        if (n <= FUZZ_VALUES) fuzz_check(lt_weights_read(w, x->name, x->n_dims, x->dim, values));
    }
    lt_weights_close(&w);
    close(fd);
}

#endif
