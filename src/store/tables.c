#include "store/layout.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* An attribute has room for 64 KiB, 16 bytes a text; later plans are not kept. */
enum { PLANS_MAX = 2048 };

void lt_tables_free(lt_tables *t)
{
    lt_texts_free(t->reason, t->n_unreadable);
    lt_texts_free(t->plans, t->n_plans);
    free(t->unreadable);
    free(t->row);
    memset(t, 0, sizeof *t);
}

/* One more element; grows by doubling. */
static void *grown(void *list, int64_t n, size_t size)
{
    if (n > 0 && (n & (n - 1)) != 0) return list;
    return realloc(list, (size_t)(n ? 2 * n : 1) * size);
}

static lt_status plan_index(lt_tables *t, const char *plan, int *out)
{
    lt_status st = LT_OK;
    char **plans;
    *out = -1;
    if (!plan) goto done;
    for (int i = t->n_plans - 1; i >= 0; i--)
        if (strcmp(t->plans[i], plan) == 0) {
            *out = i;
            goto done;
        }
    if (t->n_plans == PLANS_MAX) goto done;
    plans = grown(t->plans, t->n_plans, sizeof *t->plans);
    if (!plans) LT_FAIL(LT_E_MEMORY, "no memory for a table of plans");
    t->plans = plans;
    if (!(t->plans[t->n_plans] = strdup(plan))) LT_FAIL(LT_E_MEMORY, "no memory for a table of plans");
    *out = t->n_plans++;
done:
    return st;
}

lt_status lt_tables_add_row(lt_tables *t, lt_range frames, const lt_segment_row *row, const char *plan)
{
    lt_status st = LT_OK;
    lt_table_row *rows = grown(t->row, t->n, sizeof *rows);
    if (!rows) LT_FAIL(LT_E_MEMORY, "no memory for a table of segments");
    t->row = rows;
    t->row[t->n] = (lt_table_row){ frames, *row, -1 };
    LT_TRY(plan_index(t, plan, &t->row[t->n].plan));
    t->n++;
done:
    return st;
}

lt_status lt_tables_add_unreadable(lt_tables *t, int64_t frame, const char *reason)
{
    lt_status st = LT_OK;
    int64_t *frames = grown(t->unreadable, t->n_unreadable, sizeof *frames), at = t->n_unreadable;
    if (frames) t->unreadable = frames;
    char **reasons = grown(t->reason, t->n_unreadable, sizeof *reasons);
    if (reasons) t->reason = reasons;
    char *text = strndup(reason, LT_REASON_MAX);
    if (!frames || !reasons || !text) {
        free(text);
        LT_FAIL(LT_E_MEMORY, "no memory for a table of unreadable frames");
    }
    for (; at > 0 && t->unreadable[at - 1] > frame; at--) {
        t->unreadable[at] = t->unreadable[at - 1];
        t->reason[at] = t->reason[at - 1];
    }
    t->unreadable[at] = frame;
    t->reason[at] = text;
    t->n_unreadable++;
done:
    return st;
}

/* ---- columns of /segments, one line each: name, member, kind ---- */

typedef enum { C_INT, C_LONG, C_REAL } column_kind;

static const struct {
    const char *name;
    size_t      offset;
    column_kind kind;
    bool        later;           /* files made before there was such a column lack it: NAN, -1 */
} columns[] = {
    { "start", offsetof(lt_table_row, frames.first), C_LONG, false },
    { "end", offsetof(lt_table_row, frames.last), C_LONG, false },
    { "rank", offsetof(lt_table_row, row.rank), C_INT, false },
    { "scale", offsetof(lt_table_row, row.scale), C_REAL, false },
    { "shift", offsetof(lt_table_row, row.shift), C_REAL, false },
    { "det", offsetof(lt_table_row, row.det), C_REAL, false },
    { "residual", offsetof(lt_table_row, row.residual), C_REAL, false },
    { "anchor", offsetof(lt_table_row, row.anchor), C_LONG, false },
    { "planned_bytes", offsetof(lt_table_row, row.planned_bytes), C_LONG, false },
    { "observed_bytes", offsetof(lt_table_row, row.observed_bytes), C_LONG, false },
    { "seconds", offsetof(lt_table_row, row.seconds), C_REAL, false },
    { "host_planned_bytes", offsetof(lt_table_row, row.host_planned_bytes), C_LONG, true },
    { "host_observed_bytes", offsetof(lt_table_row, row.host_observed_bytes), C_LONG, true },
    { "seconds_decode", offsetof(lt_table_row, row.seconds_decode), C_REAL, true },
    { "seconds_network", offsetof(lt_table_row, row.seconds_network), C_REAL, true },
    { "seconds_store", offsetof(lt_table_row, row.seconds_store), C_REAL, true },
    { "plan", offsetof(lt_table_row, plan), C_INT, false },
};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

