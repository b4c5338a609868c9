#include "store/job.h"
#include "store/reader.h"
#include "store/seal.h"

#include <longtake/result.h>

#include <errno.h>
#include <hdf5_hl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { TRIES = 10000 };      /* each sets a damaged segment aside; where that cannot be done, it ends */

typedef struct {
    const lt_job        *job;
    const char          *id;
    const lt_merge_opts *opts;
    json_t              *video;
    int64_t              n_frames;
    lt_range            *segments;       /* [n] */
    int64_t              n;
    bool                 complete;
    lt_tmp               tmp;
    lt_h5_file           file;
    hid_t                h5;
    lt_layout            layout;
    lt_layout_ids        ids;
    lt_tables            tables;
    uint8_t             *bytes;          /* [lt_chunk_bound()] */
    uint64_t            *hashes;         /* a table's row */
    double               range[LT_FIELDS_MAX][2];
} merge;

/* ---- frames ---- */

static lt_status copy_plane(merge *m, const lt_file_reader *from, int p, int64_t first)
{
    lt_status st = LT_OK;
    const int n = m->layout.plane[p].tiling.n;
    uint64_t frame_hash[2];
    for (int64_t t = 0; t < from->layout.n_frames; t++) {
        LT_TRY(lt_h5_read_rows(from->ids.chunk_hash[p], H5T_NATIVE_UINT64, t, 1, m->hashes));
        LT_TRY(lt_h5_read_rows(from->ids.frame_hash[p], H5T_NATIVE_UINT64, t, 1, frame_hash));
        for (int c = 0; c < n; c++) {
            size_t n_bytes = 0;
            LT_TRY(lt_layout_read_chunk(&from->layout, &from->ids, p, t, c, m->bytes, &n_bytes));
            if (XXH3_64bits(m->bytes, n_bytes) != m->hashes[c]) LT_FAIL(LT_E_DATA, "a chunk does not match its checksum");
            LT_TRY(lt_layout_write_chunk(&m->layout, &m->ids, p, first + t, c, m->bytes, n_bytes));
        }
        LT_TRY(lt_h5_write_rows(m->ids.chunk_hash[p], H5T_NATIVE_UINT64, first + t, 1, m->hashes));
        LT_TRY(lt_h5_write_rows(m->ids.frame_hash[p], H5T_NATIVE_UINT64, first + t, 1, frame_hash));
        LT_TRY(lt_h5_file_failure(&m->file));
    }
done:
    return st;
}

/* A frame of fill has equal chunks: the padding of those at the edge is fill as well. */
static lt_status fill_plane(merge *m, lt_codec *codec, int p, lt_range gap)
{
    lt_status st = LT_OK;
    const lt_plane *plane = &m->layout.plane[p];
    uint8_t *frame = malloc(plane->n_bytes);
    if (!frame) LT_FAIL(LT_E_MEMORY, "no memory for a frame of fill");
    for (size_t i = 0; i < plane->n_values; i++) memcpy(frame + i * plane->tiling.item, plane->fill, plane->tiling.item);
    lt_hash hash = lt_hash_bytes(frame, plane->n_bytes);
    uint64_t frame_hash[2] = { hash.low, hash.high };
    size_t n_bytes = lt_chunk_encode(codec, &plane->tiling, 0, frame, plane->fill, m->bytes);
    for (int c = 0; c < plane->tiling.n; c++) m->hashes[c] = XXH3_64bits(m->bytes, n_bytes);
    for (int64_t t = gap.first; t <= gap.last; t++) {
        for (int c = 0; c < plane->tiling.n; c++)
            LT_TRY(lt_layout_write_chunk(&m->layout, &m->ids, p, t, c, m->bytes, n_bytes));
        LT_TRY(lt_h5_write_rows(m->ids.chunk_hash[p], H5T_NATIVE_UINT64, t, 1, m->hashes));
        LT_TRY(lt_h5_write_rows(m->ids.frame_hash[p], H5T_NATIVE_UINT64, t, 1, frame_hash));
    }
done:
    free(frame);
    return st;
}

