/* Text to values and back. */
#include "option_private.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct {
    const char *suffix;
    double      factor;
} unit;

/* "" last: the loop that writes values takes the first that divides them. */
static const unit byte_units[] = {
    { "TiB", 1099511627776 }, { "GiB", 1073741824 }, { "MiB", 1048576 }, { "KiB", 1024 },
    { "T", 1099511627776 }, { "G", 1073741824 }, { "M", 1048576 }, { "K", 1024 },
    { "TB", 1e12 }, { "GB", 1e9 }, { "MB", 1e6 }, { "KB", 1e3 }, { "B", 1 }, { "", 1 },
};
static const unit time_units[] = { { "s", 1 }, { "", 1 }, { "ms", 1e-3 }, { "m", 60 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 } };

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* A decimal number; of what strtod knows besides, nothing: no hexadecimal, no inf, no spaces. */
static bool number(const char *text, double *value, const char **end)
{
    const char *digits = text + (*text == '-' || *text == '+');
    char *stop;
    if (!isdigit((unsigned char)digits[digits[0] == '.'])) return false;
    if (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) return false;
    *value = strtod(text, &stop);
    *end = stop;
    return isfinite(*value);
}

static bool with_unit(const char *text, const unit *units, size_t n, double *value)
{
    const char *end;
    if (!number(text, value, &end)) return false;
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(end, units[i].suffix) == 0) {
            *value *= units[i].factor;
            return true;
        }
    return false;
}

/* h:mm:ss.s or m:ss.s; the parts after the first colon are below 60. */
static bool clock_time(const char *text, double *value)
{
    double part, sum = 0;
    for (int parts = 0; parts < 3; parts++) {
        const char *end;
        if (!isdigit((unsigned char)*text) || !number(text, &part, &end) || (parts && part >= 60)) return false;
        if (memchr(text, 'e', (size_t)(end - text)) || memchr(text, 'E', (size_t)(end - text))) return false;
        sum = sum * 60 + part;
        if (!*end) {
            *value = sum;
            return parts > 0;
        }
        if (*end != ':' || memchr(text, '.', (size_t)(end - text))) return false;
        text = end + 1;
    }
    return false;
}

static bool whole(const char *text, int64_t *value)
{
    char *end;
    if (!isdigit((unsigned char)text[*text == '-' || *text == '+'])) return false;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return !errno && !*end;
}

static bool size(const char *text, lt_size *out)
{
    char *end;
    errno = 0;
    if (!isdigit((unsigned char)*text)) return false;
    long w = strtol(text, &end, 10);
    if (errno || *end != 'x' || !isdigit((unsigned char)end[1])) return false;
    long h = strtol(end + 1, &end, 10);
    if (errno || *end || w > INT32_MAX || h > INT32_MAX) return false;
    *out = (lt_size){ (int)w, (int)h };
    return true;
}

static bool truth(const char *text, bool *out)
{
    static const char *const yes[] = { "true", "yes", "on" }, *const no[] = { "false", "no", "off" };
    for (size_t i = 0; i < COUNT(yes); i++) {
        if (strcasecmp(text, yes[i]) == 0) return *out = true, true;
        if (strcasecmp(text, no[i]) == 0) return *out = false, true;
    }
    return false;
}

static bool choice(const lt_choice *choices, const char *text, size_t n, int *out)
{
    for (; choices->name; choices++)
        if (strlen(choices->name) == n && strncmp(choices->name, text, n) == 0) return *out = choices->value, true;
    return false;
}

static bool flags(const lt_choice *choices, const char *text, unsigned *out)
{
    unsigned all = 0;
    for (int bit;; text++) {
        size_t n = strcspn(text, ",");
        if (!choice(choices, text, n, &bit)) return false;
        all |= (unsigned)bit;
        text += n;
        if (!*text) break;
    }
    *out |= all;
    return true;
}

static bool in_range(const lt_option *o, double v)
{
    return v >= o->min && v <= o->max;
}

