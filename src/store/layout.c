#include "store/layout.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the description ---- */

static char *copy_text(const char *text)
{
    return strdup(text ? text : "");
}

static void free_field(lt_field *f)
{
    for (int i = 0; f->components && i < f->channels; i++) free((char *)f->components[i]);
    free((void *)f->components);
    free((char *)f->name);
    free((char *)f->units);
    free((char *)f->long_name);
    memset(f, 0, sizeof *f);
}

static lt_status copy_field(const lt_field *from, lt_field *to)
{
    lt_status st = LT_OK;
    char **components = NULL;
    *to = (lt_field){ copy_text(from->name), from->dtype, from->channels, NULL, copy_text(from->units), copy_text(from->long_name), from->fill };
    if (!to->name || !to->units || !to->long_name) LT_FAIL(LT_E_MEMORY, "no memory to describe a field");
    if (!from->components) goto done;
    components = calloc((size_t)from->channels + 1, sizeof *components);
    to->components = (const char *const *)components;
    for (int i = 0; components && i < from->channels; i++)
        if (!(components[i] = copy_text(from->components[i]))) LT_FAIL(LT_E_MEMORY, "no memory to describe a field");
    if (!components) LT_FAIL(LT_E_MEMORY, "no memory to describe a field");
done:
    return st;
}

static bool good_name(const char *name)
{
    size_t n = name ? strlen(name) : 0;
    static const char *const taken[] = { "time", "y", "x", "frame" };
    if (n == 0 || n > 63 || !islower((unsigned char)name[0]) || strncmp(name, "component", 9) == 0) return false;
    for (size_t i = 0; i < n; i++)
        if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) && name[i] != '_') return false;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(name, taken[i]) == 0) return false;
    return true;
}

static void set_fill(lt_plane *p)
{
    float value = (float)p->field.fill;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    /* One NaN, so that files made by different compilers agree. */
    if (isnan(p->field.fill)) bits = 0x7fc00000u;
    uint16_t half = isnan(p->field.fill) ? 0x7e00u : lt_half_from_float(value);
    if (p->field.dtype == LT_U8) p->fill[0] = (uint8_t)p->field.fill;
    else if (p->field.dtype == LT_F16) memcpy(p->fill, &half, sizeof half);
    else memcpy(p->fill, &bits, sizeof bits);
}

lt_status lt_layout_init(lt_layout *l, const lt_field *fields, int n_fields, int width, int height, int64_t n_frames)
{
    lt_status st = LT_OK;
    memset(l, 0, sizeof *l);
    if (n_fields < 1 || n_fields > LT_FIELDS_MAX || width < 1 || height < 1 || width > LT_SIZE_MAX || height > LT_SIZE_MAX || n_frames < 1)
        LT_FAIL(LT_E_INTERNAL, "%d fields of %lld frames of %dx%d cannot be stored", n_fields, (long long)n_frames, width, height);
    l->width = width;
    l->height = height;
    l->n_frames = n_frames;
    for (int i = 0; i < n_fields; i++) {
        const lt_field *f = &fields[i];
        lt_plane *p = &l->plane[i];
        if (!good_name(f->name) || f->dtype > LT_F32 || f->channels < 0 || f->channels > LT_CHANNELS_MAX ||
            (f->dtype == LT_U8 && !(f->fill >= 0 && f->fill <= 255)))
            LT_FAIL(LT_E_INTERNAL, "the field '%.80s' breaks the rules of longtake/field.h", f->name ? f->name : "");
        for (int j = 0; j < i; j++)
            if (strcmp(fields[j].name, f->name) == 0) LT_FAIL(LT_E_INTERNAL, "there are two fields '%s'", f->name);
        l->n = i + 1;
        LT_TRY(copy_field(f, &p->field));
        lt_tiling_init(&p->tiling, width, height, f->channels > 1 ? f->channels : 1, lt_dtype_bytes(f->dtype));
        p->n_values = lt_field_values(f, width, height);
        p->n_bytes = p->n_values * lt_dtype_bytes(f->dtype);
        set_fill(p);
    }
done:
    if (st < 0) lt_layout_free(l);
    return st;
}

void lt_layout_free(lt_layout *l)
{
    for (int i = 0; i < l->n; i++) free_field(&l->plane[i].field);
    l->n = 0;
}

