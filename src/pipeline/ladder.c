#include <longtake/ladder.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Rungs of quality: shorter sides of the input below what was asked for, and models from large to small. 518 is what the models were trained with. */
static const int64_t sizes[] = { 448, 392, 336, 280, 224 };
static const struct {
    int         model;
    const char *name;
} models[] = { { LT_MODEL_VITL, "vitl" }, { LT_MODEL_VITB, "vitb" }, { LT_MODEL_VITS, "vits" } };
enum { N_SIZES = sizeof sizes / sizeof *sizes, N_MODELS = sizeof models / sizeof *models, QUALITIES_MAX = 2 + N_SIZES + N_MODELS * (N_SIZES + 1) };

const char *lt_model_choice_name(int model)
{
    for (int i = 0; i < N_MODELS; i++)
        if (models[i].model == model) return models[i].name;
    return "?";
}

lt_setting lt_setting_of(const lt_ladder_ask *ask)
{
    const lt_settings *s = ask->env->settings;
    return (lt_setting){ .model = s->model, .precision = ask->env->precision, .input_size = s->input_size, .micro_batch = s->micro_batch,
                         .tile = s->tile, .band = s->band, .prefetch = s->prefetch, .stream = s->stream_weights == LT_STREAM_ON };
}

lt_task_env lt_setting_env(const lt_task_env *env, const lt_setting *x, lt_settings *room)
{
    lt_task_env out = *env;
    *room = *env->settings;
    room->model = x->model;
    room->input_size = x->input_size;
    room->micro_batch = x->micro_batch;
    room->tile = x->tile;
    room->band = x->band;
    room->prefetch = x->prefetch;
    room->stream_weights = x->stream ? LT_STREAM_ON : LT_STREAM_OFF;
    out.settings = room;
    out.precision = x->precision;
    return out;
}

lt_task_env lt_quality_env(const lt_task_env *env, const lt_setting *x, lt_settings *room)
{
    lt_task_env out = *env;
    *room = *env->settings;
    room->model = x->model;
    room->input_size = x->input_size;
    out.settings = room;
    out.precision = x->precision;
    return out;
}

static char *or_all(int64_t n, char *out, size_t n_bytes)
{
    if (n) snprintf(out, n_bytes, "%lld", (long long)n);
    else snprintf(out, n_bytes, "all");
    return out;
}

char *lt_setting_text(const lt_task *task, const lt_setting *x, char *out, size_t n_bytes)
{
    char batch[24], tile[24], band[24];
    if (task->rungs)
        snprintf(out, n_bytes, "%s, input %lld, %s, micro-batch %s, tile %s, band %s, %sprefetch %lld", lt_model_choice_name(x->model),
                 (long long)x->input_size, lt_dtype_name(x->precision), or_all(x->micro_batch, batch, sizeof batch), or_all(x->tile, tile, sizeof tile),
                 or_all(x->band, band, sizeof band), x->stream ? "streamed weights, " : "", (long long)x->prefetch);
    else
        snprintf(out, n_bytes, "prefetch %lld", (long long)x->prefetch);
    return out;
}

/* ---- one rung ---- */

static lt_rung_end judge(const lt_ladder_ask *ask, const lt_need *n)
{
    return n->device > ask->budget.device ? LT_RUNG_DEVICE : n->host > ask->budget.host ? LT_RUNG_HOST
         : n->device + n->host > ask->budget.pool ? LT_RUNG_POOL : LT_RUNG_FITS;
}

/* Fewer frames decoded ahead, as long as that may help: the same plan with other buffers. */
static void shorten(const lt_ladder_ask *ask, lt_candidate *c)
{
    while (c->end != LT_RUNG_FITS && (c->end != LT_RUNG_DEVICE || c->need.reader) && c->setting.prefetch > 1) {
        const int64_t less = c->setting.prefetch / 2, old = c->setting.prefetch;
        const int64_t host = ask->env->planes ? 0 : (int64_t)(lt_reader_bytes(&ask->info, (int)old) - lt_reader_bytes(&ask->info, (int)less));
        const int64_t device = ask->env->planes ? (int64_t)(lt_reader_device_bytes(&ask->info, (int)old) - lt_reader_device_bytes(&ask->info, (int)less)) : 0;
        c->setting.prefetch = less;
        c->need.host -= host;
        c->need.reader -= device;
        c->need.device -= device;
        c->end = judge(ask, &c->need);
    }
}

static lt_status try(const lt_ladder_ask *ask, int quality, const char *gives_up, const lt_setting *setting, lt_candidate *out)
{
    lt_status st = LT_OK;
    *out = (lt_candidate){ .setting = *setting, .gives_up = gives_up, .quality = quality };
    LT_TRY(lt_setting_need(ask, setting, &out->need, NULL));
    out->end = judge(ask, &out->need);
    if (!lt_settings_given(ask->env->settings, "prefetch")) shorten(ask, out);
done:
    return st;
}

