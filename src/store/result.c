#include "store/reader.h"
#include "store/seal.h"

#include <longtake/result.h>

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct lt_result {
    lt_file_reader reader;
    lt_result_info info;
    lt_field       fields[LT_FIELDS_MAX];
    double         range[LT_FIELDS_MAX][2];
    char          *meaningless;
    lt_codecs     *codecs;
    uint8_t       *bytes, *frame;        /* a stored chunk; a stored frame */
    uint64_t      *chunk_hash;
    char           path[LT_PATH_MAX];
};

lt_status lt_result_open(const char *path, lt_result **out)
{
    lt_status st = LT_OK;
    lt_seal seal = { 0 };
    lt_result *r = NULL;
    size_t most = 0, chunks = 1;
    *out = NULL;
    LT_TRY(lt_seal_read(path, true, &seal));
    if (seal.kind != LT_SEAL_RESULT) LT_FAIL(LT_E_DATA, "%s is a segment, not a result: merge the job first", path);
    r = calloc(1, sizeof *r);
    if (!r) LT_FAIL(LT_E_MEMORY, "no memory to open %s", path);
    memcpy(r->path, path, strnlen(path, LT_PATH_MAX - 1));
    LT_TRY(lt_file_reader_open(path, &r->reader));
    const lt_layout *l = &r->reader.layout;
    if (!r->reader.is_result) LT_FAIL(LT_E_DATA, "%s is not a result", path);
    for (int p = 0; p < l->n; p++) {
        r->fields[p] = l->plane[p].field;
        lt_layout_get_range(&r->reader.ids, p, r->range[p]);
        if (l->plane[p].n_bytes > most) most = l->plane[p].n_bytes;
        if ((size_t)l->plane[p].tiling.n > chunks) chunks = (size_t)l->plane[p].tiling.n;
    }
    if (H5Aexists(r->reader.h5, "meaningless") > 0) LT_TRY(lt_h5_get_text(r->reader.h5, "meaningless", &r->meaningless));
    r->info = (lt_result_info){ l->n_frames, l->width, l->height, r->fields, l->n, r->reader.time, r->reader.frame, r->reader.complete != 0,
                                r->range, r->meaningless };
    LT_TRY(lt_codecs_create(1, 0, &r->codecs));
    r->bytes = malloc(lt_chunk_bound());
    r->frame = malloc(most);
    r->chunk_hash = malloc(chunks * sizeof *r->chunk_hash);
    if (!r->bytes || !r->frame || !r->chunk_hash) LT_FAIL(LT_E_MEMORY, "no memory to read frames of %zu bytes", most);
    *out = r;
    r = NULL;
done:
    lt_seal_free(&seal);
    lt_result_close(&r);
    return st;
}

const lt_result_info *lt_result_info_get(const lt_result *r)
{
    return &r->info;
}

lt_status lt_result_read(lt_result *r, int field, int64_t frame, void *out)
{
    lt_status st = LT_OK;
    if (field < 0 || field >= r->info.n_fields || frame < 0 || frame >= r->info.n_frames)
        LT_FAIL(LT_E_INTERNAL, "field %d, frame %lld of a result that has %d and %lld", field, (long long)frame, r->info.n_fields,
                (long long)r->info.n_frames);
    const lt_plane *p = &r->reader.layout.plane[field];
    LT_TRY(lt_h5_read_rows(r->reader.ids.chunk_hash[field], H5T_NATIVE_UINT64, frame, 1, r->chunk_hash));
    lt_codec *codec = lt_codecs_take(r->codecs);
    for (int c = 0; c < p->tiling.n && st >= 0; c++) {
        size_t n = 0;
        st = lt_layout_read_chunk(&r->reader.layout, &r->reader.ids, field, frame, c, r->bytes, &n);
        if (st >= 0 && XXH3_64bits(r->bytes, n) != r->chunk_hash[c])
            st = lt_raise(LT_E_DATA, __FILE__, __LINE__, __func__, "a chunk does not match its checksum");
        if (st >= 0) st = lt_chunk_decode(codec, &p->tiling, c, r->bytes, n, r->frame);
    }
    lt_codecs_give(r->codecs, codec);
    LT_TRY(st);
    if (p->field.dtype == LT_F16) {
        for (size_t i = 0; i < p->n_values; i++) {
            uint16_t half;
            memcpy(&half, r->frame + 2 * i, sizeof half);
            ((float *)out)[i] = lt_half_to_float(half);
        }
    } else {
        memcpy(out, r->frame, p->n_bytes);
    }
done:
    if (st == LT_E_STORE) st = LT_E_DATA;
    if (st < 0) lt_error_prefix("%s, frame %lld", r->path, (long long)frame);
    return st;
}

void lt_result_close(lt_result **result)
{
    lt_result *r = *result;
    if (!r) return;
    (void)lt_file_reader_close(&r->reader);       /* nothing was written that could be lost */
    lt_codecs_destroy(&r->codecs);
    free(r->bytes);
    free(r->frame);
    free(r->chunk_hash);
    free(r->meaningless);
    free(r);
    *result = NULL;
}
