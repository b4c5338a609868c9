#include "text.h"

#include <longtake/file.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(lt_text *t, size_t more)
{
    if (t->failed) return false;
    if (t->n + more + 1 <= t->size) return true;
    const size_t size = 2 * (t->n + more + 1) + 4096;
    char *bytes = realloc(t->bytes, size);
    if (!bytes) {
        t->failed = true;
        return false;
    }
    t->bytes = bytes;
    t->size = size;
    return true;
}

static void add(lt_text *t, const char *bytes, size_t n)
{
    if (!reserve(t, n)) return;
    memcpy(t->bytes + t->n, bytes, n);
    t->n += n;
    t->bytes[t->n] = 0;
}

void lt_text_add(lt_text *t, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    if (n >= 0 && reserve(t, (size_t)n)) {
        vsnprintf(t->bytes + t->n, (size_t)n + 1, format, again);
        t->n += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

/* Bytes of the character of UTF-8 at `s`, which ends in a zero byte; 0: it is none, or one that XML forbids.
 * Source of the ranges: Unicode 15, table 3-7; XML 1.0, production 2. */
static size_t utf8_length(const unsigned char *s)
{
    const unsigned c = s[0];
    if (c < 0x80) return 1;
    const size_t n = c >= 0xc2 && c <= 0xdf ? 2 : c >= 0xe0 && c <= 0xef ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (c == 0xe0 && s[1] < 0xa0) return 0;
    if (c == 0xed && s[1] > 0x9f) return 0;
    if (c == 0xf0 && s[1] < 0x90) return 0;
    if (c == 0xf4 && s[1] > 0x8f) return 0;
    if (c == 0xef && s[1] == 0xbf && s[2] >= 0xbe) return 0;
    return n;
}

static void add_html(lt_text *t, const char *text, bool lines)
{
    while (text && *text) {
        const size_t n = utf8_length((const unsigned char *)text);
        const unsigned char c = (unsigned char)*text;
        if (n == 0) add(t, "\xef\xbf\xbd", 3);
        else if (c == '&') add(t, "&amp;", 5);
        else if (c == '<') add(t, "&lt;", 4);
        else if (c == '>') add(t, "&gt;", 4);
        else if (c == '"') add(t, "&quot;", 6);
        else if (c == '\'') add(t, "&#39;", 5);
        else if ((c < 32 && !(lines && c == '\n')) || c == 127) add(t, " ", 1);
        else add(t, text, n);
        text += n ? n : 1;
    }
}

void lt_text_add_html(lt_text *t, const char *text)
{
    add_html(t, text, false);
}

void lt_text_add_html_lines(lt_text *t, const char *text)
{
    add_html(t, text, true);
}

void lt_text_add_url(lt_text *t, const char *path)
{
    static const char digit[] = "0123456789ABCDEF";
    if (path && *path && *path != '/') add(t, "./", 2);
    for (; path && *path; path++) {
        const unsigned char c = (unsigned char)*path;
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~/", c);
        const char escaped[3] = { '%', digit[c >> 4], digit[c & 15] };
        if (plain) add(t, path, 1);
        else add(t, escaped, 3);
    }
}

void lt_text_add_label(lt_text *t, const char *text)
{
    for (; text && *text; text++) {
        if (*text == '\n') add(t, "\\n", 2);
        else {
            if (*text == '\\' || *text == '"') add(t, "\\", 1);
            add(t, text, 1);
        }
    }
}

void lt_text_add_base64(lt_text *t, const unsigned char *bytes, size_t n_bytes)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n_bytes; i += 3) {
        const size_t left = n_bytes - i;
        const unsigned v = (unsigned)bytes[i] << 16 | (left > 1 ? (unsigned)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0u);
        const char four[4] = { digit[v >> 18], digit[v >> 12 & 63], left > 1 ? digit[v >> 6 & 63] : '=', left > 2 ? digit[v & 63] : '=' };
        add(t, four, 4);
    }
}

lt_status lt_text_write(const lt_text *t, const char *path)
{
    lt_status st = LT_OK;
    if (t->failed) LT_FAIL(LT_E_MEMORY, "no memory to write %s", path);
    LT_TRY(lt_file_replace(path, t->bytes ? t->bytes : "", t->n));
done:
    return st;
}

void lt_text_free(lt_text *t)
{
    free(t->bytes);
    *t = (lt_text){ 0 };
}
