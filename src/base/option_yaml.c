/* The settings file, by libyaml's events: two levels of mappings, so no tree is built and depth has no cost. */
#include "option_private.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

typedef struct {
    const lt_option_table *t;
    int                    command;
    const char            *name;
    void                  *settings;
    yaml_parser_t          parser;
    yaml_event_t           event;
    bool                   parser_open, event_open;
    size_t                *line_of;      /* per option: the line that gave it, 0: none yet */
} reader;

static size_t line(const reader *r)
{
    return r->event.start_mark.line + 1;
}

static lt_status next(reader *r)
{
    lt_status st = LT_OK;
    if (r->event_open) yaml_event_delete(&r->event);
    r->event_open = false;
    if (!yaml_parser_parse(&r->parser, &r->event))
        LT_FAIL(LT_E_USAGE, "%s:%zu: not valid YAML: %s", r->name, r->parser.problem_mark.line + 1,
                r->parser.problem ? r->parser.problem : "unknown problem");
    r->event_open = true;
    if (r->event.type == YAML_ALIAS_EVENT)
        LT_FAIL(LT_E_USAGE, "%s:%zu: aliases (*name) are not read here: write the value out", r->name, line(r));
done:
    return st;
}

/* The text of the scalar at hand; a NUL inside would cut it short unseen. */
static lt_status text_of(const reader *r, const char **out)
{
    lt_status st = LT_OK;
    const char *text = (const char *)r->event.data.scalar.value;
    *out = text;
    if (strlen(text) != r->event.data.scalar.length)
        LT_FAIL(LT_E_USAGE, "%s:%zu: a value must not contain a NUL character", r->name, line(r));
done:
    return st;
}

