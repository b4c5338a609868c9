/* weights/pickle.h -- reads a pickle without running it.
 *
 * in    bytes of a pickle, protocols 2 to 5
 * out   values that refer to each other by number
 * owns  the values
 *
 * A pickle is a program for a small stack machine, one of whose instructions calls any function by name. This machine has no such
 * instruction: it knows the few names that a state_dict needs and what they would make, and refuses every other by its name.
 * No recursion on what is read; bytes, values, items and tensors are bounded by the numbers below. Source of the instructions: Python's Lib/pickletools.py. */
#ifndef LT_WEIGHTS_PICKLE_H
#define LT_WEIGHTS_PICKLE_H

#include "private.h"

enum {
    LT_PICKLE_BYTES = 64 << 20,       /* of one pickle */
    LT_PICKLE_VALUES = 4 << 20,       /* also of the stack and of the memo */
    LT_PICKLE_ITEMS = 16 << 20,       /* of all containers together */
    LT_PICKLE_NAME = 200              /* bytes of a module, a class or the key of a storage */
};

typedef enum {
    LT_PICKLE_NONE, LT_PICKLE_BOOL, LT_PICKLE_INT, LT_PICKLE_REAL,
    LT_PICKLE_LONG,                   /* an integer of more than 8 bytes: little-endian two's complement in text */
    LT_PICKLE_TEXT, LT_PICKLE_DATA,
    LT_PICKLE_TUPLE, LT_PICKLE_LIST,
    LT_PICKLE_DICT,                   /* items are key, value, key, value */
    LT_PICKLE_GLOBAL, LT_PICKLE_STORAGE, LT_PICKLE_TENSOR
} lt_pickle_kind;

/* What torch's persistent ids describe. */
typedef struct {
    lt_dtype    dtype;
    const char *key;                  /* in the pickle's own value */
    int64_t     count;                /* values */
    int64_t     view;                 /* first value, where this is a view of the storage `key`; else 0 */
} lt_pickle_storage;

typedef struct {
    uint32_t storage;
    int64_t  start;
    int      n_dims;
    int64_t  dim[LT_WEIGHT_DIMS], stride[LT_WEIGHT_DIMS];
} lt_pickle_tensor;

typedef struct {
    lt_pickle_kind kind;
    uint32_t       n, cap;            /* items, or bytes of text */
    union {
        int64_t            integer;   /* BOOL, INT; GLOBAL: which */
        double             real;
        char              *text;      /* 0-terminated */
        uint32_t          *item;      /* numbers of values */
        lt_pickle_storage *storage;
        lt_pickle_tensor  *tensor;
    } as;
} lt_pickle_value;

typedef struct {
    lt_pickle_value *value;
    uint32_t         n, cap;
    uint32_t         root;
} lt_pickle;

/* Bytes from memory, or, where memory holds no more, from a file. */
typedef struct {
    const uint8_t *next, *stop;
    const lt_weights *file;           /* NULL: memory alone */
    int64_t        at;                /* of `stop` in the file */
    uint8_t       *buffer;
} lt_pickle_in;

/* Reads one pickle to its end. On failure *out is NULL. */
LT_NODISCARD lt_status lt_pickle_load(lt_pickle_in *in, lt_pickle **out);
void lt_pickle_free(lt_pickle **p);

/* The value of a text key, or NULL. The last of several, as in Python. */
const lt_pickle_value *lt_pickle_get(const lt_pickle *p, const lt_pickle_value *dict, const char *key);

/* Adds the tensors of the state_dict in p to w; `locate` says where a storage lies. */
typedef lt_status (*lt_pickle_locate)(void *user, const lt_pickle_storage *storage, lt_stretch *out);
LT_NODISCARD lt_status lt_pickle_tensors(const lt_pickle *p, lt_weights *w, lt_pickle_locate locate, void *user);

#endif
