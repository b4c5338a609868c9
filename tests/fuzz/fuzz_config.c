/* libFuzzer: any bytes as a settings file end in settings or in LT_E_USAGE with a line, never in a crash or a leak.
 *     cmake --preset fuzz && cmake --build --preset fuzz
 *     build/fuzz/tests/fuzz_config -max_total_time=60 -max_len=4096 corpus/ configs/ */
#include <longtake/settings.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    lt_settings s = { 0 };
    if (lt_settings_defaults(&s) >= 0) {
        lt_status st = lt_options_yaml(lt_settings_table(), LT_COMMAND_RUN, "fuzz.yaml", (const char *)data, n_bytes, &s);
        if (st != LT_OK && st != LT_E_MEMORY && (st != LT_E_USAGE || strncmp(lt_error_last()->text, "fuzz.yaml:", 10) != 0)) abort();
    }
    lt_settings_free(&s);
    return 0;
}
