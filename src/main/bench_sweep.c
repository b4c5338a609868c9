/* bench --sweep: a network at every limit that matters, as a table and a figure. */
#include "bench.h"

#include <longtake/log.h>
#include <longtake/plot.h>
#include <longtake/stop.h>
#include <longtake/sweep.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 8, SIZES_MAX = 2, SHORTER = 518, LONGER = 924, FULL_WIDTH = 1280, FULL_HEIGHT = 720, BETWEEN = 2, STEP = 14, LARGEST = 8192, NAME = 64 };

static const double mebi = 1 << 20;

/* A model at a size in a precision: the points that go together. */
typedef struct {
    lt_settings    settings;             /* the user's, with this model and size; its strings are borrowed */
    lt_task_env    env;
    lt_field       fields[LT_TASK_FIELDS];
    lt_ladder_ask  ask;
    char           name[NAME];
    const char    *precision;            /* "f32" */
    double         rate;                 /* of the machine in this precision, GFLOP/s */
    lt_sweep_point *points;              /* [n] */
    int            n, done, first;       /* done: points that were run; first: of them that fits, -1 */
} line;

typedef struct {
    const lt_settings *s;
    lt_place           place;
    lt_stop           *stop;
    lt_pool           *pool;
    lt_weights        *weights;
    int64_t            overhead;
    FILE              *csv;
    line               lines[LINES_MAX];
    int                n_lines;
} sweep;

/* ---- what is swept ---- */

typedef struct {
    int width, height, input_size;       /* of the frames; of the network's shorter side */
} size;

/* Frames of the network's own size; wide ones are asked for with a larger input, of which they get less. */
static lt_status size_of(int width, int height, size *out)
{
    lt_status st = LT_OK;
    int w = 0, h = 0;
    for (int input = width < height ? width : height; input <= LARGEST; input += STEP) {
        LT_TRY(lt_depth_input_size(width, height, input, &w, &h));
        *out = (size){ width, height, input };
        if (w == width && h == height) return LT_OK;
        if (w > width || h > height) break;
    }
    LT_FAIL(LT_E_USAGE, "--size %dx%d: sides of a network's input are multiples of %d, of at least %d", width, height, STEP, STEP);
done:
    return st;
}

static lt_status sizes_of(const lt_settings *s, size out[SIZES_MAX], int *n)
{
    lt_status st = LT_OK;
    *n = 1;
    if (s->size.width > 0) return size_of((int)s->size.width, (int)s->size.height, &out[0]);
    if (lt_settings_given(s, "input-size")) {
        out[0] = (size){ FULL_WIDTH, FULL_HEIGHT, (int)s->input_size };
        goto done;
    }
    LT_TRY(size_of(SHORTER, SHORTER, &out[0]));
    if (!lt_settings_given(s, "model")) goto done;
    LT_TRY(size_of(LONGER, SHORTER, &out[(*n)++]));
done:
    return st;
}

/* The precision that was asked for, or every one that this device has. Returns how many. */
static lt_status precisions_of(const sweep *w, int *out, int *n)
{
    lt_status st = LT_OK;
    *n = 0;
    if (lt_settings_given(w->s, "precision") && w->s->precision != LT_PRECISION_AUTO) {
        out[(*n)++] = w->s->precision;
        goto done;
    }
    for (int p = LT_PRECISION_F32; p <= LT_PRECISION_F16; p++) {
        lt_settings s = *w->s;
        lt_place place = w->place;
        lt_dtype type;
        s.precision = p;
        if (lt_place_precision(&place, &s, &type) < 0) lt_error_clear();
        else out[(*n)++] = p;
    }
done:
    return st;
}

/* Points that this machine has the memory for. */
static lt_status plan_points(const sweep *w, line *l)
{
    lt_status st = LT_OK;
    int64_t limits[LT_SWEEP_MAX];
    int n = 0;
    LT_TRY(lt_sweep_limits(&l->ask, BETWEEN, limits, &n));
    if (!(l->points = calloc((size_t)n, sizeof *l->points))) LT_FAIL(LT_E_MEMORY, "no memory for a sweep");
    for (int i = 0; i < n; i++) {
        LT_TRY(lt_sweep_plan(&l->ask, limits[i], &l->points[l->n]));
        if (l->points[l->n].candidate.need.device <= w->place.budget.device) l->n++;
    }
    if (l->n < n) lt_log_warn(w->s->log, "%s: %d limits of %d are left out: they take more memory than may be used here", l->name, n - l->n, n);
done:
    return st;
}

