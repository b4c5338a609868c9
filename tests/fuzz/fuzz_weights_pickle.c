/* libFuzzer: the pickle machine alone, so that no checksum stands between the fuzzer and its instructions. See fuzz_weights.h. */
#include "fuzz_weights.h"

#include "weights/pickle.h"

/* Every storage is there, and large. */
static lt_status locate(void *user, const lt_pickle_storage *storage, lt_stretch *out)
{
    (void)user, (void)storage;
    *out = (lt_stretch){ 0, 1 << 20, -1, false };
    return LT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    lt_pickle *p = NULL;
    lt_pickle_in in = { .next = data, .stop = data + n_bytes };
    lt_weights *w = calloc(1, sizeof *w);
    if (!w) abort();
    w->fd = -1;
    lt_status st = lt_pickle_load(&in, &p);
    fuzz_check(st);
    if (st == LT_OK) fuzz_check(lt_pickle_tensors(p, w, locate, NULL));
    lt_pickle_free(&p);
    lt_weights_close(&w);
    return 0;
}
