#include <longtake/status.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The only global state of the library: what failed last on this thread. */
static _Thread_local lt_error record;

int lt_exit_code(lt_status st)
{
    switch (st) {
    case LT_OK:
    case LT_END:        return 0;
    case LT_E_USAGE:    return 64;
    case LT_E_ABSENT:
    case LT_E_DATA:     return 65;
    case LT_E_DEVICE:
    case LT_E_MEMORY:   return 69;
    case LT_E_INTERNAL: return 70;
    case LT_E_STORE:    return 74;
    case LT_E_STOPPED:
    case LT_E_PEER:
    case LT_E_TIMEOUT:  return 75;
    }
    return 70;
}

int lt_exit_worse(int a, int b)
{
    static const int order[] = { 64, 70, 69, 74, 75, 65, 0 };
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (a == order[i] || b == order[i]) return order[i];
    return 70;
}

lt_status lt_raise(lt_status code, const char *file, int line, const char *func, const char *format, ...)
{
    va_list args;
    /* Formatted aside: an argument may point into the record that is replaced. */
    char text[LT_ERROR_TEXT];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(record.text, text, sizeof text);
    record.status = code;
    record.n_frames = 0;
    lt_trace(file, line, func, "");
    return code;
}

void lt_trace(const char *file, int line, const char *func, const char *call)
{
    if (record.n_frames >= LT_ERROR_FRAMES) return;
    record.frames[record.n_frames].file = file;
    record.frames[record.n_frames].line = line;
    record.frames[record.n_frames].func = func;
    record.frames[record.n_frames].call = call;
    record.n_frames++;
}

void lt_error_prefix(const char *format, ...)
{
    char text[LT_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text - 3) return;
    /* A long record loses its end, never its prefix. */
    size_t keep = strlen(record.text), room = sizeof text - (size_t)n - 3;
    if (keep > room) keep = room;
    memmove(record.text + n + 2, record.text, keep);
    memcpy(record.text, text, (size_t)n);
    memcpy(record.text + n, ": ", 2);
    record.text[(size_t)n + 2 + keep] = 0;
}

const lt_error *lt_error_last(void)
{
    return &record;
}

void lt_error_set(const lt_error *e)
{
    if (e != &record) record = *e;
}

void lt_error_clear(void)
{
    record.status = LT_OK;
    record.text[0] = 0;
    record.n_frames = 0;
}
