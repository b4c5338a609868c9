#include <longtake/metrics.h>

#include "text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void add_sample(lt_text *t, const lt_metric *m)
{
    lt_text_add(t, "%s%s", m->family, m->type == LT_METRIC_COUNTER ? "_total" : "");
    for (int i = 0; i < LT_METRIC_LABELS && m->label[i]; i++) {
        lt_text_add(t, "%s%s=\"", i ? "," : "{", m->label[i]);
        lt_text_add_label(t, m->value[i]);
        lt_text_add(t, "\"");
    }
    lt_text_add(t, "%s %.15g\n", m->label[0] ? "}" : "", m->x);
}

/* `before`: the family of the last sample, so that a family is announced once. */
static void add_samples(lt_text *t, const lt_metric *metrics, int n, const char **before)
{
    for (int i = 0; i < n; i++) {
        const lt_metric *m = &metrics[i];
        if (isnan(m->x)) continue;
        if (!*before || strcmp(*before, m->family)) {
            lt_text_add(t, "# TYPE %s %s\n# HELP %s ", m->family, m->type == LT_METRIC_COUNTER ? "counter" : "gauge", m->family);
            lt_text_add_label(t, m->help);
            lt_text_add(t, "\n");
            *before = m->family;
        }
        add_sample(t, m);
    }
}

lt_status lt_metrics_write(const char *path, const lt_metric *metrics, int n)
{
    lt_status st = LT_OK;
    lt_text t = { 0 };
    const char *before = NULL;
    add_samples(&t, metrics, n, &before);
    lt_text_add(&t, "# EOF\n");
    LT_TRY(lt_text_write(&t, path));
done:
    lt_text_free(&t);
    return st;
}

static double known(int64_t x)
{
    return x < 0 ? NAN : (double)x;
}

static double of_rank(const lt_report_rank *r, int what)
{
    switch (what) {
    case 0: return known(r->frames);
    case 1: return known(r->segments);
    case 2: return r->seconds;
    case 3: return r->wait_seconds;
    case 4: return known(r->planned_bytes);
    case 5: return known(r->observed_bytes);
    case 6: return known(r->host_planned);
    default: return known(r->host_observed);
    }
}

static void add_ranks(lt_text *t, const lt_report *report, const char **before)
{
    static const struct {
        const char    *family, *help;
        lt_metric_type type;
    } kinds[] = {
        { "longtake_frames", "Frames made by a rank in this run", LT_METRIC_COUNTER },
        { "longtake_segments", "Segments committed by a rank in this run", LT_METRIC_COUNTER },
        { "longtake_seconds", "Seconds a rank computed", LT_METRIC_COUNTER },
        { "longtake_wait_seconds", "Seconds a rank waited", LT_METRIC_COUNTER },
        { "longtake_planned_bytes", "Device memory planned", LT_METRIC_GAUGE },
        { "longtake_observed_bytes", "Device memory observed, peak", LT_METRIC_GAUGE },
        { "longtake_host_planned_bytes", "Anonymous and shared host memory planned for a rank", LT_METRIC_GAUGE },
        { "longtake_host_observed_bytes", "Anonymous and shared host memory of a rank observed, peak", LT_METRIC_GAUGE },
    };
    char number[16];
    for (int k = 0; k < (int)(sizeof kinds / sizeof *kinds); k++)
        for (int r = 0; r < report->n_ranks; r++) {
            snprintf(number, sizeof number, "%d", report->ranks[r].rank);
            const char *host = report->ranks[r].host ? report->ranks[r].host : "";
            const lt_metric m = { kinds[k].family, kinds[k].type, kinds[k].help, { "rank", "host" }, { number, host },
                                  of_rank(&report->ranks[r], k) };
            add_samples(t, &m, 1, before);
        }
}

/* What the seconds of the ranks, or their waiting, went to. */
static void add_stages(lt_text *t, const lt_report *report, bool waits, const char **before)
{
    char number[16];
    for (int r = 0; r < report->n_ranks; r++) {
        const lt_report_rank *k = &report->ranks[r];
        snprintf(number, sizeof number, "%d", k->rank);
        for (int i = 0; i < (waits ? k->n_waits : k->n_stages); i++) {
            const lt_report_stage *s = waits ? &k->waits[i] : &k->stages[i];
            const lt_metric m = { waits ? "longtake_waiting_seconds" : "longtake_stage_seconds", LT_METRIC_COUNTER,
                                  waits ? "Seconds a rank waited, by what for" : "Seconds a rank worked, by what at",
                                  { "rank", "host", waits ? "cause" : "stage" }, { number, k->host ? k->host : "", s->name }, s->seconds };
            add_samples(t, &m, 1, before);
        }
    }
}

static void add_videos(lt_text *t, const lt_report *report, const char **before)
{
    static const char *const states[] = { "done", "partial", "failed", "missing" };
    for (int s = 0; s < 4; s++) {
        double n = 0;
        for (int v = 0; v < report->n_videos; v++) n += report->videos[v].state && !strcmp(report->videos[v].state, states[s]);
        const lt_metric m = { "longtake_videos", LT_METRIC_GAUGE, "Videos of the job by state", { "state" }, { states[s] }, n };
        add_samples(t, &m, 1, before);
    }
}

lt_status lt_report_metrics_write(const char *path, const lt_report *report, const lt_metric *more, int n)
{
    lt_status st = LT_OK;
    lt_text t = { 0 };
    const char *before = NULL;
    const lt_metric job[] = {
        { "longtake_job_frames", LT_METRIC_GAUGE, "Frames of the job", { "state" }, { "all" }, known(report->frames) },
        { "longtake_job_frames", LT_METRIC_GAUGE, NULL, { "state" }, { "before" }, known(report->frames_before) },
        { "longtake_job_frames", LT_METRIC_GAUGE, NULL, { "state" }, { "failed" }, known(report->frames_failed) },
        { "longtake_job_seconds", LT_METRIC_GAUGE, "Wall time of this run", { NULL }, { NULL }, report->seconds },
        { "longtake_job_exit_code", LT_METRIC_GAUGE, "Exit code of this run", { NULL }, { NULL }, known(report->exit_code) },
    };
    add_samples(&t, job, (int)(sizeof job / sizeof *job), &before);
    add_videos(&t, report, &before);
    add_ranks(&t, report, &before);
    add_stages(&t, report, false, &before);
    add_stages(&t, report, true, &before);
    add_samples(&t, more, n, &before);
    lt_text_add(&t, "# EOF\n");
    LT_TRY(lt_text_write(&t, path));
done:
    lt_text_free(&t);
    return st;
}
