/* longtake/file.h -- files that are there whole or not at all.
 *
 * in    paths and bytes
 * out   files that survive a kill at any moment; several processes may do the same at once
 * owns  temporary files, until they are committed or dropped
 *
 * A temporary file lies in the folder of its final one and carries its owner in its name (machine, boot, PID name
 * space, process and its start), so that a later run can remove those of dead processes and of no others.
 * Failures are LT_E_STORE and name the path and the system's reason. */
#ifndef LONGTAKE_FILE_H
#define LONGTAKE_FILE_H

#include <longtake/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LT_PATH_MAX = 4096 };

/* The whole file, 0-terminated; *n_bytes, where asked for, is without that 0. The caller frees *bytes.
 * LT_E_ABSENT where there is none, LT_E_DATA where it is longer than max_bytes. */
LT_NODISCARD lt_status lt_file_read(const char *path, size_t max_bytes, char **bytes, size_t *n_bytes);

/* mkdir -p. */
LT_NODISCARD lt_status lt_file_mkdirs(const char *path);

/* Makes renames and links in `folder` survive a power loss. */
LT_NODISCARD lt_status lt_file_sync_folder(const char *folder);

/* Replaces or creates `path`: temporary file, fsync, rename, fsync of the folder. The last writer wins whole. */
LT_NODISCARD lt_status lt_file_replace(const char *path, const void *bytes, size_t n_bytes);

/* Creates `path` unless it exists: temporary file, fsync, link, fsync of the folder. The first writer wins whole;
 * *created says whether it was this one. An existing file is left as it is and is no failure. */
LT_NODISCARD lt_status lt_file_create(const char *path, const void *bytes, size_t n_bytes, bool *created);

typedef struct {
    int  fd;                     /* -1: none */
    char path[LT_PATH_MAX];
} lt_tmp;

#define LT_TMP_NONE { -1, "" }

/* A new, empty file in `folder`, open for reading and writing. */
LT_NODISCARD lt_status lt_tmp_open(const char *folder, lt_tmp *out);

/* Writes all bytes at `offset`. */
LT_NODISCARD lt_status lt_tmp_write(lt_tmp *tmp, int64_t offset, const void *bytes, size_t n_bytes);

/* fsync, rename to `path` (of the same folder), fsync of the folder. tmp is none afterwards; on failure the
 * temporary file is gone and `path` is as it was, or, where only the last step failed, the new file. */
LT_NODISCARD lt_status lt_tmp_commit(lt_tmp *tmp, const char *path);

/* Closes and removes it; none is accepted. */
void lt_tmp_drop(lt_tmp *tmp);

/* Removes from `folder` temporary files whose owner ran in this PID name space since this boot and is dead, and
 * any that has not been written for a week. What cannot be judged or removed stays. */
void lt_tmp_sweep(const char *folder);

#ifdef __cplusplus
}
#endif
#endif
