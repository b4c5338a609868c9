/* base/option_private.h -- what the files of the option table share.
 *
 * in    a table
 * out   parsed values, text
 * owns  nothing */
#ifndef LT_BASE_OPTION_PRIVATE_H
#define LT_BASE_OPTION_PRIVATE_H

#include <longtake/option.h>

/* The member of an option. */
static inline void *lt_option_member(const lt_option *o, void *settings)
{
    return (char *)settings + o->offset;
}

static inline bool lt_option_takes(const lt_option *o, int command)
{
    return o->commands >> command & 1u;
}

/* Whether an option of this kind keeps every value it is given. */
static inline bool lt_option_adds(const lt_option *o)
{
    return o->kind == LT_OPTION_LIST || o->kind == LT_OPTION_FLAGS;
}

/* Parses `text` into the option's member. */
LT_NODISCARD lt_status lt_option_read(const lt_option *o, const char *text, const char *where, void *settings);

/* What a value may be, e.g. "a whole number from 1 to 12". */
void lt_option_allowed(const lt_option *o, char *out, size_t n_bytes);

/* Frees and zeroes the member of an option that owns memory, zeroes a FLAGS. */
void lt_option_clear(const lt_option *o, void *settings);

/* ", did you mean 'X'?" or "". */
void lt_did_you_mean(const char *text, const char *const *names, int n, const char *before, char *out, size_t n_bytes);

/* The default as help shows it: preset_help, else the preset, else "". */
const char *lt_option_preset_text(const lt_option *o);

/* Walks the sections in the order in which they first occur among the options that `command` (< 0: any) takes.
 * Start with NULL; NULL at the end. */
const char *lt_option_next_section(const lt_option_table *t, int command, const char *after);

/* Writes `text` word by word, wrapped before `columns`, each new line indented by `indent`; the pen stands at
 * column `at`. A blank line in the text is a paragraph. Ends without a line end. */
void lt_wrap(FILE *out, const char *text, int at, int indent, int columns);

#endif
