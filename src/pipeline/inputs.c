#include "inputs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Where the extension starts: the last dot that is not the first character. */
static size_t stem_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? (size_t)(dot - name) : strlen(name);
}

char *lt_input_id(const char *path, int whole_path)
{
    char *text = strdup(path), *name, *id;
    if (!text) return NULL;
    for (size_t n = strlen(text); n > 1 && text[n - 1] == '/'; n--) text[n - 1] = 0;
    struct stat sb;
    int is_dir = stat(text, &sb) == 0 && S_ISDIR(sb.st_mode);
    name = strrchr(text, '/');
    /* clip/%05d.png is named after its folder, as the folder itself is. */
    if (strchr(name ? name : text, '%') && name && name != text) {
        *name = 0;
        is_dir = 1;
        name = strrchr(text, '/');
    }
    name = whole_path ? text : name ? name + 1 : text;
    while (whole_path && !strncmp(name, "./", 2)) name += 2;
    while (whole_path && *name == '/') name++;
    if (!is_dir) name[stem_length(name)] = 0;
    for (char *p = name; *p; p++)
        if (*p == '/' || (unsigned char)*p < 32) *p = '_';
    id = !*name || !strcmp(name, ".") || !strcmp(name, "..") ? strdup("video") : strdup(name);
    free(text);
    return id;
}

/* Bytes of a file, or of the files directly in a folder. */
static int64_t size_of(const char *path)
{
    struct stat sb;
    int64_t total = 0;
    if (stat(path, &sb)) return 0;
    if (!S_ISDIR(sb.st_mode)) return sb.st_size;
    DIR *d = opendir(path);
    if (!d) return 0;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &sb, 0) == 0) total += sb.st_size;
    closedir(d);
    return total;
}

static lt_status add(lt_inputs *in, int64_t *room, const char *path, int whole_path)
{
    lt_status st = LT_OK;
    if (in->n == *room) {
        int64_t more = *room ? 2 * *room : 16;
        lt_input *items = realloc(in->items, (size_t)more * sizeof *items);
        if (!items) LT_FAIL(LT_E_MEMORY, "no memory for the list of inputs");
        in->items = items;
        *room = more;
    }
    lt_input *it = &in->items[in->n++];
    *it = (lt_input){ strdup(path), lt_input_id(path, whole_path), size_of(path), 0 };
    if (!it->path || !it->id) LT_FAIL(LT_E_MEMORY, "no memory for the list of inputs");
done:
    return st;
}

static int by_id(const void *a, const void *b)
{
    const lt_input *x = a, *y = b;
    int c = strcmp(x->id, y->id);
    return c ? c : strcmp(x->path, y->path);
}

lt_status lt_inputs_collect(const lt_settings *s, lt_inputs *out)
{
    lt_status st = LT_OK;
    int64_t room = 0;
    int whole_path = s->name_by == LT_NAME_BY_PATH;
    lt_strings paths = { 0 };
    *out = (lt_inputs){ NULL, 0 };
    LT_TRY(lt_settings_inputs(s, &paths));
    for (int i = 0; i < paths.n; i++) LT_TRY(add(out, &room, paths.item[i], whole_path));
    qsort(out->items, (size_t)out->n, sizeof *out->items, by_id);
    for (int64_t i = 1; i < out->n; i++)
        if (!strcmp(out->items[i].id, out->items[i - 1].id))
            LT_FAIL(LT_E_USAGE, "%s and %s would both be named '%s': rename one, or give --name-by path",
                    out->items[i - 1].path, out->items[i].path, out->items[i].id);
done:
    lt_strings_free(&paths);
    if (st < 0) lt_inputs_free(out);
    return st;
}

void lt_inputs_free(lt_inputs *in)
{
    for (int64_t i = 0; i < in->n; i++) {
        free(in->items[i].path);
        free(in->items[i].id);
    }
    free(in->items);
    *in = (lt_inputs){ NULL, 0 };
}
