/* models list, inspect, check, run: by the first word. */
#include "commands.h"

#include <longtake/model.h>

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lt_status print_json(json_t *value)
{
    lt_status st = LT_OK;
    if (!value) LT_FAIL(LT_E_MEMORY, "no memory for the report");
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
done:
    json_decref(value);
    return st;
}

/* ---- list ---- */

static int list(const lt_settings *s)
{
    json_t *rows = s->json ? json_array() : NULL;
    for (int i = 0; i < lt_model_count(); i++) {
        const lt_model *m = lt_model_at(i);
        if (s->json)
            json_array_append_new(rows, json_pack("{s:s s:s s:s s:I s:s s:s s:s}", "name", m->name, "task", m->task, "title", m->title, "parameters",
                                                  (json_int_t)m->n_parameters, "licence", m->licence, "source", m->source, "file", m->file));
        else
            printf("%s  %s, %.1f million parameters, for --task %s\n    weights: %s\n    licence: %s\n    file:    %s\n", m->name, m->title,
                   (double)m->n_parameters / 1e6, m->task, m->source, m->licence, m->file);
    }
    return s->json ? (int)print_json(rows) : 0;
}

/* ---- inspect ---- */

static int64_t count_of(const lt_weight_info *x)
{
    int64_t n = 1;
    for (int d = 0; d < x->n_dims; d++) n *= x->dim[d];
    return n;
}

static json_t *tensor_row(const lt_weight_info *x)
{
    json_t *shape = json_array();
    for (int d = 0; d < x->n_dims; d++) json_array_append_new(shape, json_integer(x->dim[d]));
    return json_pack("{s:s s:s s:o s:I}", "name", x->name, "type", lt_dtype_name(x->dtype), "shape", shape, "bytes",
                     (json_int_t)(count_of(x) * (int64_t)lt_dtype_bytes(x->dtype)));
}

static lt_status inspect_json(const char *path, const lt_weights *w, int64_t values, int64_t bytes, const char *hash)
{
    json_t *rows = json_array();
    for (int64_t i = 0; i < lt_weights_count(w); i++) json_array_append_new(rows, tensor_row(lt_weights_at(w, i)));
    return print_json(json_pack("{s:s s:s s:b s:I s:I s:s s:o}", "file", path, "kind", lt_weights_kind(w), "synthetic", lt_weights_is_synthetic(w),
                                "values", (json_int_t)values, "bytes", (json_int_t)bytes, "hash", hash, "tensors", rows));
}

static void inspect_text(const char *path, const lt_weights *w, int64_t values, int64_t bytes, const char *hash)
{
    if (lt_weights_is_synthetic(w)) printf("%s: synthetic, every tensor that is asked for, meaningless; hash %s\n", path, hash);
    else printf("%s: %s, %" PRId64 " tensors of %" PRId64 " values, %" PRId64 " bytes; hash %s\n", path, lt_weights_kind(w), lt_weights_count(w),
                values, bytes, hash);
    for (int64_t i = 0; i < lt_weights_count(w); i++) {
        const lt_weight_info *x = lt_weights_at(w, i);
        printf("%-4s ", lt_dtype_name(x->dtype));
        for (int d = 0; d < x->n_dims; d++) printf("%s%" PRId64, d ? "x" : "", x->dim[d]);
        printf("%s %s\n", x->n_dims ? "" : "scalar", x->name);
    }
}

static int inspect(const lt_settings *s)
{
    lt_status st = LT_OK;
    lt_weights *w = NULL;
    lt_hash hash;
    char text[LT_HASH_TEXT];
    const char *path = s->inputs.item[1];
    int64_t values = 0, bytes = 0;
    LT_TRY(lt_weights_open(path, &w));
    LT_TRY(lt_weights_hash(w, &hash));
    lt_hash_text(hash, text);
    for (int64_t i = 0; i < lt_weights_count(w); i++) {
        const lt_weight_info *x = lt_weights_at(w, i);
        values += count_of(x);
        bytes += count_of(x) * (int64_t)lt_dtype_bytes(x->dtype);
    }
    if (s->json) LT_TRY(inspect_json(path, w, values, bytes, text));
    else inspect_text(path, w, values, bytes, text);
done:
    lt_weights_close(&w);
    return (int)st;
}

