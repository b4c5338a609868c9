#include "pickle.h"

#include <stdlib.h>
#include <string.h>

#define NOTHING UINT32_MAX

enum { BUFFER = 1 << 16, LONG_BYTES = 64 };

typedef struct {
    lt_pickle    *p;
    lt_pickle_in *in;
    int64_t       taken;              /* bytes of this pickle */
    int64_t       items;              /* of all containers */
    int64_t       tensors;
    uint32_t     *stack, n_stack, stack_cap;
    uint32_t     *mark, n_marks, mark_cap;
    uint32_t     *memo, memo_cap, n_memo;
    bool          stopped;
} machine;

typedef lt_status (*op_fn)(machine *m, int op);

/* ---- the names that are known ---- */

typedef enum { MAKE_DICT, MAKE_TENSOR, MAKE_PARAMETER, STORAGE_TYPE } global_kind;

static const struct {
    const char *module, *name;
    global_kind kind;
    lt_dtype    dtype;                /* STORAGE_TYPE */
} globals[] = {
    { "collections", "OrderedDict", MAKE_DICT, 0 },
    { "torch._utils", "_rebuild_tensor_v2", MAKE_TENSOR, 0 },
    { "torch._utils", "_rebuild_parameter", MAKE_PARAMETER, 0 },
    { "torch", "DoubleStorage", STORAGE_TYPE, LT_F64 },   { "torch", "FloatStorage", STORAGE_TYPE, LT_F32 },
    { "torch", "HalfStorage", STORAGE_TYPE, LT_F16 },     { "torch", "BFloat16Storage", STORAGE_TYPE, LT_BF16 },
    { "torch", "LongStorage", STORAGE_TYPE, LT_I64 },     { "torch", "IntStorage", STORAGE_TYPE, LT_I32 },
    { "torch", "ShortStorage", STORAGE_TYPE, LT_I16 },    { "torch", "CharStorage", STORAGE_TYPE, LT_I8 },
    { "torch", "ByteStorage", STORAGE_TYPE, LT_U8 },      { "torch", "BoolStorage", STORAGE_TYPE, LT_BOOL },
};

/* ---- bytes ---- */

static lt_status refill(lt_pickle_in *in)
{
    lt_status st = LT_OK;
    int64_t left = in->file ? in->file->n_bytes - in->at : 0;
    if (left <= 0) LT_FAIL(LT_E_DATA, "the file is cut off: its pickle ends in the middle");
    size_t n = left < BUFFER ? (size_t)left : BUFFER;
    if (!in->buffer && !(in->buffer = malloc(BUFFER))) LT_FAIL(LT_E_MEMORY, "no memory to read a checkpoint");
    LT_TRY(lt_weights_pread(in->file, in->at, in->buffer, n));
    in->at += (int64_t)n;
    in->next = in->buffer;
    in->stop = in->buffer + n;
done:
    return st;
}

static lt_status take(machine *m, void *out, size_t n)
{
    lt_status st = LT_OK;
    uint8_t *to = out;
    m->taken += (int64_t)n;
    if (m->taken > LT_PICKLE_BYTES) LT_FAIL(LT_E_DATA, "its pickle is longer than %d MiB, which no state_dict needs", LT_PICKLE_BYTES >> 20);
    while (n) {
        if (m->in->next == m->in->stop) LT_TRY(refill(m->in));
        size_t have = (size_t)(m->in->stop - m->in->next), part = have < n ? have : n;
        memcpy(to, m->in->next, part);
        m->in->next += part;
        to += part;
        n -= part;
    }
done:
    return st;
}

/* Little-endian, n_bytes up to 8. */
static lt_status take_number(machine *m, size_t n_bytes, uint64_t *out)
{
    lt_status st = LT_OK;
    uint8_t b[8];
    *out = 0;
    LT_TRY(take(m, b, n_bytes));
    for (size_t i = n_bytes; i--;) *out = *out << 8 | b[i];
done:
    return st;
}

