#include <longtake/metrics.h>

#include "text.h"

#include <longtake/budget.h>
#include <longtake/image.h>
#include <longtake/progress.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { THUMBNAIL = 960 };        /* pixels across */

static const char style[] =
    "body{font:15px/1.5 system-ui,sans-serif;margin:0;background:#f5f6f8;color:#1d2129}"
    "main{max-width:1080px;margin:0 auto;padding:32px 24px 64px}"
    "h1{font-size:26px;margin:0}h2{font-size:17px;margin:36px 0 10px}p{margin:4px 0;color:#5a6372}"
    "code{font:13px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}"
    ".cards{display:flex;flex-wrap:wrap;gap:12px;margin-top:20px}"
    ".card{background:#fff;border:1px solid #dfe3ea;border-radius:8px;padding:10px 18px;min-width:104px}"
    ".card b{display:block;font-size:22px;font-weight:600}.card span{color:#5a6372;font-size:13px}"
    "table{border-collapse:collapse;width:100%;background:#fff;border:1px solid #dfe3ea}"
    "th,td{text-align:left;padding:7px 12px;border-bottom:1px solid #eceff4;vertical-align:top;overflow-wrap:anywhere}"
    "th{font-weight:600;font-size:13px;color:#5a6372;background:#fafbfc}.n{text-align:right;white-space:nowrap}"
    ".s{display:inline-block;border-radius:4px;padding:0 8px;font-size:13px;background:#e6e9ef}"
    ".done{background:#d8f0de;color:#14532d}.failed{background:#fbdcdc;color:#7f1d1d}"
    ".partial,.missing{background:#fdefc8;color:#713f12}"
    "figure{margin:0 0 20px}figure img{max-width:100%;border-radius:8px;display:block}figcaption{color:#5a6372;font-size:13px}";

static void card(lt_text *t, const char *value, const char *name)
{
    lt_text_add(t, "<div class=\"card\"><b>%s</b><span>%s</span></div>", value, name);
}

static void card_integer(lt_text *t, int64_t value, const char *name)
{
    char text[32];
    if (value < 0) return;
    snprintf(text, sizeof text, "%" PRId64, value);
    card(t, text, name);
}

static void add_head(lt_text *t, const lt_report *r)
{
    char text[64];
    lt_text_add(t, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                   "<meta name=\"viewport\" content=\"width=device-width\"><title>");
    lt_text_add_html(t, r->title);
    lt_text_add(t, "</title><style>%s</style></head>\n<body><main><h1>", style);
    lt_text_add_html(t, r->title);
    lt_text_add(t, "</h1><p><span class=\"s %s\">", r->exit_code == 0 ? "done" : r->exit_code == 75 ? "partial" : "failed");
    lt_text_add_html(t, r->ended);
    lt_text_add(t, "</span> exit code %d</p>", r->exit_code);
    if (r->command) {
        lt_text_add(t, "<p><code>");
        lt_text_add_html(t, r->command);
        lt_text_add(t, "</code></p>");
    }
    lt_text_add(t, "\n<div class=\"cards\">");
    card_integer(t, r->n_videos, "videos");
    card_integer(t, r->frames, "frames");
    if (r->frames_before > 0) card_integer(t, r->frames_before, "made earlier");
    card_integer(t, r->frames_failed, "frames failed");
    if (!isnan(r->seconds)) card(t, lt_seconds_text(r->seconds, text, sizeof text), "this run");
    if (!isnan(r->frames_per_s)) {
        snprintf(text, sizeof text, "%.1f", r->frames_per_s);
        card(t, text, "frames/s");
    }
    card_integer(t, r->n_ranks, "ranks");
    lt_text_add(t, "</div>\n");
}

static void cell_integer(lt_text *t, int64_t x)
{
    if (x < 0) lt_text_add(t, "<td class=\"n\">-</td>");
    else lt_text_add(t, "<td class=\"n\">%" PRId64 "</td>", x);
}

static void cell_seconds(lt_text *t, double x)
{
    if (isnan(x)) lt_text_add(t, "<td class=\"n\">-</td>");
    else lt_text_add(t, "<td class=\"n\">%.1f s</td>", x);
}

static void cell_bytes(lt_text *t, int64_t x)
{
    char text[64];
    lt_text_add(t, "<td class=\"n\">%s</td>", x < 0 ? "-" : lt_bytes_text(x, text, sizeof text));
}