static lt_status add_line(sweep *w, const size *z, int precision)
{
    lt_status st = LT_OK;
    line *l = &w->lines[w->n_lines++];
    lt_place place = w->place;
    lt_dtype type;
    int width, height;
    l->settings = *w->s;
    l->settings.input_size = z->input_size;
    l->settings.precision = precision;
    l->first = -1;
    LT_TRY(lt_place_precision(&place, &l->settings, &type));
    LT_TRY(lt_depth_input_size(z->width, z->height, z->input_size, &width, &height));
    l->env = (lt_task_env){ .settings = &l->settings, .machine = place.machine, .precision = type, .weights = w->weights, .scratch = w->s->scratch };
    l->precision = lt_machine_precision(&place.machine, type);
    snprintf(l->name, sizeof l->name, "%s %dx%d %s", lt_model_choice_name(w->s->model), width, height, l->precision);
    l->ask = (lt_ladder_ask){ .env = &l->env, .fields = l->fields, .name = l->name, .n_threads = w->place.n_threads, .ranks = 1, .overhead = w->overhead };
    l->ask.info = (lt_media_info){ .width = z->width, .height = z->height, .coded_width = z->width, .coded_height = z->height, .bit_depth = 8 };
    LT_TRY(lt_task_find(w->s->task, &l->ask.task));
    LT_TRY(l->ask.task->fields(&l->settings, l->fields, &l->ask.n_fields));
    LT_TRY(plan_points(w, l));
done:
    return st;
}

static lt_sweep how(const sweep *w, const line *l)
{
    return (lt_sweep){ &l->ask, w->pool, w->place.device, lt_stop_flag(w->stop), w->place.device ? LT_BENCH_TIMED_GPU : 1 };
}

/* How long it takes at the rate of this machine's own product, before it begins. */
static lt_status foretell(sweep *w)
{
    lt_status st = LT_OK;
    double work = 0, seconds = 0;
    int n = 0;
    for (int i = 0; i < w->n_lines; i++) {
        line *l = &w->lines[i];
        const lt_sweep s = how(w, l);
        lt_place place = w->place;
        place.machine = l->env.machine;
        LT_TRY(lt_bench_rate(&place, l->env.precision, &l->rate));
        for (int k = 0; k < l->n; k++) {
            double all = 0;
            if (!l->points[k].fits) continue;
            LT_TRY(lt_sweep_work(&s, &l->points[k], &all, NULL));
            work += all;
            seconds += all / (l->rate * 1e9);
            n++;
        }
    }
    lt_log_info(w->s->log, "%d runs, %.1f TFLOP: at least %.1f minutes at the rate of this machine's own products; Ctrl-C keeps what is done", n,
                work * 1e-12, seconds / 60);
done:
    return st;
}

/* ---- the table ---- */

static lt_status put_csv(sweep *w, const char *text)
{
    lt_status st = LT_OK;
    /* A line at a time, so that the table is whole whenever this ends. */
    if (fputs(text, w->csv) < 0 || fflush(w->csv) != 0)
        LT_FAIL(LT_E_STORE, "%s cannot be written: %s", w->s->output ? w->s->output : "standard output", strerror(errno));
done:
    return st;
}

/* As a field of CSV: in quotes, which are doubled. */
static char *quoted(const char *text, char *out, size_t n_bytes)
{
    size_t n = 0;
    out[n++] = '"';
    for (; *text && n + 3 < n_bytes; text++) {
        if (*text == '"') out[n++] = '"';
        out[n++] = *text;
    }
    out[n++] = '"';
    out[n] = 0;
    return out;
}

