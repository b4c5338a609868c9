#include "kernels/gemm/gemm_item.h"

#include <string.h>

enum { LINE = 64 };

#ifdef LT_ISA_X86
#define LEVELS(X) X(base) X(avx2) X(avx512)
#else
#define LEVELS(X) X(base)
#endif

#define DECLARE(level) LT_GEMM_LEVEL(level) lt_gemm_tile lt_gemm_tile_##level(void);
LEVELS(DECLARE)

static const struct {
    void         (*item)(const lt_gemm_item *);
    void         (*finish)(const lt_gemm_item *);
    void         (*gather)(const void *const *, lt_dtype, int, int, int, bool, lt_dtype, void *);
    lt_gemm_tile (*tile)(void);
} levels[] = {
#define ROW(level) { lt_gemm_item_##level, lt_gemm_finish_##level, lt_gemm_gather_##level, lt_gemm_tile_##level },
    LEVELS(ROW)
};

lt_gemm_tile lt_gemm_tile_of(lt_isa isa)
{
    return levels[isa].tile();
}

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Outputs of a panel, panels of a group, panels in all. */
typedef struct {
    int nr, width, per_group, n;
} layout;

static layout layout_of(const lt_gemm_shape *s, lt_isa isa)
{
    layout l = { .nr = lt_gemm_tile_of(isa).nr };
    l.width = s->act == LT_ACT_GEGLU ? l.nr / 2 : l.nr;
    l.per_group = (s->cols + l.width - 1) / l.width;
    l.n = l.per_group * s->groups;
    return l;
}

static size_t b_bytes(const lt_gemm_shape *s, const layout *l)
{
    return round_up((size_t)l->n * (size_t)l->nr * (size_t)(s->taps * s->chan) * lt_dtype_bytes(s->compute), LINE);
}

int lt_gemm_columns(const lt_gemm_shape *s, lt_isa isa)
{
    const layout l = layout_of(s, isa);
    return l.n * l.nr;
}

size_t lt_gemm_after_bytes(const lt_gemm_shape *s, lt_isa isa)
{
    return (size_t)(s->bias + s->gamma) * (size_t)lt_gemm_columns(s, isa) * sizeof(float);
}

size_t lt_gemm_packed_bytes(const lt_gemm_shape *s, lt_isa isa)
{
    const layout l = layout_of(s, isa);
    return b_bytes(s, &l) + lt_gemm_after_bytes(s, isa);
}

/* Column j of panel p: the output it belongs to, or -1 (padding); *gate: whether it is its gate. */
static int output_of(const lt_gemm_shape *s, const layout *l, int p, int j, bool *gate)
{
    const int n = p % l->per_group * l->width + j % l->width;
    *gate = j >= l->width;
    return n < s->cols ? n : -1;
}

/* Column j of panel p, to be stored with its k `step` values apart. */
static void pack_column(const lt_gemm_shape *s, const layout *l, const lt_gemm_weights *w, int p, int j, lt_dtype type, size_t step, void *b)
{
    bool gate;
    const int n = output_of(s, l, p, j, &gate);
    const float *from = w->data + p / l->per_group * w->group + n * w->col + (gate ? w->gate : 0);
    size_t at = 0;
    for (int t = 0; t < s->taps; t++)
        for (int c = 0; c < s->chan; c++, at += step) {
            const float x = n < 0 ? 0.f : from[t * w->tap + c * w->chan];
            if (type == LT_BF16) ((uint16_t *)b)[at] = lt_bf16_from_float(x);
            else ((float *)b)[at] = x;
        }
}

void lt_gemm_pack_after(const lt_gemm_shape *s, lt_isa isa, const lt_gemm_weights *w, float *after)
{
    const layout l = layout_of(s, isa);
    float *bias = after, *gamma = after + (s->bias ? l.n * l.nr : 0);
    for (int p = 0, i = 0; p < l.n; p++)
        for (int j = 0; j < l.nr; j++, i++) {
            bool gate;
            const int n = output_of(s, &l, p, j, &gate);
            if (s->bias) bias[i] = n < 0 ? 0.f : w->bias[n + (gate ? s->cols : 0)];
            if (s->gamma) gamma[i] = n < 0 ? 0.f : w->gamma[n];
        }
}

void lt_gemm_pack(const lt_gemm_shape *s, lt_isa isa, const lt_gemm_weights *w, void *packed)
{
    const layout l = layout_of(s, isa);
    const size_t width = lt_dtype_bytes(s->compute), nr = (size_t)l.nr, bytes = (size_t)(s->taps * s->chan) * nr * width;
    for (int p = 0; p < l.n; p++)
        for (int j = 0; j < l.nr; j++)
            pack_column(s, &l, w, p, j, s->compute, nr, (char *)packed + (size_t)p * bytes + (size_t)j * width);
    lt_gemm_pack_after(s, isa, w, (float *)(void *)((char *)packed + b_bytes(s, &l)));
}