/* Between a member of each row and a packed column of 8 bytes a row. */
static void transfer(lt_table_row *rows, int64_t n, int c, void *packed, bool from_rows)
{
    for (int64_t i = 0; i < n; i++) {
        char *member = (char *)&rows[i] + columns[c].offset;
        int64_t *whole = (int64_t *)packed + i;
        double *real = (double *)packed + i;
        if (columns[c].kind == C_INT) {
            int v = (int)*whole;
            if (from_rows) memcpy(&v, member, sizeof v), *whole = v;
            else memcpy(member, &v, sizeof v);
        } else if (columns[c].kind == C_LONG) {
            if (from_rows) memcpy(whole, member, sizeof *whole);
            else memcpy(member, whole, sizeof *whole);
        } else {
            if (from_rows) memcpy(real, member, sizeof *real);
            else memcpy(member, real, sizeof *real);
        }
    }
}

static lt_status write_texts(hid_t group, const lt_tables *t)
{
    lt_status st = LT_OK;
    const char **texts = calloc((size_t)t->n + 1, sizeof *texts);
    if (!texts) LT_FAIL(LT_E_MEMORY, "no memory to write a table");
    for (int64_t i = 0; i < t->n; i++) texts[i] = t->row[i].row.device;
    LT_TRY(lt_h5_text_column(group, "device", texts, t->n, NULL));
    for (int64_t i = 0; i < t->n; i++) texts[i] = lt_segment_state_name(t->row[i].row.state);
    LT_TRY(lt_h5_text_column(group, "state", texts, t->n, NULL));
    LT_TRY(lt_h5_column(group, "unreadable_frame", H5T_STD_I64LE, H5T_NATIVE_INT64, t->n_unreadable, -1, t->unreadable, NULL));
    LT_TRY(lt_h5_text_column(group, "unreadable_reason", (const char *const *)t->reason, t->n_unreadable, NULL));
done:
    free(texts);
    return st;
}

lt_status lt_tables_write(hid_t file, const lt_tables *t)
{
    lt_status st = LT_OK;
    hid_t group = -1, provenance = -1;
    void *packed = calloc((size_t)t->n + 1, 8);
    if (!packed) LT_FAIL(LT_E_MEMORY, "no memory to write a table");
    LT_TRY(lt_h5_group(file, "segments", &group));
    for (int c = 0; c < N_COLUMNS; c++) {
        bool real = columns[c].kind == C_REAL;
        transfer(t->row, t->n, c, packed, true);
        LT_TRY(lt_h5_column(group, columns[c].name, real ? H5T_IEEE_F64LE : columns[c].kind == C_INT ? H5T_STD_I32LE : H5T_STD_I64LE,
                            real ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64, t->n, -1, packed, NULL));
    }
    LT_TRY(write_texts(group, t));
    LT_TRY(lt_h5_group(file, "provenance", &provenance));
    LT_TRY(lt_h5_put_texts(provenance, "plans", (const char *const *)t->plans, t->n_plans));
done:
    free(packed);
    LT_H5_CLOSE(H5Gclose, provenance);
    LT_H5_CLOSE(H5Gclose, group);
    return st;
}

static lt_status read_texts(hid_t group, const char *name, int64_t rows, char ***texts)
{
    lt_status st = LT_OK;
    int64_t n = 0, cols = 0;
    hid_t column = -1;
    LT_H5(column = H5Dopen2(group, name, H5P_DEFAULT));
    LT_TRY(lt_h5_extent(column, &n, &cols));
    if (n != rows || cols != 1) LT_FAIL(LT_E_DATA, "the columns of a table differ in length");
    LT_TRY(lt_h5_read_texts(column, rows, texts));
done:
    if (st < 0) lt_error_prefix("/segments/%s", name);
    LT_H5_CLOSE(H5Dclose, column);
    return st;
}

