/* Completion scripts. Words in the table hold no quotes, which the test of the table checks. */
#include "option_private.h"

#include <string.h>

static bool completes(const lt_option_table *t, const lt_option *o, int command)
{
    return lt_option_takes(o, command) && strcmp(o->name, t->positional) != 0;
}

/* "a b c" of the choices. */
static void choice_words(const lt_option *o, FILE *out)
{
    for (const lt_choice *c = o->choices; c->name; c++) fprintf(out, "%s%s", c == o->choices ? "" : " ", c->name);
}

/* "a|b|c" with other text between. */
static void split_words(const char *words, const char *between, FILE *out)
{
    for (; *words; words++)
        if (*words == '|') fputs(between, out);
        else fputc(*words, out);
}

static bool is_folder(const lt_option *o)
{
    return o->arg && strcmp(o->arg, "DIR") == 0;
}

static void bash_values(const lt_option_table *t, FILE *out)
{
    fputs("    case $prev in\n", out);
    for (int i = 0; i < t->n_options; i++) {
        const lt_option *o = &t->options[i];
        if (o->kind == LT_OPTION_BOOL || strcmp(o->name, t->positional) == 0) continue;
        fprintf(out, "        --%s", o->name);
        if (o->letter) fprintf(out, "|-%c", o->letter);
        if (o->choices) {
            fputs(") COMPREPLY=($(compgen -W \"", out);
            choice_words(o, out);
            fputs("\" -- \"$cur\")); return ;;\n", out);
        } else if (o->kind == LT_OPTION_PATH) {
            fprintf(out, ") compopt -o filenames; COMPREPLY=($(compgen -%c -- \"$cur\")); return ;;\n", is_folder(o) ? 'd' : 'f');
        } else {
            fputs(") return ;;\n", out);
        }
    }
    fputs("    esac\n", out);
}

static void bash(const lt_option_table *t, FILE *out)
{
    fprintf(out, "# bash completion for %s\n_%s() {\n    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} options= words=\n"
            "    COMPREPLY=()\n"
            "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W \"", t->program, t->program);
    for (int i = 0; i < t->n_commands; i++)
        if (!t->commands[i].hidden) fprintf(out, "%s ", t->commands[i].name);
    fputs("--help --version\" -- \"$cur\"))\n        return\n    fi\n", out);
    /* --x=value arrives as three words. */
    fputs("    if [ \"$cur\" = = ]; then cur=; elif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n", out);
    bash_values(t, out);
    fputs("    case ${COMP_WORDS[1]} in\n", out);
    for (int c = 0; c < t->n_commands; c++) {
        if (t->commands[c].hidden) continue;
        fprintf(out, "        %s) options=\"", t->commands[c].name);
        for (int i = 0; i < t->n_options; i++)
            if (completes(t, &t->options[i], c)) fprintf(out, "--%s ", t->options[i].name);
        fputs("\"", out);
        if (t->commands[c].words) {
            fputs(" words=\"", out);
            split_words(t->commands[c].words, " ", out);
            fputs("\"", out);
        }
        fputs(" ;;\n", out);
    }
    fprintf(out, "    esac\n    case $cur in\n        -*) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")) ;;\n"
            "        *) if [ -n \"$words\" ]; then COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
            "           else compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\")); fi ;;\n    esac\n}\ncomplete -F _%s %s\n",
            t->program, t->program);
}

/* A few words of help: up to the first punctuation, without what the shells give a meaning to. */
static void short_help(const char *help, FILE *out)
{
    for (; *help && !strchr(",;:[]'\"", *help) && strncmp(help, " (", 2) != 0; help++) fputc(*help, out);
}

static void zsh_option(const lt_option *o, FILE *out)
{
    fputs("            ", out);
    if (o->letter) fprintf(out, "'(-%c --%s)'{-%c,--%s", o->letter, o->name, o->letter, o->name);
    else fprintf(out, "'--%s", o->name);
    if (o->kind != LT_OPTION_BOOL) fputc('=', out);
    fputs(o->letter ? "}'[" : "[", out);
    short_help(o->help, out);
    fputs("]", out);
    if (o->choices) {
        fprintf(out, ":%s:(", o->name);
        choice_words(o, out);
        fputs(")", out);
    } else if (o->kind == LT_OPTION_PATH) {
        fprintf(out, ":%s:_files%s", o->name, is_folder(o) ? " -/" : "");
    } else if (o->kind != LT_OPTION_BOOL) {
        fprintf(out, ":%s: ", o->name);
    }
    fputs("' \\\n", out);
}

