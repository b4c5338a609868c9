/* weights/private.h -- what the readers share.
 *
 * in    tensors as a reader finds them
 * out   one checked table, whatever the container
 * owns  see lt_weights
 *
 * A reader opens a container and calls lt_weights_add once a tensor; from then on a tensor is a stretch of bytes, a type and strides. */
#ifndef LT_WEIGHTS_PRIVATE_H
#define LT_WEIGHTS_PRIVATE_H

#include <longtake/weights.h>

#include <stddef.h>
#include <zip.h>

enum { LT_WEIGHTS_MAX = 1 << 18, LT_WEIGHT_NAME_MAX = 512 };      /* tensors a file, bytes a name */

/* Where the values of some tensors lie one after the other. */
typedef struct {
    int64_t offset;                   /* in the file; of a zip's entry: 0 */
    int64_t n_bytes;
    int64_t entry;                    /* number in the zip, -1: none */
    bool    deflated;                 /* can only be read from its start */
} lt_stretch;

typedef struct {
    lt_weight_info info;
    char          *name;              /* info.name points into it */
    int64_t        stride[LT_WEIGHT_DIMS], start;      /* in values */
    int64_t        count, span;       /* values; from the first to behind the last in the stretch */
    lt_stretch     stretch;
} lt_weight;

struct lt_weights {
    char       *path;
    const char *kind;
    bool        is_synthetic;
    uint64_t    seed;
    int         fd;                   /* -1: none */
    int64_t     n_bytes;              /* of the file */
    zip_t      *zip;                  /* NULL: none */
    zip_file_t *entry;                /* the entry being read, at byte entry_at of it */
    int64_t     entry_number, entry_at;
    char       *folder;               /* in the zip, with its slash */
    lt_weight  *item;
    int64_t     n, cap;
    int64_t    *by_name;              /* [n] sorted */
};

/* One tensor as the file describes it, before anything is checked. */
typedef struct {
    const char *name;
    size_t      n_name;
    lt_dtype    dtype;
    int         n_dims;
    int64_t     dim[LT_WEIGHT_DIMS];
    const int64_t *stride;            /* in values; NULL: row-major without gaps */
    int64_t     start;                /* in values */
    lt_stretch  stretch;
} lt_weight_found;

/* Checks that the tensor lies inside its stretch and appends it. LT_E_DATA with the reason. */
LT_NODISCARD lt_status lt_weights_add(lt_weights *w, const lt_weight_found *found);

/* Reads n_bytes at byte `at` of a stretch. */
LT_NODISCARD lt_status lt_weights_fetch(lt_weights *w, const lt_stretch *stretch, int64_t at, void *out, size_t n_bytes);

/* All of a file's bytes from `at`. LT_E_DATA where it ends early. */
LT_NODISCARD lt_status lt_weights_pread(const lt_weights *w, int64_t at, void *out, size_t n_bytes);

/* The readers. The file is open; they call lt_weights_add. */
LT_NODISCARD lt_status lt_weights_open_zip(lt_weights *w);
LT_NODISCARD lt_status lt_weights_open_legacy(lt_weights *w);
LT_NODISCARD lt_status lt_weights_open_safetensors(lt_weights *w);

/* Reads from an entry of the zip. */
LT_NODISCARD lt_status lt_weights_fetch_entry(lt_weights *w, const lt_stretch *stretch, int64_t at, void *out, size_t n_bytes);

/* Values of type `dtype` to f32. */
void lt_weights_widen(lt_dtype dtype, const void *in, int64_t n, float *out);

/* See docs/weights.md. */
void lt_weights_draw(uint64_t seed, const char *name, int n_dims, const int64_t *dim, float *out);

/* "3x4", "scalar"; text [LT_SHAPE_TEXT] is returned. */
enum { LT_SHAPE_TEXT = LT_WEIGHT_DIMS * 21 };
char *lt_weights_shape(int n_dims, const int64_t *dim, char *text);

#endif
