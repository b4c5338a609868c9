/* HDF5 on a file descriptor of ours.
 *
 * A write that fails (disk full, quota, lost mount) is remembered and reported by lt_h5_file_failure(), while HDF5
 * is told that all is well: it can then always close the file and free what it holds, which it cannot when a write
 * fails during H5Fclose. Such a file is never committed. Reads fail as usual. No file locks are taken: they
 * are often switched off on network file systems, and a committed file never changes. */
#ifndef LT_STORE_H5_FILE_H
#define LT_STORE_H5_FILE_H

#include "store/h5_check.h"

#include <longtake/file.h>

#include <stdbool.h>

typedef struct {
    int fd;                /* borrowed: HDF5's close leaves it open */
    int error;             /* errno of the first write that failed, 0 for none */
    hid_t driver;          /* of the open file: HDF5 reads its table after it let go of it, so it must outlive the file */
} lt_h5_file;

/* `file` must outlive the hid_t. The descriptor's file is empty, and open for reading and writing. */
LT_NODISCARD lt_status lt_h5_create(lt_h5_file *file, hid_t *out);

LT_NODISCARD lt_status lt_h5_open(lt_h5_file *file, hid_t *out);

/* Closes what the two calls above opened; *h5 is -1 afterwards, and -1 is accepted. */
LT_NODISCARD lt_status lt_h5_close(lt_h5_file *file, hid_t *h5);

/* LT_E_STORE with the system's reason where a write failed. */
LT_NODISCARD lt_status lt_h5_file_failure(const lt_h5_file *file);

/* Attributes of an open object. Strings are UTF-8 of variable length, since an attribute of fixed length is limited to
 * 64 KiB; numbers are little endian. */
LT_NODISCARD lt_status lt_h5_put_text(hid_t object, const char *name, const char *text);
LT_NODISCARD lt_status lt_h5_put_texts(hid_t object, const char *name, const char *const *texts, int n);
LT_NODISCARD lt_status lt_h5_put_int(hid_t object, const char *name, int64_t value);
LT_NODISCARD lt_status lt_h5_put_pair(hid_t object, const char *name, const double pair[2]);

/* LT_E_DATA where it is absent or of another kind. The caller frees *text. */
LT_NODISCARD lt_status lt_h5_get_text(hid_t object, const char *name, char **text);
LT_NODISCARD lt_status lt_h5_get_texts(hid_t object, const char *name, char ***texts, int *n);
LT_NODISCARD lt_status lt_h5_get_int(hid_t object, const char *name, int64_t *value);
LT_NODISCARD lt_status lt_h5_get_pair(hid_t object, const char *name, double pair[2]);

void lt_texts_free(char **texts, int64_t n);

/* A group whose members keep the order of their creation. */
LT_NODISCARD lt_status lt_h5_group(hid_t parent, const char *name, hid_t *out);

/* A contiguous dataset of rank 1 or 2 (cols < 0: 1), written where data is not NULL. */
LT_NODISCARD lt_status lt_h5_column(hid_t parent, const char *name, hid_t file_type, hid_t memory_type, int64_t rows,
                                    int64_t cols, const void *data, hid_t *out);
LT_NODISCARD lt_status lt_h5_text_column(hid_t parent, const char *name, const char *const *texts, int64_t rows, hid_t *out);

/* Rows [first, first + n) of such a dataset. */
LT_NODISCARD lt_status lt_h5_write_rows(hid_t dataset, hid_t memory_type, int64_t first, int64_t n, const void *data);
LT_NODISCARD lt_status lt_h5_read_rows(hid_t dataset, hid_t memory_type, int64_t first, int64_t n, void *data);

/* Rows and columns (1 for rank 1) of a contiguous dataset; LT_E_DATA where it is not one or is larger than its file says. */
LT_NODISCARD lt_status lt_h5_extent(hid_t dataset, int64_t *rows, int64_t *cols);

/* A whole text column; *texts is freed by lt_texts_free. */
LT_NODISCARD lt_status lt_h5_read_texts(hid_t dataset, int64_t rows, char ***texts);

#endif
