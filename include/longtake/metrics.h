/* longtake/metrics.h -- what a job did, for machines and for people.
 *
 * in    plain structs
 * out   metrics.prom (OpenMetrics text) and report.html (one file, no scripts, pictures inside)
 * owns  nothing; everything is borrowed for the call
 *
 * Both are written whole or not at all (lt_file_replace); LT_E_STORE otherwise. Unknown numbers are NAN, unknown
 * integers -1; they are left out. All text is escaped. */
#ifndef LONGTAKE_METRICS_H
#define LONGTAKE_METRICS_H

#include <longtake/status.h>

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Source of the text format: OpenMetrics 1.0, section "Text format". */
typedef enum { LT_METRIC_GAUGE, LT_METRIC_COUNTER } lt_metric_type;

enum { LT_METRIC_LABELS = 3 };

/* One sample. Samples of one family follow each other; the family's first one gives type and help. */
typedef struct {
    const char    *family;           /* "longtake_frames"; a counter's sample gets "_total" behind it */
    lt_metric_type type;
    const char    *help;
    const char    *label[LT_METRIC_LABELS];      /* names, e.g. "state"; the first NULL ends them */
    const char    *value[LT_METRIC_LABELS];      /* of the labels */
    double         x;                /* NAN: left out */
} lt_metric;

LT_NODISCARD lt_status lt_metrics_write(const char *path, const lt_metric *metrics, int n);

typedef struct {
    const char *name;
    const char *state;               /* "done", "failed", "missing", "partial" */
    const char *why;                 /* a failure in one sentence; NULL: none */
    const char *result;              /* path of the result as text and link; NULL: none */
    int64_t     frames, frames_failed;
    int         width, height;
    double      seconds;             /* of computation */
    const char *sheet;               /* PNG file shown as a thumbnail; NULL or unreadable: none */
} lt_report_video;

/* Memory of a rank at one moment. */
typedef struct {
    double  seconds;                 /* since the run began */
    int64_t device, host;            /* bytes held; -1: not known */
} lt_report_sample;

/* Seconds of a rank's work, or of its waiting, that went to one thing. */
typedef struct {
    const char *name;                /* "encode", "frames" */
    double      seconds;
} lt_report_stage;

typedef struct {
    int         rank;
    const char *host, *device;
    int64_t     frames, segments;
    double      seconds, wait_seconds;
    int64_t     planned_bytes, observed_bytes;           /* of the device; observed: at most so far */
    int64_t     host_planned, host_observed;
    const lt_report_sample *samples;                     /* rising in time */
    int         n_samples;
    const lt_report_stage *stages, *waits;               /* of `seconds`; beside it */
    int         n_stages, n_waits;
} lt_report_rank;

/* Frames of the result that have no value. */
typedef struct {
    const char *video;
    int64_t     first, last;         /* -1: the whole video */
    const char *why;
} lt_report_failure;

typedef struct {
    const char *name, *value;
} lt_report_pair;

typedef struct {
    const char            *title;        /* e.g. "longtake: flow" */
    const char            *command;      /* as typed; NULL: none */
    const char            *ended;        /* "complete", "stopped: signal TERM", ... */
    int                    exit_code;    /* -1: it runs */
    int64_t                frames, frames_before, frames_failed;     /* total; made by earlier runs; failed */
    double                 seconds;      /* wall, of this run */
    double                 frames_per_s;
    const lt_report_video *videos;
    int                    n_videos;
    const lt_report_rank  *ranks;
    int                    n_ranks;
    const lt_report_failure *failures;
    int                    n_failures;
    int64_t                n_failures_more;      /* that are not listed */
    const char            *plan;         /* the text of `longtake plan` for what was run; NULL: none */
    const lt_report_pair  *settings;
    int                    n_settings;
    const lt_report_pair  *versions;
    int                    n_versions;
} lt_report;

LT_NODISCARD lt_status lt_report_html_write(const char *path, const lt_report *report);

/* metrics.prom of the same: longtake_frames, _segments, _seconds, _wait_seconds, _planned_bytes, _observed_bytes, _host_planned_bytes and _host_observed_bytes by
 * rank, _stage_seconds by rank and stage, _waiting_seconds by rank and cause, frames and videos by state, the exit code; then the n `more` samples as they are. */
LT_NODISCARD lt_status lt_report_metrics_write(const char *path, const lt_report *report, const lt_metric *more, int n);

#ifdef __cplusplus
}
#endif
#endif