void lt_gemm_fill(const lt_gemm_shape *s, lt_isa isa, const lt_gemm_weights *w, float *b)
{
    const layout l = layout_of(s, isa);
    for (int p = 0; p < l.n; p++)
        for (int j = 0; j < l.nr; j++) pack_column(s, &l, w, p, j, LT_F32, (size_t)(l.n * l.nr), b + p * l.nr + j);
}

/* Short pieces cost more in the inner loop than a copy of the rows does; other types are converted on the way. */
static bool gathers(const lt_gemm_shape *s, int segs)
{
    return s->in != LT_F32 || s->compute != LT_F32 || (segs > 1 && s->taps * s->chan / segs < 16);
}

/* Workspace: a mark per thread, zeros for taps outside a map, a slot per thread. */
typedef struct {
    size_t zeros, slots, slot;                                     /* offsets; bytes of a slot */
    size_t table, out, residual, panel_table, acc, panel, scratch; /* within a slot */
    int    n_slots;
} places;

static places places_of(const lt_gemm_shape *s, int segs, const lt_gemm_product *product, lt_isa isa, int n_threads)
{
    const size_t K = (size_t)(s->taps * s->chan), rows = LT_GEMM_ROWS, address = sizeof(void *);
    const bool gather = product || gathers(s, segs);
    const size_t columns = (size_t)(product ? lt_gemm_columns(s, isa) : lt_gemm_tile_of(isa).nr);
    const size_t panel_rows = product ? (size_t)product->rows : rows, width = lt_dtype_bytes(product ? product->type : LT_F32);
    places p = { .n_slots = n_threads };
    p.zeros = round_up((size_t)n_threads * sizeof(atomic_int), LINE);
    p.slots = p.zeros + round_up(K / (size_t)segs * sizeof(float), LINE);
    p.out = (size_t)segs * rows * address;
    p.residual = p.out + rows * address;
    p.panel_table = p.residual + rows * address;
    p.acc = round_up(p.panel_table + (gather ? rows * address : 0), LINE);
    p.panel = p.acc + round_up(panel_rows * columns * sizeof(float), LINE);
    p.scratch = p.panel + round_up(gather ? panel_rows * K * width : 0, LINE);
    p.slot = p.scratch + round_up(product ? product->scratch_bytes : 0, LINE);
    return p;
}

size_t lt_gemm_workspace_bytes(const lt_gemm_shape *s, int segs, const lt_gemm_product *product, const lt_machine *m)
{
    const places p = places_of(s, segs, product, m->isa, m->n_threads);
    return p.slots + (size_t)p.n_slots * p.slot;
}

typedef struct {
    const lt_launch *launch;
    const lt_gemm   *gemm;
    places           at;
    layout           columns;
    int              mr, rows_per_item;
    int              blocks, whole;              /* of rows; those whose columns are one item */
    int              parts, panels_per_item;     /* of the other blocks */
    atomic_int      *taken;
    atomic_int       stopped, failed;
} work;

/* As many items as threads run at once, so one of the slots is free. */
static int take_slot(work *w)
{
    for (;;)
        for (int i = 0; i < w->at.n_slots; i++) {
            int no = 0;
            if (atomic_compare_exchange_strong(&w->taken[i], &no, 1)) return i;
        }
}

static void fill_rows(const work *w, const lt_gemm_slot *slot, const void **panel_table, lt_gemm_item *item)
{
    const lt_gemm *g = w->gemm;
    const int K = g->shape.taps * g->shape.chan;
    int segs = g->segs;
    const void **table = slot->table;
    g->rows_in(g->ctx, item->row, item->n_rows, (char *)w->launch->workspace + w->at.zeros, table);
    if (g->product || gathers(&g->shape, segs)) {
        const lt_dtype type = g->product ? g->product->type : LT_F32;
        levels[w->launch->isa].gather((const void *const *)table, g->shape.in, segs, K / segs, item->n_rows,
                                      g->shape.compute == LT_BF16 && type == LT_F32, type, slot->panel);
        if (g->product) return;
        table = panel_table;
        for (int r = 0; r < item->n_rows; r++) table[r] = (const float *)slot->panel + (size_t)r * (size_t)K;
        segs = 1;
    }
    for (int s = 0; s < segs; s++)
        for (int r = item->n_rows; r % w->mr; r++) table[s * LT_GEMM_ROWS + r] = table[s * LT_GEMM_ROWS + r - 1];
    item->rows = (const float *const *)(const void *)table;
    item->seg_length = K / segs;
}

/* The sums by a library: its panel is filled up with zeros. */
static bool multiply(const work *w, const lt_gemm_item *item, int slot)
{
    const lt_gemm_product *p = w->gemm->product;
    const size_t row = (size_t)(w->gemm->shape.taps * w->gemm->shape.chan) * lt_dtype_bytes(p->type);
    memset((char *)item->slot->panel + (size_t)item->n_rows * row, 0, (size_t)(p->rows - item->n_rows) * row);
    return p->multiply(p->ctx, slot, item->slot->panel, item->b, item->slot->acc, item->slot->scratch);
}

