/* longtake/settings.h -- what the user asked for.
 *
 * in    a command line and perhaps a YAML file, read by the table in src/base/settings.c
 * out   lt_settings: one member an option, named as the option with _ for -
 * owns  its strings, from lt_settings_read to lt_settings_free
 *
 * Values are checked one by one here (range, unit, choice); whether they go together is for who uses them. */
#ifndef LONGTAKE_SETTINGS_H
#define LONGTAKE_SETTINGS_H

#include <longtake/log.h>
#include <longtake/option.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    LT_COMMAND_RUN, LT_COMMAND_PLAN, LT_COMMAND_INDEX, LT_COMMAND_STATUS, LT_COMMAND_MERGE, LT_COMMAND_VERIFY, LT_COMMAND_VIEW,
    LT_COMMAND_DOCTOR, LT_COMMAND_MODELS, LT_COMMAND_BENCH, LT_COMMAND_VERSION, LT_COMMAND_HELP, LT_COMMAND_COMPLETION, LT_COMMAND_MANUAL, LT_COMMANDS
} lt_command;

typedef enum {
    LT_TASK_FLOW, LT_TASK_DEPTH, LT_TASK_TRACK, LT_TASK_INPAINT, LT_TASK_PARSE, LT_TASK_FACE, LT_TASK_MAP
} lt_task_kind;

typedef enum { LT_PRESET_BEST, LT_PRESET_FAST } lt_preset;
typedef enum { LT_TYPE_F32, LT_TYPE_F16 } lt_field_type;
typedef enum { LT_MODEL_VITS, LT_MODEL_VITB, LT_MODEL_VITL } lt_model_choice;
typedef enum { LT_PRECISION_AUTO, LT_PRECISION_F32, LT_PRECISION_TF32, LT_PRECISION_BF16, LT_PRECISION_F16 } lt_precision_choice;
typedef enum { LT_NAME_BY_STEM, LT_NAME_BY_PATH } lt_name_by;
typedef enum { LT_DEVICE_AUTO, LT_DEVICE_CPU, LT_DEVICE_CUDA } lt_device_choice;
typedef enum { LT_DECODE_AUTO, LT_DECODE_CPU, LT_DECODE_NVDEC } lt_decoder_choice;
typedef enum { LT_SHARD_BY_AUTO, LT_SHARD_BY_VIDEO, LT_SHARD_BY_SEGMENT } lt_shard_by;
typedef enum { LT_STREAM_AUTO, LT_STREAM_ON, LT_STREAM_OFF } lt_stream_choice;
typedef enum { LT_PROGRESS_AUTO, LT_PROGRESS_BAR, LT_PROGRESS_PLAIN, LT_PROGRESS_JSON, LT_PROGRESS_NONE } lt_progress_kind;
enum { LT_ALLOW_MIXED_DEVICES = 1, LT_ALLOW_SIZE = 2, LT_ALLOW_MODEL = 4 };      /* bits of lt_settings.allow */

enum { LT_SETTINGS_OPTIONS_MAX = 80 };