static void add_videos(lt_text *t, const lt_report *r)
{
    lt_text_add(t, "<h2>Videos</h2><table><tr><th>video<th>state<th class=\"n\">size<th class=\"n\">frames"
                   "<th class=\"n\">failed<th class=\"n\">computed</tr>\n");
    for (int i = 0; i < r->n_videos; i++) {
        const lt_report_video *v = &r->videos[i];
        lt_text_add(t, "<tr><td>");
        if (v->result) {
            lt_text_add(t, "<a href=\"");
            lt_text_add_html(t, v->result);
            lt_text_add(t, "\">");
        }
        lt_text_add_html(t, v->name);
        if (v->result) lt_text_add(t, "</a>");
        if (v->why) {
            lt_text_add(t, "<p>");
            lt_text_add_html(t, v->why);
            lt_text_add(t, "</p>");
        }
        lt_text_add(t, "</td><td><span class=\"s ");
        lt_text_add_html(t, v->state);
        lt_text_add(t, "\">");
        lt_text_add_html(t, v->state);
        lt_text_add(t, "</span></td>");
        if (v->width > 0) lt_text_add(t, "<td class=\"n\">%dx%d</td>", v->width, v->height);
        else lt_text_add(t, "<td class=\"n\">-</td>");
        cell_integer(t, v->frames);
        cell_integer(t, v->frames_failed);
        cell_seconds(t, v->seconds);
        lt_text_add(t, "</tr>\n");
    }
    lt_text_add(t, "</table>\n");
}

static void add_ranks(lt_text *t, const lt_report *r)
{
    if (!r->n_ranks) return;
    lt_text_add(t, "<h2>Ranks</h2><table><tr><th>rank<th>host<th>device<th class=\"n\">frames<th class=\"n\">segments"
                   "<th class=\"n\">computed<th class=\"n\">waited<th class=\"n\">planned<th class=\"n\">observed</tr>\n");
    for (int i = 0; i < r->n_ranks; i++) {
        const lt_report_rank *k = &r->ranks[i];
        lt_text_add(t, "<tr><td>%d</td><td>", k->rank);
        lt_text_add_html(t, k->host);
        lt_text_add(t, "</td><td>");
        lt_text_add_html(t, k->device);
        lt_text_add(t, "</td>");
        cell_integer(t, k->frames);
        cell_integer(t, k->segments);
        cell_seconds(t, k->seconds);
        cell_seconds(t, k->wait_seconds);
        cell_bytes(t, k->planned_bytes);
        cell_bytes(t, k->observed_bytes);
        lt_text_add(t, "</tr>\n");
    }
    lt_text_add(t, "</table>\n");
}

static void add_pairs(lt_text *t, const char *heading, const lt_report_pair *pairs, int n)
{
    if (!n) return;
    lt_text_add(t, "<h2>%s</h2><table>\n", heading);
    for (int i = 0; i < n; i++) {
        lt_text_add(t, "<tr><td>");
        lt_text_add_html(t, pairs[i].name);
        lt_text_add(t, "</td><td><code>");
        lt_text_add_html(t, pairs[i].value);
        lt_text_add(t, "</code></td></tr>\n");
    }
    lt_text_add(t, "</table>\n");
}

/* A picture that cannot be read is left out: the report is about the job, not about its previews. */
static void add_sheet(lt_text *t, const lt_report_video *v)
{
    lt_image *whole = NULL, *small = NULL;
    uint8_t *png = NULL;
    size_t n = 0;
    if (lt_image_read_png(v->sheet, &whole) < 0) return;
    const int width = whole->width < THUMBNAIL ? whole->width : THUMBNAIL;
    int height = (int)((int64_t)whole->height * width / whole->width);
    if (height < 1) height = 1;
    if (lt_image_resize(whole, width, height, &small) >= 0 && lt_image_encode_png(small, &png, &n) >= 0) {
        lt_text_add(t, "<figure><img alt=\"contact sheet\" width=\"%d\" height=\"%d\" src=\"data:image/png;base64,", width, height);
        lt_text_add_base64(t, png, n);
        lt_text_add(t, "\"><figcaption>");
        lt_text_add_html(t, v->name);
        lt_text_add(t, "</figcaption></figure>\n");
    }
    free(png);
    lt_image_destroy(&small);
    lt_image_destroy(&whole);
}

lt_status lt_report_html_write(const char *path, const lt_report *report)
{
    lt_status st = LT_OK;
    lt_text t = { 0 };
    add_head(&t, report);
    add_videos(&t, report);
    add_ranks(&t, report);
    bool any = false;
    for (int i = 0; i < report->n_videos; i++) {
        if (!report->videos[i].sheet) continue;
        if (!any) lt_text_add(&t, "<h2>Contact sheets</h2>\n");
        any = true;
        add_sheet(&t, &report->videos[i]);
    }
    add_pairs(&t, "Settings", report->settings, report->n_settings);
    add_pairs(&t, "Versions", report->versions, report->n_versions);
    lt_text_add(&t, "</main></body></html>\n");
    LT_TRY(lt_text_write(&t, path));
done:
    lt_text_free(&t);
    return st;
}
