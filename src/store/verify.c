#include "store/reader.h"
#include "store/seal.h"

#include <longtake/pool.h>
#include <longtake/result.h>

#include <hdf5_hl.h>

#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

enum { PROBLEMS_MAX = 100, SILENCE_SECONDS = 60, BATCH = 32, LINE = 1200 };

static void problem(lt_verify_report *r, const char *text)
{
    if (r->n_problems >= PROBLEMS_MAX) return;
    char **more = realloc(r->problems, ((size_t)r->n_problems + 1) * sizeof *more);
    if (!more) return;
    r->problems = more;
    if ((more[r->n_problems] = strdup(text))) r->n_problems++;
}

/* ---- values ---- */

typedef struct {
    const lt_plane *plane;
    lt_codecs      *codecs;
    uint8_t        *stored, *frame;      /* [BATCH][lt_chunk_bound()]; a frame */
    size_t          n_bytes[BATCH];
    bool            bad[BATCH];
    int             from;
} decoding;

static void decode_one(void *ctx, int i)
{
    decoding *d = ctx;
    if (d->bad[i]) return;
    lt_codec *codec = lt_codecs_take(d->codecs);
    d->bad[i] = lt_chunk_decode(codec, &d->plane->tiling, d->from + i, d->stored + (size_t)i * lt_chunk_bound(), d->n_bytes[i], d->frame) < 0;
    lt_codecs_give(d->codecs, codec);
}

/* Decodes frame t of plane p into d->frame and checks it; false, with a problem told, where it is damaged. */
static bool check_frame(const lt_file_reader *r, int p, int64_t t, decoding *d, lt_pool *pool, uint64_t *chunk_hash, lt_verify_report *report,
                        lt_hash *hash)
{
    const lt_plane *plane = &r->layout.plane[p];
    char text[300];
    int n = plane->tiling.n, n_bad = 0;
    uint64_t frame_hash[2] = { 0, 0 };
    bool tables = lt_h5_read_rows(r->ids.chunk_hash[p], H5T_NATIVE_UINT64, t, 1, chunk_hash) >= 0 &&
                  lt_h5_read_rows(r->ids.frame_hash[p], H5T_NATIVE_UINT64, t, 1, frame_hash) >= 0;
    d->plane = plane;
    for (d->from = 0; d->from < n && tables; d->from += BATCH) {
        int batch = n - d->from < BATCH ? n - d->from : BATCH;
        for (int i = 0; i < batch; i++) {
            uint8_t *bytes = d->stored + (size_t)i * lt_chunk_bound();
            d->bad[i] = lt_layout_read_chunk(&r->layout, &r->ids, p, t, d->from + i, bytes, &d->n_bytes[i]) < 0 ||
                        XXH3_64bits(bytes, d->n_bytes[i]) != chunk_hash[d->from + i];
        }
        lt_pool_run(pool, batch, decode_one, d);
        for (int i = 0; i < batch; i++) n_bad += d->bad[i];
    }
    *hash = lt_hash_bytes(d->frame, plane->n_bytes);
    if (tables && n_bad == 0 && hash->low == frame_hash[0] && hash->high == frame_hash[1]) return true;
    if (!tables) snprintf(text, sizeof text, "/check/%s: the checksums of frame %lld cannot be read", plane->field.name, (long long)t);
    else if (n_bad) snprintf(text, sizeof text, "/frames/%s: %d of %d chunks of frame %lld are damaged", plane->field.name, n_bad, n, (long long)t);
    else snprintf(text, sizeof text, "/frames/%s: the values of frame %lld do not match their checksum", plane->field.name, (long long)t);
    problem(report, text);
    return false;
}

static int by_name(const void *a, const void *b)
{
    const lt_plane *const *x = a, *const *y = b;
    return strcmp((*x)->field.name, (*y)->field.name);
}

