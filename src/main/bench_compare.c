/* bench --compare: the figures of an earlier bench beside those of this one. */
#include "bench.h"

#include <longtake/file.h>
#include <longtake/log.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 16 << 20, NAME = 80, WARNING = 400 };

/* Figures of the whole. */
static const struct {
    const char *key, *unit;
} wholes[] = {
    { "frames_per_second", "frames/s" }, { "window_seconds", "s" },       { "gflops", "GFLOP/s" },     { "matmul_gflops", "GFLOP/s" },
    { "session_seconds", "s" },          { "first_window_seconds", "s" }, { "planned_bytes", "bytes" }, { "weight_bytes", "bytes" },
    { "observed_bytes", "bytes" },
};
static const char *const lists[] = { "stages", "kernels" }, *const same[] = { "task", "model", "precision" }, *const near[] = { "machine", "device" };

enum { N_WHOLES = sizeof wholes / sizeof *wholes, N_SAME = sizeof same / sizeof *same, N_NEAR = sizeof near / sizeof *near };

/* ---- the old one ---- */

static const char *missing(const json_t *old)
{
    for (int i = 0; i < N_SAME; i++)
        if (!json_is_string(json_object_get(old, same[i]))) return same[i];
    for (int i = 0; i < 2; i++)
        if (!json_is_array(json_object_get(old, lists[i]))) return lists[i];
    return !json_is_integer(json_object_get(old, "width")) ? "width" : !json_is_integer(json_object_get(old, "height")) ? "height"
         : !json_is_number(json_object_get(old, "frames_per_second")) ? "frames_per_second" : NULL;
}

lt_status lt_bench_old(const char *path, json_t **out)
{
    lt_status st = LT_OK;
    char *text = NULL;
    size_t n = 0;
    json_error_t error;
    json_t *old = NULL;
    *out = NULL;
    st = lt_file_read(path, LARGEST, &text, &n);
    if (st == LT_E_ABSENT) LT_FAIL(LT_E_USAGE, "--compare %s: there is no such file: longtake bench --json writes one", path);
    if (st < 0 && st != LT_E_DATA) LT_FAIL(LT_E_USAGE, "--compare %s: it cannot be read: %s", path, lt_error_last()->text);
    LT_TRY(st);
    if (!(old = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error)))
        LT_FAIL(LT_E_DATA, "--compare %s: line %d: %s: give what longtake bench --json printed", path, error.line, error.text);
    if (!json_is_object(old)) LT_FAIL(LT_E_DATA, "--compare %s: it holds no object: give what longtake bench --json printed", path);
    if (missing(old)) LT_FAIL(LT_E_DATA, "--compare %s: it has no \"%s\": give what longtake bench --json printed", path, missing(old));
    *out = json_incref(old);
done:
    json_decref(old);
    free(text);
    return st;
}

lt_status lt_bench_comparable(const char *path, const json_t *old, const lt_bench *b)
{
    lt_status st = LT_OK;
    const char *now[N_SAME] = { "depth", b->model, lt_machine_precision(&b->config.machine, b->config.precision) };
    const int width = (int)json_integer_value(json_object_get(old, "width")), height = (int)json_integer_value(json_object_get(old, "height"));
    for (int i = 0; i < N_SAME; i++) {
        const char *was = json_string_value(json_object_get(old, same[i]));
        if (strcmp(was, now[i]) != 0)
            LT_FAIL(LT_E_USAGE, "--compare %s: the %s was %s and is %s now: only benches of the same can be compared", path, same[i], was, now[i]);
    }
    if (width != b->config.width || height != b->config.height)
        LT_FAIL(LT_E_USAGE, "--compare %s: the size was %dx%d and is %dx%d now: give --size %dx%d", path, width, height, b->config.width, b->config.height,
                width, height);
done:
    return st;
}

/* ---- both ---- */

/* Where the two were not measured on the same. */
static json_t *warnings(const lt_settings *s, const json_t *old, const json_t *now)
{
    json_t *all = json_array();
    char text[WARNING];
    for (int i = 0; i < N_NEAR; i++) {
        const char *was = json_string_value(json_object_get(old, near[i])), *is = json_string_value(json_object_get(now, near[i]));
        if (was && is && !strcmp(was, is)) continue;
        snprintf(text, sizeof text, "the %s was %s and is %s now", near[i], was ? was : "not said", is ? is : "not said");
        json_array_append_new(all, json_string(text));
    }
    const json_int_t was = json_integer_value(json_object_get(old, "threads")), is = json_integer_value(json_object_get(now, "threads"));
    if (was != is) {
        snprintf(text, sizeof text, "there were %lld threads and are %lld now", (long long)was, (long long)is);
        json_array_append_new(all, json_string(text));
    }
    for (size_t i = 0; i < json_array_size(all); i++)
        lt_log_warn(s->log, "--compare %s: %s", s->compare, json_string_value(json_array_get(all, i)));
    return all;
}

