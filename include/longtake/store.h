/* longtake/store.h -- the directory of a job: settings, videos, committed segments.
 *
 * in    settings and facts of videos as JSON; frames of a segment as arrays
 * out   run.json, <video>/video.json, <video>/seg-<first>-<last>.h5 (docs/output.md)
 * owns  its files; a writer its threads and staging frames; JSON and arrays are borrowed for the call
 *
 * A finished segment is on disk, complete and sealed with a checksum, or it does not exist. Any number of processes
 * may work in one directory at once.
 * Thread: HDF5 is used by one thread of a process at a time. A writer uses it on its own store thread, from
 * lt_writer_begin until lt_writer_flush returns (or lt_writer_destroy); in that time no other thread may call a function
 * marked [hdf5]. The calls of one writer are made by one thread at a time. */
#ifndef LONGTAKE_STORE_H
#define LONGTAKE_STORE_H

#include <longtake/field.h>
#include <longtake/hash.h>
#include <longtake/segment.h>
#include <longtake/status.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the job ---- */

typedef struct lt_job lt_job;

/* Makes `dir` (and its parents) and run.json from `settings`, an object holding all that changes bits; or, where
 * run.json is there, compares. LT_E_USAGE names the first setting that differs, its value there and here.
 * LT_E_STORE where the directory cannot be made, read or written. Also sweeps (lt_job_sweep). */
LT_NODISCARD lt_status lt_job_open(const char *dir, const json_t *settings, lt_job **out);

/* The job of an existing directory; writes nothing. LT_E_ABSENT where there is no run.json. */
LT_NODISCARD lt_status lt_job_load(const char *dir, lt_job **out);

const char   *lt_job_dir(const lt_job *job);
const json_t *lt_job_settings(const lt_job *job);

/* XXH3-128 of the settings as compact JSON with sorted keys; what ties segments and results to them. */
lt_hash lt_job_settings_hash(const lt_job *job);

/* Removes what killed runs left half written, as lt_job_open does; a run does so at its end too, since a rank whose
 * launcher was killed may live on for a moment and leave something after the next run has begun. */
void lt_job_sweep(const lt_job *job);

/* *job is NULL afterwards; NULL is accepted. */
void lt_job_close(lt_job **job);

/* A video id is a file name: 1 to 200 bytes, no '/', no control characters, not beginning with '.', not ending in
 * ".h5", and none of run.json, report.html, metrics.prom, stop. LT_E_USAGE otherwise. */
LT_NODISCARD lt_status lt_video_id_check(const char *id);

/* Makes <dir>/<id>/video.json, or compares input_hash, n_frames, width and height with the one that is there:
 * LT_E_USAGE where they differ. Keys that the store reads:
 *     name        string, the input as the user gave it
 *     input_hash  string
 *     n_frames    integer T >= 0, frames of the result
 *     width, height  integers, pixels of the result
 *     time        [T] numbers, seconds
 *     frame       [T] integers, index of each frame in the source; or null for 0..T-1
 * The rest is the caller's; all but `time` and `frame` is copied to the result's /provenance. LT_E_INTERNAL where a
 * key is missing or of another kind. */
LT_NODISCARD lt_status lt_job_put_video(const lt_job *job, const char *id, const json_t *video);

/* *video is a new reference. LT_E_ABSENT where there is none, LT_E_DATA where it is damaged. */
LT_NODISCARD lt_status lt_job_get_video(const lt_job *job, const char *id, json_t **video);

/* Ids of the videos that have a video.json, sorted by bytes; *ids is one block that the caller frees. */
LT_NODISCARD lt_status lt_job_videos(const lt_job *job, char ***ids, int *n);

/* <dir>/<id>.h5 into path [LT_PATH_MAX of longtake/file.h]; returned. */
char *lt_job_result_path(const lt_job *job, const char *id, char *path);

/* ---- segments ---- */

typedef enum { LT_SEGMENT_MISSING, LT_SEGMENT_DONE, LT_SEGMENT_FAILED } lt_segment_state;

/* "missing", "done", "failed". */
const char *lt_segment_state_name(lt_segment_state state);

/* One row of /segments. Numbers that a task does not have: NAN, and -1 for integers. */
typedef struct {
    int              rank;
    char             device[96];
    double           scale, shift, det, residual;
    int64_t          anchor;                     /* frame the alignment leans on */
    int64_t          planned_bytes, observed_bytes;              /* of the device */
    int64_t          host_planned_bytes, host_observed_bytes;    /* anonymous and shared memory of the process; observed: at most so far */
    double           seconds;
    double           seconds_decode, seconds_network, seconds_store;     /* of these: waiting for frames, computing, handing over to the writer */
    lt_segment_state state;                      /* DONE or FAILED; DONE becomes FAILED where a frame is unreadable */
} lt_segment_row;

