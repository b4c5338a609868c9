/* libFuzzer: safetensors files, see fuzz_weights.h; whatever begins otherwise is left to its own target. */
#include "fuzz_weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    if (n_bytes < 9 || data[8] != '{') return 0;
    fuzz_checkpoint(data, n_bytes);
    return 0;
}
