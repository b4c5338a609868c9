#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT_MAX ((int64_t)1 << 48)              /* values a tensor, so that sums of bytes cannot overflow */

static const char synthetic[] = "synthetic:";

/* ---- bytes ---- */

lt_status lt_weights_pread(const lt_weights *w, int64_t at, void *out, size_t n_bytes)
{
    lt_status st = LT_OK;
    char *to = out;
    while (n_bytes) {
        ssize_t got = pread(w->fd, to, n_bytes, at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) LT_FAIL(LT_E_DATA, "cannot be read: %s", strerror(errno));
        if (got == 0) LT_FAIL(LT_E_DATA, "the file is cut off: it ends at byte %" PRId64, at);
        to += got;
        at += got;
        n_bytes -= (size_t)got;
    }
done:
    return st;
}

lt_status lt_weights_fetch(lt_weights *w, const lt_stretch *stretch, int64_t at, void *out, size_t n_bytes)
{
    return stretch->entry >= 0 ? lt_weights_fetch_entry(w, stretch, at, out, n_bytes)
                               : lt_weights_pread(w, stretch->offset + at, out, n_bytes);
}

/* ---- the table ---- */

char *lt_weights_shape(int n_dims, const int64_t *dim, char *text)
{
    int at = snprintf(text, LT_SHAPE_TEXT, "%s", n_dims ? "" : "scalar");
    for (int i = 0; i < n_dims; i++) at += snprintf(text + at, LT_SHAPE_TEXT - (size_t)at, "%s%" PRId64, i ? "x" : "", dim[i]);
    return text;
}

/* Names go to terminals and into messages. */
static bool is_plain(const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 127) return false;
    return n > 0 && n <= LT_WEIGHT_NAME_MAX;
}

/* Counts the values, lays them out and sees that they are inside the stretch. */
static lt_status lay_out(const lt_weight_found *f, lt_weight *x)
{
    lt_status st = LT_OK;
    int64_t bytes = (int64_t)lt_dtype_bytes(f->dtype), held = f->stretch.n_bytes / bytes;
    x->count = 1;
    for (int i = 0; i < f->n_dims; i++) {
        if (f->dim[i] < 0) LT_FAIL(LT_E_DATA, "tensor '%s' has a negative size", x->name);
        if (__builtin_mul_overflow(x->count, f->dim[i], &x->count) || x->count > COUNT_MAX)
            LT_FAIL(LT_E_DATA, "tensor '%s' has more values than a tensor may have", x->name);
    }
    x->start = f->start;
    int64_t dense = 1;
    for (int i = f->n_dims; i--;) {
        x->stride[i] = f->stride ? f->stride[i] : dense;
        dense *= f->dim[i] ? f->dim[i] : 1;
        if (x->stride[i] < 0) LT_FAIL(LT_E_DATA, "tensor '%s' has a negative stride", x->name);
    }
    if (f->start < 0 || f->start > held) LT_FAIL(LT_E_DATA, "tensor '%s' begins outside its storage", x->name);
    x->span = x->count > 0;
    for (int i = 0; i < f->n_dims && x->count; i++) {
        int64_t reach;
        if (__builtin_mul_overflow(f->dim[i] - 1, x->stride[i], &reach) || __builtin_add_overflow(x->span, reach, &x->span))
            LT_FAIL(LT_E_DATA, "tensor '%s' reaches outside its storage", x->name);
    }
    if (x->span > held - f->start)
        LT_FAIL(LT_E_DATA, "tensor '%s' reaches outside its storage: %" PRId64 " values from value %" PRId64 " on, of %" PRId64, x->name, x->span, f->start, held);
done:
    return st;
}

