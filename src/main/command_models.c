/* models list, inspect, check, run. */
#include "commands.h"

#include <longtake/hash.h>
#include <longtake/weights.h>

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

int lt_command_models(const lt_settings *s)
{
    return (int)lt_raise(LT_E_USAGE, __FILE__, __LINE__, __func__, "models %s is not there yet", s->inputs.item[0]);
}
