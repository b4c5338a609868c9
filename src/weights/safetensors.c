/* safetensors: 8 bytes, the length of a JSON header; the header, which names each tensor's type, sizes and first and last byte; the values.
 * Source: the format's description at github.com/huggingface/safetensors. */
#include "private.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_MAX = 8 << 20 };        /* bytes; JSON takes some fifty times as much memory */

static const struct {
    const char *name;
    lt_dtype    dtype;
} types[] = {
    { "F64", LT_F64 }, { "F32", LT_F32 }, { "F16", LT_F16 }, { "BF16", LT_BF16 }, { "I64", LT_I64 },
    { "I32", LT_I32 }, { "I16", LT_I16 }, { "I8", LT_I8 },   { "U8", LT_U8 },     { "BOOL", LT_BOOL },
};

static lt_status read_type(const char *name, const json_t *v, lt_dtype *out)
{
    lt_status st = LT_OK;
    const char *text = json_string_value(v);
    if (!text) LT_FAIL(LT_E_DATA, "its header is damaged: tensor '%.100s' has no dtype", name);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, text) == 0) {
            *out = types[i].dtype;
            goto done;
        }
    LT_FAIL(LT_E_DATA, "tensor '%.100s' is of type %.20s, which longtake does not read", name, text);
done:
    return st;
}

static lt_status read_tensor(lt_weights *w, int64_t data, const char *name, const json_t *v)
{
    lt_status st = LT_OK;
    lt_weight_found f = { .name = name, .n_name = strlen(name), .stretch = { .entry = -1 } };
    const json_t *shape = json_object_get(v, "shape"), *ends = json_object_get(v, "data_offsets");
    LT_TRY(read_type(name, json_object_get(v, "dtype"), &f.dtype));
    if (!json_is_array(shape)) LT_FAIL(LT_E_DATA, "its header is damaged: tensor '%.100s' has no shape", name);
    if (json_array_size(shape) > LT_WEIGHT_DIMS)
        LT_FAIL(LT_E_DATA, "tensor '%.100s' has %zu dimensions; longtake reads up to %d", name, json_array_size(shape), LT_WEIGHT_DIMS);
    f.n_dims = (int)json_array_size(shape);
    for (int i = 0; i < f.n_dims; i++) {
        if (!json_is_integer(json_array_get(shape, (size_t)i))) LT_FAIL(LT_E_DATA, "its header is damaged: the shape of tensor '%.100s' is no numbers", name);
        f.dim[i] = json_integer_value(json_array_get(shape, (size_t)i));
    }
    const json_t *first = json_array_get(ends, 0), *last = json_array_get(ends, 1);
    if (json_array_size(ends) != 2 || !json_is_integer(first) || !json_is_integer(last))
        LT_FAIL(LT_E_DATA, "its header is damaged: tensor '%.100s' has no data_offsets", name);
    int64_t a = json_integer_value(first), b = json_integer_value(last);
    if (a < 0 || b < a) LT_FAIL(LT_E_DATA, "its header is damaged: tensor '%.100s' begins at byte %" PRId64 " and ends at %" PRId64, name, a, b);
    if (b > w->n_bytes - data)
        LT_FAIL(LT_E_DATA, "the file is cut off or its header damaged: tensor '%.100s' ends at byte %" PRId64 " of %" PRId64, name, b, w->n_bytes - data);
    f.stretch.offset = data + a;
    f.stretch.n_bytes = b - a;
    LT_TRY(lt_weights_add(w, &f));
    if (w->item[w->n - 1].count * (int64_t)lt_dtype_bytes(f.dtype) != b - a)
        LT_FAIL(LT_E_DATA, "its header is damaged: tensor '%.100s' has %" PRId64 " bytes, which is not its shape", name, b - a);
done:
    return st;
}

lt_status lt_weights_open_safetensors(lt_weights *w)
{
    lt_status st = LT_OK;
    uint64_t n;
    char *text = NULL;
    json_t *header = NULL, *v;
    const char *name;
    json_error_t error;
    LT_TRY(lt_weights_pread(w, 0, &n, sizeof n));
    if (n > HEADER_MAX) LT_FAIL(LT_E_DATA, "its header would be %" PRIu64 " bytes long; longtake reads up to %d MiB: the file is damaged", n, HEADER_MAX >> 20);
    if ((int64_t)n > w->n_bytes - 8) LT_FAIL(LT_E_DATA, "the file is cut off: its header has %" PRIu64 " bytes, the file %" PRId64, n, w->n_bytes);
    if (!(text = malloc(n + 1))) LT_FAIL(LT_E_MEMORY, "no memory to read a checkpoint");
    LT_TRY(lt_weights_pread(w, 8, text, n));
    if (!(header = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error)))
        LT_FAIL(LT_E_DATA, "its header is damaged: %.160s at byte %d", error.text, error.position);
    if (!json_is_object(header)) LT_FAIL(LT_E_DATA, "its header is damaged: no JSON object");
    json_object_foreach(header, name, v)
        if (strcmp(name, "__metadata__") != 0) LT_TRY(read_tensor(w, 8 + (int64_t)n, name, v));
done:
    json_decref(header);
    free(text);
    return st;
}
