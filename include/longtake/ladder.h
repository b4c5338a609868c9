/* longtake/ladder.h -- what to give up, and in which order, until a job fits its memory.
 *
 * in    a task and its settings, one size of frame, the limits
 * out   the setting that is taken; every one that was passed over, its bytes and why
 * owns  an lt_ladder its table
 *
 * Time before quality. The rungs of the task come first, from the best way of running it to the least memory: smaller micro-batches and tiles, then bands
 * of rows, then weights that are brought layer by layer; on each, fewer frames are decoded ahead where host memory is what is short. None of them changes a bit. Only below the last, and only where
 * `quality` is set, come a lower precision (of --precision auto), a smaller input (--allow size) and a smaller model (--allow model), each
 * again from its best rung down. What the user gave (--micro-batch, --tile, --band, --stream-weights, --prefetch) is kept.
 *
 * A rung that takes no less than one before it is left out.
 *
 * Pure: touches no device and no weights, and says the same in every process; `plan` and `run` both ask here. */
#ifndef LONGTAKE_LADDER_H
#define LONGTAKE_LADDER_H

#include <longtake/budget.h>
#include <longtake/media.h>
#include <longtake/task.h>

/* What a rung may change. Members are as those of lt_settings. */
typedef struct {
    int      model;
    lt_dtype precision;
    int64_t  input_size, micro_batch, tile, band, prefetch;
    bool     stream;                 /* weights are brought layer by layer */
} lt_setting;

typedef struct {
    const lt_task     *task;
    const lt_task_env *env;
    const lt_field    *fields;       /* of the result */
    int                n_fields;
    const char        *name;         /* of the video, for messages */
    lt_media_info      info;         /* of which sizes, bit depth and rotation are read */
    int64_t            decoder_device;   /* bytes of device memory that the decoder takes by itself */
    int                n_threads, ranks; /* of this process; of the job */
    lt_budget          budget;
    int64_t            overhead;     /* *theirs*: what --memory-limit bounds beside budget.device */
    bool               quality;      /* whether what changes bits may be given up */
} lt_ladder_ask;

/* What one setting takes. */
typedef struct {
    int64_t plan;                    /* the task's part of the arena */
    int64_t staging;                 /* halo records on their way between GPUs */
    int64_t reader, decoder;         /* --decoder nvdec: decoded frames; what the decoder takes by itself */
    int64_t device;                  /* all of these */
    int64_t host;
    lt_finish_config finish;         /* of a task of two steps: sizes */
} lt_need;

typedef enum { LT_RUNG_FITS, LT_RUNG_DEVICE, LT_RUNG_HOST, LT_RUNG_POOL } lt_rung_end;

typedef struct {
    lt_setting  setting;
    const char *gives_up;            /* what this rung gives up; "nothing" */
    int         quality;             /* 0: the one asked for; else as lt_ladder_quality counts them */
    lt_need     need;
    lt_rung_end end;                 /* it fits, or which limit it is beyond */
} lt_candidate;

enum { LT_LADDER_MAX = 64 };

typedef struct {
    lt_candidate candidates[LT_LADDER_MAX];
    int          n, chosen;          /* chosen: n - 1, or -1 where none fits */
} lt_ladder;

/* The setting that the user asked for, as far as he did: where `ask` begins. */
lt_setting lt_setting_of(const lt_ladder_ask *ask);

/* The environment with this setting in it; *room holds its settings. */
lt_task_env lt_setting_env(const lt_task_env *env, const lt_setting *setting, lt_settings *room);

/* The same with its model, precision and input size alone: what is left open to the rungs stays so. */
lt_task_env lt_quality_env(const lt_task_env *env, const lt_setting *quality, lt_settings *room);

/* "micro-batch 4, tile 64, band 56" and what else differs, written to `out` [n_bytes], which is returned. */
char *lt_setting_text(const lt_task *task, const lt_setting *setting, char *out, size_t n_bytes);

/* Bytes of one setting. *plan (may be NULL): its plan, the caller's to destroy. LT_E_DATA for a size of frame that the task does not take. */
LT_NODISCARD lt_status lt_setting_need(const lt_ladder_ask *ask, const lt_setting *setting, lt_need *out, void **plan);

/* Walks down. LT_E_MEMORY where nothing fits: one sentence with the least that would do and what may be allowed; *out holds what was tried. */
LT_NODISCARD lt_status lt_ladder_walk(const lt_ladder_ask *ask, lt_ladder *out);

/* Quality i of those that may be taken where `ask.quality` is set, from the one asked for (0) down; false: there is no such. */
bool lt_ladder_quality(const lt_ladder_ask *ask, int i, lt_setting *out);

/* "vits", ... */
const char *lt_model_choice_name(int model);

#endif