/* NULL where one of them has no such figure. The ratio of what was 0 is none. */
static json_t *pair(const json_t *old, const json_t *now, const char *unit)
{
    if (!json_is_number(old) || !json_is_number(now)) return NULL;
    const double was = json_number_value(old), is = json_number_value(now);
    return json_pack("{s:s, s:O, s:O, s:o}", "unit", unit, "old", old, "new", now, "ratio", was > 0 ? json_real(is / was) : json_null());
}

static const json_t *named(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        const char *mine = json_string_value(json_object_get(row, "name"));
        if (mine && !strcmp(mine, name)) return row;
    }
    return NULL;
}

/* Every figure of both, in the order of the new one, under names as "window_seconds" and "stages.tail.seconds". */
static json_t *pairs(const json_t *old, const json_t *now)
{
    json_t *all = json_object();
    for (int i = 0; i < N_WHOLES; i++) {
        const char *key = wholes[i].key;
        json_object_set_new(all, key, pair(json_object_get(old, key), json_object_get(now, key), wholes[i].unit));
    }
    for (int l = 0; l < 2; l++) {
        const json_t *list = json_object_get(now, lists[l]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            char key[2 * NAME];
            const json_t *is = json_array_get(list, i);
            const char *name = json_string_value(json_object_get(is, "name"));
            const json_t *was = named(json_object_get(old, lists[l]), name);
            snprintf(key, sizeof key, "%s.%s.seconds", lists[l], name);
            json_object_set_new(all, key, pair(json_object_get(was, "seconds"), json_object_get(is, "seconds"), "s"));
            snprintf(key, sizeof key, "%s.%s.gflops", lists[l], name);
            json_object_set_new(all, key, pair(json_object_get(was, "gflops"), json_object_get(is, "gflops"), "GFLOP/s"));
        }
    }
    return all;
}

static void print_pairs(const lt_settings *s, const json_t *now, json_t *all)
{
    const char *key;
    json_t *p;
    printf("%s, %lldx%lld, %s, %s, against %s\n", json_string_value(json_object_get(now, "model")), (long long)json_integer_value(json_object_get(now, "width")),
           (long long)json_integer_value(json_object_get(now, "height")), json_string_value(json_object_get(now, "precision")),
           json_string_value(json_object_get(now, "device")), s->compare);
    printf("  %-44s %14s %14s %-9s %9s\n", "", "old", "new", "", "new / old");
    json_object_foreach(all, key, p) {
        const double was = json_number_value(json_object_get(p, "old")), is = json_number_value(json_object_get(p, "new"));
        const char *unit = json_string_value(json_object_get(p, "unit"));
        if (was == 0 && is == 0) continue;
        const int digits = !strcmp(unit, "bytes") ? 0 : 4;
        printf("  %-44s %14.*f %14.*f %-9s ", key, digits, was, digits, is, unit);
        if (was > 0) printf("%9.3f\n", is / was);
        else puts("        -");
    }
}

lt_status lt_bench_compare(const lt_settings *s, const json_t *old, const json_t *now)
{
    lt_status st = LT_OK;
    json_t *all = NULL, *said = warnings(s, old, now), *figures = pairs(old, now);
    if (!said || !figures) LT_FAIL(LT_E_MEMORY, "no memory for figures");
    if (s->json) {
        all = json_pack("{s:s, s:O, s:O, s:O, s:O, s:O, s:O, s:O}", "against", s->compare, "task", json_object_get(now, "task"), "model",
                        json_object_get(now, "model"), "width", json_object_get(now, "width"), "height", json_object_get(now, "height"), "precision",
                        json_object_get(now, "precision"), "warnings", said, "figures", figures);
        if (!all) LT_FAIL(LT_E_MEMORY, "no memory for figures");
        LT_TRY(lt_bench_print(all));
    } else {
        print_pairs(s, now, figures);
    }
done:
    json_decref(all);
    json_decref(said);
    json_decref(figures);
    return st;
}
