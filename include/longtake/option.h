/* longtake/option.h -- one table of options, and all that is made from it.
 *
 * in    a table (lt_option_table), a command line, a YAML file
 * out   a settings struct; help, manual page, Markdown and shell completion as text
 * owns  what it puts into the settings struct, until lt_options_free
 *
 * Knows the shape of a table, not what is in it: longtake's own is in longtake/settings.h. Every failure is
 * LT_E_USAGE unless stated, and says which option, which value, what is allowed, and the nearest name where a
 * name was misspelt. Names are exact: an abbreviation that works today would be ambiguous tomorrow. */
#ifndef LONGTAKE_OPTION_H
#define LONGTAKE_OPTION_H

#include <longtake/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A list of strings; each is owned by the list. */
typedef struct {
    char **item;
    int    n;
} lt_strings;

/* Appends a copy. LT_E_MEMORY leaves the list as it was. */
LT_NODISCARD lt_status lt_strings_add(lt_strings *list, const char *text);
void lt_strings_free(lt_strings *list);

typedef struct {
    int width, height;                /* pixels; 0 x 0: not given */
} lt_size;

/* How the text of an option becomes a member of the settings struct. */
typedef enum {
    LT_OPTION_BOOL,                   /* bool: --x, --no-x; true, false, yes, no, on, off in YAML */
    LT_OPTION_INT,                    /* int64_t, min to max */
    LT_OPTION_REAL,                   /* double, min to max */
    LT_OPTION_BYTES,                  /* uint64_t: 5.6GiB, 800M; K, M, G, T and KiB ... TiB are powers of 1024, KB ... TB of 1000 */
    LT_OPTION_DURATION,               /* double, seconds: 30, 30s, 250ms, 1.5m, 2h, 1d, 1:02:03.5 */
    LT_OPTION_SIZE,                   /* lt_size: 1280x720, each side min to max */
    LT_OPTION_CHOICE,                 /* int: the value of one of `choices` */
    LT_OPTION_FLAGS,                  /* unsigned: several of `choices`, comma between, repeatable; values are or-ed */
    LT_OPTION_STRING,                 /* char *, NULL when not given; with `choices`, one of their names */
    LT_OPTION_PATH,                   /* char *, NULL when not given */
    LT_OPTION_LIST                    /* lt_strings: repeatable */
} lt_option_kind;

typedef struct {
    const char *name;                 /* NULL ends the list */
    int         value;
    const char *help;                 /* a few words; NULL: the name says it */
} lt_choice;

typedef struct {
    const char      *name;            /* "memory-limit" for --memory-limit and the YAML key */
    char             letter;          /* 'o' for -o; 0: none */
    lt_option_kind   kind;
    size_t           offset;          /* of the member in the settings struct */
    uint32_t         commands;        /* bit i: the table's command i takes it; 0 for a positional list */
    const char      *section;         /* heading in help, optional mapping in YAML; one word in lower case */
    const char      *arg;             /* name of the value in help; NULL for BOOL */
    const char      *preset;          /* the default, in the words of the command line; NULL: false, 0, none */
    double           min, max;        /* INT, REAL, BYTES, DURATION, SIZE */
    const lt_choice *choices;
    const char      *help;            /* one sentence, or several, without a full stop at the end */
    const char      *preset_help;     /* what the default means, where `preset` does not say it; may be NULL */
} lt_option;

typedef struct {
    const char *name;                 /* "run" */
    const char *args;                 /* "VIDEO...", "DIR [VIDEO...]", "" */
    int         n_min, n_max;         /* positional arguments; n_max < 0: any number */
    const char *summary;              /* one line */
    const char *details;              /* paragraphs, blank line between; may be NULL */
    const char *example;              /* a command line; may be NULL */
    const char *words;                /* "bash|zsh|fish": what the positional argument may be; NULL: files */
    bool        hidden;               /* not in help */
} lt_command_info;

typedef struct {
    const char            *program;   /* "longtake" */
    const char            *version;
    const char            *purpose;   /* one line */
    const char            *epilog;    /* paragraphs of help and manual: exit codes; may be NULL */
    const lt_option       *options;
    int                    n_options;
    const lt_command_info *commands;
    int                    n_commands;
    size_t                 given;     /* offset of uint8_t given[n_options] in the settings: set where not the default */
    const char            *positional;/* name of the LIST option that takes the positional arguments */
    const char            *config;    /* name of the PATH option that names a YAML file; NULL: none */
    const char            *help_name, *version_name;      /* names of the BOOL options that ask for these */
} lt_option_table;

/* What the user asked for instead of a command. */
typedef enum { LT_ASK_COMMAND, LT_ASK_HELP, LT_ASK_VERSION } lt_ask;

/* The index of a command, or LT_E_USAGE with the nearest name. */
LT_NODISCARD lt_status lt_command_find(const lt_option_table *t, const char *name, int *out);

/* Every member of `settings` becomes its default; what was in it is overwritten, not freed. */
LT_NODISCARD lt_status lt_options_defaults(const lt_option_table *t, void *settings);

/* Sets one option from text, as the command line does: scalars are replaced, LIST and FLAGS added to.
 * `where` opens the message of an error ("--fps", "flow.yaml:3: fps"). */
LT_NODISCARD lt_status lt_option_set(const lt_option_table *t, int option, const char *text, const char *where,
                                     void *settings);

/* Reads the arguments after the command: argv[0] ... argv[argc - 1]. Options come first from the YAML file if one
 * is named, then from the command line, which wins (a LIST or FLAGS given there replaces the file's).
 * *ask becomes LT_ASK_HELP or LT_ASK_VERSION for --help and --version, and nothing else is then checked.
 * `settings` holds defaults on entry and is to be freed by the caller, also on failure. */
LT_NODISCARD lt_status lt_options_parse(const lt_option_table *t, int command, int argc, char *const *argv,
                                        void *settings, lt_ask *ask);

/* Reads a YAML mapping of option names (or of sections, which hold option names) to values. Options that
 * `command` does not take are checked for their names only, so that one file serves several commands.
 * LT_E_USAGE with "name:line:" in front; `name` is what the file is called in messages. */
LT_NODISCARD lt_status lt_options_yaml(const lt_option_table *t, int command, const char *name, const char *text,
                                       size_t n_bytes, void *settings);

/* The value of an option in the words of the command line, cut to n_bytes; "" for none. */
void lt_option_text(const lt_option_table *t, int option, const void *settings, char *out, size_t n_bytes);

/* Index of the option of this name, or -1. */
int lt_option_find(const lt_option_table *t, const char *name);

/* Frees what the settings own; every pointer is NULL afterwards. */
void lt_options_free(const lt_option_table *t, void *settings);

/* The text of a choice's value; "?" for a value that is none. */
const char *lt_choice_name(const lt_choice *choices, int value);

/* The name of `n` names that is nearest to `text` by edit distance, or NULL when none is near (more than a third
 * of the letters differ). */
const char *lt_nearest(const char *text, const char *const *names, int n);

/* Help of the program (command < 0) or of one command; 80 columns. */
void lt_options_help(const lt_option_table *t, int command, FILE *out);

/* Manual page, section 1, man(7) macros. */
void lt_options_man(const lt_option_table *t, FILE *out);

/* docs/commands.md. */
void lt_options_markdown(const lt_option_table *t, FILE *out);

/* Completion for "bash", "zsh" or "fish". */
LT_NODISCARD lt_status lt_options_completion(const lt_option_table *t, const char *shell, FILE *out);

#ifdef __cplusplus
}
#endif
#endif
