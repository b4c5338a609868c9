#include "store/h5_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

/* ---- the driver: what HDF5 asks of a file ---- */

typedef struct {
    H5FD_t      head;               /* HDF5's part comes first */
    lt_h5_file *file;
    haddr_t     eoa, eof;
} driver;

typedef struct {
    lt_h5_file *file;
} driver_info;

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t fapl, haddr_t max)
{
    struct stat about;
    const driver_info *info = H5Pget_driver_info(fapl);
    driver *d = info ? calloc(1, sizeof *d) : NULL;
    (void)name, (void)flags, (void)max;
    if (!d || fstat(info->file->fd, &about) < 0) {
        free(d);
        return NULL;
    }
    d->file = info->file;
    d->eof = (haddr_t)about.st_size;
    return &d->head;
}

static herr_t driver_close(H5FD_t *f)
{
    free(f);
    return 0;
}

static herr_t driver_query(const H5FD_t *f, unsigned long *flags)
{
    (void)f;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *f, H5FD_mem_t type)
{
    (void)type;
    return ((const driver *)f)->eoa;
}

static herr_t driver_set_eoa(H5FD_t *f, H5FD_mem_t type, haddr_t eoa)
{
    (void)type;
    ((driver *)f)->eoa = eoa;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *f, H5FD_mem_t type)
{
    (void)type;
    return ((const driver *)f)->eof;
}

static herr_t driver_read(H5FD_t *f, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t n, void *buffer)
{
    driver *d = (driver *)f;
    (void)type, (void)dxpl;
    while (n > 0) {
        ssize_t got = pread(d->file->fd, buffer, n, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) {
            memset(buffer, 0, n);           /* beyond the end of what was written: zeros, as HDF5's own drivers */
            return 0;
        }
        at += (haddr_t)got;
        n -= (size_t)got;
        buffer = (char *)buffer + got;
    }
    return 0;
}

static herr_t driver_write(H5FD_t *f, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t n, const void *buffer)
{
    driver *d = (driver *)f;
    (void)type, (void)dxpl;
    if (at + n > d->eof) d->eof = at + n;
    while (n > 0 && !d->file->error) {
        ssize_t put = LT_FAULTY("write", ENOSPC, pwrite(d->file->fd, buffer, n, (off_t)at));
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) {
            d->file->error = put < 0 ? errno : ENOSPC;
            break;
        }
        at += (haddr_t)put;
        n -= (size_t)put;
        buffer = (const char *)buffer + put;
    }
    return 0;
}

static herr_t driver_truncate(H5FD_t *f, hid_t dxpl, hbool_t closing)
{
    driver *d = (driver *)f;
    (void)dxpl, (void)closing;
    if (d->eof == d->eoa) return 0;
    if (!d->file->error && ftruncate(d->file->fd, (off_t)d->eoa) < 0) d->file->error = errno;
    d->eof = d->eoa;
    return 0;
}

static const H5FD_class_t driver_class = {
#ifdef H5FD_CLASS_VERSION
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)600,       /* of the range left to others; unused, since it is never looked up */
#endif
    .name = "longtake",
    .maxaddr = ((haddr_t)1 << 62),
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(driver_info),
    .open = driver_open,
    .close = driver_close,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

static lt_status open_or_create(lt_h5_file *file, bool create, hid_t *out)
{
    lt_status st = LT_OK;
    hid_t id = -1, access = -1, creation = -1;
    driver_info info = { file };
    *out = -1;
    lt_h5_quiet();
    file->driver = -1;
    LT_H5(id = H5FDregister(&driver_class));
    LT_H5(access = H5Pcreate(H5P_FILE_ACCESS));
    LT_H5(H5Pset_driver(access, id, &info));
    LT_H5(H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18));
    LT_H5(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG));
    LT_H5(creation = H5Pcreate(H5P_FILE_CREATE));
    LT_H5(H5Pset_link_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED));
    LT_H5(H5Pset_attr_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED));
    LT_H5(H5Pset_obj_track_times(creation, 0));
    /* The name is only a name here: the driver has the descriptor. */
    if (create) LT_H5(*out = H5Fcreate("longtake", H5F_ACC_TRUNC, creation, access));
    else LT_H5(*out = H5Fopen("longtake", H5F_ACC_RDONLY, access));
    file->driver = id;
    id = -1;
done:
    LT_H5_CLOSE(H5Pclose, creation);
    LT_H5_CLOSE(H5Pclose, access);
    LT_H5_CLOSE(H5FDunregister, id);
    return st;
}

lt_status lt_h5_close(lt_h5_file *file, hid_t *h5)
{
    lt_status st = LT_OK;
    if (*h5 < 0) return LT_OK;
    LT_H5_CLOSE(H5Fclose, *h5);
    LT_H5_CLOSE(H5FDunregister, file->driver);
    return st;
}

