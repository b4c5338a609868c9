/* PyTorch checkpoints since 1.6: a zip of <folder>/data.pkl and <folder>/data/<key>, one entry a storage.
 * Source: torch/serialization.py (_save, _load), caffe2/serialize/inline_container.cc. */
#include "pickle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENTRY_NAME = 512, SKIP_BYTES = 1 << 16 };

static lt_status stat_entry(const lt_weights *w, int64_t number, zip_stat_t *out)
{
    lt_status st = LT_OK;
    zip_uint64_t need = ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD | ZIP_STAT_NAME;
    if (zip_stat_index(w->zip, (zip_uint64_t)number, 0, out) || (out->valid & need) != need)
        LT_FAIL(LT_E_DATA, "the zip is damaged: %s", zip_strerror(w->zip));
    if (out->encryption_method != ZIP_EM_NONE) LT_FAIL(LT_E_DATA, "the zip is encrypted");
    if (out->comp_method != ZIP_CM_STORE && out->comp_method != ZIP_CM_DEFLATE)
        LT_FAIL(LT_E_DATA, "the zip is compressed by method %d; longtake reads stored and deflated entries", (int)out->comp_method);
    if (out->size > INT64_MAX) LT_FAIL(LT_E_DATA, "the zip is damaged: an entry of %llu bytes", (unsigned long long)out->size);
    if (out->comp_method == ZIP_CM_STORE && (int64_t)out->size > w->n_bytes)
        LT_FAIL(LT_E_DATA, "the file is cut off: entry %.100s has %llu bytes, the file %lld", out->name, (unsigned long long)out->size, (long long)w->n_bytes);
done:
    return st;
}

static void close_entry(lt_weights *w)
{
    if (w->entry) zip_fclose(w->entry);
    w->entry = NULL;
}

static lt_status open_entry(lt_weights *w, int64_t number)
{
    lt_status st = LT_OK;
    close_entry(w);
    if (!(w->entry = zip_fopen_index(w->zip, (zip_uint64_t)number, 0))) LT_FAIL(LT_E_DATA, "the zip is damaged: %s", zip_strerror(w->zip));
    w->entry_number = number;
    w->entry_at = 0;
done:
    return st;
}

static lt_status read_entry(lt_weights *w, void *out, size_t n_bytes)
{
    lt_status st = LT_OK;
    char *to = out;
    while (n_bytes) {
        zip_int64_t got = zip_fread(w->entry, to, n_bytes);
        if (got < 0) LT_FAIL(LT_E_DATA, "the zip is damaged: %s", zip_file_strerror(w->entry));
        if (got == 0) LT_FAIL(LT_E_DATA, "the zip is damaged: an entry ends early");
        to += got;
        w->entry_at += got;
        n_bytes -= (size_t)got;
    }
done:
    return st;
}

static lt_status go_to(lt_weights *w, const lt_stretch *s, int64_t at)
{
    lt_status st = LT_OK;
    char skip[SKIP_BYTES];
    if (!w->entry || w->entry_number != s->entry || (s->deflated && at < w->entry_at)) LT_TRY(open_entry(w, s->entry));
    if (!s->deflated && at != w->entry_at) {
        if (zip_fseek(w->entry, at, SEEK_SET)) LT_FAIL(LT_E_DATA, "the zip is damaged: %s", zip_file_strerror(w->entry));
        w->entry_at = at;
    }
    while (w->entry_at < at) LT_TRY(read_entry(w, skip, at - w->entry_at < SKIP_BYTES ? (size_t)(at - w->entry_at) : SKIP_BYTES));
done:
    return st;
}

lt_status lt_weights_fetch_entry(lt_weights *w, const lt_stretch *s, int64_t at, void *out, size_t n_bytes)
{
    lt_status st = LT_OK;
    char end;
    LT_TRY(go_to(w, s, at));
    LT_TRY(read_entry(w, out, n_bytes));
    /* The checksum is compared when the entry's end is read, provided that all of it was. */
    if (w->entry_at == s->n_bytes && zip_fread(w->entry, &end, 1) != 0)
        LT_FAIL(LT_E_DATA, "the zip is damaged: %s", zip_file_strerror(w->entry));
done:
    if (st < 0) close_entry(w);
    return st;
}