/* NAN, -1, "", DONE. */
void lt_segment_row_init(lt_segment_row *row);

typedef struct lt_writer lt_writer;

typedef struct {
    int    n_threads;            /* that compress, the store thread counted in; at least 1 */
    int    level;                /* of deflate, 1..12; 0: 1 */
    size_t max_frame_bytes;      /* largest sum over the fields of values x lt_dtype_value_bytes, of all videos */
    int    n_buffers;            /* staged frames, at least 1; 2 or more let producer and writer overlap */
    /* Called on the store thread once for each lt_writer_commit that returned LT_OK, in their order. `e` is the
     * record of a failure, borrowed; NULL on success. It must not call the writer. May be NULL. */
    void (*on_commit)(void *ctx, int64_t tag, lt_status st, const lt_error *e);
    void  *ctx;
} lt_writer_opts;

typedef struct {
    int64_t         first, last;     /* frames, inclusive */
    int             width, height;
    const lt_field *fields;          /* [n_fields]; copied */
    int             n_fields;        /* 1..16 */
    const char     *plan;            /* how it was made, for /provenance; copied; may be NULL */
    int64_t         tag;             /* handed to on_commit */
    bool            raw;             /* what a later step makes the frames of: in a folder of its own, "frames" being the task's numbers */
} lt_segment_desc;

/* A part of a segment with a row of its own in /segments, e.g. the new frames of a window. */
typedef struct {
    lt_range       frames;
    lt_segment_row row;
    const char    *plan;             /* how it was made, where that differs from the segment's; NULL: as the segment's */
} lt_segment_part;

/* Host memory of a writer: all that it allocates itself at lt_writer_create, to the byte. On top come, per segment in
 * flight, lt_writer_segment_bytes, and what HDF5 and libdeflate take (below 4 MiB a writer and 1 MiB a thread). */
size_t lt_writer_bytes(const lt_writer_opts *opts);

/* Tables of one segment, allocated by lt_writer_begin: 16 bytes a frame and field, 8 a chunk, and a little. */
size_t lt_writer_segment_bytes(const lt_segment_desc *desc);

/* LT_E_MEMORY where a thread or a buffer cannot be had. */
LT_NODISCARD lt_status lt_writer_create(const lt_writer_opts *opts, lt_writer **out);

/* [hdf5] Begins a segment; one that was begun and not committed is abandoned. An earlier one that was committed may
 * still be on its way to the disk. Failures of earlier segments are not reported here. */
LT_NODISCARD lt_status lt_writer_begin(lt_writer *w, const lt_job *job, const char *id, const lt_segment_desc *desc);

/* data[f], [H,W] or [H,W,C], is copied (f32 for LT_F32 and LT_F16, bytes for LT_U8); NULL: fill. Each frame of the
 * segment is put once, in any order. Blocks only while all staging frames are in flight.
 * put, put_fill and commit return the failure of the segment in hand as soon as it is known, LT_E_STORE as a rule; from
 * then on it is lost and the next sensible call is abandon or begin. */
LT_NODISCARD lt_status lt_writer_put(lt_writer *w, int64_t frame, const void *const *data);

/* All fields of `frame` are fill. reason NULL: by definition (the last entry of a flow); else one sentence: the frame
 * is listed as unreadable and the segment's state is FAILED. */
LT_NODISCARD lt_status lt_writer_put_fill(lt_writer *w, int64_t frame, const char *reason);

/* Rows of the segment in hand, [n] covering its frames in order, instead of the one of lt_writer_commit; the state of each becomes FAILED
 * where one of its frames is unreadable. `carry`, NULL or a text that lt_segment_carry gives back. All is copied. */
LT_NODISCARD lt_status lt_writer_parts(lt_writer *w, const lt_segment_part *parts, int n, const char *carry);

/* Calls fn(ctx) on the store thread, after all that was handed over before, and returns what it returns, with its record: how another
 * thread reads HDF5 files while the writer works. */
LT_NODISCARD lt_status lt_writer_call(lt_writer *w, lt_status (*fn)(void *ctx), void *ctx);