bool lt_layout_equal(const lt_layout *a, const lt_layout *b)
{
    bool same = a->n == b->n && a->width == b->width && a->height == b->height;
    for (int i = 0; same && i < a->n; i++) {
        const lt_field *f = &a->plane[i].field, *g = &b->plane[i].field;
        same = strcmp(f->name, g->name) == 0 && f->dtype == g->dtype && f->channels == g->channels &&
               memcmp(a->plane[i].fill, b->plane[i].fill, 4) == 0 && !f->components == !g->components;
    }
    return same;
}

int64_t lt_layout_chunks(const lt_layout *l)
{
    int64_t n = 0;
    for (int i = 0; i < l->n; i++) n += l->plane[i].tiling.n;
    return n;
}

/* ---- making ---- */

void lt_layout_ids_init(lt_layout_ids *ids)
{
    ids->frames = ids->check = -1;
    for (int i = 0; i < LT_FIELDS_MAX; i++) ids->data[i] = ids->chunk_hash[i] = ids->frame_hash[i] = -1;
}

lt_status lt_layout_ids_close(lt_layout_ids *ids)
{
    lt_status st = LT_OK;
    for (int i = 0; i < LT_FIELDS_MAX; i++) {
        LT_H5_CLOSE(H5Dclose, ids->data[i]);
        LT_H5_CLOSE(H5Dclose, ids->chunk_hash[i]);
        LT_H5_CLOSE(H5Dclose, ids->frame_hash[i]);
    }
    LT_H5_CLOSE(H5Gclose, ids->check);
    LT_H5_CLOSE(H5Gclose, ids->frames);
    return st;
}

static lt_status stored_type(lt_dtype dtype, hid_t *out)
{
    lt_status st = LT_OK;
    LT_H5(*out = H5Tcopy(dtype == LT_U8 ? H5T_STD_U8LE : H5T_IEEE_F32LE));
    if (dtype != LT_F16) goto done;
    /* HDF5 before 1.14.4 has no name for it: 1 sign, 5 exponent and 10 mantissa bits. */
    LT_H5(H5Tset_fields(*out, 15, 10, 5, 0, 10));
    LT_H5(H5Tset_size(*out, 2));
    LT_H5(H5Tset_ebias(*out, 15));
done:
    return st;
}

static int frame_dims(const lt_layout *l, const lt_plane *p, hsize_t dims[4], hsize_t chunk[4])
{
    const hsize_t d[4] = { (hsize_t)l->n_frames, (hsize_t)l->height, (hsize_t)l->width, (hsize_t)p->tiling.channels };
    const hsize_t c[4] = { 1, (hsize_t)p->tiling.rows, (hsize_t)p->tiling.cols, (hsize_t)p->tiling.channels };
    memcpy(dims, d, sizeof d);
    memcpy(chunk, c, sizeof c);
    return p->field.channels > 0 ? 4 : 3;
}

static lt_status create_plane(hid_t frames, const lt_layout *l, const lt_plane *p, int level, hid_t *out)
{
    lt_status st = LT_OK;
    hid_t how = -1, space = -1, type = -1, scalar = -1, fill = -1;
    hsize_t dims[4], chunk[4];
    int rank = frame_dims(l, p, dims, chunk);
    LT_TRY(stored_type(p->field.dtype, &type));
    LT_H5(how = H5Pcreate(H5P_DATASET_CREATE));
    LT_H5(H5Pset_obj_track_times(how, 0));
    LT_H5(H5Pset_attr_creation_order(how, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED));
    LT_H5(H5Pset_chunk(how, rank, chunk));
    if (p->tiling.item > 1) LT_H5(H5Pset_shuffle(how));
    /* HDF5 stores levels 0..9; readers do not need it. */
    LT_H5(H5Pset_deflate(how, (unsigned)(level > 9 ? 9 : level)));
    LT_H5(H5Pset_fill_value(how, type, p->fill));
    LT_H5(space = H5Screate_simple(rank, dims, NULL));
    LT_H5(*out = H5Dcreate2(frames, p->field.name, type, space, H5P_DEFAULT, how, H5P_DEFAULT));
    LT_TRY(lt_h5_put_text(*out, "units", p->field.units));
    LT_TRY(lt_h5_put_text(*out, "long_name", p->field.long_name));
    LT_H5(scalar = H5Screate(H5S_SCALAR));
    LT_H5(fill = H5Acreate2(*out, "_FillValue", type, scalar, H5P_DEFAULT, H5P_DEFAULT));
    LT_H5(H5Awrite(fill, type, p->fill));
    if (p->field.components) LT_TRY(lt_h5_put_texts(*out, "components", p->field.components, p->field.channels));
done:
    LT_H5_CLOSE(H5Aclose, fill);
    LT_H5_CLOSE(H5Sclose, scalar);
    LT_H5_CLOSE(H5Sclose, space);
    LT_H5_CLOSE(H5Pclose, how);
    LT_H5_CLOSE(H5Tclose, type);
    return st;
}