/* The folder is what precedes the one data.pkl. */
static lt_status find_pickle(lt_weights *w, int64_t *number)
{
    lt_status st = LT_OK;
    zip_int64_t n = zip_get_num_entries(w->zip, 0);
    *number = -1;
    for (zip_int64_t i = 0; i < n && *number < 0; i++) {
        const char *name = zip_get_name(w->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        const char *slash = name ? strchr(name, '/') : NULL, *file = slash ? slash + 1 : name;
        if (!name || strcmp(file, "data.pkl") != 0) continue;
        *number = i;
        if (!(w->folder = strndup(name, (size_t)(file - name)))) LT_FAIL(LT_E_MEMORY, "no memory to read a checkpoint");
    }
    if (*number < 0) LT_FAIL(LT_E_DATA, "it is a zip, but not a PyTorch checkpoint: it has no data.pkl");
done:
    return st;
}

static lt_status locate(void *user, const lt_pickle_storage *storage, lt_stretch *out)
{
    lt_status st = LT_OK;
    lt_weights *w = user;
    char name[ENTRY_NAME];
    zip_stat_t stat;
    int n = snprintf(name, sizeof name, "%sdata/%s", w->folder, storage->key);
    zip_int64_t number = n < (int)sizeof name ? zip_name_locate(w->zip, name, 0) : -1;
    if (number < 0) LT_FAIL(LT_E_DATA, "the zip is damaged: it has no entry %.200s, where its pickle says that values are", name);
    LT_TRY(stat_entry(w, number, &stat));
    *out = (lt_stretch){ 0, (int64_t)stat.size, number, stat.comp_method != ZIP_CM_STORE };
done:
    return st;
}

/* Every number of a checkpoint is in the order of the machine that wrote it. */
static lt_status check_order(lt_weights *w)
{
    lt_status st = LT_OK;
    char name[ENTRY_NAME], text[8] = "";
    zip_stat_t stat;
    int n = snprintf(name, sizeof name, "%sbyteorder", w->folder);
    zip_int64_t number = n < (int)sizeof name ? zip_name_locate(w->zip, name, 0) : -1;
    if (number < 0) goto done;
    LT_TRY(stat_entry(w, number, &stat));
    const lt_stretch s = { 0, (int64_t)stat.size, number, stat.comp_method != ZIP_CM_STORE };
    LT_TRY(lt_weights_fetch_entry(w, &s, 0, text, stat.size < sizeof text ? stat.size : sizeof text - 1));
    if (strcmp(text, "little") != 0) LT_FAIL(LT_E_DATA, "its numbers are big-endian; longtake reads little-endian checkpoints");
done:
    return st;
}

lt_status lt_weights_open_zip(lt_weights *w)
{
    lt_status st = LT_OK;
    lt_pickle *p = NULL;
    uint8_t *bytes = NULL;
    int64_t number;
    zip_stat_t stat;
    int error, fd = dup(w->fd);
    if (fd < 0 || !(w->zip = zip_fdopen(fd, ZIP_CHECKCONS, &error))) {
        zip_error_t e;
        if (fd >= 0) close(fd);
        if (fd < 0) LT_FAIL(LT_E_MEMORY, "no file descriptor is left");
        zip_error_init_with_code(&e, error);
        st = lt_raise(LT_E_DATA, __FILE__, __LINE__, __func__, "it begins like a zip, but is damaged or cut off: %s", zip_error_strerror(&e));
        zip_error_fini(&e);
        goto done;
    }
    LT_TRY(find_pickle(w, &number));
    LT_TRY(check_order(w));
    LT_TRY(stat_entry(w, number, &stat));
    if (stat.size > LT_PICKLE_BYTES) LT_FAIL(LT_E_DATA, "its pickle is longer than %d MiB, which no state_dict needs", LT_PICKLE_BYTES >> 20);
    if (!(bytes = malloc(stat.size + 1))) LT_FAIL(LT_E_MEMORY, "no memory to read a checkpoint");
    const lt_stretch s = { 0, (int64_t)stat.size, number, stat.comp_method != ZIP_CM_STORE };
    LT_TRY(lt_weights_fetch_entry(w, &s, 0, bytes, (size_t)stat.size));
    lt_pickle_in in = { .next = bytes, .stop = bytes + stat.size };
    LT_TRY(lt_pickle_load(&in, &p));
    LT_TRY(lt_pickle_tensors(p, w, locate, w));
done:
    lt_pickle_free(&p);
    free(bytes);
    return st;
}