static bool is_null(const reader *r)
{
    const char *text = (const char *)r->event.data.scalar.value;
    if (r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return false;
    return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

static lt_status read_scalar(reader *r, int option, size_t key_line)
{
    lt_status st = LT_OK;
    const lt_option *o = &r->t->options[option];
    const char *text;
    char where[512];
    snprintf(where, sizeof where, "%s:%zu: %s", r->name, key_line, o->name);
    LT_TRY(text_of(r, &text));
    if (is_null(r)) LT_FAIL(LT_E_USAGE, "%s has no value: give one, or remove the line", where);
    /* A file may hold what other commands take; it is not for us to judge here. */
    if (!lt_option_takes(o, r->command) && strcmp(o->name, r->t->positional) != 0) return LT_OK;
    LT_TRY(lt_option_set(r->t, option, text, where, r->settings));
done:
    return st;
}

static lt_status read_value(reader *r, int option, size_t key_line)
{
    lt_status st = LT_OK;
    const lt_option *o = &r->t->options[option];
    if (r->line_of[option])
        LT_FAIL(LT_E_USAGE, "%s:%zu: '%s' was given already in line %zu", r->name, key_line, o->name, r->line_of[option]);
    r->line_of[option] = key_line;
    if (r->event.type == YAML_SCALAR_EVENT) {
        LT_TRY(read_scalar(r, option, key_line));
        return LT_OK;
    }
    if (r->event.type != YAML_SEQUENCE_START_EVENT || !lt_option_adds(o))
        LT_FAIL(LT_E_USAGE, "%s:%zu: '%s' takes one value%s", r->name, key_line, o->name,
                lt_option_adds(o) ? ", or a list of values" : "");
    for (;;) {
        LT_TRY(next(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT) break;
        if (r->event.type != YAML_SCALAR_EVENT)
            LT_FAIL(LT_E_USAGE, "%s:%zu: '%s' takes a plain list of values", r->name, line(r), o->name);
        LT_TRY(read_scalar(r, option, line(r)));
    }
done:
    return st;
}

static bool is_section(const lt_option_table *t, const char *name)
{
    for (const char *s = NULL; (s = lt_option_next_section(t, -1, s));)
        if (strcmp(s, name) == 0) return true;
    return false;
}

static lt_status unknown_key(const reader *r, const char *key, bool is_mapping, size_t key_line)
{
    lt_status st = LT_OK;
    const char *names[192] = { NULL };
    char hint[128];
    int n = 0;
    if (is_mapping)
        for (const char *s = NULL; (s = lt_option_next_section(r->t, -1, s)) && n < 192;) names[n++] = s;
    else
        for (; n < r->t->n_options && n < 192; n++) names[n] = r->t->options[n].name;
    lt_did_you_mean(key, names, n, "", hint, sizeof hint);
    LT_FAIL(LT_E_USAGE, "%s:%zu: there is no %s '%.100s'%s", r->name, key_line, is_mapping ? "section" : "setting", key, hint);
done:
    return st;
}

static lt_status read_section(reader *r, const char *section);

/* A key has been read; the event after it is at hand. */
static lt_status read_entry(reader *r, const char *section, const char *key, size_t key_line)
{
    lt_status st = LT_OK;
    const lt_option_table *t = r->t;
    bool is_mapping = r->event.type == YAML_MAPPING_START_EVENT;
    int option = lt_option_find(t, key);
    if (is_mapping && !section && is_section(t, key)) {
        LT_TRY(read_section(r, key));
        return LT_OK;
    }
    if (option < 0) LT_TRY(unknown_key(r, key, is_mapping && !section, key_line));
    if (strcmp(key, t->help_name) == 0 || strcmp(key, t->version_name) == 0 || (t->config && strcmp(key, t->config) == 0))
        LT_FAIL(LT_E_USAGE, "%s:%zu: '%s' belongs on the command line", r->name, key_line, key);
    if (section && strcmp(section, t->options[option].section) != 0)
        LT_FAIL(LT_E_USAGE, "%s:%zu: '%s' belongs in the section '%s', not '%s'", r->name, key_line, key,
                t->options[option].section, section);
    LT_TRY(read_value(r, option, key_line));
done:
    return st;
}

/* The entries of the mapping whose start is at hand; section NULL: the outermost. */
static lt_status read_section(reader *r, const char *section)
{
    lt_status st = LT_OK;
    char key[128];
    for (;;) {
        const char *text;
        LT_TRY(next(r));
        if (r->event.type == YAML_MAPPING_END_EVENT) break;
        size_t key_line = line(r);
        if (r->event.type != YAML_SCALAR_EVENT)
            LT_FAIL(LT_E_USAGE, "%s:%zu: the name of a setting is expected here", r->name, key_line);
        LT_TRY(text_of(r, &text));
        snprintf(key, sizeof key, "%s", text);
        LT_TRY(next(r));
        LT_TRY(read_entry(r, section, key, key_line));
    }
done:
    return st;
}

lt_status lt_options_yaml(const lt_option_table *t, int command, const char *name, const char *text, size_t n_bytes,
                          void *settings)
{
    lt_status st = LT_OK;
    reader r = { .t = t, .command = command, .name = name, .settings = settings };
    r.line_of = calloc((size_t)t->n_options, sizeof *r.line_of);
    if (!r.line_of || !yaml_parser_initialize(&r.parser)) LT_FAIL(LT_E_MEMORY, "no memory to read '%s'", name);
    r.parser_open = true;
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n_bytes);
    LT_TRY(next(&r));                                        /* start of the stream */
    LT_TRY(next(&r));
    if (r.event.type == YAML_STREAM_END_EVENT) goto done;     /* nothing but comments */
    LT_TRY(next(&r));
    if (r.event.type != YAML_MAPPING_START_EVENT)
        LT_FAIL(LT_E_USAGE, "%s:%zu: lines of the form 'name: value' are expected", name, line(&r));
    LT_TRY(read_section(&r, NULL));
    LT_TRY(next(&r));                                        /* end of the document */
    LT_TRY(next(&r));
    if (r.event.type != YAML_STREAM_END_EVENT)
        LT_FAIL(LT_E_USAGE, "%s:%zu: a second document begins here: keep one file per job", name, line(&r));
done:
    if (r.event_open) yaml_event_delete(&r.event);
    if (r.parser_open) yaml_parser_delete(&r.parser);
    free(r.line_of);
    return st;
}