/* All frames, and from them the content hash. `beat` (-1: none) gets a byte a frame, a sign of life. */
static lt_status check_values(const lt_file_reader *r, int n_threads, int beat, lt_verify_report *report)
{
    lt_status st = LT_OK;
    lt_pool *pool = NULL;
    decoding d = { 0 };
    size_t most = 0, chunks = 1;
    uint64_t *chunk_hash = NULL;
    const lt_plane *order[LT_FIELDS_MAX];
    bool good = true;
    XXH3_state_t *all = XXH3_createState(), *one = XXH3_createState();
    for (int p = 0; p < r->layout.n; p++) {
        order[p] = &r->layout.plane[p];
        if (order[p]->n_bytes > most) most = order[p]->n_bytes;
        if ((size_t)order[p]->tiling.n > chunks) chunks = (size_t)order[p]->tiling.n;
    }
    qsort(order, (size_t)r->layout.n, sizeof *order, by_name);
    d.frame = malloc(most);
    d.stored = malloc(BATCH * lt_chunk_bound());
    chunk_hash = malloc(chunks * sizeof *chunk_hash);
    if (!all || !one || !d.frame || !d.stored || !chunk_hash) LT_FAIL(LT_E_MEMORY, "no memory to verify frames of %zu bytes", most);
    LT_TRY(lt_codecs_create(n_threads, 0, &d.codecs));
    LT_TRY(lt_pool_create(n_threads, &pool));
    XXH3_128bits_reset(all);
    for (int i = 0; i < r->layout.n; i++) {
        char head[160];
        XXH3_128bits_reset(one);
        for (int64_t t = 0; t < r->layout.n_frames; t++) {
            lt_hash hash;
            good = check_frame(r, (int)(order[i] - r->layout.plane), t, &d, pool, chunk_hash, report, &hash) && good;
            XXH3_128bits_update(one, &hash, sizeof hash);
            if (beat >= 0 && write(beat, ".", 1) != 1) goto done;
        }
        XXH128_hash_t h = XXH3_128bits_digest(one);
        int n = snprintf(head, sizeof head, "%s %s %lld %d %d %d\n", order[i]->field.name, lt_dtype_name(order[i]->field.dtype),
                         (long long)r->layout.n_frames, r->layout.height, r->layout.width, order[i]->field.channels);
        XXH3_128bits_update(all, head, (size_t)n);
        XXH3_128bits_update(all, &h, sizeof h);
    }
    if (r->is_result) {
        XXH3_128bits_update(all, r->time, (size_t)r->layout.n_frames * sizeof *r->time);
        XXH3_128bits_update(all, r->frame, (size_t)r->layout.n_frames * sizeof *r->frame);
    }
    XXH128_hash_t h = XXH3_128bits_digest(all);
    if (good) lt_hash_text((lt_hash){ h.low64, h.high64 }, report->hash);
done:
    lt_pool_destroy(&pool);
    lt_codecs_destroy(&d.codecs);
    XXH3_freeState(all);
    XXH3_freeState(one);
    free(chunk_hash);
    free(d.stored);
    free(d.frame);
    return st;
}

/* ---- structure ---- */

static void check_tables(const lt_file_reader *r, lt_verify_report *report)
{
    int64_t next = 0, first = r->is_result || r->tables.n < 1 ? 0 : r->tables.row[0].frames.first;
    next = first;
    for (int64_t i = 0; i < r->tables.n; i++) {
        const lt_table_row *row = &r->tables.row[i];
        if (row->frames.first != next || row->frames.last < row->frames.first) problem(report, "/segments: its rows do not follow one another");
        next = row->frames.last + 1;
        report->n_failed_segments += row->row.state == LT_SEGMENT_FAILED;
        report->n_missing_segments += row->row.state == LT_SEGMENT_MISSING;
    }
    if (next != first + r->layout.n_frames) problem(report, "/segments: its rows do not cover the frames");
    report->n_unreadable_frames = r->tables.n_unreadable;
    for (int64_t i = 0; i < r->tables.n_unreadable; i++)
        if (r->tables.unreadable[i] < first || r->tables.unreadable[i] >= first + r->layout.n_frames)
            problem(report, "/segments/unreadable_frame: a frame lies outside the video");
    report->complete = report->n_missing_segments == 0;
    if (r->is_result && (r->complete != 0) != report->complete) problem(report, "the attribute 'complete' and /segments/state disagree");
}

static void check_axis(const lt_file_reader *r, int p, unsigned dim, const char *what, lt_verify_report *report)
{
    char text[200];
    if (H5DSget_num_scales(r->ids.data[p], dim) == 1) return;
    snprintf(text, sizeof text, "/frames/%s: no dimension scale '%s' is attached", r->layout.plane[p].field.name, what);
    problem(report, text);
}

static void check_result_parts(const lt_file_reader *r, lt_verify_report *report)
{
    static const char *const needed[] = { "run_json", "video_json", "input_hash", "software", "hdf5_version" };
    char text[200], *value = NULL;
    for (int64_t t = 1; t < r->layout.n_frames; t++)
        if (!isfinite(r->time[t])) {
            problem(report, "/frames/time: a time is not a number");
            break;
        }
    for (int p = 0; p < r->layout.n; p++) {
        check_axis(r, p, 0, "time", report);
        check_axis(r, p, 1, "y", report);
        check_axis(r, p, 2, "x", report);
        if (r->layout.plane[p].field.channels > 0) check_axis(r, p, 3, "component", report);
    }
    hid_t group = H5Gopen2(r->h5, "provenance", H5P_DEFAULT);
    for (size_t i = 0; group >= 0 && i < sizeof needed / sizeof *needed; i++) {
        if (lt_h5_get_text(group, needed[i], &value) < 0) {
            snprintf(text, sizeof text, "/provenance: %.150s", lt_error_last()->text);
            problem(report, text);
        }
        free(value);
        value = NULL;
    }
    if (group >= 0) H5Gclose(group);
}

static lt_status examine(const char *path, int n_threads, int beat, lt_verify_report *report)
{
    lt_status st = LT_OK;
    lt_file_reader r;
    st = lt_file_reader_open(path, &r);
    if (st == LT_E_DATA) {
        problem(report, lt_error_last()->text);
        st = LT_OK;
        goto done;
    }
    LT_TRY(st);
    report->n_frames = r.layout.n_frames;
    check_tables(&r, report);
    if (r.is_result) check_result_parts(&r, report);
    LT_TRY(check_values(&r, n_threads, beat, report));
done:
    LT_ALSO(lt_file_reader_close(&r));
    return st;
}