static void zsh(const lt_option_table *t, FILE *out)
{
    fprintf(out, "#compdef %s\n_%s() {\n    local -a commands\n    commands=(\n", t->program, t->program);
    for (int i = 0; i < t->n_commands; i++) {
        if (t->commands[i].hidden) continue;
        fprintf(out, "        '%s:", t->commands[i].name);
        short_help(t->commands[i].summary, out);
        fputs("'\n", out);
    }
    fputs("    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n        return\n    fi\n"
          "    local command=$words[2]\n    shift words\n    (( CURRENT-- ))\n    case $command in\n", out);
    for (int c = 0; c < t->n_commands; c++) {
        if (t->commands[c].hidden) continue;
        fprintf(out, "        %s) _arguments -s \\\n", t->commands[c].name);
        for (int i = 0; i < t->n_options; i++)
            if (completes(t, &t->options[i], c)) zsh_option(&t->options[i], out);
        if (t->commands[c].words) {
            fputs("            '*:word:(", out);
            split_words(t->commands[c].words, " ", out);
            fputs(")' ;;\n", out);
        } else {
            fputs(*t->commands[c].args ? "            '*:file:_files' ;;\n" : "            ;;\n", out);
        }
    }
    fprintf(out, "    esac\n}\nif [ \"$funcstack[1]\" = _%s ]; then _%s \"$@\"; else compdef _%s %s; fi\n",
            t->program, t->program, t->program, t->program);
}

static void fish_option(const lt_option_table *t, const lt_option *o, FILE *out)
{
    fprintf(out, "complete -c %s -n '__fish_seen_subcommand_from", t->program);
    for (int c = 0; c < t->n_commands; c++)
        if (lt_option_takes(o, c) && !t->commands[c].hidden) fprintf(out, " %s", t->commands[c].name);
    fprintf(out, "' -l %s", o->name);
    if (o->letter) fprintf(out, " -s %c", o->letter);
    if (o->choices) {
        fputs(" -x -a '", out);
        choice_words(o, out);
        fputs("'", out);
    } else if (o->kind == LT_OPTION_PATH) {
        fputs(is_folder(o) ? " -x -a '(__fish_complete_directories)'" : " -r -F", out);
    } else if (o->kind != LT_OPTION_BOOL) {
        fputs(" -x", out);
    }
    fputs(" -d '", out);
    short_help(o->help, out);
    fputs("'\n", out);
}

static void fish(const lt_option_table *t, FILE *out)
{
    fprintf(out, "# fish completion for %s\n", t->program);
    for (int c = 0; c < t->n_commands; c++) {
        if (t->commands[c].hidden) continue;
        fprintf(out, "complete -c %s -n __fish_use_subcommand -f -a %s -d '", t->program, t->commands[c].name);
        short_help(t->commands[c].summary, out);
        fputs("'\n", out);
        if (!t->commands[c].words) continue;
        fprintf(out, "complete -c %s -n '__fish_seen_subcommand_from %s' -f -a '", t->program, t->commands[c].name);
        split_words(t->commands[c].words, " ", out);
        fputs("'\n", out);
    }
    for (int i = 0; i < t->n_options; i++)
        if (strcmp(t->options[i].name, t->positional) != 0) fish_option(t, &t->options[i], out);
}

lt_status lt_options_completion(const lt_option_table *t, const char *shell, FILE *out)
{
    static const struct {
        const char *name;
        void      (*write)(const lt_option_table *t, FILE *out);
    } shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };
    lt_status st = LT_OK;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(shells[i].name, shell) == 0) {
            shells[i].write(t, out);
            return LT_OK;
        }
    LT_FAIL(LT_E_USAGE, "there is no completion for '%.40s': give bash, zsh or fish", shell);
done:
    return st;
}
