/* longtake -- the program: reads the settings, calls one command, turns its answer into an exit code. */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

typedef int (*command_fn)(const lt_settings *s);

static const command_fn functions[LT_COMMANDS] = {
    [LT_COMMAND_RUN] = lt_command_run, [LT_COMMAND_PLAN] = lt_command_plan, [LT_COMMAND_INDEX] = lt_command_index, [LT_COMMAND_STATUS] = lt_command_status,
    [LT_COMMAND_MERGE] = lt_command_merge, [LT_COMMAND_VERIFY] = lt_command_verify, [LT_COMMAND_VIEW] = lt_command_view,
    [LT_COMMAND_DOCTOR] = lt_command_doctor, [LT_COMMAND_MODELS] = lt_command_models, [LT_COMMAND_BENCH] = lt_command_bench, [LT_COMMAND_VERSION] = lt_command_version,
    [LT_COMMAND_HELP] = lt_command_help, [LT_COMMAND_COMPLETION] = lt_command_completion, [LT_COMMAND_MANUAL] = lt_command_manual,
};

static int show_help(int command)
{
    lt_options_help(lt_settings_table(), command < LT_COMMANDS ? command : -1, stdout);
    return 0;
}

static int act(int argc, char **argv, lt_settings *s)
{
    lt_status st = LT_OK;
    lt_ask ask;
    LT_TRY(lt_settings_read(argc, argv, s, &ask));
    lt_log_set_level(s->log, s->verbose ? LT_LOG_DEBUG : s->quiet ? LT_LOG_ERROR : LT_LOG_INFO);
    /* Bare `longtake` is a question, but not one that a script should take for success. */
    if (argc < 2) return show_help(LT_COMMANDS), lt_exit_code(LT_E_USAGE);
    if (ask == LT_ASK_HELP) return show_help((int)s->command);
    if (ask == LT_ASK_VERSION) return lt_command_version(s);
    return functions[s->command](s);
done:
    return (int)st;
}

int main(int argc, char **argv)
{
    lt_settings s = { 0 };
    lt_log *log = NULL;
    const char *trace = getenv("LT_TRACE");
    int code = lt_log_create(stderr, LT_LOG_INFO, &log);
    /* The settings hold the log before they are read; lt_settings_read leaves it alone. */
    s.log = log;
    if (code >= 0) code = act(argc, argv, &s);
    if (code >= 0 && fflush(stdout) != 0)
        code = (int)lt_raise(LT_E_STORE, __FILE__, __LINE__, __func__, "standard output cannot be written: is the disk full?");
    if (code < 0) {
        lt_log_failure(log, lt_error_last(), trace && *trace && strcmp(trace, "0") != 0);
        code = lt_exit_code((lt_status)code);
    }
    lt_settings_free(&s);
    lt_log_destroy(&log);
    return code;
}
