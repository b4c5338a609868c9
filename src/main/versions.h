/* main/versions.h -- versions of the program, of what built it, and of the libraries it runs with.
 *
 * in    nothing
 * out   names and versions; the program first
 * owns  nothing; the texts are in the entries */
#ifndef LT_MAIN_VERSIONS_H
#define LT_MAIN_VERSIONS_H

enum { LT_VERSIONS_MAX = 24 };

typedef struct {
    const char *name;
    char        version[96];
} lt_version;

/* Fills `list` [LT_VERSIONS_MAX] and returns how many. Versions are those of the loaded libraries where the library
 * tells them, else those of the headers. */
int lt_versions(lt_version *list);

#endif
