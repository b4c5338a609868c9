/* longtake/arrays.h -- named arrays in an HDF5 file, for comparing with other programs.
 *
 * in    arrays of f32
 * out   <path>: datasets, groups made as their names say, each with an attribute `layout`
 * owns  lt_arrays its open temporary file; arrays are borrowed for the call
 *
 * The file is there whole or not at all. Thread: as longtake/store.h says of HDF5; every call is [hdf5]. */
#ifndef LONGTAKE_ARRAYS_H
#define LONGTAKE_ARRAYS_H

#include <longtake/status.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lt_arrays lt_arrays;

/* Begins the file. LT_E_STORE where its folder cannot be written. */
LT_NODISCARD lt_status lt_arrays_create(const char *path, lt_arrays **out);

/* Dataset `name` ("probe/a.b": in a group), n_dims sizes, row-major; layout e.g. "T,H,W". */
LT_NODISCARD lt_status lt_arrays_put(lt_arrays *a, const char *name, const char *layout, int n_dims, const int64_t *dim, const float *data);

/* An attribute of the file. */
LT_NODISCARD lt_status lt_arrays_say(lt_arrays *a, const char *name, const char *text);
LT_NODISCARD lt_status lt_arrays_say_int(lt_arrays *a, const char *name, int64_t value);

/* Puts the file in its place. *a is NULL afterwards, also on failure; NULL is accepted. */
LT_NODISCARD lt_status lt_arrays_commit(lt_arrays **a);

/* Drops what was begun. *a is NULL afterwards; NULL is accepted. */
void lt_arrays_drop(lt_arrays **a);

/* Reads dataset `name` of exactly these sizes as f32. LT_E_ABSENT without the file, LT_E_DATA where the dataset is absent or of another
 * shape. */
LT_NODISCARD lt_status lt_arrays_read(const char *path, const char *name, int n_dims, const int64_t *dim, float *out);

#ifdef __cplusplus
}
#endif
#endif
