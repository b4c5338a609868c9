/* main/command_models_run.h -- the subcommand `models run`. As main/commands.h. */
#ifndef LT_MAIN_COMMAND_MODELS_RUN_H
#define LT_MAIN_COMMAND_MODELS_RUN_H

#include <longtake/settings.h>

int lt_command_models_run(const lt_settings *s);

#endif
