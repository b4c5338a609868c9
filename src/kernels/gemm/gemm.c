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
    void         (*gather)(const void *const *, lt_dtype, int, int, int, bool, float *);
    lt_gemm_tile (*tile)(void);
} levels[] = {
#define ROW(level) { lt_gemm_item_##level, lt_gemm_gather_##level, lt_gemm_tile_##level },
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

size_t lt_gemm_packed_bytes(const lt_gemm_shape *s, lt_isa isa)
{
    const layout l = layout_of(s, isa);
    return b_bytes(s, &l) + (size_t)(s->bias + s->gamma) * (size_t)l.n * (size_t)l.nr * sizeof(float);
}

/* Column j of panel p: the output it belongs to, or -1 (padding); *gate: whether it is its gate. */
static int output_of(const lt_gemm_shape *s, const layout *l, int p, int j, bool *gate)
{
    const int n = p % l->per_group * l->width + j % l->width;
    *gate = j >= l->width;
    return n < s->cols ? n : -1;
}

static void pack_column(const lt_gemm_shape *s, const float *w, const lt_gemm_weights *raw, int nr, char *b)
{
    for (int t = 0, k = 0; t < s->taps; t++)
        for (int c = 0; c < s->chan; c++, k++) {
            const float x = w ? w[t * raw->tap + c * raw->chan] : 0.f;
            if (s->compute == LT_BF16) ((uint16_t *)(void *)b)[(size_t)k * (size_t)nr] = lt_bf16_from_float(x);
            else ((float *)(void *)b)[(size_t)k * (size_t)nr] = x;
        }
}

void lt_gemm_pack(const lt_gemm_shape *s, lt_isa isa, const lt_gemm_weights *w, void *packed)
{
    const layout l = layout_of(s, isa);
    const size_t width = lt_dtype_bytes(s->compute), n_columns = (size_t)l.n * (size_t)l.nr;
    char *b = packed;
    float *bias = (float *)(void *)(b + b_bytes(s, &l)), *gamma = bias + (s->bias ? n_columns : 0);
    for (int p = 0; p < l.n; p++, b += (size_t)(s->taps * s->chan) * (size_t)l.nr * width)
        for (int j = 0; j < l.nr; j++) {
            bool gate;
            const int n = output_of(s, &l, p, j, &gate);
            const float *from = w->data + p / l.per_group * w->group + n * w->col + (gate ? w->gate : 0);
            pack_column(s, n < 0 ? NULL : from, w, l.nr, b + (size_t)j * width);
            if (s->bias) bias[p * l.nr + j] = n < 0 ? 0.f : w->bias[n + (gate ? s->cols : 0)];
            if (s->gamma) gamma[p * l.nr + j] = n < 0 ? 0.f : w->gamma[n];
        }
}

/* Short pieces cost more in the inner loop than a copy of the rows does; other types are converted on the way. */
static bool gathers(const lt_gemm_shape *s, int segs)
{
    return s->in != LT_F32 || s->compute != LT_F32 || (segs > 1 && s->taps * s->chan / segs < 16);
}

/* Workspace: a mark per thread, zeros for taps outside a map, a slot per thread. */
typedef struct {
    size_t zeros, slots, slot;                            /* offsets; bytes of a slot */
    size_t table, out, residual, acc, panel_table, panel; /* within a slot */
    int    n_slots;
} places;

static places places_of(const lt_gemm_shape *s, int segs, lt_isa isa, int n_threads)
{
    const size_t K = (size_t)(s->taps * s->chan), rows = LT_GEMM_ROWS, address = sizeof(void *);
    const bool gather = gathers(s, segs);
    places p = { .n_slots = n_threads };
    p.zeros = round_up((size_t)n_threads * sizeof(atomic_int), LINE);
    p.slots = p.zeros + round_up(K / (size_t)segs * sizeof(float), LINE);
    p.out = (size_t)segs * rows * address;
    p.residual = p.out + rows * address;
    p.panel_table = p.residual + rows * address;
    p.acc = p.panel_table + (gather ? rows * address : 0);
    p.panel = p.acc + rows * (size_t)lt_gemm_tile_of(isa).nr * sizeof(float);
    p.slot = round_up(p.panel + (gather ? rows * K * sizeof(float) : 0), LINE);
    return p;
}

size_t lt_gemm_workspace_bytes(const lt_gemm_shape *s, int segs, const lt_machine *m)
{
    const places p = places_of(s, segs, m->isa, m->n_threads);
    return p.slots + (size_t)p.n_slots * p.slot;
}

typedef struct {
    const lt_launch *launch;
    const lt_gemm   *gemm;
    places           at;
    layout           columns;
    int              mr, rows_per_item, row_items, panels_per_item;
    atomic_int      *taken;
    atomic_int       stopped;
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

static void fill_rows(const work *w, const lt_gemm_slot *slot, char *base, lt_gemm_item *item)
{
    const lt_gemm *g = w->gemm;
    const int K = g->shape.taps * g->shape.chan;
    int segs = g->segs;
    const void **table = slot->table;
    g->rows_in(g->ctx, item->row, item->n_rows, (char *)w->launch->workspace + w->at.zeros, table);
    if (gathers(&g->shape, segs)) {
        levels[w->launch->isa].gather((const void *const *)table, g->shape.in, segs, K / segs, item->n_rows,
                                      g->shape.compute == LT_BF16, slot->panel);
        table = (const void **)(void *)(base + w->at.panel_table);
        for (int r = 0; r < item->n_rows; r++) table[r] = slot->panel + (size_t)r * (size_t)K;
        segs = 1;
    }
    for (int s = 0; s < segs; s++)
        for (int r = item->n_rows; r % w->mr; r++) table[s * LT_GEMM_ROWS + r] = table[s * LT_GEMM_ROWS + r - 1];
    item->rows = (const float *const *)(const void *)table;
    item->seg_length = K / segs;
}

static void run_item(void *ctx, int index)
{
    work *w = ctx;
    const lt_gemm *g = w->gemm;
    if (w->launch->stop && atomic_load_explicit(w->launch->stop, memory_order_relaxed)) {
        atomic_store_explicit(&w->stopped, 1, memory_order_relaxed);
        return;
    }
    const int mine = take_slot(w);
    char *base = (char *)w->launch->workspace + w->at.slots + (size_t)mine * w->at.slot;
    const lt_gemm_slot slot = {
        .table = (const void **)(void *)(base + w->at.table), .out = (void **)(void *)(base + w->at.out),
        .residual = (const void **)(void *)(base + w->at.residual), .acc = (float *)(void *)(base + w->at.acc),
        .panel = (float *)(void *)(base + w->at.panel),
    };
    const int64_t row = (int64_t)(index % w->row_items) * w->rows_per_item, left = g->n_rows - row;
    const int panel = index / w->row_items * w->panels_per_item;
    const float *after = (const float *)(const void *)((const char *)g->packed + b_bytes(&g->shape, &w->columns));
    lt_gemm_item item = {
        .gemm = g, .slot = &slot, .b = g->packed, .row = row, .group_panels = w->columns.per_group, .panel0 = panel,
        .n_rows = (int)(left < w->rows_per_item ? left : w->rows_per_item),
        .panel1 = w->columns.n - panel < w->panels_per_item ? w->columns.n : panel + w->panels_per_item,
        .bias = g->shape.bias ? after : NULL,
        .gamma = g->shape.gamma ? after + (g->shape.bias ? (size_t)w->columns.n * (size_t)w->columns.nr : 0) : NULL,
    };
    fill_rows(w, &slot, base, &item);
    levels[w->launch->isa].item(&item);
    atomic_store(&w->taken[mine], 0);
}

/* Items of fewer rows, then of fewer columns, where there are too few for the threads to end together. */
static void divide(work *w, int n_threads)
{
    const int enough = n_threads > 1 ? 4 * n_threads : 1, step = LT_GEMM_ROWS / 4;
    const int64_t n = w->gemm->n_rows;
    int rows = LT_GEMM_ROWS;
    while (rows > step && (n + rows - 1) / rows < enough) rows -= step;
    w->rows_per_item = rows;
    w->row_items = (int)((n + rows - 1) / rows);
    const int parts = (enough + w->row_items - 1) / w->row_items;
    w->panels_per_item = (w->columns.n + parts - 1) / parts;
}

lt_status lt_gemm_run(const lt_launch *l, const lt_gemm *g)
{
    lt_status st = LT_OK;
    const int n_threads = lt_pool_threads(l->pool);
    if (g->n_rows == 0) return LT_OK;
    work w = {
        .launch = l, .gemm = g, .at = places_of(&g->shape, g->segs, l->isa, n_threads),
        .columns = layout_of(&g->shape, l->isa), .mr = lt_gemm_tile_of(l->isa).mr, .taken = l->workspace,
    };
    for (int i = 0; i < n_threads; i++) atomic_init(&w.taken[i], 0);
    memset((char *)l->workspace + w.at.zeros, 0, w.at.slots - w.at.zeros);
    divide(&w, n_threads);
    const int parts = (w.columns.n + w.panels_per_item - 1) / w.panels_per_item;
    lt_pool_run(l->pool, w.row_items * parts, run_item, &w);
    if (atomic_load(&w.stopped)) LT_FAIL(LT_E_STOPPED, "stopped within a matrix product");
done:
    return st;
}