lt_status lt_weights_add(lt_weights *w, const lt_weight_found *f)
{
    lt_status st = LT_OK;
    lt_weight x = { .stretch = f->stretch };
    if (!is_plain(f->name, f->n_name)) LT_FAIL(LT_E_DATA, "it holds a tensor whose name is empty, longer than %d bytes or not plain text", LT_WEIGHT_NAME_MAX);
    if (w->n >= LT_WEIGHTS_MAX) LT_FAIL(LT_E_DATA, "it holds more than %d tensors", LT_WEIGHTS_MAX);
    if (w->n == w->cap) {
        int64_t cap = w->cap ? 2 * w->cap : 64;
        lt_weight *more = realloc(w->item, (size_t)cap * sizeof *more);
        if (!more) LT_FAIL(LT_E_MEMORY, "no memory for a table of %" PRId64 " tensors", cap);
        w->item = more;
        w->cap = cap;
    }
    if (!(x.name = strndup(f->name, f->n_name))) LT_FAIL(LT_E_MEMORY, "no memory for the name of a tensor");
    LT_TRY(lay_out(f, &x));
    x.info = (lt_weight_info){ .name = x.name, .dtype = f->dtype, .n_dims = f->n_dims };
    memcpy(x.info.dim, f->dim, (size_t)f->n_dims * sizeof *f->dim);
    w->item[w->n++] = x;
    x.name = NULL;
done:
    free(x.name);
    return st;
}

typedef struct {
    const char *name;
    int64_t     i;
} named;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

/* What wrappers for several devices put before every name. */
static void strip_prefix(lt_weights *w)
{
    static const char prefix[] = "module.";
    const size_t n = sizeof prefix - 1;
    for (int64_t i = 0; i < w->n; i++)
        if (strncmp(w->item[i].name, prefix, n) != 0 || !w->item[i].name[n]) return;
    for (int64_t i = 0; i < w->n; i++) w->item[i].info.name = w->item[i].name + n;
}

static lt_status finish(lt_weights *w)
{
    lt_status st = LT_OK;
    named *sorted = NULL;
    if (!w->n) LT_FAIL(LT_E_DATA, "it holds no tensors, also not under state_dict, model, model_state_dict, params_ema or params");
    strip_prefix(w);
    if (!(sorted = malloc((size_t)w->n * sizeof *sorted)) || !(w->by_name = malloc((size_t)w->n * sizeof *w->by_name)))
        LT_FAIL(LT_E_MEMORY, "no memory for a table of %" PRId64 " tensors", w->n);
    for (int64_t i = 0; i < w->n; i++) sorted[i] = (named){ w->item[i].info.name, i };
    qsort(sorted, (size_t)w->n, sizeof *sorted, by_name);
    for (int64_t i = 0; i < w->n; i++) {
        w->by_name[i] = sorted[i].i;
        if (i && strcmp(sorted[i - 1].name, sorted[i].name) == 0) LT_FAIL(LT_E_DATA, "it holds tensor '%s' twice", sorted[i].name);
    }
done:
    free(sorted);
    return st;
}

static lt_weight *find(const lt_weights *w, const char *name)
{
    int64_t a = 0, b = w->n;
    while (a < b) {
        int64_t mid = a + (b - a) / 2;
        int order = strcmp(name, w->item[w->by_name[mid]].info.name);
        if (order == 0) return &w->item[w->by_name[mid]];
        if (order < 0) b = mid;
        else a = mid + 1;
    }
    return NULL;
}

/* ---- opening ---- */

static lt_status open_synthetic(lt_weights *w, const char *seed)
{
    lt_status st = LT_OK;
    char *end = NULL;
    errno = 0;
    if (*seed >= '0' && *seed <= '9') w->seed = strtoull(seed, &end, 10);
    if (!end || *end || errno) LT_FAIL(LT_E_USAGE, "%s%.40s: give a number from 0 to 18446744073709551615, e.g. synthetic:7", synthetic, seed);
    w->is_synthetic = true;
    w->kind = "synthetic";
done:
    return st;
}

