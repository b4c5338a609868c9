/* PyTorch checkpoints before 1.6: five pickles (a number that marks the format, its version, the machine, the values, the keys of the storages),
 * then each storage in the order of the keys: its count as 8 bytes, and its values. Source: torch/serialization.py (_legacy_save, _legacy_load). */
#include "pickle.h"

#include <stdlib.h>
#include <string.h>

enum { VERSION = 1001 };

typedef struct {
    const char *key;
    lt_dtype    dtype;
    int64_t     offset, n_bytes;      /* of the values in the file; offset -1: not met yet */
} place;

typedef struct {
    place   *item;                    /* [n] by key */
    uint32_t n;
} places;

static int by_key(const void *a, const void *b)
{
    return strcmp(((const place *)a)->key, ((const place *)b)->key);
}

static place *find(const places *all, const char *key)
{
    const place wanted = { .key = key };
    return all->n ? bsearch(&wanted, all->item, all->n, sizeof *all->item, by_key) : NULL;
}

/* The storages that the values refer to, each once. */
static lt_status list_places(const lt_pickle *values, places *all)
{
    lt_status st = LT_OK;
    uint32_t n = 0;
    for (uint32_t i = 0; i < values->n; i++) n += values->value[i].kind == LT_PICKLE_STORAGE;
    if (!(all->item = malloc((n + 1) * sizeof *all->item))) LT_FAIL(LT_E_MEMORY, "no memory to read a checkpoint");
    for (uint32_t i = 0; i < values->n; i++) {
        const lt_pickle_storage *s = values->value[i].as.storage;
        if (values->value[i].kind == LT_PICKLE_STORAGE) all->item[all->n++] = (place){ s->key, s->dtype, -1, 0 };
    }
    qsort(all->item, all->n, sizeof *all->item, by_key);
    n = 0;
    for (uint32_t i = 0; i < all->n; i++) {
        if (n && strcmp(all->item[n - 1].key, all->item[i].key) == 0) {
            if (all->item[n - 1].dtype != all->item[i].dtype) LT_FAIL(LT_E_DATA, "its pickle is damaged: a storage is of two types");
            continue;
        }
        all->item[n++] = all->item[i];
    }
    all->n = n;
done:
    return st;
}

/* Walks over the storages behind the pickles, and sees that the file holds them whole. */
static lt_status walk(const lt_weights *w, const lt_pickle *keys, int64_t at, places *all)
{
    lt_status st = LT_OK;
    const lt_pickle_value *list = &keys->value[keys->root];
    if (list->kind != LT_PICKLE_LIST) LT_FAIL(LT_E_DATA, "its pickle is damaged: no list of storages");
    for (uint32_t i = 0; i < list->n; i++) {
        const lt_pickle_value *key = &keys->value[list->as.item[i]];
        place *p = key->kind == LT_PICKLE_TEXT ? find(all, key->as.text) : NULL;
        int64_t count, n_bytes;
        if (!p || p->offset >= 0) LT_FAIL(LT_E_DATA, "its pickle is damaged: a storage that no value refers to, or twice the same");
        if (w->n_bytes - at < 8) LT_FAIL(LT_E_DATA, "the file is cut off: %u of %u storages are there", i, list->n);
        LT_TRY(lt_weights_pread(w, at, &count, sizeof count));
        at += 8;
        if (count < 0 || __builtin_mul_overflow(count, (int64_t)lt_dtype_bytes(p->dtype), &n_bytes))
            LT_FAIL(LT_E_DATA, "the file is damaged: a storage of %lld values", (long long)count);
        if (w->n_bytes - at < n_bytes)
            LT_FAIL(LT_E_DATA, "the file is cut off: storage %u of %u ends %lld bytes behind its end", i + 1, list->n, (long long)(n_bytes - (w->n_bytes - at)));
        p->offset = at;
        p->n_bytes = n_bytes;
        at += n_bytes;
    }
done:
    return st;
}

static lt_status locate(void *user, const lt_pickle_storage *storage, lt_stretch *out)
{
    lt_status st = LT_OK;
    const place *p = find(user, storage->key);
    if (!p || p->offset < 0) LT_FAIL(LT_E_DATA, "the file is damaged: storage %.100s is not in it", storage->key);
    *out = (lt_stretch){ p->offset, p->n_bytes, -1, false };
done:
    return st;
}

/* 0x1950a86a20f9469cfc6c, see torch/serialization.py, MAGIC_NUMBER. */
static bool is_magic(const lt_pickle *p)
{
    const lt_pickle_value *v = &p->value[p->root];
    return v->kind == LT_PICKLE_LONG && v->n == 10 && memcmp(v->as.text, "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10) == 0;
}

static lt_status check_header(const lt_pickle *magic, const lt_pickle *version, const lt_pickle *machine)
{
    lt_status st = LT_OK;
    const lt_pickle_value *v = &version->value[version->root], *m = &machine->value[machine->root];
    if (!is_magic(magic)) LT_FAIL(LT_E_DATA, "it is a pickle, but not a PyTorch checkpoint");
    if (v->kind != LT_PICKLE_INT || v->as.integer != VERSION) LT_FAIL(LT_E_DATA, "it is a PyTorch checkpoint of an unknown version; longtake reads %d", VERSION);
    const lt_pickle_value *little = m->kind == LT_PICKLE_DICT ? lt_pickle_get(machine, m, "little_endian") : NULL;
    if (!little || little->kind != LT_PICKLE_BOOL) LT_FAIL(LT_E_DATA, "its pickle is damaged: it does not say the order of bytes");
    if (!little->as.integer) LT_FAIL(LT_E_DATA, "its numbers are big-endian; longtake reads little-endian checkpoints");
done:
    return st;
}

lt_status lt_weights_open_legacy(lt_weights *w)
{
    enum { MAGIC, FORMAT, MACHINE, VALUES, KEYS, PICKLES };
    lt_status st = LT_OK;
    lt_pickle *p[PICKLES] = { 0 };
    places all = { 0 };
    lt_pickle_in in = { .file = w };
    for (int i = 0; i < PICKLES; i++) {
        LT_TRY(lt_pickle_load(&in, &p[i]));
        if (i == MAGIC && !is_magic(p[MAGIC])) LT_FAIL(LT_E_DATA, "it is a pickle, but not a PyTorch checkpoint");
        if (i == MACHINE) LT_TRY(check_header(p[MAGIC], p[FORMAT], p[MACHINE]));
    }
    LT_TRY(list_places(p[VALUES], &all));
    LT_TRY(walk(w, p[KEYS], in.at - (in.stop - in.next), &all));
    LT_TRY(lt_pickle_tensors(p[VALUES], w, locate, &all));
done:
    for (int i = 0; i < PICKLES; i++) lt_pickle_free(&p[i]);
    free(in.buffer);
    free(all.item);
    return st;
}