static lt_status fill_gap(merge *m, lt_range gap)
{
    lt_status st = LT_OK;
    lt_segment_row row;
    lt_codecs *codecs = NULL;
    lt_segment_row_init(&row);
    row.state = LT_SEGMENT_MISSING;
    LT_TRY(lt_codecs_create(1, 1, &codecs));
    lt_codec *codec = lt_codecs_take(codecs);
    for (int p = 0; p < m->layout.n; p++) LT_TRY(fill_plane(m, codec, p, gap));
    LT_TRY(lt_tables_add_row(&m->tables, gap, &row, NULL));
done:
    lt_codecs_destroy(&codecs);
    return st;
}

static lt_status begin_result(merge *m, const lt_layout *like)
{
    lt_status st = LT_OK;
    lt_field fields[LT_FIELDS_MAX];
    size_t most = 1;
    for (int i = 0; i < like->n; i++) {
        fields[i] = like->plane[i].field;
        if ((size_t)like->plane[i].tiling.n > most) most = (size_t)like->plane[i].tiling.n;
    }
    for (int i = 0; i < LT_FIELDS_MAX; i++) m->range[i][0] = 1, m->range[i][1] = 0;
    LT_TRY(lt_layout_init(&m->layout, fields, like->n, like->width, like->height, m->n_frames));
    m->hashes = malloc(most * sizeof *m->hashes);
    if (!m->hashes) LT_FAIL(LT_E_MEMORY, "no memory to merge");
    LT_TRY(lt_tmp_open(lt_job_dir(m->job), &m->tmp));
    m->file = (lt_h5_file){ m->tmp.fd, 0, -1 };
    LT_TRY(lt_h5_create(&m->file, &m->h5));
    LT_TRY(lt_layout_create(m->h5, &m->layout, "result", 1, &m->ids));
done:
    return st;
}

static void add_range_of(merge *m, const lt_file_reader *from, int p)
{
    double *all = m->range[p], r[2];
    lt_layout_get_range(&from->ids, p, r);
    if (r[0] > r[1]) return;
    const bool first = all[0] > all[1];
    all[0] = first || r[0] < all[0] ? r[0] : all[0];
    all[1] = first || r[1] > all[1] ? r[1] : all[1];
}

static lt_status add_segment(merge *m, lt_range frames)
{
    lt_status st = LT_OK;
    char path[LT_PATH_MAX];
    lt_seal seal = { 0 };
    lt_file_reader from = { .file = { -1, 0, -1 }, .h5 = -1 };
    lt_layout_ids_init(&from.ids);
    lt_job_segment_path(m->job, m->id, frames, path);
    LT_TRY(lt_seal_read(path, false, &seal));
    LT_TRY(lt_file_reader_open(path, &from));
    if (!m->hashes) LT_TRY(begin_result(m, &from.layout));
    if (!lt_layout_equal(&m->layout, &from.layout) || from.tables.n < 1 || from.layout.n_frames != frames.last - frames.first + 1)
        LT_FAIL(LT_E_DATA, "%s: its fields or sizes are not those of the other segments", path);
    for (int p = 0; p < m->layout.n; p++) {
        LT_TRY(copy_plane(m, &from, p, frames.first));
        add_range_of(m, &from, p);
    }
    for (int64_t i = 0; i < from.tables.n; i++) {
        const lt_table_row *row = &from.tables.row[i];
        LT_TRY(lt_tables_add_row(&m->tables, row->frames, &row->row, row->plan >= 0 ? from.tables.plans[row->plan] : NULL));
    }
    for (int64_t i = 0; i < from.tables.n_unreadable; i++)
        LT_TRY(lt_tables_add_unreadable(&m->tables, from.tables.unreadable[i], from.tables.reason[i]));
done:
    if (st == LT_E_DATA) lt_set_aside(path);
    lt_seal_free(&seal);
    LT_ALSO(lt_file_reader_close(&from));
    return st;
}