static bool scalar(const lt_option *o, const char *text, void *member)
{
    double v = 0;
    int64_t i = 0;
    lt_size s = { 0, 0 };
    switch (o->kind) {
    case LT_OPTION_BOOL:   return truth(text, member);
    case LT_OPTION_CHOICE: return choice(o->choices, text, strlen(text), member);
    case LT_OPTION_FLAGS:  return flags(o->choices, text, member);
    case LT_OPTION_INT:
        if (!whole(text, &i) || !in_range(o, (double)i)) return false;
        *(int64_t *)member = i;
        return true;
    case LT_OPTION_REAL: {
        const char *end;
        if (!number(text, &v, &end) || *end || !in_range(o, v)) return false;
        break;
    }
    case LT_OPTION_DURATION:
        if (!clock_time(text, &v) && !with_unit(text, time_units, COUNT(time_units), &v)) return false;
        if (!in_range(o, v)) return false;
        break;
    case LT_OPTION_BYTES:
        if (!with_unit(text, byte_units, COUNT(byte_units), &v) || v < 0 || v >= 0x1p63 || !in_range(o, v)) return false;
        *(uint64_t *)member = (uint64_t)v;
        return true;
    case LT_OPTION_SIZE:
        if (!size(text, &s) || !in_range(o, s.width) || !in_range(o, s.height)) return false;
        *(lt_size *)member = s;
        return true;
    case LT_OPTION_STRING: case LT_OPTION_PATH: case LT_OPTION_LIST:
        return false;
    }
    *(double *)member = v;
    return true;
}

static void quantity(const lt_option *o, double v, char *out, size_t n)
{
    if (o->kind != LT_OPTION_BYTES) {
        snprintf(out, n, "%.15g%s", v, o->kind == LT_OPTION_DURATION ? " s" : "");
        return;
    }
    size_t u = 0;
    while (*byte_units[u].suffix && v < byte_units[u].factor) u++;
    snprintf(out, n, "%.4g %s", v / byte_units[u].factor, byte_units[u].suffix);
}

static void range(const lt_option *o, const char *what, char *out, size_t n)
{
    char low[48], high[48];
    quantity(o, o->min, low, sizeof low);
    quantity(o, o->max, high, sizeof high);
    /* A limit that is there for the type's sake is no news to the user. */
    if (o->max >= 1e9 && o->kind != LT_OPTION_BYTES) snprintf(out, n, "%s, at least %s", what, low);
    else if (o->kind == LT_OPTION_BYTES && o->max >= 1e15) snprintf(out, n, "%s", what);
    else snprintf(out, n, "%s from %s to %s", what, low, high);
}

static void names(const lt_choice *choices, const char *before, char *out, size_t n)
{
    size_t at = (size_t)snprintf(out, n, "%s", before);
    for (const lt_choice *c = choices; c->name && at < n; c++)
        at += (size_t)snprintf(out + at, n - at, "%s%s", c == choices ? "" : c[1].name ? ", " : " or ", c->name);
}

void lt_option_allowed(const lt_option *o, char *out, size_t n)
{
    switch (o->kind) {
    case LT_OPTION_BOOL:     snprintf(out, n, "true or false"); break;
    case LT_OPTION_INT:      range(o, "a whole number", out, n); break;
    case LT_OPTION_REAL:     range(o, "a number", out, n); break;
    case LT_OPTION_BYTES:    range(o, "a number of bytes such as 5.6GiB or 800M", out, n); break;
    case LT_OPTION_DURATION: range(o, "a time such as 30s, 2h or 1:02:03.5", out, n); break;
    case LT_OPTION_SIZE:     range(o, "a size such as 1280x720 with sides", out, n); break;
    case LT_OPTION_CHOICE:   names(o->choices, "", out, n); break;
    case LT_OPTION_FLAGS:    names(o->choices, "one or more, with a comma between, of ", out, n); break;
    case LT_OPTION_STRING:
        if (o->choices) names(o->choices, "", out, n);
        else snprintf(out, n, "a text that is not empty");
        break;
    case LT_OPTION_PATH: case LT_OPTION_LIST: snprintf(out, n, "a name that is not empty"); break;
    }
}

