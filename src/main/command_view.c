#include "commands.h"

int lt_command_view(const lt_settings *s)
{
    lt_status st = LT_OK;
    (void)s;
    LT_FAIL(LT_E_USAGE, "longtake view is not built yet");
done:
    return (int)st;
}
