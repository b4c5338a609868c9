#include <longtake/shell.h>

#include <stdbool.h>
#include <string.h>

size_t lt_shell_word(const char *word, char *out, size_t n_bytes)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%";
    static const char quoted[] = "'\\''";
    const bool quote = word[strspn(word, plain)] || !*word;
    const size_t end = quote ? 2 : 1;                /* the quote at the end, and the 0 */
    size_t at = 0;
    if (quote) out[at++] = '\'';
    for (; *word; word++) {
        const size_t n = *word == '\'' ? sizeof quoted - 1 : 1;
        if (at + n + end > n_bytes) break;
        memcpy(out + at, n > 1 ? quoted : word, n);
        at += n;
    }
    if (quote) out[at++] = '\'';
    out[at] = 0;
    return at;
}