static lt_status open_file(lt_weights *w, const char *path)
{
    lt_status st = LT_OK;
    struct stat sb;
    if ((w->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
        LT_FAIL(errno == ENOENT || errno == ENOTDIR ? LT_E_ABSENT : LT_E_DATA, "cannot be opened: %s", strerror(errno));
    if (fstat(w->fd, &sb) || !S_ISREG(sb.st_mode)) LT_FAIL(LT_E_DATA, "is not a file");
    w->n_bytes = sb.st_size;
done:
    return st;
}

/* By the first bytes: what a file is called is no promise. */
static lt_status open_kind(lt_weights *w)
{
    lt_status st = LT_OK;
    uint8_t b[9] = { 0 };
    size_t n = w->n_bytes < (int64_t)sizeof b ? (size_t)w->n_bytes : sizeof b;
    LT_TRY(lt_weights_pread(w, 0, b, n));
    if (n >= 4 && memcmp(b, "PK\3\4", 4) == 0) {
        w->kind = "PyTorch zip";
        LT_TRY(lt_weights_open_zip(w));
    } else if (n == sizeof b && b[8] == '{') {
        w->kind = "safetensors";
        LT_TRY(lt_weights_open_safetensors(w));
    } else if (n >= 2 && b[0] == 0x80) {
        w->kind = "PyTorch legacy";
        LT_TRY(lt_weights_open_legacy(w));
    } else {
        LT_FAIL(LT_E_DATA, "%s", n ? "it is neither a PyTorch checkpoint nor a safetensors file" : "the file is empty");
    }
    LT_TRY(finish(w));
done:
    return st;
}

lt_status lt_weights_open(const char *path, lt_weights **out)
{
    lt_status st = LT_OK;
    lt_weights *w = calloc(1, sizeof *w);
    *out = NULL;
    if (!w || !(w->path = strdup(path))) {
        free(w);
        w = NULL;
        LT_FAIL(LT_E_MEMORY, "no memory to open %.200s", path);
    }
    w->fd = -1;
    if (strncmp(path, synthetic, sizeof synthetic - 1) == 0) {
        LT_TRY(open_synthetic(w, path + sizeof synthetic - 1));
    } else {
        st = open_file(w, path);
        if (st >= 0) st = open_kind(w);
        if (st < 0) {
            lt_error_prefix("%.400s", path);
            lt_trace(__FILE__, __LINE__, __func__, "open_kind(w)");
            goto done;
        }
    }
    *out = w;
    w = NULL;
done:
    lt_weights_close(&w);
    return st;
}

void lt_weights_close(lt_weights **w)
{
    lt_weights *x = *w;
    if (!x) return;
    if (x->entry) zip_fclose(x->entry);
    if (x->zip) zip_discard(x->zip);
    if (x->fd >= 0) close(x->fd);
    for (int64_t i = 0; i < x->n; i++) free(x->item[i].name);
    free(x->item);
    free(x->by_name);
    free(x->folder);
    free(x->path);
    free(x);
    *w = NULL;
}

/* ---- asking ---- */

const char *lt_weights_kind(const lt_weights *w)
{
    return w->kind;
}

bool lt_weights_is_synthetic(const lt_weights *w)
{
    return w->is_synthetic;
}

int64_t lt_weights_count(const lt_weights *w)
{
    return w->n;
}

const lt_weight_info *lt_weights_at(const lt_weights *w, int64_t i)
{
    return &w->item[i].info;
}

const lt_weight_info *lt_weights_find(const lt_weights *w, const char *name)
{
    const lt_weight *x = find(w, name);
    return x ? &x->info : NULL;
}

lt_status lt_weights_hash(lt_weights *w, lt_hash *out)
{
    lt_status st = LT_OK;
    if (w->is_synthetic) {
        char text[sizeof synthetic + 20];
        int n = snprintf(text, sizeof text, "%s%" PRIu64, synthetic, w->seed);
        *out = lt_hash_bytes(text, (size_t)n);
        goto done;
    }
    LT_TRY(lt_hash_file(w->fd, -1, out));
done:
    if (st < 0) lt_error_prefix("%.400s", w->path);
    return st;
}

/* ---- reading ---- */

enum { BLOCK_BYTES = 1 << 20, SPARSE_BYTES = 1 << 16 };

static bool is_dense(const lt_weight *x)
{
    int64_t dense = 1;
    for (int i = x->info.n_dims; i--;) {
        if (x->info.dim[i] != 1 && x->stride[i] != dense) return false;
        dense *= x->info.dim[i];
    }
    return true;
}

static lt_status read_dense(lt_weights *w, const lt_weight *x, float *out)
{
    lt_status st = LT_OK;
    const int64_t size = (int64_t)lt_dtype_bytes(x->info.dtype), block = BLOCK_BYTES / size;
    uint8_t *bytes = malloc(BLOCK_BYTES);
    if (!bytes) LT_FAIL(LT_E_MEMORY, "no memory to read a tensor");
    for (int64_t i = 0; i < x->count; i += block) {
        int64_t n = x->count - i < block ? x->count - i : block;
        LT_TRY(lt_weights_fetch(w, &x->stretch, (x->start + i) * size, bytes, (size_t)(n * size)));
        lt_weights_widen(x->info.dtype, bytes, n, out + i);
    }
done:
    free(bytes);
    return st;
}

/* Values with gaps or in another order, gathered from a window over the stretch. The window holds all of it unless the values
 * lie far apart, so that a transposed matrix is read once and a few values of a large storage do not take its memory. */
static lt_status read_strided(lt_weights *w, const lt_weight *x, float *out)
{
    lt_status st = LT_OK;
    const int64_t size = (int64_t)lt_dtype_bytes(x->info.dtype);
    const bool scattered = x->span / 8 > x->count + BLOCK_BYTES;
    const int64_t window = scattered ? SPARSE_BYTES / size : x->span;
    int64_t at[LT_WEIGHT_DIMS] = { 0 }, have = 0, n_have = 0;      /* the window: values [have, have + n_have) from x->start on */
    uint8_t *bytes = NULL;
    if (scattered && x->stretch.deflated) LT_FAIL(LT_E_DATA, "tensor '%s' is scattered over a compressed storage: save it contiguous", x->info.name);
    if (!(bytes = malloc((size_t)(window * size)))) LT_FAIL(LT_E_MEMORY, "no memory to read tensor '%s'", x->info.name);
    for (int64_t i = 0; i < x->count; i++) {
        int64_t from = 0;
        for (int d = 0; d < x->info.n_dims; d++) from += at[d] * x->stride[d];
        if (from < have || from >= have + n_have) {
            have = scattered ? from : 0;
            n_have = x->span - have < window ? x->span - have : window;
            LT_TRY(lt_weights_fetch(w, &x->stretch, (x->start + have) * size, bytes, (size_t)(n_have * size)));
        }
        lt_weights_widen(x->info.dtype, bytes + (from - have) * size, 1, out + i);
        for (int d = x->info.n_dims; d-- && ++at[d] == x->info.dim[d];) at[d] = 0;
    }
done:
    free(bytes);
    return st;
}

lt_status lt_weights_read(lt_weights *w, const char *name, int n_dims, const int64_t *dim, float *out)
{
    lt_status st = LT_OK;
    char there[LT_SHAPE_TEXT], wanted[LT_SHAPE_TEXT];
    if (w->is_synthetic) {
        lt_weights_draw(w->seed, name, n_dims, dim, out);
        goto done;
    }
    const lt_weight *x = find(w, name);
    if (!x) LT_FAIL(LT_E_DATA, "it has no tensor '%.200s'", name);
    bool same = x->info.n_dims == n_dims;
    for (int i = 0; same && i < n_dims; i++) same = x->info.dim[i] == dim[i];
    if (!same)
        LT_FAIL(LT_E_DATA, "tensor '%s' is %s, wanted %s", name, lt_weights_shape(x->info.n_dims, x->info.dim, there), lt_weights_shape(n_dims, dim, wanted));
    if (!x->count) goto done;
    LT_TRY(is_dense(x) ? read_dense(w, x, out) : read_strided(w, x, out));
done:
    if (st < 0) lt_error_prefix("%.400s", w->path);
    return st;
}