static lt_status create_check(hid_t check, const lt_layout *l, int i, lt_layout_ids *ids)
{
    lt_status st = LT_OK;
    hid_t group = -1;
    LT_TRY(lt_h5_group(check, l->plane[i].field.name, &group));
    LT_TRY(lt_h5_column(group, "frame", H5T_STD_U64LE, H5T_NATIVE_UINT64, l->n_frames, 2, NULL, &ids->frame_hash[i]));
    LT_TRY(lt_h5_column(group, "chunk", H5T_STD_U64LE, H5T_NATIVE_UINT64, l->n_frames, l->plane[i].tiling.n, NULL, &ids->chunk_hash[i]));
done:
    LT_H5_CLOSE(H5Gclose, group);
    return st;
}

lt_status lt_layout_create(hid_t file, const lt_layout *l, const char *kind, int level, lt_layout_ids *ids)
{
    lt_status st = LT_OK;
    const char *names[LT_FIELDS_MAX];
    for (int i = 0; i < l->n; i++) names[i] = l->plane[i].field.name;
    LT_TRY(lt_h5_put_int(file, "longtake_format", LT_FORMAT));
    LT_TRY(lt_h5_put_text(file, "kind", kind));
    LT_TRY(lt_h5_put_texts(file, "fields", names, l->n));
    LT_TRY(lt_h5_group(file, "frames", &ids->frames));
    LT_TRY(lt_h5_group(file, "check", &ids->check));
    for (int i = 0; i < l->n; i++) {
        LT_TRY(create_plane(ids->frames, l, &l->plane[i], level, &ids->data[i]));
        LT_TRY(create_check(ids->check, l, i, ids));
    }
done:
    return st;
}

lt_status lt_layout_put_range(const lt_layout_ids *ids, int p, const double range[2])
{
    return range[0] > range[1] ? LT_OK : lt_h5_put_pair(ids->data[p], "actual_range", range);
}

void lt_layout_get_range(const lt_layout_ids *ids, int p, double range[2])
{
    if (H5Aexists(ids->data[p], "actual_range") > 0 && lt_h5_get_pair(ids->data[p], "actual_range", range) >= 0) return;
    range[0] = 1;
    range[1] = 0;
}

/* ---- reading ---- */

/* The type and sizes of a dataset that calls itself a field. */
static lt_status read_shape(hid_t dataset, lt_dtype *dtype, int *rank, hsize_t dims[4])
{
    lt_status st = LT_OK;
    hid_t type = -1, space = -1, wanted = -1;
    LT_H5(type = H5Dget_type(dataset));
    LT_H5(space = H5Dget_space(dataset));
    size_t item = H5Tget_size(type);
    *dtype = item == 1 ? LT_U8 : item == 2 ? LT_F16 : LT_F32;
    LT_TRY(stored_type(*dtype, &wanted));
    if (H5Tequal(type, wanted) <= 0) LT_FAIL(LT_E_DATA, "it is of another type than u8, f16 or f32");
    *rank = H5Sget_simple_extent_ndims(space);
    if (*rank != 3 && *rank != 4) LT_FAIL(LT_E_DATA, "it has %d dimensions, not 3 or 4", *rank);
    dims[3] = 0;
    LT_H5(H5Sget_simple_extent_dims(space, dims, NULL));
    if (dims[0] < 1 || dims[0] > (hsize_t)1 << 40 || dims[1] < 1 || dims[1] > LT_SIZE_MAX || dims[2] < 1 || dims[2] > LT_SIZE_MAX ||
        dims[3] > LT_CHANNELS_MAX || (*rank == 4 && dims[3] < 1))
        LT_FAIL(LT_E_DATA, "its dimensions make no sense");
done:
    LT_H5_CLOSE(H5Tclose, wanted);
    LT_H5_CLOSE(H5Sclose, space);
    LT_H5_CLOSE(H5Tclose, type);
    return st;
}