/* ---- axes and provenance ---- */

static lt_status add_axis(merge *m, const char *name, hid_t dataset, const char *units, const char *long_name)
{
    lt_status st = LT_OK;
    if (units) LT_TRY(lt_h5_put_text(dataset, "units", units));
    if (long_name) LT_TRY(lt_h5_put_text(dataset, "long_name", long_name));
    LT_H5(H5DSset_scale(dataset, name));
done:
    (void)m;
    return st;
}

static lt_status pixel_axis(merge *m, const char *name, int n, const char *long_name, hid_t *out)
{
    lt_status st = LT_OK;
    int *values = malloc((size_t)n * sizeof *values);
    if (!values) LT_FAIL(LT_E_MEMORY, "no memory for an axis");
    for (int i = 0; i < n; i++) values[i] = i;
    LT_TRY(lt_h5_column(m->ids.frames, name, H5T_STD_I32LE, H5T_NATIVE_INT, n, -1, values, out));
    LT_TRY(add_axis(m, name, *out, "pixel", long_name));
done:
    free(values);
    return st;
}

static lt_status time_axis(merge *m, hid_t *time, hid_t *frame)
{
    lt_status st = LT_OK;
    const json_t *times = json_object_get(m->video, "time"), *chosen = json_object_get(m->video, "frame");
    double *seconds = malloc((size_t)m->n_frames * sizeof *seconds);
    int64_t *index = malloc((size_t)m->n_frames * sizeof *index);
    if (!seconds || !index) LT_FAIL(LT_E_MEMORY, "no memory for the time axis");
    for (int64_t i = 0; i < m->n_frames; i++) {
        seconds[i] = json_number_value(json_array_get(times, (size_t)i));
        index[i] = json_is_array(chosen) ? json_integer_value(json_array_get(chosen, (size_t)i)) : i;
    }
    LT_TRY(lt_h5_column(m->ids.frames, "time", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, m->n_frames, -1, seconds, time));
    LT_TRY(add_axis(m, "time", *time, "s", "presentation time of the frame in its container"));
    LT_TRY(lt_h5_column(m->ids.frames, "frame", H5T_STD_I64LE, H5T_NATIVE_INT64, m->n_frames, -1, index, frame));
    LT_TRY(lt_h5_put_text(*frame, "long_name", "index of the frame in the source, in presentation order"));
    LT_H5(H5DSattach_scale(*frame, *time, 0));
done:
    free(seconds);
    free(index);
    return st;
}

/* The axis of a field's channels. Fields with the same names share one. */
static lt_status component_axis(merge *m, int p, hid_t axes[LT_FIELDS_MAX], int *which)
{
    lt_status st = LT_OK;
    const lt_field *f = &m->layout.plane[p].field;
    char name[96];
    *which = p;
    for (int i = 0; i < p; i++) {
        const lt_field *g = &m->layout.plane[i].field;
        bool same = axes[i] >= 0 && g->channels == f->channels && !g->components == !f->components;
        for (int c = 0; same && f->components && c < f->channels; c++) same = strcmp(f->components[c], g->components[c]) == 0;
        if (!same) continue;
        *which = i;
        return LT_OK;
    }
    bool first = true;
    for (int i = 0; i < p; i++) first = first && axes[i] < 0;
    snprintf(name, sizeof name, first ? "component" : "component_%s", f->name);
    if (f->components) {
        LT_TRY(lt_h5_text_column(m->ids.frames, name, f->components, f->channels, &axes[p]));
        LT_TRY(add_axis(m, name, axes[p], NULL, "component"));
    } else {
        LT_TRY(pixel_axis(m, name, f->channels, "channel", &axes[p]));
    }
done:
    return st;
}

