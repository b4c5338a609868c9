/* From the values of a pickle to the tensors of a state_dict. */
#include "pickle.h"

#include <string.h>

enum { NESTING = 4 };

/* Under which keys training scripts keep a state_dict. Where a file has several, the first of these. */
static const char *const nests[] = { "state_dict", "model_state_dict", "model", "params_ema", "params" };

const lt_pickle_value *lt_pickle_get(const lt_pickle *p, const lt_pickle_value *dict, const char *key)
{
    for (uint32_t i = dict->n; i >= 2; i -= 2) {
        const lt_pickle_value *k = &p->value[dict->as.item[i - 2]];
        if (k->kind == LT_PICKLE_TEXT && strlen(key) == k->n && memcmp(k->as.text, key, k->n) == 0) return &p->value[dict->as.item[i - 1]];
    }
    return NULL;
}

static const lt_pickle_value *enter(const lt_pickle *p)
{
    const lt_pickle_value *at = &p->value[p->root];
    for (int depth = 0; depth < NESTING; depth++) {
        const lt_pickle_value *inner = NULL;
        for (size_t i = 0; i < sizeof nests / sizeof *nests && (!inner || inner->kind != LT_PICKLE_DICT); i++) inner = lt_pickle_get(p, at, nests[i]);
        if (!inner || inner->kind != LT_PICKLE_DICT) break;
        at = inner;
    }
    return at;
}

static lt_status add_tensor(const lt_pickle *p, const lt_pickle_value *key, const lt_pickle_tensor *t, lt_weights *w,
                            lt_pickle_locate locate, void *user)
{
    lt_status st = LT_OK;
    const lt_pickle_storage *s = p->value[t->storage].as.storage;
    lt_weight_found found = { .name = key->as.text, .n_name = key->n, .dtype = s->dtype, .n_dims = t->n_dims, .stride = t->stride };
    memcpy(found.dim, t->dim, sizeof found.dim);
    LT_TRY(locate(user, s, &found.stretch));
    if (__builtin_add_overflow(t->start, s->view, &found.start)) LT_FAIL(LT_E_DATA, "tensor '%.100s' begins outside its storage", key->as.text);
    LT_TRY(lt_weights_add(w, &found));
done:
    return st;
}

lt_status lt_pickle_tensors(const lt_pickle *p, lt_weights *w, lt_pickle_locate locate, void *user)
{
    lt_status st = LT_OK;
    if (p->value[p->root].kind != LT_PICKLE_DICT)
        LT_FAIL(LT_E_DATA, "it does not hold a state_dict: save model.state_dict(), not the model or one tensor");
    const lt_pickle_value *dict = enter(p);
    for (uint32_t i = 0; i + 1 < dict->n; i += 2) {
        const lt_pickle_value *key = &p->value[dict->as.item[i]], *v = &p->value[dict->as.item[i + 1]];
        /* What else lies beside the tensors (numbers, None, lists) is no weight. */
        if (v->kind != LT_PICKLE_TENSOR) continue;
        if (key->kind != LT_PICKLE_TEXT) LT_FAIL(LT_E_DATA, "it holds a tensor whose key is no string");
        LT_TRY(add_tensor(p, key, v->as.tensor, w, locate, user));
    }
done:
    return st;
}