static lt_status refuse(const lt_option *o, const char *text, const char *where)
{
    const char *near[64];
    char allowed[512], hint[96] = "";
    int n = 0;
    lt_option_allowed(o, allowed, sizeof allowed);
    for (const lt_choice *c = o->choices; c && c->name && n < (int)COUNT(near); c++) near[n++] = c->name;
    if (n) lt_did_you_mean(text, near, n, "", hint, sizeof hint);
    return lt_raise(LT_E_USAGE, __FILE__, __LINE__, __func__, "%s: '%.200s' is not allowed%s%s give %s", where, text,
                    *hint ? hint : ":", *hint ? " Else" : "", allowed);
}

lt_status lt_option_read(const lt_option *o, const char *text, const char *where, void *settings)
{
    lt_status st = LT_OK;
    void *member = lt_option_member(o, settings);
    int ignored;
    if (o->kind == LT_OPTION_STRING || o->kind == LT_OPTION_PATH) {
        if (!*text || (o->choices && !choice(o->choices, text, strlen(text), &ignored)))
            LT_TRY(refuse(o, text, where));
        char *copy = strdup(text);
        if (!copy) LT_FAIL(LT_E_MEMORY, "no memory for the value of %s", where);
        lt_option_clear(o, settings);
        *(char **)member = copy;
    } else if (o->kind == LT_OPTION_LIST) {
        if (!*text) LT_TRY(refuse(o, text, where));
        LT_TRY(lt_strings_add(member, text));
    } else if (!scalar(o, text, member)) {
        LT_TRY(refuse(o, text, where));
    }
done:
    return st;
}

/* The shortest of 15 to 17 digits that reads back the same. */
static void real_text(double v, const char *suffix, char *out, size_t n)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) break;
    }
    snprintf(out, n, "%s%s", text, suffix);
}

static void bytes_text(uint64_t v, char *out, size_t n)
{
    for (size_t u = 0; v && u < 4; u++) {
        uint64_t factor = (uint64_t)byte_units[u].factor;
        if (v % factor) continue;
        snprintf(out, n, "%" PRIu64 "%s", v / factor, byte_units[u].suffix);
        return;
    }
    snprintf(out, n, "%" PRIu64, v);
}

static void flags_text(const lt_choice *choices, unsigned v, char *out, size_t n)
{
    size_t at = 0;
    *out = 0;
    for (; choices->name && at < n; choices++)
        if (v & (unsigned)choices->value)
            at += (size_t)snprintf(out + at, n - at, "%s%s", at ? "," : "", choices->name);
}

static void list_text(const lt_strings *list, char *out, size_t n)
{
    size_t at = 0;
    *out = 0;
    for (int i = 0; i < list->n && at < n; i++)
        at += (size_t)snprintf(out + at, n - at, "%s%s", at ? "," : "", list->item[i]);
}

void lt_option_text(const lt_option_table *t, int option, const void *settings, char *out, size_t n)
{
    const lt_option *o = &t->options[option];
    const void *member = (const char *)settings + o->offset;
    const lt_size *s = member;
    const char *text;
    switch (o->kind) {
    case LT_OPTION_BOOL:     snprintf(out, n, "%s", *(const bool *)member ? "true" : "false"); break;
    case LT_OPTION_INT:      snprintf(out, n, "%" PRId64, *(const int64_t *)member); break;
    case LT_OPTION_REAL:     real_text(*(const double *)member, "", out, n); break;
    case LT_OPTION_DURATION: real_text(*(const double *)member, "s", out, n); break;
    case LT_OPTION_BYTES:    bytes_text(*(const uint64_t *)member, out, n); break;
    case LT_OPTION_SIZE:     snprintf(out, n, "%dx%d", s->width, s->height); break;
    case LT_OPTION_CHOICE:   snprintf(out, n, "%s", lt_choice_name(o->choices, *(const int *)member)); break;
    case LT_OPTION_FLAGS:    flags_text(o->choices, *(const unsigned *)member, out, n); break;
    case LT_OPTION_LIST:     list_text(member, out, n); break;
    case LT_OPTION_STRING: case LT_OPTION_PATH:
        text = *(char *const *)member;
        snprintf(out, n, "%s", text ? text : "");
        break;
    }
}