static lt_status put_row(sweep *w, const line *l, const lt_sweep_point *p)
{
    lt_status st = LT_OK;
    const lt_candidate *c = &p->candidate;
    char device[2 * LT_PLACE_KIND], why[2 * LT_SWEEP_WHY], hash[LT_HASH_TEXT], figures[160] = ",,,,", text[4096];
    if (p->fits)
        snprintf(figures, sizeof figures, "%lld,%lld,%.6f,%.6f,%.3f", (long long)p->observed, (long long)c->need.host, p->seconds / p->frames, p->frames / p->seconds,
                 p->flops / p->seconds * 1e-9);
    snprintf(text, sizeof text, "%s,%s,%d,%d,%s,%s,%d,%lld,%s,%d,%lld,%lld,%lld,%s,%lld,%s,%s,%s\n", l->ask.task->name, lt_model_choice_name(c->setting.model),
             c->need.finish.net_width, c->need.finish.net_height, l->precision, quoted(w->place.kind, device, sizeof device), w->place.n_threads,
             (long long)(p->limit + w->overhead), p->fits ? "yes" : "no", p->rung, (long long)c->setting.micro_batch, (long long)c->setting.tile,
             (long long)c->setting.band, c->setting.stream ? "yes" : "no", (long long)c->need.device, figures, p->fits ? lt_hash_text(p->hash, hash) : "",
             p->fits ? "" : quoted(p->why, why, sizeof why));
    LT_TRY(put_csv(w, text));
done:
    return st;
}

static const char head[] = "task,model,width,height,precision,device,threads,memory_limit,fits,rung,micro_batch,tile,band,streamed,planned_bytes,observed_bytes,"
                           "host_planned_bytes,seconds_per_frame,frames_per_second,gflops,hash,why_not\n";

static char *rung_text(const lt_setting *x, char *out, size_t n_bytes)
{
    char tile[24] = "all", band[24] = "all";
    if (x->tile) snprintf(tile, sizeof tile, "%lld", (long long)x->tile);
    if (x->band) snprintf(band, sizeof band, "%lld", (long long)x->band);
    snprintf(out, n_bytes, "micro-batch %lld, tile %s, band %s%s", (long long)x->micro_batch, tile, band, x->stream ? ", streamed" : "");
    return out;
}

/* What a person reads while it goes on; standard output is the table's where no file is named. */
static void show(const sweep *w, const line *l, const lt_sweep_point *p)
{
    char rung[128], hash[LT_HASH_TEXT];
    if (!w->s->output) return;
    printf("%-20s %13lld bytes  ", l->name, (long long)(p->limit + w->overhead));
    if (p->fits) printf("%-48s %9.3f frames/s %8.1f GFLOP/s  maps %.8s\n", rung_text(&p->candidate.setting, rung, sizeof rung), p->frames / p->seconds,
                        p->flops / p->seconds * 1e-9, lt_hash_text(p->hash, hash));
    else puts("does not fit");
    fflush(stdout);
}

static lt_status run_line(sweep *w, line *l)
{
    lt_status st = LT_OK;
    const lt_sweep s = how(w, l);
    for (int i = 0; i < l->n; i++) {
        lt_sweep_point *p = &l->points[i];
        LT_TRY(lt_sweep_run(&s, p));
        l->done++;
        LT_TRY(put_row(w, l, p));
        show(w, l, p);
        if (!p->fits) continue;
        if (l->first < 0) l->first = i;
        LT_TRY(lt_sweep_same(&l->ask, &l->points[l->first], p));
    }
done:
    return st;
}

/* ---- the figure ---- */

typedef struct {
    lt_plot_line  lines[LINES_MAX];
    lt_plot_point points[LINES_MAX * LT_SWEEP_MAX];
    char          least[LINES_MAX][48], keys[LT_PLOT_KEYS][128];
    const char   *key[LT_PLOT_KEYS];
    int           n_lines, n_points, n_keys;
} drawing;

static void draw_line(const sweep *w, const line *l, drawing *d)
{
    int last = -1;
    if (l->first < 0) return;
    const int first = d->n_points;
    for (int i = l->first; i < l->done; i++) {
        const lt_sweep_point *p = &l->points[i];
        const int key = p->rung < LT_PLOT_KEYS && p->rung != last ? p->rung : -1;
        d->points[d->n_points++] = (lt_plot_point){ (double)(p->limit + w->overhead) / mebi, p->frames / p->seconds, key };
        last = p->rung;
        if (key < 0) continue;
        rung_text(&p->candidate.setting, d->keys[key], sizeof d->keys[key]);
        if (key >= d->n_keys) d->n_keys = key + 1;
    }
    snprintf(d->least[d->n_lines], sizeof d->least[0], "at least %.1f MiB", d->points[first].x);
    d->lines[d->n_lines] = (lt_plot_line){ l->name, d->points + first, d->n_points - first, d->least[d->n_lines] };
    d->n_lines++;
}