typedef struct {
    lt_command command;
    lt_log    *log;                  /* where commands write; set by main, borrowed; may be NULL */

    /* positional: run, plan, index VIDEO...; status DIR; merge DIR [VIDEO...]; verify FILE|DIR...; view FILE;
     * models list, models inspect FILE, models check MODEL FILE, models run MODEL */
    lt_strings inputs;

    /* what to do */
    int        task;                 /* lt_task_kind */
    int        preset;               /* lt_preset */
    int64_t    segment_frames;       /* 0: the task's own */

    /* input */
    char      *input_list;           /* file, see lt_settings_inputs; NULL: none */
    double     fps;                  /* 0: every frame */
    int64_t    max_res;              /* pixels of the longer side; 0: as it is, or, where it was not given, the task's own */
    double     start, end;           /* seconds from the first frame's time; end 0: to the end */
    int64_t    frames;               /* at most; 0: all */
    int64_t    prefetch;             /* frames decoded ahead, at least 1 */
    int        decoder;              /* lt_decoder_choice; auto is the CPU */

    /* output */
    char      *out;                  /* job directory; models run: file */
    int        name_by;              /* lt_name_by */
    int        type;                 /* lt_field_type of float fields in the file */
    int64_t    compression;          /* 1 to 12 */
    bool       keep_segments;

    /* network */
    char      *weights;              /* checkpoint, or "synthetic:SEED", for lt_weights_open */
    int        precision;            /* lt_precision_choice */
    int        model;                /* lt_model_choice */
    bool       metric;
    int64_t    input_size;           /* pixels of the shorter side of the model's input */
    int64_t    micro_batch;          /* 0: as the plan finds best */
    int64_t    tile, band;           /* pixels and rows at once, 0: as the plan finds best */
    int        stream_weights;       /* lt_stream_choice; auto: where nothing else fits the memory */
    char      *scratch;              /* directory of what streamed weights are read from on a CPU; NULL: the job's, else TMPDIR */
    int64_t    anchor_frame;         /* of the result */
    lt_size    size;                 /* of the model's input: models run, bench; of the frames: plan */
    char      *input;                /* HDF5 file or "synthetic:SEED": models run */
    bool       probes;               /* models run */

    /* device */
    int        device;               /* lt_device_choice */
    char      *cpu_isa;              /* "auto" or a level, for lt_isa_parse */
    int64_t    threads;              /* 0: this rank's fair share of the cores */
    uint64_t   memory_limit;         /* bytes of device memory; 0: by memory_fraction alone */
    double     memory_fraction;      /* of the device's memory, shared by the ranks on it */
    uint64_t   host_memory_limit;    /* bytes; 0: what the machine and its cgroup allow */
    unsigned   allow;                /* LT_ALLOW_ bits */
    char      *device_profile;       /* a name of configs/devices or a file; NULL: the CPU of this machine */
    int64_t    ranks;                /* of the job: plan */
    bool       profile;              /* doctor: measure, and write a device profile */

    /* fleet */
    char      *shard;                /* "i/N" for lt_shard_parse, "auto", or NULL */
    int        shard_by;             /* lt_shard_by */
    double     peer_timeout;         /* seconds */
    char      *stop_file;            /* NULL: `out`/stop */

    /* result: view, verify, merge, status, index */
    char      *field;                /* NULL: the first field */
    int64_t    frame;
    bool       sheet;
    int64_t    rows;                 /* of the sheet */
    int64_t    width;                /* pixels of the picture; 0: as it is */
    char      *output;               /* file to write; NULL: stdout, or a name made from the input */
    char      *picture;              /* PNG of the arena over time: plan; NULL: none */
    bool       hash, partial;

    /* bench */
    bool       sweep;                /* over sizes, precisions and limits */
    char      *compare;              /* JSON of an earlier bench; NULL: none */

    /* messages */
    char      *trace;                /* file of the timeline; NULL: none */
    double     monitor;              /* seconds between two lines about memory; 0: none */
    bool       json;
    int        progress;             /* lt_progress_kind */
    bool       verbose, quiet;
    char      *config;               /* the YAML file that was read; NULL: none */
    bool       help, version;

    uint8_t    given[LT_SETTINGS_OPTIONS_MAX];   /* see lt_settings_given */
} lt_settings;

/* The table behind all of it: names, defaults, ranges, help. */
const lt_option_table *lt_settings_table(void);

/* All defaults, no inputs. out->log is kept as it is, so it must be set, NULL if need be. */
LT_NODISCARD lt_status lt_settings_defaults(lt_settings *out);

/* Reads argv as main gets it. *ask says whether a command is to be run, or help or version to be shown, of
 * out->command (LT_COMMANDS: of the program). LT_E_USAGE as longtake/option.h says; *out may be freed either way. */
LT_NODISCARD lt_status lt_settings_read(int argc, char *const *argv, lt_settings *out, lt_ask *ask);

/* Whether the user gave the option (command line or YAML), rather than having the default. `name`: "segment-frames". */
bool lt_settings_given(const lt_settings *s, const char *name);

/* The inputs of a job: the positional ones, then those of `input_list`, in their order. The list has one path a
 * line, relative to the list's own folder; what follows a tab is ignored, as are empty lines and lines that begin
 * with #. LT_E_USAGE where the list cannot be read or nothing is named at all. *out is the caller's. */
LT_NODISCARD lt_status lt_settings_inputs(const lt_settings *s, lt_strings *out);

/* Frees the strings; every pointer is NULL afterwards. */
void lt_settings_free(lt_settings *s);

#ifdef __cplusplus
}
#endif
#endif
