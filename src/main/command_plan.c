/* plan: what a job would hold, write and take. */
#include "commands.h"

#include <longtake/budget.h>
#include <longtake/forecast.h>
#include <longtake/graph.h>
#include <longtake/plan_picture.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARKS_MAX = 64 };

static const char *const row_names[] = {
    [LT_ROW_WEIGHTS] = "weights", [LT_ROW_KEPT] = "kept", [LT_ROW_PART] = "activations", [LT_ROW_WORKSPACE] = "workspace", [LT_ROW_BUFFERS] = "buffers",
    [LT_ROW_RING] = "frame ring", [LT_ROW_STAGING] = "boundary buffers", [LT_ROW_READER] = "decoded frames", [LT_ROW_DECODER] = "decoder",
    [LT_ROW_OVERHEAD] = "fixed overhead",
};
static const char *const ends[] = { [LT_RUNG_FITS] = "fits", [LT_RUNG_DEVICE] = "beyond the device limit", [LT_RUNG_HOST] = "beyond the host limit",
                                    [LT_RUNG_POOL] = "beyond what device and host share" };

static const char *bytes(int64_t n)
{
    static _Thread_local char text[4][32];
    static _Thread_local int next;
    return lt_bytes_text(n, text[next++ % 4], 32);
}

/* ---- text ---- */

static void print_ladder(const lt_forecast *f, const lt_forecast_video *v)
{
    char setting[160], frames[48] = "";
    if (v->n_frames) snprintf(frames, sizeof frames, ", %s%lld frames", v->counted ? "" : "about ", (long long)v->n_frames);
    printf("%s: frames of %dx%d%s\n", v->name, v->info.width, v->info.height, frames);
    for (int i = 0; i < v->ladder.n; i++) {
        const lt_candidate *c = &v->ladder.candidates[i];
        printf("  %s %-68s %10s  %s\n", c->end == LT_RUNG_FITS ? "->" : "  ", lt_setting_text(f->task, &c->setting, setting, sizeof setting),
               bytes(c->need.device), ends[c->end]);
    }
}

static void print_limits(const lt_forecast *f)
{
    printf("limits of each rank: device %s (%lld bytes)%s, host %s\n", bytes(f->budget.device), (long long)f->budget.device,
           f->overhead ? " beside the fixed overhead" : "", f->host_limited ? bytes(f->budget.host) : "not known here (--host-memory-limit)");
}

static void print_arena(const lt_forecast *f)
{
    printf("\narena of each rank: %s (%lld bytes), one allocation\n", bytes(f->arena), (long long)f->arena);
    for (int i = 0; i < f->n_rows; i++) {
        const lt_forecast_row *r = &f->rows[i], *next = i + 1 < f->n_rows ? r + 1 : NULL;
        if (r->kind == LT_ROW_WORKSPACE && i > 0 && r[-1].kind == LT_ROW_PART) continue;
        printf("  %-18s %-10s %10s", row_names[r->kind], r->name, bytes(r->n_bytes));
        if (r->kind == LT_ROW_PART) printf(" and workspace %s, in place of other parts'", bytes(next && next->kind == LT_ROW_WORKSPACE ? next->n_bytes : 0));
        puts(r->kind == LT_ROW_OVERHEAD  ? "  beside the arena; estimated, not measured"
             : r->kind == LT_ROW_DECODER ? "  beside the arena; an upper bound"
             : r->kind == LT_ROW_KEPT ? "  from window to window" : "");
    }
    printf("host memory of each rank: %s%s\n", bytes(f->host), f->overhead ? "" : ", beside the arena");
}

static void print_job(const lt_forecast *f)
{
    if (!f->n_frames) {
        printf("\nsegments, disk and work: give --frames N, or videos\n");
        return;
    }
    printf("\n%lld frames in %lld segments of %lld\n", (long long)f->n_frames, (long long)f->n_segments, (long long)f->segment_frames);
    for (int r = 0; r < f->n_ranks && r < 64; r++) {
        const lt_forecast_rank *k = &f->ranks[r];
        printf("  rank %-3d %6lld segments %9lld frames %4lld halos from other ranks", r, (long long)k->segments, (long long)k->frames, (long long)k->halos);
        if (k->flops > 0) printf(" %10.2f TFLOP", k->flops * 1e-12);
        putchar('\n');
    }
    if (f->halo_bytes) printf("  a halo record: %s\n", bytes(f->halo_bytes));
    printf("disk: results %s before compression; with segments at most %s until they are checked\n", bytes(f->result_bytes), bytes(f->peak_bytes));
    if (f->flops > 0) printf("work: %.2f TFLOP\n", f->flops * 1e-12);
    if (f->seconds > 0)
        printf("time: at least %.3g s (estimate: the rate of the profile; runs reach a part of it). %s\n", f->seconds,
               f->profile.rates_source ? f->profile.rates_source : "");
}