/* n bytes into new memory, which is not asked for before they are known to be there. */
static lt_status take_text(machine *m, uint64_t n, char **out)
{
    lt_status st = LT_OK;
    int64_t there = (int64_t)(m->in->stop - m->in->next) + (m->in->file ? m->in->file->n_bytes - m->in->at : 0);
    char *text = NULL;
    if (n > LT_PICKLE_BYTES) LT_FAIL(LT_E_DATA, "its pickle holds a string of %llu bytes, which no state_dict needs", (unsigned long long)n);
    if ((int64_t)n > there) LT_FAIL(LT_E_DATA, "the file is cut off: its pickle ends in the middle of a string");
    if (!(text = malloc((size_t)n + 1))) LT_FAIL(LT_E_MEMORY, "no memory to read a checkpoint");
    LT_TRY(take(m, text, (size_t)n));
    text[n] = 0;
    *out = text;
    text = NULL;
done:
    free(text);
    return st;
}

static lt_status take_line(machine *m, char *out)
{
    lt_status st = LT_OK;
    for (int n = 0;; n++) {
        LT_TRY(take(m, out + n, 1));
        if (out[n] == '\n') {
            out[n] = 0;
            break;
        }
        if (n == LT_PICKLE_NAME) LT_FAIL(LT_E_DATA, "its pickle is damaged: a name has more than %d bytes", LT_PICKLE_NAME);
    }
done:
    return st;
}

/* ---- values and the stack ---- */

static lt_status grow(uint32_t **array, uint32_t *cap, uint32_t need, int64_t limit)
{
    lt_status st = LT_OK;
    if (need <= *cap) goto done;
    if (need > limit) LT_FAIL(LT_E_DATA, "its pickle holds more than %lld values, which no state_dict needs", (long long)limit);
    uint32_t more = need < 8 ? 8 : need <= limit / 2 ? need * 2 : (uint32_t)limit;
    uint32_t *p = realloc(*array, more * sizeof *p);
    if (!p) LT_FAIL(LT_E_MEMORY, "no memory to read a checkpoint");
    *array = p;
    *cap = more;
done:
    return st;
}

static lt_status push(machine *m, uint32_t id)
{
    lt_status st = LT_OK;
    LT_TRY(grow(&m->stack, &m->stack_cap, m->n_stack + 1, LT_PICKLE_VALUES));
    m->stack[m->n_stack++] = id;
done:
    return st;
}

/* The lowest place of the stack that may be popped: above the last mark. */
static uint32_t floor_of(const machine *m)
{
    return m->n_marks ? m->mark[m->n_marks - 1] : 0;
}

static lt_status pop(machine *m, uint32_t *id)
{
    lt_status st = LT_OK;
    if (m->n_stack <= floor_of(m)) LT_FAIL(LT_E_DATA, "its pickle is damaged: it takes a value that is not there");
    *id = m->stack[--m->n_stack];
done:
    return st;
}

static lt_status pop_mark(machine *m, uint32_t *first)
{
    lt_status st = LT_OK;
    if (!m->n_marks) LT_FAIL(LT_E_DATA, "its pickle is damaged: it ends a list that was not begun");
    *first = m->mark[--m->n_marks];
done:
    return st;
}

static lt_status new_value(machine *m, lt_pickle_kind kind, lt_pickle_value **out)
{
    lt_status st = LT_OK;
    lt_pickle *p = m->p;
    if (p->n == p->cap) {
        uint32_t cap = p->cap ? p->cap * 2 : 256;
        if (p->n >= LT_PICKLE_VALUES) LT_FAIL(LT_E_DATA, "its pickle holds more than %d values, which no state_dict needs", LT_PICKLE_VALUES);
        lt_pickle_value *v = realloc(p->value, cap * sizeof *v);
        if (!v) LT_FAIL(LT_E_MEMORY, "no memory to read a checkpoint");
        p->value = v;
        p->cap = cap;
    }
    LT_TRY(push(m, p->n));
    *out = &p->value[p->n++];
    **out = (lt_pickle_value){ .kind = kind };
done:
    return st;
}

