/* What people read about the options: help, manual page, docs/commands.md. */
#include "option_private.h"

#include <string.h>

enum { COLUMNS = 80, HELP_INDENT = 28 };

void lt_wrap(FILE *out, const char *text, int at, int indent, int columns)
{
    bool first = true;
    while (*text) {
        if (text[0] == '\n' && text[1] == '\n') {
            fprintf(out, "\n\n%*s", indent, "");
            at = indent;
            first = true;
            text += 2;
            continue;
        }
        if (*text == ' ' || *text == '\n') {
            text++;
            continue;
        }
        int n = (int)strcspn(text, " \n");
        if (!first && at + 1 + n > columns) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
        } else if (!first) {
            fputc(' ', out);
            at++;
        }
        fprintf(out, "%.*s", n, text);
        at += n;
        text += n;
        first = false;
    }
}

static bool is_positional(const lt_option_table *t, const lt_option *o)
{
    return strcmp(o->name, t->positional) == 0;
}

/* "depth: objects; ..." for the choices that are explained. */
static size_t choices_text(const lt_option *o, char *out, size_t n)
{
    size_t at = 0;
    bool explained = false;
    for (const lt_choice *c = o->choices; c && c->name; c++) explained = explained || c->help;
    for (const lt_choice *c = o->choices; c && c->name && at < n; c++) {
        at += (size_t)snprintf(out + at, n - at, "%s%s", at ? explained ? "; " : ", " : "", c->name);
        if (c->help && at < n) at += (size_t)snprintf(out + at, n - at, ": %s", c->help);
    }
    return at;
}

/* The whole help of an option: sentence, choices, range, default. */
static void describe(const lt_option *o, char *out, size_t n)
{
    char text[1024];
    const char *preset = lt_option_preset_text(o);
    size_t at = (size_t)snprintf(out, n, "%s", o->help);
    if (o->choices && choices_text(o, text, sizeof text) && at < n)
        at += (size_t)snprintf(out + at, n - at, " (%s)", text);
    else if (o->kind == LT_OPTION_INT && o->max < 1e5 && at < n)
        at += (size_t)snprintf(out + at, n - at, " (%.15g to %.15g)", o->min, o->max);
    if (*preset && at < n) snprintf(out + at, n - at, " [default: %s]", preset);
}

static int option_head(const lt_option *o, char *out, size_t n)
{
    char letter[8] = "    ";
    if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
    return snprintf(out, n, "  %s--%s%s%s", letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
}

static void help_option(const lt_option *o, FILE *out)
{
    char head[96], text[2048];
    int n = option_head(o, head, sizeof head);
    fputs(head, out);
    if (n + 2 > HELP_INDENT) {
        fprintf(out, "\n%*s", HELP_INDENT, "");
    } else {
        fprintf(out, "%*s", HELP_INDENT - n, "");
    }
    describe(o, text, sizeof text);
    lt_wrap(out, text, HELP_INDENT, HELP_INDENT, COLUMNS);
    fputc('\n', out);
}

static void heading(FILE *out, const char *section)
{
    fprintf(out, "\n%c%s:\n", section[0] - 'a' + 'A', section + 1);
}

static void help_command(const lt_option_table *t, int command, FILE *out)
{
    const lt_command_info *c = &t->commands[command];
    fprintf(out, "Usage: %s %s [OPTIONS]%s%s\n\n%s.\n", t->program, c->name, *c->args ? " " : "", c->args, c->summary);
    if (c->details) {
        fputc('\n', out);
        lt_wrap(out, c->details, 0, 0, COLUMNS);
        fputc('\n', out);
    }
    for (const char *s = NULL; (s = lt_option_next_section(t, command, s));) {
        heading(out, s);
        for (int i = 0; i < t->n_options; i++)
            if (lt_option_takes(&t->options[i], command) && strcmp(t->options[i].section, s) == 0)
                help_option(&t->options[i], out);
    }
    fputs("\nA switch --x is undone by --no-x.\n", out);
    if (c->example) fprintf(out, "\nExample:\n  %s\n", c->example);
}

void lt_options_help(const lt_option_table *t, int command, FILE *out)
{
    if (command >= 0) {
        help_command(t, command, out);
        return;
    }
    fprintf(out, "%s: %s\n\nUsage: %s COMMAND [OPTIONS]\n\nCommands:\n", t->program, t->purpose, t->program);
    for (int i = 0; i < t->n_commands; i++)
        if (!t->commands[i].hidden) fprintf(out, "  %-12s %s\n", t->commands[i].name, t->commands[i].summary);
    fprintf(out, "\n%s COMMAND --help shows the options of a command.\n", t->program);
    if (t->commands[0].example) fprintf(out, "\nExample:\n  %s\n", t->commands[0].example);
    if (t->epilog) {
        fputc('\n', out);
        lt_wrap(out, t->epilog, 0, 0, COLUMNS);
        fputc('\n', out);
    }
}

/* Text for roff: hyphens that can be copied, no line that begins with a control character. */
static void roff(FILE *out, const char *text)
{
    bool start = true;
    for (; *text; text++) {
        if (start && (*text == '.' || *text == '\'')) fputs("\\&", out);
        if (*text == '\\') fputs("\\e", out);
        else if (*text == '-') fputs("\\-", out);
        else if (*text == '\'') fputs("\\(aq", out);
        else if (text[0] == '\n' && text[1] == '\n') fputs("\n.PP\n", out), text++;
        else fputc(*text, out);
        start = *text == '\n';
    }
}

static void man_option(const lt_option *o, FILE *out)
{
    char text[2048];
    fputs(".TP\n", out);
    if (o->letter) fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
    fputs("\\fB\\-\\-", out);
    roff(out, o->name);
    fputs("\\fR", out);
    if (o->arg) {
        fputs(" \\fI", out);
        roff(out, o->arg);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    describe(o, text, sizeof text);
    roff(out, text);
    fputs(".\n", out);
}

/* "run, index", or "all". */
static void takers_text(const lt_option_table *t, const lt_option *o, char *out, size_t n)
{
    size_t at = 0;
    bool all = true;
    *out = 0;
    for (int c = 0; c < t->n_commands && at < n; c++) {
        if (t->commands[c].hidden) continue;
        if (!lt_option_takes(o, c)) {
            all = false;
            continue;
        }
        at += (size_t)snprintf(out + at, n - at, "%s%s", at ? ", " : "", t->commands[c].name);
    }
    if (all) snprintf(out, n, "all");
}

void lt_options_man(const lt_option_table *t, FILE *out)
{
    char text[256];
    fprintf(out, ".TH LONGTAKE 1 \"\" \"%s %s\" \"User Commands\"\n.SH NAME\n%s \\- ", t->program, t->version, t->program);
    roff(out, t->purpose);
    fprintf(out, "\n.SH SYNOPSIS\n.B %s\n.I COMMAND\n[\\fIOPTIONS\\fR] [\\fIFILE\\fR...]\n.SH COMMANDS\n", t->program);
    for (int i = 0; i < t->n_commands; i++) {
        const lt_command_info *c = &t->commands[i];
        if (c->hidden) continue;
        fprintf(out, ".SS %s %s %s\n", t->program, c->name, c->args);
        roff(out, c->summary);
        fputs(".\n", out);
        if (c->details) {
            fputs(".PP\n", out);
            roff(out, c->details);
            fputc('\n', out);
        }
        if (c->example) {
            fputs(".PP\n.RS 4\n.nf\n", out);
            roff(out, c->example);
            fputs("\n.fi\n.RE\n", out);
        }
    }
    fputs(".SH OPTIONS\nA switch \\fB\\-\\-x\\fR is undone by \\fB\\-\\-no\\-x\\fR. Names are not abbreviated. The same names are the keys of \\fB\\-\\-config\\fR.\n", out);
    for (const char *s = NULL; (s = lt_option_next_section(t, -1, s));) {
        fprintf(out, ".SS %c%s\n", s[0] - 'a' + 'A', s + 1);
        for (int i = 0; i < t->n_options; i++) {
            if (strcmp(t->options[i].section, s) != 0 || is_positional(t, &t->options[i])) continue;
            man_option(&t->options[i], out);
            takers_text(t, &t->options[i], text, sizeof text);
            fprintf(out, "For: %s.\n", text);
        }
    }
    if (t->epilog) {
        fputs(".SH NOTES\n", out);
        roff(out, t->epilog);
        fputc('\n', out);
    }
}

/* Text as it is, also inside a cell of a table: with a backslash before what Markdown gives a meaning to. */
static void cell(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("|<*_", *text)) fputc('\\', out);
        fputc(*text, out);
    }
}