static int rungs_of(const lt_ladder_ask *ask, const lt_task_rung **out)
{
    static const lt_task_rung one = { "nothing", 0, 0, 0, false };
    *out = &one;
    return ask->task->rungs ? ask->task->rungs(&ask->env->machine, out) : 1;
}

/* The setting of a rung; what the user gave stays. */
static lt_setting on_rung(const lt_ladder_ask *ask, const lt_setting *base, const lt_task_rung *r)
{
    const lt_settings *s = ask->env->settings;
    lt_setting x = *base;
    if (!s->micro_batch) x.micro_batch = r->micro_batch;
    if (!s->tile) x.tile = r->tile;
    if (!s->band) x.band = r->band;
    if (s->stream_weights == LT_STREAM_AUTO) x.stream = r->stream;
    return x;
}

/* ---- qualities ---- */

typedef struct {
    lt_setting  base;
    const char *gives_up;
    int         number;
} quality;

static bool may_widen(const lt_ladder_ask *ask)
{
    const lt_machine *m = &ask->env->machine;
    return ask->env->settings->precision == LT_PRECISION_AUTO && ask->env->precision == LT_F32 && m->backend == LT_BACKEND_CPU && m->bf16_units;
}

/* From the one asked for down; returns how many. */
static int qualities(const lt_ladder_ask *ask, unsigned allow, quality out[QUALITIES_MAX])
{
    const lt_setting asked = lt_setting_of(ask);
    int n = 0, first = 0;
    out[n] = (quality){ asked, NULL, n };
    n++;
    if (!ask->task->rungs || !ask->quality) return n;
    lt_setting x = asked;
    if (may_widen(ask)) {
        x.precision = LT_BF16;
        out[n] = (quality){ x, "precision", n }, n++;
    }
    while (first < N_MODELS - 1 && models[first].model != asked.model) first++;
    for (int m = first; m < (allow & LT_ALLOW_MODEL ? N_MODELS : first + 1); m++) {
        x.model = models[m].model;
        x.input_size = asked.input_size;
        if (m > first) out[n] = (quality){ x, "model", n }, n++;
        for (int i = 0; i < N_SIZES && allow & LT_ALLOW_SIZE; i++) {
            if (sizes[i] >= asked.input_size) continue;
            x.input_size = sizes[i];
            out[n] = (quality){ x, "size", n }, n++;
        }
    }
    return n;
}

bool lt_ladder_quality(const lt_ladder_ask *ask, int i, lt_setting *out)
{
    quality all[QUALITIES_MAX];
    if (i >= qualities(ask, ask->env->settings->allow, all)) return false;
    *out = all[i].base;
    return true;
}

/* ---- the walk ---- */

static void add(lt_ladder *l, const lt_candidate *c)
{
    assert(l->n < LT_LADDER_MAX);
    l->candidates[l->n++] = *c;
    if (c->end == LT_RUNG_FITS) l->chosen = l->n - 1;
}

/* What the user gave may make rungs the same. */
static bool same_as_any(const lt_setting *x, const lt_setting *tried, int n)
{
    for (int i = 0; i < n; i++)
        if (x->micro_batch == tried[i].micro_batch && x->tile == tried[i].tile && x->band == tried[i].band && x->stream == tried[i].stream) return true;
    return false;
}

/* Whether one from `first` on takes as little: it did not fit either. */
static bool takes_no_less(const lt_ladder *l, int first, const lt_candidate *c)
{
    for (int i = first; i < l->n; i++)
        if (c->need.device >= l->candidates[i].need.device && c->need.host >= l->candidates[i].need.host) return true;
    return false;
}

/* All rungs of one quality, until one fits. */
static lt_status walk(const lt_ladder_ask *ask, const quality *q, lt_ladder *out)
{
    lt_status st = LT_OK;
    const lt_task_rung *rungs;
    const int n = rungs_of(ask, &rungs);
    lt_setting tried[LT_LADDER_MAX];
    const int first = out->n;
    int n_tried = 0;
    for (int i = 0; i < n && out->chosen < 0; i++) {
        lt_candidate c;
        const lt_setting x = on_rung(ask, &q->base, &rungs[i]);
        if (same_as_any(&x, tried, n_tried)) continue;
        tried[n_tried++] = x;
        LT_TRY(try(ask, q->number, q->gives_up ? q->gives_up : rungs[i].gives_up, &x, &c));
        if (!takes_no_less(out, first, &c)) add(out, &c);
    }
done:
    return st;
}

/* The last rung of a quality: the least it takes. */
static lt_status least(const lt_ladder_ask *ask, const quality *q, lt_candidate *out)
{
    const lt_task_rung *rungs;
    const int n = rungs_of(ask, &rungs);
    const lt_setting x = on_rung(ask, &q->base, &rungs[n - 1]);
    return try(ask, q->number, q->gives_up ? q->gives_up : rungs[n - 1].gives_up, &x, out);
}