static lt_status add_item(machine *m, lt_pickle_value *to, uint32_t id)
{
    lt_status st = LT_OK;
    if (++m->items > LT_PICKLE_ITEMS) LT_FAIL(LT_E_DATA, "its pickle holds more than %d items, which no state_dict needs", LT_PICKLE_ITEMS);
    LT_TRY(grow(&to->as.item, &to->cap, to->n + 1, LT_PICKLE_ITEMS));
    to->as.item[to->n++] = id;
done:
    return st;
}

/* What lies on top of the stack and above the last mark. */
static lt_status top_of_kind(machine *m, lt_pickle_kind kind, const char *what, lt_pickle_value **out)
{
    lt_status st = LT_OK;
    if (m->n_stack <= floor_of(m)) LT_FAIL(LT_E_DATA, "its pickle is damaged: it takes a value that is not there");
    *out = &m->p->value[m->stack[m->n_stack - 1]];
    if ((*out)->kind != kind) LT_FAIL(LT_E_DATA, "its pickle is damaged: %s to what is none", what);
done:
    return st;
}

/* ---- instructions: numbers and strings ---- */

static lt_status op_proto(machine *m, int op)
{
    (void)op;
    lt_status st = LT_OK;
    uint64_t version;
    LT_TRY(take_number(m, 1, &version));
    if (version < 2 || version > 5) LT_FAIL(LT_E_DATA, "its pickle is of protocol %llu; longtake reads 2 to 5", (unsigned long long)version);
done:
    return st;
}

static lt_status op_frame(machine *m, int op)
{
    (void)op;
    uint64_t length;
    return take_number(m, 8, &length);
}

static lt_status op_constant(machine *m, int op)
{
    lt_status st = LT_OK;
    lt_pickle_value *v = NULL;
    LT_TRY(new_value(m, op == 'N' ? LT_PICKLE_NONE : LT_PICKLE_BOOL, &v));
    v->as.integer = op == 0x88;
done:
    return st;
}

static lt_status op_integer(machine *m, int op)
{
    lt_status st = LT_OK;
    uint64_t number;
    lt_pickle_value *v = NULL;
    LT_TRY(take_number(m, op == 'K' ? 1 : op == 'M' ? 2 : 4, &number));
    LT_TRY(new_value(m, LT_PICKLE_INT, &v));
    v->as.integer = op == 'J' ? (int32_t)(uint32_t)number : (int64_t)number;
done:
    return st;
}

static lt_status op_long(machine *m, int op)
{
    lt_status st = LT_OK;
    uint64_t n, number = 0;
    char *text = NULL;
    lt_pickle_value *v = NULL;
    LT_TRY(take_number(m, op == 0x8a ? 1 : 4, &n));
    if (n > LONG_BYTES) LT_FAIL(LT_E_DATA, "its pickle holds an integer of %llu bytes, which no state_dict needs", (unsigned long long)n);
    LT_TRY(take_text(m, n, &text));
    LT_TRY(new_value(m, n <= 8 ? LT_PICKLE_INT : LT_PICKLE_LONG, &v));
    if (n <= 8) {
        if (n && text[n - 1] & 0x80) number = UINT64_MAX;
        for (size_t i = n; i--;) number = number << 8 | (uint8_t)text[i];
        v->as.integer = (int64_t)number;
    } else {
        v->as.text = text;
        v->n = (uint32_t)n;
        text = NULL;
    }
done:
    free(text);
    return st;
}