/* ---- check ---- */

/* Reads every value: damage behind the table shows nowhere else. */
static lt_status check_values(lt_weights *w, const char *path, const lt_weight_want *want, int64_t n)
{
    lt_status st = LT_OK;
    float *values = NULL;
    for (int64_t i = 0; i < n; i++) {
        int64_t count = 1;
        if (!lt_weights_find(w, want[i].name)) continue;
        for (int d = 0; d < want[i].n_dims; d++) count *= want[i].dim[d];
        float *more = realloc(values, (size_t)(count + 1) * sizeof *more);
        if (!more) LT_FAIL(LT_E_MEMORY, "no memory for tensor %s", want[i].name);
        values = more;
        LT_TRY(lt_weights_read(w, want[i].name, want[i].n_dims, want[i].dim, values));
        for (int64_t k = 0; k < count; k++)
            if (!isfinite(values[k])) LT_FAIL(LT_E_DATA, "%s: tensor '%s' holds %f: the file is damaged, or of a training that failed", path, want[i].name, (double)values[k]);
    }
done:
    free(values);
    return st;
}

static int check(const lt_settings *s)
{
    lt_status st = LT_OK;
    lt_weights *w = NULL;
    lt_weight_want *want = NULL;
    const lt_model *m;
    const char *const *optional;
    const char *path = s->inputs.item[2];
    int64_t n = 0, n_optional;
    LT_TRY(lt_model_find(s->inputs.item[1], &m));
    LT_TRY(lt_model_wants(m, &want, &n, &optional, &n_optional));
    st = lt_weights_open(path, &w);
    if (st >= 0) st = lt_weights_fit(w, m->name, want, n, optional, n_optional);
    if (st >= 0) st = check_values(w, path, want, n);
    if (s->json && (st >= 0 || lt_exit_code(st) == 65)) {
        const char *problem = st < 0 ? lt_error_last()->text : NULL;
        lt_status said = print_json(json_pack("{s:s s:s s:b s:s?}", "model", m->name, "file", path, "fits", st >= 0, "problem", problem));
        if (said < 0) st = said;
    } else if (st >= 0) {
        printf("%s fits %s: %" PRId64 " tensors%s\n", path, m->name, n, lt_weights_is_synthetic(w) ? " of meaningless numbers" : ", every value read");
    }
done:
    free(want);
    lt_weights_close(&w);
    return (int)st;
}

/* ---- the words ---- */

static const struct {
    const char *word;
    int         n;                    /* positional arguments, with the word */
    const char *needs;
    int       (*act)(const lt_settings *s);
} words[] = {
    { "list", 1, "nothing more", list }, { "inspect", 2, "one FILE", inspect }, { "check", 3, "MODEL and FILE", check },
    { "run", 2, "one MODEL", lt_command_models_run },
};

int lt_command_models(const lt_settings *s)
{
    lt_status st = LT_OK;
    enum { N = sizeof words / sizeof *words };
    const char *names[N], *word = s->inputs.item[0];
    for (int i = 0; i < N; i++) {
        names[i] = words[i].word;
        if (strcmp(word, words[i].word) != 0) continue;
        if (s->inputs.n != words[i].n) LT_FAIL(LT_E_USAGE, "models %s takes %s", word, words[i].needs);
        return words[i].act(s);
    }
    const char *near = lt_nearest(word, names, N);
    LT_FAIL(LT_E_USAGE, "models does not know '%.40s'%s%s%s: give list, inspect FILE, check MODEL FILE or run MODEL", word, near ? "; did you mean '" : "",
            near ? near : "", near ? "'?" : "");
done:
    return (int)st;
}
