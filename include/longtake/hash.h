/* longtake/hash.h -- XXH3-128 of bytes, and how it is written.
 *
 * in    bytes
 * out   a hash
 * owns  nothing
 *
 * Source of the function: xxHash 0.8 (XXH3_128bits), whose output is frozen. It guards against damage, not
 * against forgery. */
#ifndef LONGTAKE_HASH_H
#define LONGTAKE_HASH_H

#include <longtake/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint64_t low, high;
} lt_hash;

enum { LT_HASH_TEXT = 33 };        /* 32 hexadecimal digits and the 0 */

lt_hash lt_hash_bytes(const void *bytes, size_t n_bytes);
bool    lt_hash_equal(lt_hash a, lt_hash b);

/* High half first, lower case; `text` [LT_HASH_TEXT] is returned. */
char *lt_hash_text(lt_hash hash, char *text);

/* Of text as lt_hash_text writes it. LT_E_DATA for any other. */
LT_NODISCARD lt_status lt_hash_parse(const char *text, lt_hash *out);

/* The first n_bytes of an open file, or all of it where n_bytes is negative, read from its start through a buffer
 * of 1 MiB. LT_E_STORE where it cannot be read or is shorter. */
LT_NODISCARD lt_status lt_hash_file(int fd, int64_t n_bytes, lt_hash *out);

#ifdef __cplusplus
}
#endif
#endif
