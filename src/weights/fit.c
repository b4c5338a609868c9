#include "private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 4, LIST_TEXT = 480 };              /* of each kind in the message */

/* The first few of a kind. */
typedef struct {
    int64_t n;
    size_t  at;
    char    text[LIST_TEXT];
} list;

LT_PRINTF(2, 3) static void add(list *l, const char *format, ...)
{
    va_list args;
    if (l->n++ >= NAMES || l->at >= sizeof l->text) return;
    l->at += (size_t)snprintf(l->text + l->at, sizeof l->text - l->at, "%s", l->n > 1 ? ", " : "");
    if (l->at >= sizeof l->text) return;
    va_start(args, format);
    l->at += (size_t)vsnprintf(l->text + l->at, sizeof l->text - l->at, format, args);
    va_end(args);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_in(const char *name, const char **sorted, int64_t n)
{
    return n && bsearch(&name, sorted, (size_t)n, sizeof *sorted, by_text);
}

static bool same_shape(const lt_weight_info *a, const lt_weight_want *b)
{
    return a->n_dims == b->n_dims && memcmp(a->dim, b->dim, (size_t)a->n_dims * sizeof *a->dim) == 0;
}

/* " 3 missing (a, b, c)," */
static size_t say(char *text, size_t n_bytes, size_t at, const list *l, const char *what)
{
    if (!l->n || at >= n_bytes) return at;
    return at + (size_t)snprintf(text + at, n_bytes - at, "%s%" PRId64 " %s (%s%s)", at ? "; " : "", l->n, what, l->text, l->n > NAMES ? ", ..." : "");
}

lt_status lt_weights_fit(const lt_weights *w, const char *model, const lt_weight_want *want, int64_t n, const char *const *optional, int64_t n_optional)
{
    lt_status st = LT_OK;
    list missing = { 0 }, unexpected = { 0 }, other = { 0 };
    char a[LT_SHAPE_TEXT], b[LT_SHAPE_TEXT], text[3 * LIST_TEXT] = "";
    const char **wanted = NULL, **spare = NULL;
    if (w->is_synthetic) goto done;
    wanted = malloc((size_t)(n + 1) * sizeof *wanted);
    spare = malloc((size_t)(n_optional + 1) * sizeof *spare);
    if (!wanted || !spare) LT_FAIL(LT_E_MEMORY, "no memory to compare %" PRId64 " names", n);
    for (int64_t i = 0; i < n; i++) wanted[i] = want[i].name;
    for (int64_t i = 0; i < n_optional; i++) spare[i] = optional[i];
    qsort(wanted, (size_t)n, sizeof *wanted, by_text);
    qsort(spare, (size_t)n_optional, sizeof *spare, by_text);
    for (int64_t i = 0; i < n; i++) {
        const lt_weight_info *x = lt_weights_find(w, want[i].name);
        if (!x && !is_in(want[i].name, spare, n_optional)) add(&missing, "%.100s", want[i].name);
        if (x && !same_shape(x, &want[i]))
            add(&other, "%.100s is %s, wanted %s", want[i].name, lt_weights_shape(x->n_dims, x->dim, a), lt_weights_shape(want[i].n_dims, want[i].dim, b));
    }
    for (int64_t i = 0; i < w->n; i++) {
        const char *name = w->item[i].info.name;
        if (!is_in(name, wanted, n) && !is_in(name, spare, n_optional)) add(&unexpected, "%.100s", name);
    }
    size_t at = say(text, sizeof text, 0, &missing, "missing");
    at = say(text, sizeof text, at, &unexpected, "unexpected");
    say(text, sizeof text, at, &other, "of another shape");
    if (*text)
        LT_FAIL(LT_E_DATA, "%.200s does not fit %.60s: of %" PRId64 " tensors, %s%s", w->path, model, n, text,
                missing.n > n / 2 ? "; are these the weights of another model?" : "");
done:
    free(wanted);
    free(spare);
    return st;
}
