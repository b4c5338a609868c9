#include "store/job.h"
#include "store/reader.h"
#include "store/seal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* Files held open: the segment in hand, its neighbour, and the one with the anchor. */
enum { HELD = 3 };

typedef struct {
    lt_range       range;
    bool           open;
    uint64_t       used;
    lt_file_reader reader;
} held_file;

struct lt_raw {
    const lt_job *job;
    char         *id;
    held_file     held[HELD];
    uint64_t      clock;
    lt_codecs    *codecs;
    uint8_t      *bytes;                     /* a stored chunk */
    uint64_t     *hashes;
    size_t        n_hashes;
    const char   *plan;                      /* of the row read last, in one of the files */
};

lt_status lt_raw_create(const lt_job *job, const char *id, lt_raw **out)
{
    lt_status st = LT_OK;
    lt_raw *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r) LT_FAIL(LT_E_MEMORY, "no memory to read raw segments");
    r->job = job;
    r->id = strdup(id);
    r->bytes = malloc(lt_chunk_bound());
    if (!r->id || !r->bytes) LT_FAIL(LT_E_MEMORY, "no memory to read raw segments");
    LT_TRY(lt_codecs_create(1, 0, &r->codecs));
    *out = r;
    r = NULL;
done:
    lt_raw_destroy(&r);
    return st;
}

static void let_go(held_file *h)
{
    if (h->open) (void)lt_file_reader_close(&h->reader);     /* nothing was written that could be lost */
    h->open = false;
}

/* Opens the committed file that has `index` in the place used least lately. */
static lt_status open_file(lt_raw *r, int64_t index, held_file **out)
{
    lt_status st = LT_OK;
    char folder[LT_PATH_MAX], path[LT_PATH_MAX] = "";
    lt_range *list = NULL;
    lt_seal seal = { 0 };
    int64_t n = 0, i = 0;
    held_file *h = &r->held[0];
    for (int k = 1; k < HELD; k++)
        if (r->held[k].used < h->used) h = &r->held[k];
    LT_TRY(lt_ledger_list_raw(r->job, r->id, &list, &n));
    while (i < n && (index < list[i].first || index > list[i].last)) i++;
    if (i == n) LT_FAIL(LT_E_ABSENT, "%s: the raw segment of %lld is not there: run the job again", r->id, (long long)index);
    let_go(h);
    lt_segment_file(lt_job_raw_folder(r->job, r->id, folder), list[i], path);
    LT_TRY(lt_seal_read(path, false, &seal));
    h->open = true;
    LT_TRY(lt_file_reader_open(path, &h->reader));
    h->range = list[i];
    const lt_layout *l = &h->reader.layout;
    if (l->n_frames != list[i].last - list[i].first + 1 || l->n != 1 || l->plane[0].field.dtype != LT_F32)
        LT_FAIL(LT_E_DATA, "%s: it is no raw segment", path);
    const size_t chunks = (size_t)l->plane[0].tiling.n;
    if (chunks > r->n_hashes) {
        uint64_t *more = realloc(r->hashes, chunks * sizeof *more);
        if (!more) LT_FAIL(LT_E_MEMORY, "no memory to read raw segments");
        r->hashes = more;
        r->n_hashes = chunks;
    }
    *out = h;
done:
    /* A damaged file is out of the way for the next run, which makes it again. */
    if (st == LT_E_DATA) {
        lt_set_aside(path);
        st = lt_raise(LT_E_STORE, __FILE__, __LINE__, __func__, "a raw segment was damaged after it was written; run the job again: %s",
                      lt_error_last()->text);
    }
    if (st < 0) let_go(h);
    lt_seal_free(&seal);
    free(list);
    return st;
}

lt_status lt_raw_read(lt_raw *r, int64_t index, float *out, int width, int height, char *why, lt_segment_row *row)
{
    lt_status st = LT_OK;
    held_file *h = NULL;
    why[0] = 0;
    lt_segment_row_init(row);
    r->plan = NULL;
    for (int k = 0; k < HELD && !h; k++)
        if (r->held[k].open && index >= r->held[k].range.first && index <= r->held[k].range.last) h = &r->held[k];
    if (!h) LT_TRY(open_file(r, index, &h));
    h->used = ++r->clock;
    const lt_file_reader *f = &h->reader;
    const lt_plane *p = &f->layout.plane[0];
    const int64_t t = index - h->range.first;
    if (f->layout.width != width || f->layout.height != height)
        LT_FAIL(LT_E_INTERNAL, "raw maps of %dx%d where %dx%d are wanted", f->layout.width, f->layout.height, width, height);
    LT_TRY(lt_h5_read_rows(f->ids.chunk_hash[0], H5T_NATIVE_UINT64, t, 1, r->hashes));
    lt_codec *codec = lt_codecs_take(r->codecs);
    for (int c = 0; c < p->tiling.n && st >= 0; c++) {
        size_t n = 0;
        st = lt_layout_read_chunk(&f->layout, &f->ids, 0, t, c, r->bytes, &n);
        if (st >= 0 && XXH3_64bits(r->bytes, n) != r->hashes[c])
            st = lt_raise(LT_E_STORE, __FILE__, __LINE__, __func__, "a chunk of a raw segment does not match its checksum: run the job again");
        if (st >= 0) st = lt_chunk_decode(codec, &p->tiling, c, r->bytes, n, (uint8_t *)out);
    }
    lt_codecs_give(r->codecs, codec);
    LT_TRY(st);
    for (int64_t i = 0; i < f->tables.n; i++) {
        const lt_table_row *found = &f->tables.row[i];
        if (index < found->frames.first || index > found->frames.last) continue;
        *row = found->row;
        r->plan = found->plan >= 0 ? f->tables.plans[found->plan] : NULL;
    }
    for (int64_t i = 0; i < f->tables.n_unreadable; i++)
        if (f->tables.unreadable[i] == index) snprintf(why, LT_RAW_WHY, "%s", f->tables.reason[i]);
done:
    return st;
}

const char *lt_raw_plan(const lt_raw *r)
{
    return r->plan;
}

void lt_raw_destroy(lt_raw **raw)
{
    lt_raw *r = *raw;
    if (!r) return;
    for (int k = 0; k < HELD; k++) let_go(&r->held[k]);
    lt_codecs_destroy(&r->codecs);
    free(r->hashes);
    free(r->bytes);
    free(r->id);
    free(r);
    *raw = NULL;
}

void lt_segment_forget(const lt_job *job, const char *id, lt_range segment)
{
    char path[LT_PATH_MAX];
    if (access(lt_job_result_path(job, id, path), F_OK) == 0) return;
    lt_job_segment_path(job, id, segment, path);
    if (access(path, F_OK) == 0) lt_set_aside(path);
}

lt_status lt_segment_carry(const lt_job *job, const char *id, lt_range segment, char **text)
{
    lt_status st = LT_OK;
    char path[LT_PATH_MAX];
    lt_seal seal = { 0 };
    lt_file_reader f = { .file = { -1, 0, -1 }, .h5 = -1 };
    *text = NULL;
    lt_layout_ids_init(&f.ids);
    lt_job_segment_path(job, id, segment, path);
    LT_TRY(lt_seal_read(path, false, &seal));
    LT_TRY(lt_file_reader_open(path, &f));
    if (H5Aexists(f.h5, "carry") <= 0) LT_FAIL(LT_E_ABSENT, "%s has no carry", path);
    LT_TRY(lt_h5_get_text(f.h5, "carry", text));
done:
    lt_seal_free(&seal);
    LT_ALSO(lt_file_reader_close(&f));
    return st;
}
