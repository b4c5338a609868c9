/* longtake/forecast.h -- what a job will hold, write and take, before it runs.
 *
 * in    settings, a device profile or the CPU of this machine
 * out   the ladder for each size of frame, the arena in groups, host and disk bytes, who does what, the work
 * owns  an lt_forecast all of it, until lt_forecast_free
 *
 * Touches no device and needs no weights. Device bytes are exact where frames are (longtake/ladder.h); what a profile says of a device is not. */
#ifndef LONGTAKE_FORECAST_H
#define LONGTAKE_FORECAST_H

#include <longtake/ladder.h>
#include <longtake/profile.h>

enum { LT_FORECAST_DEVICE = 160, LT_FORECAST_WHY = 640, LT_FORECAST_ROWS = 32 };

typedef struct {
    char          *name;             /* path, or "1280x720" */
    lt_media_info  info;
    int64_t        n_frames;         /* 0: not known */
    bool           counted;          /* n_frames is what the index says, or what the user gave; else the header's guess */
    lt_ladder      ladder;
    lt_status      status;           /* below 0: it does not fit, or cannot be read; why */
    char           why[LT_FORECAST_WHY];
} lt_forecast_video;

/* Memory of one use. Rows of kind PART and WORKSPACE share one another's memory and are each the most at once. */
typedef enum { LT_ROW_WEIGHTS, LT_ROW_KEPT, LT_ROW_PART, LT_ROW_WORKSPACE, LT_ROW_BUFFERS, LT_ROW_RING, LT_ROW_STAGING, LT_ROW_READER, LT_ROW_DECODER,
               LT_ROW_OVERHEAD } lt_forecast_kind;
typedef struct {
    lt_forecast_kind kind;
    const char      *name;           /* of the part; "" */
    int64_t          n_bytes;
} lt_forecast_row;

typedef struct {
    int64_t segments, frames, halos; /* halos: segments whose neighbour before is another rank's */
    double  flops;
} lt_forecast_rank;

typedef struct {
    const lt_task *task;
    lt_task_env    env;
    char           device[LT_FORECAST_DEVICE];
    lt_profile     profile;          /* all zero where none was named */
    bool           profiled;
    lt_budget      budget;
    bool           host_limited;     /* budget.host is a limit; else that of another machine, which is not known */
    int64_t        overhead;
    int            n_ranks, n_threads;

    lt_forecast_video *videos;
    int            n_videos, largest;/* largest: whose plan is the arena's; -1: none fits */
    bool           fits;             /* the videos that fit, in one arena */
    void          *plan;             /* of it */
    lt_task_layout layout;
    lt_forecast_row rows[LT_FORECAST_ROWS];
    int            n_rows;
    int64_t        arena, host;      /* of each rank */
    int64_t        streamed_bytes;   /* of weights that are brought layer by layer; 0: they all lie in the arena */
    int64_t        staging_at, reader_at;        /* in the arena: boundary buffers and decoded frames, as large as their rows */

    int64_t        segment_frames, n_segments, n_frames;
    lt_forecast_rank *ranks;         /* [n_ranks] */
    int64_t        halo_bytes;       /* of one record */
    int64_t        result_bytes, segment_bytes, peak_bytes;      /* on disk, before compression; peak: while all of them are there */
    double         flops, seconds;   /* seconds: at the profile's rate, by the rank with most to do; 0: not known */
} lt_forecast;

/* LT_E_MEMORY where nothing of the job fits, with one sentence: *out holds what was tried. Other failures: it may be freed all the same. Borrows s. */
LT_NODISCARD lt_status lt_forecast_make(const lt_settings *s, lt_forecast *out);

void lt_forecast_free(lt_forecast *f);

#endif
