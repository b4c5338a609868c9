#include <longtake/plan_text.h>

#include <longtake/budget.h>

static const char *const row_names[] = {
    [LT_ROW_WEIGHTS] = "weights", [LT_ROW_KEPT] = "kept", [LT_ROW_PART] = "activations", [LT_ROW_WORKSPACE] = "workspace", [LT_ROW_BUFFERS] = "buffers",
    [LT_ROW_RING] = "frame ring", [LT_ROW_STAGING] = "boundary buffers", [LT_ROW_READER] = "decoded frames", [LT_ROW_DECODER] = "decoder",
    [LT_ROW_OVERHEAD] = "fixed overhead",
};
static const char *const ends[] = { [LT_RUNG_FITS] = "fits", [LT_RUNG_DEVICE] = "beyond the device limit", [LT_RUNG_HOST] = "beyond the host limit",
                                    [LT_RUNG_POOL] = "beyond what device and host share" };

/* On disk while it runs: streamed weights of all ranks of a CPU. */
static int64_t scratch_bytes(const lt_forecast *f)
{
    return f->env.machine.backend == LT_BACKEND_CPU ? f->streamed_bytes * f->n_ranks : 0;
}

/* Room for the numbers of one line. */
typedef struct {
    char text[2][32];
} line;

#define BYTES(l, i, n) lt_bytes_text(n, (l).text[i], sizeof (l).text[i])

/* ---- text ---- */

static void print_ladder(const lt_forecast *f, const lt_forecast_video *v, FILE *out)
{
    char setting[160], frames[48] = "";
    line l;
    if (v->n_frames) snprintf(frames, sizeof frames, ", %s%lld frames", v->counted ? "" : "about ", (long long)v->n_frames);
    fprintf(out, "%s: frames of %dx%d%s\n", v->name, v->info.width, v->info.height, frames);
    for (int i = 0; i < v->ladder.n; i++) {
        const lt_candidate *c = &v->ladder.candidates[i];
        fprintf(out, "  %s %-86s %10s  %s\n", c->end == LT_RUNG_FITS ? "->" : "  ", lt_setting_text(f->task, &c->setting, setting, sizeof setting),
                BYTES(l, 0, c->need.device), ends[c->end]);
    }
}

static void print_limits(const lt_forecast *f, FILE *out)
{
    line l;
    fprintf(out, "limits of each rank: device %s (%lld bytes)%s, host %s\n", BYTES(l, 0, f->budget.device), (long long)f->budget.device,
            f->overhead ? " beside the fixed overhead" : "", f->host_limited ? BYTES(l, 1, f->budget.host) : "not known here (--host-memory-limit)");
}

static void print_arena(const lt_forecast *f, FILE *out)
{
    line l;
    fprintf(out, "\narena of each rank: %s (%lld bytes), one allocation\n", BYTES(l, 0, f->arena), (long long)f->arena);
    for (int i = 0; i < f->n_rows; i++) {
        const lt_forecast_row *r = &f->rows[i], *next = i + 1 < f->n_rows ? r + 1 : NULL;
        if (r->kind == LT_ROW_WORKSPACE && i > 0 && r[-1].kind == LT_ROW_PART) continue;
        fprintf(out, "  %-18s %-10s %10s", row_names[r->kind], r->name, BYTES(l, 0, r->n_bytes));
        if (r->kind == LT_ROW_PART)
            fprintf(out, " and workspace %s, in place of other parts'", BYTES(l, 1, next && next->kind == LT_ROW_WORKSPACE ? next->n_bytes : 0));
        if (r->kind == LT_ROW_WEIGHTS && f->streamed_bytes)
            fprintf(out, "  two places, for %s that are brought layer by layer from %s", BYTES(l, 1, f->streamed_bytes), scratch_bytes(f) ? "a file" : "pinned host memory");
        fprintf(out, "%s\n", r->kind == LT_ROW_OVERHEAD  ? "  beside the arena; estimated, not measured"
                             : r->kind == LT_ROW_DECODER ? "  beside the arena; an upper bound"
                             : r->kind == LT_ROW_KEPT    ? "  from window to window" : "");
    }
    fprintf(out, "host memory of each rank: %s%s\n", BYTES(l, 0, f->host), f->overhead ? "" : ", beside the arena");
}

