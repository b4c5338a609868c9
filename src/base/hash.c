#include <longtake/hash.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { READ_BYTES = 1 << 20 };

lt_hash lt_hash_bytes(const void *bytes, size_t n_bytes)
{
    XXH128_hash_t h = XXH3_128bits(bytes, n_bytes);
    return (lt_hash){ h.low64, h.high64 };
}

bool lt_hash_equal(lt_hash a, lt_hash b)
{
    return a.low == b.low && a.high == b.high;
}

char *lt_hash_text(lt_hash hash, char *text)
{
    snprintf(text, LT_HASH_TEXT, "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
    return text;
}

lt_status lt_hash_parse(const char *text, lt_hash *out)
{
    lt_status st = LT_OK;
    uint64_t half[2] = { 0, 0 };
    if (strlen(text) != LT_HASH_TEXT - 1) LT_FAIL(LT_E_DATA, "'%.40s' is not a hash of 32 hexadecimal digits", text);
    for (int i = 0; i < LT_HASH_TEXT - 1; i++) {
        const char *digits = "0123456789abcdef", *d = strchr(digits, text[i]);
        if (!d) LT_FAIL(LT_E_DATA, "'%.40s' is not a hash of 32 hexadecimal digits", text);
        half[i / 16] = half[i / 16] << 4 | (uint64_t)(d - digits);
    }
    *out = (lt_hash){ .low = half[1], .high = half[0] };
done:
    return st;
}

lt_status lt_hash_file(int fd, int64_t n_bytes, lt_hash *out)
{
    lt_status st = LT_OK;
    int64_t at = 0;
    char *buffer = malloc(READ_BYTES);
    XXH3_state_t *state = XXH3_createState();
    if (!buffer || !state) LT_FAIL(LT_E_MEMORY, "no memory to hash a file");
    XXH3_128bits_reset(state);
    while (n_bytes < 0 || at < n_bytes) {
        size_t want = n_bytes >= 0 && n_bytes - at < READ_BYTES ? (size_t)(n_bytes - at) : READ_BYTES;
        ssize_t got = pread(fd, buffer, want, at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) LT_FAIL(LT_E_STORE, "cannot read: %s", strerror(errno));
        if (got == 0 && n_bytes < 0) break;
        if (got == 0) LT_FAIL(LT_E_STORE, "cannot read: the file ends early");
        XXH3_128bits_update(state, buffer, (size_t)got);
        at += got;
    }
    XXH128_hash_t h = XXH3_128bits_digest(state);
    *out = (lt_hash){ h.low64, h.high64 };
done:
    XXH3_freeState(state);
    free(buffer);
    return st;
}
