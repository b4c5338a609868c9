#include "forecast_rows.h"

#include <longtake/graph.h>

#include <string.h>

void lt_forecast_add(lt_forecast *f, lt_forecast_kind kind, const char *name, int64_t n_bytes)
{
    if (n_bytes > 0 && f->n_rows < LT_FORECAST_ROWS) f->rows[f->n_rows++] = (lt_forecast_row){ kind, name, n_bytes };
}

/* The most that is alive at once of one part's values, and its largest workspace. */
static void part_rows(lt_forecast *f, const char *part, int first, int last)
{
    const lt_task_layout *l = &f->layout;
    int64_t most = 0, workspace = 0;
    for (int step = first; step <= last; step++) {
        int64_t alive = 0;
        for (int i = 0; i < l->n_items; i++) {
            const lt_item_kind kind = lt_plan_item_kind(l->network, i);
            if (step < l->items[i].first || step > l->items[i].last) continue;
            if (kind == LT_ITEM_VALUE) alive += (int64_t)l->items[i].n_bytes;
            if (kind == LT_ITEM_WORKSPACE && (int64_t)l->items[i].n_bytes > workspace) workspace = (int64_t)l->items[i].n_bytes;
        }
        if (alive > most) most = alive;
    }
    lt_forecast_add(f, LT_ROW_PART, part, most);
    lt_forecast_add(f, LT_ROW_WORKSPACE, part, workspace);
}

void lt_forecast_network(lt_forecast *f)
{
    const lt_task_layout *l = &f->layout;
    const int n = lt_plan_nodes(l->network);
    int64_t held[2] = { 0, 0 };
    lt_node_info info, next;
    for (int i = 0; i < l->n_items; i++) {
        const lt_item_kind kind = lt_plan_item_kind(l->network, i);
        if (kind == LT_ITEM_WEIGHT || kind == LT_ITEM_KEPT) held[kind == LT_ITEM_KEPT] += (int64_t)l->items[i].n_bytes;
    }
    f->streamed_bytes = (int64_t)lt_plan_streamed_bytes(l->network);
    lt_forecast_add(f, LT_ROW_WEIGHTS, "", held[0]);
    lt_forecast_add(f, LT_ROW_KEPT, "", held[1]);
    for (int i = 0, first = 0; i < n; i++) {
        lt_plan_node(l->network, i, &info);
        if (i + 1 < n) lt_plan_node(l->network, i + 1, &next);
        if (i + 1 < n && !strcmp(info.part, next.part)) continue;
        part_rows(f, info.part, first, i);
        first = i + 1;
    }
}