static lt_status op_real(machine *m, int op)
{
    (void)op;
    lt_status st = LT_OK;
    uint64_t bits;
    lt_pickle_value *v = NULL;
    LT_TRY(take_number(m, 8, &bits));
    LT_TRY(new_value(m, LT_PICKLE_REAL, &v));
    bits = __builtin_bswap64(bits);           /* the one number of a pickle that is big-endian */
    memcpy(&v->as.real, &bits, sizeof bits);
done:
    return st;
}

static lt_status op_string(machine *m, int op)
{
    lt_status st = LT_OK;
    uint64_t n;
    char *text = NULL;
    lt_pickle_value *v = NULL;
    bool is_short = op == 0x8c || op == 'U' || op == 'C', is_long = op == 0x8d || op == 0x8e || op == 0x96;
    bool is_data = op == 'B' || op == 'C' || op == 0x8e || op == 0x96;
    LT_TRY(take_number(m, is_short ? 1 : is_long ? 8 : 4, &n));
    LT_TRY(take_text(m, n, &text));
    LT_TRY(new_value(m, is_data ? LT_PICKLE_DATA : LT_PICKLE_TEXT, &v));
    v->as.text = text;
    v->n = (uint32_t)n;
    text = NULL;
done:
    free(text);
    return st;
}

/* ---- instructions: containers ---- */

static lt_status op_mark(machine *m, int op)
{
    (void)op;
    lt_status st = LT_OK;
    LT_TRY(grow(&m->mark, &m->mark_cap, m->n_marks + 1, LT_PICKLE_VALUES));
    m->mark[m->n_marks++] = m->n_stack;
done:
    return st;
}

static lt_status op_empty(machine *m, int op)
{
    lt_pickle_value *v = NULL;
    return new_value(m, op == ')' ? LT_PICKLE_TUPLE : op == ']' ? LT_PICKLE_LIST : LT_PICKLE_DICT, &v);
}

/* The values of the stack from `first` on become the items of a new container in their place. */
static lt_status collect(machine *m, lt_pickle_kind kind, uint32_t first)
{
    lt_status st = LT_OK;
    lt_pickle_value *v = NULL;
    uint32_t stop = m->n_stack;
    if (kind == LT_PICKLE_DICT && (stop - first) % 2) LT_FAIL(LT_E_DATA, "its pickle is damaged: a key without a value");
    LT_TRY(new_value(m, kind, &v));
    for (uint32_t i = first; i < stop; i++) LT_TRY(add_item(m, v, m->stack[i]));
    m->n_stack = first;
    LT_TRY(push(m, (uint32_t)(v - m->p->value)));
done:
    return st;
}

static lt_status op_collect(machine *m, int op)
{
    lt_status st = LT_OK;
    uint32_t first = 0;
    LT_TRY(pop_mark(m, &first));
    LT_TRY(collect(m, op == 't' ? LT_PICKLE_TUPLE : op == 'l' ? LT_PICKLE_LIST : LT_PICKLE_DICT, first));
done:
    return st;
}

static lt_status op_tuple(machine *m, int op)
{
    lt_status st = LT_OK;
    uint32_t n = (uint32_t)op - 0x84;
    if (m->n_stack - floor_of(m) < n) LT_FAIL(LT_E_DATA, "its pickle is damaged: it takes a value that is not there");
    LT_TRY(collect(m, LT_PICKLE_TUPLE, m->n_stack - n));
done:
    return st;
}

/* a e s u: what lies above `first` goes into the container below it. */
static lt_status op_add(machine *m, int op)
{
    lt_status st = LT_OK;
    bool is_dict = op == 's' || op == 'u';
    uint32_t first = 0, stop = m->n_stack, n = op == 'a' ? 1 : 2;
    if (op == 'e' || op == 'u') LT_TRY(pop_mark(m, &first));
    else if (stop - floor_of(m) < n) LT_FAIL(LT_E_DATA, "its pickle is damaged: it takes a value that is not there");
    else first = stop - n;
    if (is_dict && (stop - first) % 2) LT_FAIL(LT_E_DATA, "its pickle is damaged: a key without a value");
    m->n_stack = first;
    lt_pickle_value *to = NULL;
    LT_TRY(top_of_kind(m, is_dict ? LT_PICKLE_DICT : LT_PICKLE_LIST, is_dict ? "adds a key" : "adds an item", &to));
    for (uint32_t i = first; i < stop; i++) LT_TRY(add_item(m, to, m->stack[i]));
done:
    return st;
}