lt_status lt_h5_create(lt_h5_file *file, hid_t *out)
{
    return open_or_create(file, true, out);
}

lt_status lt_h5_open(lt_h5_file *file, hid_t *out)
{
    return open_or_create(file, false, out);
}

lt_status lt_h5_file_failure(const lt_h5_file *file)
{
    if (!file->error) return LT_OK;
    return lt_raise(LT_E_STORE, __FILE__, __LINE__, __func__, "cannot write: %s", strerror(file->error));
}

/* ---- attributes ---- */

static lt_status text_type(hid_t *out)
{
    lt_status st = LT_OK;
    LT_H5(*out = H5Tcopy(H5T_C_S1));
    LT_H5(H5Tset_size(*out, H5T_VARIABLE));
    LT_H5(H5Tset_cset(*out, H5T_CSET_UTF8));
done:
    return st;
}

/* n < 0: a scalar. */
static lt_status put_attribute(hid_t object, const char *name, hid_t file_type, hid_t memory_type, int64_t n, const void *data)
{
    lt_status st = LT_OK;
    hid_t space = -1, attribute = -1;
    hsize_t dims = n < 0 ? 1 : (hsize_t)n;
    if (n < 0) LT_H5(space = H5Screate(H5S_SCALAR));
    else LT_H5(space = H5Screate_simple(1, &dims, NULL));
    LT_H5(attribute = H5Acreate2(object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT));
    if (dims > 0) LT_H5(H5Awrite(attribute, memory_type, data));
done:
    LT_H5_CLOSE(H5Aclose, attribute);
    LT_H5_CLOSE(H5Sclose, space);
    return st;
}

lt_status lt_h5_put_text(hid_t object, const char *name, const char *text)
{
    lt_status st = LT_OK;
    hid_t type = -1;
    LT_TRY(text_type(&type));
    LT_TRY(put_attribute(object, name, type, type, -1, &text));
done:
    LT_H5_CLOSE(H5Tclose, type);
    return st;
}

lt_status lt_h5_put_texts(hid_t object, const char *name, const char *const *texts, int n)
{
    lt_status st = LT_OK;
    hid_t type = -1;
    LT_TRY(text_type(&type));
    LT_TRY(put_attribute(object, name, type, type, n, texts));
done:
    LT_H5_CLOSE(H5Tclose, type);
    return st;
}

lt_status lt_h5_put_int(hid_t object, const char *name, int64_t value)
{
    return put_attribute(object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, -1, &value);
}

lt_status lt_h5_put_pair(hid_t object, const char *name, const double pair[2])
{
    return put_attribute(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 2, pair);
}

static lt_status open_attribute(hid_t object, const char *name, H5T_class_t wanted, hid_t *attribute, int64_t *n)
{
    lt_status st = LT_OK;
    hid_t type = -1, space = -1;
    if (H5Aexists(object, name) <= 0) LT_FAIL(LT_E_DATA, "the attribute '%s' is missing", name);
    LT_H5(*attribute = H5Aopen(object, name, H5P_DEFAULT));
    LT_H5(type = H5Aget_type(*attribute));
    LT_H5(space = H5Aget_space(*attribute));
    if (H5Tget_class(type) != wanted || (wanted == H5T_STRING && H5Tis_variable_str(type) <= 0))
        LT_FAIL(LT_E_DATA, "the attribute '%s' is of another type", name);
    *n = H5Sget_simple_extent_npoints(space);
    if (*n < 0 || *n > 1 << 24) LT_FAIL(LT_E_DATA, "the attribute '%s' has an impossible size", name);
done:
    LT_H5_CLOSE(H5Sclose, space);
    LT_H5_CLOSE(H5Tclose, type);
    return st;
}

lt_status lt_h5_get_texts(hid_t object, const char *name, char ***texts, int *n)
{
    lt_status st = LT_OK;
    hid_t attribute = -1, type = -1;
    int64_t count = 0;
    char **list = NULL;
    *texts = NULL;
    *n = 0;
    LT_TRY(open_attribute(object, name, H5T_STRING, &attribute, &count));
    list = calloc((size_t)count + 1, sizeof *list);
    if (!list) LT_FAIL(LT_E_MEMORY, "no memory to read the attribute '%s'", name);
    LT_TRY(text_type(&type));
    if (count > 0) LT_H5(H5Aread(attribute, type, list));
    for (int64_t i = 0; i < count; i++)
        if (!list[i]) LT_FAIL(LT_E_DATA, "the attribute '%s' holds no text", name);
    *texts = list;
    *n = (int)count;
    list = NULL;
done:
    lt_texts_free(list, count);
    LT_H5_CLOSE(H5Tclose, type);
    LT_H5_CLOSE(H5Aclose, attribute);
    return st;
}

