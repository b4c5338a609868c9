/* The last bytes of a committed file: how long it is, what it belongs to, and a checksum over all of it.
 *
 * HDF5 ignores what follows the end of its own data, so the file stays an ordinary HDF5 file; a program that changes it
 * overwrites or cuts off the seal. It lets damaged files be told without opening them: HDF5 may crash or
 * hang on those. Layout in docs/output.md. */
#ifndef LT_STORE_SEAL_H
#define LT_STORE_SEAL_H

#include <longtake/hash.h>
#include <longtake/segment.h>
#include <longtake/status.h>

#include <stdbool.h>

typedef enum { LT_SEAL_SEGMENT = 1, LT_SEAL_RESULT = 2 } lt_seal_kind;

typedef struct {
    lt_seal_kind kind;
    bool         complete;           /* no frame is missing */
    lt_range     frames;
    lt_hash      settings;           /* of the job */
    lt_range    *failed;             /* [n_failed] failed segments; owned */
    int64_t      n_failed;
} lt_seal;

/* Appends the seal to an open file of HDF5: reads it once for the checksum. `path` is for messages. */
LT_NODISCARD lt_status lt_seal_append(int fd, const char *path, const lt_seal *seal);

/* Reads the seal of the file at `path`. LT_E_ABSENT where there is no file; LT_E_DATA, in a sentence beginning with the path,
 * where there is no seal, it is damaged, or the file is not as long as it says; unless `quick` also where
 * the checksum over the bytes differs. LT_E_STORE where it cannot be read. Free with lt_seal_free. */
LT_NODISCARD lt_status lt_seal_read(const char *path, bool quick, lt_seal *out);

void lt_seal_free(lt_seal *seal);

#endif