static lt_status op_pop(machine *m, int op)
{
    lt_status st = LT_OK;
    uint32_t id = 0;
    if (op == '1') LT_TRY(pop_mark(m, &m->n_stack));
    else LT_TRY(pop(m, &id));
done:
    return st;
}

static lt_status op_dup(machine *m, int op)
{
    (void)op;
    lt_status st = LT_OK;
    uint32_t id = 0;
    LT_TRY(pop(m, &id));
    LT_TRY(push(m, id));
    LT_TRY(push(m, id));
done:
    return st;
}

/* ---- instructions: memo ---- */

static lt_status op_put(machine *m, int op)
{
    lt_status st = LT_OK;
    uint64_t at = m->n_memo;
    uint32_t old = m->memo_cap;
    if (op != 0x94) LT_TRY(take_number(m, op == 'q' ? 1 : 4, &at));
    if (at >= LT_PICKLE_VALUES) LT_FAIL(LT_E_DATA, "its pickle holds more than %d values, which no state_dict needs", LT_PICKLE_VALUES);
    if (m->n_stack <= floor_of(m)) LT_FAIL(LT_E_DATA, "its pickle is damaged: it keeps a value that is not there");
    LT_TRY(grow(&m->memo, &m->memo_cap, (uint32_t)at + 1, LT_PICKLE_VALUES));
    while (old < m->memo_cap) m->memo[old++] = NOTHING;
    m->n_memo += m->memo[at] == NOTHING;
    m->memo[at] = m->stack[m->n_stack - 1];
done:
    return st;
}

static lt_status op_get(machine *m, int op)
{
    lt_status st = LT_OK;
    uint64_t at;
    LT_TRY(take_number(m, op == 'h' ? 1 : 4, &at));
    if (at >= m->memo_cap || m->memo[at] == NOTHING) LT_FAIL(LT_E_DATA, "its pickle is damaged: it recalls a value that was not kept");
    LT_TRY(push(m, m->memo[at]));
done:
    return st;
}

/* ---- instructions: names, and what they would make ---- */

/* For messages: what is not printable ASCII becomes '?'. */
static void make_plain(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~') *text = '?';
}

static lt_status push_global(machine *m, char *module, char *name)
{
    lt_status st = LT_OK;
    lt_pickle_value *v = NULL;
    int n = sizeof globals / sizeof *globals, i = 0;
    while (i < n && (strcmp(globals[i].module, module) != 0 || strcmp(globals[i].name, name) != 0)) i++;
    if (i == n) {
        make_plain(module);
        make_plain(name);
        LT_FAIL(LT_E_DATA, "it wants Python to call %.200s.%.200s, which longtake never does: a checkpoint may hold tensors, dicts, lists, tuples, "
                "numbers and strings only; where you trust it, save its state_dict alone with torch.save, or as safetensors", module, name);
    }
    LT_TRY(new_value(m, LT_PICKLE_GLOBAL, &v));
    v->as.integer = i;
done:
    return st;
}

static lt_status op_global(machine *m, int op)
{
    (void)op;
    lt_status st = LT_OK;
    char module[LT_PICKLE_NAME + 2], name[LT_PICKLE_NAME + 2];
    LT_TRY(take_line(m, module));
    LT_TRY(take_line(m, name));
    LT_TRY(push_global(m, module, name));
done:
    return st;
}

