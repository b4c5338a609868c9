#include "commands.h"

int lt_command_run(const lt_settings *s)
{
    lt_status st = LT_OK;
    (void)s;
    LT_FAIL(LT_E_USAGE, "longtake run is not built yet");
done:
    return (int)st;
}
