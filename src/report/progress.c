#include <longtake/progress.h>

#include <longtake/budget.h>

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINE = 1024, COLUMNS_MIN = 20, COLUMNS_MAX = 400, RANK_LINES = 16, BAR_MAX = 32 };
static const double bar_period = 0.1, average_s = 10;

struct lt_progress {
    lt_progress_opts   opts;
    lt_progress_state  state;
    lt_progress_rank  *ranks;            /* [n_ranks] the last told */
    double            *rank_rate;        /* [n_ranks] */
    bool               known;            /* a state was told */
    double             first, last, drawn;
    int64_t            last_frames;
    double             rate, weight;     /* weighted frames/s and the sum of weights, both fading */
    int                lines;            /* on the terminal now */
    bool               finished;
};

bool lt_progress_utf8(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (int i = 0; i < 3; i++) {
        const char *v = getenv(names[i]);
        if (v && *v) return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
    }
    return false;
}

lt_status lt_progress_create(const lt_progress_opts *opts, lt_progress **out)
{
    lt_status st = LT_OK;
    *out = NULL;
    lt_progress *p = calloc(1, sizeof *p);
    const size_t n = opts->n_ranks > 0 ? (size_t)opts->n_ranks : 1;
    if (p) p->ranks = calloc(n, sizeof *p->ranks);
    if (p) p->rank_rate = calloc(n, sizeof *p->rank_rate);
    if (!p || !p->ranks || !p->rank_rate) LT_FAIL(LT_E_MEMORY, "no memory to show the progress of %zu ranks", n);
    p->opts = *opts;
    p->opts.n_ranks = (int)n;
    if (p->opts.mode == LT_SHOW_AUTO) p->opts.mode = opts->tty ? LT_SHOW_BAR : LT_SHOW_PLAIN;
    if (!(p->opts.plain_period > 0)) p->opts.plain_period = 5;
    if (!(p->opts.json_period > 0)) p->opts.json_period = 1;
    p->drawn = -INFINITY;
    *out = p;
    p = NULL;
done:
    lt_progress_destroy(&p);
    return st;
}

void lt_progress_destroy(lt_progress **p)
{
    if (!*p) return;
    free((*p)->ranks);
    free((*p)->rank_rate);
    free(*p);
    *p = NULL;
}

