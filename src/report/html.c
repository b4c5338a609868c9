#include "html.h"

#include <longtake/image.h>
#include <longtake/progress.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { THUMBNAIL = 960 };        /* pixels across */

static void card(lt_text *t, const char *value, const char *name, bool bad)
{
    lt_text_add(t, "<div class=\"card%s\"><b>%s</b> <span>%s</span></div>", bad ? " bad" : "", value, name);
}

static void card_integer(lt_text *t, int64_t value, const char *name, bool bad)
{
    enum { GROUPED = 6 };            /* digits from which on they stand in threes */
    char text[32], grouped[96] = "";
    if (value < 0) return;
    const int n = snprintf(text, sizeof text, "%" PRId64, value);
    for (int i = 0, at = 0; i < n; i++)
        at += snprintf(grouped + at, sizeof grouped - (size_t)at, i && n >= GROUPED && (n - i) % 3 == 0 ? "&#8239;%c" : "%c", text[i]);
    card(t, grouped, name, bad);
}

static void add_cards(lt_text *t, const lt_report *r)
{
    char text[64];
    lt_text_add(t, "\n<div class=\"cards\">");
    card_integer(t, r->n_videos, r->n_videos == 1 ? "video" : "videos", false);
    card_integer(t, r->frames, r->frames == 1 ? "frame" : "frames", false);
    if (r->frames_before > 0) card_integer(t, r->frames_before, "made earlier", false);
    card_integer(t, r->frames_failed, "frames failed", r->frames_failed > 0);
    if (isfinite(r->seconds)) card(t, lt_seconds_text(r->seconds, text, sizeof text), "this run", false);
    if (isfinite(r->frames_per_s)) {
        snprintf(text, sizeof text, "%.*f", r->frames_per_s < 9.995 ? 2 : 1, r->frames_per_s);
        card(t, text, "frames/s", false);
    }
    card_integer(t, r->n_ranks, r->n_ranks == 1 ? "rank" : "ranks", false);
    lt_text_add(t, "</div>\n");
}

/* The policy has the browser itself refuse whatever is not in the page. */
static void add_head(lt_text *t, const lt_report *r)
{
    lt_text_add(t, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\"/>\n"
                   "<title>");
    lt_text_add_html(t, r->title);
    lt_text_add(t, "</title>\n<style>");
    for (const char *const *piece = lt_html_style; *piece; piece++) lt_text_add(t, "%s", *piece);
    lt_text_add(t, "</style></head>\n<body><main><header><h1>");
    lt_text_add_html(t, r->title);
    lt_text_add(t, "</h1><p><span class=\"s %s\">", r->exit_code == 0 ? "done" : r->exit_code == 75 ? "partial" : "failed");
    lt_text_add_html(t, r->ended);
    lt_text_add(t, "</span> exit code %d</p>", r->exit_code);
    if (r->command) {
        lt_text_add(t, "<code class=\"command\">");
        lt_text_add_html(t, r->command);
        lt_text_add(t, "</code>");
    }
    add_cards(t, r);
    lt_text_add(t, "</header>\n");
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
        lt_text_add(t, "<figure><img alt=\"contact sheet of ");
        lt_text_add_html(t, v->name);
        lt_text_add(t, "\" width=\"%d\" height=\"%d\" src=\"data:image/png;base64,", width, height);
        lt_text_add_base64(t, png, n);
        lt_text_add(t, "\"/><figcaption>");
        lt_text_add_html(t, v->name);
        lt_text_add(t, "</figcaption></figure>\n");
    }
    free(png);
    lt_image_destroy(&small);
    lt_image_destroy(&whole);
}

void lt_html_sheets(lt_text *t, const lt_report *r)
{
    bool any = false;
    for (int i = 0; i < r->n_videos; i++) {
        if (!r->videos[i].sheet) continue;
        if (!any) lt_text_add(t, "<section id=\"sheets\"><h2>Contact sheets</h2>\n");
        any = true;
        add_sheet(t, &r->videos[i]);
    }
    if (any) lt_text_add(t, "</section>\n");
}

lt_status lt_report_html_write(const char *path, const lt_report *report)
{
    lt_status st = LT_OK;
    lt_text t = { 0 };
    add_head(&t, report);
    lt_html_failures(&t, report);
    lt_html_videos(&t, report);
    lt_html_sheets(&t, report);
    lt_html_memory(&t, report);
    lt_html_time(&t, report);
    lt_html_ranks(&t, report);
    lt_html_plan(&t, report);
    lt_html_pairs(&t, "Settings", report->settings, report->n_settings);
    lt_html_pairs(&t, "Versions", report->versions, report->n_versions);
    lt_text_add(&t, "</main></body></html>\n");
    LT_TRY(lt_text_write(&t, path));
done:
    lt_text_free(&t);
    return st;
}