static lt_status op_stack_global(machine *m, int op)
{
    (void)op;
    lt_status st = LT_OK;
    uint32_t id[2] = { 0 };
    char text[2][LT_PICKLE_NAME + 1];
    for (int i = 2; i--;) {
        LT_TRY(pop(m, &id[i]));
        const lt_pickle_value *v = &m->p->value[id[i]];
        if (v->kind != LT_PICKLE_TEXT) LT_FAIL(LT_E_DATA, "its pickle is damaged: a name is no string");
        snprintf(text[i], sizeof text[i], "%s", v->as.text);
    }
    LT_TRY(push_global(m, text[0], text[1]));
done:
    return st;
}

static const lt_pickle_value *item(const machine *m, const lt_pickle_value *of, uint32_t i)
{
    return &m->p->value[of->as.item[i]];
}

/* ('storage', type, key, place, count[, view]); view is None or (key, first, count). Source: torch/serialization.py, persistent_id. */
static lt_status op_storage(machine *m, int op)
{
    (void)op;
    lt_status st = LT_OK;
    uint32_t id = 0;
    lt_pickle_value *v = NULL;
    LT_TRY(pop(m, &id));
    const lt_pickle_value *t = &m->p->value[id];
    if (t->kind != LT_PICKLE_TUPLE || t->n < 5 || item(m, t, 0)->kind != LT_PICKLE_TEXT || strcmp(item(m, t, 0)->as.text, "storage") != 0 ||
        item(m, t, 1)->kind != LT_PICKLE_GLOBAL || globals[item(m, t, 1)->as.integer].kind != STORAGE_TYPE ||
        item(m, t, 2)->kind != LT_PICKLE_TEXT || item(m, t, 4)->kind != LT_PICKLE_INT || item(m, t, 4)->as.integer < 0)
        LT_FAIL(LT_E_DATA, "its pickle is damaged: it refers to outside data that is no tensor storage");
    /* Keys are compared often, so a long one that many storages share would take forever. */
    const lt_pickle_value *key = item(m, t, 2);
    if (key->n > LT_PICKLE_NAME || strlen(key->as.text) != key->n) LT_FAIL(LT_E_DATA, "its pickle is damaged: the key of a storage is too long or no plain text");
    lt_pickle_storage s = { globals[item(m, t, 1)->as.integer].dtype, key->as.text, item(m, t, 4)->as.integer, 0 };
    if (t->n > 5 && item(m, t, 5)->kind == LT_PICKLE_TUPLE) {
        const lt_pickle_value *view = item(m, t, 5);
        if (view->n != 3 || item(m, view, 1)->kind != LT_PICKLE_INT || item(m, view, 2)->kind != LT_PICKLE_INT || item(m, view, 1)->as.integer < 0 ||
            item(m, view, 2)->as.integer < 0 || item(m, view, 1)->as.integer > s.count || item(m, view, 2)->as.integer > s.count - item(m, view, 1)->as.integer)
            LT_FAIL(LT_E_DATA, "its pickle is damaged: a view lies outside its storage");
        s.view = item(m, view, 1)->as.integer;
    }
    LT_TRY(new_value(m, LT_PICKLE_STORAGE, &v));
    if (!(v->as.storage = malloc(sizeof s))) LT_FAIL(LT_E_MEMORY, "no memory to read a checkpoint");
    *v->as.storage = s;
done:
    return st;
}

static bool read_sizes(const machine *m, const lt_pickle_value *t, int n, int64_t *out)
{
    if (t->kind != LT_PICKLE_TUPLE || (int)t->n != n) return false;
    for (int i = 0; i < n; i++) {
        if (item(m, t, (uint32_t)i)->kind != LT_PICKLE_INT) return false;
        out[i] = item(m, t, (uint32_t)i)->as.integer;
    }
    return true;
}