static lt_status read_numbers(hid_t group, const char *name, bool real, int64_t *rows, void **packed)
{
    lt_status st = LT_OK;
    int64_t n = 0, cols = 0;
    hid_t column = -1, type = -1;
    *packed = NULL;
    LT_H5(column = H5Dopen2(group, name, H5P_DEFAULT));
    LT_H5(type = H5Dget_type(column));
    LT_TRY(lt_h5_extent(column, &n, &cols));
    if (cols != 1 || (*rows >= 0 && n != *rows)) LT_FAIL(LT_E_DATA, "the columns of a table differ in length");
    if (H5Tget_class(type) != (real ? H5T_FLOAT : H5T_INTEGER)) LT_FAIL(LT_E_DATA, "it is of another type");
    *packed = calloc((size_t)n + 1, 8);
    if (!*packed) LT_FAIL(LT_E_MEMORY, "no memory to read a table");
    LT_TRY(lt_h5_read_rows(column, real ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64, 0, n, *packed));
    *rows = n;
done:
    if (st < 0) {
        lt_error_prefix("/segments/%s", name);
        free(*packed);
        *packed = NULL;
    }
    LT_H5_CLOSE(H5Tclose, type);
    LT_H5_CLOSE(H5Dclose, column);
    return st;
}

static lt_status read_rows(hid_t group, lt_tables *t)
{
    lt_status st = LT_OK;
    void *packed = NULL;
    char **device = NULL, **state = NULL;
    int64_t rows = -1;
    for (int c = 0; c < N_COLUMNS; c++) {
        if (columns[c].later && H5Lexists(group, columns[c].name, H5P_DEFAULT) == 0) continue;
        LT_TRY(read_numbers(group, columns[c].name, columns[c].kind == C_REAL, &rows, &packed));
        if (!t->row && !(t->row = calloc((size_t)rows + 1, sizeof *t->row))) LT_FAIL(LT_E_MEMORY, "no memory to read a table");
        for (; t->n < rows; t->n++) lt_segment_row_init(&t->row[t->n].row);
        transfer(t->row, rows, c, packed, false);
        free(packed);
        packed = NULL;
    }
    LT_TRY(read_texts(group, "device", rows, &device));
    LT_TRY(read_texts(group, "state", rows, &state));
    for (int64_t i = 0; i < rows; i++) {
        lt_segment_row *row = &t->row[i].row;
        size_t n = strnlen(device[i], sizeof row->device - 1);
        memcpy(row->device, device[i], n);
        row->device[n] = 0;
        int s = LT_SEGMENT_FAILED;
        while (s >= 0 && strcmp(lt_segment_state_name((lt_segment_state)s), state[i]) != 0) s--;
        if (s < 0) LT_FAIL(LT_E_DATA, "/segments/state: '%.20s' is no state", state[i]);
        row->state = (lt_segment_state)s;
    }
done:
    free(packed);
    lt_texts_free(device, rows);
    lt_texts_free(state, rows);
    return st;
}

lt_status lt_tables_read(hid_t file, lt_tables *t)
{
    lt_status st = LT_OK;
    hid_t group = -1, provenance = -1;
    void *packed = NULL;
    int64_t n = -1;
    memset(t, 0, sizeof *t);
    LT_H5(group = H5Gopen2(file, "segments", H5P_DEFAULT));
    LT_TRY(read_rows(group, t));
    LT_TRY(read_numbers(group, "unreadable_frame", false, &n, &packed));
    LT_TRY(read_texts(group, "unreadable_reason", n, &t->reason));
    t->unreadable = packed;
    t->n_unreadable = n;
    packed = NULL;
    LT_H5(provenance = H5Gopen2(file, "provenance", H5P_DEFAULT));
    LT_TRY(lt_h5_get_texts(provenance, "plans", &t->plans, &t->n_plans));
    for (int64_t i = 0; i < t->n; i++)
        if (t->row[i].plan < -1 || t->row[i].plan >= t->n_plans) LT_FAIL(LT_E_DATA, "/segments/plan: there is no plan %d", t->row[i].plan);
done:
    free(packed);
    LT_H5_CLOSE(H5Gclose, provenance);
    LT_H5_CLOSE(H5Gclose, group);
    if (st < 0) lt_tables_free(t);
    return st;
}