static void markdown_option(const lt_option_table *t, const lt_option *o, FILE *out)
{
    char text[2048];
    fputs("| ", out);
    if (is_positional(t, o)) {
        fprintf(out, "key `%s`", o->name);
    } else {
        if (o->letter) fprintf(out, "`-%c`, ", o->letter);
        fprintf(out, "`--%s`", o->name);
        if (o->arg) {
            fputs(" ", out);
            cell(out, o->arg);
        }
    }
    fputs(" | ", out);
    describe(o, text, sizeof text);
    cell(out, text);
    takers_text(t, o, text, sizeof text);
    fprintf(out, " | %s |\n", is_positional(t, o) ? "" : text);
}

void lt_options_markdown(const lt_option_table *t, FILE *out)
{
    fprintf(out, "# Commands\n\nMade from the option table by `%s manual markdown`; a test compares.\n\n"
            "    %s COMMAND [OPTIONS] [FILE...]\n\n", t->program, t->program);
    for (int i = 0; i < t->n_commands; i++) {
        const lt_command_info *c = &t->commands[i];
        if (c->hidden) continue;
        fprintf(out, "## %s%s%s\n\n%s.\n", c->name, *c->args ? " " : "", c->args, c->summary);
        if (c->details) {
            fputc('\n', out);
            cell(out, c->details);
            fputc('\n', out);
        }
        if (c->example) fprintf(out, "\n    %s\n", c->example);
        fputc('\n', out);
    }
    fprintf(out, "## Options\n\nA switch `--x` is undone by `--no-x`. `--x value` and `--x=value` are the same. Names are not\n"
            "abbreviated; a misspelt one is an error that names the nearest. The same names are the keys of the YAML file that\n"
            "`--config` reads, plain or under the headings below in lower case; the command line wins.\n");
    for (const char *s = NULL; (s = lt_option_next_section(t, -1, s));) {
        fprintf(out, "\n### %c%s\n\n| option | what | commands |\n| --- | --- | --- |\n", s[0] - 'a' + 'A', s + 1);
        for (int i = 0; i < t->n_options; i++)
            if (strcmp(t->options[i].section, s) == 0) markdown_option(t, &t->options[i], out);
    }
    if (t->epilog) fprintf(out, "\n## Notes\n\n%s\n", t->epilog);
}
