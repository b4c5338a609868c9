#include "finish.h"

#include <longtake/clock.h>
#include <longtake/halo.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lt_finishing {
    lt_finishing_opts o;
    char             *id;
    void             *finisher;
    lt_raw           *raw;
    /* of the piece in hand */
    const lt_finish_order *order;
    lt_segment_part  *parts;
    int               n_parts;
    int64_t           n_bad;
    double            store_seconds;
    /* of a read on the store thread */
    int64_t           number;
    lt_segment_row    row;
    const char       *plan;              /* of that row; of lt_raw_plan */
    /* what the raw rows of the piece's windows say of the first step, by the numbers of their first maps */
    struct {
        int64_t        number;
        lt_segment_row row;
        char          *plan;
    } *facts;                            /* [n_facts], room [room_facts] */
    int               n_facts, room_facts;
    float            *map;
    char             *why;
    float            *scratch;           /* a raw map on its way into a record */
};

/* ---- the carry ---- */

/* Hexadecimal floating point is exact. */
lt_status lt_carry_text(const lt_carry *c, char *text, size_t size)
{
    lt_status st = LT_OK;
    const int n = snprintf(text, size, "%a %a %a %a %" PRId64 " %d %d", c->scale, c->shift, c->anchor_scale, c->anchor_shift, c->anchor,
                           (int)c->firm, (int)c->good);
    if (n < 0 || (size_t)n >= size) LT_FAIL(LT_E_INTERNAL, "no room for a carry");
done:
    return st;
}

lt_status lt_carry_parse(const char *text, lt_carry *out)
{
    lt_status st = LT_OK;
    int firm = 0, good = 0, used = 0;
    *out = (lt_carry){ .anchor = -1 };
    if (sscanf(text, "%la %la %la %la %" SCNd64 " %d %d%n", &out->scale, &out->shift, &out->anchor_scale, &out->anchor_shift, &out->anchor, &firm,
               &good, &used) != 7 || text[used])
        LT_FAIL(LT_E_DATA, "a segment's carry makes no sense");
    out->firm = firm != 0;
    out->good = good != 0;
    out->known = 1;
done:
    return st;
}

/* ---- set-up ---- */

static size_t map_bytes(const lt_finish_config *c)
{
    return (size_t)c->net_width * (size_t)c->net_height * sizeof(float);
}

size_t lt_finishing_record_bytes(const lt_finish_config *c)
{
    return lt_halo_bytes(LT_HALO_MAPS + 2, (LT_HALO_MAPS + 1) * map_bytes(c) + sizeof(lt_carry));
}

size_t lt_finishing_bytes(const lt_finish *steps, const lt_finish_config *c)
{
    return sizeof(lt_finishing) + map_bytes(c) + steps->bytes(c);
}

lt_status lt_finishing_create(const lt_finishing_opts *opts, lt_finishing **out)
{
    lt_status st = LT_OK;
    lt_finishing *f = calloc(1, sizeof *f);
    *out = NULL;
    if (!f) LT_FAIL(LT_E_MEMORY, "no memory to finish a video");
    f->o = *opts;
    f->id = strdup(opts->id);
    f->scratch = malloc(map_bytes(&opts->config));
    if (!f->id || !f->scratch) LT_FAIL(LT_E_MEMORY, "no memory to finish a video");
    LT_TRY(opts->steps->open(&opts->config, opts->pool, opts->isa, &f->finisher));
    LT_TRY(lt_raw_create(opts->job, opts->id, &f->raw));
    *out = f;
    f = NULL;
done:
    lt_finishing_destroy(&f);
    return st;
}

static void forget_facts(lt_finishing *f)
{
    for (int i = 0; i < f->n_facts; i++)
        if (i == 0 || f->facts[i].plan != f->facts[i - 1].plan) free(f->facts[i].plan);
    f->n_facts = 0;
}

static lt_status close_raw(void *ctx)
{
    lt_finishing *f = ctx;
    lt_raw_destroy(&f->raw);
    return LT_OK;
}

void lt_finishing_destroy(lt_finishing **finishing)
{
    lt_finishing *f = *finishing;
    if (!f) return;
    if (f->raw && lt_writer_call(f->o.writer, close_raw, f) < 0) lt_error_clear();
    if (f->finisher) f->o.steps->close(&f->finisher);
    free(f->parts);
    forget_facts(f);
    free(f->facts);
    free(f->scratch);
    free(f->id);
    free(f);
    *finishing = NULL;
}