lt_status lt_h5_get_text(hid_t object, const char *name, char **text)
{
    lt_status st = LT_OK;
    char **texts = NULL;
    int n = 0;
    *text = NULL;
    LT_TRY(lt_h5_get_texts(object, name, &texts, &n));
    if (n != 1) LT_FAIL(LT_E_DATA, "the attribute '%s' is not one text", name);
    *text = texts[0];
    texts[0] = NULL;
done:
    lt_texts_free(texts, n);
    return st;
}

lt_status lt_h5_get_int(hid_t object, const char *name, int64_t *value)
{
    lt_status st = LT_OK;
    hid_t attribute = -1;
    int64_t n = 0;
    LT_TRY(open_attribute(object, name, H5T_INTEGER, &attribute, &n));
    if (n != 1) LT_FAIL(LT_E_DATA, "the attribute '%s' is not one number", name);
    LT_H5(H5Aread(attribute, H5T_NATIVE_INT64, value));
done:
    LT_H5_CLOSE(H5Aclose, attribute);
    return st;
}

lt_status lt_h5_get_pair(hid_t object, const char *name, double pair[2])
{
    lt_status st = LT_OK;
    hid_t attribute = -1;
    int64_t n = 0;
    LT_TRY(open_attribute(object, name, H5T_FLOAT, &attribute, &n));
    if (n != 2) LT_FAIL(LT_E_DATA, "the attribute '%s' is not two numbers", name);
    LT_H5(H5Aread(attribute, H5T_NATIVE_DOUBLE, pair));
done:
    LT_H5_CLOSE(H5Aclose, attribute);
    return st;
}

void lt_texts_free(char **texts, int64_t n)
{
    /* HDF5 allocates what it reads with the system's malloc unless told otherwise. */
    for (int64_t i = 0; texts && i < n; i++) free(texts[i]);
    free(texts);
}

/* ---- groups and columns ---- */

lt_status lt_h5_group(hid_t parent, const char *name, hid_t *out)
{
    lt_status st = LT_OK;
    hid_t how = -1;
    LT_H5(how = H5Pcreate(H5P_GROUP_CREATE));
    LT_H5(H5Pset_link_creation_order(how, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED));
    LT_H5(H5Pset_attr_creation_order(how, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED));
    LT_H5(H5Pset_obj_track_times(how, 0));
    LT_H5(*out = H5Gcreate2(parent, name, H5P_DEFAULT, how, H5P_DEFAULT));
done:
    LT_H5_CLOSE(H5Pclose, how);
    return st;
}

lt_status lt_h5_column(hid_t parent, const char *name, hid_t file_type, hid_t memory_type, int64_t rows, int64_t cols,
                       const void *data, hid_t *out)
{
    lt_status st = LT_OK;
    hid_t how = -1, space = -1, dataset = -1;
    hsize_t dims[2] = { (hsize_t)rows, (hsize_t)(cols < 0 ? 1 : cols) };
    LT_H5(how = H5Pcreate(H5P_DATASET_CREATE));
    LT_H5(H5Pset_obj_track_times(how, 0));
    LT_H5(H5Pset_attr_creation_order(how, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED));
    LT_H5(space = H5Screate_simple(cols < 0 ? 1 : 2, dims, NULL));
    LT_H5(dataset = H5Dcreate2(parent, name, file_type, space, H5P_DEFAULT, how, H5P_DEFAULT));
    if (data && rows > 0) LT_H5(H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data));
    if (out) {
        *out = dataset;
        dataset = -1;
    }
done:
    LT_H5_CLOSE(H5Dclose, dataset);
    LT_H5_CLOSE(H5Sclose, space);
    LT_H5_CLOSE(H5Pclose, how);
    return st;
}

lt_status lt_h5_text_column(hid_t parent, const char *name, const char *const *texts, int64_t rows, hid_t *out)
{
    lt_status st = LT_OK;
    hid_t type = -1;
    LT_TRY(text_type(&type));
    LT_TRY(lt_h5_column(parent, name, type, type, rows, -1, texts, out));
done:
    LT_H5_CLOSE(H5Tclose, type);
    return st;
}