static lt_gemm_item item_of(const work *w, int index, const lt_gemm_slot *slot)
{
    const lt_gemm *g = w->gemm;
    const int cut = index - w->whole, block = cut < 0 ? index : w->whole + cut / w->parts;
    const int panel0 = cut < 0 ? 0 : cut % w->parts * w->panels_per_item;
    const int panel1 = cut < 0 || w->columns.n - panel0 < w->panels_per_item ? w->columns.n : panel0 + w->panels_per_item;
    const int64_t row = (int64_t)block * w->rows_per_item, left = g->n_rows - row;
    const size_t b = g->product ? round_up(g->product->b_bytes, LINE) : b_bytes(&g->shape, &w->columns);
    const float *after = (const float *)(const void *)((const char *)g->packed + b);
    return (lt_gemm_item){
        .gemm = g, .slot = slot, .b = g->packed, .row = row, .group_panels = w->columns.per_group, .panel0 = panel0,
        .panel1 = panel1, .n_rows = (int)(left < w->rows_per_item ? left : w->rows_per_item),
        .bias = g->shape.bias ? after : NULL,
        .gamma = g->shape.gamma ? after + (g->shape.bias ? w->columns.n * w->columns.nr : 0) : NULL,
    };
}

static void run_item(void *ctx, int index)
{
    work *w = ctx;
    if (w->launch->stop && atomic_load_explicit(w->launch->stop, memory_order_relaxed)) {
        atomic_store_explicit(&w->stopped, 1, memory_order_relaxed);
        return;
    }
    const int mine = take_slot(w);
    char *base = (char *)w->launch->workspace + w->at.slots + (size_t)mine * w->at.slot;
    const lt_gemm_slot slot = {
        .table = (const void **)(void *)(base + w->at.table), .out = (void **)(void *)(base + w->at.out),
        .residual = (const void **)(void *)(base + w->at.residual), .acc = (float *)(void *)(base + w->at.acc),
        .panel = base + w->at.panel, .scratch = base + w->at.scratch,
    };
    lt_gemm_item item = item_of(w, index, &slot);
    fill_rows(w, &slot, (const void **)(void *)(base + w->at.panel_table), &item);
    if (!w->gemm->product) levels[w->launch->isa].item(&item);
    else if (multiply(w, &item, mine)) levels[w->launch->isa].finish(&item);
    else atomic_store(&w->failed, 1);
    atomic_store(&w->taken[mine], 0);
}

/* Blocks of rows are the items, so that b is read seldom. The last ones are cut into parts of their columns, so that the threads
 * end together; there are fewer rows in a block only where there are too few of both. A library's items are of one shape. */
static void divide(work *w, int n_threads)
{
    const lt_gemm_product *product = w->gemm->product;
    const int enough = 4 * n_threads, step = LT_GEMM_ROWS / 4, panels = w->columns.n;
    const int64_t n = w->gemm->n_rows;
    int rows = product ? product->rows : LT_GEMM_ROWS;
    while (n_threads > 1 && !product && rows > step && (n + rows - 1) / rows * panels < enough) rows -= step;
    w->rows_per_item = rows;
    w->blocks = (int)((n + rows - 1) / rows);
    w->parts = 1;
    if (n_threads > 1 && !product) w->parts = w->blocks >= n_threads ? 4 : (enough + w->blocks - 1) / w->blocks;
    if (w->parts > panels) w->parts = panels;
    w->panels_per_item = (panels + w->parts - 1) / w->parts;
    w->parts = (panels + w->panels_per_item - 1) / w->panels_per_item;
    const int last = w->parts == 1 ? 0 : 2 * n_threads;
    w->whole = w->blocks > last ? w->blocks - last : 0;
}

lt_status lt_gemm_run(const lt_launch *l, const lt_gemm *g)
{
    lt_status st = LT_OK;
    const int n_threads = lt_pool_threads(l->pool);
    if (g->n_rows == 0) return LT_OK;
    work w = {
        .launch = l, .gemm = g, .at = places_of(&g->shape, g->segs, g->product, l->isa, n_threads),
        .columns = layout_of(&g->shape, l->isa), .mr = lt_gemm_tile_of(l->isa).mr, .taken = l->workspace,
    };
    for (int i = 0; i < n_threads; i++) atomic_init(&w.taken[i], 0);
    memset((char *)l->workspace + w.at.zeros, 0, w.at.slots - w.at.zeros);
    divide(&w, n_threads);
    lt_pool_run(l->pool, w.whole + (w.blocks - w.whole) * w.parts, run_item, &w);
    if (atomic_load(&w.stopped)) LT_FAIL(LT_E_STOPPED, "stopped within a matrix product");
    if (atomic_load(&w.failed)) LT_FAIL(LT_E_INTERNAL, "oneDNN failed within a matrix product");
done:
    return st;
}