/* What --allow would make possible, as the end of a sentence. */
static lt_status advise(const lt_ladder_ask *ask, char *out, size_t n_bytes)
{
    lt_status st = LT_OK;
    static const struct {
        unsigned    bit;
        const char *text;
    } ways[] = { { LT_ALLOW_SIZE, "size" }, { LT_ALLOW_MODEL, "model" }, { LT_ALLOW_SIZE | LT_ALLOW_MODEL, "size,model" } };
    quality all[QUALITIES_MAX];
    lt_ladder_ask other = *ask;
    *out = 0;
    other.quality = true;
    for (int w = 0; ask->task->rungs && w < 3; w++) {
        if ((ways[w].bit & ask->env->settings->allow) == ways[w].bit) continue;
        const int n = qualities(&other, ask->env->settings->allow | ways[w].bit, all);
        lt_candidate c;
        /* The last takes least: where that does not fit, none does. */
        LT_TRY(least(&other, &all[n - 1], &c));
        for (int i = 1; i < n && c.end == LT_RUNG_FITS; i++) {
            if (!strcmp(all[i].gives_up, "precision")) continue;
            lt_candidate first;
            LT_TRY(least(&other, &all[i], &first));
            if (first.end != LT_RUNG_FITS) continue;
            snprintf(out, n_bytes, "; --allow %s would do, with %s and input %lld", ways[w].text, lt_model_choice_name(first.setting.model),
                     (long long)first.setting.input_size);
            goto done;
        }
    }
done:
    return st;
}

static const char *const beyond[] = { [LT_RUNG_DEVICE] = "device memory", [LT_RUNG_HOST] = "host memory", [LT_RUNG_POOL] = "memory" };

/* The sentence of a job that does not fit: the least that would do, and what may be allowed. */
static lt_status refuse(const lt_ladder_ask *ask, const lt_ladder *l)
{
    lt_status st = LT_OK;
    const lt_candidate *best = &l->candidates[0];
    char need[32], have[32], advice[160], limit[96];
    for (int i = 1; i < l->n; i++)
        if (l->candidates[i].need.device < best->need.device) best = &l->candidates[i];
    LT_TRY(advise(ask, advice, sizeof advice));
    const lt_need *n = &best->need;
    const int64_t bytes = best->end == LT_RUNG_DEVICE ? n->device : best->end == LT_RUNG_HOST ? n->host : n->device + n->host;
    const int64_t may = best->end == LT_RUNG_DEVICE ? ask->budget.device : best->end == LT_RUNG_HOST ? ask->budget.host : ask->budget.pool;
    const int64_t all = bytes + (best->end == LT_RUNG_DEVICE ? ask->overhead : 0);
    const lt_limit binds = best->end == LT_RUNG_DEVICE ? ask->budget.device_binds : best->end == LT_RUNG_HOST ? ask->budget.host_binds : ask->budget.pool_binds;
    const bool option = binds == LT_LIMIT_OPTION || binds == LT_LIMIT_HOST_OPTION;
    if (option) snprintf(limit, sizeof limit, "raise %s to %lldMiB", lt_limit_text(binds), (long long)((all + (1 << 20) - 1) >> 20));
    else if (binds == LT_LIMIT_ADDRESSES || binds == LT_LIMIT_DATA) snprintf(limit, sizeof limit, "raise it");
    else snprintf(limit, sizeof limit, "%suse fewer ranks here", binds == LT_LIMIT_FREE ? "" : "raise it, ");
    LT_FAIL(LT_E_MEMORY, "%s: %dx%d needs at least %s of %s and %s may be used%s%s%s: %s, or give a smaller --max-res%s", ask->name, ask->info.width,
            ask->info.height, lt_bytes_text(bytes, need, sizeof need), beyond[best->end], lt_bytes_text(may, have, sizeof have), option ? "" : " (",
            option ? "" : lt_limit_text(binds), option ? "" : ")", limit, advice);
done:
    return st;
}

lt_status lt_ladder_walk(const lt_ladder_ask *ask, lt_ladder *out)
{
    lt_status st = LT_OK;
    quality all[QUALITIES_MAX];
    const int n = qualities(ask, ask->env->settings->allow, all);
    out->n = 0;
    out->chosen = -1;
    LT_TRY(walk(ask, &all[0], out));
    for (int i = 1; i < n && out->chosen < 0; i++) {
        lt_candidate c;
        LT_TRY(least(ask, &all[i], &c));
        if (c.end == LT_RUNG_FITS) LT_TRY(walk(ask, &all[i], out));
        else add(out, &c);
    }
    if (out->chosen < 0) LT_TRY(refuse(ask, out));
done:
    return st;
}
