#include "commands.h"
#include "doctor.h"
#include "versions.h"

#include <stdarg.h>
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

static json_t *versions(void)
{
    lt_version list[LT_VERSIONS_MAX];
    int n = lt_versions(list);
    json_t *o = json_object();
    for (int i = 0; i < n; i++) json_object_set_new(o, list[i].name, json_string(list[i].version));
    return o;
}

static void print_value(const char *key, const json_t *value);

/* The entries of a list, each below its number; "gpus" is a list of what is called gpu. */
static void print_list(const char *key, const json_t *list)
{
    size_t i;
    const char *name;
    json_t *entry, *value;
    json_array_foreach(list, i, entry) {
        printf("  %.*s %zu\n", (int)strlen(key) - 1, key, i);
        json_object_foreach(entry, name, value) {
            fputs("  ", stdout);
            print_value(name, value);
        }
    }
}

static void print_value(const char *key, const json_t *value)
{
    size_t n = strlen(key);
    bool bytes = n > 6 && strcmp(key + n - 6, "_bytes") == 0;
    if (json_is_array(value)) {
        print_list(key, value);
        return;
    }
    printf("  %-24.*s ", (int)(bytes ? n - 6 : n), key);
    if (json_is_string(value)) printf("%s\n", json_string_value(value));
    else if (json_is_boolean(value)) printf("%s\n", json_is_true(value) ? "yes" : "no");
    else if (json_is_null(value)) printf("none\n");
    else if (bytes && json_integer_value(value) >= 1 << 20) printf("%.1f MiB\n", (double)json_integer_value(value) / 1048576);
    else printf("%" JSON_INTEGER_FORMAT "%s\n", json_integer_value(value), bytes ? " bytes" : "");
}

static void print_text(json_t *root)
{
    const char *chapter, *key;
    json_t *body, *value;
    size_t i;
    json_object_foreach(root, chapter, body) {
        if (json_is_string(body)) {
            printf("%s: %s\n", chapter, json_string_value(body));
        } else if (json_is_boolean(body)) {
            printf("%s: %s\n", chapter, json_is_true(body) ? "yes" : "no");
        } else if (json_is_object(body)) {
            printf("%s\n", chapter);
            json_object_foreach(body, key, value) print_value(key, value);
        } else if (json_is_array(body)) {
            const char *word = strcmp(chapter, "problems") == 0 ? "PROBLEM" : "note";
            json_array_foreach(body, i, value) printf("%s: %s\n", word, json_string_value(value));
        }
    }
}

int lt_command_doctor(const lt_settings *s)
{
    lt_status st = LT_OK;
    int code = 0;
    lt_findings f = { json_array(), json_array() };
    json_t *root = json_object();
    char *advice = NULL;
    int n_gpus = 0;
    if (!root || !f.problems || !f.notes) LT_FAIL(LT_E_MEMORY, "no memory to examine this machine");
    json_object_set_new(root, "versions", versions());
    json_object_set_new(root, "cpu", lt_doctor_cpu(&f));
    json_object_set_new(root, "gpu", lt_doctor_gpu(s, &f, &n_gpus));
    json_object_set_new(root, "memory", lt_doctor_memory(&f));
    json_object_set_new(root, "limits", lt_doctor_limits(&f));
    json_object_set_new(root, "disk", lt_doctor_disk(s->out, &f));
    json_object_set_new(root, "launcher", lt_doctor_launcher(&f));
    json_object_set_new(root, "codecs", lt_doctor_codecs(&f));
    json_object_set(root, "notes", f.notes);
    json_object_set(root, "problems", f.problems);
    json_object_set_new(root, "ready", json_boolean(json_array_size(f.problems) == 0));
    if (!(advice = lt_doctor_advice(s, n_gpus))) LT_FAIL(LT_E_MEMORY, "no memory to examine this machine");
    json_object_set_new(root, "recommended", json_string(advice));
    if (json_array_size(f.problems)) code = lt_exit_code(LT_E_DEVICE);
    if (!s->json) print_text(root);
    else if (json_dumpf(root, stdout, JSON_INDENT(2)) != 0 || putchar('\n') == EOF)
        LT_FAIL(LT_E_STORE, "standard output cannot be written");
done:
    free(advice);
    json_decref(root);
    json_decref(f.problems);
    json_decref(f.notes);
    return st < 0 ? (int)st : code;
}
