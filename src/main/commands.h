/* main/commands.h -- one function a command.
 *
 * in    settings, read and checked one by one; settings->log for messages
 * out   what the process exits with
 * owns  nothing
 *
 * Returns the exit code, at least 0, after having said what it has to say; or a negative lt_status, whose record
 * main prints and whose code (lt_exit_code) it exits with. A command that opens a communicator of several ranks
 * calls lt_log_set_rank, so that main's line names the rank too. Results go to stdout, messages to the log. */
#ifndef LT_MAIN_COMMANDS_H
#define LT_MAIN_COMMANDS_H

#include <longtake/settings.h>

int lt_command_run(const lt_settings *s);
int lt_command_plan(const lt_settings *s);
int lt_command_index(const lt_settings *s);
int lt_command_status(const lt_settings *s);
int lt_command_merge(const lt_settings *s);
int lt_command_verify(const lt_settings *s);
int lt_command_view(const lt_settings *s);
int lt_command_doctor(const lt_settings *s);
int lt_command_models(const lt_settings *s);
int lt_command_models_run(const lt_settings *s);      /* the subcommand */
int lt_command_bench(const lt_settings *s);
int lt_command_version(const lt_settings *s);
int lt_command_help(const lt_settings *s);
int lt_command_completion(const lt_settings *s);
int lt_command_manual(const lt_settings *s);

#endif