static lt_status write_axes(merge *m)
{
    lt_status st = LT_OK;
    hid_t time = -1, frame = -1, y = -1, x = -1, axes[LT_FIELDS_MAX];
    for (int i = 0; i < LT_FIELDS_MAX; i++) axes[i] = -1;
    LT_TRY(time_axis(m, &time, &frame));
    LT_TRY(pixel_axis(m, "y", m->layout.height, "row, from the top", &y));
    LT_TRY(pixel_axis(m, "x", m->layout.width, "column, from the left", &x));
    for (int p = 0; p < m->layout.n; p++) {
        LT_H5(H5DSattach_scale(m->ids.data[p], time, 0));
        LT_H5(H5DSattach_scale(m->ids.data[p], y, 1));
        LT_H5(H5DSattach_scale(m->ids.data[p], x, 2));
        if (m->layout.plane[p].field.channels == 0) continue;
        int which;
        LT_TRY(component_axis(m, p, axes, &which));
        LT_H5(H5DSattach_scale(m->ids.data[p], axes[which], 3));
    }
done:
    for (int i = 0; i < LT_FIELDS_MAX; i++) LT_H5_CLOSE(H5Dclose, axes[i]);
    LT_H5_CLOSE(H5Dclose, x);
    LT_H5_CLOSE(H5Dclose, y);
    LT_H5_CLOSE(H5Dclose, frame);
    LT_H5_CLOSE(H5Dclose, time);
    return st;
}

