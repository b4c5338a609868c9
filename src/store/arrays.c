#include "store/h5_file.h"

#include <longtake/arrays.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lt_arrays {
    lt_h5_file file;
    lt_tmp     tmp;
    hid_t      h5;
    char       path[LT_PATH_MAX];
};

lt_status lt_arrays_create(const char *path, lt_arrays **out)
{
    lt_status st = LT_OK;
    char folder[LT_PATH_MAX];
    lt_arrays *a = calloc(1, sizeof *a);
    *out = NULL;
    if (!a) LT_FAIL(LT_E_MEMORY, "no memory to write %s", path);
    a->tmp = (lt_tmp)LT_TMP_NONE;
    a->file = (lt_h5_file){ -1, 0, -1 };
    a->h5 = -1;
    if (strlen(path) >= sizeof a->path) LT_FAIL(LT_E_USAGE, "the path of %.64s... is too long", path);
    strcpy(a->path, path);
    strcpy(folder, path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = 0;
    lt_h5_quiet();
    LT_TRY(lt_tmp_open(slash ? folder : ".", &a->tmp));
    a->file.fd = a->tmp.fd;
    LT_TRY(lt_h5_create(&a->file, &a->h5));
    *out = a;
    a = NULL;
done:
    lt_arrays_drop(&a);
    return st;
}

lt_status lt_arrays_put(lt_arrays *a, const char *name, const char *layout, int n_dims, const int64_t *dim, const float *data)
{
    lt_status st = LT_OK;
    hid_t links = -1, space = -1, set = -1;
    hsize_t size[16];
    if (n_dims > 16) LT_FAIL(LT_E_INTERNAL, "an array of %d dimensions", n_dims);
    for (int i = 0; i < n_dims; i++) size[i] = (hsize_t)dim[i];
    LT_H5(links = H5Pcreate(H5P_LINK_CREATE));
    LT_H5(H5Pset_create_intermediate_group(links, 1));
    LT_H5(space = H5Screate_simple(n_dims, size, NULL));
    LT_H5(set = H5Dcreate2(a->h5, name, H5T_IEEE_F32LE, space, links, H5P_DEFAULT, H5P_DEFAULT));
    LT_H5(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data));
    LT_TRY(lt_h5_put_text(set, "layout", layout));
done:
    LT_H5_CLOSE(H5Dclose, set);
    LT_H5_CLOSE(H5Sclose, space);
    LT_H5_CLOSE(H5Pclose, links);
    return st;
}

lt_status lt_arrays_say(lt_arrays *a, const char *name, const char *text)
{
    return lt_h5_put_text(a->h5, name, text);
}

lt_status lt_arrays_say_int(lt_arrays *a, const char *name, int64_t value)
{
    return lt_h5_put_int(a->h5, name, value);
}

lt_status lt_arrays_commit(lt_arrays **arrays)
{
    lt_status st = LT_OK;
    lt_arrays *a = *arrays;
    if (!a) return LT_OK;
    LT_TRY(lt_h5_close(&a->file, &a->h5));
    LT_TRY(lt_h5_file_failure(&a->file));
    LT_TRY(lt_tmp_commit(&a->tmp, a->path));
done:
    lt_arrays_drop(arrays);
    return st;
}

void lt_arrays_drop(lt_arrays **arrays)
{
    lt_arrays *a = *arrays;
    if (!a) return;
    /* What is dropped cannot be lost: the record stays that of why. */
    const lt_error why = *lt_error_last();
    if (lt_h5_close(&a->file, &a->h5) < 0) lt_error_set(&why);
    lt_tmp_drop(&a->tmp);
    free(a);
    *arrays = NULL;
}

/* Whether a dataset has exactly these sizes. */
static lt_status has_shape(hid_t set, int n_dims, const int64_t *dim, bool *out)
{
    lt_status st = LT_OK;
    hid_t space = -1;
    hsize_t size[H5S_MAX_RANK];
    int n = 0;
    LT_H5(space = H5Dget_space(set));
    LT_H5(n = H5Sget_simple_extent_dims(space, size, NULL));
    *out = n == n_dims;
    for (int i = 0; i < n && *out; i++) *out = size[i] == (hsize_t)dim[i];
done:
    LT_H5_CLOSE(H5Sclose, space);
    return st;
}

lt_status lt_arrays_read(const char *path, const char *name, int n_dims, const int64_t *dim, float *out)
{
    lt_status st = LT_OK;
    lt_h5_file file = { -1, 0, -1 };
    hid_t h5 = -1, set = -1;
    bool fits = false;
    lt_h5_quiet();
    file.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (file.fd < 0) LT_FAIL(errno == ENOENT ? LT_E_ABSENT : LT_E_DATA, "cannot read %s: %s", path, strerror(errno));
    if (lt_h5_open(&file, &h5) < 0) LT_FAIL(LT_E_DATA, "%s is not an HDF5 file", path);
    if ((set = H5Dopen2(h5, name, H5P_DEFAULT)) < 0) LT_FAIL(LT_E_DATA, "%s has no dataset /%s", path, name);
    LT_TRY(has_shape(set, n_dims, dim, &fits));
    if (!fits) LT_FAIL(LT_E_DATA, "%s: /%s has another shape than the model's input of these sizes", path, name);
    LT_H5(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, out));
done:
    LT_H5_CLOSE(H5Dclose, set);
    LT_ALSO(lt_h5_close(&file, &h5));
    if (file.fd >= 0) close(file.fd);
    return st;
}