/* ---- what the task asks for ---- */

static lt_status read_raw(void *ctx)
{
    lt_status st = LT_OK;
    lt_finishing *f = ctx;
    LT_TRY(lt_raw_read(f->raw, f->number, f->map, f->o.config.net_width, f->o.config.net_height, f->why, &f->row));
    f->plan = lt_raw_plan(f->raw);
done:
    return st;
}

/* The name of a map in a halo record. */
static const char *map_name(int64_t number, char name[LT_HALO_NAME])
{
    snprintf(name, LT_HALO_NAME, "map-%lld", (long long)number);
    return name;
}

/* Keeps the row of a window of this piece, whose first map has just been read. */
static lt_status remember_row(lt_finishing *f)
{
    lt_status st = LT_OK;
    const lt_range one = { f->number, f->number };
    const lt_range frames = f->o.steps->frames(one, f->o.config.n_frames);
    if (f->o.steps->numbers(frames).first != f->number || frames.first < f->order->piece.first || frames.last > f->order->piece.last) return LT_OK;
    for (int i = 0; i < f->n_facts; i++)
        if (f->facts[i].number == f->number) return LT_OK;
    if (f->n_facts == f->room_facts) {
        void *more = realloc(f->facts, (size_t)(2 * f->room_facts + 8) * sizeof *f->facts);
        if (!more) LT_FAIL(LT_E_MEMORY, "no memory for the rows of a segment");
        f->facts = more;
        f->room_facts = 2 * f->room_facts + 8;
    }
    /* Those that follow each other share the text of one plan. */
    char *before = f->n_facts ? f->facts[f->n_facts - 1].plan : NULL;
    char *plan = f->plan && before && !strcmp(f->plan, before) ? before : f->plan ? strdup(f->plan) : NULL;
    if (f->plan && !plan) LT_FAIL(LT_E_MEMORY, "no memory for the rows of a segment");
    f->facts[f->n_facts].number = f->number;
    f->facts[f->n_facts].row = f->row;
    f->facts[f->n_facts++].plan = plan;
done:
    return st;
}

/* Raw maps of an earlier piece are lost: where it is finished nobody would make them again, so it is taken back. All pieces but a video's last
 * are of one length. */
static void forget(const lt_finishing *f, int64_t number)
{
    const lt_error why = *lt_error_last();
    const lt_range one = { number, number }, frames = f->o.steps->frames(one, f->o.config.n_frames), before = f->order->before;
    const int64_t length = before.last - before.first + 1;
    if (length <= 0 || frames.first > before.last) return;
    const int64_t first = frames.first / length * length;
    lt_segment_forget(f->o.job, f->id, (lt_range){ first, first + length - 1 });
    lt_error_set(&why);
}

static lt_status map(void *ctx, int64_t number, float *out, char *why, int64_t *anchor)
{
    lt_status st = LT_OK;
    lt_finishing *f = ctx;
    char name[LT_HALO_NAME];
    lt_halo_tensor t;
    if (f->order->record && lt_halo_get(f->order->record, map_name(number, name), &t) >= 0) {
        *anchor = -1;
        why[0] = 0;
        /* A map without values is a text in its place. */
        if (t.dtype == LT_U8) snprintf(why, LT_RAW_WHY, "%.*s", (int)t.n_bytes, (const char *)t.data);
        else if (t.n_bytes == map_bytes(&f->o.config)) memcpy(out, t.data, t.n_bytes);
        else LT_FAIL(LT_E_INTERNAL, "a map of a halo record is of another size");
        return LT_OK;
    }
    f->number = number;
    f->map = out;
    f->why = why;
    const double before = lt_seconds();
    st = lt_writer_call(f->o.writer, read_raw, f);
    f->store_seconds += lt_seconds() - before;
    if (st == LT_E_ABSENT || st == LT_E_STORE) forget(f, number);
    LT_TRY(st);
    *anchor = f->row.anchor;
    LT_TRY(remember_row(f));
done:
    return st;
}

