/* models list, inspect, check, run. */
#include "command_models_run.h"
#include "commands.h"

#include <longtake/hash.h>
#include <longtake/weights.h>

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

int lt_command_models(const lt_settings *s)
{
    if (strcmp(s->inputs.item[0], "run") == 0) return lt_command_models_run(s);
    return (int)lt_raise(LT_E_USAGE, __FILE__, __LINE__, __func__, "models %s is not there yet", s->inputs.item[0]);
}
