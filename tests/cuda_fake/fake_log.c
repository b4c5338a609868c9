#include "fake_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void lt_fake_log_add(lt_fake_log *l, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    const size_t length = n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    if (l->n + length + 1 > l->room) {
        const size_t room = 2 * l->room + length + 4096;
        char *grown = realloc(l->text, room);
        if (!grown) abort();
        l->text = grown;
        l->room = room;
    }
    for (size_t i = 0; i < length; i++) l->text[l->n++] = line[i];
    l->text[l->n] = 0;
}

const char *lt_fake_log_text(const lt_fake_log *l)
{
    return l->text ? l->text : "";
}

void lt_fake_log_forget(lt_fake_log *l)
{
    free(l->text);
    *l = (lt_fake_log){ 0 };
}