/* Chunk shape and filters must be those that lt_chunk_decode undoes. */
static lt_status check_storage(hid_t dataset, const lt_layout *l, const lt_plane *p)
{
    lt_status st = LT_OK;
    hid_t how = -1;
    hsize_t dims[4], want[4], have[4] = { 0 };
    int rank = frame_dims(l, p, dims, want), n_filters = p->tiling.item > 1 ? 2 : 1;
    LT_H5(how = H5Dget_create_plist(dataset));
    if (H5Pget_layout(how) != H5D_CHUNKED || H5Pget_chunk(how, 4, have) != rank || memcmp(have, want, (size_t)rank * sizeof *have) != 0)
        LT_FAIL(LT_E_DATA, "its chunks are not those of format %d", LT_FORMAT);
    bool good = H5Pget_nfilters(how) == n_filters;
    for (int i = 0; good && i < n_filters; i++) {
        unsigned flags, values[8];
        size_t n_values = 8;
        H5Z_filter_t filter = H5Pget_filter2(how, (unsigned)i, &flags, &n_values, values, 0, NULL, NULL);
        good = filter == (i + 1 < n_filters ? H5Z_FILTER_SHUFFLE : H5Z_FILTER_DEFLATE);
    }
    if (!good) LT_FAIL(LT_E_DATA, "its filters are not shuffle and deflate");
done:
    LT_H5_CLOSE(H5Pclose, how);
    return st;
}

static lt_status read_fill(hid_t dataset, lt_dtype dtype, double *fill)
{
    lt_status st = LT_OK;
    hid_t attribute = -1, type = -1, wanted = -1;
    uint8_t raw[4] = { 0 };
    if (H5Aexists(dataset, "_FillValue") <= 0) LT_FAIL(LT_E_DATA, "the attribute '_FillValue' is missing");
    LT_H5(attribute = H5Aopen(dataset, "_FillValue", H5P_DEFAULT));
    LT_H5(type = H5Aget_type(attribute));
    LT_TRY(stored_type(dtype, &wanted));
    if (H5Tequal(type, wanted) <= 0 || H5Aget_storage_size(attribute) != lt_dtype_bytes(dtype))
        LT_FAIL(LT_E_DATA, "the attribute '_FillValue' is of another type");
    LT_H5(H5Aread(attribute, wanted, raw));
    float value;
    uint16_t half;
    memcpy(&value, raw, sizeof value);
    memcpy(&half, raw, sizeof half);
    *fill = dtype == LT_U8 ? raw[0] : dtype == LT_F16 ? (double)lt_half_to_float(half) : (double)value;
done:
    LT_H5_CLOSE(H5Tclose, wanted);
    LT_H5_CLOSE(H5Tclose, type);
    LT_H5_CLOSE(H5Aclose, attribute);
    return st;
}

/* `texts` becomes the field's own where it returns LT_OK. */
static lt_status read_field(hid_t dataset, const char *name, lt_field *f, int64_t *n_frames, int *width, int *height)
{
    lt_status st = LT_OK;
    hsize_t dims[4];
    int rank = 0, n = 0;
    char *units = NULL, *long_name = NULL, **components = NULL;
    memset(f, 0, sizeof *f);
    LT_TRY(read_shape(dataset, &f->dtype, &rank, dims));
    LT_TRY(lt_h5_get_text(dataset, "units", &units));
    f->units = units;
    LT_TRY(lt_h5_get_text(dataset, "long_name", &long_name));
    f->long_name = long_name;
    LT_TRY(read_fill(dataset, f->dtype, &f->fill));
    f->channels = rank == 4 ? (int)dims[3] : 0;
    if (H5Aexists(dataset, "components") > 0) {
        LT_TRY(lt_h5_get_texts(dataset, "components", &components, &n));
        if (n != f->channels) {
            lt_texts_free(components, n);
            LT_FAIL(LT_E_DATA, "it has %d channels and names %d", f->channels, n);
        }
        f->components = (const char *const *)components;
    }
    if (!(f->name = copy_text(name))) LT_FAIL(LT_E_MEMORY, "no memory to read a field");
    *n_frames = (int64_t)dims[0];
    *height = (int)dims[1];
    *width = (int)dims[2];
done:
    return st;
}

static lt_status open_check(hid_t file, const lt_layout *l, int i, lt_layout_ids *ids)
{
    lt_status st = LT_OK;
    int64_t rows = 0, cols = 0;
    hid_t group = -1;
    LT_H5(group = H5Gopen2(ids->check, l->plane[i].field.name, H5P_DEFAULT));
    LT_H5(ids->frame_hash[i] = H5Dopen2(group, "frame", H5P_DEFAULT));
    LT_H5(ids->chunk_hash[i] = H5Dopen2(group, "chunk", H5P_DEFAULT));
    LT_TRY(lt_h5_extent(ids->frame_hash[i], &rows, &cols));
    if (rows != l->n_frames || cols != 2) LT_FAIL(LT_E_DATA, "its table of frame checksums is of another size");
    LT_TRY(lt_h5_extent(ids->chunk_hash[i], &rows, &cols));
    if (rows != l->n_frames || cols != l->plane[i].tiling.n) LT_FAIL(LT_E_DATA, "its table of chunk checksums is of another size");
done:
    (void)file;
    LT_H5_CLOSE(H5Gclose, group);
    return st;
}