/* ---- in a child, for files that HDF5 may not survive ---- */

static void child(const char *path, int to)
{
    lt_verify_report r = { 0 };
    char line[LINE];
    lt_status st = examine(path, 1, to, &r);
    if (st < 0) problem(&r, lt_error_last()->text);
    for (int i = 0; i < r.n_problems; i++) {
        for (char *c = r.problems[i]; *c; c++)
            if (*c == '\n') *c = ' ';
        int n = snprintf(line, sizeof line, "\nP%.1100s\n", r.problems[i]);
        if (write(to, line, (size_t)n) != n) break;
    }
    int n = snprintf(line, sizeof line, "\nR%d %lld %lld %lld %lld %s\n", r.complete, (long long)r.n_frames, (long long)r.n_failed_segments,
                     (long long)r.n_missing_segments, (long long)r.n_unreadable_frames, r.hash[0] ? r.hash : "-");
    if (write(to, line, (size_t)n) != n) _exit(1);
    _exit(0);
}

static void take_line(char *line, lt_verify_report *r, bool *finished)
{
    int complete;
    long long n[4];
    char hash[LT_HASH_TEXT];
    if (line[0] == 'P') problem(r, line + 1);
    if (line[0] != 'R' || sscanf(line + 1, "%d %lld %lld %lld %lld %32s", &complete, &n[0], &n[1], &n[2], &n[3], hash) != 6) return;
    r->complete = complete != 0;
    r->n_frames = n[0];
    r->n_failed_segments = n[1];
    r->n_missing_segments = n[2];
    r->n_unreadable_frames = n[3];
    if (hash[0] != '-') memcpy(r->hash, hash, sizeof hash);
    *finished = true;
}

static lt_status examine_in_child(const char *path, lt_verify_report *report)
{
    lt_status st = LT_OK;
    int ends[2] = { -1, -1 }, status = 0;
    char line[LINE];
    size_t n = 0;
    bool finished = false, open_end = true;
    pid_t pid = -1;
    if (pipe(ends) < 0) LT_FAIL(LT_E_STORE, "cannot make a pipe to examine %s", path);
    pid = fork();
    if (pid < 0) LT_FAIL(LT_E_STORE, "cannot start a process to examine %s", path);
    if (pid == 0) {
        close(ends[0]);
        child(path, ends[1]);
    }
    close(ends[1]);
    ends[1] = -1;
    while (open_end) {
        struct pollfd wait = { ends[0], POLLIN, 0 };
        char buffer[4096];
        if (poll(&wait, 1, SILENCE_SECONDS * 1000) <= 0) break;
        ssize_t got = read(ends[0], buffer, sizeof buffer);
        open_end = got > 0;
        for (ssize_t i = 0; i < got; i++) {
            if (buffer[i] != '\n') {
                if (n < sizeof line - 1 && (n > 0 || buffer[i] != '.')) line[n++] = buffer[i];
                continue;
            }
            line[n] = 0;
            take_line(line, report, &finished);
            n = 0;
        }
    }
    if (open_end) kill(pid, SIGKILL);
    if (!finished) problem(report, open_end ? "reading it takes for ever" : "reading it crashes HDF5");
done:
    if (pid > 0) waitpid(pid, &status, 0);
    if (ends[0] >= 0) close(ends[0]);
    if (ends[1] >= 0) close(ends[1]);
    return st;
}

lt_status lt_verify(const char *path, int n_threads, lt_verify_report *report)
{
    lt_status st = LT_OK;
    lt_seal seal = { 0 };
    memset(report, 0, sizeof *report);
    st = lt_seal_read(path, false, &seal);
    if (st == LT_E_DATA) {
        problem(report, lt_error_last()->text);
        LT_TRY(examine_in_child(path, report));
    } else {
        LT_TRY(st);
        LT_TRY(examine(path, n_threads < 1 ? 1 : n_threads, -1, report));
        if (seal.kind == LT_SEAL_RESULT && seal.complete != report->complete) problem(report, "its seal and its tables disagree");
    }
    report->ok = report->n_problems == 0 && report->hash[0];
    st = LT_OK;
done:
    lt_seal_free(&seal);
    if (st < 0) lt_verify_report_free(report);
    return st;
}

void lt_verify_report_free(lt_verify_report *report)
{
    for (int i = 0; i < report->n_problems; i++) free(report->problems[i]);
    free(report->problems);
    memset(report, 0, sizeof *report);
}

lt_status lt_result_hash(const char *path, int n_threads, char hash[LT_HASH_TEXT])
{
    lt_status st = LT_OK;
    lt_verify_report report = { 0 };
    LT_TRY(lt_verify(path, n_threads, &report));
    if (!report.ok) LT_FAIL(LT_E_DATA, "%s does not verify: %s", path, report.n_problems ? report.problems[0] : "no hash");
    memcpy(hash, report.hash, LT_HASH_TEXT);
done:
    lt_verify_report_free(&report);
    return st;
}