static void print_text(const lt_forecast *f)
{
    printf("--task %s on %s, %d rank%s\n", f->task->name, f->device, f->n_ranks, f->n_ranks == 1 ? "" : "s");
    if (!f->profiled) printf("the CPU of this machine: --device-profile NAME plans for another device\n");
    print_limits(f);
    for (int i = 0; i < f->n_videos; i++) print_ladder(f, &f->videos[i]);
    if (f->largest < 0) return;
    print_arena(f);
    print_job(f);
}

/* ---- JSON ---- */

static json_t *setting_json(const lt_forecast *f, const lt_candidate *c)
{
    json_t *j = json_pack("{s:s, s:I, s:I, s:s, s:b, s:I}", "gives_up", c->gives_up, "device_bytes", (json_int_t)c->need.device, "host_bytes",
                          (json_int_t)c->need.host, "why", ends[c->end], "fits", c->end == LT_RUNG_FITS, "prefetch", (json_int_t)c->setting.prefetch);
    if (!f->task->rungs || !j) return j;
    json_t *more = json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:b, s:i, s:i}", "model", lt_model_choice_name(c->setting.model), "input_size",
                             (json_int_t)c->setting.input_size, "precision", lt_dtype_name(c->setting.precision), "micro_batch",
                             (json_int_t)c->setting.micro_batch, "tile", (json_int_t)c->setting.tile, "band", (json_int_t)c->setting.band, "stream_weights", c->setting.stream, "net_width",
                             c->need.finish.net_width, "net_height", c->need.finish.net_height);
    if (!more || json_object_update(j, more)) {
        json_decref(j);
        j = NULL;
    }
    json_decref(more);
    return j;
}

static json_t *video_json(const lt_forecast *f, const lt_forecast_video *v)
{
    json_t *ladder = json_array();
    for (int i = 0; i < v->ladder.n; i++)
        if (json_array_append_new(ladder, setting_json(f, &v->ladder.candidates[i]))) break;
    return json_pack("{s:s, s:i, s:i, s:I, s:b, s:b, s:s*, s:o, s:o}", "name", v->name, "width", v->info.width, "height", v->info.height, "frames",
                     (json_int_t)v->n_frames, "counted", v->counted, "fits", v->ladder.chosen >= 0, "why", v->why[0] ? v->why : NULL, "ladder", ladder, "setting",
                     v->ladder.chosen >= 0 ? setting_json(f, &v->ladder.candidates[v->ladder.chosen]) : json_null());
}

static json_t *ranks_json(const lt_forecast *f)
{
    json_t *all = json_array();
    for (int r = 0; f->ranks && r < f->n_ranks; r++) {
        const lt_forecast_rank *k = &f->ranks[r];
        if (json_array_append_new(all, json_pack("{s:I, s:I, s:I, s:f}", "segments", (json_int_t)k->segments, "frames", (json_int_t)k->frames, "halos",
                                                 (json_int_t)k->halos, "tflop", k->flops * 1e-12))) break;
    }
    return all;
}

static lt_status print_json(const lt_forecast *f)
{
    lt_status st = LT_OK;
    char *text = NULL;
    json_t *rows = json_array(), *videos = json_array(), *all = NULL;
    for (int i = 0; i < f->n_rows; i++)
        json_array_append_new(rows, json_pack("{s:s, s:s, s:I}", "kind", row_names[f->rows[i].kind], "name", f->rows[i].name, "bytes", (json_int_t)f->rows[i].n_bytes));
    for (int i = 0; i < f->n_videos; i++) json_array_append_new(videos, video_json(f, &f->videos[i]));
    all = json_pack("{s:s, s:s, s:b, s:i, s:i, s:b, s:I, s:o, s:I, s:b, s:I, s:o, s:o, s:I}", "task", f->task->name, "device", f->device, "profile", f->profiled,
                    "ranks", f->n_ranks, "threads", f->n_threads, "fits", f->fits, "device_limit", (json_int_t)f->budget.device, "host_limit",
                    f->host_limited ? json_integer((json_int_t)f->budget.host) : json_null(), "overhead_bytes", (json_int_t)f->overhead, "overhead_estimated",
                    f->overhead > 0, "planned_bytes", (json_int_t)f->arena, "arena", rows, "videos", videos, "host_bytes", (json_int_t)f->host);
    if (!all) LT_FAIL(LT_E_MEMORY, "no memory for figures");
    json_t *more = json_pack("{s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:f, s:f, s:b}", "frames", (json_int_t)f->n_frames, "segments", (json_int_t)f->n_segments,
                             "segment_frames", (json_int_t)f->segment_frames, "by_rank", ranks_json(f), "halo_bytes", (json_int_t)f->halo_bytes, "result_bytes",
                             (json_int_t)f->result_bytes, "peak_disk_bytes", (json_int_t)f->peak_bytes, "tflop", f->flops * 1e-12, "seconds_at_least",
                             f->seconds, "seconds_estimated", 1);
    const int lost = !more || json_object_update(all, more);
    json_decref(more);
    if (lost || !(text = json_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(6)))) LT_FAIL(LT_E_MEMORY, "no memory for figures");
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
    char title[128], subtitle[256], setting[160];
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
    snprintf(title, sizeof title, "%s on %s: %s", f->task->name, f->device, bytes(f->arena));
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
        else print_text(&f);
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