static lt_status open_plane(hid_t file, lt_layout *l, int i, lt_layout_ids *ids)
{
    lt_status st = LT_OK;
    const lt_plane *p = &l->plane[i];
    LT_TRY(check_storage(ids->data[i], l, p));
    LT_TRY(open_check(file, l, i, ids));
done:
    return st;
}

lt_status lt_layout_open(hid_t file, lt_layout *l, lt_layout_ids *ids)
{
    lt_status st = LT_OK;
    char **names = NULL;
    lt_field fields[LT_FIELDS_MAX];
    int n = 0, n_read = 0, width = 0, height = 0;
    int64_t format = 0, n_frames = 0;
    memset(l, 0, sizeof *l);
    LT_TRY(lt_h5_get_int(file, "longtake_format", &format));
    if (format != LT_FORMAT) LT_FAIL(LT_E_DATA, "its format is %lld and this program knows %d", (long long)format, LT_FORMAT);
    LT_TRY(lt_h5_get_texts(file, "fields", &names, &n));
    if (n < 1 || n > LT_FIELDS_MAX) LT_FAIL(LT_E_DATA, "it names %d fields", n);
    LT_H5(ids->frames = H5Gopen2(file, "frames", H5P_DEFAULT));
    LT_H5(ids->check = H5Gopen2(file, "check", H5P_DEFAULT));
    for (int i = 0; i < n; i++) {
        int w = 0, h = 0;
        int64_t t = 0;
        if (!good_name(names[i])) LT_FAIL(LT_E_DATA, "it names an impossible field");
        LT_H5(ids->data[i] = H5Dopen2(ids->frames, names[i], H5P_DEFAULT));
        n_read = i + 1;
        st = read_field(ids->data[i], names[i], &fields[i], &t, &w, &h);
        if (st < 0) lt_error_prefix("/frames/%s", names[i]);
        LT_TRY(st);
        if (i > 0 && (t != n_frames || w != width || h != height))
            LT_FAIL(LT_E_DATA, "/frames/%s is of another size than /frames/%s", names[i], names[0]);
        n_frames = t, width = w, height = h;
    }
    LT_TRY(lt_layout_init(l, fields, n, width, height, n_frames));
    for (int i = 0; i < n; i++) {
        st = open_plane(file, l, i, ids);
        if (st < 0) lt_error_prefix("/frames/%s", names[i]);
        LT_TRY(st);
    }
done:
    for (int i = 0; i < n_read; i++) free_field(&fields[i]);
    lt_texts_free(names, n);
    if (st < 0) lt_layout_free(l);
    return st;
}

/* ---- chunks ---- */

static void chunk_place(const lt_plane *p, int64_t t, int index, hsize_t at[4])
{
    at[0] = (hsize_t)t;
    at[1] = (hsize_t)(index / p->tiling.n_x * p->tiling.rows);
    at[2] = (hsize_t)(index % p->tiling.n_x * p->tiling.cols);
    at[3] = 0;
}

lt_status lt_layout_read_chunk(const lt_layout *l, const lt_layout_ids *ids, int p, int64_t t, int index, uint8_t *bytes, size_t *n_bytes)
{
    lt_status st = LT_OK;
    hsize_t at[4], n = 0;
    uint32_t mask = 0;
    chunk_place(&l->plane[p], t, index, at);
    LT_H5(H5Dget_chunk_storage_size(ids->data[p], at, &n));
    if (n == 0 || n > lt_chunk_bound()) LT_FAIL(LT_E_DATA, "a chunk is missing or too large");
    LT_H5(H5Dread_chunk(ids->data[p], H5P_DEFAULT, at, &mask, bytes));
    if (mask != 0) LT_FAIL(LT_E_DATA, "a chunk is stored without its filters");
    *n_bytes = (size_t)n;
done:
    return st;
}

lt_status lt_layout_write_chunk(const lt_layout *l, const lt_layout_ids *ids, int p, int64_t t, int index, const uint8_t *bytes,
                                size_t n_bytes)
{
    lt_status st = LT_OK;
    hsize_t at[4];
    chunk_place(&l->plane[p], t, index, at);
    LT_H5(H5Dwrite_chunk(ids->data[p], H5P_DEFAULT, 0, at, n_bytes, bytes));
done:
    return st;
}
