#include "commands.h"

int lt_command_index(const lt_settings *s)
{
    lt_status st = LT_OK;
    (void)s;
    LT_FAIL(LT_E_USAGE, "longtake index is not built yet");
done:
    return (int)st;
}
