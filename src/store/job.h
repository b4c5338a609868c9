/* Where things lie in the directory of a job. */
#ifndef LT_STORE_JOB_H
#define LT_STORE_JOB_H

#include <longtake/file.h>
#include <longtake/store.h>

/* Each fills path [LT_PATH_MAX] and returns it. */
char *lt_job_folder(const lt_job *job, const char *id, char *path);
/* <dir>/<id>/raw */
char *lt_job_raw_folder(const lt_job *job, const char *id, char *path);
/* <folder>/seg-<first>-<last>.h5 into path [LT_PATH_MAX]; returned. */
char *lt_segment_file(const char *folder, lt_range frames, char *path);
char *lt_job_segment_path(const lt_job *job, const char *id, lt_range frames, char *path);

/* A committed segment: longtake/store.h, lt_ledger_scan. Segments of `id` whose quick seal holds and names these
 * settings, sorted by first frame; one that begins inside an earlier one is left out. The caller frees *list. */
LT_NODISCARD lt_status lt_ledger_list(const lt_job *job, const char *id, lt_range **list, int64_t *n);

/* The same for the raw segments. */
LT_NODISCARD lt_status lt_ledger_list_raw(const lt_job *job, const char *id, lt_range **list, int64_t *n);

/* A result whose quick seal holds, that names these settings and is complete. */
bool lt_ledger_has_result(const lt_job *job, const char *id);

/* Renames a damaged file to <path>.bad; where that fails it stays. */
void lt_set_aside(const char *path);

#endif
