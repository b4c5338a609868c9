#include "commands.h"
#include "doctor.h"
#include "versions.h"

#include <longtake/budget.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lt_finding(json_t *list, const char *format, ...)
{
    char text[LT_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    /* Paths in it may be in any encoding; JSON has one. */
    json_t *sentence = json_string(text);
    json_array_append_new(list, sentence ? sentence : json_string("a finding about a file name that is not UTF-8"));
}

void lt_finding_failed(json_t *list)
{
    lt_finding(list, "%s", lt_error_last()->text);
    lt_error_clear();
}

json_t *lt_known(int64_t v)
{
    return v < 0 ? json_null() : json_integer((json_int_t)v);
}

static json_t *versions(void)
{
    lt_version list[LT_VERSIONS_MAX];
    int n = lt_versions(list);
    json_t *o = json_object();
    for (int i = 0; i < n; i++) json_object_set_new(o, list[i].name, json_string(list[i].version));
    return o;
}

static void print_value(int indent, const char *key, const json_t *value);

/* The entries of a list, each below its number; "gpus" is a list of what is called gpu. Of one rank alone all has been said. */
static void print_list(int indent, const char *key, const json_t *list)
{
    size_t i;
    const char *name;
    json_t *entry, *value;
    const size_t n = strlen(key);
    if (strcmp(key, "by_rank") == 0 && json_array_size(list) < 2) return;
    json_array_foreach(list, i, entry) {
        printf("%*s%.*s %zu\n", indent, "", (int)(n - (key[n - 1] == 's')), key, i);
        json_object_foreach(entry, name, value) print_value(indent + 2, name, value);
    }
}

static void print_value(int indent, const char *key, const json_t *value)
{
    const size_t n = strlen(key);
    const bool named = n > 6 && strcmp(key + n - 6, "_bytes") == 0, bytes = named || strcmp(key, "bytes") == 0;
    if (json_is_array(value)) {
        print_list(indent, key, value);
        return;
    }
    printf("%*s%-24.*s ", indent, "", (int)(named ? n - 6 : n), key);
    if (json_is_string(value)) printf("%s\n", json_string_value(value));
    else if (json_is_boolean(value)) printf("%s\n", json_is_true(value) ? "yes" : "no");
    else if (json_is_null(value)) printf("none\n");
    else if (json_is_real(value)) printf("%g\n", json_real_value(value));
    else if (bytes && json_integer_value(value) >= 1 << 20) printf("%.1f MiB\n", (double)json_integer_value(value) / 1048576);
    else printf("%" JSON_INTEGER_FORMAT "%s\n", json_integer_value(value), bytes ? " bytes" : "");
}

/* A row of a table instead of a list: what it takes of what may be used, or what it would need. */
static void print_models(const json_t *list)
{
    size_t i;
    const json_t *row;
    char need[32], may[32];
    const char *before = "";
    if (json_array_size(list)) puts("models");
    json_array_foreach(list, i, row) {
        const char *model = json_string_value(json_object_get(row, "model")), *input = json_string_value(json_object_get(row, "input"));
        const char *device = json_string_value(json_object_get(row, "device")), *needs = json_string_value(json_object_get(row, "needs"));
        const bool fits = json_is_true(json_object_get(row, "fits")), full = json_is_true(json_object_get(row, "full_quality"));
        if (strcmp(before, device) != 0) printf("  on %s\n", before = device);
        printf("    %-6s %-9s %-16s ", model ? model : json_string_value(json_object_get(row, "task")), json_string_value(json_object_get(row, "frames")),
               input ? input : "");
        if (fits)
            printf("%10s of %s  %s: %s\n", lt_bytes_text(json_integer_value(json_object_get(row, "planned_bytes")), need, sizeof need),
                   lt_bytes_text(json_integer_value(json_object_get(row, "available_bytes")), may, sizeof may), full ? "full quality" : "LESS QUALITY",
                   json_string_value(json_object_get(row, "setting")));
        else puts("DOES NOT FIT");
        if (needs) printf("           %s\n", needs);
    }
}

static void print_advice(const json_t *lines)
{
    static const struct {
        const char *key, *what;
    } rows[] = { { "one_process", "one process" }, { "all_devices", "all GPUs or cores here" }, { "slurm_array", "a Slurm array" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *line = json_string_value(json_object_get(lines, rows[i].key));
        if (line) printf("recommended for %s:\n    %s\n", rows[i].what, line);
    }
}

static void print_findings(const char *word, const json_t *list)
{
    size_t i;
    const json_t *sentence;
    json_array_foreach(list, i, sentence) printf("%s: %s\n", word, json_string_value(sentence));
}

static void print_text(json_t *root)
{
    const char *chapter, *key;
    json_t *body, *value;
    json_object_foreach(root, chapter, body) {
        if (strcmp(chapter, "models") == 0) {
            print_models(body);
        } else if (strcmp(chapter, "recommended") == 0) {
            print_advice(body);
        } else if (json_is_boolean(body)) {
            printf("%s: %s\n", chapter, json_is_true(body) ? "yes" : "no");
        } else if (json_is_object(body)) {
            printf("%s\n", chapter);
            json_object_foreach(body, key, value) print_value(2, key, value);
        } else {
            print_findings(strcmp(chapter, "problems") == 0 ? "PROBLEM" : "note", body);
        }
    }
}

static lt_status print(const lt_settings *s, json_t *root)
{
    lt_status st = LT_OK;
    if (!s->json) print_text(root);
    else if (json_dumpf(root, stdout, JSON_INDENT(2)) != 0 || putchar('\n') == EOF)
        LT_FAIL(LT_E_STORE, "standard output cannot be written");
done:
    return st;
}

/* All chapters, in the order in which they are shown. Each rank looks at its machine and its device; rank 0 asks the planner for all. */
static void examine(lt_doctor *d, json_t *root)
{
    json_object_set_new(root, "versions", versions());
    json_object_set_new(root, "cpu", lt_doctor_cpu(d));
    json_object_set_new(root, "gpu", lt_doctor_gpu(d));
    json_object_set_new(root, "memory", lt_doctor_memory(d));
    json_object_set_new(root, "limits", lt_doctor_limits(d));
    json_object_set_new(root, "disk", lt_doctor_disk(d));
    json_object_set_new(root, "launcher", lt_doctor_launcher(d));
    json_object_set_new(root, "codecs", lt_doctor_codecs(d));
    json_object_set_new(root, "models", d->rank == 0 ? lt_doctor_models(d) : json_array());
    json_object_set_new(root, "ranks", lt_doctor_ranks(d));
    json_object_set_new(root, "recommended", d->rank == 0 ? lt_doctor_advice(d) : json_object());
    json_object_set(root, "notes", d->found.notes);
    json_object_set(root, "problems", d->found.problems);
    json_object_set_new(root, "ready", json_boolean(json_array_size(d->found.problems) == 0));
}

int lt_command_doctor(const lt_settings *s)
{
    lt_status st = LT_OK;
    int code = 0;
    lt_doctor d = { .s = s };
    json_t *root = json_object();
    if (s->output && !s->profile) LT_FAIL(LT_E_USAGE, "doctor writes a file with --profile only: leave out --output");
    if (s->json && s->profile) LT_FAIL(LT_E_USAGE, "doctor --profile writes YAML: leave out --json");
    if (s->profile) {
        st = lt_doctor_profile(s);
        goto done;
    }
    if (!root) LT_FAIL(LT_E_MEMORY, "no memory to examine this machine");
    LT_TRY(lt_doctor_open(&d, s));
    examine(&d, root);
    if (json_array_size(d.found.problems)) code = lt_exit_code(LT_E_DEVICE);
    if (d.rank == 0) LT_TRY(print(s, root));
done:
    json_decref(root);
    code = lt_doctor_close(&d, st < 0 ? lt_exit_code(st) : code);
    return st < 0 ? (int)st : code;
}