static lt_status add_map(lt_finishing *f, void *block, size_t room, int64_t number)
{
    lt_status st = LT_OK;
    char name[LT_HALO_NAME], why[LT_RAW_WHY];
    const int64_t dim[2] = { f->o.config.net_height, f->o.config.net_width };
    void *data = NULL;
    int64_t anchor;
    LT_TRY(map(f, number, f->scratch, why, &anchor));
    if (why[0]) {
        const int64_t n = (int64_t)strlen(why);
        LT_TRY(lt_halo_add(block, room, map_name(number, name), LT_U8, 1, &n, &data));
        memcpy(data, why, (size_t)n);
    } else {
        LT_TRY(lt_halo_add(block, room, map_name(number, name), LT_F32, 2, dim, &data));
        memcpy(data, f->scratch, map_bytes(&f->o.config));
    }
done:
    return st;
}

/* The record for the piece after this one: the maps it needs, the anchor, the carry. */
static lt_status make_record(lt_finishing *f, const lt_carry *c, size_t *n_bytes)
{
    lt_status st = LT_OK;
    const lt_finish_order *o = f->order;
    const size_t room = lt_finishing_record_bytes(&f->o.config);
    const int64_t last = f->o.steps->numbers(o->piece).last, six = 6;
    int64_t number[LT_HALO_MAPS];
    const int n = f->o.steps->halo(&f->o.config, last, number);
    bool anchor = c->anchor >= 0;
    void *data = NULL;
    LT_TRY(lt_halo_begin(o->keep, room));
    LT_TRY(lt_halo_add(o->keep, room, "carry", LT_F64, 1, &six, &data));
    const double numbers[6] = { c->scale, c->shift, c->anchor_scale, c->anchor_shift, c->firm, c->good };
    memcpy(data, numbers, sizeof numbers);
    for (int i = 0; i < n; i++) {
        LT_TRY(add_map(f, o->keep, room, number[i]));
        anchor = anchor && number[i] != c->anchor;
    }
    if (anchor) LT_TRY(add_map(f, o->keep, room, c->anchor));
    *n_bytes = lt_halo_seal(o->keep);
done:
    return st;
}

static lt_status linked(void *ctx, const lt_carry *carry)
{
    lt_status st = LT_OK;
    lt_finishing *f = ctx;
    const lt_finish_order *o = f->order;
    char text[160];
    size_t n_bytes = 0;
    LT_TRY(lt_carry_text(carry, text, sizeof text));
    LT_TRY(lt_writer_parts(f->o.writer, f->parts, f->n_parts, text));
    if (o->keep && o->piece.last < f->o.config.n_frames - 1) LT_TRY(make_record(f, carry, &n_bytes));
    if (o->linked) o->linked(o->ctx, carry, n_bytes);
done:
    return st;
}

static lt_status rows(void *ctx, const lt_segment_part *parts, int n)
{
    lt_status st = LT_OK;
    lt_finishing *f = ctx;
    lt_segment_part *mine = realloc(f->parts, (size_t)n * sizeof *mine);
    if (!mine) LT_FAIL(LT_E_MEMORY, "no memory for the rows of a segment");
    f->parts = mine;
    f->n_parts = n;
    for (int i = 0; i < n; i++) {
        const lt_segment_row *r = &parts[i].row;
        const int64_t number = f->o.steps->numbers(parts[i].frames).first;
        mine[i] = (lt_segment_part){ parts[i].frames, f->o.row, NULL };
        /* Who ran the network, by which plan and how long: that is what a row tells. */
        for (int k = 0; k < f->n_facts; k++)
            if (f->facts[k].number == number) mine[i].row = f->facts[k].row, mine[i].plan = f->facts[k].plan;
        mine[i].row.scale = r->scale;
        mine[i].row.shift = r->shift;
        mine[i].row.det = r->det;
        mine[i].row.residual = r->residual;
        mine[i].row.anchor = r->anchor;
        mine[i].row.state = LT_SEGMENT_DONE;
        if (mine[i].frames.last > f->order->piece.last) mine[i].frames.last = f->order->piece.last;
    }
done:
    return st;
}

static lt_status put_bad(lt_finishing *f, int64_t t, const char *why)
{
    if (f->n_bad++ == 0)
        lt_log_warn(f->o.log, "%s, segment %lld-%lld: frame %lld: %s", f->id, (long long)f->order->piece.first, (long long)f->order->piece.last,
                    (long long)t, why);
    if (f->order->bad) f->order->bad(f->order->ctx, t, why);
    return lt_writer_put_fill(f->o.writer, t, why);
}

