/* The command line, by popt. */
#include "option_private.h"

#include <errno.h>
#include <popt.h>
#include <stdlib.h>
#include <string.h>

/* One option as it stood on the command line. */
typedef struct {
    int   option;
    char *text;
} given;

/* What popt needs for the time of a parse: its table, and the names of the --no- forms. */
typedef struct {
    const lt_option_table *t;
    int                    command;
    struct poptOption     *rows;      /* val is 1 + 2 * option, one more for --no- */
    char                 **no_names;
    poptContext            context;
    given                 *seen;
    int                    n_seen;
} parse;

static lt_status parse_open(parse *p, int argc, char *const *argv)
{
    lt_status st = LT_OK;
    const lt_option_table *t = p->t;
    int n = 0;
    p->rows = calloc(2 * (size_t)t->n_options + 1, sizeof *p->rows);
    p->no_names = calloc((size_t)t->n_options, sizeof *p->no_names);
    p->seen = calloc((size_t)argc, sizeof *p->seen);
    if (!p->rows || !p->no_names || !p->seen) LT_FAIL(LT_E_MEMORY, "no memory to read the command line");
    for (int i = 0; i < t->n_options; i++) {
        const lt_option *o = &t->options[i];
        bool is_bool = o->kind == LT_OPTION_BOOL;
        if (!lt_option_takes(o, p->command) || strcmp(o->name, t->positional) == 0) continue;
        p->rows[n++] = (struct poptOption){ .longName = o->name, .shortName = o->letter,
            .argInfo = is_bool ? POPT_ARG_NONE : POPT_ARG_STRING, .val = 1 + 2 * i };
        if (!is_bool) continue;
        if (asprintf(&p->no_names[i], "no-%s", o->name) < 0) {
            p->no_names[i] = NULL;
            LT_FAIL(LT_E_MEMORY, "no memory to read the command line");
        }
        p->rows[n++] = (struct poptOption){ .longName = p->no_names[i], .argInfo = POPT_ARG_NONE, .val = 2 + 2 * i };
    }
    /* popt keeps pointers into argv but changes nothing. */
    p->context = poptGetContext(NULL, argc, (const char **)argv, p->rows, POPT_CONTEXT_KEEP_FIRST);
    if (!p->context) LT_FAIL(LT_E_MEMORY, "no memory to read the command line");
done:
    return st;
}

static void parse_close(parse *p)
{
    if (p->context) poptFreeContext(p->context);
    for (int i = 0; i < p->n_seen; i++) free(p->seen[i].text);
    for (int i = 0; p->no_names && i < p->t->n_options; i++) free(p->no_names[i]);
    free(p->no_names);
    free(p->rows);
    free(p->seen);
}

/* The commands that take an option, "view or index". */
static void takers(const lt_option_table *t, const lt_option *o, char *out, size_t n)
{
    size_t at = 0;
    *out = 0;
    for (int c = 0; c < t->n_commands && at < n; c++)
        if (lt_option_takes(o, c) && !t->commands[c].hidden)
            at += (size_t)snprintf(out + at, n - at, "%s%s", at ? ", " : "", t->commands[c].name);
}

static lt_status unknown(const parse *p, const char *bad)
{
    lt_status st = LT_OK;
    const lt_option_table *t = p->t;
    const char *command = t->commands[p->command].name;
    char name[128], hint[128], where[256];
    const char *names[192];
    int n = 0;
    if (bad[0] == '-' && bad[1] != '-')
        LT_FAIL(LT_E_USAGE, "%s has no option '%.40s': see %s %s --help", command, bad, t->program, command);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(bad + 2, "="), bad + 2);
    bool negated = strncmp(name, "no-", 3) == 0;
    int known = lt_option_find(t, name);
    if (known < 0 && negated) known = lt_option_find(t, name + 3);
    if (known >= 0 && strcmp(t->options[known].name, t->positional) == 0)
        LT_FAIL(LT_E_USAGE, "--%s: on the command line give them without an option name: %s %s %s", name, t->program, command,
                t->commands[p->command].args);
    if (known >= 0 && !lt_option_takes(&t->options[known], p->command)) {
        takers(t, &t->options[known], where, sizeof where);
        LT_FAIL(LT_E_USAGE, "--%s is not an option of %s; it belongs to: %s", name, command, where);
    }
    if (known >= 0) LT_FAIL(LT_E_USAGE, "there is no option '--%s': only switches have a --no- form", name);
    for (const struct poptOption *row = p->rows; row->val && n < 192; row++)
        if (negated || strncmp(row->longName, "no-", 3) != 0) names[n++] = row->longName;
    lt_did_you_mean(name, names, n, "--", hint, sizeof hint);
    LT_FAIL(LT_E_USAGE, "there is no option '--%s'%s%s", name, hint, *hint ? "" : ": see --help");
done:
    return st;
}

/* Whether the text is one of the options, so that it can hardly be meant as the value of another. */
static bool looks_like_option(const parse *p, const char *text)
{
    if (strncmp(text, "--", 2) != 0) return false;
    for (const struct poptOption *row = p->rows; row->val; row++)
        if (strcmp(text + 2, row->longName) == 0) return true;
    return false;
}