/* (storage, first value, sizes, strides, ...). Source: torch/_utils.py, _rebuild_tensor_v2. */
static lt_status make_tensor(machine *m, const lt_pickle_value *args)
{
    lt_status st = LT_OK;
    lt_pickle_value *v = NULL;
    if (args->n < 4 || item(m, args, 0)->kind != LT_PICKLE_STORAGE || item(m, args, 1)->kind != LT_PICKLE_INT || item(m, args, 2)->kind != LT_PICKLE_TUPLE)
        LT_FAIL(LT_E_DATA, "its pickle is damaged: a tensor without a storage or sizes");
    if (item(m, args, 2)->n > LT_WEIGHT_DIMS)
        LT_FAIL(LT_E_DATA, "it holds a tensor of %u dimensions; longtake reads up to %d", item(m, args, 2)->n, LT_WEIGHT_DIMS);
    lt_pickle_tensor t = { .storage = args->as.item[0], .start = item(m, args, 1)->as.integer, .n_dims = (int)item(m, args, 2)->n };
    if (!read_sizes(m, item(m, args, 2), t.n_dims, t.dim) || !read_sizes(m, item(m, args, 3), t.n_dims, t.stride))
        LT_FAIL(LT_E_DATA, "its pickle is damaged: a tensor's sizes are no numbers");
    if (++m->tensors > LT_WEIGHTS_MAX) LT_FAIL(LT_E_DATA, "it holds more than %d tensors", LT_WEIGHTS_MAX);
    LT_TRY(new_value(m, LT_PICKLE_TENSOR, &v));
    if (!(v->as.tensor = malloc(sizeof t))) LT_FAIL(LT_E_MEMORY, "no memory to read a checkpoint");
    *v->as.tensor = t;
done:
    return st;
}

/* OrderedDict(), or OrderedDict([[key, value], ...]), as Python 2 wrote it. */
static lt_status make_dict(machine *m, uint32_t args_id)
{
    lt_status st = LT_OK;
    lt_pickle_value *v = NULL;
    LT_TRY(new_value(m, LT_PICKLE_DICT, &v));
    const lt_pickle_value *args = &m->p->value[args_id];
    if (!args->n) goto done;
    const lt_pickle_value *pairs = item(m, args, 0);
    if (args->n > 1 || pairs->kind != LT_PICKLE_LIST) LT_FAIL(LT_E_DATA, "its pickle is damaged: a dict that is made of no list");
    for (uint32_t i = 0; i < pairs->n; i++) {
        const lt_pickle_value *pair = item(m, pairs, i);
        if ((pair->kind != LT_PICKLE_LIST && pair->kind != LT_PICKLE_TUPLE) || pair->n != 2)
            LT_FAIL(LT_E_DATA, "its pickle is damaged: a key without a value");
        LT_TRY(add_item(m, v, pair->as.item[0]));
        LT_TRY(add_item(m, v, pair->as.item[1]));
    }
done:
    return st;
}

static lt_status op_reduce(machine *m, int op)
{
    (void)op;
    lt_status st = LT_OK;
    uint32_t args_id = 0, fn_id = 0;
    LT_TRY(pop(m, &args_id));
    LT_TRY(pop(m, &fn_id));
    const lt_pickle_value *args = &m->p->value[args_id], *fn = &m->p->value[fn_id];
    if (fn->kind != LT_PICKLE_GLOBAL || args->kind != LT_PICKLE_TUPLE) LT_FAIL(LT_E_DATA, "its pickle is damaged: it calls what is no function");
    switch (globals[fn->as.integer].kind) {
    case MAKE_DICT:
        LT_TRY(make_dict(m, args_id));
        break;
    case MAKE_TENSOR:
        LT_TRY(make_tensor(m, args));
        break;
    case MAKE_PARAMETER:
        if (!args->n || item(m, args, 0)->kind != LT_PICKLE_TENSOR) LT_FAIL(LT_E_DATA, "its pickle is damaged: a parameter without a tensor");
        LT_TRY(push(m, args->as.item[0]));
        break;
    case STORAGE_TYPE:
        LT_FAIL(LT_E_DATA, "it wants Python to call torch.%s, which longtake never does", globals[fn->as.integer].name);
    }
done:
    return st;
}