static void print_job(const lt_forecast *f, FILE *out)
{
    line l;
    if (!f->n_frames) {
        fprintf(out, "\nsegments, disk and work: give --frames N, or videos\n");
        return;
    }
    fprintf(out, "\n%lld frames in %lld segments of %lld\n", (long long)f->n_frames, (long long)f->n_segments, (long long)f->segment_frames);
    for (int r = 0; r < f->n_ranks && r < 64; r++) {
        const lt_forecast_rank *k = &f->ranks[r];
        fprintf(out, "  rank %-3d %6lld segments %9lld frames %4lld halos from other ranks", r, (long long)k->segments, (long long)k->frames, (long long)k->halos);
        if (k->flops > 0) fprintf(out, " %10.2f TFLOP", k->flops * 1e-12);
        fputc('\n', out);
    }
    if (f->halo_bytes) fprintf(out, "  a halo record: %s\n", BYTES(l, 0, f->halo_bytes));
    fprintf(out, "disk: results %s before compression; with segments at most %s until they are checked\n", BYTES(l, 0, f->result_bytes), BYTES(l, 1, f->peak_bytes));
    if (scratch_bytes(f)) fprintf(out, "disk while it runs: %s of streamed weights (--scratch)\n", BYTES(l, 0, scratch_bytes(f)));
    if (f->flops > 0) fprintf(out, "work: %.2f TFLOP\n", f->flops * 1e-12);
    if (f->seconds > 0)
        fprintf(out, "time: at least %.3g s (estimate: the rate of the profile; runs reach a part of it). %s\n", f->seconds,
                f->profile.rates_source ? f->profile.rates_source : "");
}

void lt_plan_print(const lt_forecast *f, unsigned parts, FILE *out)
{
    fprintf(out, "--task %s on %s, %d rank%s\n", f->task->name, f->device, f->n_ranks, f->n_ranks == 1 ? "" : "s");
    if (parts & LT_PLAN_HINTS && !f->profiled) fprintf(out, "the CPU of this machine: --device-profile NAME plans for another device\n");
    print_limits(f, out);
    for (int i = 0; i < f->n_videos; i++) print_ladder(f, &f->videos[i], out);
    if (f->largest < 0) return;
    print_arena(f, out);
    if (parts & LT_PLAN_JOB) print_job(f, out);
}

/* ---- JSON ---- */

static json_t *setting_json(const lt_forecast *f, const lt_candidate *c)
{
    json_t *j = json_pack("{s:s, s:I, s:I, s:s, s:b, s:I}", "gives_up", c->gives_up, "device_bytes", (json_int_t)c->need.device, "host_bytes",
                          (json_int_t)c->need.host, "why", ends[c->end], "fits", c->end == LT_RUNG_FITS, "prefetch", (json_int_t)c->setting.prefetch);
    if (!f->task->rungs || !j) return j;
    json_t *more = json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:b, s:i, s:i}", "model", lt_model_choice_name(c->setting.model), "input_size",
                             (json_int_t)c->setting.input_size, "precision", lt_dtype_name(c->setting.precision), "micro_batch",
                             (json_int_t)c->setting.micro_batch, "tile", (json_int_t)c->setting.tile, "band", (json_int_t)c->setting.band, "stream_weights",
                             c->setting.stream, "net_width", c->need.finish.net_width, "net_height", c->need.finish.net_height);
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

lt_status lt_plan_json(const lt_forecast *f, json_t **out)
{
    lt_status st = LT_OK;
    *out = NULL;
    json_t *rows = json_array(), *videos = json_array(), *all = NULL;
    for (int i = 0; i < f->n_rows; i++)
        json_array_append_new(rows, json_pack("{s:s, s:s, s:I}", "kind", row_names[f->rows[i].kind], "name", f->rows[i].name, "bytes", (json_int_t)f->rows[i].n_bytes));
    for (int i = 0; i < f->n_videos; i++) json_array_append_new(videos, video_json(f, &f->videos[i]));
    all = json_pack("{s:s, s:s, s:b, s:i, s:i, s:b, s:I, s:o, s:I, s:b, s:I, s:o, s:o, s:I}", "task", f->task->name, "device", f->device, "profile", f->profiled,
                    "ranks", f->n_ranks, "threads", f->n_threads, "fits", f->fits, "device_limit", (json_int_t)f->budget.device, "host_limit",
                    f->host_limited ? json_integer((json_int_t)f->budget.host) : json_null(), "overhead_bytes", (json_int_t)f->overhead, "overhead_estimated",
                    f->overhead > 0, "planned_bytes", (json_int_t)f->arena, "arena", rows, "videos", videos, "host_bytes", (json_int_t)f->host);
    if (!all) LT_FAIL(LT_E_MEMORY, "no memory for figures");
    json_t *more = json_pack("{s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:f, s:f, s:b, s:I, s:I}", "frames", (json_int_t)f->n_frames, "segments", (json_int_t)f->n_segments,
                             "segment_frames", (json_int_t)f->segment_frames, "by_rank", ranks_json(f), "halo_bytes", (json_int_t)f->halo_bytes, "result_bytes",
                             (json_int_t)f->result_bytes, "peak_disk_bytes", (json_int_t)f->peak_bytes, "tflop", f->flops * 1e-12, "seconds_at_least",
                             f->seconds, "seconds_estimated", 1, "streamed_bytes", (json_int_t)f->streamed_bytes, "scratch_bytes",
                             (json_int_t)scratch_bytes(f));
    const int lost = !more || json_object_update(all, more);
    json_decref(more);
    if (lost) LT_FAIL(LT_E_MEMORY, "no memory for figures");
    *out = all;
    all = NULL;
done:
    json_decref(all);
    return st;
}