static lt_status draw(const sweep *w)
{
    lt_status st = LT_OK;
    char path[4096], title[256], subtitle[256];
    drawing *d = calloc(1, sizeof *d);
    if (!d) LT_FAIL(LT_E_MEMORY, "no memory for a plot");
    for (int i = 0; i < w->n_lines; i++) draw_line(w, &w->lines[i], d);
    if (d->n_lines == 0) goto done;
    for (int i = 0; i < d->n_keys; i++) {
        if (!d->keys[i][0]) snprintf(d->keys[i], sizeof d->keys[i], "never taken: it saves nothing here");
        d->key[i] = d->keys[i];
    }
    const size_t n = strlen(w->s->output), stem = n > 4 && !strcmp(w->s->output + n - 4, ".csv") ? n - 4 : n;
    snprintf(path, sizeof path, "%.*s.png", (int)stem, w->s->output);
    snprintf(title, sizeof title, "%s on %s, %d threads: frames/s by memory limit", w->lines[0].ask.task->name, w->place.kind, w->place.n_threads);
    snprintf(subtitle, sizeof subtitle,
             "Values of all maps are the same along a line; to the left of it a job is refused before it begins. Numbers: how it is run; rings: once more.%s",
             w->overhead ? " Fixed overhead included (estimated)." : "");
    const lt_plot p = { title, subtitle, "memory limit, MiB", "frames/s", d->lines, d->n_lines, d->key, d->n_keys };
    LT_TRY(lt_plot_write(&p, path));
done:
    free(d);
    return st;
}

/* ---- the command ---- */

static lt_status begin(sweep *w)
{
    lt_status st = LT_OK;
    const lt_settings *s = w->s;
    const lt_stop_opts stop = { .stop_file = NULL };
    size sizes[SIZES_MAX];
    int precisions[LT_PRECISION_F16 + 1], n_sizes = 0, n_precisions = 0;
    lt_stop_block();
    LT_TRY(lt_stop_create(&stop, &w->stop));
    LT_TRY(lt_place_open(s, 0, 1, &w->place));
    if (w->place.note[0]) lt_log_info(s->log, "%s", w->place.note);
    w->overhead = w->place.device ? lt_device_overhead(lt_device_get_facts(w->place.device)) : 0;
    LT_TRY(lt_weights_open(s->weights ? s->weights : "synthetic:7", &w->weights));
    LT_TRY(lt_pool_create(w->place.machine.n_threads, &w->pool));
    LT_TRY(sizes_of(s, sizes, &n_sizes));
    LT_TRY(precisions_of(w, precisions, &n_precisions));
    for (int i = 0; i < n_sizes; i++)
        for (int p = 0; p < n_precisions; p++) LT_TRY(add_line(w, &sizes[i], precisions[p]));
    w->csv = s->output ? fopen(s->output, "w") : stdout;
    if (!w->csv) LT_FAIL(LT_E_STORE, "%s cannot be written: %s", s->output, strerror(errno));
    LT_TRY(put_csv(w, head));
    LT_TRY(foretell(w));
done:
    return st;
}

lt_status lt_bench_sweep(const lt_settings *s)
{
    lt_status st = LT_OK;
    sweep *w = calloc(1, sizeof *w);
    if (!w) LT_FAIL(LT_E_MEMORY, "no memory for a sweep");
    w->s = s;
    LT_TRY(begin(w));
    for (int i = 0; i < w->n_lines; i++) LT_TRY(run_line(w, &w->lines[i]));
done:
    if (st == LT_E_STOPPED) st = lt_raise(LT_E_STOPPED, __FILE__, __LINE__, __func__, "stopped early (%s): the table holds what was done", lt_stop_reason(w->stop));
    if (w && s->output && w->csv) LT_ALSO(draw(w));
    if (w && s->output && w->csv && fclose(w->csv) != 0 && st >= 0)
        st = lt_raise(LT_E_STORE, __FILE__, __LINE__, __func__, "%s cannot be written: is the disk full?", s->output);
    for (int i = 0; w && i < w->n_lines; i++) free(w->lines[i].points);
    if (w) {
        lt_pool_destroy(&w->pool);
        lt_weights_close(&w->weights);
        lt_place_close(&w->place);
        lt_stop_destroy(&w->stop);
    }
    free(w);
    return st;
}
