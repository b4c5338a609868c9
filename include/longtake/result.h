/* longtake/result.h -- one file per video: made, checked, read.
 *
 * in    the committed segments of a video, or a result
 * out   <video>.h5 (docs/output.md), a report of its health, its values
 * owns  a result its open file
 *
 * Thread: HDF5 is used by one thread of a process at a time; every call here is [hdf5] in the sense of
 * longtake/store.h. */
#ifndef LONGTAKE_RESULT_H
#define LONGTAKE_RESULT_H

#include <longtake/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- merge ---- */

typedef struct {
    bool        partial;         /* gaps become state `missing` and fill instead of a failure */
    bool        keep_segments;   /* else they are removed once the result passed lt_verify */
    int         n_threads;       /* that check the result; at least 1 */
    const char *software;        /* versions, one "name version" a line, for /provenance; may be NULL */
} lt_merge_opts;

/* Makes <dir>/<id>.h5 from the segments of `id`, by copying compressed chunks. Where the result is there and complete:
 * LT_OK at once (segments that are left are removed unless kept). LT_E_ABSENT names the frames that are missing, where
 * some are and not partial, or where there is no segment at all. May be killed and called again; two processes may
 * do it at once. LT_E_STORE where it cannot be written. A damaged segment is set aside as lt_ledger_scan does. */
LT_NODISCARD lt_status lt_merge(const lt_job *job, const char *id, const lt_merge_opts *opts);

/* ---- verify ---- */

typedef struct {
    bool     ok;                 /* no problems, and complete or partial as its own tables say */
    bool     complete;           /* no segment is missing */
    int64_t  n_frames, n_failed_segments, n_missing_segments, n_unreadable_frames;
    char     hash[LT_HASH_TEXT]; /* of the values, "" where they could not all be read */
    char   **problems;           /* [n_problems] sentences */
    int      n_problems;
} lt_verify_report;

/* Checks a result (or a segment file) against docs/output.md: seal, structure, attributes, dimensions, states, every
 * chunk against its checksum and, decompressed, every frame against its own. A file whose seal does not hold is read in
 * a child process under a time limit, since HDF5 may crash or hang on it. Returns LT_OK with the findings in the report,
 * LT_E_ABSENT where there is no file, LT_E_STORE where it cannot be read at all. */
LT_NODISCARD lt_status lt_verify(const char *path, int n_threads, lt_verify_report *report);

void lt_verify_report_free(lt_verify_report *report);

/* The content hash: XXH3-128 over, for each field in order of names, its name, type and dimensions and the XXH3-128 of
 * the XXH3-128s of its frames (each over the stored values, C order, little endian); then over `time` and `frame`. It does not depend
 * on chunks, compression, segments or ranks. Computed from the values. LT_E_DATA where the file does not verify. */
LT_NODISCARD lt_status lt_result_hash(const char *path, int n_threads, char hash[LT_HASH_TEXT]);

/* ---- read ---- */

typedef struct lt_result lt_result;

typedef struct {
    int64_t         n_frames;
    int             width, height;
    const lt_field *fields;          /* [n_fields] */
    int             n_fields;
    const double   *time;            /* [n_frames] seconds */
    const int64_t  *frame;           /* [n_frames] index in the source */
    bool            complete;
    double        (*range)[2];       /* [n_fields] smallest and largest value; lo > hi: not known */
    const char     *meaningless;     /* why the values mean nothing, e.g. "synthetic weights"; NULL: they do */
} lt_result_info;

/* LT_E_ABSENT where there is no file, LT_E_DATA where it is not a result or its seal does not hold (quick check). */
LT_NODISCARD lt_status lt_result_open(const char *path, lt_result **out);

/* Borrowed; lives as long as the result. */
const lt_result_info *lt_result_info_get(const lt_result *r);

/* One frame of field number `field` into out, float for LT_F32 and LT_F16, bytes for LT_U8: lt_field_values() of them. */
LT_NODISCARD lt_status lt_result_read(lt_result *r, int field, int64_t frame, void *out);

/* *r is NULL afterwards; NULL is accepted. */
void lt_result_close(lt_result **r);

/* ---- status ---- */

typedef struct {
    char    *id;
    int64_t  n_segments, n_done, n_failed;   /* done and failed are committed */
    int64_t  n_raw;                          /* of the others, those whose raw segments are; filled in by lt_job_status_read */
    bool     has_result;                     /* and it is complete */
    bool     known;                          /* has a video.json */
    lt_range *missing;                       /* [n_missing] runs of frames not committed, rising, merged where adjacent */
    int64_t  n_missing;
} lt_video_status;

typedef struct {
    lt_video_status *videos;                 /* [n_videos] */
    int              n_videos;
    int             *shards;                 /* [n_shards] shards with missing work, rising, each once */
    int              n_shards;
    char            *warnings;               /* as of lt_ledger_scan; NULL: none */
} lt_job_status;

/* How the job cuts a video: segments [n] and the shard of each, both made with malloc and handed over. `video` is NULL
 * where the video has no video.json yet; then n may be 0 and *shards one entry, the shard that will make it, or NULL. */
typedef lt_status (*lt_cut_fn)(void *ctx, const char *id, const json_t *video, lt_range **segments, int64_t *n,
                               int **shards);

/* The state of the videos `ids`, or, where ids is NULL, of all that have a video.json. Reads seals only (quick). */
LT_NODISCARD lt_status lt_status_scan(const lt_job *job, const char *const *ids, int n_ids, lt_cut_fn cut, void *ctx,
                                      lt_job_status *out);

void lt_job_status_free(lt_job_status *status);

#ifdef __cplusplus
}
#endif
#endif