static lt_status read_line(parse *p)
{
    lt_status st = LT_OK;
    const lt_option_table *t = p->t;
    int val;
    while ((val = poptGetNextOpt(p->context)) > 0) {
        const lt_option *o = &t->options[(val - 1) / 2];
        given *g = &p->seen[p->n_seen++];
        g->option = (val - 1) / 2;
        if (o->kind == LT_OPTION_BOOL) g->text = strdup(val % 2 ? "true" : "false");
        else g->text = poptGetOptArg(p->context);
        if (!g->text) LT_FAIL(LT_E_MEMORY, "no memory to read the command line");
        if (looks_like_option(p, g->text))
            LT_FAIL(LT_E_USAGE, "--%s needs a value (%s), and '%s' is an option", o->name, o->arg, g->text);
    }
    if (val == -1) return LT_OK;
    const char *bad = poptBadOption(p->context, POPT_BADOPTION_NOALIAS);
    if (val == POPT_ERROR_BADOPT) LT_TRY(unknown(p, bad));
    if (val == POPT_ERROR_NOARG) LT_FAIL(LT_E_USAGE, "%s needs a value after it", bad);
    if (val == POPT_ERROR_UNWANTEDARG)
        LT_FAIL(LT_E_USAGE, "%.*s is a switch and takes no value: it is on when given, and off with --no- in its name",
                (int)strcspn(bad, "="), bad);
    LT_FAIL(LT_E_USAGE, "%s: %s", bad, poptStrerror(val));
done:
    return st;
}

/* The text of the last occurrence, or NULL. */
static const char *last_of(const parse *p, const char *name)
{
    for (int i = p->n_seen - 1; name && i >= 0; i--)
        if (strcmp(p->t->options[p->seen[i].option].name, name) == 0) return p->seen[i].text;
    return NULL;
}

static bool asked(const parse *p, const char *name)
{
    const char *text = last_of(p, name);
    return text && strcmp(text, "true") == 0;
}

enum { CONFIG_BYTES_MAX = 1 << 20 };

static lt_status read_config(const parse *p, const char *path, void *settings)
{
    lt_status st = LT_OK;
    char *text = malloc(CONFIG_BYTES_MAX + 1);
    FILE *file = fopen(path, "rb");
    if (!text) LT_FAIL(LT_E_MEMORY, "no memory to read '%s'", path);
    if (!file) LT_FAIL(LT_E_USAGE, "--%s: '%s' cannot be opened: %s", p->t->config, path, strerror(errno));
    size_t n = fread(text, 1, CONFIG_BYTES_MAX + 1, file);
    if (ferror(file)) LT_FAIL(LT_E_USAGE, "--%s: '%s' cannot be read: %s", p->t->config, path, strerror(errno));
    if (n > CONFIG_BYTES_MAX) LT_FAIL(LT_E_USAGE, "--%s: '%s' is larger than 1 MiB, so it is no settings file", p->t->config, path);
    LT_TRY(lt_options_yaml(p->t, p->command, path, text, n, settings));
done:
    if (file) fclose(file);
    free(text);
    return st;
}

static lt_status apply(const parse *p, void *settings)
{
    lt_status st = LT_OK;
    char where[128];
    for (int i = 0; i < p->n_seen; i++) {
        const lt_option *o = &p->t->options[p->seen[i].option];
        bool first = true;
        for (int k = 0; k < i; k++) first = first && p->seen[k].option != p->seen[i].option;
        if (first && lt_option_adds(o)) lt_option_clear(o, settings);
        snprintf(where, sizeof where, "--%s", o->name);
        LT_TRY(lt_option_set(p->t, p->seen[i].option, p->seen[i].text, where, settings));
    }
done:
    return st;
}

static lt_status apply_positional(parse *p, void *settings)
{
    lt_status st = LT_OK;
    const lt_option_table *t = p->t;
    const lt_command_info *c = &t->commands[p->command];
    int option = lt_option_find(t, t->positional);
    const char **args = poptGetArgs(p->context);
    const lt_strings *list = lt_option_member(&t->options[option], settings);
    if (args) lt_option_clear(&t->options[option], settings);
    for (; args && *args; args++) LT_TRY(lt_option_set(t, option, *args, c->args, settings));
    if (list->n < c->n_min)
        LT_FAIL(LT_E_USAGE, "%s needs %s: see %s %s --help", c->name, c->args, t->program, c->name);
    if (c->n_max == 0 && list->n)
        LT_FAIL(LT_E_USAGE, "%s takes no file names, and '%.200s' was given", c->name, list->item[0]);
    if (c->n_max >= 0 && list->n > c->n_max)
        LT_FAIL(LT_E_USAGE, "%s takes %s, and '%.200s' is one too many", c->name, c->args, list->item[c->n_max]);
done:
    return st;
}

lt_status lt_options_parse(const lt_option_table *t, int command, int argc, char *const *argv, void *settings, lt_ask *ask)
{
    lt_status st = LT_OK;
    parse p = { .t = t, .command = command };
    *ask = LT_ASK_COMMAND;
    LT_TRY(parse_open(&p, argc, argv));
    LT_TRY(read_line(&p));
    if (asked(&p, t->help_name)) *ask = LT_ASK_HELP;
    else if (asked(&p, t->version_name)) *ask = LT_ASK_VERSION;
    if (*ask != LT_ASK_COMMAND) goto done;
    const char *config = last_of(&p, t->config);
    if (config) LT_TRY(read_config(&p, config, settings));
    LT_TRY(apply(&p, settings));
    LT_TRY(apply_positional(&p, settings));
done:
    parse_close(&p);
    return st;
}
