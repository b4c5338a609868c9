/* What segment files and results have in common: /frames/<field>, /check/<field>, /segments, /provenance.
 * docs/output.md is the description of record. */
#ifndef LT_STORE_LAYOUT_H
#define LT_STORE_LAYOUT_H

#include "store/chunk.h"
#include "store/h5_file.h"

#include <longtake/hash.h>
#include <longtake/store.h>

enum { LT_FORMAT = 1, LT_FIELDS_MAX = 16, LT_CHANNELS_MAX = 4096, LT_SIZE_MAX = 1 << 20, LT_REASON_MAX = 240 };

typedef struct {
    lt_field  field;             /* its strings are owned */
    lt_tiling tiling;
    size_t    n_values;          /* of a frame */
    size_t    n_bytes;           /* of a frame, as stored */
    uint8_t   fill[4];           /* one stored value */
} lt_plane;

typedef struct {
    int      width, height, n;   /* n planes */
    int64_t  n_frames;
    lt_plane plane[LT_FIELDS_MAX];
} lt_layout;

/* Copies the fields. LT_E_INTERNAL where they break the rules of longtake/field.h. */
LT_NODISCARD lt_status lt_layout_init(lt_layout *l, const lt_field *fields, int n_fields, int width, int height, int64_t n_frames);
void lt_layout_free(lt_layout *l);

/* Fields, sizes and types agree (not the number of frames). */
bool lt_layout_equal(const lt_layout *a, const lt_layout *b);

/* Chunks of all planes of a frame. */
int64_t lt_layout_chunks(const lt_layout *l);

/* The open parts of a file. */
typedef struct {
    hid_t frames, check;
    hid_t data[LT_FIELDS_MAX];          /* /frames/<field> */
    hid_t chunk_hash[LT_FIELDS_MAX];    /* /check/<field>/chunk [T,n] XXH3-64 of the stored bytes */
    hid_t frame_hash[LT_FIELDS_MAX];    /* /check/<field>/frame [T,2] XXH3-128 of the values, low half first */
} lt_layout_ids;

void lt_layout_ids_init(lt_layout_ids *ids);
LT_NODISCARD lt_status lt_layout_ids_close(lt_layout_ids *ids);

/* Makes the groups and datasets, and the file's own attributes: format, kind, fields. */
LT_NODISCARD lt_status lt_layout_create(hid_t file, const lt_layout *l, const char *kind, int level, lt_layout_ids *ids);

/* The smallest and largest value of a plane, as the attribute `actual_range` of its dataset; lo > hi: there is none, and nothing is written. */
LT_NODISCARD lt_status lt_layout_put_range(const lt_layout_ids *ids, int p, const double range[2]);

/* Reads it; where it is not there: lo > hi. */
void lt_layout_get_range(const lt_layout_ids *ids, int p, double range[2]);

/* Reads the description of a file and checks each part of it. LT_E_DATA says what is not as it should be. */
LT_NODISCARD lt_status lt_layout_open(hid_t file, lt_layout *l, lt_layout_ids *ids);

/* Stored bytes of chunk `index` of plane p in frame t, as they are. `bytes` [lt_chunk_bound()]. LT_E_DATA where there is
 * no such chunk or it is too large. */
LT_NODISCARD lt_status lt_layout_read_chunk(const lt_layout *l, const lt_layout_ids *ids, int p, int64_t t, int index, uint8_t *bytes,
                                            size_t *n_bytes);
LT_NODISCARD lt_status lt_layout_write_chunk(const lt_layout *l, const lt_layout_ids *ids, int p, int64_t t, int index,
                                             const uint8_t *bytes, size_t n_bytes);

/* ---- /segments and /provenance/plans ---- */

typedef struct {
    lt_range       frames;
    lt_segment_row row;
    int            plan;                /* index into plans, -1: none */
} lt_table_row;

typedef struct {
    lt_table_row *row;                  /* [n] */
    int64_t       n;
    int64_t      *unreadable;           /* [n_unreadable] frames of the result, rising */
    char        **reason;               /* [n_unreadable] */
    int64_t       n_unreadable;
    char        **plans;                /* [n_plans] */
    int           n_plans;
} lt_tables;

void lt_tables_free(lt_tables *t);
LT_NODISCARD lt_status lt_tables_add_row(lt_tables *t, lt_range frames, const lt_segment_row *row, const char *plan);
LT_NODISCARD lt_status lt_tables_add_unreadable(lt_tables *t, int64_t frame, const char *reason);
LT_NODISCARD lt_status lt_tables_write(hid_t file, const lt_tables *t);
LT_NODISCARD lt_status lt_tables_read(hid_t file, lt_tables *t);

#endif