static lt_status write_provenance(merge *m)
{
    lt_status st = LT_OK;
    hid_t group = -1;
    char hash[LT_HASH_TEXT], *run = NULL, *video = NULL;
    unsigned major = 0, minor = 0, release = 0;
    char versions[64];
    json_t *facts = json_copy(m->video);
    if (facts) json_object_del(facts, "time"), json_object_del(facts, "frame");
    run = json_dumps(lt_job_settings(m->job), JSON_INDENT(2) | JSON_SORT_KEYS);
    video = facts ? json_dumps(facts, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    if (!run || !video) LT_FAIL(LT_E_MEMORY, "no memory for the provenance");
    lt_hash_text(lt_job_settings_hash(m->job), hash);
    LT_H5(H5get_libversion(&major, &minor, &release));
    snprintf(versions, sizeof versions, "%u.%u.%u", major, minor, release);
    LT_TRY(lt_h5_put_text(m->h5, "video", m->id));
    LT_TRY(lt_h5_put_text(m->h5, "settings_hash", hash));
    LT_TRY(lt_h5_put_int(m->h5, "complete", m->complete));
    const char *meaningless = json_string_value(json_object_get(lt_job_settings(m->job), "meaningless"));
    if (meaningless) LT_TRY(lt_h5_put_text(m->h5, "meaningless", meaningless));
    LT_H5(group = H5Gopen2(m->h5, "provenance", H5P_DEFAULT));
    LT_TRY(lt_h5_put_text(group, "run_json", run));
    LT_TRY(lt_h5_put_text(group, "video_json", video));
    LT_TRY(lt_h5_put_text(group, "input_hash", json_string_value(json_object_get(m->video, "input_hash"))));
    LT_TRY(lt_h5_put_text(group, "software", m->opts->software ? m->opts->software : ""));
    LT_TRY(lt_h5_put_text(group, "hdf5_version", versions));
done:
    LT_H5_CLOSE(H5Gclose, group);
    json_decref(facts);
    free(video);
    free(run);
    return st;
}

/* ---- the whole ---- */

static lt_status seal_result(merge *m, const char *path)
{
    lt_status st = LT_OK;
    lt_seal seal = { LT_SEAL_RESULT, m->complete, { 0, m->n_frames - 1 }, lt_job_settings_hash(m->job), NULL, 0 };
    seal.failed = malloc(((size_t)m->tables.n + 1) * sizeof *seal.failed);
    if (!seal.failed) LT_FAIL(LT_E_MEMORY, "no memory to seal %s", path);
    for (int64_t i = 0; i < m->tables.n; i++)
        if (m->tables.row[i].row.state == LT_SEGMENT_FAILED) seal.failed[seal.n_failed++] = m->tables.row[i].frames;
    LT_TRY(lt_seal_append(m->tmp.fd, path, &seal));
    LT_TRY(lt_tmp_commit(&m->tmp, path));
done:
    lt_seal_free(&seal);
    return st;
}

/* Writes and renames the result of the segments listed. LT_E_DATA: a segment was set aside. */
static lt_status write_result(merge *m, const char *path)
{
    lt_status st = LT_OK;
    int64_t next = 0;
    LT_TRY(add_segment(m, m->segments[0]));
    for (int64_t i = 1; i < m->n; i++) LT_TRY(add_segment(m, m->segments[i]));
    /* Gaps come last, when the fields are known; the table is in order of frames all the same. */
    lt_tables found = m->tables;
    m->tables.row = NULL;
    m->tables.n = 0;
    for (int64_t i = 0; i <= found.n && st >= 0; i++) {
        int64_t first = i < found.n ? found.row[i].frames.first : m->n_frames;
        if (first > next) st = fill_gap(m, (lt_range){ next, first - 1 });
        if (i < found.n && st >= 0) {
            const lt_table_row *row = &found.row[i];
            st = lt_tables_add_row(&m->tables, row->frames, &row->row, row->plan >= 0 ? found.plans[row->plan] : NULL);
            next = row->frames.last + 1;
        }
    }
    free(found.row);
    LT_TRY(st);
    LT_TRY(write_axes(m));
    LT_TRY(lt_tables_write(m->h5, &m->tables));
    LT_TRY(write_provenance(m));
    for (int p = 0; p < m->layout.n; p++) LT_TRY(lt_layout_put_range(&m->ids, p, m->range[p]));
    LT_TRY(lt_layout_ids_close(&m->ids));
    LT_TRY(lt_h5_close(&m->file, &m->h5));
    LT_TRY(lt_h5_file_failure(&m->file));
    LT_TRY(seal_result(m, path));
done:
    return st;
}

static void merge_drop(merge *m)
{
    lt_status st = LT_OK;
    LT_ALSO(lt_layout_ids_close(&m->ids));
    LT_ALSO(lt_h5_close(&m->file, &m->h5));
    (void)st;                                 /* the file is thrown away, or already committed */
    lt_tmp_drop(&m->tmp);
    lt_tables_free(&m->tables);
    lt_layout_free(&m->layout);
    free(m->segments);
    free(m->bytes);
    free(m->hashes);
    m->segments = NULL;
    m->bytes = NULL;
    m->hashes = NULL;
}

static void add_range(char *text, size_t room, lt_range gap, int *n)
{
    size_t used = strlen(text);
    if (++*n == 9) snprintf(text + used, room - used, ", ...");
    if (*n >= 9) return;
    snprintf(text + used, room - used, "%s%lld-%lld", *n > 1 ? ", " : "", (long long)gap.first, (long long)gap.last);
}

static lt_status find_segments(merge *m)
{
    lt_status st = LT_OK;
    char text[400] = "";
    int n_gaps = 0;
    int64_t next = 0, kept = 0;
    LT_TRY(lt_ledger_list(m->job, m->id, &m->segments, &m->n));
    for (int64_t i = 0; i < m->n; i++)
        if (m->segments[i].last < m->n_frames) m->segments[kept++] = m->segments[i];
    m->n = kept;
    for (int64_t i = 0; i <= m->n; i++) {
        int64_t first = i < m->n ? m->segments[i].first : m->n_frames;
        if (first > next) add_range(text, sizeof text, (lt_range){ next, first - 1 }, &n_gaps);
        if (i < m->n) next = m->segments[i].last + 1;
    }
    m->complete = n_gaps == 0;
    if (m->n == 0) LT_FAIL(LT_E_ABSENT, "%s: no frame is done yet: run the job again", m->id);
    if (!m->complete && !m->opts->partial)
        LT_FAIL(LT_E_ABSENT, "%s: frames %s are missing: run the job again, or merge with --partial", m->id, text);
done:
    return st;
}

static lt_status attempt(const lt_job *job, const char *id, const lt_merge_opts *opts, json_t *video, bool *complete)
{
    lt_status st = LT_OK;
    char path[LT_PATH_MAX];
    lt_seal old;
    merge m = { .job = job, .id = id, .opts = opts, .video = video, .tmp = LT_TMP_NONE, .h5 = -1 };
    lt_layout_ids_init(&m.ids);
    m.n_frames = json_integer_value(json_object_get(video, "n_frames"));
    m.bytes = malloc(lt_chunk_bound());
    if (!m.bytes) LT_FAIL(LT_E_MEMORY, "no memory to merge %s", id);
    LT_TRY(find_segments(&m));
    *complete = m.complete;
    lt_job_result_path(job, id, path);
    /* A result that another program changed is kept beside the new one. */
    st = lt_seal_read(path, true, &old);
    if (st == LT_E_DATA) lt_set_aside(path);
    if (st >= 0) lt_seal_free(&old);
    st = LT_OK;
    st = write_result(&m, path);
    if (st < 0) lt_error_prefix("merging %s", path);
done:
    merge_drop(&m);
    return st;
}

/* Not having been able to remove one is no failure: it is told by its name what it belongs to. */
static void remove_segments(const lt_job *job, const char *id)
{
    char path[LT_PATH_MAX], folder[LT_PATH_MAX];
    lt_range *list = NULL;
    int64_t n = 0;
    if (lt_ledger_list(job, id, &list, &n) < 0) return;
    for (int64_t i = 0; i < n; i++) unlink(lt_job_segment_path(job, id, list[i], path));
    free(list);
    if (lt_ledger_list_raw(job, id, &list, &n) < 0) return;
    lt_job_raw_folder(job, id, folder);
    for (int64_t i = 0; i < n; i++) unlink(lt_segment_file(folder, list[i], path));
    free(list);
    rmdir(folder);                            /* stays where anything else is in it */
}

static lt_status check_result(const lt_job *job, const char *id, int n_threads)
{
    lt_status st = LT_OK;
    char path[LT_PATH_MAX];
    lt_verify_report report = { 0 };
    LT_TRY(lt_verify(lt_job_result_path(job, id, path), n_threads, &report));
    if (!report.ok)
        LT_FAIL(LT_E_STORE, "%s does not verify after it was written (%s): the disk or memory of this machine may be failing; the segments are kept",
                path, report.n_problems ? report.problems[0] : "?");
done:
    lt_verify_report_free(&report);
    return st;
}

lt_status lt_merge(const lt_job *job, const char *id, const lt_merge_opts *opts)
{
    lt_status st = LT_OK;
    json_t *video = NULL;
    bool complete = true;
    LT_TRY(lt_job_get_video(job, id, &video));
    for (int tries = 0;; tries++) {
        if (lt_ledger_has_result(job, id)) {
            complete = true;
            break;
        }
        st = attempt(job, id, opts, video, &complete);
        if (st == LT_E_DATA && tries < TRIES) continue;      /* a damaged segment is out of the way now */
        if (st == LT_E_ABSENT) {
            /* One that vanished was merged by another process. Looking for its result must not change the record. */
            lt_error why = *lt_error_last();
            if (lt_ledger_has_result(job, id)) continue;
            lt_error_set(&why);
        }
        LT_TRY(st);
        LT_TRY(check_result(job, id, opts->n_threads < 1 ? 1 : opts->n_threads));
        break;
    }
    st = LT_OK;
    if (complete && !opts->keep_segments) remove_segments(job, id);
done:
    json_decref(video);
    return st;
}
