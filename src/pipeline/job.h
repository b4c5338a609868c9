/* pipeline/job.h -- a job as all ranks know it after set-up.
 *
 * in    settings, inputs, the ranks
 * out   the directory, the videos with their sizes and frame counts, the pieces and what is done of them
 * owns  all of it, until lt_setup_free
 *
 * After set-up every rank holds the same tables, so that a piece or a video is named by its number. */
#ifndef LT_PIPELINE_JOB_H
#define LT_PIPELINE_JOB_H

#include "inputs.h"

#include <longtake/budget.h>
#include <longtake/comm.h>
#include <longtake/ladder.h>
#include <longtake/place.h>
#include <longtake/log.h>
#include <longtake/media.h>
#include <longtake/stop.h>
#include <longtake/store.h>
#include <longtake/task.h>

enum { LT_WHY = 480 };

typedef struct {
    const lt_input *input;
    lt_status       status;          /* below 0: this video is not done, `why` says so */
    char            why[LT_WHY];     /* also where frames may be missing from a damaged file; "" otherwise */
    int             width, height;
    int64_t         n_frames;        /* of the result */
    lt_setting      setting;         /* in which it fits */
    lt_need         need;            /* what that takes */
    lt_finish_config finish;         /* of a task of two steps */
    int64_t         first_piece, n_pieces;      /* in lt_setup.pieces */
    bool            mine;            /* some piece is of this shard */
} lt_setup_video;

typedef struct {
    int      video;
    lt_range range;
    lt_range raw;                    /* of two steps: numbers of the raw maps that are still to be made */
    bool     mine;                   /* of this shard */
    bool     raw_done;
    uint8_t  state;                  /* lt_segment_state */
} lt_setup_piece;

typedef struct {
    const lt_settings *settings;
    lt_settings        settled;      /* where settings are not the user's: with what was given up for memory */
    lt_log            *log;
    lt_comm           *comm;
    lt_stop           *stop;
    const lt_task     *task;
    lt_task_env        env;
    lt_weights        *weights;      /* NULL: the task takes none */
    int64_t            max_res;
    lt_field           fields[LT_TASK_FIELDS];
    int                n_fields;
    lt_place           compute;
    lt_isa             isa;          /* of the CPU's part of the work */
    int                n_threads;
    lt_budget          budget, least;              /* of this rank; of all */
    int64_t            overhead;     /* of device memory that is not ours */
    int64_t            prefetch;     /* frames decoded ahead */
    lt_shard           shard;
    bool               by_segment;
    bool               mixed;        /* ranks or runs of several kinds of device work on this job */
    char               device[LT_PLACE_KIND];      /* the kind of this rank's device */
    lt_inputs          inputs;
    lt_job            *job;
    int64_t            segment_frames;
    lt_setup_video    *videos;       /* [inputs.n] */
    lt_setup_piece    *pieces;       /* [n_pieces], grouped by video, rising */
    int64_t            n_pieces;
    size_t             arena_bytes;  /* the largest of the plans of this shard's videos, and on a GPU the place of halo records */
    size_t             staging_at;   /* that place */
    size_t             reader_at, reader_bytes;      /* the one of decoded frames */
    size_t             host_bytes;   /* likewise: frames, decoder, writer */
    size_t             record_bytes; /* the largest halo record; 0: there are none */
} lt_setup;

/* [collective] Everything up to the first frame. `out` is zeroed first; the borrowed members come from the caller:
 * settings, log, comm, stop. On failure every rank gets a failure. */
LT_NODISCARD lt_status lt_setup_make(const lt_settings *settings, lt_log *log, lt_comm *comm, lt_stop *stop,
                                     lt_setup *out);

void lt_setup_free(lt_setup *setup);

/* What the writer of this job may use; on_commit is left empty. */
lt_writer_opts lt_setup_writer(const lt_setup *setup);

/* Frames decoded ahead. */
int lt_setup_prefetch(const lt_setup *setup);

/* How the videos of this job are decoded. */
lt_media_opts lt_setup_media(const lt_setup *setup);

/* How the videos of a job are cut and who owns what, from its directory alone: what `status` asks. */
typedef struct lt_cut_table lt_cut_table;

LT_NODISCARD lt_status lt_cut_table_make(const lt_job *job, lt_cut_table **out);

/* An lt_cut_fn (longtake/result.h) whose ctx is the table. */
lt_status lt_cut_table_cut(void *table, const char *id, const json_t *video, lt_range **segments, int64_t *n,
                           int **shards);

/* The ids of the job's inputs, in its order; borrowed, [*n]. */
const char *const *lt_cut_table_ids(const lt_cut_table *table, int *n);
int lt_cut_table_shards(const lt_cut_table *table);
void lt_cut_table_destroy(lt_cut_table **table);

#endif
