/* longtake/shell.h -- words of a command line.
 *
 * in    a word
 * out   the same as a shell reads it back
 * owns  nothing */
#ifndef LONGTAKE_SHELL_H
#define LONGTAKE_SHELL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In single quotes where it has more than letters, digits and a few signs. Written to `out` [n_bytes], at least 8; what does not fit is left out, and the quotes
 * are closed. 4 x its length + 3 bytes hold any word. Returns the bytes written, without the 0. */
size_t lt_shell_word(const char *word, char *out, size_t n_bytes);

#ifdef __cplusplus
}
#endif
#endif