/* Attributes of an object: state_dicts carry `_metadata`, which nothing here needs. */
static lt_status op_build(machine *m, int op)
{
    (void)op;
    lt_status st = LT_OK;
    uint32_t state = 0;
    lt_pickle_value *object = NULL;
    LT_TRY(pop(m, &state));
    LT_TRY(top_of_kind(m, LT_PICKLE_DICT, "it gives attributes", &object));
done:
    return st;
}

static lt_status op_stop(machine *m, int op)
{
    (void)op;
    lt_status st = LT_OK;
    if (m->n_marks || m->n_stack != 1) LT_FAIL(LT_E_DATA, "its pickle is damaged: it ends with %u values instead of one", m->n_stack);
    m->p->root = m->stack[0];
    m->stopped = true;
done:
    return st;
}

static const op_fn ops[256] = {
    [0x80] = op_proto, [0x95] = op_frame, ['.'] = op_stop,
    ['N'] = op_constant, [0x88] = op_constant, [0x89] = op_constant,
    ['K'] = op_integer, ['M'] = op_integer, ['J'] = op_integer, [0x8a] = op_long, [0x8b] = op_long, ['G'] = op_real,
    ['X'] = op_string, [0x8c] = op_string, [0x8d] = op_string, ['T'] = op_string, ['U'] = op_string,
    ['B'] = op_string, ['C'] = op_string, [0x8e] = op_string, [0x96] = op_string,
    ['('] = op_mark, [')'] = op_empty, [']'] = op_empty, ['}'] = op_empty, ['t'] = op_collect, ['l'] = op_collect, ['d'] = op_collect,
    [0x85] = op_tuple, [0x86] = op_tuple, [0x87] = op_tuple, ['a'] = op_add, ['e'] = op_add, ['s'] = op_add, ['u'] = op_add,
    ['0'] = op_pop, ['1'] = op_pop, ['2'] = op_dup,
    ['q'] = op_put, ['r'] = op_put, [0x94] = op_put, ['h'] = op_get, ['j'] = op_get,
    ['c'] = op_global, [0x93] = op_stack_global, ['Q'] = op_storage, ['R'] = op_reduce, ['b'] = op_build,
};

lt_status lt_pickle_load(lt_pickle_in *in, lt_pickle **out)
{
    lt_status st = LT_OK;
    machine m = { .in = in };
    *out = NULL;
    if (!(m.p = calloc(1, sizeof *m.p))) LT_FAIL(LT_E_MEMORY, "no memory to read a checkpoint");
    while (!m.stopped) {
        uint8_t op;
        LT_TRY(take(&m, &op, 1));
        if (!ops[op])
            LT_FAIL(LT_E_DATA, "its pickle has the instruction 0x%02x, which is not among those that make dicts, lists, tuples, numbers, strings and "
                    "tensors: the file is damaged, or holds objects that longtake does not make", op);
        LT_TRY(ops[op](&m, op));
    }
    *out = m.p;
    m.p = NULL;
done:
    lt_pickle_free(&m.p);
    free(m.stack);
    free(m.mark);
    free(m.memo);
    return st;
}

void lt_pickle_free(lt_pickle **p)
{
    if (!*p) return;
    for (uint32_t i = 0; i < (*p)->n; i++) {
        lt_pickle_value *v = &(*p)->value[i];
        switch (v->kind) {
        case LT_PICKLE_LONG: case LT_PICKLE_TEXT: case LT_PICKLE_DATA: free(v->as.text); break;
        case LT_PICKLE_TUPLE: case LT_PICKLE_LIST: case LT_PICKLE_DICT: free(v->as.item); break;
        case LT_PICKLE_STORAGE: free(v->as.storage); break;
        case LT_PICKLE_TENSOR: free(v->as.tensor); break;
        default: break;
        }
    }
    free((*p)->value);
    free(*p);
    *p = NULL;
}
