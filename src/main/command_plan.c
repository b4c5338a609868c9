/* plan: what a job would hold, write and take. */
#include "commands.h"

#include <longtake/budget.h>
#include <longtake/forecast.h>
#include <longtake/graph.h>
#include <longtake/plan_picture.h>
#include <longtake/plan_text.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARKS_MAX = 64 };

static lt_status print_json(const lt_forecast *f)
{
    lt_status st = LT_OK;
    json_t *all = NULL;
    char *text = NULL;
    LT_TRY(lt_plan_json(f, &all));
    if (!(text = json_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(6)))) LT_FAIL(LT_E_MEMORY, "no memory for figures");
    puts(text);
done:
    json_decref(all);
    free(text);
    return st;
}

/* ---- the picture ---- */

static int beside(lt_plan_box *box, const char *name, int64_t n_bytes, size_t at, int last)
{
    if (n_bytes <= 0) return 0;
    *box = (lt_plan_box){ { name, (size_t)n_bytes, 0, last, at }, LT_BOX_BESIDE };
    return 1;
}

static int64_t row_bytes(const lt_forecast *f, lt_forecast_kind kind)
{
    for (int i = 0; i < f->n_rows; i++)
        if (f->rows[i].kind == kind) return f->rows[i].n_bytes;
    return 0;
}

static lt_status draw(const lt_forecast *f, const char *path)
{
    lt_status st = LT_OK;
    const lt_task_layout *l = &f->layout;
    lt_plan_mark marks[MARKS_MAX];
    lt_plan_picture p = { .marks = marks, .n_bytes = (size_t)f->arena };
    char title[128], subtitle[256], setting[160], arena[32];
    lt_node_info info;
    const lt_forecast_video *v = &f->videos[f->largest];
    const lt_candidate *c = &v->ladder.candidates[v->ladder.chosen];
    lt_plan_box *boxes = calloc((size_t)l->n_items + 4, sizeof *boxes);
    if (!boxes) LT_FAIL(LT_E_MEMORY, "no memory for a picture");
    p.boxes = boxes;
    for (int i = 0; i < l->n_items; i++) {
        boxes[i] = (lt_plan_box){ l->items[i], l->network ? (lt_box_kind)lt_plan_item_kind(l->network, i) : LT_BOX_VALUE };
        if (l->items[i].last >= p.n_steps) p.n_steps = l->items[i].last + 1;
    }
    p.n_boxes = l->n_items;
    for (int i = 0; l->network && i < lt_plan_nodes(l->network) && p.n_marks < MARKS_MAX; i++) {
        lt_plan_node(l->network, i, &info);
        if (!p.n_marks || strcmp(marks[p.n_marks - 1].name, info.part) != 0) marks[p.n_marks++] = (lt_plan_mark){ info.part, i };
    }
    const int last = p.n_steps > 0 ? p.n_steps - 1 : 0;
    const size_t ring_at = (size_t)(c->need.plan - (int64_t)l->ring_bytes);
    p.n_boxes += beside(&boxes[p.n_boxes], "frame ring", (int64_t)l->ring_bytes, ring_at, last);
    p.n_boxes += beside(&boxes[p.n_boxes], "boundary buffers", row_bytes(f, LT_ROW_STAGING), (size_t)f->staging_at, last);
    p.n_boxes += beside(&boxes[p.n_boxes], "decoded frames", row_bytes(f, LT_ROW_READER), (size_t)f->reader_at, last);
    snprintf(title, sizeof title, "%s on %s: %s", f->task->name, f->device, lt_bytes_text(f->arena, arena, sizeof arena));
    snprintf(subtitle, sizeof subtitle, "frames of %dx%d; %s", v->info.width, v->info.height, lt_setting_text(f->task, &c->setting, setting, sizeof setting));
    p.title = title;
    p.subtitle = subtitle;
    LT_TRY(lt_plan_picture_write(&p, path));
done:
    free(boxes);
    return st;
}

int lt_command_plan(const lt_settings *s)
{
    lt_status st = LT_OK;
    int code = 0;
    lt_forecast f;
    st = lt_forecast_make(s, &f);
    if (st >= 0 || (st == LT_E_MEMORY && f.videos && f.videos[0].ladder.n)) {
        const lt_status shown = st;
        if (s->json) LT_TRY(print_json(&f));
        else lt_plan_print(&f, LT_PLAN_HINTS | LT_PLAN_JOB, stdout);
        LT_TRY(shown);
        for (int i = 0; i < f.n_videos; i++) {
            if (f.videos[i].status >= 0) continue;
            code = lt_exit_worse(code, lt_exit_code(f.videos[i].status));
            lt_log_error(s->log, "%s", f.videos[i].why);
        }
    }
    LT_TRY(st);
    if (s->picture) LT_TRY(draw(&f, s->picture));
done:
    lt_forecast_free(&f);
    return st < 0 ? (int)st : code;
}