/* Hands the segment over: close, fsync, rename, fsync of the directory happen behind the caller, then on_commit.
 * LT_E_INTERNAL where a frame was not put. After an error there is no on_commit. */
LT_NODISCARD lt_status lt_writer_commit(lt_writer *w, const lt_segment_row *row);

/* Commits what there is of a segment that is given up half way: frames first to `last`, all of which and no others were put.
 * They become a segment of their own, and the rest is another one's. `tag` is handed to on_commit instead of the one of
 * lt_writer_begin. Otherwise as lt_writer_commit. */
LT_NODISCARD lt_status lt_writer_commit_head(lt_writer *w, int64_t last, int64_t tag, const lt_segment_row *row);

/* How busy a writer is; any thread may ask while it lives. */
typedef struct {
    int    buffers, used;        /* staged frames in all; on their way to the disk now */
    double seconds;              /* the store thread worked so far: checksums, compression, HDF5, the disk */
} lt_writer_load;
void lt_writer_look(lt_writer *w, lt_writer_load *out);

/* Drops the segment in hand and its temporary file; without one it does nothing. Returns before it is done. */
void lt_writer_abandon(lt_writer *w);

/* Waits until all that was handed over is on disk or failed. Returns the first failure of a commit since the last
 * flush (each was told to on_commit as well). A segment in hand stays in hand. */
LT_NODISCARD lt_status lt_writer_flush(lt_writer *w);

/* Abandons the segment in hand, waits for the others, joins the threads. *w is NULL afterwards; NULL is accepted. */
void lt_writer_destroy(lt_writer **w);

/* Puts a committed segment out of the way, so that the next run makes it again with all that belonged to it: for one whose raw maps a neighbour
 * needs and that are lost. Does nothing where it is not there, or the video has its result. */
void lt_segment_forget(const lt_job *job, const char *id, lt_range segment);

/* ---- the ledger ---- */

/* The state of each of n segments of a video: DONE and FAILED are committed, MISSING is to be made. A segment counts
 * when its file's seal holds (length, checksum over all bytes) and names this job's settings; `quick` leaves out the
 * checksum. A sealed result of these settings counts as all its segments but its gaps. A damaged file is renamed to
 * <name>.bad (not when quick), one of other settings stays; both are MISSING and told in *warnings, sentences one a
 * line that the caller frees, NULL where there are none; warnings may be NULL. HDF5 opens only what is sealed. */
LT_NODISCARD lt_status lt_ledger_scan(const lt_job *job, const char *id, const lt_range *segments, int64_t n, bool quick,
                                      lt_segment_state *states, char **warnings);

/* The same, and next[i]: the first frame of segments[i] that is to be made, after what lt_writer_commit_head left of it; its last
 * frame + 1 where it is committed, in one piece or in several that follow each other. next may be NULL. */
LT_NODISCARD lt_status lt_ledger_reach(const lt_job *job, const char *id, const lt_range *segments, int64_t n, bool quick,
                                       lt_segment_state *states, int64_t *next, char **warnings);

/* The same for the raw segments of a video, whose ranges are in the task's numbers. A result does not count for them. */
LT_NODISCARD lt_status lt_ledger_raw(const lt_job *job, const char *id, const lt_range *segments, int64_t n, bool quick,
                                     lt_segment_state *states, int64_t *next, char **warnings);

/* ---- what was committed, read back ---- */

/* [hdf5] The carry of a committed segment; LT_E_ABSENT where there is no such segment or it has none. The caller frees *text. */
LT_NODISCARD lt_status lt_segment_carry(const lt_job *job, const char *id, lt_range segment, char **text);

/* The raw segments of a video; holds a few files open. */
typedef struct lt_raw lt_raw;

LT_NODISCARD lt_status lt_raw_create(const lt_job *job, const char *id, lt_raw **out);

/* [hdf5] "Frame" `index` of the first field into out [height,width]. LT_E_ABSENT where no committed raw segment has it. *why, of LT_RAW_WHY
 * bytes, is "" or why it has no value; out is fill then. *row is its row. */
enum { LT_RAW_WHY = 256 };
LT_NODISCARD lt_status lt_raw_read(lt_raw *raw, int64_t index, float *out, int width, int height, char *why, lt_segment_row *row);

/* The plan that the row read last was made under, NULL where there is none; borrowed until the next read. */
const char *lt_raw_plan(const lt_raw *raw);

/* [hdf5] *raw is NULL afterwards; NULL is accepted. */
void lt_raw_destroy(lt_raw **raw);

#ifdef __cplusplus
}
#endif
#endif
