#include "commands.h"

#include <longtake/run.h>
#include <longtake/stop.h>

#include <stdio.h>
#include <unistd.h>

int lt_command_run(const lt_settings *s)
{
    bool at_once = false;
    lt_stop_block();
    int code = lt_run(s, s->log, &at_once);
    if (at_once) {
        fflush(NULL);
        _exit(code);
    }
    return code;
}
