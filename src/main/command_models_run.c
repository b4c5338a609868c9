#include "commands.h"

int lt_command_models_run(const lt_settings *s)
{
    return (int)lt_raise(LT_E_USAGE, __FILE__, __LINE__, __func__, "models run %s is not built in this version of longtake", s->inputs.item[1]);
}
