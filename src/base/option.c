#include "option_private.h"

#include <stdlib.h>
#include <string.h>

lt_status lt_strings_add(lt_strings *list, const char *text)
{
    lt_status st = LT_OK;
    char *copy = strdup(text);
    char **items = copy ? realloc(list->item, ((size_t)list->n + 1) * sizeof *items) : NULL;
    if (!items) LT_FAIL(LT_E_MEMORY, "no memory for a list of %d names", list->n + 1);
    list->item = items;
    list->item[list->n++] = copy;
    copy = NULL;
done:
    free(copy);
    return st;
}

void lt_strings_free(lt_strings *list)
{
    for (int i = 0; i < list->n; i++) free(list->item[i]);
    free(list->item);
    *list = (lt_strings){ 0 };
}

enum { NAME_MAX_BYTES = 48 };       /* longer text is cut before it is compared */

/* Edit distance in which swapping two neighbours counts one. */
static int distance(const char *a, int n, const char *b, int m)
{
    int d[NAME_MAX_BYTES + 1][NAME_MAX_BYTES + 1];
    for (int i = 0; i <= n; i++) d[i][0] = i;
    for (int j = 0; j <= m; j++) d[0][j] = j;
    for (int i = 1; i <= n; i++)
        for (int j = 1; j <= m; j++) {
            int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best) best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best) best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

const char *lt_nearest(const char *text, const char *const *names, int n)
{
    const char *nearest = NULL;
    int best = 0, n_text = (int)strnlen(text, NAME_MAX_BYTES);
    for (int i = 0; i < n; i++) {
        int n_name = (int)strnlen(names[i], NAME_MAX_BYTES);
        int d = distance(text, n_text, names[i], n_name);
        int longer = n_text > n_name ? n_text : n_name;
        /* People abbreviate: the start of a name is near it, however much is missing. */
        bool starts = n_text >= 2 && strncmp(text, names[i], (size_t)n_text) == 0;
        if (!starts && d * 3 > longer + 2) continue;
        if (!nearest || d < best) nearest = names[i], best = d;
    }
    return nearest;
}

void lt_did_you_mean(const char *text, const char *const *names, int n, const char *before, char *out, size_t n_bytes)
{
    const char *near = lt_nearest(text, names, n);
    if (near) snprintf(out, n_bytes, ", did you mean '%s%s'?", before, near);
    else *out = 0;
}

lt_status lt_command_find(const lt_option_table *t, const char *name, int *out)
{
    lt_status st = LT_OK;
    const char *names[32];
    char hint[96];
    int n = 0;
    for (int i = 0; i < t->n_commands; i++) {
        if (strcmp(t->commands[i].name, name) == 0) {
            *out = i;
            return LT_OK;
        }
        if (!t->commands[i].hidden && n < 32) names[n++] = t->commands[i].name;
    }
    lt_did_you_mean(name, names, n, "", hint, sizeof hint);
    LT_FAIL(LT_E_USAGE, "there is no command '%s'%s%s", name, hint, *hint ? "" : ": see longtake --help");
done:
    return st;
}

int lt_option_find(const lt_option_table *t, const char *name)
{
    for (int i = 0; i < t->n_options; i++)
        if (strcmp(t->options[i].name, name) == 0) return i;
    return -1;
}

lt_status lt_options_defaults(const lt_option_table *t, void *settings)
{
    static const char zero[sizeof(lt_strings) > sizeof(uint64_t) ? sizeof(lt_strings) : sizeof(uint64_t)];
    static const size_t sizes[] = {
        [LT_OPTION_BOOL] = sizeof(bool), [LT_OPTION_INT] = sizeof(int64_t), [LT_OPTION_REAL] = sizeof(double),
        [LT_OPTION_BYTES] = sizeof(uint64_t), [LT_OPTION_DURATION] = sizeof(double), [LT_OPTION_SIZE] = sizeof(lt_size),
        [LT_OPTION_CHOICE] = sizeof(int), [LT_OPTION_FLAGS] = sizeof(unsigned), [LT_OPTION_STRING] = sizeof(char *),
        [LT_OPTION_PATH] = sizeof(char *), [LT_OPTION_LIST] = sizeof(lt_strings),
    };
    lt_status st = LT_OK;
    /* All first, so that the settings may be freed when a default cannot be copied. */
    for (int i = 0; i < t->n_options; i++)
        memcpy(lt_option_member(&t->options[i], settings), zero, sizes[t->options[i].kind]);
    memset((char *)settings + t->given, 0, (size_t)t->n_options);
    for (int i = 0; i < t->n_options; i++)
        if (t->options[i].preset)
            LT_TRY(lt_option_read(&t->options[i], t->options[i].preset, t->options[i].name, settings));
done:
    return st;
}

lt_status lt_option_set(const lt_option_table *t, int option, const char *text, const char *where, void *settings)
{
    lt_status st = LT_OK;
    LT_TRY(lt_option_read(&t->options[option], text, where, settings));
    ((uint8_t *)settings)[t->given + (size_t)option] = 1;
done:
    return st;
}

void lt_option_clear(const lt_option *o, void *settings)
{
    void *member = lt_option_member(o, settings);
    if (o->kind == LT_OPTION_STRING || o->kind == LT_OPTION_PATH) {
        free(*(char **)member);
        *(char **)member = NULL;
    } else if (o->kind == LT_OPTION_LIST) {
        lt_strings_free(member);
    } else if (o->kind == LT_OPTION_FLAGS) {
        *(unsigned *)member = 0;
    }
}

void lt_options_free(const lt_option_table *t, void *settings)
{
    for (int i = 0; i < t->n_options; i++) lt_option_clear(&t->options[i], settings);
}

const char *lt_choice_name(const lt_choice *choices, int value)
{
    for (; choices->name; choices++)
        if (choices->value == value) return choices->name;
    return "?";
}

const char *lt_option_preset_text(const lt_option *o)
{
    if (o->preset_help) return o->preset_help;
    return o->preset ? o->preset : "";
}

const char *lt_option_next_section(const lt_option_table *t, int command, const char *after)
{
    bool past = after == NULL;
    for (int i = 0; i < t->n_options; i++) {
        const char *section = t->options[i].section;
        bool seen = false;
        if (command >= 0 && !lt_option_takes(&t->options[i], command)) continue;
        for (int k = 0; k < i && !seen; k++)
            seen = strcmp(t->options[k].section, section) == 0 &&
                   (command < 0 || lt_option_takes(&t->options[k], command));
        if (seen) continue;
        if (past) return section;
        past = strcmp(section, after) == 0;
    }
    return NULL;
}
