/* help, completion, manual, version: what is printed and nothing else. */
#include "commands.h"
#include "versions.h"

#include <string.h>

int lt_command_help(const lt_settings *s)
{
    lt_status st = LT_OK;
    const lt_option_table *t = lt_settings_table();
    int command = -1;
    if (s->inputs.n) LT_TRY(lt_command_find(t, s->inputs.item[0], &command));
    lt_options_help(t, command, stdout);
done:
    return (int)st;
}

int lt_command_completion(const lt_settings *s)
{
    return (int)lt_options_completion(lt_settings_table(), s->inputs.item[0], stdout);
}

int lt_command_manual(const lt_settings *s)
{
    lt_status st = LT_OK;
    const lt_option_table *t = lt_settings_table();
    const char *what = s->inputs.item[0];
    if (strcmp(what, "man") == 0) lt_options_man(t, stdout);
    else if (strcmp(what, "markdown") == 0) lt_options_markdown(t, stdout);
    else LT_FAIL(LT_E_USAGE, "there is no manual in the form '%.40s': give man or markdown", what);
done:
    return (int)st;
}

int lt_command_version(const lt_settings *s)
{
    lt_version list[LT_VERSIONS_MAX];
    int n = lt_versions(list);
    (void)s;
    for (int i = 0; i < n; i++) printf("%s %s\n", list[i].name, list[i].version);
    return 0;
}