static lt_status put(void *ctx, int64_t t, const void *const *data)
{
    lt_finishing *f = ctx;
    const double before = lt_seconds();
    const lt_status st = lt_writer_put(f->o.writer, t, data);
    f->store_seconds += lt_seconds() - before;
    return st;
}

static lt_status put_fill(void *ctx, int64_t t, const char *why)
{
    lt_finishing *f = ctx;
    return why ? put_bad(f, t, why) : lt_writer_put_fill(f->o.writer, t, NULL);
}

static void warn(void *ctx, const char *text)
{
    lt_finishing *f = ctx;
    lt_log_warn(f->o.log, "%s: %s", f->id, text);
}

/* ---- pieces ---- */

typedef struct {
    const lt_finishing *f;
    lt_range            piece;
    lt_carry           *carry;
} carry_read;

static lt_status read_carry(void *ctx)
{
    lt_status st = LT_OK;
    carry_read *r = ctx;
    char *text = NULL;
    LT_TRY(lt_segment_carry(r->f->o.job, r->f->id, r->piece, &text));
    LT_TRY(lt_carry_parse(text, r->carry));
done:
    free(text);
    return st;
}

lt_status lt_finishing_run(lt_finishing *f, const lt_finish_order *o, uint8_t *state)
{
    lt_status st = LT_OK;
    const bool first = o->before.first > o->before.last;
    lt_carry carry = { .anchor = -1 };
    f->order = o;
    f->n_bad = 0;
    forget_facts(f);
    if (o->carry && o->carry->known) carry = *o->carry;
    else if (!first && f->o.steps->chained(&f->o.config)) {
        carry_read r = { f, o->before, &carry };
        LT_TRY(lt_writer_call(f->o.writer, read_carry, &r));
    }
    const lt_segment_desc desc = { .first = o->piece.first, .last = o->piece.last, .width = f->o.config.width, .height = f->o.config.height,
                                   .fields = f->o.fields, .n_fields = f->o.n_fields, .tag = o->tag };
    const lt_finish_io io = { f, map, linked, rows, put, put_fill, warn, f->o.stop };
    LT_TRY(lt_writer_begin(f->o.writer, f->o.job, f->id, &desc));
    LT_TRY(f->o.steps->run(f->finisher, o->piece, &carry, &io));
    *state = f->n_bad ? LT_SEGMENT_FAILED : LT_SEGMENT_DONE;
    LT_TRY(lt_writer_commit(f->o.writer, &f->o.row));
done:
    if (st < 0) {
        const lt_error why = *lt_error_last();
        lt_writer_abandon(f->o.writer);
        lt_error_set(&why);
    }
    return st;
}

double lt_finishing_store_seconds(const lt_finishing *f)
{
    return f->store_seconds;
}

static void remember(void *ctx, const lt_carry *carry, size_t n_bytes)
{
    (void)n_bytes;
    *(lt_carry *)ctx = *carry;
}

lt_status lt_finishing_rest(lt_finishing *f, const lt_range *pieces, int64_t n)
{
    lt_status st = LT_OK;
    lt_carry last = { .anchor = -1 };
    bool any = false;
    for (int64_t i = 0; i < n; i++) {
        lt_segment_state done_state, raw_state;
        uint8_t made;
        const lt_range numbers = f->o.steps->numbers(pieces[i]);
        const lt_carry carry = last;
        last.known = 0;
        LT_TRY(lt_ledger_scan(f->o.job, f->id, &pieces[i], 1, true, &done_state, NULL));
        if (done_state != LT_SEGMENT_MISSING) continue;
        LT_TRY(lt_ledger_raw(f->o.job, f->id, &numbers, 1, true, &raw_state, NULL, NULL));
        if (raw_state == LT_SEGMENT_MISSING) break;
        const lt_finish_order o = { .piece = pieces[i], .before = i ? pieces[i - 1] : (lt_range){ 0, -1 }, .carry = &carry, .tag = -1,
                                    .ctx = &last, .linked = remember };
        if (any) LT_TRY(lt_writer_flush(f->o.writer));
        LT_TRY(lt_finishing_run(f, &o, &made));
        any = true;
    }
    LT_TRY(lt_writer_flush(f->o.writer));
done:
    return st;
}