/* The spaces of a transfer of rows [first, first + n) between a dataset and a packed array. */
static lt_status row_spaces(hid_t dataset, int64_t first, int64_t n, hid_t *in_file, hid_t *in_memory)
{
    lt_status st = LT_OK;
    hsize_t dims[2] = { 1, 1 }, start[2] = { (hsize_t)first, 0 };
    LT_H5(*in_file = H5Dget_space(dataset));
    int rank = H5Sget_simple_extent_ndims(*in_file);
    if (rank < 1 || rank > 2) LT_FAIL(LT_E_DATA, "a table has %d dimensions", rank);
    LT_H5(H5Sget_simple_extent_dims(*in_file, dims, NULL));
    if (first < 0 || n < 0 || (uint64_t)first + (uint64_t)n > dims[0]) LT_FAIL(LT_E_DATA, "a table is too short");
    dims[0] = (hsize_t)n;
    LT_H5(*in_memory = H5Screate_simple(rank, dims, NULL));
    LT_H5(H5Sselect_hyperslab(*in_file, H5S_SELECT_SET, start, NULL, dims, NULL));
done:
    return st;
}

lt_status lt_h5_write_rows(hid_t dataset, hid_t memory_type, int64_t first, int64_t n, const void *data)
{
    lt_status st = LT_OK;
    hid_t in_file = -1, in_memory = -1;
    if (n == 0) return LT_OK;
    LT_TRY(row_spaces(dataset, first, n, &in_file, &in_memory));
    LT_H5(H5Dwrite(dataset, memory_type, in_memory, in_file, H5P_DEFAULT, data));
done:
    LT_H5_CLOSE(H5Sclose, in_memory);
    LT_H5_CLOSE(H5Sclose, in_file);
    return st;
}

lt_status lt_h5_read_rows(hid_t dataset, hid_t memory_type, int64_t first, int64_t n, void *data)
{
    lt_status st = LT_OK;
    hid_t in_file = -1, in_memory = -1;
    if (n == 0) return LT_OK;
    LT_TRY(row_spaces(dataset, first, n, &in_file, &in_memory));
    LT_H5(H5Dread(dataset, memory_type, in_memory, in_file, H5P_DEFAULT, data));
done:
    LT_H5_CLOSE(H5Sclose, in_memory);
    LT_H5_CLOSE(H5Sclose, in_file);
    return st;
}

lt_status lt_h5_extent(hid_t dataset, int64_t *rows, int64_t *cols)
{
    lt_status st = LT_OK;
    hid_t space = -1, type = -1, how = -1, file = -1;
    hsize_t dims[2] = { 1, 1 }, file_bytes = 0;
    LT_H5(space = H5Dget_space(dataset));
    LT_H5(file = H5Iget_file_id(dataset));
    LT_H5(H5Fget_filesize(file, &file_bytes));
    LT_H5(type = H5Dget_type(dataset));
    LT_H5(how = H5Dget_create_plist(dataset));
    int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 1 || rank > 2 || H5Pget_layout(how) != H5D_CONTIGUOUS || H5Pget_external_count(how) != 0)
        LT_FAIL(LT_E_DATA, "a table is of another shape or layout");
    LT_H5(H5Sget_simple_extent_dims(space, dims, NULL));
    /* A text of variable length is stored as a length, an address and an index: 16 bytes. */
    uint64_t size = H5Tis_variable_str(type) > 0 ? 16 : H5Tget_size(type), stored = H5Dget_storage_size(dataset);
    if (dims[1] > 1 << 20 || dims[0] > (uint64_t)1 << 36 || dims[0] * dims[1] * size != stored || stored > file_bytes)
        LT_FAIL(LT_E_DATA, "a table claims more rows than it has");
    *rows = (int64_t)dims[0];
    *cols = (int64_t)dims[1];
done:
    LT_H5_CLOSE(H5Fclose, file);
    LT_H5_CLOSE(H5Pclose, how);
    LT_H5_CLOSE(H5Tclose, type);
    LT_H5_CLOSE(H5Sclose, space);
    return st;
}

lt_status lt_h5_read_texts(hid_t dataset, int64_t rows, char ***texts)
{
    lt_status st = LT_OK;
    hid_t type = -1, stored = -1;
    char **list = calloc((size_t)rows + 1, sizeof *list);
    *texts = NULL;
    if (!list) LT_FAIL(LT_E_MEMORY, "no memory to read a table of texts");
    LT_H5(stored = H5Dget_type(dataset));
    if (H5Tget_class(stored) != H5T_STRING || H5Tis_variable_str(stored) <= 0) LT_FAIL(LT_E_DATA, "a column holds no texts");
    LT_TRY(text_type(&type));
    if (rows > 0) LT_H5(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, list));
    for (int64_t i = 0; i < rows; i++)
        if (!list[i]) LT_FAIL(LT_E_DATA, "a column of texts has a hole");
    *texts = list;
    list = NULL;
done:
    lt_texts_free(list, rows);
    LT_H5_CLOSE(H5Tclose, type);
    LT_H5_CLOSE(H5Tclose, stored);
    return st;
}
