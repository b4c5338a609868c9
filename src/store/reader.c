#include "store/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static lt_status read_axis(hid_t frames, const char *name, hid_t type, int64_t rows, void **out)
{
    lt_status st = LT_OK;
    hid_t column = -1;
    int64_t n = 0, cols = 0;
    LT_H5(column = H5Dopen2(frames, name, H5P_DEFAULT));
    LT_TRY(lt_h5_extent(column, &n, &cols));
    if (n != rows || cols != 1) LT_FAIL(LT_E_DATA, "it has %lld entries and there are %lld frames", (long long)n, (long long)rows);
    if (!(*out = malloc((size_t)rows * 8 + 8))) LT_FAIL(LT_E_MEMORY, "no memory to read it");
    LT_TRY(lt_h5_read_rows(column, type, 0, rows, *out));
done:
    if (st < 0) lt_error_prefix("/frames/%s", name);
    LT_H5_CLOSE(H5Dclose, column);
    return st;
}

static lt_status read_parts(lt_file_reader *r)
{
    lt_status st = LT_OK;
    char *kind = NULL;
    LT_TRY(lt_h5_open(&r->file, &r->h5));
    LT_TRY(lt_layout_open(r->h5, &r->layout, &r->ids));
    LT_TRY(lt_tables_read(r->h5, &r->tables));
    LT_TRY(lt_h5_get_text(r->h5, "kind", &kind));
    r->is_result = strcmp(kind, "result") == 0;
    if (!r->is_result && strcmp(kind, "segment") != 0) LT_FAIL(LT_E_DATA, "it is neither a result nor a segment");
    if (!r->is_result) goto done;
    LT_TRY(lt_h5_get_int(r->h5, "complete", &r->complete));
    LT_TRY(read_axis(r->ids.frames, "time", H5T_NATIVE_DOUBLE, r->layout.n_frames, (void **)&r->time));
    LT_TRY(read_axis(r->ids.frames, "frame", H5T_NATIVE_INT64, r->layout.n_frames, (void **)&r->frame));
done:
    free(kind);
    return st;
}

lt_status lt_file_reader_open(const char *path, lt_file_reader *r)
{
    lt_status st = LT_OK;
    memset(r, 0, sizeof *r);
    r->h5 = -1;
    lt_layout_ids_init(&r->ids);
    r->file.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r->file.fd < 0 && (errno == ENOENT || errno == ENOTDIR)) LT_FAIL(LT_E_ABSENT, "there is no file %s", path);
    if (r->file.fd < 0) LT_FAIL(LT_E_STORE, "cannot read %s: %s", path, strerror(errno));
    st = read_parts(r);
    /* What HDF5 cannot read in a file that is there is damage. */
    if (st == LT_E_STORE) st = LT_E_DATA;
    if (st < 0) lt_error_prefix("%s", path);
done:
    return st;
}

lt_status lt_file_reader_close(lt_file_reader *r)
{
    lt_status st = LT_OK;
    LT_ALSO(lt_layout_ids_close(&r->ids));
    LT_ALSO(lt_h5_close(&r->file, &r->h5));
    if (r->file.fd >= 0) close(r->file.fd);
    r->file.fd = -1;
    lt_tables_free(&r->tables);
    lt_layout_free(&r->layout);
    free(r->time);
    free(r->frame);
    r->time = NULL;
    r->frame = NULL;
    return st;
}