char *lt_seconds_text(double seconds, char *text, int size)
{
    if (!(seconds >= 0) || seconds > 1e9) snprintf(text, (size_t)size, "--");
    else {
        const int64_t s = (int64_t)(seconds + 0.5);
        if (s < 60) snprintf(text, (size_t)size, "%d s", (int)s);
        else if (s < 3600) snprintf(text, (size_t)size, "%d:%02d", (int)(s / 60), (int)(s % 60));
        else snprintf(text, (size_t)size, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
    }
    return text;
}

double lt_progress_rate(const lt_progress *p)
{
    return p->weight > 0 ? p->rate / p->weight : 0;
}

/* An average whose memory fades over average_s; dividing by the weights makes its beginning unbiased. */
static void take(lt_progress *p, const lt_progress_state *state, double now)
{
    const lt_progress_rank *ranks = p->ranks;
    if (!p->known) {
        p->first = p->last = now;
        p->last_frames = state->frames_done;
        p->known = true;
    } else if (now > p->last) {
        const double dt = now - p->last, fade = exp(-dt / average_s);
        double made = (double)(state->frames_done - p->last_frames) / dt;
        if (made < 0) made = 0;
        p->rate = p->rate * fade + made * (1 - fade);
        p->weight = p->weight * fade + (1 - fade);
        for (int r = 0; state->ranks && r < p->opts.n_ranks; r++) {
            const int64_t gained = state->ranks[r].frames - ranks[r].frames;
            p->rank_rate[r] = p->rank_rate[r] * fade + (gained > 0 ? (double)gained / dt : 0) * (1 - fade);
        }
        p->last = now;
        p->last_frames = state->frames_done;
    }
    if (state->ranks) memcpy(p->ranks, state->ranks, (size_t)p->opts.n_ranks * sizeof *p->ranks);
    p->state = *state;
    p->state.ranks = state->ranks ? p->ranks : NULL;
}

static double rank_rate(const lt_progress *p, int r)
{
    if (p->ranks[r].frames_per_s > 0) return p->ranks[r].frames_per_s;
    return p->weight > 0 ? p->rank_rate[r] / p->weight : 0;
}

static double seconds_left(const lt_progress *p)
{
    const double rate = lt_progress_rate(p);
    const int64_t left = p->state.frames_total - p->state.frames_done;
    return left <= 0 ? 0 : rate > 0 ? (double)left / rate : -1;
}

static double percent(const lt_progress *p)
{
    return p->state.frames_total > 0 ? 100.0 * (double)p->state.frames_done / (double)p->state.frames_total : 0;
}

/* Appends; *n is where the text ends and stays below LINE. */
static void append(char *line, int *n, const char *format, ...) LT_PRINTF(3, 4);
static void append(char *line, int *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int k = vsnprintf(line + *n, (size_t)(LINE - *n), format, args);
    va_end(args);
    *n = k < 0 ? *n : *n + k < LINE ? *n + k : LINE - 1;
}

/* The figures in falling order of worth, `level` of them, so that a narrow terminal loses the least. */
static void figures(const lt_progress *p, int level, char *line)
{
    char text[64];
    int n = 0;
    const lt_progress_state *s = &p->state;
    append(line, &n, "%3d%%", (int)percent(p));
    if (level >= 1) append(line, &n, " %" PRId64 "/%" PRId64, s->frames_done, s->frames_total);
    if (level >= 2) append(line, &n, "  %.*f frames/s", lt_progress_rate(p) < 100 ? 1 : 0, lt_progress_rate(p));
    if (level >= 3) append(line, &n, "  %s left", lt_seconds_text(seconds_left(p), text, sizeof text));
    if (level >= 4 && s->device_planned >= 0) {
        char used[64];
        if (s->device_used >= 0) append(line, &n, "  %s of %s", lt_bytes_text(s->device_used, used, sizeof used),
                                        lt_bytes_text(s->device_planned, text, sizeof text));
        else append(line, &n, "  %s", lt_bytes_text(s->device_planned, text, sizeof text));
    }
    if (level >= 5 && s->segments_failed > 0) append(line, &n, "  %" PRId64 " failed", s->segments_failed);
}

static int terminal_columns(const lt_progress *p, FILE *out)
{
    struct winsize size = { 0 };
    int columns = p->opts.columns;
    if (!columns && ioctl(fileno(out), TIOCGWINSZ, &size) == 0) columns = size.ws_col;
    if (!columns) columns = 80;
    return columns < COLUMNS_MIN ? COLUMNS_MIN : columns > COLUMNS_MAX ? COLUMNS_MAX : columns;
}

static void put_bar(const lt_progress *p, int width, FILE *out)
{
    /* eighths of a cell, U+258F (one eighth) to U+2588 (full) */
    static const char *const part[9] = { " ", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589", "\u2588" };
    const int eighths = (int)(percent(p) / 100 * width * 8);
    fputc(p->opts.utf8 ? ' ' : '[', out);
    for (int i = 0; i < width; i++) {
        const int k = eighths - 8 * i;
        if (p->opts.utf8) fputs(part[k < 0 ? 0 : k > 8 ? 8 : k], out);
        else fputc(k >= 8 ? '#' : k > 0 ? '-' : '.', out);
    }
    fputc(p->opts.utf8 ? ' ' : ']', out);
}

static void put_bar_line(const lt_progress *p, int columns, FILE *out)
{
    char line[LINE];
    int level = 6;
    const int room = columns - 1;                /* the last column would wrap on some terminals */
    do figures(p, --level, line);
    while (level > 0 && (int)strlen(line) > room - (room > 50 ? 13 : 0));
    int width = room - (int)strlen(line) - 3;
    if (width > BAR_MAX) width = BAR_MAX;
    if (width >= 4) {
        put_bar(p, width, out);
        fputc(' ', out);
    }
    fprintf(out, "%.*s\033[K", room, line);
}

static int put_rank_lines(const lt_progress *p, int columns, FILE *out)
{
    char line[LINE];
    const int n = p->opts.n_ranks < RANK_LINES ? p->opts.n_ranks : RANK_LINES;
    for (int r = 0; r < n; r++) {
        const lt_progress_rank *k = &p->ranks[r];
        int at = 0;
        append(line, &at, "  rank %d@%.*s  %" PRId64 " frames  %.1f frames/s  %.*s", r, LT_PROGRESS_NAME, k->host, k->frames,
               rank_rate(p, r), LT_PROGRESS_NAME, k->state);
        fprintf(out, "\n%.*s\033[K", columns - 1, line);
    }
    if (p->opts.n_ranks > n) fprintf(out, "\n  and %d more ranks\033[K", p->opts.n_ranks - n);
    return n + (p->opts.n_ranks > n);
}

void lt_progress_hide(void *ctx, FILE *out)
{
    lt_progress *p = ctx;
    if (!out) out = p->opts.out;
    if (!p->lines) return;
    fputc('\r', out);
    if (p->lines > 1) fprintf(out, "\033[%dA", p->lines - 1);
    fputs("\033[J", out);
    fflush(out);
    p->lines = 0;
}

void lt_progress_show(void *ctx, FILE *out)
{
    lt_progress *p = ctx;
    if (!out) out = p->opts.out;
    if (p->opts.mode != LT_SHOW_BAR || p->finished || !p->known) return;
    const int columns = terminal_columns(p, out);
    put_bar_line(p, columns, out);
    p->lines = 1;
    if (p->opts.verbose && p->state.ranks) p->lines += put_rank_lines(p, columns, out);
    fflush(out);
}

static void put_plain(const lt_progress *p)
{
    char line[LINE];
    const lt_progress_state *s = &p->state;
    figures(p, 5, line);
    fprintf(p->opts.out, "longtake: %s, segments %" PRId64 "/%" PRId64 ", videos %" PRId64 "/%" PRId64 "\n", line + strspn(line, " "),
            s->segments_done, s->segments_total, s->videos_done, s->videos_total);
    for (int r = 0; p->opts.verbose && s->ranks && r < p->opts.n_ranks; r++)
        fprintf(p->opts.out, "longtake:   rank %d@%.*s: %" PRId64 " frames, %.1f frames/s, %.*s\n", r, LT_PROGRESS_NAME,
                p->ranks[r].host, p->ranks[r].frames, rank_rate(p, r), LT_PROGRESS_NAME, p->ranks[r].state);
    fflush(p->opts.out);
}

static void set_bytes(json_t *o, const char *name, int64_t bytes)
{
    if (bytes >= 0) json_object_set_new(o, name, json_integer(bytes));
}

/* A line that cannot be made for want of memory is left out: progress is no reason to fail. */
static void put_json(const lt_progress *p, bool done)
{
    const lt_progress_state *s = &p->state;
    json_t *o = json_pack("{s:f, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:b}", "seconds", p->last - p->first, "frames_done",
                          (json_int_t)s->frames_done, "frames_total", (json_int_t)s->frames_total, "frames_per_s",
                          lt_progress_rate(p), "segments_done", (json_int_t)s->segments_done, "segments_total",
                          (json_int_t)s->segments_total, "segments_failed", (json_int_t)s->segments_failed, "videos_done",
                          (json_int_t)s->videos_done, "videos_total", (json_int_t)s->videos_total, "done", (int)done);
    if (!o) return;
    if (seconds_left(p) >= 0) json_object_set_new(o, "seconds_left", json_real(seconds_left(p)));
    set_bytes(o, "device_planned_bytes", s->device_planned);
    set_bytes(o, "device_used_bytes", s->device_used);
    set_bytes(o, "host_planned_bytes", s->host_planned);
    set_bytes(o, "host_used_bytes", s->host_used);
    json_t *ranks = s->ranks ? json_array() : NULL;
    for (int r = 0; ranks && r < p->opts.n_ranks; r++)
        json_array_append_new(ranks, json_pack("{s:i, s:s, s:s, s:I, s:f}", "rank", r, "host", p->ranks[r].host, "state",
                                               p->ranks[r].state, "frames", (json_int_t)p->ranks[r].frames, "frames_per_s",
                                               rank_rate(p, r)));
    if (ranks) json_object_set_new(o, "ranks", ranks);
    char *text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (text) fprintf(p->opts.out, "%s\n", text);
    fflush(p->opts.out);
    free(text);
    json_decref(o);
}

bool lt_progress_take(lt_progress *p, const lt_progress_state *state, double now)
{
    static const double never = INFINITY;
    if (p->finished || p->opts.mode == LT_SHOW_NONE) return false;
    take(p, state, now);
    const double period = p->opts.mode == LT_SHOW_BAR     ? bar_period
                          : p->opts.mode == LT_SHOW_PLAIN ? p->opts.plain_period
                          : p->opts.mode == LT_SHOW_JSON  ? p->opts.json_period
                                                          : never;
    if (p->drawn == -INFINITY && p->opts.mode == LT_SHOW_PLAIN) p->drawn = now;      /* nothing to tell at the start */
    if (now - p->drawn < period) return false;
    p->drawn = now;
    if (p->opts.mode == LT_SHOW_PLAIN) put_plain(p);
    if (p->opts.mode == LT_SHOW_JSON) put_json(p, false);
    return p->opts.mode == LT_SHOW_BAR;
}

void lt_progress_update(lt_progress *p, const lt_progress_state *state, double now)
{
    if (!lt_progress_take(p, state, now)) return;
    lt_progress_hide(p, NULL);
    lt_progress_show(p, NULL);
}

void lt_progress_finish(lt_progress *p, double now)
{
    char text[64];
    if (p->finished) return;
    lt_progress_hide(p, NULL);
    p->finished = true;
    if (!p->known || p->opts.mode == LT_SHOW_NONE) return;
    p->last = now;
    if (p->opts.mode == LT_SHOW_JSON) {
        put_json(p, true);
        return;
    }
    const double seconds = now - p->first;
    const int64_t made = p->state.frames_done - p->state.frames_before;
    fprintf(p->opts.out, "longtake: %" PRId64 "/%" PRId64 " frames in %s", p->state.frames_done, p->state.frames_total,
            lt_seconds_text(seconds, text, sizeof text));
    if (seconds > 0 && made > 0) fprintf(p->opts.out, ", %.1f frames/s", (double)made / seconds);
    if (p->state.segments_failed > 0) fprintf(p->opts.out, ", %" PRId64 " segments failed", p->state.segments_failed);
    fputc('\n', p->opts.out);
    fflush(p->opts.out);
}
