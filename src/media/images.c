#include "media_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_image(const char *name)
{
    static const char *const known[] = { "png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp", "ppm", "pgm", "exr", "dpx", "tga", "jp2" };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof known / sizeof *known; i++)
        if (!strcasecmp(dot + 1, known[i])) return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static lt_status add(char ***files, int64_t *n, const char *folder, const char *name)
{
    lt_status st = LT_OK;
    char **more = realloc(*files, (size_t)(*n + 1) * sizeof **files);
    if (!more) LT_FAIL(LT_E_MEMORY, "no memory for the images of %s", folder);
    *files = more;
    if (asprintf(&more[*n], "%s%s%s", folder, *folder ? "/" : "", name) < 0) LT_FAIL(LT_E_MEMORY, "no memory for the images of %s", folder);
    (*n)++;
done:
    return st;
}

static lt_status list_folder(const char *path, char ***files, int64_t *n)
{
    lt_status st = LT_OK;
    DIR *d = opendir(path);
    if (!d) LT_FAIL(LT_E_DATA, "%s: %s", path, strerror(errno));
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        if (!is_image(e->d_name))
            LT_FAIL(LT_E_USAGE, "%s: a folder is taken as one sequence of images, but it also holds %s: name the files, or give --input-list", path, e->d_name);
        LT_TRY(add(files, n, path, e->d_name));
    }
    if (*n == 0) LT_FAIL(LT_E_USAGE, "%s: there is no image in this folder", path);
    qsort(*files, (size_t)*n, sizeof **files, by_name);
done:
    if (d) closedir(d);
    return st;
}

/* "%05d" or "%d" at its place in the pattern; false for anything else. */
static bool number_format(const char *path, int *at, int *length, int *digits)
{
    const char *p = strchr(path, '%');
    int n = 0;
    *digits = 0;
    if (!p) return false;
    if (sscanf(p, "%%0%dd%n", digits, &n) != 1 || n == 0) {
        n = p[1] == 'd' ? 2 : 0;
        *digits = 0;
    }
    *at = (int)(p - path);
    *length = n;
    return n > 0 && *digits < 20 && !strchr(p + n, '%');
}

static lt_status list_pattern(const char *path, int at, int length, int digits, char ***files, int64_t *n)
{
    lt_status st = LT_OK;
    char name[4096];
    /* Sequences begin at 0 or 1, or not far behind. */
    for (int64_t i = 0, missing = 0; missing < (*n ? 1 : 1000); i++) {
        snprintf(name, sizeof name, "%.*s%0*lld%s", at, path, digits ? digits : 1, (long long)i, path + at + length);
        if (access(name, F_OK)) {
            missing++;
            continue;
        }
        LT_TRY(add(files, n, "", name));
        missing = 0;
    }
    if (*n == 0) LT_FAIL(LT_E_DATA, "%s: there is no such image", path);
done:
    return st;
}

lt_status lt_image_list(const char *path, char ***files, int64_t *n)
{
    lt_status st = LT_OK;
    struct stat sb;
    int at, length, digits;
    *files = NULL;
    *n = 0;
    bool there = stat(path, &sb) == 0;
    if (there && S_ISDIR(sb.st_mode)) LT_TRY(list_folder(path, files, n));
    else if (!there && number_format(path, &at, &length, &digits)) LT_TRY(list_pattern(path, at, length, digits, files, n));
done:
    if (st < 0) {
        for (int64_t i = 0; i < *n; i++) free((*files)[i]);
        free(*files);
        *files = NULL;
        *n = 0;
    }
    return st;
}
