#include "commands.h"

#include <longtake/picture.h>

#include <stdio.h>

int lt_command_view(const lt_settings *s)
{
    lt_status st = LT_OK;
    char path[LT_PICTURE_PATH];
    const lt_picture_opts opts = { .result = s->inputs.item[0], .field = s->field, .sheet = s->sheet, .frame = s->frame,
                                   .rows = s->rows, .width = s->width, .output = s->output, .log = s->log };
    LT_TRY(lt_picture_draw(&opts, path));
    printf("%s\n", path);
done:
    return (int)st;
}
